//===- Safetensors.h - Weights files, read and written by shard -*- C++ -*-===//
//
// The format of https://github.com/huggingface/safetensors: u64 header bytes
// (little endian), JSON header {"name": {"dtype", "shape", "data_offsets"}},
// data. Everything is checked when the file is opened.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_CHECKPOINT_SAFETENSORS_H
#define FABRIC_RUNTIME_CHECKPOINT_SAFETENSORS_H

#include "runtime/Checkpoint/TensorFile.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fabric::checkpoint {

/// Largest header, as in the reference implementation.
inline constexpr int64_t maxSafetensorsHeader = 100'000'000;

struct NamedTensor {
  std::string name;
  DType dtype = DType::F32;
  Shape shape; ///< Global.
};

/// What to do where a file's float dtype is not the one that is asked for.
enum class Conversion {
  None,  ///< It is an error that names tensor, expected and found.
  Float, ///< Convert among f32, f64, bf16, f16.
};

/// An open, validated file. Reads are thread safe.
class SafetensorsReader {
public:
  static Expected<SafetensorsReader> open(const std::string &path);

  const std::string &path() const { return file.path(); }
  /// By name.
  const std::map<std::string, TensorRegion, std::less<>> &tensors() const {
    return entries;
  }
  /// Null where there is none.
  const TensorRegion *find(std::string_view name) const;

  /// Fails unless tensor `name` is there with this shape and dtype. The message
  /// names file, tensor, expected and found.
  Status check(std::string_view name, DType dtype, const Shape &shape,
               Conversion conversion = Conversion::None) const;

  /// Reads the box of tensor `name` as elements of `dtype` into `shard` (dense,
  /// row major). `shape` is the tensor's, or any other view of as many
  /// elements: `box` is a part of that.
  Status readShard(std::string_view name, DType dtype, const Shape &shape,
                   const Box &box, void *shard,
                   Conversion conversion = Conversion::None) const;

private:
  explicit SafetensorsReader(File file) : file(std::move(file)) {}

  File file;
  std::map<std::string, TensorRegion, std::less<>> entries;
};

/// A file that all ranks write together: see SharedFile for who calls what
/// when. All of them pass the same tensors.
class SafetensorsWriter {
public:
  static Expected<SafetensorsWriter>
  create(const std::string &path, const std::vector<NamedTensor> &tensors);
  static Expected<SafetensorsWriter>
  openExisting(const std::string &path,
               const std::vector<NamedTensor> &tensors);

  /// Writes a rank's box of tensor `name`; `shape` as in readShard. Of ranks
  /// that hold the same box one should write: see plan::isFirstHolder.
  Status writeShard(std::string_view name, DType dtype, const Shape &shape,
                    const Box &box, const void *shard) const;
  Status flush() const { return file.flush(); }
  Status commit() { return file.commit(); }
  void abandon() { file.abandon(); }

private:
  SafetensorsWriter(SharedFile file,
                    std::map<std::string, TensorRegion, std::less<>> entries)
      : file(std::move(file)), entries(std::move(entries)) {}

  SharedFile file;
  std::map<std::string, TensorRegion, std::less<>> entries;
};

} // namespace fabric::checkpoint

#endif // FABRIC_RUNTIME_CHECKPOINT_SAFETENSORS_H
