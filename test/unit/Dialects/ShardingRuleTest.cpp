//===- ShardingRuleTest.cpp - Rules of reshapes, atoms of axes ------------===//

#include "dialects/Dist/IR/Axes.h"
#include "dialects/Dist/IR/Dist.h"
#include "mlir/IR/MLIRContext.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::dist;

namespace {

/// The sizes of the factors of every dim, with w for those that stay whole.
std::string describe(const ShardingRule &rule,
                     const SmallVector<TensorFactors> &tensors) {
  std::string text;
  for (const DimFactors &dim : tensors[0]) {
    text += "[";
    for (unsigned factor : dim) {
      text += std::to_string(rule.factors[factor].size);
      if (rule.factors[factor].kind == Factor::Kind::Whole)
        text += "w";
      text += " ";
    }
    if (text.back() == ' ')
      text.pop_back();
    text += "]";
  }
  return text;
}

struct ReshapeCase {
  SmallVector<int64_t> from, to;
  std::string operand, result;
};

TEST(ReshapeRule, SplitsAndMergesDims) {
  ReshapeCase cases[] = {
      {{16, 128}, {4, 4, 128}, "[4 4][128]", "[4][4][128]"},
      {{4, 8, 32}, {32, 32}, "[4][8][32]", "[4 8][32]"},
      {{6, 4}, {24}, "[6][4]", "[6 4]"},
      {{1}, {}, "[]", ""},
      {{12, 5}, {5, 12}, "[12w][5w]", "[5w][12w]"},
      {{6, 4}, {4, 6}, "[2 3w][4w]", "[2 2w][6w]"},
      {{8, 1, 3}, {8, 3}, "[8][][3]", "[8][3]"},
      {{8}, {2, 2, 2}, "[2 2 2]", "[2][2][2]"},
      {{2, 12}, {4, 6}, "[2][2 6]", "[2 2][6]"},
  };
  for (const ReshapeCase &c : cases) {
    ShardingRule rule = ShardingRule::forReshape(c.from, c.to);
    EXPECT_EQ(describe(rule, rule.operands), c.operand);
    EXPECT_EQ(describe(rule, rule.results), c.result);
  }
}

/// A shared factor means the same elements on both sides: checked by walking
/// all elements of both shapes.
TEST(ReshapeRule, SharedFactorsAreTheSameIndex) {
  for (auto [from, to] :
       std::vector<std::pair<SmallVector<int64_t>, SmallVector<int64_t>>>{
           {{6, 4}, {4, 6}},
           {{2, 12}, {4, 6}},
           {{4, 8, 3}, {32, 3}},
           {{12, 10}, {8, 15}},
           {{5, 6, 4}, {30, 4}},
           {{8, 9}, {6, 12}}}) {
    ShardingRule rule = ShardingRule::forReshape(from, to);
    int64_t elements = 1;
    for (int64_t size : from)
      elements *= size;
    auto indexes = [&](int64_t element, ArrayRef<int64_t> shape,
                       const TensorFactors &dims) {
      SmallVector<int64_t> index(rule.factors.size(), -1);
      for (int64_t dim = shape.size() - 1; dim >= 0; --dim) {
        int64_t position = element % shape[dim];
        element /= shape[dim];
        for (unsigned factor : llvm::reverse(dims[dim])) {
          index[factor] = position % rule.factors[factor].size;
          position /= rule.factors[factor].size;
        }
        EXPECT_EQ(position, 0);
      }
      return index;
    };
    for (int64_t e = 0; e < elements; ++e) {
      auto a = indexes(e, from, rule.operands[0]);
      auto b = indexes(e, to, rule.results[0]);
      for (auto [factor, l, r] : llvm::zip(rule.factors, a, b))
        if (factor.kind == Factor::Kind::Parallel)
          EXPECT_EQ(l, r);
    }
  }
}

class AtomsTest : public ::testing::Test {
protected:
  AtomsTest() { context.loadDialect<DistDialect>(); }
  MeshAttr mesh(ArrayRef<StringRef> names, ArrayRef<int64_t> sizes) {
    SmallVector<StringAttr> attrs;
    for (StringRef name : names)
      attrs.push_back(StringAttr::get(&context, name));
    return MeshAttr::get(&context, attrs, sizes);
  }
  MLIRContext context;
};

TEST_F(AtomsTest, CutAxesIntoPrimes) {
  MeshAtoms atoms(mesh({"dp", "one", "tp"}, {2, 1, 12}));
  ASSERT_EQ(atoms.size(), 4u); // 2 | 2 2 3
  EXPECT_EQ(atoms.getSize(3), 3);
  auto whole = AxesAttr::get(&context, {AxisRefAttr::get(&context, "tp"),
                                        AxisRefAttr::get(&context, "dp")});
  EXPECT_EQ(atoms.getAtoms(whole), (AtomList{1, 2, 3, 0}));
  EXPECT_EQ(atoms.getAxes({1, 2, 3, 0}), whole);
  EXPECT_EQ(atoms.getNumParts({1, 2, 3, 0}), 24);
}

TEST_F(AtomsTest, NameSubAxes) {
  MeshAtoms atoms(mesh({"tp"}, {8}));
  EXPECT_EQ(atoms.getAxes({1}).str(), "{\"tp\":(2)2}");
  EXPECT_EQ(atoms.getAxes({1, 2}).str(), "{\"tp\":(2)4}");
  // In another order they are no longer one sub-axis.
  EXPECT_EQ(atoms.getAxes({2, 1}).str(), "{\"tp\":(4)2, \"tp\":(2)2}");
  EXPECT_EQ(atoms.getAtoms(atoms.getAxes({2, 1})), (AtomList{2, 1}));
}

TEST_F(AtomsTest, LocalShapes) {
  MeshAttr m = mesh({"dp", "tp"}, {2, 3});
  auto axes = [&](std::initializer_list<StringRef> names) {
    SmallVector<AxisRefAttr> refs;
    for (StringRef name : names)
      refs.push_back(AxisRefAttr::get(&context, name));
    return AxesAttr::get(&context, refs);
  };
  ShardingAttr sharding = ShardingAttr::get(m, {axes({"tp", "dp"}), axes({})});
  EXPECT_EQ(sharding.getLocalShape({12, 5}), (SmallVector<int64_t>{2, 5}));
  EXPECT_FALSE(sharding.isReplicated());
  EXPECT_TRUE(ShardingAttr::getReplicated(m, 2).isReplicated());
}

} // namespace
