//===- TensorFile.h - A shard of a dense tensor in a file -------*- C++ -*-===//
//
// What .npy and safetensors have in common: a dense, row-major tensor at an
// offset of a file, of which a rank reads or writes its box, and a file that
// all ranks fill together.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_CHECKPOINT_TENSORFILE_H
#define FABRIC_RUNTIME_CHECKPOINT_TENSORFILE_H

#include "runtime/Plan/Plan.h"
#include "runtime/Support/Box.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Status.h"

#include <optional>
#include <span>
#include <string>

namespace fabric::checkpoint {

using plan::DType;
using plan::Shape;

/// Dims of a tensor in a file, at most: NumPy's limit.
inline constexpr size_t maxFileDims = 64;

/// Where a tensor's elements are in a file.
struct TensorRegion {
  DType dtype = DType::F32;
  Shape shape;
  int64_t offset = 0; ///< Bytes from the start of the file.
};

/// Reads the box of the tensor into `shard` (dense, row major). Only the box is
/// read, but for gaps of a few KiB that are cheaper to read than to skip.
Status readBox(const File &file, const TensorRegion &tensor, const Box &box,
               void *shard);

/// Writes `shard` to its box in the file, and nothing else.
Status writeBox(const File &file, const TensorRegion &tensor, const Box &box,
                const void *shard);

/// Converts `count` elements between f32, f64, bf16 and f16 (rounding once, to
/// nearest even), or copies where the dtypes are equal; else an error.
Status convertElements(DType from, const void *source, DType to,
                       void *destination, int64_t count);

/// A file under a temporary name that several ranks, threads or processes, fill
/// together:
///   1. one of them calls create, which writes the header and sets the size;
///   2. after a barrier the others call open;
///   3. each writes its boxes, then calls flush;
///   4. after a barrier, the first calls commit (the file appears under its
///      name, complete) or abandon (nothing is left).
/// Without commit the creator's destructor abandons. Writes are thread safe.
class SharedFile {
public:
  static Expected<SharedFile> create(const std::string &path,
                                     std::span<const std::byte> header,
                                     int64_t fileBytes);
  static Expected<SharedFile> open(const std::string &path,
                                   std::span<const std::byte> header,
                                   int64_t fileBytes);

  const std::string &path() const { return name; }
  Status write(const TensorRegion &tensor, const Box &box,
               const void *shard) const;
  Status flush() const;
  /// Of the creator only. On failure nothing is left.
  Status commit();
  void abandon();

private:
  SharedFile() = default;
  const File &file() const { return owned ? owned->file() : *shared; }

  std::string name;
  std::optional<AtomicFile> owned; ///< The creator's.
  std::optional<File> shared;      ///< Everybody else's.
};

} // namespace fabric::checkpoint

#endif // FABRIC_RUNTIME_CHECKPOINT_TENSORFILE_H
