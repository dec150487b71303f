//===- ProductArenaTest.cpp - What products use beside their operands -----===//

#include "CapturingDevice.h"
#include "StatusMatchers.h"

#include "runtime/Executor/Program.h"

using namespace fabric;
using namespace fabric::runtime;
using namespace fabric::test;

namespace {

/// makeAlonePlan() with so many bytes for products, which ask for 512 each.
Expected<std::unique_ptr<Program>> load(HandmadePlan &made,
                                        CapturingDevice &device,
                                        std::optional<int64_t> bytes) {
  device.gemmScratch = 512;
  if (bytes) {
    made.plan.scratch = {{0, static_cast<int64_t>(made.plan.arenas.size())}};
    made.plan.arenas.push_back({"scratch", *bytes, 256});
    made.plan.memory.peak += *bytes;
  }
  auto module = device.load(made.plan.sections.at("code"));
  EXPECT_TRUE(succeeded(module));
  return Program::create(made.plan, 0, device, *module);
}

TEST(ProductArena, IsWhereProductsWork) {
  HandmadePlan made = makeAlonePlan(TEST_KERNELS);
  CapturingDevice device;
  auto program = load(made, device, 512);
  ASSERT_TRUE(succeeded(program));
  EXPECT_TRUE(succeeded((*program)->step(1)));
  EXPECT_EQ((*program)->memoryUse().arenas, made.plan.memory.peak);
  EXPECT_EQ((*program)->memoryUse().scratch, 0);
}

TEST(ProductArena, ThatIsTooSmallIsRefused) {
  HandmadePlan made = makeAlonePlan(TEST_KERNELS);
  CapturingDevice device;
  EXPECT_TRUE(failedWith(load(made, device, 511),
                         "rank 0: products need 512 bytes beside their "
                         "operands, and the plan has 511"));
}

TEST(ProductArena, ThatIsNotPlannedIsAllocatedBesideThePlan) {
  HandmadePlan made = makeAlonePlan(TEST_KERNELS);
  CapturingDevice device;
  auto program = load(made, device, std::nullopt);
  ASSERT_TRUE(succeeded(program));
  EXPECT_TRUE(succeeded((*program)->step(1)));
  EXPECT_EQ((*program)->memoryUse().scratch, 512);
}

} // namespace
