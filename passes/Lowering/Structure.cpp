//===- Structure.cpp - What a structured op does, told by its body --------===//

#include "passes/Lowering/Structure.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "passes/Lowering/Kernels/KernelDomain.h"

using namespace mlir;
using namespace mlir::lowering;
using fabric::StructuredOpInterface;

namespace {
/// The body of an op, built aside.
struct Body {
  Block block;
  SmallVector<Value> results;

  explicit Body(StructuredOpInterface op) {
    for (Type type : op->getOperandTypes())
      block.addArgument(fabric::getComputeType(getElementTypeOrSelf(type)),
                        op.getLoc());
    OpBuilder builder(op->getContext());
    builder.setInsertionPointToEnd(&block);
    results = op.buildBody(builder, op.getLoc(), block.getArguments());
  }
};
} // namespace

bool mlir::lowering::isMovement(StructuredOpInterface op) {
  if (op->getNumOperands() != 1 || op->getNumResults() != 1 ||
      getElementTypeOrSelf(op->getOperand(0)) !=
          getElementTypeOrSelf(op->getResult(0)) ||
      isReduction(op))
    return false;
  Body body(op);
  return body.results[0] == body.block.getArgument(0);
}

bool mlir::lowering::isElementwiseAdd(StructuredOpInterface op) {
  if (op->getNumOperands() != 2 || op->getNumResults() != 1 ||
      !llvm::all_of(op.getLoopMaps(),
                    [](AffineMap map) { return map.isIdentity(); }))
    return false;
  Body body(op);
  auto add = body.results[0].getDefiningOp<arith::AddFOp>();
  return add && add.getLhs() == body.block.getArgument(0) &&
         add.getRhs() == body.block.getArgument(1);
}

bool mlir::lowering::isSplatConstant(Operation *op) {
  Attribute value;
  return matchPattern(op, m_Constant(&value)) && isa<SplatElementsAttr>(value);
}

SmallVector<unsigned> mlir::lowering::getDimLoops(StructuredOpInterface op,
                                                  unsigned index) {
  AffineMap map = op.getLoopMaps()[index];
  SmallVector<unsigned> loops;
  for (unsigned dim = 0; dim < map.getNumResults(); ++dim)
    loops.push_back(map.getDimPosition(dim));
  return loops;
}
