//===- File.cpp - Files at offsets, and files that appear whole -----------===//

#include "runtime/Support/File.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <memory>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

using namespace fabric;

static Status systemError(const std::string &path, const char *what) {
  int code = errno;
  return Status::error(path, ": cannot ", what, ": ", std::strerror(code));
}

//===----------------------------------------------------------------------===//
// File
//===----------------------------------------------------------------------===//

Expected<File> File::open(std::string path, Mode mode) {
  int flags = O_CLOEXEC;
  switch (mode) {
  case Mode::Read:
    // Without O_NONBLOCK, a pipe without a writer would wait for ever.
    flags |= O_RDONLY | O_NONBLOCK;
    break;
  case Mode::Write:
    flags |= O_RDWR;
    break;
  case Mode::CreateNew:
    flags |= O_RDWR | O_CREAT | O_EXCL;
    break;
  case Mode::Truncate:
    flags |= O_RDWR | O_CREAT | O_TRUNC;
    break;
  }
  int descriptor;
  do
    descriptor = ::open(path.c_str(), flags, 0666);
  while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0)
    return systemError(path, mode == Mode::Read ? "read" : "write");
  File file(std::move(path), descriptor);
  if (mode == Mode::Read) {
    struct stat info;
    if (::fstat(descriptor, &info) != 0)
      return systemError(file.name, "read");
    if (!S_ISREG(info.st_mode))
      return Status::error(file.name, ": cannot read: not a regular file");
  }
  return file;
}

File::File(File &&other) noexcept
    : name(std::move(other.name)),
      descriptor(std::exchange(other.descriptor, -1)) {}

File &File::operator=(File &&other) noexcept {
  std::swap(name, other.name);
  std::swap(descriptor, other.descriptor);
  return *this;
}

File::~File() {
  if (descriptor >= 0)
    ::close(descriptor);
}

Expected<int64_t> File::size() const {
  struct stat info;
  if (::fstat(descriptor, &info) != 0)
    return systemError(name, "read");
  return static_cast<int64_t>(info.st_size);
}

Status File::readAt(int64_t offset, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    ssize_t count = ::pread(descriptor, bytes.data(), bytes.size(), offset);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return systemError(name, "read");
    if (count == 0)
      return Status::error(name, ": file, expected ", bytes.size(),
                           " more bytes at offset ", offset, ", found its end");
    offset += count;
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return Status::success();
}

Status File::writeAt(int64_t offset, std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    ssize_t count = ::pwrite(descriptor, bytes.data(), bytes.size(), offset);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return systemError(name, "write");
    offset += count;
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return Status::success();
}

Status File::resize(int64_t bytes) const {
  while (::ftruncate(descriptor, bytes) != 0)
    if (errno != EINTR)
      return systemError(name, "write");
  return Status::success();
}

Status File::sync() const {
  // Pipes and devices have nothing to sync.
  if (::fsync(descriptor) != 0 && errno != EINVAL && errno != EROFS)
    return systemError(name, "write");
  return Status::success();
}

Status File::close() {
  if (::close(std::exchange(descriptor, -1)) != 0 && errno != EINTR)
    return systemError(name, "write");
  return Status::success();
}

//===----------------------------------------------------------------------===//
// AtomicFile
//===----------------------------------------------------------------------===//

Expected<AtomicFile> AtomicFile::create(const std::string &path,
                                        std::string temporaryPath) {
  std::string target = path;
  struct stat info;
  if (::stat(path.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode))
      return Status::error(path, ": cannot write: is a directory");
    if (!S_ISREG(info.st_mode)) {
      FABRIC_ASSIGN_OR_RETURN(File file, File::open(path, File::Mode::Write));
      return AtomicFile(path, "", std::move(file));
    }
    if (::access(path.c_str(), W_OK) != 0)
      return systemError(path, "write");
    // A link stays a link: replace what it points to.
    std::unique_ptr<char, decltype(&std::free)> resolved(
        ::realpath(path.c_str(), nullptr), &std::free);
    if (resolved)
      target = resolved.get();
  }
  File::Mode mode = File::Mode::Truncate;
  if (temporaryPath.empty()) {
    static std::atomic<unsigned> counter = 0;
    temporaryPath = target + ".tmp-" + std::to_string(::getpid()) + "-" +
                    std::to_string(counter++);
    mode = File::Mode::CreateNew;
  }
  Expected<File> file = File::open(temporaryPath, mode);
  if (file.failed()) // The user knows the target, not the temporary.
    return systemError(path, "write");
  return AtomicFile(std::move(target), std::move(temporaryPath),
                    std::move(*file));
}

AtomicFile::AtomicFile(AtomicFile &&other) noexcept
    : target(std::move(other.target)),
      temporary(std::exchange(other.temporary, "")),
      stream(std::move(other.stream)) {}

AtomicFile::~AtomicFile() {
  if (!temporary.empty())
    ::unlink(temporary.c_str());
}

Status AtomicFile::commit() {
  FABRIC_RETURN_IF_ERROR(stream.sync());
  FABRIC_RETURN_IF_ERROR(stream.close());
  if (temporary.empty())
    return Status::success();
  if (::rename(temporary.c_str(), target.c_str()) != 0)
    return systemError(target, "write");
  temporary.clear();
  return Status::success();
}

//===----------------------------------------------------------------------===//
// Whole files
//===----------------------------------------------------------------------===//

int64_t fabric::machineMemory() {
  struct sysinfo info;
  uint64_t bytes;
  if (::sysinfo(&info) != 0 ||
      __builtin_mul_overflow(info.totalram + info.totalswap, info.mem_unit,
                             &bytes) ||
      bytes > std::numeric_limits<int64_t>::max())
    return std::numeric_limits<int64_t>::max();
  return static_cast<int64_t>(bytes);
}

Expected<std::vector<std::byte>> fabric::readFile(const std::string &path,
                                                  int64_t maxBytes) {
  FABRIC_ASSIGN_OR_RETURN(File file, File::open(path, File::Mode::Read));
  FABRIC_ASSIGN_OR_RETURN(int64_t size, file.size());
  int64_t limit = std::min(maxBytes, machineMemory());
  if (size > limit)
    return Status::error(path, ": size, expected at most ", limit,
                         " bytes, found ", size);
  std::vector<std::byte> bytes(static_cast<size_t>(size));
  FABRIC_RETURN_IF_ERROR(file.readAt(0, bytes));
  return bytes;
}

Status fabric::writeFileAtomically(const std::string &path,
                                   std::span<const std::byte> bytes) {
  FABRIC_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  FABRIC_RETURN_IF_ERROR(file.file().writeAt(0, bytes));
  return file.commit();
}

Status fabric::writeFileAtomically(const std::string &path,
                                   std::string_view text) {
  return writeFileAtomically(
      path, std::as_bytes(std::span(text.data(), text.size())));
}
