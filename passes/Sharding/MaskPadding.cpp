//===- MaskPadding.cpp - Keeps padding out of reductions ------------------===//
//
// First, backwards: along which of its padded parts does the padding of a value
// matter? Where a use reduces over it, where it goes into a stored tensor, or
// where that holds for what is made of it.
//
// Then, forwards: what is in the padding? Along each padded part of a value it
// is known to be a constant, or to repeat what the true elements hold (a row of
// a bias that is broadcast over padded rows), or may be anything. Known zeros
// make zeros of products; constants go through the scalar body of an op, which
// is folded. A value that may be anything, and matters, is masked where it is
// made, so that nothing after it needs to be. What is known but not neutral is
// masked at the reduction that would count it.
//
// "Along a part" means all elements whose index in that part is behind the true
// size, whatever their other indices are.
//
//===----------------------------------------------------------------------===//

#include "passes/Sharding/MaskPadding.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
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

int64_t PaddedSizes::getDimSize(Value value, unsigned dim) const {
  int64_t size = 1;
  for (FactorClass part : classes.getParts(value, dim))
    size *= padded[part];
  return size;
}

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

/// A padded part of a dim of a value.
struct Position {
  unsigned dim;
  unsigned part; ///< Of the dim's parts, major first.
};

/// Where a padded part is in an op's rule; one coordinate for each position of
/// the tensor, in order.
struct Coordinate {
  unsigned factor;
  unsigned part; ///< Of the factor's parts.
  bool operator==(const Coordinate &other) const {
    return factor == other.factor && part == other.part;
  }
};

/// How positions of operands and results of one op correspond.
struct Flow {
  SmallVector<SmallVector<Coordinate>> operands, results;

  static std::optional<unsigned> find(ArrayRef<Coordinate> list,
                                      Coordinate coordinate) {
    const Coordinate *it = llvm::find(list, coordinate);
    if (it == list.end())
      return std::nullopt;
    return it - list.begin();
  }
};

class PaddingMasker {
public:
  PaddingMasker(func::FuncOp function, const PaddedSizes &sizes)
      : function(function), block(function.getBody().front()), sizes(sizes),
        classes(sizes.classes) {}

  LogicalResult run();
  unsigned getNumMasks() const { return numMasks; }

private:
  SmallVector<Position> getPositions(Value value) const;
  Flow getFlow(Operation *op) const;
  bool isStored(unsigned result) {
    return function.getResultAttr(
               result, fabric::FabricDialect::kUpdateOfAttr) != nullptr;
  }

  void findWhatMatters();
  bool mattersTo(Operation *op, const Flow &flow, Coordinate coordinate);

  Padding getOperandPadding(OpOperand &operand,
                            ArrayRef<Coordinate> coordinates,
                            Coordinate coordinate) const;
  Padding transfer(Operation *op, const Flow &flow, unsigned result,
                   Coordinate coordinate);
  void setConstantPadding(Operation *op, const DenseElementsAttr &value);
  LogicalResult makeNeutral(Operation *op, const Flow &flow,
                            Coordinate coordinate);
  void zeroOperands(Operation *op, const Flow &flow);
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

  /// The value whose parts a value has: what a mask masks.
  DenseMap<Value, Value> original;
  DenseMap<Value, llvm::SmallBitVector> matters;
  DenseMap<Value, SmallVector<Padding>> paddings;
  DenseMap<Value, double> splats;
  DenseMap<std::pair<Value, unsigned>, Value> maskedWithZero;
  std::map<std::pair<const void *, std::vector<bool>>, Value> validVectors;
  unsigned numMasks = 0;
};
} // namespace

//===----------------------------------------------------------------------===//
// Positions
//===----------------------------------------------------------------------===//

SmallVector<Position> PaddingMasker::getPositions(Value value) const {
  auto it = original.find(value);
  if (it != original.end())
    value = it->second;
  SmallVector<Position> positions;
  auto type = cast<RankedTensorType>(value.getType());
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    for (auto [index, part] : llvm::enumerate(classes.getParts(value, dim)))
      if (sizes.isPadded(part))
        positions.push_back(
            {static_cast<unsigned>(dim), static_cast<unsigned>(index)});
  return positions;
}

Flow PaddingMasker::getFlow(Operation *op) const {
  Flow flow;
  const dist::ShardingRule *rule = classes.getRule(op);
  if (!rule) {
    // An identity, or an op that keeps all of its sizes.
    auto identity = [&](Value value) {
      SmallVector<Coordinate> coordinates;
      for (Position position : getPositions(value))
        coordinates.push_back({position.dim, position.part});
      return coordinates;
    };
    for (Value operand : op->getOperands())
      flow.operands.push_back(identity(operand));
    for (Value result : op->getResults())
      flow.results.push_back(identity(result));
    return flow;
  }
  auto add = [&](ArrayRef<dist::TensorFactors> tensors,
                 SmallVector<SmallVector<Coordinate>> &coordinates) {
    for (const dist::TensorFactors &dims : tensors) {
      SmallVector<Coordinate> &list = coordinates.emplace_back();
      for (const dist::DimFactors &factors : dims)
        for (unsigned factor : factors)
          for (auto [index, part] :
               llvm::enumerate(classes.getParts(op, factor)))
            if (sizes.isPadded(part))
              list.push_back({factor, static_cast<unsigned>(index)});
    }
  };
  add(rule->operands, flow.operands);
  add(rule->results, flow.results);
  return flow;
}

//===----------------------------------------------------------------------===//
// What matters
//===----------------------------------------------------------------------===//

static bool isReduced(const dist::ShardingRule *rule, Coordinate coordinate) {
  return rule &&
         rule->factors[coordinate.factor].kind == dist::Factor::Kind::Reduction;
}

bool PaddingMasker::mattersTo(Operation *op, const Flow &flow,
                              Coordinate coordinate) {
  if (isReduced(classes.getRule(op), coordinate))
    return true;
  bool isInResult = false;
  for (auto [result, coordinates] :
       llvm::zip_equal(op->getResults(), flow.results))
    if (auto position = Flow::find(coordinates, coordinate)) {
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
    Flow flow = getFlow(&op);
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
                                         ArrayRef<Coordinate> coordinates,
                                         Coordinate coordinate) const {
  if (auto position = Flow::find(coordinates, coordinate))
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

Padding PaddingMasker::transfer(Operation *op, const Flow &flow,
                                unsigned result, Coordinate coordinate) {
  SmallVector<Padding> operands;
  for (auto [operand, coordinates] :
       llvm::zip_equal(op->getOpOperands(), flow.operands))
    operands.push_back(getOperandPadding(operand, coordinates, coordinate));

  Padding padding;
  if (operands.empty())
    return padding;
  if (isa<dist::ConstraintOp, ViewLikeOpInterface>(op))
    return operands.front();
  auto structured = dyn_cast<fabric::StructuredOpInterface>(op);
  if (structured || isa<fabric::ContractionOpInterface>(op))
    padding.uniform =
        llvm::all_of(operands, [](const Padding &p) { return p.uniform; });
  // An operand that may hold a NaN spoils a product with zero.
  if (!llvm::all_of(operands, [](const Padding &p) { return p.isKnown(); }))
    return padding;
  if (!structured) {
    if (isLinear(*classes.getRule(op), operands.size()) &&
        llvm::all_of(operands, [](const Padding &p) { return p.isZero(); }))
      padding.constant = 0.0;
    return padding;
  }
  SmallVector<ScalarValue> scalars = llvm::map_to_vector(
      operands, [](const Padding &p) { return ScalarValue(p.constant); });
  ScalarValue value = analysis::evaluateScalarBody(structured, scalars)[result];
  bool reduces = llvm::is_contained(structured.getLoopIterators(),
                                    utils::IteratorType::reduction);
  if (value && std::isfinite(*value) && (!reduces || *value == 0.0))
    padding.constant = value;
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
  auto it = original.find(value);
  SmallVector<FactorClass, 2> parts =
      classes.getParts(it == original.end() ? value : it->second, position.dim);
  auto type = cast<RankedTensorType>(value.getType());
  int64_t size = type.getDimSize(position.dim), stride = 1;
  for (FactorClass part : ArrayRef(parts).drop_front(position.part + 1))
    stride *= sizes.padded[part];
  FactorClass part = parts[position.part];
  std::vector<bool> pattern;
  for (int64_t index = 0; index < size; ++index)
    pattern.push_back(index / stride % sizes.padded[part] <
                      classes.getSize(part));

  auto element = cast<FloatType>(type.getElementType());
  Value &vector = validVectors[{element.getAsOpaquePointer(), pattern}];
  if (vector)
    return vector;
  auto builder = OpBuilder::atBlockBegin(&block);
  SmallVector<Attribute> numbers;
  for (bool valid : pattern)
    numbers.push_back(builder.getFloatAttr(element, valid ? 1.0 : 0.0));
  auto elements =
      DenseElementsAttr::get(RankedTensorType::get({size}, element), numbers);
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
  auto it = original.find(from);
  original[to] = it == original.end() ? from : it->second;
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
LogicalResult PaddingMasker::makeNeutral(Operation *op, const Flow &flow,
                                         Coordinate coordinate) {
  const dist::ShardingRule *rule = classes.getRule(op);
  auto getPosition = [&](unsigned operand) {
    return Flow::find(flow.operands[operand], coordinate);
  };
  auto getPadding = [&](unsigned operand) {
    return getOperandPadding(op->getOpOperand(operand), flow.operands[operand],
                             coordinate);
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
  // Zeros in all operands of one linear group are enough: the cheapest one.
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
  if (!best)
    return op->emitOpError()
           << "reduces over a dim that is padded, and is not linear in it";
  for (unsigned operand : *best)
    if (!getPadding(operand).isZero())
      maskUse(op->getOpOperand(operand), *getPosition(operand), 0.0);
  return success();
}

/// An update in place must keep the zeros of what is stored, without a mask,
/// which would be a copy: what it reads is masked instead.
void PaddingMasker::zeroOperands(Operation *op, const Flow &flow) {
  for (auto [result, coordinates] : llvm::enumerate(flow.results))
    for (auto [position, coordinate] : llvm::enumerate(coordinates)) {
      if (!matters[op->getResult(result)].test(position) ||
          transfer(op, flow, result, coordinate).isZero())
        continue;
      for (OpOperand &operand : op->getOpOperands()) {
        auto place =
            Flow::find(flow.operands[operand.getOperandNumber()], coordinate);
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
  Flow flow = getFlow(op);
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
