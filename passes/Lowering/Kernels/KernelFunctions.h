//===- KernelFunctions.h - Functions as instructions ------------*- C++ -*-===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_KERNELFUNCTIONS_H
#define FABRIC_PASSES_LOWERING_KERNELS_KERNELFUNCTIONS_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::lowering {

/// Arithmetic on values of one shape, scalar or vector.
class ShapedBuilder : public ImplicitLocOpBuilder {
public:
  ShapedBuilder(Location loc, OpBuilder &builder, Type like)
      : ImplicitLocOpBuilder(loc, builder), like(like) {}

  Type shaped(Type element) {
    auto vector = dyn_cast<VectorType>(like);
    return vector ? Type(vector.clone(element)) : element;
  }
  Value constant(FloatType type, double value) {
    return splat(getFloatAttr(type, value));
  }
  Value constant(IntegerType type, int64_t value) {
    return splat(getIntegerAttr(type, value));
  }
  Value bitcast(Type element, Value value) {
    return arith::BitcastOp::create(*this, shaped(element), value);
  }

private:
  Value splat(TypedAttr value) {
    if (auto vector = dyn_cast<VectorType>(shaped(value.getType())))
      value = DenseElementsAttr::get(vector, value);
    return arith::ConstantOp::create(*this, value);
  }
  Type like;
};

/// Expansions of what else math has and a library would compute. They use
/// `math.exp`, and `math.fma` where it is fused.
void populateKernelFunctionPatterns(RewritePatternSet &patterns, bool fused);

/// Fails with a diagnostic where a function is left that is no instruction.
LogicalResult verifyKernelFunctions(Operation *root);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_KERNELFUNCTIONS_H
