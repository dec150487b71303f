//===- PropagationTest.cpp - Tests of the sharding table ------------------===//
//
// The arithmetic between dims and factors, and what the models cannot show yet:
// an op that needs whole what is split around it.
//
//===----------------------------------------------------------------------===//

#include "compiler/Registration.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Sharding/Passes.h"
#include "passes/Sharding/ShardingTable.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::sharding;
using mlir::dist::Factor;

namespace {
//===----------------------------------------------------------------------===//
// test.whole and test.soft: all of a row on one rank; soft says how to do
// without
//===----------------------------------------------------------------------===//

dist::ShardingRule getRowRule(Operation *op) {
  ArrayRef<int64_t> shape =
      cast<RankedTensorType>(op->getResult(0).getType()).getShape();
  dist::ShardingRule rule;
  rule.factors = {{shape[0], Factor::Kind::Parallel, {}},
                  {shape[1], Factor::Kind::Whole, {}}};
  rule.operands = {{{0}, {1}}};
  rule.results = {{{0}, {1}}};
  return rule;
}

class WholeOp
    : public Op<WholeOp, OpTrait::ZeroRegions, OpTrait::OneResult,
                OpTrait::OneOperand, dist::ShardingOpInterface::Trait> {
public:
  using Op::Op;
  static StringRef getOperationName() { return "test.whole"; }
  static ArrayRef<StringRef> getAttributeNames() { return {}; }
  dist::ShardingRule getShardingRule() { return getRowRule(*this); }
};

class SoftOp
    : public Op<SoftOp, OpTrait::ZeroRegions, OpTrait::OneResult,
                OpTrait::OneOperand, dist::ShardingOpInterface::Trait> {
public:
  using Op::Op;
  static StringRef getOperationName() { return "test.soft"; }
  static ArrayRef<StringRef> getAttributeNames() { return {}; }
  dist::ShardingRule getShardingRule() { return getRowRule(*this); }
  LogicalResult decompose(RewriterBase &rewriter) {
    Type type = (*this)->getResult(0).getType();
    Value minus =
        fabric::NegOp::create(rewriter, getLoc(), type, (*this)->getOperand(0));
    rewriter.replaceOpWithNewOp<fabric::NegOp>(*this, type, minus);
    return success();
  }
};

class TestDialect : public Dialect {
public:
  explicit TestDialect(MLIRContext *context)
      : Dialect("test", context, TypeID::get<TestDialect>()) {
    addOperations<WholeOp, SoftOp>();
  }
  static StringRef getDialectNamespace() { return "test"; }
};

class PropagationTest : public ::testing::Test {
protected:
  PropagationTest() {
    DialectRegistry registry;
    fabric::registerDialects(registry);
    registry.insert<TestDialect>();
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    context.getDiagEngine().registerHandler([&](Diagnostic &diagnostic) {
      diagnostics.push_back(diagnostic.str());
      return success();
    });
  }

  /// Propagates through rows that are split by "dp", and by "tp" along the row.
  std::string propagate(StringRef op) {
    std::string text = (R"mlir(
#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh} {
func.func @f(%x: tensor<4x8xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>)
    -> (tensor<4x8xf32> {fabric.result = "y"}) {
  %0 = "fabric.silu"(%x) : (tensor<4x8xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>) -> tensor<4x8xf32>
  %1 = ")mlir" + op + R"mlir("(%0) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}
})mlir")
                           .str();
    OwningOpRef<ModuleOp> module =
        parseSourceString<ModuleOp>(text, ParserConfig(&context));
    if (!module)
      return "does not parse";
    auto pm = PassManager::on<ModuleOp>(&context);
    pm.addPass(createPropagatePass());
    pm.addPass(createVerifyShardedPass());
    if (failed(pm.run(*module)))
      return "fails";
    std::string result;
    llvm::raw_string_ostream os(result);
    module->print(os);
    return result;
  }

  MLIRContext context{MLIRContext::Threading::DISABLED};
  std::vector<std::string> diagnostics;
};

TEST_F(PropagationTest, OpThatNeedsAFactorWholeGathersAndSaysSo) {
  std::string text = propagate("test.whole");
  EXPECT_NE(text.find("dist.reshard"), std::string::npos) << text;
  EXPECT_NE(text.find("test.whole"), std::string::npos) << text;
  ASSERT_EQ(diagnostics.size(), 1u);
  EXPECT_EQ(
      diagnostics[0],
      "'test.whole' runs whole over axes {\"tp\"}: no block of its result "
      "corresponds to a block of dim 1 of operand 0, which is gathered");
}

TEST_F(PropagationTest, OpThatNeedsAFactorWholeIsDecomposed) {
  std::string text = propagate("test.soft");
  EXPECT_EQ(text.find("dist.reshard"), std::string::npos) << text;
  EXPECT_EQ(text.find("test.soft"), std::string::npos) << text;
  EXPECT_TRUE(diagnostics.empty());
}

//===----------------------------------------------------------------------===//
// Dims and factors
//===----------------------------------------------------------------------===//

class FactorAtomsTest : public PropagationTest {
protected:
  FactorAtomsTest()
      : atoms(dist::MeshAttr::get(
            &context,
            {StringAttr::get(&context, "a"), StringAttr::get(&context, "b")},
            {4, 3})),
        rule(dist::ShardingRule::forReshape({2, 6, 5}, {12, 5})) {}

  FactorAtoms read(const dist::TensorFactors &tensor, ArrayRef<AtomList> dims,
                   bool expectFits) {
    FactorAtoms factors;
    EXPECT_EQ(getFactorAtoms(atoms, rule, tensor, dims, factors), expectFits);
    return factors;
  }

  dist::MeshAtoms atoms; // a = 0, 1 of size 2; b = 2 of size 3
  dist::ShardingRule rule;
};

TEST_F(FactorAtomsTest, MajorFactorsAreFilledFirst) {
  FactorAtoms factors = read(rule.results[0], {{0, 1, 2}, {}}, true);
  EXPECT_EQ(factors[0], AtomList({0}));
  EXPECT_EQ(factors[1], AtomList({1, 2}));
  EXPECT_TRUE(factors[2].empty());
  auto dims = getDimAtoms(rule.operands[0], factors);
  EXPECT_EQ(dims[0], AtomList({0}));
  EXPECT_EQ(dims[1], AtomList({1, 2}));
  EXPECT_TRUE(dims[2].empty());
}

TEST_F(FactorAtomsTest, WhatDoesNotFitEndsTheDim) {
  // A third of 2 x 6 is no block of 2; what follows is out of reach.
  FactorAtoms factors = read(rule.results[0], {{2, 0}, {}}, false);
  EXPECT_TRUE(factors[0].empty());
  EXPECT_TRUE(factors[1].empty());
}

TEST_F(FactorAtomsTest, AMinorFactorNeedsTheMajorOneSplit) {
  FactorAtoms factors = read(rule.operands[0], {{}, {0}, {}}, true);
  EXPECT_TRUE(factors[0].empty());
  EXPECT_EQ(factors[1], AtomList({0}));
}
} // namespace
