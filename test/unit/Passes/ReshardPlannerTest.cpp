//===- ReshardPlannerTest.cpp - Plans against exhaustive search -----------===//
//
// The oracle knows nothing of tokens, bounds or Dijkstra: it builds the graph
// of all placements of a tensor, edge by edge, and relaxes every edge until
// nothing changes.
//
//===----------------------------------------------------------------------===//

#include "passes/Analysis/ReshardPlanner.h"
#include "AllPlacements.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"
#include <map>
#include <numeric>
#include <random>
#include <set>

using namespace mlir;
using namespace mlir::analysis;

namespace {

using List = std::vector<int>;

struct Oracle {
  std::vector<int> atomSizes;
  std::vector<int64_t> shape;
  int64_t elementBytes = 4;

  std::vector<Where> nodes;
  std::map<Where, int> index;

  int parts(const List &list) const {
    int product = 1;
    for (int atom : list)
      product *= atomSizes[atom];
    return product;
  }

  int64_t localBytes(const Where &where) const {
    int64_t bytes = elementBytes;
    for (size_t dim = 0; dim < shape.size(); ++dim)
      bytes *= shape[dim] / parts(where[dim]);
    return bytes;
  }

  void findNodes() {
    nodes = AllPlacements(atomSizes, shape).get();
    for (size_t i = 0; i < nodes.size(); ++i)
      index[nodes[i]] = i;
  }

  struct Edge {
    int from, to;
    int64_t bytes;
  };

  /// All collectives; slices by `sliceable` atoms only.
  std::vector<Edge> findEdges(const std::set<int> &sliceable) const {
    std::vector<Edge> edges;
    int numAtoms = atomSizes.size();
    for (int id = 0; id < int(nodes.size()); ++id) {
      const Where &at = nodes[id];
      auto add = [&](const Where &next, int64_t bytes) {
        auto it = index.find(next);
        if (it != index.end())
          edges.push_back({id, it->second, bytes});
      };
      std::set<int> used;
      for (const List &list : at)
        used.insert(list.begin(), list.end());
      // Every ordered list of atoms, by permuting prefixes.
      List all(numAtoms);
      std::iota(all.begin(), all.end(), 0);
      std::set<List> lists;
      do
        for (int length = 1; length <= numAtoms; ++length)
          lists.insert(List(all.begin(), all.begin() + length));
      while (std::next_permutation(all.begin(), all.end()));
      for (const List &list : lists) {
        bool free = true, partial = true;
        for (int atom : list) {
          free &= !used.count(atom) && sliceable.count(atom);
          partial &= std::count(at.back().begin(), at.back().end(), atom) > 0;
        }
        int64_t n = parts(list), bytes = localBytes(at);
        for (size_t dim = 0; dim < shape.size(); ++dim) {
          Where next = at;
          next[dim].insert(next[dim].end(), list.begin(), list.end());
          if (free)
            add(next, 0);
          if (!partial)
            continue;
          for (int atom : list)
            next.back().erase(
                std::find(next.back().begin(), next.back().end(), atom));
          add(next, bytes / n * (n - 1));
        }
        if (partial) {
          Where next = at;
          for (int atom : list)
            next.back().erase(
                std::find(next.back().begin(), next.back().end(), atom));
          add(next, 2 * bytes * (n - 1) / n);
        }
        for (size_t dim = 0; dim < shape.size(); ++dim) {
          if (list.size() > at[dim].size() ||
              !std::equal(list.rbegin(), list.rend(), at[dim].rbegin()))
            continue;
          Where next = at;
          next[dim].resize(next[dim].size() - list.size());
          add(next, bytes * (n - 1));
          for (size_t to = 0; to < shape.size(); ++to) {
            if (to == dim)
              continue;
            Where moved = next;
            moved[to].insert(moved[to].end(), list.begin(), list.end());
            add(moved, bytes * (n - 1) / n);
          }
        }
      }
    }
    return edges;
  }

  using Cost = std::pair<int64_t, int64_t>;

  std::vector<Cost> relaxAll(int start, const std::vector<Edge> &edges) const {
    std::vector<Cost> cost(nodes.size(), Cost(INT64_MAX, 0));
    cost[start] = {0, 0};
    for (bool changed = true; changed;) {
      changed = false;
      for (const Edge &edge : edges) {
        if (cost[edge.from].first == INT64_MAX)
          continue;
        Cost next(cost[edge.from].first + edge.bytes,
                  cost[edge.from].second + 1);
        if (next < cost[edge.to]) {
          cost[edge.to] = next;
          changed = true;
        }
      }
    }
    return cost;
  }
};

class ReshardPlannerTest : public ::testing::Test {
protected:
  ReshardPlannerTest() {
    context.loadDialect<dist::DistDialect, func::FuncDialect>();
  }

  dist::MeshAttr getMesh(ArrayRef<int64_t> sizes) {
    SmallVector<StringAttr> names;
    for (size_t axis = 0; axis < sizes.size(); ++axis)
      names.push_back(StringAttr::get(&context, std::string(1, 'a' + axis)));
    return dist::MeshAttr::get(&context, names, sizes);
  }

  /// Compares about `maxPairs` pairs of placements, all of them if so few.
  void compare(ArrayRef<int64_t> sizes, std::vector<int64_t> shape,
               size_t maxPairs) {
    SCOPED_TRACE(::testing::PrintToString(sizes.vec()) + " shape " +
                 ::testing::PrintToString(shape));
    ReshardPlanner planner(getMesh(sizes));
    Oracle oracle;
    oracle.shape = shape;
    for (unsigned atom = 0; atom < planner.getAtoms().size(); ++atom)
      oracle.atomSizes.push_back(planner.getAtoms().getSize(atom));
    oracle.findNodes();
    size_t numNodes = oracle.nodes.size();
    std::mt19937 random(1);
    size_t pairs = numNodes * numNodes;

    // The edges depend on the target's split atoms only.
    std::map<std::set<int>, std::vector<int>> targets;
    for (size_t to = 0; to < numNodes; ++to) {
      std::set<int> split;
      for (size_t dim = 0; dim < shape.size(); ++dim)
        split.insert(oracle.nodes[to][dim].begin(),
                     oracle.nodes[to][dim].end());
      targets[split].push_back(to);
    }
    size_t compared = 0;
    for (const auto &[split, ends] : targets) {
      std::vector<Oracle::Edge> edges = oracle.findEdges(split);
      for (size_t from = 0; from < numNodes; ++from) {
        std::vector<Oracle::Cost> best;
        for (int to : ends) {
          const List &left = oracle.nodes[to].back();
          const List &given = oracle.nodes[from].back();
          if (!std::includes(given.begin(), given.end(), left.begin(),
                             left.end()) ||
              random() % pairs >= maxPairs)
            continue;
          if (best.empty())
            best = oracle.relaxAll(from, edges);
          const ReshardPlan &plan =
              planner.getPlan(shape, oracle.elementBytes,
                              AllPlacements::toPlacement(oracle.nodes[from]),
                              AllPlacements::toPlacement(oracle.nodes[to]));
          ++compared;
          ASSERT_EQ(Oracle::Cost(plan.bytes, plan.steps.size()), best[to])
              << ::testing::PrintToString(oracle.nodes[from]) << " to "
              << ::testing::PrintToString(oracle.nodes[to]);
          checkSteps(oracle, from, to, plan);
        }
      }
    }
    EXPECT_GT(compared, std::min(pairs, maxPairs) / 4);
  }

  /// The steps lead there through placements that divide the shape.
  void checkSteps(const Oracle &oracle, int from, int to,
                  const ReshardPlan &plan) {
    Placement now = AllPlacements::toPlacement(oracle.nodes[from]);
    int64_t bytes = 0;
    for (const ReshardStep &step : plan.steps) {
      step.apply(now);
      bytes += step.bytes;
      Where where;
      for (const dist::AtomList &dim : now.dims)
        where.emplace_back(dim.begin(), dim.end());
      where.emplace_back(now.partial.begin(), now.partial.end());
      ASSERT_TRUE(oracle.index.count(where));
    }
    EXPECT_TRUE(now == AllPlacements::toPlacement(oracle.nodes[to]));
    EXPECT_EQ(bytes, plan.bytes);
  }

  /// The plan between two shardings given as text, one line a step.
  std::string describe(StringRef mesh, StringRef shape, StringRef from,
                       StringRef to) {
    auto type = [&](StringRef sharding) {
      std::string text = ("tensor<" + shape + ", #dist.sharding<" + mesh +
                          ", " + sharding + ">>")
                             .str();
      return cast<RankedTensorType>(parseType(text, &context));
    };
    RankedTensorType source = type(from), target = type(to);
    ReshardPlanner planner(dist::getSharding(source).getMesh());
    const ReshardPlan &plan = planner.getPlan(source, target);
    std::string result;
    for (const ReshardStep &step : plan.steps) {
      std::string axes = planner.getAtoms().getAxes(step.atoms).str();
      std::string from = std::to_string(step.fromDim);
      std::string to = std::to_string(step.toDim);
      switch (step.kind) {
      case StepKind::AllGather:
        result += "gather " + from + " " + axes;
        break;
      case StepKind::AllSlice:
        result += "slice " + to + " " + axes;
        break;
      case StepKind::ReduceScatter:
        result += "scatter " + to + " " + axes;
        break;
      case StepKind::AllReduce:
        result += "reduce " + axes;
        break;
      case StepKind::AllToAll:
        result += "exchange " + from + " to " + to + " " + axes;
        break;
      }
      result += "\n";
    }
    return result + std::to_string(plan.bytes);
  }

  MLIRContext context;
};

constexpr size_t kAll = SIZE_MAX;

TEST_F(ReshardPlannerTest, CheapestOnTwoAtoms) {
  for (std::vector<int64_t> shape :
       {std::vector<int64_t>{8}, {4, 4}, {2, 8}, {4, 2, 4}}) {
    compare({2, 2}, shape, kAll);
    compare({4}, shape, kAll);
  }
  for (std::vector<int64_t> shape : {std::vector<int64_t>{12}, {6, 6}, {2, 6}})
    compare({3, 2}, shape, kAll);
  // Nothing to plan on one rank.
  compare({1, 1}, {4, 4}, kAll);
  compare({3}, {3, 5}, kAll);
}

TEST_F(ReshardPlannerTest, CheapestOnThreeAtoms) {
  for (std::vector<int64_t> sizes :
       {std::vector<int64_t>{2, 4}, {8}, {2, 2, 2}}) {
    compare(sizes, {16}, 4000);
    compare(sizes, {8, 8}, 4000);
    compare(sizes, {4, 2}, 4000); // not every step divides
    compare(sizes, {2, 4, 8}, 2000);
  }
}

TEST_F(ReshardPlannerTest, CheapestOnFourAtoms) {
  compare({4, 4}, {16}, 500);
  compare({4, 2, 2}, {16, 8}, 40);
}

TEST_F(ReshardPlannerTest, OddElementCountsAndScalars) {
  // Bytes are rounded as the ops count them.
  compare({3, 2}, {}, kAll);
  compare({2, 2, 2}, {}, kAll);
}

constexpr StringLiteral kMesh = "#dist.mesh<[\"dp\"=4, \"tp\"=2]>";

TEST_F(ReshardPlannerTest, Weight) {
  EXPECT_EQ(describe(kMesh, "256x128xf32", R"([{"tp", "dp"}, {}])",
                     R"([{"tp"}, {}])"),
            "gather 0 {\"dp\"}\n49152");
  EXPECT_EQ(describe(kMesh, "256x128xf32",
                     R"([{"tp"}, {}], partial = sum {"dp"})",
                     R"([{"tp", "dp"}, {}])"),
            "scatter 0 {\"dp\"}\n49152");
}

TEST_F(ReshardPlannerTest, MajorAxisAloneIsNotContiguous) {
  // To lose "dp" in front of "tp", both move, on as few bytes as possible.
  EXPECT_EQ(
      describe(kMesh, "8x8xf32", R"([{"dp", "tp"}, {}])", R"([{"tp"}, {}])"),
      "exchange 0 to 1 {\"dp\", \"tp\"}\nexchange 1 to 0 {\"tp\"}\n"
      "gather 1 {\"dp\"}\n140");
}

TEST_F(ReshardPlannerTest, SizeOneAxesAreNothing) {
  EXPECT_EQ(describe("#dist.mesh<[\"dp\"=1, \"tp\"=2]>", "8x8xf32",
                     R"([{"dp", "tp"}, {}], partial = sum {})",
                     R"([{"tp"}, {"dp"}])"),
            "0");
}

TEST_F(ReshardPlannerTest, PartialMayStayPartial) {
  EXPECT_EQ(describe(kMesh, "8x8xf32",
                     R"([{}, {}], partial = sum {"dp", "tp"})",
                     R"([{}, {}], partial = sum {"dp"})"),
            "reduce {\"tp\"}\n256");
}

TEST_F(ReshardPlannerTest, OtherAxesTakeNoPart) {
  // Reducing on slices by the idle "tp" would save bytes for two collectives.
  EXPECT_EQ(describe(kMesh, "8x8xf32", R"([{}, {}], partial = sum {"dp"})",
                     R"([{}, {}])"),
            "reduce {\"dp\"}\n384");
}

TEST_F(ReshardPlannerTest, LargeMeshesMoveWholeAxes) {
  StringRef mesh = "#dist.mesh<[\"dp\"=64, \"tp\"=8]>";
  EXPECT_EQ(describe(mesh, "1024x1024xf32", R"([{"tp", "dp"}, {}])",
                     R"([{"tp"}, {}])"),
            "gather 0 {\"dp\"}\n516096");
  EXPECT_EQ(describe(mesh, "1024x1024xf32",
                     R"([{}, {}], partial = sum {"dp", "tp"})",
                     R"([{"dp"}, {"tp"}])"),
            "scatter 1 {\"tp\"}\nscatter 0 {\"dp\"}\n4186112");
}

TEST_F(ReshardPlannerTest, ScrambledLargeMeshesAreNotGatheredWhole) {
  // Too many parts for an exact search; still far from the whole tensor.
  auto type = [&](StringRef sharding) {
    std::string text = ("tensor<8192x8192x64xf32, #dist.sharding<#dist.mesh<["
                        "\"pp\"=8, \"dp\"=64, \"tp\"=8]>, " +
                        sharding + ">>")
                           .str();
    return cast<RankedTensorType>(parseType(text, &context));
  };
  RankedTensorType from = type(R"([{"dp"}, {"tp"}, {"pp"}])");
  RankedTensorType to = type(
      R"([{"dp":(1)8, "pp":(2)2}, {"tp":(2)4, "pp":(1)2, "dp":(32)2}, {"dp":(8)4}])");
  ReshardPlanner planner(dist::getSharding(from).getMesh());
  const ReshardPlan &plan = planner.getPlan(from, to);
  Placement now = Placement::get(planner.getAtoms(), dist::getSharding(from));
  for (const ReshardStep &step : plan.steps)
    step.apply(now);
  EXPECT_TRUE(now == Placement::get(planner.getAtoms(), dist::getSharding(to)));
  EXPECT_LT(plan.bytes, int64_t(8192) * 8192 * 64 * 4 / 100);
}

TEST_F(ReshardPlannerTest, BytesAreThoseOfTheOps) {
  StringRef text = R"mlir(
    #mesh = #dist.mesh<["dp"=3, "tp"=2]>
    func.func private @f(
      tensor<6x5xf32, #dist.sharding<#mesh, [{"dp"}, {}], partial = sum {"tp"}>>)
    func.func @g(%0: tensor<6x5xf32, #dist.sharding<#mesh, [{"tp"}, {}]>>,
        %1: tensor<6x5xf32, #dist.sharding<#mesh, [{}, {}], partial = sum {"dp"}>>,
        %2: tensor<6x6xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>) {
      %3 = dist.all_gather %0 dim = 0 axes = {"tp"} : tensor<6x5xf32, #dist.sharding<#mesh, [{"tp"}, {}]>> -> tensor<6x5xf32, #dist.sharding<#mesh, [{}, {}]>>
      %4 = dist.all_slice %0 dim = 0 axes = {"dp"} : tensor<6x5xf32, #dist.sharding<#mesh, [{"tp"}, {}]>> -> tensor<6x5xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>>
      %5 = dist.all_reduce sum %1 axes = {"dp"} : tensor<6x5xf32, #dist.sharding<#mesh, [{}, {}], partial = sum {"dp"}>> -> tensor<6x5xf32, #dist.sharding<#mesh, [{}, {}]>>
      %6 = dist.reduce_scatter sum %1 dim = 0 axes = {"dp"} : tensor<6x5xf32, #dist.sharding<#mesh, [{}, {}], partial = sum {"dp"}>> -> tensor<6x5xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
      %7 = dist.all_to_all %2 split_dim = 1 concat_dim = 0 axes = {"dp"} : tensor<6x6xf32, #dist.sharding<#mesh, [{"dp"}, {}]>> -> tensor<6x6xf32, #dist.sharding<#mesh, [{}, {"dp"}]>>
      return
    })mlir";
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  ASSERT_TRUE(module);
  unsigned seen = 0;
  module->walk([&](dist::CollectiveOpInterface op) {
    auto from = cast<RankedTensorType>(op->getOperand(0).getType());
    auto to = cast<RankedTensorType>(op->getResult(0).getType());
    dist::MeshAttr mesh = dist::getSharding(from).getMesh();
    ReshardPlanner planner(mesh);
    const ReshardPlan &plan = planner.getPlan(from, to);
    ASSERT_EQ(plan.steps.size(), 1u);
    EXPECT_EQ(plan.bytes,
              op.getBytesSent(op.getCollectiveAxes().getNumParts(mesh)));
    ++seen;
  });
  EXPECT_EQ(seen, 5u);
}

} // namespace
