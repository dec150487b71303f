//===- ModelValues.cpp - What a program's values should be ----------------===//

#include "compiler/Verify/ModelValues.h"
#include "compiler/Interpreter/Interpreter.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Lowering/Passes.h"

using namespace mlir;
using namespace mlir::fabric;
using interpreter::Tensor;

/// On ops: for each result the op and the result that it is, and its sharding.
static constexpr StringLiteral kOrigin{"origin"};

//===----------------------------------------------------------------------===//
// Origins
//===----------------------------------------------------------------------===//

std::optional<Origin> mlir::fabric::getOrigin(Value value) {
  auto result = dyn_cast<OpResult>(value);
  if (!result)
    return std::nullopt;
  auto attr = result.getOwner()->getAttrOfType<ArrayAttr>(kOrigin);
  if (!attr || result.getResultNumber() >= attr.size())
    return std::nullopt;
  auto parts = cast<ArrayAttr>(attr[result.getResultNumber()]);
  Origin origin{{cast<IntegerAttr>(parts[0]).getInt(),
                 cast<IntegerAttr>(parts[1]).getInt()},
                {}};
  if (parts.size() > 2)
    origin.sharding = cast<dist::ShardingAttr>(parts[2]);
  return origin;
}

static void setOrigins(Operation *op, ArrayRef<Origin> origins) {
  Builder builder(op->getContext());
  SmallVector<Attribute> attrs;
  for (const Origin &origin : origins) {
    SmallVector<Attribute> parts = {
        builder.getI64IntegerAttr(origin.name.op),
        builder.getI64IntegerAttr(origin.name.result)};
    if (origin.sharding)
      parts.push_back(origin.sharding);
    attrs.push_back(builder.getArrayAttr(parts));
  }
  op->setAttr(kOrigin, builder.getArrayAttr(attrs));
}

static void setOrigins(Operation *op, int64_t number) {
  SmallVector<Origin> origins;
  for (int64_t result = 0; result < op->getNumResults(); ++result)
    origins.push_back({{number, result}, {}});
  setOrigins(op, origins);
}

static auto getOps(func::FuncOp function) {
  return function.getBody().front().without_terminator();
}

/// Constants are made anew wherever they are used: they are not followed.
static bool isFollowed(Operation &op) { return op.getNumOperands() > 0; }

static bool isIdentity(Operation &op) {
  return isa<dist::ReshardOp, dist::ConstraintOp, dist::CollectiveOpInterface>(
      op);
}

/// The number on the location of an op, where there is one.
static std::optional<int64_t> getNumber(Operation &op) {
  std::optional<int64_t> number;
  op.getLoc()->walk([&](Location loc) {
    auto fused = dyn_cast<FusedLocWith<IntegerAttr>>(loc);
    if (!fused)
      return WalkResult::advance();
    number = fused.getMetadata().getInt();
    return WalkResult::interrupt();
  });
  return number;
}

void ModelValues::noteShardings(func::FuncOp function) {
  DenseMap<Value, Origin> known;
  for (BlockArgument argument : function.getArguments())
    known[argument] = {{-1, argument.getArgNumber()}, {}};
  for (Operation &op : getOps(function)) {
    SmallVector<Origin> origins;
    for (OpResult result : op.getResults()) {
      std::optional<Origin> origin = getOrigin(result);
      if (isIdentity(op)) {
        auto it = known.find(op.getOperand(0));
        origin = it == known.end() ? std::nullopt : std::optional(it->second);
      }
      if (!origin)
        break;
      origin->sharding = dist::getSharding(result);
      known[result] = *origin;
      origins.push_back(*origin);
    }
    if (origins.size() == op.getNumResults() && !origins.empty())
      setOrigins(&op, origins);
    else
      op.removeAttr(kOrigin);
  }
}

//===----------------------------------------------------------------------===//
// Values of the model
//===----------------------------------------------------------------------===//

LogicalResult ModelValues::interpret(func::FuncOp function,
                                     ArrayRef<Tensor> arguments) {
  analysis::FactorClasses classes(function.getBody().front());
  unsigned firstClass = sizes.size();
  for (unsigned part = 0; part < classes.getNumClasses(); ++part)
    sizes.push_back(classes.getSize(part));
  paddedSizes.resize(sizes.size(), 0);

  interpreter::Options options;
  options.observer = [&](int64_t, Value value, const Tensor &tensor) {
    std::optional<ValueName> name;
    if (auto argument = dyn_cast<BlockArgument>(value))
      name = {-1, argument.getArgNumber()};
    else if (std::optional<Origin> origin = getOrigin(value))
      name = origin->name;
    if (!name)
      return;
    auto [it, isNew] =
        values.try_emplace(*name, ModelValue{tensor, {}, tensor.shape});
    if (!isNew)
      return;
    for (int64_t dim = 0; dim < tensor.getRank(); ++dim) {
      it->second.parts.push_back(classes.getParts(value, dim));
      for (analysis::FactorClass &part : it->second.parts.back())
        part += firstClass;
    }
  };
  auto run = interpreter::interpret(function, arguments, options);
  if (failed(run))
    return failure();
  results = std::move(*run);
  return success();
}

/// Values of the ops that composites stand for, off a copy.
LogicalResult ModelValues::addDecomposed(func::FuncOp model,
                                         ArrayRef<Tensor> arguments) {
  OwningOpRef<ModuleOp> module =
      cast<ModuleOp>(model->getParentOp()->cloneWithoutRegions());
  (*module)->getRegion(0).emplaceBlock();
  func::FuncOp copy = model.clone();
  module->push_back(copy);
  PassManager pm(module->getContext(), module->getOperationName());
  pm.addNestedPass<func::FuncOp>(lowering::createDecomposePass());
  if (failed(pm.run(*module)))
    return failure();
  int64_t next = numOps;
  for (Operation &op : getOps(copy)) {
    std::optional<int64_t> number = getNumber(op);
    if (op.hasAttr(kOrigin) || !isFollowed(op) || !number)
      continue;
    composites[*number].push_back({op.getName().getStringRef().str(), next});
    setOrigins(&op, next++);
  }
  return next == numOps ? success() : interpret(copy, arguments);
}

FailureOr<ModelValues> ModelValues::make(func::FuncOp model,
                                         ArrayRef<Tensor> arguments) {
  ModelValues made;
  Builder builder(model.getContext());
  for (Operation &op : getOps(model)) {
    if (!isFollowed(op))
      continue;
    op.setLoc(FusedLoc::get({op.getLoc()},
                            builder.getI64IntegerAttr(made.numOps),
                            model.getContext()));
    setOrigins(&op, made.numOps++);
  }
  if (failed(made.interpret(model, arguments)) ||
      failed(made.addDecomposed(model, arguments)))
    return failure();
  return made;
}

const Tensor *ModelValues::lookup(ValueName name) const {
  auto it = values.find(name);
  return it == values.end() ? nullptr : &it->second.value;
}

//===----------------------------------------------------------------------===//
// The program
//===----------------------------------------------------------------------===//

void ModelValues::notePadding(ValueName name, Value value) {
  auto it = values.find(name);
  if (it == values.end())
    return;
  it->second.paddedShape =
      llvm::to_vector(cast<RankedTensorType>(value.getType()).getShape());
  for (auto [parts, size] :
       llvm::zip_equal(it->second.parts, it->second.paddedShape))
    if (parts.size() == 1) {
      int64_t &padded = paddedSizes[parts.front()];
      padded = padded == 0 || padded == size ? size : -1;
    }
}

void ModelValues::noteSharded(func::FuncOp function) {
  std::map<int64_t, size_t> numSteps;
  for (Operation &op : getOps(function)) {
    std::optional<int64_t> number = getNumber(op);
    auto composite = number ? composites.find(*number) : composites.end();
    if (op.hasAttr(kOrigin) || !isFollowed(op) || isIdentity(op) ||
        composite == composites.end())
      continue;
    // What is between steps, such as masks, has no origin.
    size_t &step = numSteps[*number];
    ArrayRef<Step> steps = composite->second;
    if (step < steps.size() &&
        steps[step].opName == op.getName().getStringRef())
      setOrigins(&op, steps[step++].op);
  }
  for (BlockArgument argument : function.getArguments())
    notePadding({-1, argument.getArgNumber()}, argument);
  for (Operation &op : getOps(function))
    for (OpResult result : op.getResults())
      if (std::optional<Origin> origin = getOrigin(result);
          origin && !isIdentity(op))
        notePadding(origin->name, result);
  noteShardings(function);
}

ArrayRef<int64_t> ModelValues::getPaddedShape(ValueName name) const {
  return values.find(name)->second.paddedShape;
}

std::optional<Tensor> ModelValues::takeTruePart(ValueName name,
                                                const Tensor &padded) const {
  const ModelValue &known = values.find(name)->second;
  if (padded.shape == known.value.shape)
    return padded;
  if (padded.getRank() != known.value.getRank())
    return std::nullopt;
  std::vector<int64_t> offsets = {0};
  for (auto [parts, size, paddedSize] :
       llvm::zip_equal(known.parts, known.value.shape, padded.shape)) {
    int64_t product = 1;
    for (analysis::FactorClass part : parts)
      product *= paddedSizes[part];
    if (parts.size() > 1 ? product != paddedSize : paddedSize < size)
      return std::nullopt;
    std::vector<int64_t> finer;
    for (int64_t offset : offsets)
      for (int64_t index = 0; index < size; ++index) {
        int64_t rest = index, position = 0, stride = 1;
        for (analysis::FactorClass part : llvm::reverse(parts)) {
          position += rest % sizes[part] * stride;
          rest /= sizes[part];
          stride *= paddedSizes[part];
        }
        finer.push_back(offset * paddedSize + position);
      }
    offsets = std::move(finer);
  }
  Tensor part(known.value.shape, padded.kind);
  for (auto [index, offset] : llvm::enumerate(offsets)) {
    if (padded.isFloat())
      part.floats[index] = padded.floats[offset];
    else
      part.integers[index] = padded.integers[offset];
  }
  return part;
}
