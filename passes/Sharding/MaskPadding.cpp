//===- MaskPadding.cpp - Keeps padding out of reductions ------------------===//
//
// First, backwards: along which of its padded parts does the padding of a value
// matter? Where a use reduces over it, where it goes into a stored tensor, or
// where that holds for what is made of it.
//
// Then, forwards: what is in the padding? Along each padded part of a value it
// is known to be a constant, or to repeat what the true elements hold (a row of
// a bias that is broadcast over padded rows), or may be anything. What an op
// makes of it is asked of its scalar body, which is folded: zero times what is
// finite is zero, zero by zero is not known. A value that may be anything, and
// matters, is masked where it is made, so that nothing after it needs to be.
// What is known but not neutral is masked at the reduction that would count it,
// of which the body must say that it then counts nothing.
//
// "Along a part" means all elements whose index in that part is behind the true
// size. One that is padding along several parts is known if it is along each of
// them, and all say the same.
//
//===----------------------------------------------------------------------===//

#include "passes/Sharding/MaskPadding.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "passes/Analysis/FiniteValues.h"
#include "passes/Analysis/ScalarBody.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SmallBitVector.h"
#include <cmath>
#include <limits>
#include <map>

using namespace mlir;
using namespace mlir::sharding;
using mlir::analysis::FactorClass;
using mlir::analysis::ScalarValue;

namespace {
/// What is known of the padding along one part of a value.
struct Padding {
  std::optional<double> constant;
  /// The elements do not depend on the index in this part, so that the padding
  /// repeats true elements: as finite as the program itself.
  bool uniform = false;

  bool isZero() const { return constant && *constant == 0.0; }
  bool isKnown() const { return constant || uniform; }
};

class PaddingMasker {
public:
  PaddingMasker(func::FuncOp function, const PaddedSizes &sizes)
      : function(function), block(function.getBody().front()), sizes(sizes),
        classes(sizes.classes) {}

  LogicalResult run();
  unsigned getNumMasks() const { return numMasks; }

private:
  /// The value whose parts a value has: what a mask masks.
  Value getOriginal(Value value) const {
    auto it = original.find(value);
    return it == original.end() ? value : it->second;
  }
  SmallVector<Position> getPositions(Value value) const {
    return sharding::getPositions(sizes, getOriginal(value));
  }
  bool isStored(unsigned result) {
    return function.getResultAttr(
               result, fabric::FabricDialect::kUpdateOfAttr) != nullptr;
  }

  void findWhatMatters();
  bool mattersTo(Operation *op, const PaddingFlow &flow, Coordinate coordinate);

  Padding getOperandPadding(OpOperand &operand, const PaddingFlow &flow,
                            Coordinate coordinate) const;
  std::optional<double> evaluate(Operation *op, const PaddingFlow &flow,
                                 unsigned result, Coordinate coordinate) const;
  Padding transfer(Operation *op, const PaddingFlow &flow, unsigned result,
                   Coordinate coordinate) const;
  void setConstantPadding(Operation *op, const DenseElementsAttr &value);
  LogicalResult makeNeutral(Operation *op, const PaddingFlow &flow,
                            Coordinate coordinate);
  void zeroOperands(Operation *op, const PaddingFlow &flow);
  LogicalResult visit(Operation *op);
  void maskResult(OpResult result);
  void maskStored(Operation *terminator);

  Value getValid(Value value, Position position);
  Value createMask(OpBuilder &builder, Value value, Position position,
                   double fill);
  void maskUse(OpOperand &use, unsigned position, double fill);
  /// What masking a value at one position leaves of what was known of it.
  void setMasked(Value from, Value to, unsigned position);

  func::FuncOp function;
  Block &block;
  const PaddedSizes &sizes;
  const analysis::FactorClasses &classes;

  DenseMap<Value, Value> original;
  /// Their true elements are finite: of a masked value, those of its original.
  llvm::DenseSet<Value> finiteValues;
  DenseMap<Value, llvm::SmallBitVector> matters;
  DenseMap<Value, SmallVector<Padding>> paddings;
  DenseMap<Value, double> splats;
  DenseMap<std::pair<Value, unsigned>, Value> maskedWithZero;
  std::map<std::pair<const void *, std::vector<bool>>, Value> validVectors;
  unsigned numMasks = 0;
};
} // namespace

//===----------------------------------------------------------------------===//
// What matters
//===----------------------------------------------------------------------===//

static bool isReduced(const dist::ShardingRule *rule, Coordinate coordinate) {
  return rule &&
         rule->factors[coordinate.factor].kind == dist::Factor::Kind::Reduction;
}

bool PaddingMasker::mattersTo(Operation *op, const PaddingFlow &flow,
                              Coordinate coordinate) {
  if (isReduced(classes.getRule(op), coordinate))
    return true;
  bool isInResult = false;
  for (auto [result, coordinates] :
       llvm::zip_equal(op->getResults(), flow.results))
    if (auto position = PaddingFlow::find(coordinates, coordinate)) {
      isInResult = true;
      if (matters[result].test(*position))
        return true;
    }
  return !isInResult;
}

void PaddingMasker::findWhatMatters() {
  auto start = [&](Value value) {
    matters[value] = llvm::SmallBitVector(getPositions(value).size());
  };
  llvm::for_each(block.getArguments(), start);
  for (Operation &op : block)
    llvm::for_each(op.getResults(), start);
  for (OpOperand &operand : block.getTerminator()->getOpOperands())
    if (isStored(operand.getOperandNumber()))
      matters[operand.get()].set();
  for (Operation &op : llvm::reverse(block.without_terminator())) {
    PaddingFlow flow(sizes, &op);
    for (auto [operand, coordinates] :
         llvm::zip_equal(op.getOperands(), flow.operands))
      for (auto [position, coordinate] : llvm::enumerate(coordinates))
        if (mattersTo(&op, flow, coordinate))
          matters[operand].set(position);
  }
}

//===----------------------------------------------------------------------===//
// What is in the padding
//===----------------------------------------------------------------------===//

/// An operand without the part is the same for all of its indices.
Padding PaddingMasker::getOperandPadding(OpOperand &operand,
                                         const PaddingFlow &flow,
                                         Coordinate coordinate) const {
  if (auto position = PaddingFlow::find(
          flow.operands[operand.getOperandNumber()], coordinate))
    return paddings.find(operand.get())->second[*position];
  Padding padding;
  padding.uniform = true;
  auto splat = splats.find(operand.get());
  if (splat != splats.end())
    padding.constant = splat->second;
  return padding;
}

/// Whether an op is linear in all of its operands together: then it makes zeros
/// of zeros. Where it is linear in some of them, zeros of these are not enough:
/// a quotient is linear in the numerator, and zero by zero is no number.
static bool isLinear(const dist::ShardingRule &rule, unsigned numOperands) {
  return llvm::any_of(rule.linearGroups, [&](ArrayRef<unsigned> group) {
    return group.size() == numOperands;
  });
}

/// What an op makes of the padding along a part: before it reduces, if it does.
std::optional<double> PaddingMasker::evaluate(Operation *op,
                                              const PaddingFlow &flow,
                                              unsigned result,
                                              Coordinate coordinate) const {
  SmallVector<ScalarValue> operands;
  for (OpOperand &operand : op->getOpOperands()) {
    Padding padding = getOperandPadding(operand, flow, coordinate);
    if (!padding.isKnown())
      return std::nullopt;
    bool isFinite = padding.constant
                        ? std::isfinite(*padding.constant)
                        : finiteValues.contains(getOriginal(operand.get()));
    operands.push_back({padding.constant, isFinite});
  }
  ScalarValue value;
  if (auto structured = dyn_cast<fabric::StructuredOpInterface>(op))
    value = analysis::evaluateScalarBody(structured, operands)[result];
  else if (isLinear(*classes.getRule(op), operands.size()) &&
           llvm::all_of(operands, [](const ScalarValue &operand) {
             return operand.number == 0.0;
           }))
    return 0.0;
  return value.isFinite ? value.number : std::nullopt;
}

Padding PaddingMasker::transfer(Operation *op, const PaddingFlow &flow,
                                unsigned result, Coordinate coordinate) const {
  Padding padding;
  if (op->getNumOperands() == 0)
    return padding;
  if (isa<dist::ConstraintOp, ViewLikeOpInterface>(op))
    return getOperandPadding(op->getOpOperand(0), flow, coordinate);
  padding.constant = evaluate(op, flow, result, coordinate);
  auto structured = dyn_cast<fabric::StructuredOpInterface>(op);
  if (!structured)
    return padding;
  padding.uniform = llvm::all_of(op->getOpOperands(), [&](OpOperand &operand) {
    return getOperandPadding(operand, flow, coordinate).uniform;
  });
  // How many terms there are, and of which other parts, is not looked at.
  bool reduces = llvm::is_contained(structured.getLoopIterators(),
                                    utils::IteratorType::reduction);
  if (reduces && padding.constant != 0.0)
    padding.constant.reset();
  return padding;
}

void PaddingMasker::setConstantPadding(Operation *op,
                                       const DenseElementsAttr &value) {
  Padding padding{0.0, false};
  if (value.isSplat()) {
    padding.uniform = true;
    if (isa<FloatType>(value.getElementType()))
      padding.constant = value.getSplatValue<FloatAttr>().getValueAsDouble();
    else
      padding.constant = static_cast<double>(
          value.getSplatValue<IntegerAttr>().getValue().getSExtValue());
    splats[op->getResult(0)] = *padding.constant;
  }
  paddings[op->getResult(0)].assign(getPositions(op->getResult(0)).size(),
                                    padding);
}

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

/// One where the index along a dim has a true place in the part, else zero.
Value PaddingMasker::getValid(Value value, Position position) {
  std::vector<bool> pattern =
      getValidIndices(sizes, getOriginal(value), position);
  auto element = cast<FloatType>(getElementTypeOrSelf(value.getType()));
  Value &vector = validVectors[{element.getAsOpaquePointer(), pattern}];
  if (vector)
    return vector;
  auto builder = OpBuilder::atBlockBegin(&block);
  SmallVector<Attribute> numbers;
  for (bool valid : pattern)
    numbers.push_back(builder.getFloatAttr(element, valid ? 1.0 : 0.0));
  auto type =
      RankedTensorType::get({static_cast<int64_t>(pattern.size())}, element);
  auto elements = DenseElementsAttr::get(type, numbers);
  vector = fabric::ConstantOp::create(builder, value.getLoc(), elements);
  return vector;
}

Value PaddingMasker::createMask(OpBuilder &builder, Value value,
                                Position position, double fill) {
  ++numMasks;
  return fabric::MaskOp::create(builder, value.getLoc(), value.getType(), value,
                                getValid(value, position), position.dim,
                                APFloat(fill));
}

void PaddingMasker::setMasked(Value from, Value to, unsigned position) {
  original[to] = getOriginal(from);
  SmallVector<Padding> known = paddings[from];
  for (auto [other, padding] : llvm::enumerate(known)) {
    if (other == position)
      padding = {0.0, false};
    else if (!padding.isZero()) // Zero where both are padding.
      padding.constant.reset();
  }
  paddings[to] = std::move(known);
  llvm::SmallBitVector bits = matters[from];
  matters[to] = std::move(bits);
}

void PaddingMasker::maskUse(OpOperand &use, unsigned position, double fill) {
  Value value = use.get();
  OpBuilder builder(use.getOwner());
  Position place = getPositions(value)[position];
  if (fill != 0.0) {
    Value masked = createMask(builder, value, place, fill);
    setMasked(value, masked, position);
    paddings[masked][position].constant = fill;
    return use.set(masked);
  }
  auto [it, isNew] = maskedWithZero.try_emplace({value, position});
  if (isNew) {
    Value masked = createMask(builder, value, place, fill);
    maskedWithZero[{value, position}] = masked;
    setMasked(value, masked, position);
    return use.set(masked);
  }
  use.set(it->second);
}

/// Makes what a reduction takes from the padding neutral.
LogicalResult PaddingMasker::makeNeutral(Operation *op, const PaddingFlow &flow,
                                         Coordinate coordinate) {
  const dist::ShardingRule *rule = classes.getRule(op);
  auto getPosition = [&](unsigned operand) {
    return PaddingFlow::find(flow.operands[operand], coordinate);
  };
  auto getPadding = [&](unsigned operand) {
    return getOperandPadding(op->getOpOperand(operand), flow, coordinate);
  };
  dist::ReductionKind kind = rule->factors[coordinate.factor].reduction;
  if (kind != dist::ReductionKind::Sum) {
    // Taking an element twice does not change the largest.
    double infinity = std::numeric_limits<double>::infinity();
    double fill = kind == dist::ReductionKind::Max ? -infinity : infinity;
    for (unsigned operand = 0; operand < op->getNumOperands(); ++operand)
      if (getPosition(operand) && !getPadding(operand).uniform)
        maskUse(op->getOpOperand(operand), *getPosition(operand), fill);
    return success();
  }
  auto isNeutral = [&] {
    return llvm::all_of(op->getResults(), [&](OpResult result) {
      return evaluate(op, flow, result.getResultNumber(), coordinate) == 0.0;
    });
  };
  auto zero = [&](ArrayRef<unsigned> operands) {
    for (unsigned operand : operands)
      if (getPosition(operand) && !getPadding(operand).isZero())
        maskUse(op->getOpOperand(operand), *getPosition(operand), 0.0);
  };
  if (isNeutral())
    return success();
  // Zeros in all operands of one linear group do, if the others are finite: in
  // the cheapest one.
  const SmallVector<unsigned> *best = nullptr;
  int64_t bestCost = 0;
  for (const SmallVector<unsigned> &group : rule->linearGroups) {
    if (!llvm::all_of(group, [&](unsigned o) { return !!getPosition(o); }))
      continue;
    int64_t cost = 0;
    for (unsigned operand : group)
      if (!getPadding(operand).isZero())
        cost += fabric::getNumBytes(
            cast<RankedTensorType>(op->getOperand(operand).getType()));
    if (!best || cost < bestCost) {
      best = &group;
      bestCost = cost;
    }
  }
  if (best)
    zero(*best);
  if (!isNeutral())
    zero(llvm::to_vector(llvm::seq(op->getNumOperands())));
  if (!isNeutral())
    return op->emitOpError()
           << "reduces over a dim that is padded, and takes more than zeros "
              "from the padding";
  return success();
}

/// An update in place must keep the zeros of what is stored, without a mask,
/// which would be a copy: what it reads is masked instead.
void PaddingMasker::zeroOperands(Operation *op, const PaddingFlow &flow) {
  for (auto [result, coordinates] : llvm::enumerate(flow.results))
    for (auto [position, coordinate] : llvm::enumerate(coordinates)) {
      if (!matters[op->getResult(result)].test(position) ||
          transfer(op, flow, result, coordinate).isZero())
        continue;
      for (OpOperand &operand : op->getOpOperands()) {
        auto place = PaddingFlow::find(
            flow.operands[operand.getOperandNumber()], coordinate);
        if (place && !paddings[operand.get()][*place].isZero())
          maskUse(operand, *place, 0.0);
      }
    }
}

/// Masks what may be anything. A mask spoils what was known along other parts,
/// where both are padding, unless that was zero. Nothing but floats is reduced
/// or stored: what decides between them is let be, and what it made is masked.
void PaddingMasker::maskResult(OpResult result) {
  if (!isa<FloatType>(getElementTypeOrSelf(result.getType())))
    return;
  Value value = result;
  OpBuilder builder(result.getContext());
  builder.setInsertionPointAfter(result.getOwner());
  SmallVector<Position> positions = getPositions(result);
  auto findUnknown = [&]() -> std::optional<unsigned> {
    for (unsigned position = 0; position < positions.size(); ++position)
      if (matters[value].test(position) && !paddings[value][position].isKnown())
        return position;
    return std::nullopt;
  };
  while (std::optional<unsigned> position = findUnknown()) {
    Value masked = createMask(builder, value, positions[*position], 0.0);
    value.replaceAllUsesExcept(masked, masked.getDefiningOp());
    setMasked(value, masked, *position);
    value = masked;
  }
}

/// What is stored has zeros.
void PaddingMasker::maskStored(Operation *terminator) {
  for (OpOperand &operand : terminator->getOpOperands()) {
    if (!isStored(operand.getOperandNumber()))
      continue;
    for (unsigned position = 0; position < getPositions(operand.get()).size();
         ++position)
      if (!paddings[operand.get()][position].isZero())
        maskUse(operand, position, 0.0);
  }
}

LogicalResult PaddingMasker::visit(Operation *op) {
  DenseElementsAttr constant;
  if (matchPattern(op, m_Constant(&constant))) {
    setConstantPadding(op, constant);
    return success();
  }
  PaddingFlow flow(sizes, op);
  SmallVector<Coordinate> reduced;
  for (ArrayRef<Coordinate> coordinates : flow.operands)
    for (Coordinate coordinate : coordinates)
      if (isReduced(classes.getRule(op), coordinate) &&
          !llvm::is_contained(reduced, coordinate))
        reduced.push_back(coordinate);
  for (Coordinate coordinate : reduced)
    if (failed(makeNeutral(op, flow, coordinate)))
      return failure();
  if (isa<fabric::InPlaceOpInterface>(op))
    zeroOperands(op, flow);
  for (OpResult result : op->getResults())
    paddings[result] = llvm::map_to_vector(
        flow.results[result.getResultNumber()], [&](Coordinate coordinate) {
          return transfer(op, flow, result.getResultNumber(), coordinate);
        });
  for (OpResult result : op->getResults())
    maskResult(result);
  return success();
}

LogicalResult PaddingMasker::run() {
  finiteValues = analysis::findFiniteValues(block);
  findWhatMatters();
  for (BlockArgument argument : block.getArguments())
    paddings[argument].assign(getPositions(argument).size(), {0.0, false});
  SmallVector<Operation *> ops = llvm::map_to_vector(
      block.without_terminator(), [](Operation &op) { return &op; });
  for (Operation *op : ops)
    if (failed(visit(op)))
      return failure();
  maskStored(block.getTerminator());
  return success();
}

FailureOr<unsigned> mlir::sharding::maskPadding(func::FuncOp function,
                                                const PaddedSizes &sizes) {
  PaddingMasker masker(function, sizes);
  if (failed(masker.run()))
    return failure();
  return masker.getNumMasks();
}
