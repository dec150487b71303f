//===- ChooseTpDecompose.cpp - Splitting what an op needs whole -----------===//
//
// The op is decomposed in a function of its own, which is thrown away. The
// split is followed from the arguments on: an op is split by the factor that
// its split operands share, terms of a sum are reduced where they are made.
//
//===----------------------------------------------------------------------===//

#include "passes/Sharding/ChooseTpDecompose.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::sharding;
using namespace mlir::analysis;

/// Null if the op does not decompose.
static OwningOpRef<func::FuncOp> decomposeApart(Operation *op) {
  auto type = FunctionType::get(op->getContext(), op->getOperandTypes(),
                                op->getResultTypes());
  OwningOpRef<func::FuncOp> function =
      func::FuncOp::create(op->getLoc(), "decomposed", type);
  Block *block = function->addEntryBlock();
  IRRewriter rewriter(op->getContext());
  rewriter.setInsertionPointToEnd(block);
  IRMapping arguments;
  for (auto [index, operand] : llvm::enumerate(op->getOperands()))
    arguments.map(operand, block->getArgument(index));
  Operation *copy = rewriter.clone(*op, arguments);
  func::ReturnOp::create(rewriter, op->getLoc(), copy->getResults());
  rewriter.setInsertionPoint(copy);
  auto sharded = dyn_cast<dist::ShardingOpInterface>(copy);
  if (!sharded || failed(sharded.decompose(rewriter)))
    return nullptr;
  return function;
}

/// The factor that is split in all operands that are; -1 where there is none.
/// Fails where they differ.
static FailureOr<int64_t> findSplitFactor(const OpInfo &info,
                                          ArrayRef<LayoutState> operands) {
  int64_t found = -1;
  for (auto [index, state] : llvm::enumerate(operands)) {
    if (!state.isSplit())
      continue;
    std::optional<unsigned> factor =
        info.getMajorFactor(info.tensors[index][state.getDim()]);
    if (!factor || (found >= 0 && found != *factor) ||
        info.rule.factors[*factor].kind == dist::Factor::Kind::Whole)
      return failure();
    found = *factor;
  }
  return found;
}

bool mlir::sharding::canDecompose(Operation *op) {
  return bool(decomposeApart(op));
}

std::optional<LayoutTotals>
mlir::sharding::getCostOfDecomposed(const BatchFacts &batch, const OpInfo &info,
                                    ArrayRef<LayoutState> states) {
  OwningOpRef<func::FuncOp> function = decomposeApart(info.op);
  if (!function)
    return std::nullopt;
  Block &block = function->getBody().front();
  BatchFacts facts = batch.getEmpty();
  DenseMap<Value, unsigned> codes;
  for (BlockArgument argument : block.getArguments()) {
    unsigned index = argument.getArgNumber();
    codes[argument] = states[index].getCode();
    for (unsigned dim = 0; dim < info.tensors[index].size(); ++dim)
      if (batch.isMarked(info.values[index], dim))
        facts.mark(argument, dim);
  }

  LayoutTotals totals;
  for (Operation &op : block.without_terminator()) {
    // Constants are made as they are needed.
    if (op.getNumOperands() == 0)
      continue;
    OpInfo part = OpInfo::get(&op);
    facts.mark(part);
    auto operands = llvm::map_to_vector(op.getOperands(), [&](Value operand) {
      return LayoutState::fromCode(codes.lookup(operand));
    });
    FailureOr<int64_t> factor = findSplitFactor(part, operands);
    if (failed(factor))
      return std::nullopt;
    SmallVector<LayoutState> partStates(part.values.size(),
                                        LayoutState::replicated());
    if (*factor >= 0) {
      std::optional<SmallVector<LayoutState>> split = part.splitBy(*factor);
      if (!split)
        return std::nullopt;
      partStates = *split;
    }
    totals.cost += facts.getCost(part, partStates, *factor >= 0);
    for (auto [result, state] :
         llvm::zip_equal(op.getResults(),
                         ArrayRef(partStates).drop_front(part.numOperands))) {
      LayoutState left = state;
      if (state.isPartial()) {
        left = LayoutState::replicated();
        LayoutTensor tensor{facts.getBytes(result), /*movable=*/true};
        LayoutCharge charge =
            *chargeTensor(facts.getAxisSize(), tensor, state, needs(left));
        totals.cost += charge.toCost();
        totals.sentBytes += charge.sentBytes;
      }
      codes[result] = left.getCode();
    }
  }
  for (auto [result, state] :
       llvm::zip_equal(block.getTerminator()->getOperands(),
                       states.drop_front(info.numOperands)))
    if (codes.lookup(result) != state.getCode())
      return std::nullopt;
  return totals;
}
