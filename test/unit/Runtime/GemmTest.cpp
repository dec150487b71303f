//===- GemmTest.cpp - Products against plain loops ------------------------===//

#include "TestDevices.h"

#include "runtime/Plan/Offers.h"
#include "runtime/Support/Float.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <vector>

using namespace fabric;
using namespace fabric::kernels;

namespace {

/// A typed buffer whose elements are read and written as doubles.
class Matrix {
public:
  Matrix(DType dtype, int64_t count)
      : dtype(dtype), bytes(count * plan::byteWidth(dtype)) {}
  void set(int64_t i, double value) {
    switch (dtype) {
    case DType::F32:
      return put(i, static_cast<float>(value));
    case DType::F64:
      return put(i, value);
    case DType::F16:
      return put(i, convertFloat<Float16>(value));
    default:
      return put(i, convertFloat<BFloat16>(value));
    }
  }
  double at(int64_t i) const {
    switch (dtype) {
    case DType::F32:
      return get<float>(i);
    case DType::F64:
      return get<double>(i);
    case DType::F16:
      return toDouble(get<Float16>(i));
    default:
      return toDouble(get<BFloat16>(i));
    }
  }
  void *data() { return bytes.data(); }
  int64_t size() const { return static_cast<int64_t>(bytes.size()); }
  int64_t count() const {
    return static_cast<int64_t>(bytes.size()) / plan::byteWidth(dtype);
  }

private:
  template <typename T> void put(int64_t i, T value) {
    std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
  }
  template <typename T> T get(int64_t i) const {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    return value;
  }
  DType dtype;
  std::vector<std::byte> bytes;
};

int64_t extent(const MatrixLayout &layout, int64_t batch, int64_t rows,
               int64_t columns) {
  if (layout.transposed)
    std::swap(rows, columns);
  return layout.batchStride * (batch - 1) + layout.leading * rows;
}

int64_t indexIn(const MatrixLayout &layout, int64_t i, int64_t row,
                int64_t column) {
  if (layout.transposed)
    std::swap(row, column);
  return i * layout.batchStride + row * layout.leading + column;
}

/// Lays out `rows` x `columns` matrices with `gap` unused elements a row.
MatrixLayout layoutOf(bool transposed, int64_t rows, int64_t columns,
                      int64_t gap, bool shared) {
  if (transposed)
    std::swap(rows, columns);
  int64_t leading = columns + gap;
  return {transposed, leading, shared ? 0 : rows * leading + gap};
}

void fill(Matrix &matrix, int seed) {
  for (int64_t i = 0; i < matrix.count(); ++i)
    matrix.set(i, std::sin(0.7 * static_cast<double>(i) + seed));
}

class GemmConformance : public test::OnEveryDevice {
protected:
  void SetUp() override {
    OnEveryDevice::SetUp();
    setThreadsOfRank(1);
  }
  std::unique_ptr<Gemm> prepare(const GemmDesc &desc) {
    auto gemm = device->createGemm(desc, *stream);
    EXPECT_TRUE(gemm.ok()) << gemm.message();
    return gemm.ok() ? std::move(*gemm) : nullptr;
  }
  /// On the device, and back.
  void run(Gemm &gemm, Matrix &a, Matrix &b, Matrix &bias, Matrix &c);
  void checkProduct(GemmDesc desc);
};

void GemmConformance::run(Gemm &gemm, Matrix &a, Matrix &b, Matrix &bias,
                          Matrix &c) {
  auto onA = upload(a.data(), a.size()), onB = upload(b.data(), b.size()),
       onBias = upload(bias.data(), bias.size()),
       onC = upload(c.data(), c.size());
  auto scratch = device->allocate(gemm.scratchBytes(), 256);
  ASSERT_TRUE(scratch.ok());
  Status status = gemm.run(onA->data(), onB->data(), onBias->data(),
                           onC->data(), (*scratch)->data());
  ASSERT_TRUE(status.ok()) << status.message();
  download(c.data(), *onC, c.size());
}

void GemmConformance::checkProduct(GemmDesc desc) {
  desc.alignment = 16;
  Matrix a(desc.input, extent(desc.a, desc.batch, desc.m, desc.k) + 1);
  Matrix b(desc.input, extent(desc.b, desc.batch, desc.k, desc.n) + 1);
  Matrix c(desc.output, extent(desc.c, desc.batch, desc.m, desc.n) + 1);
  Matrix bias(desc.bias.value_or(DType::F32), desc.n + 1);
  fill(a, 1);
  fill(b, 2);
  fill(c, 3);
  fill(bias, 4);

  std::vector<double> expected(c.count());
  for (int64_t i = 0; i < c.count(); ++i)
    expected[i] = c.at(i);
  for (int64_t i = 0; i < desc.batch; ++i)
    for (int64_t row = 0; row < desc.m; ++row)
      for (int64_t column = 0; column < desc.n; ++column) {
        double &sum = expected[indexIn(desc.c, i, row, column)];
        if (!desc.accumulate)
          sum = 0;
        if (desc.bias)
          sum += bias.at(column);
        for (int64_t k = 0; k < desc.k; ++k)
          sum += a.at(indexIn(desc.a, i, row, k)) *
                 b.at(indexIn(desc.b, i, k, column));
      }

  std::unique_ptr<Gemm> gemm = prepare(desc);
  ASSERT_TRUE(gemm);
  run(*gemm, a, b, bias, c);
  double tolerance = desc.output == DType::F64   ? 1e-13
                     : desc.output == DType::F32 ? 1e-5
                     : desc.output == DType::F16 ? 1.0 / 1024
                                                 : 1.0 / 128;
  for (int64_t i = 0; i < c.count(); ++i)
    ASSERT_NEAR(c.at(i), expected[i],
                tolerance * (1 + std::fabs(expected[i])) *
                    std::sqrt(desc.k + 1.0))
        << plan::toString(desc.input) << " " << desc.batch << " x " << desc.m
        << " x " << desc.n << " x " << desc.k << ", a " << desc.a.transposed
        << " b " << desc.b.transposed << " bias " << desc.bias.has_value()
        << " accumulate " << desc.accumulate << " element " << i;
}

struct Types {
  DType input, output;
  std::optional<DType> bias;
};

/// All that the device's target offers, without and with a bias.
std::vector<Types> typesOf(bool onCuda) {
  std::vector<Types> types;
  for (const plan::OfferedProduct &offered :
       plan::offersOf(onCuda ? "cuda" : "cpu").products)
    for (auto bias : {std::optional<DType>(), std::optional(offered.output)})
      types.push_back({offered.input, offered.output, bias});
  return types;
}

struct Size {
  int64_t batch, m, n, k;
};

TEST_P(GemmConformance, EveryLayoutOfEveryDType) {
  for (const Types &types : typesOf(onCuda()))
    for (const Size &size : {Size{1, 5, 7, 3}, Size{1, 33, 17, 65},
                             Size{3, 4, 9, 5}, Size{1, 64, 64, 64}})
      for (int flags = 0; flags < 16; ++flags) {
        bool ta = flags & 1, tb = flags & 2, accumulate = flags & 4;
        int64_t gap = flags & 8 ? 3 : 0;
        GemmDesc desc{types.input, types.output, types.bias, accumulate,
                      size.batch,  size.m,       size.n,     size.k,
                      {},          {},           {}};
        desc.a = layoutOf(ta, size.m, size.k, gap, false);
        desc.b = layoutOf(tb, size.k, size.n, gap, false);
        desc.c = layoutOf(false, size.m, size.n, gap, false);
        checkProduct(desc);
      }
}

TEST_P(GemmConformance, SizesOfOneAndOfNothing) {
  for (const Types &types : typesOf(onCuda()))
    // An empty product is refused where a library would make it.
    for (int shape = 0; shape < (onCuda() ? 8 : 16); ++shape)
      for (bool accumulate : {false, true}) {
        Size size{1, shape & 1 ? 1 : 6, shape & 2 ? 1 : 5, shape & 4 ? 1 : 7};
        if (shape & 8)
          size = {shape & 1 ? 2 : 1, shape & 2 ? 0 : 3, 4, 0};
        GemmDesc desc{types.input, types.output, types.bias, accumulate,
                      size.batch,  size.m,       size.n,     size.k,
                      {},          {},           {}};
        desc.a = layoutOf(true, size.m, size.k, 1, false);
        desc.b = layoutOf(true, size.k, size.n, 1, false);
        desc.c = layoutOf(false, size.m, size.n, 1, false);
        checkProduct(desc);
      }
}

TEST_P(GemmConformance, OneMatrixForTheWholeBatch) {
  for (const Types &types : typesOf(onCuda()))
    for (int flags = 0; flags < 4; ++flags) {
      GemmDesc desc{types.input, types.output, types.bias, false, 3, 4, 9,
                    5,           {},           {},         {}};
      desc.a = layoutOf(flags & 1, 4, 5, 0, flags & 2);
      desc.b = layoutOf(flags & 1, 5, 9, 0, !(flags & 2));
      desc.c = layoutOf(false, 4, 9, 0, false);
      checkProduct(desc);
    }
}

TEST_P(GemmConformance, RunsAgainOnOtherBuffersWithTheSameBits) {
  GemmDesc desc;
  desc.m = desc.n = desc.k = 40;
  desc.a = desc.b = desc.c = {false, 40, 0};
  std::unique_ptr<Gemm> gemm = prepare(desc);
  ASSERT_TRUE(gemm);
  Matrix a(DType::F32, 1600), b(DType::F32, 1600), none(DType::F32, 1);
  fill(a, 1);
  fill(b, 2);
  Matrix first(DType::F32, 1600), second(DType::F32, 1600);
  run(*gemm, a, b, none, first);
  run(*gemm, a, b, none, second);
  EXPECT_EQ(std::memcmp(first.data(), second.data(), 6400), 0);
}

/// 1 + 2^-12 has more bits than TF32.
TEST_P(GemmConformance, KeepsTheBitsOfF32UnlessAsked) {
  GemmDesc desc;
  desc.m = desc.n = desc.k = 64;
  desc.a = desc.b = desc.c = {false, 64, 0};
  desc.alignment = 16;
  Matrix a(DType::F32, 4096), b(DType::F32, 4096), c(DType::F32, 4096);
  Matrix none(DType::F32, 1);
  for (int64_t i = 0; i < 4096; ++i) {
    a.set(i, 1 + std::ldexp(1, -12));
    b.set(i, 1);
  }
  std::unique_ptr<Gemm> exact = prepare(desc);
  ASSERT_TRUE(exact);
  run(*exact, a, b, none, c);
  for (int64_t i = 0; i < 4096; ++i)
    ASSERT_EQ(c.at(i), 64 + std::ldexp(1, -6)) << i;

  desc.tf32 = true;
  if (!onCuda()) {
    EXPECT_EQ(
        device->createGemm(desc, *stream).message(),
        "expected TF32 for products of f32 on cuda, found it for f32 on cpu");
    return;
  }
  std::unique_ptr<Gemm> rounded = prepare(desc);
  ASSERT_TRUE(rounded);
  run(*rounded, a, b, none, c);
  for (int64_t i = 0; i < 4096; ++i)
    ASSERT_NEAR(c.at(i), 64, 64 * std::ldexp(1, -10)) << i;
}

FABRIC_ON_EVERY_DEVICE(GemmConformance);

TEST(Gemm, WhatIsRefused) {
  GemmDesc desc;
  desc.m = desc.n = desc.k = 4;
  desc.a = desc.b = desc.c = {false, 4, 0};
  desc.input = desc.output = DType::F16;
  EXPECT_EQ(
      createGemm(desc).message(),
      "no product of f16 x f16 -> f16 on cpu, expected one of f32 x f32 "
      "-> f32, bf16 x bf16 -> bf16, bf16 x bf16 -> f32, f64 x f64 -> f64");
  desc.input = DType::F32;
  desc.output = DType::F64;
  EXPECT_EQ(createGemm(desc).message().find(
                "no product of f32 x f32 -> f64 on cpu, "),
            0u);
  desc.output = DType::F32;
  desc.a.leading = 3;
  EXPECT_TRUE(createGemm(desc).failed());
  desc.a.leading = 4;
  desc.c.transposed = true;
  EXPECT_TRUE(createGemm(desc).failed());
}

} // namespace
