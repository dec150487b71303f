//===- MemoryFile.h - A file that touches no disk ---------------*- C++ -*-===//

#ifndef FABRIC_TEST_FUZZ_MEMORYFILE_H
#define FABRIC_TEST_FUZZ_MEMORYFILE_H

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace fabric::fuzz {

/// A regular file in memory that has a path. Aborts where the system has none,
/// for then nothing would be tested.
class MemoryFile {
public:
  MemoryFile() : descriptor(::memfd_create("fuzz", MFD_CLOEXEC)) {
    if (descriptor < 0)
      std::abort();
  }
  ~MemoryFile() { ::close(descriptor); }
  MemoryFile(const MemoryFile &) = delete;
  MemoryFile &operator=(const MemoryFile &) = delete;

  void fill(const void *data, size_t size) {
    if (::ftruncate(descriptor, 0) != 0 ||
        ::pwrite(descriptor, data, size, 0) != static_cast<ssize_t>(size))
      std::abort();
  }
  std::string path() const {
    return "/proc/self/fd/" + std::to_string(descriptor);
  }

private:
  int descriptor;
};

} // namespace fabric::fuzz

#endif // FABRIC_TEST_FUZZ_MEMORYFILE_H
