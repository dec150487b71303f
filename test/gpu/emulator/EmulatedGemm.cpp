//===- EmulatedGemm.cpp - Products on an emulated GPU ---------------------===//

#include "runtime/Plan/Scratch.h"
#include "runtime/Support/Float.h"
#include "test/gpu/emulator/EmulatedDevice.h"

#include <cstring>

namespace fabric::emulator {
namespace {

using kernels::GemmDesc;
using kernels::MatrixLayout;
using plan::DType;

template <typename T> T load(const std::byte *base, int64_t index) {
  T element;
  std::memcpy(&element, base + index * static_cast<int64_t>(sizeof(T)),
              sizeof(T));
  return element;
}
template <typename T> void store(std::byte *base, int64_t index, double value) {
  T element = convertFloat<T>(value);
  std::memcpy(base + index * static_cast<int64_t>(sizeof(T)), &element,
              sizeof(T));
}

double read(DType dtype, const std::byte *base, int64_t index) {
  switch (dtype) {
  case DType::F64:
    return load<double>(base, index);
  case DType::F32:
    return load<float>(base, index);
  case DType::BF16:
    return toDouble(load<BFloat16>(base, index));
  default:
    return toDouble(load<Float16>(base, index));
  }
}
void write(DType dtype, std::byte *base, int64_t index, double value) {
  switch (dtype) {
  case DType::F64:
    return store<double>(base, index, value);
  case DType::F32:
    return store<float>(base, index, value);
  case DType::BF16:
    return store<BFloat16>(base, index, value);
  default:
    return store<Float16>(base, index, value);
  }
}

class EmulatedGemm final : public kernels::Gemm {
public:
  EmulatedGemm(const GemmDesc &desc, EmulatedStream &stream)
      : desc(desc), stream(stream) {}

  /// All that a library may want. Its contents do not last.
  int64_t scratchBytes() const override { return plan::productScratchBytes; }

  Status run(const void *a, const void *b, const void *bias, void *c,
             void *scratch) override {
    if (!desc.bias)
      bias = nullptr;
    for (const void *operand : {a, b, bias, static_cast<const void *>(c)})
      if (reinterpret_cast<int64_t>(operand) % desc.alignment != 0)
        return Status::error("an operand is not aligned to ", desc.alignment,
                             " bytes");
    return stream.give([=, desc = desc, &memory = stream.processor->memory] {
      return compute(desc, memory, a, b, bias, c, scratch);
    });
  }

private:
  /// Bytes from the first element to the last.
  static int64_t extent(DType dtype, const MatrixLayout &matrix, int64_t batch,
                        int64_t rows, int64_t columns) {
    if (matrix.transposed)
      std::swap(rows, columns);
    if (batch == 0 || rows == 0 || columns == 0)
      return 0;
    return plan::byteWidth(dtype) * ((batch - 1) * matrix.batchStride +
                                     (rows - 1) * matrix.leading + columns);
  }

  /// op(matrix), dense.
  static std::vector<double> gather(DType dtype, const std::byte *base,
                                    const MatrixLayout &matrix, int64_t batch,
                                    int64_t rows, int64_t columns) {
    std::vector<double> dense;
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j)
        dense.push_back(read(dtype, base,
                             batch * matrix.batchStride +
                                 (matrix.transposed ? j * matrix.leading + i
                                                    : i * matrix.leading + j)));
    return dense;
  }

  static Status compute(const GemmDesc &desc, DeviceMemory &memory,
                        const void *a, const void *b, const void *bias, void *c,
                        void *scratch) {
    auto [m, n, k] = std::array{desc.m, desc.n, desc.k};
    FABRIC_ASSIGN_OR_RETURN(std::byte * used,
                            memory.locate(scratch, plan::productScratchBytes));
    std::memset(used, 0xff, 1024);
    std::memset(used + plan::productScratchBytes - 1024, 0xff, 1024);
    FABRIC_ASSIGN_OR_RETURN(
        std::byte * left,
        memory.locate(a, extent(desc.input, desc.a, desc.batch, m, k)));
    FABRIC_ASSIGN_OR_RETURN(
        std::byte * right,
        memory.locate(b, extent(desc.input, desc.b, desc.batch, k, n)));
    FABRIC_ASSIGN_OR_RETURN(
        std::byte * result,
        memory.locate(c, extent(desc.output, desc.c, desc.batch, m, n)));
    std::vector<double> start(static_cast<size_t>(n));
    if (bias) {
      FABRIC_ASSIGN_OR_RETURN(
          std::byte * row,
          memory.locate(bias, n * plan::byteWidth(*desc.bias)));
      for (int64_t j = 0; j < n; ++j)
        start[j] = read(*desc.bias, row, j);
    }
    for (int64_t batch = 0; batch < desc.batch; ++batch) {
      std::vector<double> x = gather(desc.input, left, desc.a, batch, m, k);
      std::vector<double> y = gather(desc.input, right, desc.b, batch, k, n);
      for (int64_t i = 0; i < m; ++i) {
        std::vector<double> sums = start;
        for (int64_t l = 0; l < k; ++l)
          for (int64_t j = 0; j < n; ++j)
            sums[j] += x[i * k + l] * y[l * n + j];
        for (int64_t j = 0; j < n; ++j) {
          int64_t place = batch * desc.c.batchStride + i * desc.c.leading + j;
          double before =
              desc.accumulate ? read(desc.output, result, place) : 0;
          write(desc.output, result, place, before + sums[j]);
        }
      }
    }
    return Status::success();
  }

  GemmDesc desc;
  EmulatedStream &stream;
};

} // namespace

Expected<std::unique_ptr<kernels::Gemm>>
createEmulatedGemm(const GemmDesc &desc, EmulatedStream &stream) {
  FABRIC_RETURN_IF_ERROR(kernels::checkGemm(desc));
  FABRIC_RETURN_IF_ERROR(kernels::checkOffered(desc, "cuda"));
  return std::unique_ptr<kernels::Gemm>(
      std::make_unique<EmulatedGemm>(desc, stream));
}

} // namespace fabric::emulator
