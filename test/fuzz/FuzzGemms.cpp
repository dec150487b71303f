//===- FuzzGemms.cpp - A file of --tune-gemms -----------------------------===//

#include "runtime/Kernels/GemmChoices.h"
#include "test/fuzz/MemoryFile.h"

using namespace fabric;
using namespace fabric::kernels;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static fuzz::MemoryFile file;
  file.fill(data, size);
  auto choices = GemmChoices::read(file.path());
  if (choices.failed())
    return 0;
  if (choices->check(choices->machine()).failed())
    std::abort();
  for (const GemmChoice &choice : choices->choices()) {
    auto found = choices->find(choice.desc);
    if (found.failed() || *found != &choice || choice.algorithm.empty() ||
        checkGemm(choice.desc).failed())
      std::abort();
    (void)describe(choice.desc);
  }
  return 0;
}
