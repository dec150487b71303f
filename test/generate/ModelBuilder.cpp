//===- ModelBuilder.cpp - A model under construction ----------------------===//

#include "test/generate/ModelBuilder.h"

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::generate;

static constexpr int64_t kMaxElements = 1024;

/// The first step of AdamW divides a gradient by its size plus eps: with the
/// default of 1e-8 the last bits of what is nearly zero are all that it says.
static TrainAttr makeTrainAttr(MLIRContext *context, TrainMode mode) {
  TrainAttr train = TrainAttr::getDefault(context, mode);
  auto eps = FloatAttr::get(train.getEps().getType(), 1e-3);
  return TrainAttr::get(context, mode, train.getLr(), train.getWeightDecay(),
                        train.getBeta1(), train.getBeta2(), eps);
}

ModelBuilder::ModelBuilder(MLIRContext *context, const Settings &settings,
                           uint64_t seed)
    : random(seed), settings(settings), builder(context) {
  Location loc = builder.getUnknownLoc();
  module = ModuleOp::create(loc);
  (*module)->setAttr(dist::DistDialect::kMeshAttr, settings.mesh);
  if (settings.train)
    (*module)->setAttr(FabricDialect::kTrainAttr,
                       makeTrainAttr(context, *settings.train));
  builder.setInsertionPointToEnd(module->getBody());
  function = func::FuncOp::create(builder, loc, "model",
                                  builder.getFunctionType({}, {}));
  body = function.addEntryBlock();
  builder.setInsertionPointToEnd(body);
  for (unsigned i = 0, count = 1 + random.below(3); i < count; ++i)
    values.push_back(makeInput(drawShape(), builder.getF64Type()));
  // There is something to train.
  if (settings.train)
    values.push_back(makeParameter(drawShape()));
}

//===----------------------------------------------------------------------===//
// Arguments and constants
//===----------------------------------------------------------------------===//

int64_t ModelBuilder::drawSize() {
  static constexpr int64_t even[] = {1, 2, 3, 4, 4, 6, 6, 8, 12, 12};
  static constexpr int64_t uneven[] = {1, 2, 3, 5, 6, 7, 9, 10};
  return settings.uneven && random.chance(60) ? random.pick(ArrayRef(uneven))
                                              : random.pick(ArrayRef(even));
}

Shape ModelBuilder::drawShape() {
  Shape shape;
  do {
    shape.clear();
    for (unsigned dim = 0, rank = 1 + random.below(3); dim < rank; ++dim)
      shape.push_back(drawSize());
  } while (!isSmall(shape));
  return shape;
}

Value ModelBuilder::addArgument(Type type, StringRef name, Attribute attr) {
  argumentAttrs.push_back({{builder.getNamedAttr(name, attr)}});
  return body->addArgument(type, builder.getUnknownLoc());
}

Value ModelBuilder::makeInput(ArrayRef<int64_t> shape, Type elementType) {
  int64_t batch = -1;
  if (!shape.empty())
    batch = random.below(shape.size());
  int64_t data = settings.mesh.getAxisSize("dp");
  bool fits =
      batch >= 0 && (settings.uneven || data == 0 || shape[batch] % data == 0);
  if (!fits || random.chance(20))
    batch = -1;
  auto name = builder.getStringAttr("x" + Twine(argumentAttrs.size()));
  return addArgument(RankedTensorType::get(shape, elementType),
                     FabricDialect::kInputAttr,
                     InputAttr::get(builder.getContext(), name, batch));
}

Value ModelBuilder::makeParameter(ArrayRef<int64_t> shape) {
  auto name = builder.getStringAttr("w" + Twine(argumentAttrs.size()));
  // A training step must have something to train: the first.
  bool frozen = numParameters++ > 0 && random.chance(10);
  Value value = addArgument(type(shape), FabricDialect::kParamAttr,
                            ParamAttr::get(builder.getContext(), name,
                                           InitKind::None, {}, {}, frozen));
  int64_t tensor = settings.mesh.getAxisSize("tp");
  auto style = static_cast<dist::TpStyle>(random.below(4));
  int64_t dim = style == dist::TpStyle::Colwise   ? 0
                : style == dist::TpStyle::Rowwise ? 1
                                                  : -1;
  bool fits = dim < 0 || dim >= static_cast<int64_t>(shape.size()) ||
              tensor == 0 || settings.uneven || shape[dim] % tensor == 0;
  if (random.chance(85) && fits && !shape.empty())
    argumentAttrs.back().push_back(builder.getNamedAttr(
        dist::DistDialect::kTpAttr,
        dist::TpStyleAttr::get(builder.getContext(), style)));
  return value;
}

Value ModelBuilder::makeConstant(ArrayRef<int64_t> shape) {
  if (random.chance(50))
    return build<ConstantOp>(type(shape), double(1 + random.below(3)));
  SmallVector<double> elements;
  for (int64_t i = 0; i < type(shape).getNumElements(); ++i)
    elements.push_back(double(random.below(7)) - 3);
  return build<ConstantOp>(
      DenseElementsAttr::get(type(shape), ArrayRef<double>(elements)));
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

Value ModelBuilder::drawValue() {
  unsigned back =
      std::min(random.below(values.size()), random.below(values.size()));
  return values[values.size() - 1 - back];
}

Value ModelBuilder::drawOfShape(ArrayRef<int64_t> shape) {
  SmallVector<Value> fitting;
  for (Value value : values)
    if (typeOf(value).getShape() == shape)
      fitting.push_back(value);
  if (!fitting.empty() && random.chance(75))
    return random.pick(ArrayRef(fitting));
  if (random.chance(30))
    return makeConstant(shape);
  Value parameter = makeParameter(shape);
  if (random.chance(50))
    values.push_back(parameter); // Used again: tied.
  return parameter;
}

Value ModelBuilder::toBounded(Value value) {
  switch (random.below(3)) {
  case 0:
    return build<TanhOp>(value.getType(), value);
  case 1:
    return build<SigmoidOp>(value.getType(), value);
  default:
    return build<ErfOp>(value.getType(), value);
  }
}

Value ModelBuilder::toPositive(Value value) {
  RankedTensorType type = typeOf(value);
  if (random.chance(30))
    return build<ExpOp>(type, toBounded(value));
  Value square = random.chance(50) ? build<SigmoidOp>(type, value)
                                   : build<MulOp>(type, value, value);
  return build<AddOp>(type, square, makeOffset(type));
}

/// Half of all offsets differ between elements, so that they are zero where a
/// dim gets padded: what is made of them there divides by zero. Which half
/// takes no draw.
Value ModelBuilder::makeOffset(RankedTensorType type) {
  if (values.size() % 2 == 0)
    return build<ConstantOp>(type, 0.5);
  SmallVector<double> elements;
  for (int64_t i = 0; i < type.getNumElements(); ++i)
    elements.push_back(0.5 + 0.0625 * static_cast<double>(i % 5));
  return build<ConstantOp>(DenseElementsAttr::get(type, ArrayRef(elements)));
}

Value ModelBuilder::toApart(Value value) {
  if (settings.whole)
    return value;
  SmallVector<double> elements;
  for (int64_t i = 0; i < typeOf(value).getNumElements(); ++i)
    elements.push_back((random.below(20001) - 10000.0) / 10000.0);
  auto offsets =
      DenseElementsAttr::get(typeOf(value), ArrayRef<double>(elements));
  return build<AddOp>(value.getType(), value, build<ConstantOp>(offsets));
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

bool ModelBuilder::isSmall(ArrayRef<int64_t> shape) {
  return shape.size() <= 4 && ShapedType::getNumElements(shape) <= kMaxElements;
}

void ModelBuilder::push(Value value) {
  if (isSmall(typeOf(value).getShape()))
    values.push_back(value);
}

Value ModelBuilder::makeLoss(ArrayRef<Value> results) {
  Value loss;
  for (Value value : results) {
    Shape dims =
        llvm::to_vector(llvm::seq<int64_t>(0, typeOf(value).getRank()));
    Value sum = build<SumOp>(type({}), value, dims);
    loss = loss ? build<AddOp>(type({}), loss, sum) : sum;
  }
  return loss;
}

/// Whether a value is an argument as it was before the step: that cannot be
/// updated in place, and is no result of a training step.
static bool isViewOfArgument(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<ReshapeOp, StopGradientOp, dist::ConstraintOp>(op))
      return false;
    value = op->getOperand(0);
  }
  return true;
}

OwningOpRef<ModuleOp> ModelBuilder::finish() {
  SmallVector<Value> results;
  for (Value value : values)
    if (value.use_empty() || random.chance(10))
      results.push_back(value);
  if (results.empty())
    results.push_back(values.back());
  if (settings.train)
    results.insert(results.begin(), makeLoss(results));
  if (settings.train == TrainMode::AdamW)
    llvm::erase_if(results, isViewOfArgument);
  func::ReturnOp::create(builder, builder.getUnknownLoc(), results);
  SmallVector<Type> types;
  for (Value result : results)
    types.push_back(result.getType());
  function.setType(builder.getFunctionType(body->getArgumentTypes(), types));
  for (auto [index, attrs] : llvm::enumerate(argumentAttrs))
    function.setArgAttrs(index, builder.getDictionaryAttr(attrs));
  for (unsigned index = 0; index < results.size(); ++index)
    function.setResultAttr(index, FabricDialect::kResultAttr,
                           builder.getStringAttr("r" + Twine(index)));
  return std::move(module);
}
