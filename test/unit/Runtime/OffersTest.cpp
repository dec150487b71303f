//===- OffersTest.cpp - What the libraries of a target multiply -----------===//

#include "StatusMatchers.h"

#include "runtime/Plan/Offers.h"

using namespace fabric;
using namespace fabric::plan;
using namespace fabric::test;

namespace {

ProductFacts product(DType input, DType output) {
  ProductFacts facts;
  facts.input = input;
  facts.output = output;
  return facts;
}

TEST(Offers, F16IsForGpus) {
  for (DType output : {DType::F16, DType::F32}) {
    EXPECT_TRUE(succeeded(checkProduct("cuda", product(DType::F16, output))));
    EXPECT_TRUE(failedWith(checkProduct("cpu", product(DType::F16, output)),
                           "no product of f16 x f16 -> "));
  }
}

TEST(Offers, WhatNobodyMultiplies) {
  for (const char *target : {"cpu", "cuda"}) {
    for (DType dtype : {DType::Bool, DType::I8, DType::I32, DType::I64})
      EXPECT_TRUE(checkProduct(target, product(dtype, dtype)).failed());
    EXPECT_TRUE(checkProduct(target, product(DType::F64, DType::F32)).failed());
    EXPECT_TRUE(
        checkProduct(target, product(DType::F32, DType::BF16)).failed());
    ProductFacts biased = product(DType::BF16, DType::BF16);
    biased.bias = DType::F32;
    EXPECT_TRUE(failedWith(checkProduct(target, biased),
                           "no product of bf16 x bf16 -> bf16 with a bias of "
                           "f32 on "));
  }
}

TEST(Offers, Tf32IsForF32OnGpus) {
  ProductFacts rounded = product(DType::F32, DType::F32);
  rounded.tf32 = true;
  EXPECT_TRUE(succeeded(checkProduct("cuda", rounded)));
  EXPECT_TRUE(
      failedWith(checkProduct("cpu", rounded), "found it for f32 on cpu"));
  rounded.input = rounded.output = DType::F64;
  EXPECT_TRUE(
      failedWith(checkProduct("cuda", rounded), "found it for f64 on cuda"));
}

TEST(Offers, SizesThatLibrariesCount) {
  ProductFacts large = product(DType::F32, DType::F32);
  large.largest = int64_t(1) << 31;
  EXPECT_TRUE(succeeded(checkProduct("cpu", large)));
  EXPECT_TRUE(failedWith(checkProduct("cuda", large),
                         "expected sizes of at most 2147483647, found "
                         "2147483648"));
  --large.largest;
  EXPECT_TRUE(succeeded(checkProduct("cuda", large)));
  large = product(DType::F64, DType::F64);
  large.largest = int64_t(1) << 31;
  EXPECT_TRUE(checkProduct("cpu", large).failed());
}

} // namespace
