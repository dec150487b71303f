//===- FuzzManifest.cpp - The text of a manifest, in a good envelope ------===//

#include "runtime/Plan/PlanReader.h"
#include "test/fuzz/PlanEnvelope.h"

using namespace fabric;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // The sections of the seeds: 64 bytes of code and as many of constants.
  static const std::string sections(128, '\1');
  std::string_view text(reinterpret_cast<const char *>(data), size);
  std::string file = fuzz::sealPlan(text, sections);
  (void)plan::readPlan(std::as_bytes(std::span(file)), "plan");
  return 0;
}
