//===- FuzzTpPlan.cpp - A tensor-parallel plan file -----------------------===//

#include "passes/Sharding/TpPlan.h"

using namespace mlir;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto entries = sharding::parseTpPlan(
      StringRef(reinterpret_cast<const char *>(data), size));
  if (!entries) {
    llvm::consumeError(entries.takeError());
    return 0;
  }
  for (const sharding::TpPlanEntry &entry : *entries)
    for (StringRef name : {"", ".", "w1.weight", "layers.0.mlp.w1.weight"}) {
      (void)entry.matches(name);
      (void)entry.matchesParameter(name);
      (void)entry.matchPrefix(name);
      (void)entry.describe();
    }
  return 0;
}
