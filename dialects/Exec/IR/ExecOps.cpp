//===- ExecOps.cpp - The instructions of a plan ---------------------------===//

#include "dialects/Exec/IR/Exec.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace mlir::exec;

#define GET_OP_CLASSES
#include "dialects/Exec/IR/ExecOps.cpp.inc"

static RankedTensorType tensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

static SlotAttr getSlot(ArrayAttr slots, unsigned result) {
  if (!slots || result >= slots.size())
    return {};
  return cast<SlotAttr>(slots[result]);
}

/// Results are planned in order, the first one first.
static ArrayAttr withSlot(ArrayAttr slots, unsigned result, SlotAttr slot) {
  SmallVector<Attribute> changed;
  if (slots)
    llvm::append_range(changed, slots);
  changed.resize(std::max<size_t>(changed.size(), result + 1), slot);
  changed[result] = slot;
  return ArrayAttr::get(slot.getContext(), changed);
}

//===----------------------------------------------------------------------===//
// GemmOp
//===----------------------------------------------------------------------===//

std::optional<unsigned> GemmOp::getTiedOperand(unsigned) {
  if (getAccumulator())
    return getODSOperandIndexAndLength(3).first;
  if (getTarget())
    return getODSOperandIndexAndLength(4).first;
  return std::nullopt;
}

MatrixAttr GemmOp::getResultMatrix() {
  if (MatrixAttr block = getCMatrixAttr())
    return block;
  return MatrixAttr::get(getContext(), getN(),
                         getBatch() > 1 ? getM() * getN() : 0, false, 0);
}

/// C3. `rows` x `columns` is the matrix as it is meant.
static LogicalResult verifyMatrix(Operation *op, StringRef name,
                                  MatrixAttr matrix, int64_t batch,
                                  int64_t rows, int64_t columns,
                                  RankedTensorType type) {
  if (matrix.getTransposed())
    std::swap(rows, columns);
  if (matrix.getLeading() < columns)
    return op->emitOpError()
           << "expects a leading dimension of at least " << columns << " for "
           << name << ", found " << matrix.getLeading();
  int64_t extent = matrix.getOffset() + (batch - 1) * matrix.getBatchStride() +
                   (rows - 1) * matrix.getLeading() + columns;
  if (extent > type.getNumElements())
    return op->emitOpError()
           << "expects the matrices of " << name << " to lie in its "
           << type.getNumElements() << " elements, found " << extent;
  return success();
}

/// C2, without what is added.
static LogicalResult verifyProductTypes(Operation *op, RankedTensorType a,
                                        RankedTensorType b,
                                        RankedTensorType result) {
  Type input = a.getElementType();
  if (!isa<FloatType>(input) || b.getElementType() != input)
    return op->emitOpError()
           << "expects matrices of one float element type, found " << a
           << " and " << b;
  bool isNarrow = isa<BFloat16Type, Float16Type>(input);
  if (result.getElementType() != input &&
      !(isNarrow && result.getElementType().isF32()))
    return op->emitOpError()
           << "expects a result of " << input << (isNarrow ? " or f32" : "")
           << ", found " << result;
  return success();
}

/// C2
static LogicalResult verifyElementTypes(GemmOp op) {
  RankedTensorType result = tensorType(op.getResult());
  if (failed(verifyProductTypes(op, tensorType(op.getA()),
                                tensorType(op.getB()), result)))
    return failure();
  for (Value operand : {op.getBias(), op.getAccumulator(), op.getTarget()})
    if (operand &&
        tensorType(operand).getElementType() != result.getElementType())
      return op.emitOpError() << "expects what it is added to of the result's "
                                 "element type, found "
                              << operand.getType() << " and " << result;
  return success();
}

LogicalResult GemmOp::verify() {
  int64_t batch = getBatch(), m = getM(), n = getN(), k = getK();
  if (batch < 1 || m < 1 || n < 1 || k < 1)
    return emitOpError() << "expects positive sizes, found batch " << batch
                         << ", m " << m << ", n " << n << ", k " << k;
  RankedTensorType result = tensorType(getResult());
  if (failed(verifyElementTypes(*this)))
    return failure();
  if (failed(verifyMatrix(*this, "a", getAMatrix(), batch, m, k,
                          tensorType(getA()))) ||
      failed(verifyMatrix(*this, "b", getBMatrix(), batch, k, n,
                          tensorType(getB()))))
    return failure();
  if (MatrixAttr block = getCMatrixAttr()) {
    if (batch != 1 || block.getTransposed())
      return emitOpError() << "expects a block that is one matrix and not "
                              "transposed, found batch "
                           << batch << " and " << block;
    if (failed(verifyMatrix(*this, "c", block, batch, m, n, result)))
      return failure();
  } else if (result.getNumElements() != batch * m * n) {
    return emitOpError() << "expects a result of " << batch * m * n
                         << " elements, found " << result;
  }
  int64_t biasOffset = getBiasOffset();
  if (biasOffset != 0 && (!getBias() || !getCMatrixAttr()))
    return emitOpError() << "expects a bias from 0 on without a block, found "
                         << biasOffset;
  if (getBias()) {
    int64_t elements = tensorType(getBias()).getNumElements();
    bool fits = getCMatrixAttr() ? biasOffset >= 0 && biasOffset <= elements - n
                                 : elements == n;
    if (!fits)
      return emitOpError() << "expects a bias of " << n << " elements from "
                           << biasOffset << ", found " << getBias().getType();
  }
  if (getTarget() && (getTarget().getType() != result || !getCMatrixAttr() ||
                      getAccumulator()))
    return emitOpError() << "expects a target of the result's type, for a "
                            "block that is not accumulated, found "
                         << getTarget().getType() << " and " << result;
  if (getAccumulator() && getAccumulator().getType() != result)
    return emitOpError()
           << "expects an accumulator of the result's type, found "
           << getAccumulator().getType() << " and " << result;
  if (getTf32() && !tensorType(getA()).getElementType().isF32())
    return emitOpError() << "expects operands of f32 for TF32, found "
                         << getA().getType();
  return success();
}

//===----------------------------------------------------------------------===//
// JoinedGemmOp
//===----------------------------------------------------------------------===//

SlotAttr JoinedGemmOp::getSlotOf(unsigned result) {
  return getSlot(getSlotsAttr(), result);
}

void JoinedGemmOp::setSlotOf(unsigned result, SlotAttr slot) {
  setSlotsAttr(withSlot(getSlotsAttr(), result, slot));
}

SmallVector<ValueRange> JoinedGemmOp::getRuns() {
  return {getA().size() > 1 ? ValueRange(getA()) : ValueRange(getB()),
          getProducts()};
}

LogicalResult JoinedGemmOp::verify() {
  int64_t m = getM(), n = getN(), k = getK();
  if (m < 1 || n < 1 || k < 1)
    return emitOpError() << "expects positive sizes, found m " << m << ", n "
                         << n << ", k " << k;
  size_t count = getNumResults(), as = getA().size(), bs = getB().size();
  bool sharesOne = (as == 1 && bs == count) || (bs == 1 && as == count);
  if (count < 2 || !sharesOne)
    return emitOpError() << "expects one matrix for all products and one for "
                            "each of at least 2, found "
                         << as << " and " << bs << " for " << count;
  for (ValueRange range :
       {ValueRange(getA()), ValueRange(getB()), ValueRange(getProducts())})
    if (!llvm::all_equal(range.getTypes()))
      return emitOpError() << "expects tensors of one type, found "
                           << range.getTypes();
  RankedTensorType a = tensorType(getA().front()),
                   b = tensorType(getB().front());
  RankedTensorType result = tensorType(getProducts().front());
  if (failed(verifyProductTypes(*this, a, b, result)))
    return failure();
  if (getTf32() && !a.getElementType().isF32())
    return emitOpError() << "expects operands of f32 for TF32, found " << a;
  for (MatrixAttr matrix : {getAMatrix(), getBMatrix()})
    if (matrix.getOffset() != 0)
      return emitOpError() << "expects matrices from the first element on, "
                              "found "
                           << matrix;
  if (failed(verifyMatrix(*this, "a", getAMatrix(), 1, m, k, a)) ||
      failed(verifyMatrix(*this, "b", getBMatrix(), 1, k, n, b)))
    return failure();
  if (result.getNumElements() != m * n)
    return emitOpError() << "expects results of " << m * n
                         << " elements, found " << result;
  return success();
}

//===----------------------------------------------------------------------===//
// LaunchOp
//===----------------------------------------------------------------------===//

SlotAttr LaunchOp::getSlotOf(unsigned result) {
  return getSlot(getSlotsAttr(), result);
}

void LaunchOp::setSlotOf(unsigned result, SlotAttr slot) {
  setSlotsAttr(withSlot(getSlotsAttr(), result, slot));
}

std::optional<unsigned> LaunchOp::getTiedOperand(unsigned result) {
  if (getTies()[result] < 0)
    return std::nullopt;
  return getTies()[result];
}

static FunctionOpInterface lookupKernel(LaunchOp op) {
  return SymbolTable::lookupNearestSymbolFrom<FunctionOpInterface>(
      op, op.getKernelAttr());
}

/// Whether the function lets `result` be written over argument `operand`.
static bool mayAlias(FunctionOpInterface kernel, unsigned result,
                     unsigned operand) {
  auto results =
      kernel.getArgAttrOfType<DenseI64ArrayAttr>(operand, kMayAliasAttr);
  return results && llvm::is_contained(results.asArrayRef(), result);
}

bool LaunchOp::canTie(unsigned result, unsigned operand) {
  return getTies()[result] < 0 && !llvm::is_contained(getTies(), operand) &&
         mayAlias(lookupKernel(*this), result, operand);
}

void LaunchOp::tie(unsigned result, unsigned operand) {
  SmallVector<int64_t> ties(getTies());
  ties[result] = operand;
  setTies(ties);
}

LogicalResult LaunchOp::verify() {
  if (getTies().size() != getNumResults())
    return emitOpError() << "expects a tie for each of " << getNumResults()
                         << " results, found " << getTies().size();
  if (getSlots() && getSlots()->size() > getNumResults())
    return emitOpError() << "expects a slot for each of " << getNumResults()
                         << " results, found " << getSlots()->size();
  SmallVector<int64_t> seen;
  for (auto [result, operand] : llvm::enumerate(getTies())) {
    if (operand == -1)
      continue;
    if (operand < 0 || operand >= getNumOperands())
      return emitOpError() << "ties result " << result << " to operand "
                           << operand << " of " << getNumOperands();
    if (llvm::is_contained(seen, operand))
      return emitOpError() << "ties two results to operand " << operand;
    seen.push_back(operand);
    if (getOperand(operand).getType() != getResult(result).getType())
      return emitOpError() << "ties result " << result << " of type "
                           << getResult(result).getType() << " to operand "
                           << operand << " of type "
                           << getOperand(operand).getType();
  }
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto kernel = symbols.lookupNearestSymbolFrom<FunctionOpInterface>(
      *this, getKernelAttr());
  if (!kernel || getKernel().getRootReference() != ExecDialect::kKernelsModule)
    return emitOpError() << "expects a kernel of @"
                         << ExecDialect::kKernelsModule << ", found "
                         << getKernelAttr();
  if (!llvm::equal(kernel.getArgumentTypes(), getOperandTypes()) ||
      !llvm::equal(kernel.getResultTypes(), getResultTypes()))
    return emitOpError() << "expects the types of " << getKernelAttr() << ", "
                         << kernel.getFunctionType();
  for (auto [result, operand] : llvm::enumerate(getTies()))
    if (operand >= 0 && !mayAlias(kernel, result, operand))
      return emitOpError() << "ties result " << result << " to operand "
                           << operand << ", which " << getKernelAttr()
                           << " does not allow";
  return success();
}

//===----------------------------------------------------------------------===//
// CollectiveOp
//===----------------------------------------------------------------------===//

ParseResult mlir::exec::parseKind(OpAsmParser &parser,
                                  CollectiveKindAttr &kind) {
  FailureOr<CollectiveKind> value = FieldParser<CollectiveKind>::parse(parser);
  if (failed(value))
    return failure();
  kind = CollectiveKindAttr::get(parser.getContext(), *value);
  return success();
}

void mlir::exec::printKind(OpAsmPrinter &printer, Operation *,
                           CollectiveKindAttr kind) {
  printer << stringifyCollectiveKind(kind.getValue());
}

static bool concatenates(CollectiveKind kind) {
  return kind == CollectiveKind::AllGather || kind == CollectiveKind::AllToAll;
}

static bool splits(CollectiveKind kind) {
  return kind == CollectiveKind::ReduceScatter ||
         kind == CollectiveKind::AllToAll || kind == CollectiveKind::AllSlice;
}

static bool reduces(CollectiveKind kind) {
  return kind == CollectiveKind::ReduceScatter ||
         kind == CollectiveKind::AllReduce;
}

std::optional<unsigned> CollectiveOp::getTiedOperand(unsigned) {
  if (!getInPlace())
    return std::nullopt;
  return 0;
}

bool CollectiveOp::canTie(unsigned, unsigned) {
  return getKind() == CollectiveKind::AllReduce && !getInPlace();
}

void CollectiveOp::tie(unsigned, unsigned) { setInPlace(true); }

/// Of all kinds but one, every rank needs something of every other.
dist::AxesAttr CollectiveOp::getOrderedAxes() {
  return getKind() == CollectiveKind::AllSlice ? dist::AxesAttr() : getAxes();
}

dist::AxesAttr CollectiveOp::getStream() {
  return getAsync() ? getAxes() : dist::AxesAttr();
}

/// C2 for one dim.
static LogicalResult verifyDim(CollectiveOp op, StringRef name,
                               std::optional<uint64_t> dim, bool needed) {
  StringRef kind = stringifyCollectiveKind(op.getKind());
  if (dim.has_value() != needed)
    return op.emitOpError()
           << kind << " expects " << (needed ? "a " : "no ") << name;
  int64_t rank = tensorType(op.getOperand()).getRank();
  if (dim && static_cast<int64_t>(*dim) >= rank)
    return op.emitOpError() << name << " " << static_cast<int64_t>(*dim)
                            << " is not a dim of " << op.getOperand().getType();
  return success();
}

/// C1 of all that have axes.
static LogicalResult verifyAxes(Operation *op, dist::AxesAttr axes) {
  dist::MeshAttr mesh = dist::getMesh(op);
  if (!mesh || axes.empty())
    return op->emitOpError() << "expects at least one axis of the module's "
                                "mesh";
  for (dist::AxisRefAttr axis : axes.getRefs())
    if (mesh.getAxisSize(axis.getName()) == 0)
      return op->emitOpError()
             << "axis " << axis.getName() << " is not one of the mesh " << mesh;
  return success();
}

LogicalResult CollectiveOp::verify() {
  if (failed(verifyAxes(*this, getAxes())))
    return failure();
  if (failed(verifyDim(*this, "concat_dim", getConcatDim(),
                       concatenates(getKind()))) ||
      failed(verifyDim(*this, "split_dim", getSplitDim(), splits(getKind()))))
    return failure();
  if (getReduction().has_value() != reduces(getKind()))
    return emitOpError() << stringifyCollectiveKind(getKind()) << " expects "
                         << (reduces(getKind()) ? "a" : "no") << " reduction";

  RankedTensorType from = tensorType(getOperand()),
                   to = tensorType(getResult());
  int64_t ranks = getAxes().getNumParts(dist::getMesh(*this));
  SmallVector<int64_t> expected(from.getShape());
  if (auto dim = getSplitDim()) {
    if (expected[*dim] % ranks != 0)
      return emitOpError() << "expects split_dim " << *dim
                           << " to be a multiple of " << ranks << ", found "
                           << expected[*dim];
    expected[*dim] /= ranks;
  }
  if (auto dim = getConcatDim())
    expected[*dim] *= ranks;
  if (to != RankedTensorType::get(expected, from.getElementType()))
    return emitOpError() << "expects a result of type "
                         << RankedTensorType::get(expected,
                                                  from.getElementType())
                         << ", found " << to;
  if (getInPlace() && getKind() != CollectiveKind::AllReduce)
    return emitOpError() << "only an all_reduce can be in place, found "
                         << stringifyCollectiveKind(getKind());
  if (getAsync() && getKind() == CollectiveKind::AllSlice)
    return emitOpError() << "all_slice needs nobody and cannot be async";
  if (static_cast<int64_t>(getBytesSent()) < 0)
    return emitOpError() << "expects bytes_sent of at least 0, found "
                         << static_cast<int64_t>(getBytesSent());
  return success();
}

//===----------------------------------------------------------------------===//
// PeerViewOp, BarrierOp
//===----------------------------------------------------------------------===//

bool mlir::exec::coversAxes(dist::AxesAttr axes, dist::AxesAttr inner) {
  return llvm::all_of(inner.getRefs(), [&](dist::AxisRefAttr part) {
    return llvm::any_of(axes.getRefs(), [&](dist::AxisRefAttr axis) {
      return axis == part ||
             (axis.getName() == part.getName() && !axis.isSubAxis());
    });
  });
}

std::optional<unsigned> PeerViewOp::getTiedOperand(unsigned) { return 0; }

bool PeerViewOp::isAlias() { return true; }

LogicalResult PeerViewOp::verify() {
  if (failed(verifyAxes(*this, getAxes())))
    return failure();
  int64_t ranks = getAxes().getNumParts(dist::getMesh(*this));
  int64_t member = getMember();
  if (member < 0 || member >= ranks)
    return emitOpError() << "expects a member below the group's " << ranks
                         << ", found " << member;
  RankedTensorType expected = tensorType(getOperand());
  if (getOwnPiece()) {
    if (expected.getRank() == 0 || expected.getDimSize(0) % ranks != 0)
      return emitOpError() << "expects dim 0 to be a multiple of " << ranks
                           << ", found " << expected;
    SmallVector<int64_t> shape(expected.getShape());
    shape[0] /= ranks;
    expected = RankedTensorType::get(shape, expected.getElementType());
  }
  if (tensorType(getResult()) != expected)
    return emitOpError() << "expects a result of type " << expected
                         << ", found " << tensorType(getResult());
  return success();
}

SlotAttr BarrierOp::getSlotOf(unsigned) { return {}; }

void BarrierOp::setSlotOf(unsigned, SlotAttr) {}

dist::AxesAttr BarrierOp::getOrderedAxes() { return getAxes(); }

LogicalResult BarrierOp::verify() { return verifyAxes(*this, getAxes()); }

//===----------------------------------------------------------------------===//
// RecordOp, WaitOp
//===----------------------------------------------------------------------===//

LogicalResult RecordOp::verify() {
  return getAxesAttr() ? verifyAxes(*this, getAxesAttr()) : success();
}

LogicalResult WaitOp::verify() {
  return getAxesAttr() ? verifyAxes(*this, getAxesAttr()) : success();
}

//===----------------------------------------------------------------------===//
// ViewOp, CopyOp
//===----------------------------------------------------------------------===//

std::optional<unsigned> ViewOp::getTiedOperand(unsigned) { return 0; }

bool ViewOp::isAlias() { return true; }

LogicalResult ViewOp::verify() {
  RankedTensorType from = tensorType(getOperand()),
                   to = tensorType(getResult());
  if (from.getNumElements() != to.getNumElements() ||
      from.getElementType() != to.getElementType())
    return emitOpError() << "expects as many elements of one type, found "
                         << from << " and " << to;
  return success();
}

std::optional<unsigned> CopyOp::getTiedOperand(unsigned) { return 1; }

LogicalResult CopyOp::verify() {
  if (getSource().getType() != getTarget().getType() ||
      getTarget().getType() != getResult().getType())
    return emitOpError() << "expects one type, found " << getSource().getType()
                         << ", " << getTarget().getType() << " and "
                         << getResult().getType();
  return success();
}
