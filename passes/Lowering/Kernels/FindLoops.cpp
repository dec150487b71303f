//===- FindLoops.cpp - The loops of a kernel's ops ------------------------===//

#include "passes/Lowering/Kernels/FindLoops.h"
#include "dialects/Exec/IR/Exec.h"
#include "passes/Lowering/Kernels/KernelDomain.h"

using namespace mlir;
using namespace mlir::lowering;
using fabric::StructuredOpInterface;

/// Operands, then results.
static SmallVector<Value> getTensors(Operation *op) {
  SmallVector<Value> tensors(op->getOperands());
  llvm::append_range(tensors, op->getResults());
  return tensors;
}

FailureOr<FoundLoops> FoundLoops::find(func::FuncOp kernel, Value root,
                                       unsigned numLoops) {
  FoundLoops found(kernel, numLoops);
  if (failed(found.readAttributes(root.getDefiningOp())))
    return failure();
  if (found.loops.empty())
    found.propagate(root);
  return found;
}

const SmallVector<unsigned> *FoundLoops::getLoops(Operation *op) const {
  auto it = loops.find(op);
  return it == loops.end() ? nullptr : &it->second;
}

/// Who wrote them may have had the domain's loops in another order than the
/// root has its own.
LogicalResult FoundLoops::readAttributes(Operation *root) {
  auto read = [](Operation &op) {
    return op.getAttrOfType<DenseI64ArrayAttr>(exec::kLoopsAttr);
  };
  DenseMap<int64_t, unsigned> inRoot;
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    DenseI64ArrayAttr attribute = read(op);
    if (!attribute)
      continue;
    auto structured = dyn_cast<StructuredOpInterface>(op);
    if (!structured ||
        attribute.asArrayRef().size() != structured.getLoopIterators().size())
      return op.emitOpError() << "expects " << exec::kLoopsAttr
                              << " to name a loop for each of its own";
    if (inRoot.empty()) {
      DenseI64ArrayAttr order = root ? read(*root) : DenseI64ArrayAttr();
      if (!order)
        return op.emitOpError() << "has " << exec::kLoopsAttr << ", and "
                                << "the op that runs over all loops has not";
      for (auto [index, loop] : llvm::enumerate(order.asArrayRef()))
        inRoot[loop] = index;
    }
    SmallVector<unsigned> opLoops;
    for (int64_t loop : attribute.asArrayRef()) {
      auto it = inRoot.find(loop);
      if (it == inRoot.end() || llvm::is_contained(opLoops, it->second))
        return op.emitOpError()
               << "expects " << exec::kLoopsAttr
               << " to name loops of the kernel's domain once, found " << loop;
      opLoops.push_back(it->second);
    }
    setLoops(structured, opLoops);
  }
  return success();
}

/// Backwards from what is known, as far as that goes: who reads a value says
/// where it is needed. Forwards only from there, for an operand may be needed
/// at other places, too.
void FoundLoops::propagate(Value root) {
  if (auto op = root.getDefiningOp<StructuredOpInterface>())
    setLoops(op, llvm::to_vector(llvm::seq<unsigned>(0, numLoops)));
  else
    values[root] =
        AffineMap::getMultiDimIdentityMap(numLoops, kernel.getContext());
  Block &block = kernel.getBody().front();
  bool changed = true;
  while (changed) {
    changed = false;
    for (Operation &op : llvm::reverse(block))
      if (llvm::any_of(op.getResults(),
                       [&](Value result) { return values.contains(result); }))
        changed |= visit(op);
    // From what is read once, if there is such.
    for (bool once : {true, false})
      changed = changed || llvm::any_of(block, [&](Operation &op) {
                  return (!once || readsOnce(op)) && visit(op);
                });
  }
}

void FoundLoops::setLoops(StructuredOpInterface op,
                          ArrayRef<unsigned> opLoops) {
  loops[op] = SmallVector<unsigned>(opLoops);
  for (auto [index, tensor] : llvm::enumerate(getTensors(op)))
    values.try_emplace(tensor, composeLoopMap(op, index, opLoops, numLoops));
}

bool FoundLoops::readsOnce(Operation &op) const {
  return llvm::any_of(op.getOperands(), [&](Value operand) {
    return operand.hasOneUse() && values.contains(operand);
  });
}

/// Whether something was found.
bool FoundLoops::visit(Operation &operation) {
  auto op = dyn_cast<StructuredOpInterface>(operation);
  if (!op || loops.contains(op))
    return false;
  SmallVector<std::optional<unsigned>> found(op.getLoopIterators().size());
  SmallVector<AffineMap> maps = llvm::to_vector(op.getLoopMaps());
  SmallVector<Value> tensors = getTensors(op);
  for (auto [own, tensor] :
       llvm::zip_equal(llvm::reverse(maps), llvm::reverse(tensors))) {
    AffineMap map = values.lookup(tensor);
    if (!map)
      continue;
    for (unsigned dim = 0; dim < own.getNumResults(); ++dim)
      if (!found[own.getDimPosition(dim)])
        found[own.getDimPosition(dim)] = map.getDimPosition(dim);
  }
  SmallVector<unsigned> opLoops;
  for (std::optional<unsigned> loop : found) {
    // Two loops on one loop of the domain would be a diagonal.
    if (!loop || llvm::is_contained(opLoops, *loop))
      return false;
    opLoops.push_back(*loop);
  }
  if (opLoops.empty())
    return false;
  setLoops(op, opLoops);
  return true;
}
