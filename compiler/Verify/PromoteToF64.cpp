//===- PromoteToF64.cpp - A model with all its numbers in f64 -------------===//

#include "compiler/Verify/PromoteToF64.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;

void mlir::fabric::promoteToF64(ModuleOp module) {
  Type f64 = Float64Type::get(module.getContext());
  AttrTypeReplacer replacer;
  replacer.addReplacement([&](FloatType) -> Type { return f64; });
  // The data of a constant changes with its type.
  replacer.addReplacement(
      [&](DenseFPElementsAttr attr) -> std::pair<Attribute, WalkResult> {
        bool lossy;
        Attribute promoted = attr.mapValues(f64, [&](APFloat value) {
          value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                        &lossy);
          return value.bitcastToAPInt();
        });
        return {promoted, WalkResult::skip()};
      });
  replacer.addReplacement([&](FloatAttr attr)
                              -> std::pair<Attribute, WalkResult> {
    return {FloatAttr::get(f64, attr.getValueAsDouble()), WalkResult::skip()};
  });
  replacer.recursivelyReplaceElementsIn(module, /*replaceAttrs=*/true,
                                        /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);

  // Casts between float types are now from f64 to f64, and fold.
  module.walk([](Operation *op) {
    SmallVector<OpFoldResult> results;
    if (op->getNumResults() != 1 || op->getNumOperands() != 1 ||
        op->getResult(0).getType() != op->getOperand(0).getType() ||
        failed(op->fold(results)) || results.size() != 1)
      return;
    if (auto value = dyn_cast<Value>(results.front())) {
      op->getResult(0).replaceAllUsesWith(value);
      op->erase();
    }
  });
}
