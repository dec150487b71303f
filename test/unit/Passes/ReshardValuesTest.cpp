//===- ReshardValuesTest.cpp - Reshards keep values, bit by bit -----------===//
//
// A program for each placement of a small tensor: it makes the tensor there
// (terms come from a sum over a split dim) and reshards it to others, directly
// and, where the target has terms too, in two steps. After partition it runs on
// simulated devices; with whole numbers every rank must hold the same bits as
// the unsharded program.
//
//===----------------------------------------------------------------------===//

#include "AllPlacements.h"
#include "compiler/Interpreter/Interpreter.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Partition/Passes.h"
#include "gtest/gtest.h"
#include <random>

using namespace mlir;
using namespace mlir::analysis;
using fabric::interpreter::Tensor;

namespace {

class ReshardValuesTest : public ::testing::Test {
protected:
  ReshardValuesTest() {
    context.loadDialect<dist::DistDialect, fabric::FabricDialect,
                        func::FuncDialect>();
  }

  /// Every placement to about `numTargets` others.
  void check(ArrayRef<int64_t> sizes, std::vector<int64_t> shape,
             size_t numTargets) {
    SmallVector<StringAttr> names;
    for (size_t axis = 0; axis < sizes.size(); ++axis)
      names.push_back(StringAttr::get(&context, std::string(1, 'a' + axis)));
    dist::MeshAtoms atoms(dist::MeshAttr::get(&context, names, sizes));
    std::vector<int> atomSizes;
    for (unsigned atom = 0; atom < atoms.size(); ++atom)
      atomSizes.push_back(atoms.getSize(atom));
    AllPlacements placements(atomSizes, shape);
    for (const Where &from : placements.get()) {
      std::vector<Placement> targets;
      for (const Where &to : placements.get())
        if (random() % placements.get().size() < numTargets &&
            std::includes(from.back().begin(), from.back().end(),
                          to.back().begin(), to.back().end()))
          targets.push_back(AllPlacements::toPlacement(to));
      checkFrom(atoms, shape, AllPlacements::toPlacement(from), targets);
      if (HasFatalFailure())
        return;
    }
  }

  void checkFrom(const dist::MeshAtoms &atoms, ArrayRef<int64_t> shape,
                 const Placement &from, ArrayRef<Placement> targets) {
    OpBuilder b(&context);
    Location loc = b.getUnknownLoc();
    OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
    module->getOperation()->setAttr(dist::DistDialect::kMeshAttr,
                                    atoms.getMesh());
    Type element = b.getF64Type();
    auto type = [&](ArrayRef<int64_t> shape, const Placement &placement) {
      return RankedTensorType::get(
          shape, element,
          placement.toSharding(atoms, dist::ReductionKind::Sum));
    };

    // x, whose sum over dim 0 has the terms.
    SmallVector<int64_t> wholeShape = {2 * atoms.getNumParts(from.partial)};
    llvm::append_range(wholeShape, shape);
    Placement whole;
    whole.dims.push_back(from.partial);
    llvm::append_range(whole.dims, from.dims);
    RankedTensorType argument = type(wholeShape, whole);
    SmallVector<Type> results;
    for (Placement to : targets) {
      to.partial.clear();
      results.push_back(type(shape, to));
    }
    b.setInsertionPointToEnd(module->getBody());
    auto function = func::FuncOp::create(
        b, loc, "f", b.getFunctionType({argument}, results));
    b.setInsertionPointToEnd(function.addEntryBlock());
    RankedTensorType source = type(shape, from);
    Value value = fabric::SumOp::create(b, loc, source, function.getArgument(0),
                                        ArrayRef<int64_t>{0});
    SmallVector<Value> values;
    for (auto [to, result] : llvm::zip_equal(targets, results)) {
      Value there = dist::ReshardOp::create(b, loc, type(shape, to), value);
      values.push_back(dist::ReshardOp::create(b, loc, result, there));
    }
    func::ReturnOp::create(b, loc, values);

    Tensor input = Tensor::zeros(argument);
    for (double &element : input.floats)
      element = double(random() % 33) - 16;
    FailureOr<SmallVector<Tensor>> expected =
        fabric::interpreter::interpret(function, {input});
    ASSERT_TRUE(succeeded(expected));

    PassManager pm(&context);
    pm.addPass(partition::createReshardToCollectivesPass());
    pm.addPass(partition::createCombineCollectivesPass());
    pm.addPass(partition::createLocalisePass());
    pm.addPass(partition::createVerifyPartitionedPass());
    ASSERT_TRUE(succeeded(pm.run(*module)));
    fabric::interpreter::Options options;
    options.replicaTolerance = 0;
    FailureOr<SmallVector<Tensor>> actual = fabric::interpreter::interpret(
        *module->getOps<func::FuncOp>().begin(), {input}, options);
    ASSERT_TRUE(succeeded(actual));
    ASSERT_EQ(actual->size(), targets.size());
    for (size_t i = 0; i < targets.size(); ++i) {
      std::string text;
      llvm::raw_string_ostream(text) << source << " to " << results[i];
      ASSERT_TRUE(
          fabric::interpreter::isBitwiseEqual((*expected)[i], (*actual)[i]))
          << text;
    }
  }

  MLIRContext context;
  std::mt19937 random{3};
};

TEST_F(ReshardValuesTest, TwoAtoms) {
  check({2, 2}, {4, 8}, SIZE_MAX);
  check({4}, {8, 4}, SIZE_MAX);
  check({3, 2}, {6, 12}, SIZE_MAX);
  check({1, 4}, {4, 4, 4}, 10);
  check({2, 2}, {}, SIZE_MAX);
}

TEST_F(ReshardValuesTest, ThreeAtoms) {
  check({2, 4}, {8, 8}, 60);
  check({8}, {8, 16}, 60);
  check({2, 2, 2}, {8, 8}, 60);
  check({2, 2, 2}, {8, 2}, 30);
}

} // namespace
