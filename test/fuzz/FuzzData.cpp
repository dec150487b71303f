//===- FuzzData.cpp - What --data may say ---------------------------------===//
//
// The input is one specification a line, for a plan with an input of every
// kind. "FILE0" in it stands for an array that fits input x, "FILE1" for
// tokens.
//
//===----------------------------------------------------------------------===//

#include "runtime/Data/DataSource.h"
#include "test/fuzz/MemoryFile.h"

#include <cstring>

using namespace fabric;
using plan::DType;

static plan::Plan makePlan() {
  plan::Plan plan;
  plan.mesh.axes = {{"dp", 2}};
  auto add = [&](const char *name, DType dtype, plan::Shape shape,
                 std::optional<int64_t> batchDim) {
    plan::Sharding sharding;
    sharding.dims.resize(shape.size());
    plan.inputs.push_back({name, dtype, shape, sharding, 0, batchDim});
  };
  add("x", DType::F32, {4, 2}, 0);
  add("tokens", DType::I64, {4}, 0);
  add("mask", DType::Bool, {2}, std::nullopt);
  add("small", DType::I8, {}, std::nullopt);
  add("half", DType::BF16, {2, 2}, 1);
  return plan;
}

/// A version 1 array of `bytes` bytes that are all one.
static void fillArray(fuzz::MemoryFile &file, std::string header,
                      size_t bytes) {
  header.resize(117, ' ');
  header += '\n';
  std::string text("\x93NUMPY\x01\x00\x76\x00", 10);
  text += header + std::string(bytes, '\1');
  file.fill(text.data(), text.size());
}

namespace {
struct Files {
  fuzz::MemoryFile array, tokens;
  Files() {
    fillArray(array,
              "{'descr': '<f4', 'fortran_order': False, 'shape': (9, 2), }",
              72);
    fillArray(tokens,
              "{'descr': '<i4', 'fortran_order': False, 'shape': (3, 4), }",
              48);
  }
};
} // namespace

static void replace(std::string &text, const char *from,
                    const std::string &to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos;
       at += to.size())
    text.replace(at, std::strlen(from), to);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const plan::Plan plan = makePlan();
  static Files files;
  std::string text(reinterpret_cast<const char *>(data), size);
  // No file of this machine but the two: others would change what is found.
  replace(text, "/", "_");
  replace(text, "FILE0", files.array.path());
  replace(text, "FILE1", files.tokens.path());
  std::vector<std::string> specs;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.find('\n', begin), text.size());
    specs.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  auto source = data::DataSource::open(specs, plan, /*seed=*/1);
  if (source.failed())
    return 0;
  for (const plan::Input &input : plan.inputs)
    for (int64_t step : {int64_t(0), int64_t(5), int64_t(1) << 40}) {
      std::byte shard[64];
      (void)(*source)->read(input.name, step, Box::whole(input.shape), shard);
    }
  return 0;
}
