//===- Futex.cpp - Threads that sleep on a number -------------------------===//

#include "runtime/Comm/Futex.h"

#include <climits>
#include <ctime>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace fabric::comm {

static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t) &&
              std::atomic<uint32_t>::is_always_lock_free);

void futexWait(const std::atomic<uint32_t> &word, uint32_t value,
               std::optional<std::chrono::nanoseconds> timeout) {
  timespec until = {};
  if (timeout) {
    until.tv_sec = static_cast<time_t>(timeout->count() / 1'000'000'000);
    until.tv_nsec = static_cast<long>(timeout->count() % 1'000'000'000);
  }
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value,
          timeout ? &until : nullptr, nullptr, 0);
}

void futexWakeAll(const std::atomic<uint32_t> &word) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

} // namespace fabric::comm
