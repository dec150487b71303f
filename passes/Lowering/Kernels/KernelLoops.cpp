//===- KernelLoops.cpp - A kernel while it becomes loops ------------------===//

#include "passes/Lowering/Kernels/KernelLoops.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::lowering;

static SmallVector<AffineMap> getAllMaps(const KernelDomain &domain) {
  SmallVector<AffineMap> maps;
  for (const ValueAtMap &read : domain.reads)
    maps.push_back(read.second);
  for (const KernelDomain::Result &result : domain.results)
    maps.push_back(result.map);
  for (const KernelDomain::Inner &inner : domain.inner)
    maps.push_back(inner.map);
  return maps;
}

KernelLoops::KernelLoops(func::FuncOp kernel, KernelDomain known)
    : kernel(kernel), domain(std::move(known)),
      loops(domain.sizes, getAllMaps(domain)),
      numArguments(kernel.getNumArguments()), builder(kernel.getContext()) {
  llvm::append_range(tileSizes, loops.getSizes());
  tileStarts.resize(tileSizes.size());
  oldBlock = &kernel.getBody().front();
  results = llvm::to_vector(oldBlock->getTerminator()->getOperands());
  SmallVector<Type> types;
  SmallVector<Location> locs;
  auto add = [&](Value value) {
    auto tensor = cast<RankedTensorType>(value.getType());
    types.push_back(MemRefType::get(tensor.getShape(),
                                    getStorageType(tensor.getElementType())));
    locs.push_back(value.getLoc());
  };
  llvm::for_each(oldBlock->getArguments(), add);
  llvm::for_each(results, add);
  kernel.setFunctionType(builder.getFunctionType(types, {}));
  kernel.removeArgAttrsAttr();
  kernel.removeResAttrsAttr();
  entry = builder.createBlock(&kernel.getBody(), kernel.getBody().begin(),
                              types, locs);
}

void KernelLoops::finish() {
  func::ReturnOp::create(builder, oldBlock->getTerminator()->getLoc());
  oldBlock->dropAllReferences();
  oldBlock->dropAllDefinedValueUses();
  oldBlock->erase();
}

Value KernelLoops::collapse(unsigned number, AffineMap map, Location loc) {
  Value buffer = entry->getArgument(number);
  CollapsedLoops::View view = loops.getView(map);
  if (static_cast<int64_t>(view.groups.size()) ==
      cast<MemRefType>(buffer.getType()).getRank())
    return buffer;
  return memref::CollapseShapeOp::create(builder, loc, buffer, view.groups);
}

Value KernelLoops::getArgument(ValueAtMap read) {
  return collapse(cast<BlockArgument>(read.first).getArgNumber(), read.second,
                  read.first.getLoc());
}

Value KernelLoops::getResult(unsigned number) {
  return collapse(numArguments + number, domain.results[number].map,
                  results[number].getLoc());
}

Value KernelLoops::getArgumentTile(ValueAtMap read) {
  return getTile(getArgument(read), getMap(read.second), read.first.getLoc());
}

Value KernelLoops::getResultTile(unsigned number) {
  return getTile(getResult(number), getMap(domain.results[number].map),
                 results[number].getLoc());
}

Value KernelLoops::getTile(Value buffer, AffineMap map, Location loc) {
  SmallVector<OpFoldResult> offsets, sizes;
  bool isWhole = true;
  for (auto [dim, size] :
       llvm::enumerate(cast<MemRefType>(buffer.getType()).getShape())) {
    unsigned loop = map.getDimPosition(dim);
    isWhole &= tileSizes[loop] == size;
    offsets.push_back(tileStarts[loop] ? tileStarts[loop]
                                       : builder.getIndexAttr(0));
    sizes.push_back(builder.getIndexAttr(tileSizes[loop]));
  }
  if (isWhole)
    return buffer;
  SmallVector<OpFoldResult> strides(offsets.size(), builder.getIndexAttr(1));
  return memref::SubViewOp::create(builder, loc, buffer, offsets, sizes,
                                   strides);
}

Value KernelLoops::makeBuffer(AffineMap map, ArrayRef<int64_t> sizes,
                              Type element, Location loc) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(entry);
  SmallVector<int64_t> shape;
  for (unsigned dim = 0; dim < map.getNumResults(); ++dim)
    shape.push_back(sizes[map.getDimPosition(dim)]);
  return memref::AllocaOp::create(builder, loc, MemRefType::get(shape, element),
                                  builder.getI64IntegerAttr(64));
}
