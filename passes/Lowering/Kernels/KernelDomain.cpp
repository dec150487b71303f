//===- KernelDomain.cpp - The loops that a kernel runs over ---------------===//
//
// The result with the most loops gives the domain. Maps then travel through the
// graph in both directions, as far as they determine the loops of an op, which
// places the other results. What is read of arguments follows backwards from
// the results; a value needed at two places (x + x^T) is simply visited twice.
//
//===----------------------------------------------------------------------===//

#include "passes/Lowering/Kernels/KernelDomain.h"
#include "mlir/IR/Matchers.h"
#include "passes/Lowering/Kernels/Kernels.h"

using namespace mlir;
using namespace mlir::lowering;
using fabric::StructuredOpInterface;

static RankedTensorType tensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

bool mlir::lowering::isReduction(StructuredOpInterface op) {
  return llvm::is_contained(op.getLoopIterators(),
                            utils::IteratorType::reduction);
}

SmallVector<unsigned> mlir::lowering::getOpLoops(StructuredOpInterface op,
                                                 unsigned result,
                                                 AffineMap resultMap) {
  AffineMap own = op.getLoopMaps()[op->getNumOperands() + result];
  SmallVector<unsigned> loops(own.getNumDims());
  for (unsigned dim = 0; dim < own.getNumResults(); ++dim)
    loops[own.getDimPosition(dim)] = resultMap.getDimPosition(dim);
  return loops;
}

AffineMap mlir::lowering::composeLoopMap(StructuredOpInterface op,
                                         unsigned index,
                                         ArrayRef<unsigned> opLoops,
                                         unsigned numLoops) {
  AffineMap own = op.getLoopMaps()[index];
  SmallVector<unsigned> dims;
  for (unsigned dim = 0; dim < own.getNumResults(); ++dim)
    dims.push_back(opLoops[own.getDimPosition(dim)]);
  SmallVector<AffineExpr> exprs;
  for (unsigned dim : dims)
    exprs.push_back(getAffineDimExpr(dim, op->getContext()));
  return AffineMap::get(numLoops, 0, exprs, op->getContext());
}

fabric::BoxCopyOpInterface mlir::lowering::getBoxCopy(func::FuncOp kernel) {
  if (!kernel.getBody().hasOneBlock())
    return {};
  Operation &first = kernel.getBody().front().front();
  auto op = dyn_cast<fabric::BoxCopyOpInterface>(first);
  Operation *next = first.getNextNode();
  return op && isa_and_nonnull<func::ReturnOp>(next) &&
                 next->getOperands() == first.getResults() &&
                 first.getOperands() == kernel.getArguments()
             ? op
             : fabric::BoxCopyOpInterface();
}

Type mlir::lowering::getStorageType(Type element) {
  if (element.isInteger(1))
    return IntegerType::get(element.getContext(), 8);
  if (element.isBF16())
    return IntegerType::get(element.getContext(), 16);
  return element;
}

TypedAttr mlir::lowering::getStoredNumber(TypedAttr number) {
  Type stored = getStorageType(number.getType());
  if (stored == number.getType())
    return number;
  if (auto value = dyn_cast<FloatAttr>(number))
    return IntegerAttr::get(stored, value.getValue().bitcastToAPInt());
  return IntegerAttr::get(stored, cast<IntegerAttr>(number).getValue().zext(
                                      stored.getIntOrFloatBitWidth()));
}

namespace {

/// Operands, then results.
SmallVector<Value> getTensors(Operation *op) {
  SmallVector<Value> tensors(op->getOperands());
  llvm::append_range(tensors, op->getResults());
  return tensors;
}

/// The sizes of the loops that compute a function result.
SmallVector<int64_t> getLoopSizes(Value result) {
  auto op = result.getDefiningOp<StructuredOpInterface>();
  if (!op)
    return SmallVector<int64_t>(tensorType(result).getShape());
  SmallVector<int64_t> sizes(op.getLoopIterators().size(), 1);
  for (auto [map, tensor] : llvm::zip_equal(op.getLoopMaps(), getTensors(op)))
    for (auto [dim, size] : llvm::enumerate(tensorType(tensor).getShape()))
      sizes[map.getDimPosition(dim)] = size;
  return sizes;
}

/// Every op must be one that a kernel can hold.
LogicalResult verifyOps(func::FuncOp kernel) {
  if (!kernel.getBody().hasOneBlock())
    return kernel.emitOpError() << "expects a kernel to have one block";
  FunctionType type = kernel.getFunctionType();
  for (Type part :
       llvm::concat<const Type>(type.getInputs(), type.getResults())) {
    auto tensor = dyn_cast<RankedTensorType>(part);
    if (!tensor || !tensor.hasStaticShape() || tensor.getEncoding())
      return kernel.emitOpError()
             << "expects a kernel on local tensors of static shape, found "
             << part;
  }
  if (type.getNumResults() == 0)
    return kernel.emitOpError() << "expects a kernel to have results";
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    if (matchPattern(&op, m_Constant())) {
      Attribute value;
      matchPattern(&op, m_Constant(&value));
      auto elements = dyn_cast<SplatElementsAttr>(value);
      if (!elements)
        return op.emitOpError() << "expects constants of a kernel to be splats";
      continue;
    }
    auto structured = dyn_cast<StructuredOpInterface>(op);
    if (!structured)
      return op.emitOpError() << "cannot be part of a kernel: it is neither a "
                                 "structured op nor a constant";
    for (Type result : op.getResultTypes())
      if (!isa<FloatType, IntegerType>(getElementTypeOrSelf(result)))
        return op.emitOpError() << "cannot be part of a kernel of " << result;
    if (!isReduction(structured))
      continue;
    for (Operation *user : op.getUsers())
      if (!isa<func::ReturnOp>(user))
        return op.emitOpError() << "expects an op that reduces to be the last "
                                   "of a kernel; it is used by '"
                                << user->getName() << "'";
  }
  return success();
}

/// Finds the loops of all ops that those of the root determine.
class Propagation {
public:
  Propagation(func::FuncOp kernel, unsigned numLoops)
      : kernel(kernel), numLoops(numLoops) {}

  void seed(Value root) {
    SmallVector<unsigned> identity =
        llvm::to_vector(llvm::seq<unsigned>(0, numLoops));
    if (auto op = root.getDefiningOp<StructuredOpInterface>())
      setLoops(op, identity);
    else
      values[root] =
          AffineMap::getMultiDimIdentityMap(numLoops, kernel.getContext());
  }

  void run() {
    bool changed = true;
    while (changed) {
      changed = false;
      for (Operation &op : kernel.getBody().front())
        if (auto structured = dyn_cast<StructuredOpInterface>(op))
          changed |= !loops.contains(&op) && visit(structured);
    }
  }

  /// Null where unknown.
  const SmallVector<unsigned> *getLoops(Operation *op) const {
    auto it = loops.find(op);
    return it == loops.end() ? nullptr : &it->second;
  }
  AffineMap getMap(Value value) const { return values.lookup(value); }

private:
  void setLoops(StructuredOpInterface op, ArrayRef<unsigned> opLoops) {
    loops[op] = SmallVector<unsigned>(opLoops);
    for (auto [index, tensor] : llvm::enumerate(getTensors(op)))
      values.try_emplace(tensor, composeLoopMap(op, index, opLoops, numLoops));
  }

  bool visit(StructuredOpInterface op) {
    SmallVector<std::optional<unsigned>> found(op.getLoopIterators().size());
    for (auto [own, tensor] :
         llvm::zip_equal(op.getLoopMaps(), getTensors(op))) {
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

  func::FuncOp kernel;
  unsigned numLoops;
  DenseMap<Operation *, SmallVector<unsigned>> loops;
  DenseMap<Value, AffineMap> values;
};

/// Gathers the arguments' elements that `value` at `map` needs.
class Reads {
public:
  explicit Reads(KernelDomain &domain) : domain(domain) {}

  void visitOperands(StructuredOpInterface op, ArrayRef<unsigned> opLoops) {
    for (auto [index, operand] : llvm::enumerate(op->getOperands()))
      visit({operand, composeLoopMap(op, index, opLoops, domain.sizes.size())});
  }

  void visit(ValueAtMap read) {
    if (!visited.insert(read).second)
      return;
    auto op = read.first.getDefiningOp<StructuredOpInterface>();
    if (op)
      visitOperands(op,
                    getOpLoops(op, cast<OpResult>(read.first).getResultNumber(),
                               read.second));
    else if (isa<BlockArgument>(read.first))
      domain.reads.insert(read);
  }

private:
  KernelDomain &domain;
  DenseSet<ValueAtMap> visited;
};

} // namespace

/// Where a function result lies in the domain; without a map if it is unknown.
static KernelDomain::Result placeResult(Value value,
                                        const Propagation &propagation,
                                        ArrayRef<int64_t> sizes,
                                        MLIRContext *context) {
  KernelDomain::Result result;
  auto op = value.getDefiningOp<StructuredOpInterface>();
  unsigned number = op ? cast<OpResult>(value).getResultNumber() : 0;
  // What is not connected to the root runs over the domain in its own order, as
  // the updates of two parameters do.
  bool sameLoops = getLoopSizes(value) == sizes;
  if (op && isReduction(op)) {
    if (const SmallVector<unsigned> *loops = propagation.getLoops(op))
      result.opLoops = *loops;
    else if (sameLoops)
      llvm::append_range(result.opLoops, llvm::seq<unsigned>(0, sizes.size()));
    else
      return result;
    result.map = composeLoopMap(op, op->getNumOperands() + number,
                                result.opLoops, sizes.size());
    return result;
  }
  result.map = propagation.getMap(value);
  if (!result.map && sameLoops)
    result.map = AffineMap::getMultiDimIdentityMap(sizes.size(), context);
  if (op && result.map)
    result.opLoops = getOpLoops(op, number, result.map);
  return result;
}

FailureOr<KernelDomain> mlir::lowering::getKernelDomain(func::FuncOp kernel) {
  if (failed(verifyOps(kernel)))
    return failure();
  Operation *terminator = kernel.getBody().front().getTerminator();
  KernelDomain domain;
  Value root;
  for (Value value : terminator->getOperands()) {
    SmallVector<int64_t> sizes = getLoopSizes(value);
    if (root && sizes.size() <= domain.sizes.size())
      continue;
    root = value;
    domain.sizes = std::move(sizes);
  }
  unsigned numLoops = domain.sizes.size();
  Propagation propagation(kernel, numLoops);
  propagation.seed(root);
  propagation.run();

  Reads reads(domain);
  for (auto [index, value] : llvm::enumerate(terminator->getOperands())) {
    auto op = value.getDefiningOp<StructuredOpInterface>();
    bool reduces = op && isReduction(op);
    KernelDomain::Result result =
        placeResult(value, propagation, domain.sizes, kernel.getContext());
    AffineMap map = result.map;
    // Every loop, or the kernel would write an element more than once.
    bool whole = static_cast<bool>(map);
    for (unsigned loop = 0; whole && loop < numLoops; ++loop) {
      bool covered = map.isFunctionOfDim(loop) ||
                     (reduces && llvm::is_contained(result.opLoops, loop));
      whole = covered || domain.sizes[loop] == 1;
    }
    if (!whole) {
      InFlightDiagnostic diagnostic =
          kernel.emitOpError()
          << "expects results to run over one iteration domain, found result #"
          << index << " of type " << value.getType() << " in a domain of [";
      llvm::interleaveComma(domain.sizes, diagnostic);
      return diagnostic << "]";
    }
    if (op)
      reads.visitOperands(op, result.opLoops);
    else
      reads.visit({value, map});
    domain.results.push_back(std::move(result));
  }
  return domain;
}

bool mlir::lowering::mayShareBuffer(func::FuncOp kernel, unsigned argument,
                                    unsigned result) {
  ScopedDiagnosticHandler quiet(kernel.getContext(),
                                [](Diagnostic &) { return success(); });
  FailureOr<KernelDomain> domain = getKernelDomain(kernel);
  if (failed(domain) ||
      kernel.getArgumentTypes()[argument] != kernel.getResultTypes()[result])
    return false;
  AffineMap map = domain->results[result].map;
  for (auto [loop, size] : llvm::enumerate(domain->sizes))
    if (!map.isFunctionOfDim(loop) && size != 1)
      return false;
  return llvm::all_of(domain->reads, [&](const ValueAtMap &read) {
    return read.first != kernel.getArgument(argument) || read.second == map;
  });
}
