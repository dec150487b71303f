//===- PhiloxTest.cpp - Random numbers keyed by seed, name, index ---------===//

#include "runtime/Support/Philox.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace fabric;
using Words = std::array<uint32_t, 4>;

// The known answers that the authors publish with Random123 (kat_vectors).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox4x32({ones, ones, ones, ones}, {ones, ones}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                       {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// Published values of 64-bit FNV-1a.
TEST(Philox, HashOfNames) {
  EXPECT_EQ(hashName(""), 0xcbf29ce484222325);
  EXPECT_EQ(hashName("a"), 0xaf63dc4c8601ec8c);
  EXPECT_EQ(hashName("foobar"), 0x85944171f73967e8);
}

// The layout of key and counter is part of what a seed means: computed here
// from the published block function, by hand.
TEST(Philox, KeyIsSeedCounterIsIndexAndName) {
  uint64_t seed = 0x0123456789abcdef, index = 0xfedcba9876543210;
  uint64_t hash = hashName("w1");
  Words words =
      philox4x32({0x76543210, 0xfedcba98, uint32_t(hash), uint32_t(hash >> 32)},
                 {0x89abcdef, 0x01234567});
  double expected =
      std::ldexp(double((words[0] | uint64_t(words[1]) << 32) >> 11), -53);
  EXPECT_EQ(RandomTensor(seed, "w1").uniform01(index), expected);
}

TEST(Philox, UniformMoments) {
  RandomTensor tensor(7, "x");
  double sum = 0, squares = 0;
  int count = 100000;
  for (int i = 0; i < count; ++i) {
    double value = tensor.uniform01(i);
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / count, 0.5, 0.005);
  EXPECT_NEAR(squares / count, 1.0 / 3, 0.005);
}

TEST(Philox, NormalMoments) {
  RandomTensor tensor(7, "x");
  double sum = 0, squares = 0, fourth = 0, neighbours = 0, previous = 0;
  int count = 200000;
  for (int i = 0; i < count; ++i) {
    double value = tensor.normal01(i);
    ASSERT_TRUE(std::isfinite(value));
    sum += value;
    squares += value * value;
    fourth += value * value * value * value;
    neighbours += value * previous;
    previous = value;
  }
  EXPECT_NEAR(sum / count, 0, 0.01);
  EXPECT_NEAR(squares / count, 1, 0.02);
  EXPECT_NEAR(fourth / count, 3, 0.1);
  EXPECT_NEAR(neighbours / count, 0, 0.01);
}

TEST(Philox, IntegersCoverTheirRange) {
  RandomTensor tensor(1, "tokens");
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) {
    int64_t value = tensor.integer(i, -3, 4);
    ASSERT_GE(value, -3);
    ASSERT_LT(value, 4);
    ++counts[value + 3];
  }
  for (int count : counts)
    EXPECT_NEAR(count, 10000, 500);
  EXPECT_EQ(tensor.integer(0, 5, 6), 5);
  // The widest range: no overflow in high - low.
  (void)tensor.integer(1, INT64_MIN, INT64_MAX);
}

TEST(Philox, SeedNameAndIndexAllMatter) {
  double value = RandomTensor(0, "w1").uniform01(5);
  EXPECT_EQ(value, RandomTensor(0, "w1").uniform01(5));
  EXPECT_NE(value, RandomTensor(1, "w1").uniform01(5));
  EXPECT_NE(value, RandomTensor(uint64_t(1) << 32, "w1").uniform01(5));
  EXPECT_NE(value, RandomTensor(0, "w2").uniform01(5));
  EXPECT_NE(value, RandomTensor(0, "w1").uniform01(6));
  EXPECT_NE(value, RandomTensor(0, "w1").uniform01(5 + (uint64_t(1) << 32)));
}

// Every shard is the slice of the whole, whatever the box.
TEST(Philox, ShardsAreSlicesOfTheWhole) {
  std::vector<int64_t> shape = {4, 6, 5};
  RandomTensor tensor(3, "w");
  std::vector<double> whole(4 * 6 * 5);
  fillNormal(tensor, shape, Box::whole(shape), 0.5, 2.0, whole.data());
  for (int64_t i0 : {0, 2})
    for (int64_t i1 : {0, 3})
      for (int64_t i2 : {0, 1}) {
        Box box{{i0, i1, i2}, {2, 3, 4}};
        std::vector<double> shard(24);
        fillNormal(tensor, shape, box, 0.5, 2.0, shard.data());
        for (int64_t a = 0; a < 2; ++a)
          for (int64_t b = 0; b < 3; ++b)
            for (int64_t c = 0; c < 4; ++c)
              ASSERT_EQ(shard[(a * 3 + b) * 4 + c],
                        whole[((i0 + a) * 6 + i1 + b) * 5 + i2 + c]);
      }
}

TEST(Philox, NarrowTypesAreTheRoundedDoubles) {
  std::vector<int64_t> shape = {100};
  Box box = Box::whole(shape);
  RandomTensor tensor(3, "w");
  std::vector<double> f64(100);
  std::vector<float> f32(100);
  std::vector<BFloat16> bf16(100);
  std::vector<Float16> f16(100);
  fillUniform(tensor, shape, box, -2.0, 3.0, f64.data());
  fillUniform(tensor, shape, box, -2.0, 3.0, f32.data());
  fillUniform(tensor, shape, box, -2.0, 3.0, bf16.data());
  fillUniform(tensor, shape, box, -2.0, 3.0, f16.data());
  for (int i = 0; i < 100; ++i) {
    EXPECT_GE(f64[i], -2.0);
    EXPECT_LT(f64[i], 3.0);
    EXPECT_EQ(f32[i], float(f64[i]));
    EXPECT_NEAR(toFloat(bf16[i]), f64[i], std::fabs(f64[i]) * 0x1p-8);
    EXPECT_NEAR(toFloat(f16[i]), f64[i], std::fabs(f64[i]) * 0x1p-11 + 1e-7);
  }
}
