//===- FirstDifferenceTest.cpp - fabric-verify says what is wrong ---------===//
//
// A fault is planted at the end of a phase of the compiler that fabric-verify
// uses: the line that it prints must name that phase, and the first op that
// gets a wrong value of it.
//
//===----------------------------------------------------------------------===//

#include "compiler/Driver/Diagnostics.h"
#include "compiler/Verify/VerifyHooked.h"
#include "dialects/Exec/IR/Exec.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "test/generate/Faults.h"
#include "llvm/Support/FormatVariadic.h"
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

using namespace mlir;
using namespace mlir::fabric;

// The product is split over its contraction by "tp" and reduced for the silu;
// lines are counted from 1.
static std::string getModel(int64_t batch) {
  return llvm::formatv(R"(module {{
  func.func @model(
      %x: tensor<{0}x4xf32> {{fabric.input = #fabric.input<"x", batch_dim = 0>},
      %a: tensor<8x4xf32> {{fabric.param = #fabric.param<"a", init = uniform(-1.0, 1.0)>, dist.tp = #dist.tp<colwise>},
      %b: tensor<4x8xf32> {{fabric.param = #fabric.param<"b", init = uniform(-1.0, 1.0)>, dist.tp = #dist.tp<rowwise>})
      -> (tensor<f32> {{fabric.result = "loss"}) {{
    %0 = fabric.linear %x, %a : (tensor<{0}x4xf32>, tensor<8x4xf32>) -> tensor<{0}x8xf32>
    %1 = fabric.linear %0, %b : (tensor<{0}x8xf32>, tensor<4x8xf32>) -> tensor<{0}x4xf32>
    %2 = fabric.silu %1 : tensor<{0}x4xf32>
    %3 = fabric.mul %2, %2 : tensor<{0}x4xf32>
    %4 = fabric.sum %3 dims = [0, 1] : tensor<{0}x4xf32> -> tensor<f32>
    return %4 : tensor<f32>
  }
}
)",
                       batch)
      .str();
}

namespace {
/// Runs a function on the module.
class Plant : public PassWrapper<Plant, OperationPass<ModuleOp>> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(Plant)

  explicit Plant(std::function<void(ModuleOp)> plant)
      : plant(std::move(plant)) {}
  void runOnOperation() override { plant(getOperation()); }

private:
  std::function<void(ModuleOp)> plant;
};

class FirstDifference : public ::testing::Test {
protected:
  void SetUp() override {
    folder = std::filesystem::path(::testing::TempDir()) /
             ("first-difference-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    setModel(getModel(8));
  }
  void setModel(const std::string &text) {
    std::ofstream(folder / "model.mlir") << text;
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  /// What is on standard error, with the fault planted at the end of `phase`.
  std::string verify(Phase phase, std::function<void(ModuleOp)> plant) {
    VerifyCommand command;
    command.model = folder / "model.mlir";
    command.meshes = {{2, 2}};
    command.overlap = overlap;
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    status = runVerify(command, [&](PassManager &pm, Phase ended) {
      if (ended == phase)
        pm.addPass(std::make_unique<Plant>(plant));
    });
    ::testing::internal::GetCapturedStdout();
    return ::testing::internal::GetCapturedStderr();
  }

  static std::function<void(ModuleOp)> getFault(StringRef name) {
    for (const generate::FaultKind &kind : generate::getFaultKinds())
      if (kind.name == name)
        return [&kind](ModuleOp module) { kind.plant(module, 0); };
    ADD_FAILURE() << "no fault is called " << name.str();
    return [](ModuleOp) {};
  }

  /// One line of the mesh, which names phase, op and line, and the count.
  void expectLine(const std::string &text, StringRef start, StringRef line) {
    EXPECT_EQ(status, 1);
    EXPECT_EQ(StringRef(text).count('\n'), 2u) << text;
    EXPECT_TRUE(StringRef(text).starts_with(
        ("fabric-verify: error: mesh 2 x 2: " + start).str()))
        << text;
    EXPECT_TRUE(StringRef(text).contains(line)) << text;
  }

  std::filesystem::path folder;
  bool overlap = false;
  int status = 0;
};
} // namespace

TEST_F(FirstDifference, NothingIsSaidWhereNothingIsWrong) {
  EXPECT_EQ(verify(Phase::Shard, [](ModuleOp) {}), "");
  EXPECT_EQ(status, 0);
}

// The first op that is wrong is the one that takes terms for values.
TEST_F(FirstDifference, ADroppedReduction) {
  expectLine(verify(Phase::Partition, getFault("a dropped reduction")),
             "after partition, first in 'fabric.silu' at ", "model.mlir:9:10,");
}

// A collective is the identity: its own value is wrong.
TEST_F(FirstDifference, AnotherReduction) {
  expectLine(verify(Phase::Partition, getFault("max for sum")),
             "after partition, first in 'dist.", "model.mlir:8:10,");
}

// Faults that only the schedule has.
TEST_F(FirstDifference, AfterSchedule) {
  expectLine(verify(Phase::Schedule, getFault("a dropped reduction")),
             "after schedule, first in 'fabric.silu' at ", "model.mlir:9:10,");
}

// In global view: an op that is not the model's.
TEST_F(FirstDifference, AfterShard) {
  auto skip = [](ModuleOp module) {
    module.walk([](MulOp op) {
      op->setOperand(0, op->getOperand(1).getDefiningOp()->getOperand(0));
      return WalkResult::interrupt();
    });
  };
  expectLine(verify(Phase::Shard, skip),
             "after shard, first in 'fabric.mul' at ", "model.mlir:10:10,");
}

// What is returned is not what was asked for, and no op has a wrong value.
TEST_F(FirstDifference, AResult) {
  auto returnTerms = [](ModuleOp module) {
    auto model = *module.getOps<func::FuncOp>().begin();
    OpOperand &loss = model.getBody().front().getTerminator()->getOpOperand(0);
    loss.set(loss.get().getDefiningOp()->getOperand(0));
  };
  expectLine(verify(Phase::Partition, returnTerms),
             "after partition, first in result loss of 'fabric.sum' at ",
             "model.mlir:11:10,");
}

// A value that is padded is compared on the part that the model has.
TEST_F(FirstDifference, APaddedValue) {
  setModel(getModel(7));
  EXPECT_EQ(verify(Phase::Shard, [](ModuleOp) {}), "");
  expectLine(verify(Phase::Partition, getFault("a dropped reduction")),
             "after partition, first in 'fabric.silu' at ", "model.mlir:9:10,");
}

// Of a composite that is decomposed, the op is named that is wrong.
TEST_F(FirstDifference, InAComposite) {
  setModel(R"(module {
  func.func @model(
      %x: tensor<8x4xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
      %a: tensor<8x4xf32> {fabric.param = #fabric.param<"a", init = uniform(-1.0, 1.0)>, dist.tp = #dist.tp<colwise>})
      -> (tensor<f32> {fabric.result = "loss"}) {
    %0 = fabric.linear %x, %a : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x8xf32>
    %1 = fabric.softmax %0 dim = 1 : tensor<8x8xf32>
    %2 = fabric.mul %1, %0 : tensor<8x8xf32>
    %3 = fabric.sum %2 dims = [0, 1] : tensor<8x8xf32> -> tensor<f32>
    return %3 : tensor<f32>
  }
}
)");
  auto skip = [](ModuleOp module) {
    module.walk([](ExpOp op) {
      op.getResult().replaceAllUsesWith(op->getOperand(0));
      return WalkResult::interrupt();
    });
  };
  expectLine(verify(Phase::Shard, skip),
             "after shard, first in 'fabric.sum' at ", "model.mlir:7:10,");
}

// The interpreter runs instructions, too.
TEST_F(FirstDifference, AfterLower) {
  auto reduceWrongly = [](ModuleOp module) {
    module.walk([](exec::CollectiveOp op) {
      if (!op.getReductionAttr())
        return WalkResult::advance();
      op.setReductionAttr(dist::ReductionKindAttr::get(
          op.getContext(), dist::ReductionKind::Max));
      return WalkResult::interrupt();
    });
  };
  expectLine(verify(Phase::Lower, reduceWrongly), "after ",
             "of lower, first in 'exec.collective' at ");
  expectLine(verify(Phase::Lower, reduceWrongly), "after ", "model.mlir:8:10,");
}

// The lowered program is right, and the plan is not: a value lies where another
// is still needed.
TEST_F(FirstDifference, AnInstruction) {
  std::string where;
  auto misplace = [&](ModuleOp module) {
    auto model = *module.getOps<func::FuncOp>().begin();
    auto isValue = [](Operation &op) {
      auto planned = dyn_cast<exec::PlannedOpInterface>(op);
      return planned && op.getNumResults() == 1 && !planned.isAlias() &&
             !planned.getTiedOperand(0) && !planned.getStream() &&
             planned.getSlotOf(0).getArena() == exec::ArenaKind::Workspace;
    };
    for (Operation &first : llvm::make_filter_range(model.front(), isValue))
      for (Operation &second : llvm::make_filter_range(model.front(), isValue))
        for (Operation *user : first.getUsers()) {
          bool isBetween =
              first.isBeforeInBlock(&second) && second.isBeforeInBlock(user) &&
              !llvm::is_contained(second.getOperands(), first.getResult(0));
          if (!isBetween || !isa<exec::GemmOp>(user) ||
              exec::getNumBytes(second.getResult(0).getType()) >
                  exec::getNumBytes(first.getResult(0).getType()))
            continue;
          cast<exec::PlannedOpInterface>(second).setSlotOf(
              0, cast<exec::PlannedOpInterface>(first).getSlotOf(0));
          where = describeLocation(user->getLoc());
          return;
        }
  };
  for (bool hasStreams : {false, true}) {
    overlap = hasStreams;
    std::string text = verify(Phase::Lower, misplace);
    ASSERT_NE(where, "");
    expectLine(text,
               "the lowered program agrees, the plan does not: first in "
               "instruction ",
               "'exec.gemm' at " + where);
  }
}
