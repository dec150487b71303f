//===- ScheduleTest.cpp - Any program order becomes a legal one -----------===//
//
// A training step of one rank with its ops shuffled into random valid SSA
// orders. After scheduling, a machine with one cell a buffer runs it: whoever
// reads a value must find that value in the cell. The machine follows views and
// updates by itself.
//
//===----------------------------------------------------------------------===//

#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Analysis/Liveness.h"
#include "passes/Schedule/Passes.h"
#include "gtest/gtest.h"
#include <random>

using namespace mlir;

namespace {

// Two gathered weights, used forward and back; both are read as stored as well,
// directly and through views, by ops that have nothing to do with the
// gradients; and an op needs a new value.
constexpr StringLiteral kProgram = R"mlir(
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
  func.func @f(%x: tensor<4x8xf32>, %w1: tensor<4x8xf32>, %w2: tensor<4x8xf32>, %m1: tensor<4x8xf32>,
      %v1: tensor<4x8xf32>, %m2: tensor<4x8xf32>, %v2: tensor<4x8xf32>, %lr32: tensor<f32>, %step: tensor<f64>)
      -> (tensor<f32>, tensor<f32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) {
    %lr = fabric.cast %lr32 : tensor<f32> -> tensor<f64>
    %g1 = dist.all_gather %w1 dim = 0 axes = {"dp"} : tensor<4x8xf32> -> tensor<8x8xf32>
    %g2 = dist.all_gather %w2 dim = 0 axes = {"dp"} : tensor<4x8xf32> -> tensor<8x8xf32>
    %a = fabric.linear %x, %g1 : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %b = fabric.silu %a : tensor<4x8xf32>
    %c = fabric.linear %b, %g2 : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %db = fabric.contract %c, %g2 batch = [] x [] contract = [1] x [0] : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %da = fabric.mul %db, %a : tensor<4x8xf32>
    %dx = fabric.contract %da, %g1 batch = [] x [] contract = [1] x [0] : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %dw2 = fabric.contract %c, %b batch = [] x [] contract = [0] x [0] : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<8x8xf32>
    %dw1 = fabric.contract %da, %x batch = [] x [] contract = [0] x [0] : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<8x8xf32>
    %s2 = dist.reduce_scatter sum %dw2 dim = 0 axes = {"dp"} : tensor<8x8xf32> -> tensor<4x8xf32>
    %s1 = dist.reduce_scatter sum %dw1 dim = 0 axes = {"dp"} : tensor<8x8xf32> -> tensor<4x8xf32>
    %p1, %n1, %u1 = fabric.adamw %w1, %s1, %m1, %v1, lr = %lr, step = %step {beta1 = 9.0e-1 : f64, beta2 = 9.99e-1 : f64, eps = 1.0e-8 : f64, weight_decay = 1.0e-2 : f64} : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<f64>, tensor<f64>) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>)
    %p2, %n2, %u2 = fabric.adamw %w2, %s2, %m2, %v2, lr = %lr, step = %step {beta1 = 9.0e-1 : f64, beta2 = 9.99e-1 : f64, eps = 1.0e-8 : f64, weight_decay = 1.0e-2 : f64} : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<f64>, tensor<f64>) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>)
    %decay = fabric.mul %w1, %w2 : tensor<4x8xf32>
    %sum1 = fabric.sum %decay dims = [0, 1] : tensor<4x8xf32> -> tensor<f32>
    %view = fabric.reshape %w2 : tensor<4x8xf32> -> tensor<32xf32>
    %view2 = fabric.reshape %view : tensor<32xf32> -> tensor<8x4xf32>
    %sum2 = fabric.sum %view2 dims = [0, 1] : tensor<8x4xf32> -> tensor<f32>
    %old = fabric.mul %v1, %x : tensor<4x8xf32>
    %new = fabric.add %p1, %old : tensor<4x8xf32>
    %sum = fabric.add %new, %dx : tensor<4x8xf32>
    return %sum1, %sum2, %p1, %p2, %sum : tensor<f32>, tensor<f32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
  }
})mlir";

class ScheduleTest : public ::testing::Test {
protected:
  ScheduleTest() {
    context.loadDialect<dist::DistDialect, fabric::FabricDialect,
                        func::FuncDialect>();
    module = parseSourceString<ModuleOp>(kProgram, &context);
    EXPECT_TRUE(module);
  }

  static Block &getBlock(ModuleOp module) {
    return (*module.getOps<func::FuncOp>().begin()).getBody().front();
  }

  /// Another valid SSA order, at random.
  void shuffle(Block &block) {
    DenseSet<Operation *> placed;
    SmallVector<Operation *> rest;
    for (Operation &op : block.without_terminator())
      rest.push_back(&op);
    while (!rest.empty()) {
      SmallVector<size_t> ready;
      for (auto [index, op] : llvm::enumerate(rest))
        if (llvm::all_of(op->getOperands(), [&](Value value) {
              return !value.getDefiningOp() ||
                     placed.contains(value.getDefiningOp());
            }))
          ready.push_back(index);
      size_t index = ready[random() % ready.size()];
      placed.insert(rest[index]);
      rest[index]->moveBefore(block.getTerminator());
      rest.erase(rest.begin() + index);
    }
  }

  /// Runs on cells, each of which holds the last value written to it. False if
  /// an op finds another value than it reads.
  static bool runsOnCells(Block &block) {
    DenseMap<Value, unsigned> cellOf;
    std::vector<Value> cells;
    auto newCell = [&](Value value) {
      cellOf[value] = cells.size();
      cells.push_back(value);
    };
    for (Value argument : block.getArguments())
      newCell(argument);
    // A view is the value that it is a view of, under another name.
    DenseMap<Value, Value> viewed;
    auto getValue = [&](Value value) {
      auto it = viewed.find(value);
      return it == viewed.end() ? value : it->second;
    };
    for (Operation &op : block) {
      if (auto reshape = dyn_cast<fabric::ReshapeOp>(op)) {
        viewed[reshape.getResult()] = getValue(reshape.getOperand());
        continue;
      }
      for (Value operand : op.getOperands()) {
        Value value = getValue(operand);
        if (cells[cellOf.lookup(value)] != value)
          return false;
      }
      if (auto adamw = dyn_cast<fabric::AdamWOp>(op)) {
        std::pair<Value, Value> updates[] = {
            {adamw.getParam(), adamw.getNewParam()},
            {adamw.getExpAvg(), adamw.getNewExpAvg()},
            {adamw.getExpAvgSq(), adamw.getNewExpAvgSq()}};
        for (auto [from, to] : updates) {
          cellOf[to] = cellOf.lookup(getValue(from));
          cells[cellOf[to]] = to;
        }
        continue;
      }
      for (Value result : op.getResults())
        newCell(result);
    }
    return true;
  }

  void schedule(ModuleOp module, StringRef memory, bool overlap = false) {
    PassManager pm(&context);
    pm.addNestedPass<func::FuncOp>(schedule::createOrderPass());
    pm.addNestedPass<func::FuncOp>(
        schedule::createRegatherPass({memory.str()}));
    if (overlap)
      pm.addNestedPass<func::FuncOp>(
          schedule::createOverlapPass({memory.str()}));
    pm.addNestedPass<func::FuncOp>(schedule::createVerifySchedulePass());
    ASSERT_TRUE(succeeded(pm.run(module)));
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::mt19937 random{5};
};

TEST_F(ScheduleTest, TheMachineFindsHazards) {
  int illegal = 0;
  for (int round = 0; round < 50; ++round) {
    shuffle(getBlock(*module));
    illegal += !runsOnCells(getBlock(*module));
  }
  EXPECT_GT(illegal, 0);
}

TEST_F(ScheduleTest, AnyOrder) {
  for (int round = 0; round < 1000; ++round) {
    OwningOpRef<ModuleOp> copy = module->clone();
    shuffle(getBlock(*copy));
    schedule(*copy, round % 2 ? "min" : "fast");
    ASSERT_TRUE(runsOnCells(getBlock(*copy))) << "round " << round;
  }
}

TEST_F(ScheduleTest, AnyOrderOverlapped) {
  int64_t numAsync = 0;
  for (int round = 0; round < 300; ++round) {
    OwningOpRef<ModuleOp> copy = module->clone();
    shuffle(getBlock(*copy));
    schedule(*copy, round % 2 ? "100000" : "fast", /*overlap=*/true);
    ASSERT_TRUE(runsOnCells(getBlock(*copy))) << "round " << round;
    copy->walk([&](Operation *op) { numAsync += analysis::isAsync(op); });
  }
  EXPECT_GT(numAsync, 0);
}

// A budget is kept, whatever it is; where it is too small nothing overlaps.
TEST_F(ScheduleTest, OverlapKeepsTheBudget) {
  OwningOpRef<ModuleOp> plain = module->clone(), free = module->clone();
  schedule(*plain, "fast");
  schedule(*free, "fast", /*overlap=*/true);
  int64_t least = analysis::BlockLiveness(getBlock(*plain)).getPeakBytes();
  int64_t most = analysis::BlockLiveness(getBlock(*free)).getPeakBytes();
  EXPECT_LT(least, most);
  for (int64_t budget = least; budget <= most; budget += 32) {
    OwningOpRef<ModuleOp> copy = module->clone();
    schedule(*copy, std::to_string(budget), /*overlap=*/true);
    EXPECT_LE(analysis::BlockLiveness(getBlock(*copy)).getPeakBytes(), budget);
  }
}

TEST_F(ScheduleTest, MemoryIsSavedNotSpent) {
  auto getPeak = [&](StringRef memory) {
    OwningOpRef<ModuleOp> copy = module->clone();
    schedule(*copy, memory);
    return analysis::BlockLiveness(getBlock(*copy)).getPeakBytes();
  };
  int64_t unordered = analysis::BlockLiveness(getBlock(*module)).getPeakBytes();
  int64_t fast = getPeak("fast"), min = getPeak("min");
  EXPECT_LT(fast, unordered);
  EXPECT_LT(min, fast);
}

} // namespace
