//===- CublasLtTest.cpp - Which algorithm a product takes -----------------===//
//
// With the cuBLASLt of FakeCublasLt.cpp; what it computes is GemmTest.cpp's
// affair, which is in this program as well.
//
//===----------------------------------------------------------------------===//

#include "StatusMatchers.h"
#include "TestDevices.h"

#include <cstring>

using namespace fabric;
using namespace fabric::kernels;
using namespace fabric::test;

namespace {

GemmDesc smallDesc() {
  GemmDesc desc;
  desc.m = desc.n = desc.k = 4;
  desc.a = desc.b = desc.c = {false, 4, 0};
  desc.alignment = 16;
  return desc;
}

/// A file's choice of algorithm `number`, of 64 bytes.
std::shared_ptr<const GemmChoices> choose(const GemmDesc &desc,
                                          uint64_t number) {
  GemmChoices choices({"a GPU", "cuBLASLt 130001"});
  std::vector<std::byte> algorithm(64);
  std::memcpy(algorithm.data(), &number, sizeof(number));
  choices.add({desc, algorithm, 0, 1.0});
  return std::make_shared<const GemmChoices>(std::move(choices));
}

class CublasLt : public testing::Test {
protected:
  void SetUp() override {
    auto created = createTestGpu();
    ASSERT_TRUE(succeeded(created));
    gpu = *created;
    auto made = gpu->createStream();
    ASSERT_TRUE(succeeded(made));
    stream = std::move(*made);
  }
  std::shared_ptr<device::Device> gpu;
  std::unique_ptr<device::Stream> stream;
};

TEST_F(CublasLt, TakesTheHeuristicsFirst) {
  auto gemm = gpu->createGemm(smallDesc(), *stream);
  ASSERT_TRUE(succeeded(gemm));
  EXPECT_EQ((*gemm)->scratchBytes(), 1024);
}

TEST_F(CublasLt, TakesWhatAFileSays) {
  ASSERT_TRUE(succeeded(gpu->useGemms(choose(smallDesc(), 3))));
  auto gemm = gpu->createGemm(smallDesc(), *stream);
  ASSERT_TRUE(succeeded(gemm));
  EXPECT_EQ((*gemm)->scratchBytes(), 3 * 1024);
  float a[16] = {1}, b[16] = {2}, c[16] = {};
  std::vector<std::byte> scratch(3 * 1024);
  ASSERT_TRUE(succeeded((*gemm)->run(a, b, nullptr, c, scratch.data())));
  EXPECT_EQ(c[0], 2.0f);
}

TEST_F(CublasLt, RefusesAlgorithmsThatTheLibraryRefuses) {
  ASSERT_TRUE(succeeded(gpu->useGemms(choose(smallDesc(), 9))));
  EXPECT_TRUE(failedWith(gpu->createGemm(smallDesc(), *stream),
                         "cuBLASLt: cublasLtMatmulAlgoCheck: not supported"));
  GemmChoices short_({"a GPU", "cuBLASLt 130001"});
  short_.add({smallDesc(), {std::byte{1}}, 0, 1.0});
  ASSERT_TRUE(succeeded(
      gpu->useGemms(std::make_shared<const GemmChoices>(std::move(short_)))));
  EXPECT_TRUE(failedWith(gpu->createGemm(smallDesc(), *stream),
                         "has 1 bytes, expected 64"));
}

TEST_F(CublasLt, RefusesProductsThatTheFileDoesNotHave) {
  ASSERT_TRUE(succeeded(gpu->useGemms(choose(smallDesc(), 1))));
  GemmDesc other = smallDesc();
  other.accumulate = true;
  EXPECT_TRUE(failedWith(gpu->createGemm(other, *stream),
                         "the file has no algorithm for a product of 4 x 4 x 4 "
                         "of f32"));
}

TEST_F(CublasLt, RefusesWhatGpusDoNotMultiply) {
  GemmDesc desc = smallDesc();
  desc.output = DType::F16;
  EXPECT_TRUE(failedWith(gpu->createGemm(desc, *stream),
                         "no product of f32 x f32 -> f16 on cuda"));
  desc.input = desc.output = DType::F64;
  desc.tf32 = true;
  EXPECT_TRUE(failedWith(gpu->createGemm(desc, *stream),
                         "expected TF32 for products of f32 on cuda, "
                         "found it for f64 on cuda"));
  desc = smallDesc();
  desc.k = 0;
  EXPECT_TRUE(failedWith(gpu->createGemm(desc, *stream),
                         "a product of 4 x 4 x 0 of f32 is empty"));
}

} // namespace
