//===- LivenessTest.cpp - Buffers, versions and peaks ---------------------===//

#include "passes/Analysis/Liveness.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::analysis;

namespace {

class LivenessTest : public ::testing::Test {
protected:
  LivenessTest() {
    context.loadDialect<dist::DistDialect, fabric::FabricDialect,
                        func::FuncDialect>();
  }

  Block &parse(StringRef text) {
    module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    return (*module->getOps<func::FuncOp>().begin()).getBody().front();
  }

  static Operation *getOp(Block &block, unsigned index) {
    return &*std::next(block.begin(), index);
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

TEST_F(LivenessTest, OperandsAndResultsTogether) {
  BlockLiveness liveness(parse(R"mlir(
    func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
      %0 = fabric.neg %x : tensor<4xf32>
      %1 = fabric.neg %0 : tensor<4xf32>
      %2 = fabric.neg %1 : tensor<4xf32>
      return %2 : tensor<4xf32>
    })mlir"));
  // The argument is there all the time.
  EXPECT_EQ(liveness.getBytesAt(), ArrayRef<int64_t>({32, 48, 48, 32}));
  EXPECT_EQ(liveness.getPeakBytes(), 48);
  EXPECT_EQ(liveness.getPeakPosition(), 1);
}

TEST_F(LivenessTest, ViewsAndConstantsAreNoBuffers) {
  Block &block = parse(R"mlir(
    func.func @f(%x: tensor<4xf32>) -> tensor<2xf32> {
      %0 = fabric.neg %x : tensor<4xf32>
      %1 = fabric.reshape %0 : tensor<4xf32> -> tensor<2x2xf32>
      %2 = fabric.constant dense<1.0> : tensor<2x2xf32>
      %3 = fabric.reshape %1 : tensor<2x2xf32> -> tensor<1x2x2xf32>
      %4 = fabric.sum %3 dims = [0, 1] : tensor<1x2x2xf32> -> tensor<2xf32>
      return %4 : tensor<2xf32>
    })mlir");
  BlockLiveness liveness(block);
  // The last view keeps the first buffer alive.
  EXPECT_EQ(liveness.getBytesAt(), ArrayRef<int64_t>({32, 32, 32, 32, 40, 24}));
  Value neg = getOp(block, 0)->getResult(0);
  EXPECT_EQ(getVersion(getOp(block, 3)->getResult(0)), neg);
  EXPECT_EQ(getBuffer(getOp(block, 3)->getResult(0)), neg);
  SmallVector<Operation *> readers = getReaders(neg);
  ASSERT_EQ(readers.size(), 1u);
  EXPECT_EQ(readers[0], getOp(block, 4));
}

TEST_F(LivenessTest, ValueThatNobodyReads) {
  BlockLiveness liveness(parse(R"mlir(
    func.func @f(%x: tensor<4xf32>) {
      %0 = fabric.neg %x : tensor<4xf32>
      %1 = fabric.sum %x dims = [0] : tensor<4xf32> -> tensor<f32>
      return
    })mlir"));
  EXPECT_EQ(liveness.getBytesAt(), ArrayRef<int64_t>({32, 20, 16}));
}

TEST_F(LivenessTest, UpdatesInPlace) {
  Block &block = parse(R"mlir(
    func.func @f(%p: tensor<4xf32>, %m: tensor<4xf32>, %v: tensor<4xf32>, %lr: tensor<f64>, %step: tensor<f64>)
        -> (tensor<4xf32>, tensor<4xf32>) {
      %g = fabric.neg %p : tensor<4xf32>
      %0, %1, %2 = fabric.adamw %p, %g, %m, %v, lr = %lr, step = %step {beta1 = 9.0e-1 : f64, beta2 = 9.99e-1 : f64, eps = 1.0e-8 : f64, weight_decay = 1.0e-2 : f64} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<f64>, tensor<f64>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
      %3 = fabric.reshape %0 : tensor<4xf32> -> tensor<2x2xf32>
      %4 = fabric.reshape %3 : tensor<2x2xf32> -> tensor<4xf32>
      %5 = fabric.neg %4 : tensor<4xf32>
      return %0, %5 : tensor<4xf32>, tensor<4xf32>
    })mlir");
  BlockLiveness liveness(block);
  // Three arguments of 16 bytes, two of 8; results take over the arguments.
  EXPECT_EQ(liveness.getBytesAt(), ArrayRef<int64_t>({80, 80, 64, 64, 80, 80}));
  Operation *update = getOp(block, 1);
  SmallVector<Value> updated = getUpdatedVersions(update);
  EXPECT_EQ(ArrayRef<Value>(updated),
            ArrayRef<Value>({block.getArgument(0), block.getArgument(1),
                             block.getArgument(2)}));
  // The new value is another version in the same buffer.
  Value view = getOp(block, 3)->getResult(0);
  EXPECT_EQ(getVersion(view), update->getResult(0));
  EXPECT_EQ(getBuffer(view), block.getArgument(0));
  SmallVector<Operation *> readers = getReaders(block.getArgument(0));
  EXPECT_EQ(readers.size(), 2u);
  EXPECT_TRUE(llvm::is_contained(readers, update));
  EXPECT_TRUE(llvm::is_contained(readers, getOp(block, 0)));
}

TEST_F(LivenessTest, ElementSizes) {
  BlockLiveness liveness(parse(R"mlir(
    func.func @f(%x: tensor<4xbf16>, %i: tensor<3xi1>) -> tensor<4xf64> {
      %0 = fabric.cast %x : tensor<4xbf16> -> tensor<4xf64>
      return %0 : tensor<4xf64>
    })mlir"));
  EXPECT_EQ(liveness.getPeakBytes(), 8 + 3 + 32);
}

} // namespace
