//===- File.h - Files at offsets, and files that appear whole ---*- C++ -*-===//
//
// File wraps a descriptor: positioned reads and writes, so that threads can
// share one. AtomicFile writes beside the target and renames, so that a reader
// sees the old file or the complete new one, and a failure leaves nothing.
// Every error names the path.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_SUPPORT_FILE_H
#define FABRIC_RUNTIME_SUPPORT_FILE_H

#include "runtime/Support/Status.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fabric {

/// An open file. Movable; closes itself. readAt and writeAt are thread safe.
class File {
public:
  enum class Mode {
    Read,      ///< Must exist and be a regular file.
    Write,     ///< Must exist; opened for reading and writing.
    CreateNew, ///< Must not exist; opened for reading and writing.
    Truncate,  ///< Created, or emptied; opened for reading and writing.
  };
  static Expected<File> open(std::string path, Mode mode);

  File(File &&other) noexcept;
  File &operator=(File &&other) noexcept;
  ~File();

  const std::string &path() const { return name; }
  /// Bytes.
  Expected<int64_t> size() const;
  /// Reads exactly `bytes`; a file that ends earlier is an error.
  Status readAt(int64_t offset, std::span<std::byte> bytes) const;
  Status writeAt(int64_t offset, std::span<const std::byte> bytes) const;
  Status resize(int64_t bytes) const;
  /// Waits until what was written is on the medium.
  Status sync() const;
  /// Closes and reports what the system kept back until now.
  Status close();

private:
  File(std::string path, int descriptor)
      : name(std::move(path)), descriptor(descriptor) {}

  std::string name;
  int descriptor = -1;
};

/// A file that appears under its name only when it is complete. It is written
/// as `temporaryPath` in the same folder; without commit() the destructor
/// removes that. A target that is there and is no regular file (/dev/null) is
/// written in place.
class AtomicFile {
public:
  /// Fails where the target cannot be written: call it before costly work.
  /// `temporaryPath` defaults to a name that no other writer uses; one that
  /// several processes agree on is theirs to keep unique.
  static Expected<AtomicFile> create(const std::string &path,
                                     std::string temporaryPath = "");

  AtomicFile(AtomicFile &&other) noexcept;
  AtomicFile &operator=(AtomicFile &&) = delete;
  ~AtomicFile();

  File &file() { return stream; }
  const File &file() const { return stream; }
  /// Syncs, closes, renames. On failure nothing is left.
  Status commit();

private:
  AtomicFile(std::string target, std::string temporary, File file)
      : target(std::move(target)), temporary(std::move(temporary)),
        stream(std::move(file)) {}

  std::string target;
  std::string temporary; ///< Empty once renamed, and for in-place targets.
  File stream;
};

/// The whole file at once. One of more than `maxBytes`, or than the memory of
/// the machine, is refused before memory is taken.
Expected<std::vector<std::byte>> readFile(const std::string &path,
                                          int64_t maxBytes = INT64_MAX);

/// Bytes of memory and swap of this machine: nothing larger can be allocated,
/// whatever the system promises at first.
int64_t machineMemory();

/// Writes `bytes` through an AtomicFile.
Status writeFileAtomically(const std::string &path,
                           std::span<const std::byte> bytes);
Status writeFileAtomically(const std::string &path, std::string_view text);

} // namespace fabric

#endif // FABRIC_RUNTIME_SUPPORT_FILE_H
