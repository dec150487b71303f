//===- DenseConstants.cpp - Constants made dense
//---------------------------===//

#include "compiler/Driver/DenseConstants.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/MathExtras.h"
#include <utility>

using namespace mlir;
using namespace mlir::fabric;

static FailureOr<DenseElementsAttr>
readResource(ConstantOp op, DenseResourceElementsAttr value) {
  AsmResourceBlob *blob = value.getRawHandle().getBlob();
  if (!blob)
    return op.emitOpError()
           << "names resource \"" << value.getRawHandle().getKey()
           << "\", which the file does not have";
  ShapedType type = value.getType();
  ArrayRef<char> bytes = blob->getData();
  // A bool is a byte there.
  int64_t width = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  int64_t expected = type.getNumElements() * width;
  if (std::cmp_not_equal(bytes.size(), expected))
    return op.emitOpError() << "has " << bytes.size() << " bytes in resource \""
                            << value.getRawHandle().getKey() << "\", expected "
                            << expected << " for " << type;
  if (!type.getElementType().isInteger(1))
    return DenseElementsAttr::getFromRawBuffer(type, bytes);
  SmallVector<bool> bools;
  for (char byte : bytes)
    bools.push_back(byte != 0);
  return DenseElementsAttr::get(type, bools);
}

LogicalResult mlir::fabric::makeConstantsDense(ModuleOp module) {
  WalkResult result = module.walk([](ConstantOp op) -> WalkResult {
    ElementsAttr value = op.getValue();
    if (isa<DenseElementsAttr>(value))
      return WalkResult::advance();
    if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
      FailureOr<DenseElementsAttr> dense = readResource(op, resource);
      if (failed(dense))
        return WalkResult::interrupt();
      op.setValueAttr(*dense);
      return WalkResult::advance();
    }
    auto elements = value.tryGetValues<Attribute>();
    if (!elements) {
      op.emitOpError() << "has a value whose elements cannot be read, expected "
                          "dense, dense_resource or sparse, found "
                       << value;
      return WalkResult::interrupt();
    }
    op.setValueAttr(DenseElementsAttr::get(value.getShapedType(),
                                           llvm::to_vector(*elements)));
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}
