//===- ArraySource.cpp - An input from a .npy file ------------------------===//

#include "runtime/Data/ArraySource.h"

#include "runtime/Checkpoint/Npy.h"

#include <cstring>
#include <limits>
#include <utility>

using namespace fabric;
using namespace fabric::data;
using checkpoint::NpyReader;
using plan::DType;
using plan::Shape;

//===----------------------------------------------------------------------===//
// dtypes
//===----------------------------------------------------------------------===//

static bool isInteger(DType dtype) {
  return dtype == DType::I8 || dtype == DType::I32 || dtype == DType::I64;
}

/// The name that numpy's astype takes.
static const char *numpyName(DType dtype) {
  switch (dtype) {
  case DType::F64:
    return "float64";
  case DType::F16:
    return "float16";
  case DType::I8:
    return "int8";
  case DType::I32:
    return "int32";
  case DType::I64:
    return "int64";
  case DType::Bool:
    return "bool";
  case DType::F32:
  case DType::BF16: // As good as NumPy gets.
    return "float32";
  }
  return "float32";
}

static Status checkDType(DType file, DType input) {
  if (file == input || (isInteger(file) && isInteger(input)) ||
      (file == DType::F32 && input == DType::BF16))
    return Status::success();
  return Status::error("dtype, expected ", plan::toString(input), ", found ",
                       plan::toString(file), ": save it with .astype('",
                       numpyName(input), "')");
}

/// Every integer dtype as int64.
static int64_t loadInteger(DType dtype, const std::byte *data, int64_t index) {
  auto load = [&](auto value) {
    std::memcpy(&value, data + index * sizeof(value), sizeof(value));
    return static_cast<int64_t>(value);
  };
  if (dtype == DType::I8)
    return load(int8_t());
  return dtype == DType::I32 ? load(int32_t()) : load(int64_t());
}

//===----------------------------------------------------------------------===//
// The array's place in the steps
//===----------------------------------------------------------------------===//

namespace {

/// Which part of the array is the global batch of a step.
struct Batches {
  int64_t count = 0; ///< Of global batches.
  /// The dim along which they lie, and elements of one along it.
  int64_t dim = 0, size = 1;
  bool extraDim = false; ///< The array has dim `dim` on top of the input's.

  Box boxOf(int64_t step, Box box) const {
    int64_t offset = step % count * size;
    if (extraDim) {
      box.offsets.insert(box.offsets.begin(), offset);
      box.sizes.insert(box.sizes.begin(), 1);
    } else if (count > 1) {
      box.offsets[static_cast<size_t>(dim)] += offset;
    }
    return box;
  }
};

} // namespace

static Expected<Batches> cutBatches(const Shape &array,
                                    const plan::Input &input,
                                    const std::string &context,
                                    std::vector<std::string> &notes) {
  const Shape &shape = input.shape;
  Batches batches;
  if (array.size() == shape.size() + 1 &&
      std::equal(shape.begin(), shape.end(), array.begin() + 1)) {
    batches.extraDim = true;
    batches.count = array[0];
    if (batches.count == 0)
      return Status::error("array, expected at least one batch, found ",
                           toString(array));
    return batches;
  }
  // A scalar without batches, an input without a batch dim: one fixed value.
  if (array == shape) {
    batches.count = 1;
    return batches;
  }
  bool fits = array.size() == shape.size() && input.batchDim;
  if (fits) {
    batches.dim = *input.batchDim;
    for (size_t dim = 0; dim < shape.size(); ++dim)
      fits &= array[dim] == shape[dim] || std::cmp_equal(dim, batches.dim);
  }
  if (!fits) {
    std::string stacked = toString(shape);
    stacked = shape.empty() ? "[n]" : "[n, " + stacked.substr(1);
    std::string samples = input.batchDim ? " or samples along dim " +
                                               std::to_string(*input.batchDim) +
                                               " of " + toString(shape)
                                         : " or " + toString(shape);
    return Status::error("shape, expected ", stacked, samples, ", found ",
                         toString(array));
  }
  int64_t samples = array[static_cast<size_t>(batches.dim)];
  batches.size = shape[static_cast<size_t>(batches.dim)];
  batches.count = samples / batches.size;
  if (batches.count == 0)
    return Status::error("samples along dim ", batches.dim,
                         ", expected at least one global batch of ",
                         batches.size, ", found ", samples);
  if (int64_t rest = samples % batches.size; rest != 0)
    notes.push_back(context + ": the last " + std::to_string(rest) + " of " +
                    std::to_string(samples) +
                    " samples fill no global batch of " +
                    std::to_string(batches.size) + " and are not used");
  return batches;
}

//===----------------------------------------------------------------------===//
// The source
//===----------------------------------------------------------------------===//

namespace {

class ArraySource : public InputSource {
public:
  ArraySource(NpyReader reader, DType dtype, Batches batches)
      : reader(std::move(reader)), dtype(dtype), batches(batches) {}

  Status read(int64_t step, const Box &box, void *shard) const override {
    Box part = batches.boxOf(step, box);
    if (reader.dtype() == dtype)
      return reader.readShard(part, shard);
    int64_t count = box.numElements();
    std::vector<std::byte> raw(
        static_cast<size_t>(count * plan::byteWidth(reader.dtype())));
    FABRIC_RETURN_IF_ERROR(reader.readShard(part, raw.data()));
    if (!isInteger(dtype))
      return checkpoint::convertElements(reader.dtype(), raw.data(), dtype,
                                         shard, count);
    switch (dtype) {
    case DType::I8:
      return narrow<int8_t>(raw, part, shard);
    case DType::I32:
      return narrow<int32_t>(raw, part, shard);
    default:
      return narrow<int64_t>(raw, part, shard);
    }
  }

private:
  template <typename Integer>
  Status narrow(const std::vector<std::byte> &raw, const Box &part,
                void *shard) const {
    using Limits = std::numeric_limits<Integer>;
    auto *target = static_cast<Integer *>(shard);
    int64_t count = part.numElements();
    for (int64_t i = 0; i < count; ++i) {
      int64_t value = loadInteger(reader.dtype(), raw.data(), i);
      if (value < Limits::min() || value > Limits::max())
        return Status::error(reader.path(), ": element ",
                             toString(indexOf(part, i)), ", expected ",
                             int64_t(Limits::min()), " to ",
                             int64_t(Limits::max()), " for ",
                             plan::toString(dtype), ", found ", value);
      target[i] = static_cast<Integer>(value);
    }
    return Status::success();
  }

  /// The index in the array of element `i` of the box.
  static std::vector<int64_t> indexOf(const Box &box, int64_t i) {
    std::vector<int64_t> index = box.offsets;
    for (size_t dim = index.size(); dim-- > 0; i /= box.sizes[dim])
      index[dim] += i % box.sizes[dim];
    return index;
  }

  NpyReader reader;
  DType dtype;
  Batches batches;
};

} // namespace

Expected<std::unique_ptr<InputSource>>
data::openArraySource(const std::string &path, const plan::Input &input,
                      std::vector<std::string> &notes) {
  FABRIC_ASSIGN_OR_RETURN(NpyReader reader, NpyReader::open(path));
  FABRIC_RETURN_IF_ERROR(checkDType(reader.dtype(), input.dtype).in(path));
  std::string context = "input '" + input.name + "': " + path;
  Expected<Batches> batches = cutBatches(reader.shape(), input, context, notes);
  if (batches.failed())
    return batches.status().in(path);
  return std::unique_ptr<InputSource>(
      std::make_unique<ArraySource>(std::move(reader), input.dtype, *batches));
}
