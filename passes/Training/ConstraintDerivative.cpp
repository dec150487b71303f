//===- ConstraintDerivative.cpp - The derivative of a constraint ----------===//
//
// dist knows nothing of derivatives, so the interface is attached from outside.
// A constraint is the identity; as in JAX, what holds for a value is asked of
// its gradient too.
//
//===----------------------------------------------------------------------===//

#include "dialects/Fabric/IR/Fabric.h"
#include "passes/Training/Passes.h"

using namespace mlir;

namespace {
struct ConstraintDerivative
    : public fabric::DerivativeOpInterface::ExternalModel<ConstraintDerivative,
                                                          dist::ConstraintOp> {
  LogicalResult buildVjp(Operation *op, OpBuilder &builder,
                         ArrayRef<Value> cotangents, ArrayRef<bool> needed,
                         MutableArrayRef<Value> gradients) const {
    auto constraint = cast<dist::ConstraintOp>(op);
    if (needed[0])
      gradients[0] = dist::ConstraintOp::create(
          builder, op->getLoc(), constraint.getOperand().getType(),
          cotangents[0], constraint.getSharding(), constraint.getChosen(),
          constraint.getAskedByAttr());
    return success();
  }
};
} // namespace

void mlir::training::registerDerivatives(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, dist::DistDialect *) {
    dist::ConstraintOp::attachInterface<ConstraintDerivative>(*context);
  });
}
