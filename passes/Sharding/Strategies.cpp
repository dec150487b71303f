//===- Strategies.cpp - Ways to split an op over one axis -----------------===//

#include "passes/Sharding/Strategies.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::sharding;
using namespace mlir::analysis;
using mlir::dist::Factor;

std::optional<unsigned>
mlir::sharding::getMajorFactor(const dist::DimFactors &dim,
                               FactorSizeFn getSize) {
  for (unsigned factor : dim)
    if (getSize(factor) > 1)
      return factor;
  return std::nullopt;
}

bool mlir::sharding::canSplit(const Factor &factor, int64_t size,
                              int64_t axisSize) {
  if (factor.kind == Factor::Kind::Whole || size % axisSize != 0)
    return false;
  // Terms of a maximum cannot flow through anything: not worth a state.
  return factor.kind != Factor::Kind::Reduction ||
         factor.reduction == dist::ReductionKind::Sum;
}

/// The dim of the tensor that the factor splits, in blocks that are contiguous.
/// Fails where more than one dim would be split, or others than blocks.
static FailureOr<std::optional<unsigned>>
findSplitDim(const dist::TensorFactors &tensor, unsigned factor,
             FactorSizeFn getSize) {
  std::optional<unsigned> splitDim;
  for (auto [dim, factors] : llvm::enumerate(tensor)) {
    if (!llvm::is_contained(factors, factor))
      continue;
    if (getMajorFactor(factors, getSize) != factor || splitDim ||
        dim >= LayoutState::kMaxDims)
      return failure();
    splitDim = dim;
  }
  return splitDim;
}

std::optional<LayoutStates>
mlir::sharding::splitBy(const dist::ShardingRule &rule, unsigned factor,
                        FactorSizeFn getSize) {
  bool isReduced = rule.factors[factor].kind == Factor::Kind::Reduction;
  LayoutStates states;
  auto add = [&](const dist::TensorFactors &tensor,
                 std::optional<LayoutState> unsplit) {
    FailureOr<std::optional<unsigned>> dim =
        findSplitDim(tensor, factor, getSize);
    if (failed(dim) || (!*dim && !unsplit))
      return false;
    states.push_back(*dim ? LayoutState::split(**dim) : *unsplit);
    return true;
  };
  auto addOperand = [&](const dist::TensorFactors &tensor) {
    return add(tensor, LayoutState::replicated());
  };
  auto addResult = [&](const dist::TensorFactors &tensor) {
    return add(tensor, isReduced ? std::optional(LayoutState::partial())
                                 : std::nullopt);
  };
  if (!llvm::all_of(rule.operands, addOperand) ||
      !llvm::all_of(rule.results, addResult))
    return std::nullopt;
  return states;
}

SmallVector<LayoutStates>
mlir::sharding::passTerms(const dist::ShardingRule &rule,
                          MayBeTermsFn mayBeTerms) {
  SmallVector<LayoutStates> all;
  for (ArrayRef<unsigned> group : rule.linearGroups) {
    if (!llvm::all_of(group, mayBeTerms))
      continue;
    LayoutStates &states =
        all.emplace_back(rule.operands.size(), LayoutState::replicated());
    for (unsigned operand : group)
      states[operand] = LayoutState::partial();
    states.append(rule.results.size(), LayoutState::partial());
  }
  return all;
}

bool mlir::sharding::canLeaveTerms(
    const dist::ShardingRule &rule,
    llvm::function_ref<bool(unsigned factor)> isOffered,
    MayBeTermsFn mayBeTerms) {
  auto passes = [&](ArrayRef<unsigned> group) {
    return llvm::all_of(group, mayBeTerms);
  };
  if (llvm::any_of(rule.linearGroups, passes))
    return true;
  for (auto [index, factor] : llvm::enumerate(rule.factors))
    if (factor.kind == Factor::Kind::Reduction && isOffered(index))
      return true;
  return false;
}

int64_t mlir::sharding::getBytesTouched(Operation *op, int64_t local,
                                        int64_t global) {
  auto model = dyn_cast<fabric::CostOpInterface>(op);
  int64_t touched = model ? model.getBytesTouched() : global;
  if (touched == global || global == 0)
    return local;
  return static_cast<double>(touched) / global * local;
}

static std::string describe(LayoutNeeds all) {
  SmallVector<std::string> words;
  for (unsigned code = 0; code < kLayoutNeedKinds; ++code) {
    LayoutState state = LayoutState::fromCode(code);
    if (!(all & (needs(state) | needsExactly(state) | needsUnscattered(state))))
      continue;
    words.push_back(state.isPartial() ? "as terms"
                    : state.isSplit()
                        ? "split on dim " + std::to_string(state.getDim())
                        : "whole");
  }
  if (all & needsReduced())
    words.push_back("reduced");
  return llvm::join(words, " or ");
}

std::string mlir::sharding::describe(const LayoutConflict &conflict,
                                     Value value, Operation *user) {
  std::string text = "a result";
  if (user)
    text = "operand " + std::to_string(llvm::find(user->getOperands(), value) -
                                       user->operand_begin());
  return text + " is needed " + ::describe(conflict.needed) +
         " and can only be left " + ::describe(conflict.left);
}
