//===- RandomSource.cpp - An input drawn from the seed --------------------===//

#include "runtime/Data/RandomSource.h"

#include "runtime/Plan/Initialize.h"
#include "runtime/Support/Philox.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

using namespace fabric;
using namespace fabric::data;
using plan::DType;

/// The stream of an input at a step; steps are independent tensors.
static std::string streamName(const std::string &input, int64_t step) {
  return "data:" + input + ":" + std::to_string(step);
}

namespace {

class RandomFloats : public InputSource {
public:
  RandomFloats(const plan::Input &input, uint64_t seed,
               plan::Initializer distribution)
      : input(input), seed(seed), distribution(distribution) {}

  Status read(int64_t step, const Box &box, void *shard) const override {
    return plan::initializeShard(distribution, seed,
                                 streamName(input.name, step), input.dtype,
                                 input.shape, box, shard);
  }

private:
  plan::Input input;
  uint64_t seed;
  plan::Initializer distribution;
};

template <typename Integer> class RandomIntegers : public InputSource {
public:
  RandomIntegers(const plan::Input &input, uint64_t seed, int64_t low,
                 int64_t high)
      : input(input), seed(seed), low(low), high(high) {}

  Status read(int64_t step, const Box &box, void *shard) const override {
    FABRIC_RETURN_IF_ERROR(checkBox(box, input.shape));
    RandomTensor tensor(seed, streamName(input.name, step));
    auto *target = static_cast<Integer *>(shard);
    for (BoxRuns runs(input.shape, box); !runs.done(); runs.next())
      for (int64_t i = 0; i < runs.length(); ++i)
        target[runs.local() + i] = static_cast<Integer>(tensor.integer(
            static_cast<uint64_t>(runs.global() + i), low, high));
    return Status::success();
  }

private:
  plan::Input input;
  uint64_t seed;
  int64_t low, high;
};

} // namespace

template <typename Number>
static bool parseNumber(std::string_view text, Number &number) {
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

/// ":LOW:HIGH".
template <typename Number>
static bool parseRange(std::string_view text, Number &low, Number &high) {
  if (text.empty() || text[0] != ':')
    return false;
  text.remove_prefix(1);
  size_t colon = text.find(':');
  return colon != std::string_view::npos &&
         parseNumber(text.substr(0, colon), low) &&
         parseNumber(text.substr(colon + 1), high) && low < high;
}

template <typename Integer>
static Expected<std::unique_ptr<InputSource>>
makeIntegers(std::string_view text, const plan::Input &input, uint64_t seed,
             int64_t smallest, int64_t largest) {
  int64_t low = 0, high = 0;
  if (!parseRange(text, low, high) || low < smallest || high - 1 > largest)
    return Status::error(
        "random, expected random:LOW:HIGH with ", smallest,
        " <= LOW < HIGH <= ", largest, " + 1 or a file for an input of ",
        plan::toString(input.dtype), ", found 'random", text, "'");
  return std::unique_ptr<InputSource>(
      std::make_unique<RandomIntegers<Integer>>(input, seed, low, high));
}

Expected<std::unique_ptr<InputSource>>
data::makeRandomSource(std::string_view text, const plan::Input &input,
                       uint64_t seed) {
  auto limited = [&](auto zero) {
    using Limits = std::numeric_limits<decltype(zero)>;
    return makeIntegers<decltype(zero)>(text, input, seed, Limits::min(),
                                        Limits::max());
  };
  switch (input.dtype) {
  case DType::I8:
    return limited(int8_t());
  case DType::I32:
    return limited(int32_t());
  case DType::I64:
    return limited(int64_t());
  case DType::Bool:
    return makeIntegers<uint8_t>(text, input, seed, 0, 1);
  default:
    break;
  }
  plan::Initializer distribution{plan::Initializer::Kind::Normal, 0.0, 1.0};
  if (!text.empty()) {
    distribution.kind = plan::Initializer::Kind::Uniform;
    if (!parseRange(text, distribution.a, distribution.b) ||
        !std::isfinite(distribution.b - distribution.a))
      return Status::error(
          "random, expected random or random:LOW:HIGH with LOW < HIGH, found "
          "'random",
          text, "'");
  }
  return std::unique_ptr<InputSource>(
      std::make_unique<RandomFloats>(input, seed, distribution));
}
