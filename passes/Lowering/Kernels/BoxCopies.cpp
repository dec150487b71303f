//===- BoxCopies.cpp - The kernel of an op that copies boxes --------------===//

#include "passes/Lowering/Kernels/BoxCopies.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "passes/Lowering/Kernels/KernelDomain.h"

using namespace mlir;
using namespace mlir::lowering;
using fabric::BoxCopy;

/// The dims of a box that have more than one element; one where none has, for
/// the loops to stand on.
static SmallVector<int64_t> getLongSizes(ArrayRef<int64_t> sizes) {
  SmallVector<int64_t> kept;
  for (int64_t size : sizes)
    if (size != 1)
      kept.push_back(size);
  if (kept.empty() && !sizes.empty())
    kept.push_back(1);
  return kept;
}

static Value getBox(OpBuilder &b, Location loc, Value buffer,
                    ArrayRef<int64_t> sizes, ArrayRef<int64_t> offsets,
                    ArrayRef<int64_t> strides) {
  auto type = cast<MemRefType>(buffer.getType());
  if (type.getRank() == 0)
    return buffer;
  MemRefType part = memref::SubViewOp::inferRankReducedResultType(
      getLongSizes(sizes), type, offsets, sizes, strides);
  return memref::SubViewOp::create(b, loc, part, buffer, offsets, sizes,
                                   strides);
}

static void copyBox(OpBuilder &b, Location loc, const BoxCopy &box, Value from,
                    Value to) {
  int64_t rank = getLongSizes(box.sizes).size();
  Value source =
      getBox(b, loc, from, box.sizes, box.fromOffsets, box.fromStrides);
  Value target = getBox(b, loc, to, box.sizes, box.toOffsets, box.toStrides);
  SmallVector<AffineMap> maps(2, b.getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> loops(rank, utils::IteratorType::parallel);
  linalg::GenericOp::create(b, loc, source, target, maps, loops,
                            [](OpBuilder &body, Location loc, ValueRange args) {
                              linalg::YieldOp::create(body, loc, args[0]);
                            });
}

void mlir::lowering::buildBoxCopies(func::FuncOp kernel,
                                    fabric::BoxCopyOpInterface op) {
  Location loc = op.getLoc();
  OpBuilder b(kernel.getContext());
  SmallVector<Type> types;
  auto add = [&](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    types.push_back(MemRefType::get(tensor.getShape(),
                                    getStorageType(tensor.getElementType())));
  };
  llvm::for_each(op->getOperandTypes(), add);
  llvm::for_each(op->getResultTypes(), add);
  SmallVector<BoxCopy> boxes = op.getBoxes();
  TypedAttr fill = op.getFill();

  kernel.getBody().front().erase();
  kernel.setFunctionType(b.getFunctionType(types, {}));
  kernel.removeArgAttrsAttr();
  kernel.removeResAttrsAttr();
  Block *entry = kernel.addEntryBlock();
  b.setInsertionPointToStart(entry);
  Value result = entry->getArguments().back();
  if (fill) {
    Value value = arith::ConstantOp::create(b, loc, getStoredNumber(fill));
    linalg::FillOp::create(b, loc, value, result);
  }
  for (const BoxCopy &box : boxes)
    if (!llvm::is_contained(box.sizes, 0))
      copyBox(b, loc, box, entry->getArgument(box.operand), result);
  func::ReturnOp::create(b, loc);
}
