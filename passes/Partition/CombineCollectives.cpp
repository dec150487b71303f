//===- CombineCollectives.cpp - Algebra on identities ---------------------===//
//
// In global view every collective is the identity, so a rewrite is right if the
// types fit, and worth it if one rank sends less. That makes three patterns
// enough where a table of pairs of ops would otherwise grow: plan a chain anew,
// reduce after a linear op instead of before it, and send nothing twice.
//
//===----------------------------------------------------------------------===//

#include "dialects/Dist/IR/Dist.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Analysis/RuleAgreement.h"
#include "passes/Partition/BuildPlan.h"
#include "passes/Partition/Passes.h"

#define DEBUG_TYPE "dist-combine-collectives"

namespace mlir::partition {
#define GEN_PASS_DEF_COMBINECOLLECTIVESPASS
#include "passes/Partition/Passes.h.inc"
} // namespace mlir::partition

using namespace mlir;
using namespace mlir::partition;

using analysis::Placement;
using analysis::ReshardPlan;
using analysis::ReshardPlanner;
using dist::AtomList;
using dist::CollectiveOpInterface;

namespace {

//===----------------------------------------------------------------------===//
// A chain of collectives is one reshard
//===----------------------------------------------------------------------===//

/// From every op of the chain above `op` to `op`: what of it would be gone is
/// compared with the cheapest plan. Ops whose results have other users stay, so
/// only their last steps count.
class ReplanChain : public OpInterfaceRewritePattern<CollectiveOpInterface> {
public:
  ReplanChain(MLIRContext *context, ReshardPlanner &planner,
              Pass::Statistic &count)
      : OpInterfaceRewritePattern(context), planner(planner), count(count) {}

  LogicalResult matchAndRewrite(CollectiveOpInterface op,
                                PatternRewriter &rewriter) const override {
    dist::MeshAttr mesh = planner.getAtoms().getMesh();
    auto to = cast<RankedTensorType>(op->getResult(0).getType());
    int64_t bytes = getBytesSent(op, mesh);
    size_t steps = 1;
    bool stays = false;
    Value source = op->getOperand(0);
    while (auto producer = source.getDefiningOp<CollectiveOpInterface>()) {
      // What a value with other users is made from is needed anyway.
      stays |= !source.hasOneUse();
      if (!stays) {
        bytes += getBytesSent(producer, mesh);
        ++steps;
      }
      source = producer->getOperand(0);
      const ReshardPlan &plan =
          planner.getPlan(cast<RankedTensorType>(source.getType()), to);
      if (!plan.isCheaperThan(bytes, steps))
        continue;
      Value result =
          buildPlan(rewriter, op.getLoc(), planner.getAtoms(), plan, source);
      rewriter.replaceOp(op, result);
      ++count;
      return success();
    }
    return rewriter.notifyMatchFailure(op, "the chain is the cheapest one");
  }

private:
  ReshardPlanner &planner;
  Pass::Statistic &count;
};

//===----------------------------------------------------------------------===//
// Reduce after a linear op
//===----------------------------------------------------------------------===//

/// A linear op on values that were just reduced, all in the same way: it may as
/// well compute on the terms. What its results then lack is a reshard.
class ReduceLater
    : public OpInterfaceRewritePattern<dist::ShardingOpInterface> {
public:
  ReduceLater(MLIRContext *context, ReshardPlanner &planner,
              Pass::Statistic &count)
      : OpInterfaceRewritePattern(context), planner(planner),
        atoms(planner.getAtoms()), count(count) {}

  LogicalResult matchAndRewrite(dist::ShardingOpInterface op,
                                PatternRewriter &rewriter) const override {
    // More terms than blocks would multiply a product's work.
    auto cost = dyn_cast<fabric::CostOpInterface>(op.getOperation());
    if (!cost || cost.getContractionFlops() != 0)
      return rewriter.notifyMatchFailure(op, "of work that must stay split");
    dist::ShardingRule rule = op.getShardingRule();
    for (ArrayRef<unsigned> group : rule.linearGroups)
      if (succeeded(rewriteGroup(op, rule, group, rewriter)))
        return success();
    return rewriter.notifyMatchFailure(op, "no operands reduced alike");
  }

private:
  /// The reductions of the group's operands, where they all are the same one
  /// and nobody else needs their results.
  SmallVector<CollectiveOpInterface>
  findReductions(Operation *op, ArrayRef<unsigned> group) const {
    SmallVector<CollectiveOpInterface> reductions;
    for (unsigned index : group) {
      Value operand = op->getOperand(index);
      auto reduction = operand.getDefiningOp<CollectiveOpInterface>();
      bool reduces = isa_and_nonnull<dist::AllReduceOp, dist::ReduceScatterOp>(
          operand.getDefiningOp());
      if (!reduces ||
          !llvm::all_of(operand.getUsers(),
                        [&](Operation *user) { return user == op; }) ||
          dist::getSharding(reduction->getOperand(0)).getReduction() !=
              dist::ReductionKind::Sum ||
          (!reductions.empty() &&
           (reduction->getName() != reductions[0]->getName() ||
            reduction.getCollectiveAxes() !=
                reductions[0].getCollectiveAxes())))
        return {};
      reductions.push_back(reduction);
    }
    return reductions;
  }

  /// The one factor that the scatters split, or none for all-reduces. Fails
  /// where they split different ones, or one that others are split by as well.
  FailureOr<std::optional<unsigned>> findScatteredFactor(
      Operation *op, const dist::ShardingRule &rule, ArrayRef<unsigned> group,
      ArrayRef<CollectiveOpInterface> reductions, const AtomList &moved) const {
    std::optional<unsigned> scattered;
    for (auto [index, reduction] : llvm::zip_equal(group, reductions)) {
      auto scatter = dyn_cast<dist::ReduceScatterOp>(*reduction);
      if (!scatter)
        continue;
      const dist::DimFactors &factors = rule.operands[index][scatter.getDim()];
      Placement placement =
          Placement::get(atoms, dist::getSharding(op->getOperand(index)));
      FailureOr<SmallVector<AtomList>> split = analysis::splitAmongFactors(
          atoms, rule, factors, placement.dims[scatter.getDim()]);
      if (failed(split))
        return failure();
      // The last factor that is split at all must hold all of the scatter's
      // atoms.
      size_t last = split->size();
      while (last > 0 && (*split)[last - 1].empty())
        --last;
      if (last == 0 || (*split)[last - 1].size() < moved.size() ||
          (scattered && *scattered != factors[last - 1]))
        return failure();
      scattered = factors[last - 1];
    }
    return scattered;
  }

  /// The sharding of a result of the op on terms: `moved` no longer splits the
  /// scattered factor, and the result is partial over it. Fails where it splits
  /// another, such as a dim that a broadcast adds.
  FailureOr<Placement> getTermPlacement(const Placement &result,
                                        const dist::ShardingRule &rule,
                                        const dist::TensorFactors &dims,
                                        std::optional<unsigned> scattered,
                                        const AtomList &moved) const {
    Placement terms = result;
    for (auto [dim, factors] : llvm::enumerate(dims)) {
      if (!scattered || !llvm::is_contained(factors, *scattered))
        continue;
      AtomList &list = terms.dims[dim];
      if (list.size() < moved.size() ||
          ArrayRef<unsigned>(list).take_back(moved.size()) !=
              ArrayRef<unsigned>(moved))
        return failure();
      list.truncate(list.size() - moved.size());
    }
    for (const AtomList &list : terms.dims)
      if (llvm::any_of(moved, [&](unsigned atom) {
            return llvm::is_contained(list, atom);
          }))
        return failure();
    for (unsigned atom : moved)
      if (!llvm::is_contained(terms.partial, atom))
        terms.partial.push_back(atom);
    llvm::sort(terms.partial);
    return terms;
  }

  LogicalResult rewriteGroup(dist::ShardingOpInterface op,
                             const dist::ShardingRule &rule,
                             ArrayRef<unsigned> group,
                             PatternRewriter &rewriter) const {
    SmallVector<CollectiveOpInterface> reductions = findReductions(op, group);
    if (reductions.empty())
      return failure();
    AtomList moved = atoms.getAtoms(reductions[0].getCollectiveAxes());
    FailureOr<std::optional<unsigned>> scattered =
        findScatteredFactor(op, rule, group, reductions, moved);
    if (failed(scattered))
      return failure();
    for (auto [index, operand] : llvm::enumerate(op->getOperands())) {
      if (llvm::is_contained(group, index))
        continue;
      Placement other = Placement::get(atoms, dist::getSharding(operand));
      for (unsigned atom : moved)
        if (llvm::is_contained(other.partial, atom) ||
            llvm::any_of(other.dims, [&](const AtomList &dim) {
              return llvm::is_contained(dim, atom);
            }))
          return failure();
    }

    SmallVector<Value> operands(op->getOperands());
    for (auto [index, reduction] : llvm::zip_equal(group, reductions))
      operands[index] = reduction->getOperand(0);
    SmallVector<RankedTensorType> types;
    for (auto [index, result] : llvm::enumerate(op->getResults())) {
      dist::ShardingAttr sharding = dist::getSharding(result);
      FailureOr<Placement> terms =
          getTermPlacement(Placement::get(atoms, sharding), rule,
                           rule.results[index], *scattered, moved);
      if (failed(terms))
        return failure();
      types.push_back(dist::withSharding(
          cast<RankedTensorType>(result.getType()),
          terms->toSharding(atoms, dist::ReductionKind::Sum)));
    }
    if (!isWorthIt(op, operands, types, reductions))
      return failure();

    Operation *onTerms = rewriter.clone(*op);
    rewriter.modifyOpInPlace(onTerms, [&] {
      onTerms->setOperands(operands);
      for (auto [result, type] : llvm::zip_equal(onTerms->getResults(), types))
        result.setType(type);
    });
    SmallVector<Value> results;
    for (auto [old, result] :
         llvm::zip_equal(op->getResults(), onTerms->getResults()))
      results.push_back(buildPlan(rewriter, op.getLoc(), atoms,
                                  getPlan(result.getType(), old.getType()),
                                  result));
    rewriter.replaceOp(op, results);
    ++count;
    return success();
  }

  const ReshardPlan &getPlan(Type from, Type to) const {
    return planner.getPlan(cast<RankedTensorType>(from),
                           cast<RankedTensorType>(to));
  }

  static int64_t getLocalBytes(Type type) {
    return fabric::getNumBytes(
        dist::getLocalType(cast<RankedTensorType>(type)));
  }

  /// Fewer bytes sent, also when a byte sent counts as much as 32 that the op
  /// touches: terms are larger than the blocks that a scatter leaves.
  bool isWorthIt(Operation *op, ArrayRef<Value> operands,
                 ArrayRef<RankedTensorType> types,
                 ArrayRef<CollectiveOpInterface> reductions) const {
    int64_t sentBefore = 0, sentAfter = 0, touchedBefore = 0, touchedAfter = 0;
    llvm::SmallPtrSet<Operation *, 2> seen;
    for (CollectiveOpInterface reduction : reductions)
      if (seen.insert(reduction).second)
        sentBefore += getBytesSent(reduction, atoms.getMesh());
    for (auto [old, type] : llvm::zip_equal(op->getResults(), types)) {
      sentAfter += getPlan(type, old.getType()).bytes;
      touchedBefore += getLocalBytes(old.getType());
      touchedAfter += getLocalBytes(type);
    }
    for (auto [old, operand] : llvm::zip_equal(op->getOperands(), operands)) {
      touchedBefore += getLocalBytes(old.getType());
      touchedAfter += getLocalBytes(operand.getType());
    }
    return sentAfter < sentBefore &&
           32 * sentAfter + touchedAfter < 32 * sentBefore + touchedBefore;
  }

  ReshardPlanner &planner;
  const dist::MeshAtoms &atoms;
  Pass::Statistic &count;
};

//===----------------------------------------------------------------------===//
// Send nothing twice
//===----------------------------------------------------------------------===//

class RemoveRepeated : public OpInterfaceRewritePattern<CollectiveOpInterface> {
public:
  RemoveRepeated(MLIRContext *context, Pass::Statistic &count)
      : OpInterfaceRewritePattern(context), count(count) {}

  LogicalResult matchAndRewrite(CollectiveOpInterface op,
                                PatternRewriter &rewriter) const override {
    for (Operation *other : op->getOperand(0).getUsers()) {
      if (other == op || other->getBlock() != op->getBlock() ||
          !other->isBeforeInBlock(op) ||
          !OperationEquivalence::isEquivalentTo(
              op, other, OperationEquivalence::IgnoreLocations))
        continue;
      rewriter.replaceOp(op, other->getResults());
      ++count;
      return success();
    }
    return rewriter.notifyMatchFailure(op, "the first of its kind");
  }

private:
  Pass::Statistic &count;
};

class CombineCollectives
    : public partition::impl::CombineCollectivesPassBase<CombineCollectives> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    dist::MeshAttr mesh = dist::getMesh(module);
    if (!mesh || module->hasAttr(dist::DistDialect::kPartitionedAttr)) {
      module.emitError() << "expects a module with a mesh, in global view";
      return signalPassFailure();
    }
    ReshardPlanner planner(mesh);
    RewritePatternSet patterns(&getContext());
    patterns.add<ReplanChain>(&getContext(), planner, numReplanned);
    patterns.add<ReduceLater>(&getContext(), planner, numTermsCombined);
    patterns.add<RemoveRepeated>(&getContext(), numRepeated);
    GreedyRewriteConfig config;
    config.enableFolding(false).enableConstantCSE(false);
    config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
    if (failed(applyPatternsGreedily(module, std::move(patterns), config))) {
      module.emitError() << "combining collectives did not come to an end";
      return signalPassFailure();
    }
    Traffic traffic = getTraffic(module, mesh);
    numCollectives += traffic.collectives;
    bytesSent += traffic.bytes;
  }
};
} // namespace
