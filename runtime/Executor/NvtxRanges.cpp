//===- NvtxRanges.cpp - Instructions as ranges of NVTX --------------------===//
//
// NVTX is a header: it looks once for a tool in the environment, and every call
// does nothing where there is none. Names are registered at load, so that a
// range of an instruction costs one call.
//
//===----------------------------------------------------------------------===//

#include "runtime/Executor/Ranges.h"
#include "runtime/Plan/Work.h"

#include <nvtx3/nvToolsExt.h>

#include <map>
#include <string>
#include <vector>

namespace fabric::runtime {
namespace {

/// One for the process; null where no tool has come.
nvtxDomainHandle_t sharedDomain() {
  static const nvtxDomainHandle_t domain = nvtxDomainCreateA("Fabric");
  return domain;
}

class NvtxRanges final : public Ranges {
public:
  NvtxRanges(nvtxDomainHandle_t domain, const plan::Plan &plan)
      : domain(domain) {
    std::map<std::string_view, uint32_t> categories;
    for (const plan::Instruction &instruction : plan.instructions) {
      std::string_view name = plan::categoryOf(instruction);
      // 0 means none.
      auto [category, isNew] = categories.try_emplace(
          name, static_cast<uint32_t>(categories.size() + 1));
      if (isNew)
        nvtxDomainNameCategoryA(domain, category->second,
                                std::string(name).c_str());
      nvtxEventAttributes_t range = {};
      range.version = NVTX_VERSION;
      range.size = NVTX_EVENT_ATTRIB_STRUCT_SIZE;
      range.category = category->second;
      range.messageType = NVTX_MESSAGE_TYPE_REGISTERED;
      range.message.registered =
          nvtxDomainRegisterStringA(domain, plan::labelOf(instruction).c_str());
      ranges.push_back(range);
    }
    step = {};
    step.version = NVTX_VERSION;
    step.size = NVTX_EVENT_ATTRIB_STRUCT_SIZE;
    step.payloadType = NVTX_PAYLOAD_TYPE_INT64;
    step.messageType = NVTX_MESSAGE_TYPE_REGISTERED;
    step.message.registered = nvtxDomainRegisterStringA(domain, "step");
  }

  void pushStep(int64_t number) override {
    step.payload.llValue = number;
    nvtxDomainRangePushEx(domain, &step);
  }
  void push(size_t instruction) override {
    nvtxDomainRangePushEx(domain, &ranges[instruction]);
  }
  void pop() override { nvtxDomainRangePop(domain); }

private:
  nvtxDomainHandle_t domain;
  std::vector<nvtxEventAttributes_t> ranges; ///< By instruction.
  nvtxEventAttributes_t step;
};

} // namespace

std::unique_ptr<Ranges> createRanges(const plan::Plan &plan) {
  nvtxDomainHandle_t domain = sharedDomain();
  if (!domain)
    return nullptr;
  return std::make_unique<NvtxRanges>(domain, plan);
}

} // namespace fabric::runtime
