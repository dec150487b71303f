//===- TensorFile.cpp - A shard of a dense tensor in a file ---------------===//

#include "runtime/Checkpoint/TensorFile.h"

#include "runtime/Support/Float.h"

#include <algorithm>
#include <cstring>
#include <vector>

using namespace fabric;
using namespace fabric::checkpoint;

//===----------------------------------------------------------------------===//
// Boxes
//===----------------------------------------------------------------------===//

/// Bytes between two runs that are cheaper to read than a call is.
static constexpr int64_t smallGap = 4096;
/// Bytes of the buffer through which runs with small gaps are read.
static constexpr int64_t windowBytes = 1 << 20;

Status checkpoint::readBox(const File &file, const TensorRegion &tensor,
                           const Box &box, void *shard) {
  FABRIC_RETURN_IF_ERROR(checkBox(box, tensor.shape).in(file.path()));
  int64_t width = plan::byteWidth(tensor.dtype);
  auto *target = static_cast<std::byte *>(shard);
  BoxRuns runs(tensor.shape, box);
  int64_t runBytes = runs.length() * width;
  std::vector<std::byte> window;

  while (!runs.done()) {
    // The runs from here whose gaps are small and that fit in one window.
    int64_t begin = runs.global(), end = begin + runs.length();
    BoxRuns last = runs;
    int64_t count = 1;
    for (last.next(); !last.done(); last.next(), ++count) {
      if ((last.global() - end) * width > smallGap ||
          (last.global() + last.length() - begin) * width > windowBytes)
        break;
      end = last.global() + last.length();
    }
    int64_t fileOffset = tensor.offset + begin * width;
    if (count == 1) {
      FABRIC_RETURN_IF_ERROR(
          file.readAt(fileOffset, {target + runs.local() * width,
                                   static_cast<size_t>(runBytes)}));
      runs.next();
      continue;
    }
    window.resize(static_cast<size_t>((end - begin) * width));
    FABRIC_RETURN_IF_ERROR(file.readAt(fileOffset, window));
    for (; count > 0; --count, runs.next())
      std::memcpy(target + runs.local() * width,
                  window.data() + (runs.global() - begin) * width,
                  static_cast<size_t>(runBytes));
  }
  return Status::success();
}

Status checkpoint::writeBox(const File &file, const TensorRegion &tensor,
                            const Box &box, const void *shard) {
  FABRIC_RETURN_IF_ERROR(checkBox(box, tensor.shape).in(file.path()));
  int64_t width = plan::byteWidth(tensor.dtype);
  const auto *source = static_cast<const std::byte *>(shard);
  for (BoxRuns runs(tensor.shape, box); !runs.done(); runs.next())
    FABRIC_RETURN_IF_ERROR(
        file.writeAt(tensor.offset + runs.global() * width,
                     {source + runs.local() * width,
                      static_cast<size_t>(runs.length() * width)}));
  return Status::success();
}

//===----------------------------------------------------------------------===//
// Conversion
//===----------------------------------------------------------------------===//

template <typename From, typename To>
static Status convertAs(const void *source, void *destination, int64_t count) {
  const auto *from = static_cast<const From *>(source);
  std::transform(from, from + count, static_cast<To *>(destination),
                 [](From value) { return convertFloat<To>(toDouble(value)); });
  return Status::success();
}

template <typename From>
static Status convertFrom(const void *source, DType to, void *destination,
                          int64_t count) {
  switch (to) {
  case DType::F32:
    return convertAs<From, float>(source, destination, count);
  case DType::F64:
    return convertAs<From, double>(source, destination, count);
  case DType::BF16:
    return convertAs<From, BFloat16>(source, destination, count);
  case DType::F16:
    return convertAs<From, Float16>(source, destination, count);
  default:
    return Status::error("conversion, expected a float dtype, found ",
                         plan::toString(to));
  }
}

Status checkpoint::convertElements(DType from, const void *source, DType to,
                                   void *destination, int64_t count) {
  if (from == to) {
    std::memcpy(destination, source,
                static_cast<size_t>(count * plan::byteWidth(from)));
    return Status::success();
  }
  switch (from) {
  case DType::F32:
    return convertFrom<float>(source, to, destination, count);
  case DType::F64:
    return convertFrom<double>(source, to, destination, count);
  case DType::BF16:
    return convertFrom<BFloat16>(source, to, destination, count);
  case DType::F16:
    return convertFrom<Float16>(source, to, destination, count);
  default:
    return Status::error("conversion, expected a float dtype, found ",
                         plan::toString(from));
  }
}

//===----------------------------------------------------------------------===//
// SharedFile
//===----------------------------------------------------------------------===//

/// All ranks must find it, so it follows from the target.
static std::string temporaryPathOf(const std::string &path) {
  return path + ".partial";
}

Expected<SharedFile> SharedFile::create(const std::string &path,
                                        std::span<const std::byte> header,
                                        int64_t fileBytes) {
  FABRIC_ASSIGN_OR_RETURN(AtomicFile file,
                          AtomicFile::create(path, temporaryPathOf(path)));
  FABRIC_RETURN_IF_ERROR(file.file().resize(fileBytes).in(path));
  FABRIC_RETURN_IF_ERROR(file.file().writeAt(0, header));
  SharedFile result;
  result.name = path;
  result.owned.emplace(std::move(file));
  return result;
}

Expected<SharedFile> SharedFile::open(const std::string &path,
                                      std::span<const std::byte> header,
                                      int64_t fileBytes) {
  FABRIC_ASSIGN_OR_RETURN(File file,
                          File::open(temporaryPathOf(path), File::Mode::Write));
  // A file system that ranks do not share, or a file of another run.
  FABRIC_ASSIGN_OR_RETURN(int64_t size, file.size());
  std::vector<std::byte> found(header.size());
  if (size == fileBytes)
    FABRIC_RETURN_IF_ERROR(file.readAt(0, found));
  if (size != fileBytes ||
      !std::equal(found.begin(), found.end(), header.begin()))
    return Status::error(file.path(),
                         ": header, expected the first rank's, found another: "
                         "all ranks need one file system and the same plan");
  SharedFile result;
  result.name = path;
  result.shared.emplace(std::move(file));
  return result;
}

Status SharedFile::write(const TensorRegion &tensor, const Box &box,
                         const void *shard) const {
  return writeBox(file(), tensor, box, shard);
}

Status SharedFile::flush() const { return file().sync(); }

Status SharedFile::commit() {
  if (!owned)
    return Status::error(name, ": only the rank that created it can commit it");
  Status status = owned->commit();
  abandon();
  return status;
}

void SharedFile::abandon() { owned.reset(); }
