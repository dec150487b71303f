//===- KeptValues.cpp - What stages of rows leave for later ones ----------===//

#include "passes/Lowering/Kernels/KeptValues.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::lowering;
using fabric::StructuredOpInterface;

namespace {

class Finder {
public:
  explicit Finder(const KernelDomain &domain) : domain(domain) {}

  /// All that computing the op in `stage` needs. Stages come in order.
  void visitOperands(StructuredOpInterface op, ArrayRef<unsigned> opLoops,
                     unsigned stage) {
    for (auto [index, operand] : llvm::enumerate(op->getOperands()))
      visit({operand, composeLoopMap(op, index, opLoops, domain.sizes.size())},
            stage);
  }

  void visit(ValueAtMap at, unsigned stage);

  SmallVector<KeptValue> take();

private:
  bool isWhole(AffineMap map) const;
  bool variesInRow(ValueAtMap at);
  bool isWorthKeeping(ValueAtMap at);

  const KernelDomain &domain;
  /// The stages that need a value.
  llvm::MapVector<ValueAtMap, llvm::SmallSetVector<unsigned, 4>> stages;
  DenseMap<ValueAtMap, bool> variation, worth;
};

} // namespace

/// Whether its body has an op that is more than an instruction.
static bool callsFunction(StructuredOpInterface op) {
  Block body;
  for (Type type : op->getOperandTypes())
    body.addArgument(fabric::getComputeType(getElementTypeOrSelf(type)),
                     op.getLoc());
  OpBuilder builder(op->getContext());
  builder.setInsertionPointToEnd(&body);
  op.buildBody(builder, op.getLoc(), body.getArguments());
  return llvm::any_of(body, [](Operation &inner) {
    return isa<math::MathDialect>(inner.getDialect()) &&
           !isa<math::SqrtOp, math::AbsFOp, math::FmaOp>(inner);
  });
}

void Finder::visit(ValueAtMap at, unsigned stage) {
  auto op = at.first.getDefiningOp<StructuredOpInterface>();
  if (!op || domain.findInner(at.first))
    return;
  bool isNeededBefore = !stages[at].empty();
  // What is kept needs nothing any more.
  if (!stages[at].insert(stage) || (isNeededBefore && isWorthKeeping(at)))
    return;
  visitOperands(
      op, getOpLoops(op, cast<OpResult>(at.first).getResultNumber(), at.second),
      stage);
}

/// Whether each iteration has an element of its own.
bool Finder::isWhole(AffineMap map) const {
  for (auto [loop, size] : llvm::enumerate(domain.sizes))
    if (size != 1 && !map.isFunctionOfDim(loop))
      return false;
  return true;
}

/// What is the same for all of a row is computed once a row.
bool Finder::variesInRow(ValueAtMap at) {
  if (domain.isRowWise(at.second))
    return false;
  auto op = at.first.getDefiningOp<StructuredOpInterface>();
  if (!op)
    return isa<BlockArgument>(at.first) && at.second.getNumResults() != 0;
  auto [it, isNew] = variation.try_emplace(at, false);
  if (!isNew)
    return it->second;
  SmallVector<unsigned> opLoops =
      getOpLoops(op, cast<OpResult>(at.first).getResultNumber(), at.second);
  bool varies = false;
  for (auto [index, operand] : llvm::enumerate(op->getOperands()))
    varies |= variesInRow(
        {operand, composeLoopMap(op, index, opLoops, domain.sizes.size())});
  return variation[at] = varies;
}

bool Finder::isWorthKeeping(ValueAtMap at) {
  auto [it, isNew] = worth.try_emplace(at, false);
  if (isNew)
    it->second = isWhole(at.second) && variesInRow(at) &&
                 callsFunction(at.first.getDefiningOp<StructuredOpInterface>());
  return it->second;
}

SmallVector<KeptValue> Finder::take() {
  SmallVector<KeptValue> kept;
  for (auto &[at, needing] : stages) {
    if (needing.size() < 2 || !isWorthKeeping(at))
      continue;
    auto op = at.first.getDefiningOp<StructuredOpInterface>();
    KeptValue &value = kept.emplace_back();
    value.value = at.first;
    value.map = at.second;
    value.opLoops =
        getOpLoops(op, cast<OpResult>(at.first).getResultNumber(), at.second);
    value.stage = *llvm::min_element(needing);
  }
  return kept;
}

SmallVector<KeptValue>
mlir::lowering::findKeptValues(const KernelDomain &domain,
                               ArrayRef<Value> results) {
  if (domain.inner.empty())
    return {};
  Finder finder(domain);
  for (const KernelDomain::Inner &inner : domain.inner)
    finder.visitOperands(cast<StructuredOpInterface>(inner.value.getOwner()),
                         inner.opLoops, inner.stage);
  unsigned last = domain.inner.back().stage + 1;
  for (auto [value, place] : llvm::zip_equal(results, domain.results)) {
    auto op = value.getDefiningOp<StructuredOpInterface>();
    if (op && isReduction(op))
      finder.visitOperands(op, place.opLoops, last);
    else
      finder.visit({value, place.map}, last);
  }
  return finder.take();
}
