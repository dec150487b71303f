//===- LayoutSearchTest.cpp - The layout search against exhaustive search -===//
//
// The oracle tries every choice of strategies, cutting off what cannot beat the
// search's own total any more. It shares nothing with the search but the price
// of one tensor, which is held against the reshard planner.
//
//===----------------------------------------------------------------------===//

#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Analysis/LayoutChoices.h"
#include "passes/Analysis/ReshardPlanner.h"
#include "passes/Sharding/ChooseTpGraph.h"
#include "passes/Training/Passes.h"
#include "gtest/gtest.h"
#include <random>

using namespace mlir;
using namespace mlir::analysis;

namespace {

//===----------------------------------------------------------------------===//
// The oracle
//===----------------------------------------------------------------------===//

class Oracle {
public:
  Oracle(const LayoutGraph &graph, std::optional<LayoutCost> bound)
      : graph(graph), best(bound), needed(graph.tensors.size()),
        left(graph.tensors.size()), lastTouch(graph.tensors.size(), -1),
        rest(graph.ops.size() + 1) {
    for (int index = graph.ops.size() - 1; index >= 0; --index) {
      const LayoutOp &op = graph.ops[index];
      LayoutCost least = op.strategies.front().cost;
      for (const LayoutStrategy &strategy : op.strategies) {
        // Componentwise, so that sums stay below all others.
        least.flops = std::min(least.flops, strategy.cost.flops);
        least.weightBytes =
            std::min(least.weightBytes, strategy.cost.weightBytes);
        least.traffic = std::min(least.traffic, strategy.cost.traffic);
      }
      rest[index] = rest[index + 1] + least;
    }
    for (auto [index, op] : llvm::enumerate(graph.ops)) {
      for (unsigned tensor : op.operands)
        lastTouch[tensor] = index;
      for (unsigned tensor : op.results)
        lastTouch[tensor] = index;
    }
  }

  /// The least cost, if any choice costs no more than the bound.
  std::optional<LayoutCost> run() {
    visit(0, {});
    return found ? best : std::nullopt;
  }

private:
  void visit(unsigned index, LayoutCost cost) {
    if (best && *best < cost + rest[index])
      return;
    if (index == graph.ops.size()) {
      best = cost;
      found = true;
      return;
    }
    const LayoutOp &op = graph.ops[index];
    for (const LayoutStrategy &strategy : op.strategies) {
      auto neededBefore = needed;
      auto leftBefore = left;
      LayoutCost after = cost + strategy.cost;
      for (auto [tensor, need] : llvm::zip_equal(op.operands, strategy.needs))
        needed[tensor] |= need;
      for (auto [tensor, state] : llvm::zip_equal(op.results, strategy.results))
        left[tensor] = state;
      SmallVector<unsigned> touched(ArrayRef<unsigned>(op.operands));
      llvm::append_range(touched, op.results);
      llvm::sort(touched);
      touched.erase(llvm::unique(touched), touched.end());
      bool isPossible = true;
      for (unsigned tensor : touched) {
        if (lastTouch[tensor] != int(index))
          continue;
        auto charge = chargeTensor(graph.axisSize, graph.tensors[tensor],
                                   *left[tensor], needed[tensor]);
        isPossible &= charge.has_value();
        if (charge)
          after += charge->toCost();
      }
      if (isPossible)
        visit(index + 1, after);
      needed = neededBefore;
      left = leftBefore;
    }
  }

  const LayoutGraph &graph;
  std::optional<LayoutCost> best;
  bool found = false;
  SmallVector<LayoutNeeds> needed;
  SmallVector<std::optional<LayoutState>> left;
  SmallVector<int> lastTouch;
  SmallVector<LayoutCost> rest;
};

std::string str(const LayoutCost &cost) {
  return std::to_string(cost.flops) + " FLOPs, " +
         std::to_string(cost.weightBytes) + " weights, " +
         std::to_string(cost.traffic) + " traffic, " +
         std::to_string(cost.numCollectives) + " collectives";
}

void expectOptimal(const LayoutGraph &graph, const std::string &what) {
  std::optional<LayoutPlan> plan = searchLayouts(graph);
  ASSERT_TRUE(plan.has_value()) << what;
  EXPECT_FALSE(plan->isCut) << what;
  std::optional<LayoutTotals> totals = evaluateLayouts(graph, plan->strategies);
  ASSERT_TRUE(totals.has_value()) << what;
  EXPECT_EQ(totals->cost, plan->totals.cost) << what;
  std::optional<LayoutCost> least = Oracle(graph, totals->cost).run();
  ASSERT_TRUE(least.has_value()) << what << ": " << str(totals->cost);
  EXPECT_EQ(*least, totals->cost)
      << what << ": " << str(*least) << " against " << str(totals->cost);
}

//===----------------------------------------------------------------------===//
// Prices
//===----------------------------------------------------------------------===//

TEST(LayoutSearch, PricesAreThePlanners) {
  MLIRContext context;
  context.loadDialect<dist::DistDialect>();
  for (int64_t size : {2, 3, 4, 6}) {
    auto mesh = dist::MeshAttr::get(&context, {StringAttr::get(&context, "tp")},
                                    {size});
    ReshardPlanner planner(mesh);
    dist::AtomList atoms =
        planner.getAtoms().getAtoms(dist::AxisRefAttr::get(&context, "tp"));
    SmallVector<int64_t> shape{12 * size, 24};
    LayoutTensor tensor{12 * size * 24 * 4, true};
    auto place = [&](LayoutState state) {
      Placement placement;
      placement.dims.resize(2);
      if (state.isSplit())
        placement.dims[state.getDim()] = atoms;
      else if (state.isPartial())
        placement.partial = atoms;
      return placement;
    };
    for (unsigned from = 0; from < 4; ++from)
      for (unsigned to : {0, 2, 3}) {
        LayoutState left = LayoutState::fromCode(from),
                    needed = LayoutState::fromCode(to);
        const ReshardPlan &plan =
            planner.getPlan(shape, 4, place(left), place(needed));
        auto charge = chargeTensor(size, tensor, left, needs(needed));
        ASSERT_TRUE(charge.has_value());
        EXPECT_EQ(charge->sentBytes, plan.bytes)
            << size << " ranks, " << from << " to " << to;
        if (plan.bytes > 0)
          EXPECT_EQ(charge->numCollectives, int64_t(plan.steps.size()))
              << size << " ranks, " << from << " to " << to;
      }
  }
}

TEST(LayoutSearch, UsersShareWhatIsSent) {
  LayoutTensor tensor{1200, true};
  LayoutState whole = LayoutState::replicated(), terms = LayoutState::partial();
  LayoutState rows = LayoutState::split(0), columns = LayoutState::split(1),
              third = LayoutState::split(2);
  auto sent = [&](LayoutState left, LayoutNeeds needed) {
    auto charge = chargeTensor(4, tensor, left, needed);
    return charge ? charge->sentBytes : -1;
  };
  // A gather serves every other split.
  EXPECT_EQ(sent(rows, needs(whole) | needs(columns) | needs(rows)), 900);
  EXPECT_EQ(sent(rows, needs(columns)), 225);
  EXPECT_EQ(sent(rows, needs(columns) | needs(third)), 450);
  // A reduction to all serves every split; a scatter and an exchange are less.
  EXPECT_EQ(sent(terms, needs(whole) | needs(rows)), 1800);
  EXPECT_EQ(sent(terms, needs(rows)), 900);
  EXPECT_EQ(sent(terms, needs(rows) | needs(columns) | needs(terms)), 1125);
  EXPECT_EQ(sent(whole, needs(rows) | needs(columns)), 0);
  // Terms cannot be made.
  EXPECT_EQ(sent(whole, needs(terms)), -1);
  EXPECT_EQ(sent(rows, needs(terms)), -1);
  // A result is reduced or left split.
  EXPECT_EQ(sent(terms, needsReduced()), 1800);
  EXPECT_EQ(sent(rows, needsReduced()), 0);
  // In place, and not scattered.
  EXPECT_EQ(sent(whole, needsExactly(rows)), -1);
  EXPECT_EQ(sent(rows, needsExactly(rows)), 0);
  EXPECT_EQ(sent(terms, needsUnscattered(rows)), -1);
  EXPECT_EQ(sent(columns, needsUnscattered(rows)), 225);
  // A parameter stays.
  tensor.movable = false;
  EXPECT_EQ(sent(rows, needs(whole)), -1);
  EXPECT_EQ(sent(whole, needs(rows)), 0);
}

//===----------------------------------------------------------------------===//
// Random graphs
//===----------------------------------------------------------------------===//

class RandomGraph {
public:
  explicit RandomGraph(unsigned seed) : random(seed) {}

  LayoutGraph make() {
    LayoutGraph graph;
    graph.axisSize = pick(2, 4);
    unsigned numOps = pick(3, 8);
    for (unsigned index = 0; index < numOps; ++index) {
      // Multiples of all squares of axis sizes.
      graph.tensors.push_back({144 * pick(1, 30), pick(0, 4) > 0});
      LayoutOp op;
      for (int i = 0, e = index == 0 ? 0 : pick(0, 3); i < e; ++i)
        op.operands.push_back(pick(0, index - 1));
      op.results.push_back(index);
      for (int i = 0, e = pick(1, 4); i < e; ++i) {
        LayoutStrategy &strategy = op.strategies.emplace_back();
        for (size_t operand = 0; operand < op.operands.size(); ++operand)
          strategy.needs.push_back(pickNeeds());
        strategy.results.push_back(pickState());
        strategy.cost = {pick(0, 20) == 0, pick(0, 10) == 0,
                         pick(0, 3) * 16 * 144, 0};
      }
      graph.ops.push_back(std::move(op));
    }
    // The order may be any.
    std::shuffle(graph.ops.begin(), graph.ops.end(), random);
    return graph;
  }

private:
  int64_t pick(int64_t from, int64_t to) {
    return std::uniform_int_distribution<int64_t>(from, to)(random);
  }
  LayoutState pickState() { return LayoutState::fromCode(pick(0, 3)); }
  LayoutNeeds pickNeeds() {
    switch (pick(0, 8)) {
    case 0:
      return needsExactly(pickState());
    case 1:
      return needsReduced();
    case 2:
      return needsUnscattered(LayoutState::split(pick(0, 1)));
    default:
      return needs(pickState());
    }
  }
  std::mt19937 random;
};

TEST(LayoutSearch, RandomGraphsAreOptimal) {
  unsigned numPossible = 0;
  for (unsigned seed = 0; seed < 4000; ++seed) {
    LayoutGraph graph = RandomGraph(seed).make();
    std::string what = "seed " + std::to_string(seed);
    if (searchLayouts(graph)) {
      ++numPossible;
      expectOptimal(graph, what);
    } else {
      EXPECT_FALSE(Oracle(graph, std::nullopt).run().has_value()) << what;
    }
  }
  EXPECT_GT(numPossible, 1000u);
}

TEST(LayoutSearch, NarrowBeamsStillFindPlans) {
  unsigned numCut = 0;
  for (unsigned seed = 0; seed < 500; ++seed) {
    LayoutGraph graph = RandomGraph(seed).make();
    std::optional<LayoutPlan> best = searchLayouts(graph),
                              narrow = searchLayouts(graph, 2);
    ASSERT_EQ(best.has_value(), narrow.has_value()) << seed;
    if (!best)
      continue;
    numCut += narrow->isCut;
    EXPECT_LE(best->totals.cost, narrow->totals.cost);
    if (!narrow->isCut)
      EXPECT_EQ(best->totals.cost, narrow->totals.cost);
  }
  EXPECT_GT(numCut, 50u);
}

/// What a neighbour rules out is in no choice that is possible.
TEST(LayoutChoices, WhatIsRuledOutIsImpossible) {
  unsigned numRuledOut = 0;
  for (unsigned seed = 0; seed < 500; ++seed) {
    LayoutGraph graph = RandomGraph(seed).make();
    std::optional<LayoutChoices> choices = findChoices(graph);
    ASSERT_EQ(choices.has_value(),
              Oracle(graph, std::nullopt).run().has_value())
        << seed;
    if (!choices)
      continue;
    EXPECT_TRUE(evaluateLayouts(graph, choices->example)) << seed;
    for (auto [index, op] : llvm::enumerate(graph.ops))
      for (unsigned strategy = 0; strategy < op.strategies.size(); ++strategy) {
        if (choices->strategies[index].test(strategy))
          continue;
        ++numRuledOut;
        LayoutGraph only = graph;
        only.ops[index].strategies = {op.strategies[strategy]};
        EXPECT_FALSE(Oracle(only, std::nullopt).run().has_value()) << seed;
      }
  }
  EXPECT_GT(numRuledOut, 500u);
}

/// Two tensors that stay where they are, and an op that takes both alike.
TEST(LayoutChoices, SaysWhatIsInConflict) {
  LayoutGraph graph;
  graph.axisSize = 2;
  for (int i = 0; i < 2; ++i)
    graph.tensors.push_back({144, /*movable=*/false});
  auto add = [&](ArrayRef<unsigned> operands, ArrayRef<unsigned> results,
                 ArrayRef<LayoutState> states) {
    LayoutOp &op = graph.ops.emplace_back();
    op.operands.append(operands.begin(), operands.end());
    op.results.append(results.begin(), results.end());
    for (LayoutState state : states) {
      LayoutStrategy &strategy = op.strategies.emplace_back();
      strategy.needs.assign(operands.size(), needsExactly(state));
      strategy.results.assign(results.size(), state);
    }
  };
  LayoutState rows = LayoutState::split(0), columns = LayoutState::split(1);
  add({}, {0}, {rows, columns});
  add({}, {1}, {columns, rows});
  add({0, 1}, {}, {rows, columns});
  LayoutConflict conflict;
  EXPECT_TRUE(searchLayouts(graph, 1, &conflict));
  // The first stays on rows, the other on columns: their user has nothing left.
  graph.ops[0].strategies.pop_back();
  graph.ops[1].strategies.pop_back();
  EXPECT_FALSE(searchLayouts(graph, 1, &conflict));
  EXPECT_EQ(conflict.user, 2u);
  EXPECT_EQ(conflict.maker, conflict.tensor);
  EXPECT_EQ(conflict.left, needs(conflict.tensor == 0 ? rows : columns));
  EXPECT_EQ(conflict.needed,
            needsExactly(conflict.tensor == 0 ? columns : rows));
}

/// Parameters that are cheapest split, and that the last op needs alike, at
/// least cost whole: a beam that keeps the cheapest only has nothing left
/// there.
TEST(LayoutSearch, NarrowBeamsKeepWhatCanBeCompleted) {
  constexpr unsigned kParameters = 12;
  LayoutGraph graph;
  graph.axisSize = 2;
  LayoutOp last;
  last.strategies.emplace_back();
  for (unsigned index = 0; index < kParameters; ++index) {
    graph.tensors.push_back({144, /*movable=*/false});
    LayoutOp parameter;
    parameter.results.push_back(index);
    for (LayoutState state : {LayoutState::split(0), LayoutState::split(1),
                              LayoutState::replicated()}) {
      LayoutStrategy &strategy = parameter.strategies.emplace_back();
      strategy.results.push_back(state);
      strategy.cost.weightBytes = state.isSplit() ? 72 : 144;
    }
    graph.ops.push_back(std::move(parameter));
    last.operands.push_back(index);
    last.strategies.front().needs.push_back(needs(LayoutState::replicated()));
  }
  // No neighbour rules out that one of them is split.
  for (LayoutState state : {LayoutState::split(0), LayoutState::split(1)}) {
    LayoutStrategy &strategy = last.strategies.emplace_back();
    strategy.needs.assign(kParameters, needs(state));
    strategy.cost.flops = 1;
  }
  graph.ops.push_back(std::move(last));
  for (size_t beam : {1, 2, 256}) {
    std::optional<LayoutPlan> plan = searchLayouts(graph, beam);
    ASSERT_TRUE(plan.has_value()) << beam;
    EXPECT_TRUE(plan->isCut);
    EXPECT_EQ(plan->totals.cost.weightBytes, 144 * kParameters);
  }
}

//===----------------------------------------------------------------------===//
// Models
//===----------------------------------------------------------------------===//

/// Writes models of linears down.
class Model {
public:
  struct Tensor {
    std::string name;
    SmallVector<int64_t> shape;
  };

  static std::string type(ArrayRef<int64_t> shape) {
    std::string text = "tensor<";
    for (int64_t size : shape)
      text += std::to_string(size) + "x";
    return text + "f32>";
  }

  Tensor input(SmallVector<int64_t> shape) {
    return argument(shape, "fabric.input = #fabric.input<\"x" +
                               std::to_string(count) + "\", batch_dim = 0>");
  }
  Tensor parameter(SmallVector<int64_t> shape) {
    return argument(shape, "fabric.param = #fabric.param<\"w" +
                               std::to_string(count) + "\">");
  }
  Tensor linear(const Tensor &x, const Tensor &w) {
    Tensor y{next(), {x.shape[0], w.shape[0]}};
    body += y.name + " = fabric.linear " + x.name + ", " + w.name + " : (" +
            type(x.shape) + ", " + type(w.shape) + ") -> " + type(y.shape) +
            "\n";
    return y;
  }
  Tensor linear(const Tensor &x, int64_t size) {
    return linear(x, parameter({size, x.shape.back()}));
  }
  Tensor bias(const Tensor &x) {
    Tensor b = parameter({x.shape.back()}), wide{next(), x.shape};
    body += wide.name + " = fabric.broadcast " + b.name +
            " dims = [1] : " + type(b.shape) + " -> " + type(x.shape) + "\n";
    return apply("add", {x, wide});
  }
  Tensor apply(const std::string &op, ArrayRef<Tensor> operands) {
    Tensor y{next(), operands.front().shape};
    body += y.name + " = fabric." + op + " ";
    for (size_t i = 0; i < operands.size(); ++i)
      body += (i == 0 ? "" : ", ") + operands[i].name;
    body += " : " + type(y.shape) + "\n";
    return y;
  }
  Tensor silu(const Tensor &x) { return apply("silu", {x}); }
  Tensor gated(const Tensor &x, int64_t hidden) {
    Tensor a = silu(linear(x, hidden)), b = linear(x, hidden);
    return linear(apply("mul", {a, b}), x.shape.back());
  }

  std::string finish(const Tensor &y, bool isTrained) {
    Tensor result = y;
    if (isTrained) {
      result = {next(), {}};
      body += result.name + " = fabric.sum " + y.name +
              " dims = [0, 1] : " + type(y.shape) + " -> tensor<f32>\n";
    }
    std::string attributes =
        isTrained ? " attributes {fabric.train = #fabric.train<adamw>}" : "";
    return "module" + attributes + " {\nfunc.func @f(" + arguments + ") -> (" +
           type(result.shape) + " {fabric.result = \"y\"}) {\n" + body +
           "return " + result.name + " : " + type(result.shape) + "\n}\n}\n";
  }

private:
  Tensor argument(SmallVector<int64_t> shape, const std::string &attribute) {
    Tensor tensor{next(), shape};
    arguments += (arguments.empty() ? "" : ", ") + tensor.name + ": " +
                 type(shape) + " {" + attribute + "}";
    return tensor;
  }
  std::string next() { return "%v" + std::to_string(count++); }

  unsigned count = 0;
  std::string arguments, body;
};

class TpModels : public ::testing::Test {
protected:
  TpModels() {
    context.loadDialect<fabric::FabricDialect, func::FuncDialect>();
  }

  sharding::TpProblem build(const std::string &text, int64_t size) {
    module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module) << text;
    PassManager passes(&context);
    passes.addPass(training::createDifferentiatePass());
    passes.addPass(training::createApplyOptimizerPass());
    passes.addNestedPass<func::FuncOp>(createCSEPass());
    EXPECT_TRUE(succeeded(passes.run(*module)));
    auto mesh = dist::MeshAttr::get(
        &context,
        {StringAttr::get(&context, "dp"), StringAttr::get(&context, "tp")},
        {2, size});
    return sharding::buildTpProblem(*module->getOps<func::FuncOp>().begin(),
                                    mesh);
  }

  void check(const std::string &name,
             function_ref<Model::Tensor(Model &)> describe) {
    for (bool isTrained : {false, true})
      for (int64_t size : {2, 3, 4}) {
        Model model;
        std::string text = model.finish(describe(model), isTrained);
        std::string what = name + (isTrained ? ", trained, " : ", ") +
                           std::to_string(size) + " ranks";
        LayoutGraph graph = build(text, size).graph;
        expectOptimal(graph, what);
        // That some plan is possible is seen at once.
        std::optional<LayoutChoices> choices = findChoices(graph);
        ASSERT_TRUE(choices.has_value()) << what;
        EXPECT_EQ(choices->numTakenBack, 0) << what;
      }
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

TEST_F(TpModels, Chains) {
  check("two linears", [](Model &m) {
    return m.linear(m.linear(m.input({4, 12}), 24), 12);
  });
  check("four linears", [](Model &m) {
    auto x = m.input({4, 12});
    for (int64_t size : {12, 12, 12, 12})
      x = m.linear(x, size);
    return x;
  });
  check("with activations", [](Model &m) {
    auto x = m.input({4, 12});
    for (int64_t size : {24, 12, 36})
      x = m.silu(m.linear(x, size));
    return x;
  });
  check("what nothing divides", [](Model &m) {
    return m.linear(m.silu(m.linear(m.linear(m.input({4, 5}), 7), 12)), 11);
  });
}

TEST_F(TpModels, Mlp) {
  check("mlp", [](Model &m) {
    auto h = m.silu(m.bias(m.linear(m.input({4, 12}), 24)));
    return m.bias(m.linear(h, 12));
  });
}

TEST_F(TpModels, GatedFeedForward) {
  check("gated", [](Model &m) { return m.gated(m.input({4, 12}), 24); });
}

TEST_F(TpModels, Residual) {
  check("residual", [](Model &m) {
    auto x = m.linear(m.input({4, 12}), 12);
    auto y = m.linear(m.silu(m.linear(x, 24)), 12);
    return m.apply("add", {x, y});
  });
}

TEST_F(TpModels, Branches) {
  check("branches", [](Model &m) {
    auto x = m.linear(m.input({4, 12}), 12);
    auto a = m.linear(m.silu(x), 24), b = m.linear(x, 24);
    return m.linear(m.apply("sub", {a, b}), 12);
  });
}

TEST_F(TpModels, SharedParameter) {
  check("shared", [](Model &m) {
    auto w = m.parameter({12, 12});
    auto x = m.silu(m.linear(m.input({4, 12}), w));
    return m.linear(m.linear(x, w), 24);
  });
}

/// Layers that repeat are searched once, and the same plan is found again.
TEST_F(TpModels, TimeIsLinearInLayers) {
  auto chain = [&](int length) {
    Model model;
    auto x = model.input({4, 12});
    for (int i = 0; i < length; ++i)
      x = model.silu(model.bias(model.linear(x, 12)));
    return build(model.finish(x, true), 2);
  };
  std::optional<LayoutPlan> few = searchLayouts(chain(50).graph),
                            many = searchLayouts(chain(500).graph);
  ASSERT_TRUE(few && many);
  EXPECT_FALSE(many->isCut);
  EXPECT_LT(many->numTransitions, 2 * few->numTransitions);

  // Where no two layers are alike, work grows with their number only.
  auto stack = [&](int length) {
    Model model;
    auto x = model.input({4, 12});
    for (int i = 0; i < length; ++i)
      x = model.apply("add", {x, model.gated(x, 12 + 6 * (i % 60))});
    return build(model.finish(x, true), 3);
  };
  few = searchLayouts(stack(30).graph);
  many = searchLayouts(stack(120).graph);
  ASSERT_TRUE(few && many);
  EXPECT_FALSE(many->isCut);
  EXPECT_LT(many->numTransitions, 5 * few->numTransitions);
}

TEST_F(TpModels, TheSamePlanEveryTime) {
  Model model;
  auto x = model.input({4, 12});
  for (int i = 0; i < 4; ++i)
    x = model.silu(model.linear(x, 12));
  std::string text = model.finish(x, true);
  std::optional<LayoutPlan> first = searchLayouts(build(text, 2).graph);
  ASSERT_TRUE(first);
  for (int i = 0; i < 3; ++i) {
    std::optional<LayoutPlan> again = searchLayouts(build(text, 2).graph);
    ASSERT_TRUE(again);
    EXPECT_EQ(first->strategies, again->strategies);
  }
}

} // namespace
