//===- FiniteValues.cpp - What cannot be infinite -------------------------===//

#include "passes/Analysis/FiniteValues.h"
#include "dialects/Dist/IR/Dist.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "passes/Analysis/ScalarBody.h"

using namespace mlir;
using namespace mlir::analysis;

static bool isFinite(DenseElementsAttr elements) {
  if (!isa<FloatType>(elements.getElementType()))
    return true;
  if (elements.isSplat())
    return elements.getSplatValue<APFloat>().isFinite();
  return llvm::all_of(elements.getValues<APFloat>(),
                      [](const APFloat &number) { return number.isFinite(); });
}

/// Whether elements of the results are elements of the operands, or finite.
static bool movesElements(Operation *op) {
  if (auto boxes = dyn_cast<fabric::BoxCopyOpInterface>(op)) {
    auto fill = dyn_cast_if_present<FloatAttr>(boxes.getFill());
    return !fill || fill.getValue().isFinite();
  }
  return isa<dist::ConstraintOp, ViewLikeOpInterface>(op);
}

llvm::DenseSet<Value> mlir::analysis::findFiniteValues(Block &block) {
  llvm::DenseSet<Value> finite(block.args_begin(), block.args_end());
  auto isKnown = [&](Value value) { return finite.contains(value); };
  for (Operation &op : block.without_terminator()) {
    DenseElementsAttr constant;
    if (matchPattern(&op, m_Constant(&constant))) {
      if (isFinite(constant))
        finite.insert(op.getResult(0));
    } else if (auto structured = dyn_cast<fabric::StructuredOpInterface>(op)) {
      SmallVector<ScalarValue> operands =
          llvm::map_to_vector(op.getOperands(), [&](Value value) {
            return ScalarValue{std::nullopt, isKnown(value)};
          });
      for (auto [result, value] : llvm::zip_equal(
               op.getResults(), evaluateScalarBody(structured, operands)))
        if (value.isFinite)
          finite.insert(result);
    } else if (movesElements(&op) && llvm::all_of(op.getOperands(), isKnown)) {
      finite.insert(op.result_begin(), op.result_end());
    }
  }
  return finite;
}
