//===- NvtxTest.cpp - What a tool sees of a run ---------------------------===//
//
// This program is its own tool: NVTX calls the function that
// InitializeInjectionNvtx2_fnptr points to, and that one puts its own in place
// of the calls that it wants to see.
//
//===----------------------------------------------------------------------===//

#include "HandmadePlan.h"
#include "ProgramOnThreads.h"
#include "StatusMatchers.h"

#include <map>
#include <mutex>
#include <set>

#define NVTX_NO_IMPL // As a tool sees it: types alone.
#include <nvtx3/nvToolsExt.h>

using namespace fabric;
using namespace fabric::runtime;
using namespace fabric::test;

namespace {

struct Seen {
  std::mutex mutex;
  std::map<nvtxStringHandle_t, std::string> strings;
  std::map<uint32_t, std::string> categories;
  std::set<std::string> domains;
};
Seen seen;

/// What a rank's thread did: "push gemm at model.mlir:2:1 (gemm)", "pop".
thread_local std::vector<std::string> calls;

nvtxDomainHandle_t createDomain(const char *name) {
  std::lock_guard lock(seen.mutex);
  seen.domains.insert(name);
  return reinterpret_cast<nvtxDomainHandle_t>(seen.domains.size());
}
nvtxStringHandle_t registerString(nvtxDomainHandle_t, const char *text) {
  std::lock_guard lock(seen.mutex);
  auto handle = reinterpret_cast<nvtxStringHandle_t>(seen.strings.size() + 1);
  seen.strings[handle] = text;
  return handle;
}
void nameCategory(nvtxDomainHandle_t, uint32_t category, const char *name) {
  std::lock_guard lock(seen.mutex);
  seen.categories[category] = name;
}
int push(nvtxDomainHandle_t, const nvtxEventAttributes_t *range) {
  std::lock_guard lock(seen.mutex);
  std::string text = "push " + seen.strings[range->message.registered];
  if (range->category != 0)
    text += " (" + seen.categories[range->category] + ")";
  if (range->payloadType == NVTX_PAYLOAD_TYPE_INT64)
    text += " " + std::to_string(range->payload.llValue);
  calls.push_back(text);
  return 0;
}
int pop(nvtxDomainHandle_t) {
  calls.push_back("pop");
  return 0;
}

template <typename Function>
void attach(NvtxFunctionTable table, NvtxCallbackIdCore2 id,
            Function *function) {
  *table[id] = reinterpret_cast<NvtxFunctionPointer>(function);
}

int attachAll(NvtxGetExportTableFunc_t getTable) {
  auto *callbacks = static_cast<const NvtxExportTableCallbacks *>(
      getTable(NVTX_ETID_CALLBACKS));
  NvtxFunctionTable table = nullptr;
  unsigned size = 0;
  if (!callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE2, &table, &size))
    return 0;
  attach(table, NVTX_CBID_CORE2_DomainCreateA, createDomain);
  attach(table, NVTX_CBID_CORE2_DomainRegisterStringA, registerString);
  attach(table, NVTX_CBID_CORE2_DomainNameCategoryA, nameCategory);
  attach(table, NVTX_CBID_CORE2_DomainRangePushEx, push);
  attach(table, NVTX_CBID_CORE2_DomainRangePop, pop);
  return 1;
}

} // namespace

extern "C" {
extern NvtxInitializeInjectionNvtxFunc_t InitializeInjectionNvtx2_fnptr;
NvtxInitializeInjectionNvtxFunc_t InitializeInjectionNvtx2_fnptr = attachAll;
}

namespace {

const std::vector<std::string> oneStep = {
    "push step 1", "push all_gather at model.mlir:1:1 (collective)",
    "pop",         "push gemm at model.mlir:2:1 (gemm)",
    "pop",         "push square_loss16 at model.mlir:3:1 (kernel)",
    "pop",         "push all_reduce at model.mlir:4:1 (collective)",
    "pop",         "push gemm at model.mlir:5:1 (gemm)",
    "pop",         "push reduce_scatter at model.mlir:6:1 (collective)",
    "pop",         "push descend8 at model.mlir:7:1 (kernel)",
    "pop",         "pop"};

TEST(Nvtx, ToolsSeeEveryInstructionOfEveryRank) {
  HandmadePlan made = makeTrainPlan(TEST_KERNELS);
  Status status =
      onEveryRank(made.plan, {},
                  [&](comm::Communicator &ranks, Program &program) -> Status {
                    FABRIC_RETURN_IF_ERROR(program.step(1));
                    EXPECT_EQ(calls, oneStep);
                    return ranks.agree(Status::success());
                  });
  EXPECT_TRUE(succeeded(status));
  EXPECT_EQ(seen.domains, (std::set<std::string>{"Fabric"}));
}

/// A step that fails leaves no range open.
TEST(Nvtx, RangesEndWhereAStepFails) {
  HandmadePlan made = makeTrainPlan(TEST_KERNELS, 1);
  comm::CommOptions hasty{.timeout = std::chrono::milliseconds(50)};
  Status status = onEveryRank(
      made.plan, hasty,
      [&](comm::Communicator &ranks, Program &program) -> Status {
        if (ranks.rank() == 1)
          return Status::error("rank 1 does not come");
        EXPECT_TRUE(program.step(1).failed());
        EXPECT_EQ(calls, (std::vector<std::string>{
                             "push step 1",
                             "push all_gather at model.mlir:1:1 (collective)",
                             "pop", "pop"}));
        return Status::success();
      });
  EXPECT_TRUE(status.failed());
}

} // namespace
