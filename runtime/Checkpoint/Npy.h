//===- Npy.h - NumPy arrays, read and written by shard ----------*- C++ -*-===//
//
// Format versions 1, 2 (and 3, which only changes the header's encoding) of
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, with
// dtypes <f4 <f8 <f2 <i4 <i8 |i1 |b1, in C order.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_CHECKPOINT_NPY_H
#define FABRIC_RUNTIME_CHECKPOINT_NPY_H

#include "runtime/Checkpoint/TensorFile.h"

#include <string>

namespace fabric::checkpoint {

/// An open, validated file. Reads are thread safe.
class NpyReader {
public:
  static Expected<NpyReader> open(const std::string &path);

  const std::string &path() const { return file.path(); }
  DType dtype() const { return array.dtype; }
  const Shape &shape() const { return array.shape; }

  /// Reads the box of the array into `shard` (dense, row major, the file's
  /// dtype).
  Status readShard(const Box &box, void *shard) const;

private:
  NpyReader(File file, TensorRegion array)
      : file(std::move(file)), array(std::move(array)) {}

  File file;
  TensorRegion array;
};

/// A file that all ranks write together: see SharedFile for who calls what
/// when. NumPy has no bf16: write f32 (convertElements).
class NpyWriter {
public:
  static Expected<NpyWriter> create(const std::string &path, DType dtype,
                                    const Shape &shape);
  static Expected<NpyWriter> openExisting(const std::string &path, DType dtype,
                                          const Shape &shape);

  /// Writes a rank's box (dense, row major, the file's dtype).
  Status writeShard(const Box &box, const void *shard) const;
  Status flush() const { return file.flush(); }
  Status commit() { return file.commit(); }
  void abandon() { file.abandon(); }

private:
  NpyWriter(SharedFile file, TensorRegion array)
      : file(std::move(file)), array(std::move(array)) {}

  SharedFile file;
  TensorRegion array;
};

} // namespace fabric::checkpoint

#endif // FABRIC_RUNTIME_CHECKPOINT_NPY_H
