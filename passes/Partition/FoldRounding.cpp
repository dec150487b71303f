//===- FoldRounding.cpp - Products that are only rounded ------------------===//

#include "dialects/Fabric/IR/Fabric.h"
#include "passes/Partition/Passes.h"

#define DEBUG_TYPE "dist-fold-rounding"

namespace mlir::partition {
#define GEN_PASS_DEF_FOLDROUNDINGPASS
#include "passes/Partition/Passes.h.inc"
} // namespace mlir::partition

using namespace mlir;
using fabric::CastOp;
using fabric::ContractionOpInterface;

/// The cast to the operands' type that is all that becomes of the product.
static CastOp findRounding(ContractionOpInterface product) {
  Value result = product->getResult(0);
  if (!result.hasOneUse())
    return {};
  auto cast = dyn_cast<CastOp>(*result.user_begin());
  bool isRounding = cast && getElementTypeOrSelf(cast.getType()) ==
                                getElementTypeOrSelf(product->getOperand(0));
  return isRounding ? cast : CastOp();
}

namespace {
class FoldRounding
    : public partition::impl::FoldRoundingPassBase<FoldRounding> {
  void runOnOperation() override {
    SmallVector<ContractionOpInterface> products;
    getOperation().walk(
        [&](ContractionOpInterface product) { products.push_back(product); });
    for (ContractionOpInterface product : products) {
      CastOp rounding = findRounding(product);
      if (!rounding)
        continue;
      product->getResult(0).setType(rounding.getType());
      rounding.replaceAllUsesWith(product->getResult(0));
      rounding.erase();
      ++numFolded;
    }
  }
};
} // namespace
