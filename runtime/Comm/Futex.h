//===- Futex.h - Threads that sleep on a number -----------------*- C++ -*-===//
//
// Linux's own way to block, for meetings whose state is one atomic number: who
// comes last wakes all others with one call, and they wake without a lock to
// queue for. (std::atomic::wait has no timeout, and spins first.)
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_COMM_FUTEX_H
#define FABRIC_RUNTIME_COMM_FUTEX_H

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace fabric::comm {

/// Sleeps while `word` holds `value`, until futexWakeAll(), or `timeout`. May
/// return early: the caller looks again.
void futexWait(const std::atomic<uint32_t> &word, uint32_t value,
               std::optional<std::chrono::nanoseconds> timeout = std::nullopt);

void futexWakeAll(const std::atomic<uint32_t> &word);

} // namespace fabric::comm

#endif // FABRIC_RUNTIME_COMM_FUTEX_H
