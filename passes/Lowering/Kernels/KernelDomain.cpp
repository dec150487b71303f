//===- KernelDomain.cpp - The loops that a kernel runs over ---------------===//
//
// The result with the most loops gives the domain; the loops of other ops place
// the other results. What is read of arguments follows backwards from the
// results; a value needed at two places (x + x^T) is simply visited twice, but
// for what was reduced before, which is where its row is.
//
//===----------------------------------------------------------------------===//

#include "passes/Lowering/Kernels/KernelDomain.h"
#include "mlir/IR/Matchers.h"
#include "passes/Lowering/Kernels/FindLoops.h"
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

/// The sizes of the loops that compute a function result.
SmallVector<int64_t> getDomainOf(Value result) {
  if (auto op = result.getDefiningOp<StructuredOpInterface>())
    return getLoopSizes(op);
  return SmallVector<int64_t>(tensorType(result).getShape());
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
  }
  return success();
}

/// Gathers the arguments' elements that `value` at `map` needs.
class Reads {
public:
  explicit Reads(KernelDomain &domain) : domain(domain) {}

  /// The op that reads what is reduced before, but not where its row is.
  Operation *misplaced = nullptr;

  void visitOperands(StructuredOpInterface op, ArrayRef<unsigned> opLoops) {
    for (auto [index, operand] : llvm::enumerate(op->getOperands())) {
      AffineMap map = composeLoopMap(op, index, opLoops, domain.sizes.size());
      const KernelDomain::Inner *inner = domain.findInner(operand);
      if (!inner)
        visit({operand, map});
      else if (inner->map != map)
        misplaced = op;
    }
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
static KernelDomain::Result placeResult(Value value, const FoundLoops &found,
                                        ArrayRef<int64_t> sizes,
                                        MLIRContext *context) {
  KernelDomain::Result result;
  auto op = value.getDefiningOp<StructuredOpInterface>();
  unsigned number = op ? cast<OpResult>(value).getResultNumber() : 0;
  // What is not connected to the root runs over the domain in its own order, as
  // the updates of two parameters do.
  bool sameLoops = getDomainOf(value) == sizes;
  auto places = [&](ArrayRef<unsigned> opLoops) {
    result.opLoops.assign(opLoops.begin(), opLoops.end());
    result.map = composeLoopMap(op, op->getNumOperands() + number, opLoops,
                                sizes.size());
    return result;
  };
  if (const SmallVector<unsigned> *loops = op ? found.getLoops(op) : nullptr)
    return places(*loops);
  if (op && isReduction(op)) {
    if (sameLoops)
      places(llvm::to_vector(llvm::seq<unsigned>(0, sizes.size())));
    return result;
  }
  result.map = found.getMap(value);
  if (!result.map && sameLoops)
    result.map = AffineMap::getMultiDimIdentityMap(sizes.size(), context);
  if (op && result.map)
    result.opLoops = getOpLoops(op, number, result.map);
  return result;
}

bool KernelDomain::isRowWise(AffineMap map) const {
  if (inner.empty())
    return false;
  for (auto [loop, size] : llvm::enumerate(sizes))
    if (size != 1 && map.isFunctionOfDim(loop) != rowLoops.test(loop))
      return false;
  return true;
}

const KernelDomain::Inner *KernelDomain::findInner(Value value) const {
  const auto *it = llvm::find_if(
      inner, [&](const Inner &inner) { return inner.value == value; });
  return it == inner.end() ? nullptr : it;
}

/// What ops of the kernel reduce and others read, by the stage in which it is
/// complete.
static SmallVector<KernelDomain::Inner> findInner(func::FuncOp kernel) {
  SmallVector<KernelDomain::Inner> inner;
  DenseMap<Operation *, unsigned> stages;
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    unsigned stage = 0;
    for (Value operand : op.getOperands()) {
      auto producer = operand.getDefiningOp<StructuredOpInterface>();
      if (producer)
        stage = std::max(stage, stages.lookup(producer) +
                                    (isReduction(producer) ? 1 : 0));
    }
    stages[&op] = stage;
    auto structured = dyn_cast<StructuredOpInterface>(op);
    if (!structured || !isReduction(structured))
      continue;
    for (OpResult result : op.getResults())
      if (!llvm::all_of(result.getUsers(), llvm::IsaPred<func::ReturnOp>)) {
        inner.emplace_back().value = result;
        inner.back().stage = stage;
      }
  }
  SmallVector<KernelDomain::Inner> byStage;
  for (unsigned stage = 0; byStage.size() < inner.size(); ++stage)
    llvm::copy_if(inner, std::back_inserter(byStage),
                  [&](const auto &entry) { return entry.stage == stage; });
  return byStage;
}

/// What runs over the most loops, whose order is the domain's.
static Value findRoot(func::FuncOp kernel, const KernelDomain &domain) {
  SmallVector<Value> candidates(
      kernel.getBody().front().getTerminator()->getOperands());
  for (const KernelDomain::Inner &inner : domain.inner)
    candidates.push_back(inner.value);
  return *std::max_element(
      candidates.begin(), candidates.end(), [](Value a, Value b) {
        return getDomainOf(a).size() < getDomainOf(b).size();
      });
}

/// Every loop, or the kernel would write an element more than once.
static bool isWhole(const KernelDomain &domain,
                    const KernelDomain::Result &result, bool reduces) {
  if (!result.map)
    return false;
  for (auto [loop, size] : llvm::enumerate(domain.sizes))
    if (size != 1 && !result.map.isFunctionOfDim(loop) &&
        !(reduces && llvm::is_contained(result.opLoops, loop)))
      return false;
  return true;
}

static InFlightDiagnostic reportDomain(func::FuncOp kernel, Value value,
                                       const KernelDomain &domain) {
  InFlightDiagnostic diagnostic = kernel.emitOpError()
                                  << "expects results to run over one "
                                     "iteration domain, found ";
  Operation *terminator = kernel.getBody().front().getTerminator();
  auto it = llvm::find(terminator->getOperands(), value);
  if (it == terminator->operand_end())
    diagnostic << "a reduction that is read";
  else
    diagnostic << "result #" << it.getIndex();
  diagnostic << " of type " << value.getType() << " in a domain of [";
  llvm::interleaveComma(domain.sizes, diagnostic);
  diagnostic << "]";
  return diagnostic;
}

/// The loops of the reductions that are read, which must keep the same.
static LogicalResult placeInner(func::FuncOp kernel, const FoundLoops &found,
                                KernelDomain &domain) {
  domain.rowLoops.resize(domain.sizes.size());
  for (auto [index, inner] : llvm::enumerate(domain.inner)) {
    static_cast<KernelDomain::Result &>(inner) =
        placeResult(inner.value, found, domain.sizes, kernel.getContext());
    if (!isWhole(domain, inner, /*reduces=*/true))
      return reportDomain(kernel, inner.value, domain);
    if (index == 0)
      for (unsigned loop = 0; loop < domain.sizes.size(); ++loop)
        domain.rowLoops[loop] = inner.map.isFunctionOfDim(loop);
    if (!domain.isRowWise(inner.map))
      return inner.value.getOwner()->emitOpError()
             << "expects all reductions that a kernel reads to keep the same "
                "loops";
  }
  return success();
}

FailureOr<KernelDomain> mlir::lowering::getKernelDomain(func::FuncOp kernel) {
  if (failed(verifyOps(kernel)))
    return failure();
  KernelDomain domain;
  domain.inner = findInner(kernel);
  Value root = findRoot(kernel, domain);
  domain.sizes = getDomainOf(root);
  FailureOr<FoundLoops> found =
      FoundLoops::find(kernel, root, domain.sizes.size());
  if (failed(found) || failed(placeInner(kernel, *found, domain)))
    return failure();

  Reads reads(domain);
  for (Value value : kernel.getBody().front().getTerminator()->getOperands()) {
    auto op = value.getDefiningOp<StructuredOpInterface>();
    KernelDomain::Result result =
        placeResult(value, *found, domain.sizes, kernel.getContext());
    bool reduces = op && isReduction(op);
    bool isOfRow = !reduces && result.map && domain.isRowWise(result.map);
    if (!isOfRow && !isWhole(domain, result, reduces))
      return reportDomain(kernel, value, domain);
    if (op)
      reads.visitOperands(op, result.opLoops);
    else
      reads.visit({value, result.map});
    domain.results.push_back(std::move(result));
  }
  for (const KernelDomain::Inner &inner : domain.inner)
    reads.visitOperands(cast<StructuredOpInterface>(inner.value.getOwner()),
                        inner.opLoops);
  if (reads.misplaced)
    return reads.misplaced->emitOpError()
           << "expects what a kernel has reduced to be read row by row";
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
  // What has one element a row is written before the row is read again.
  if (domain->isRowWise(map))
    return false;
  for (auto [loop, size] : llvm::enumerate(domain->sizes))
    if (!map.isFunctionOfDim(loop) && size != 1)
      return false;
  return llvm::all_of(domain->reads, [&](const ValueAtMap &read) {
    return read.first != kernel.getArgument(argument) || read.second == map;
  });
}
