//===- Interface.cpp - Arguments and results of the plan ------------------===//

#include "compiler/Emit/Emit.h"
#include "compiler/Emit/Emitter.h"
#include "dialects/Fabric/IR/Fabric.h"

using namespace mlir;
using namespace mlir::fabric;
namespace plan = ::fabric::plan;

namespace {
/// A local tensor with what it is a part of.
struct GlobalTensor {
  plan::DType dtype;
  plan::Shape shape;
  plan::Sharding sharding;
  plan::BufferId buffer;
  std::optional<plan::Shape> paddedShape;
};
} // namespace

/// Without an attribute a tensor is whole on every rank.
static FailureOr<GlobalTensor> describe(Value value, Attribute shardingAttr,
                                        Attribute logicalShapeAttr,
                                        PlanBuffers &buffers) {
  auto type = cast<RankedTensorType>(value.getType());
  FailureOr<plan::BufferId> buffer = buffers.get(value);
  if (failed(buffer))
    return failure();
  GlobalTensor tensor;
  tensor.dtype = *toPlanDType(type.getElementType());
  tensor.shape.assign(type.getShape().begin(), type.getShape().end());
  tensor.sharding.dims.resize(type.getRank());
  tensor.buffer = *buffer;
  if (auto sharding = dyn_cast_if_present<dist::ShardingAttr>(shardingAttr)) {
    if (sharding.isPartial())
      return emitError(value.getLoc())
             << "a value of the plan's interface is partial: " << sharding;
    for (auto [dim, axes] : llvm::enumerate(sharding.getDims())) {
      tensor.shape[dim] *= sharding.getNumParts(dim);
      tensor.sharding.dims[dim] = toPlanAxes(axes);
    }
  }
  if (auto shape = dyn_cast_if_present<DenseI64ArrayAttr>(logicalShapeAttr)) {
    tensor.paddedShape = tensor.shape;
    tensor.shape.assign(shape.asArrayRef().begin(), shape.asArrayRef().end());
  }
  return tensor;
}

static std::optional<plan::Initializer> toInitializer(ParamAttr param) {
  using Kind = plan::Initializer::Kind;
  plan::Initializer init;
  switch (param.getInitKind()) {
  case InitKind::None:
    return std::nullopt;
  case InitKind::Uniform:
    init.kind = Kind::Uniform;
    break;
  case InitKind::Normal:
    init.kind = Kind::Normal;
    break;
  case InitKind::Constant:
    init.kind = Kind::Constant;
    break;
  }
  init.a = param.getInitA().getValueAsDouble();
  if (param.getInitB())
    init.b = param.getInitB().getValueAsDouble();
  return init;
}

static LogicalResult emitArgument(func::FuncOp function, unsigned index,
                                  PlanBuffers &buffers, plan::Plan &plan) {
  auto get = [&](StringRef name) { return function.getArgAttr(index, name); };
  FailureOr<GlobalTensor> tensor = describe(
      function.getArgument(index), get(dist::DistDialect::kShardingAttr),
      get(dist::DistDialect::kLogicalShapeAttr), buffers);
  if (failed(tensor))
    return failure();
  if (auto param =
          dyn_cast_if_present<ParamAttr>(get(FabricDialect::kParamAttr))) {
    plan.parameters.push_back({param.getName().str(), tensor->dtype,
                               tensor->shape, tensor->shape, tensor->sharding,
                               tensor->buffer, toInitializer(param),
                               !param.getFrozen(), tensor->paddedShape});
    return success();
  }
  if (auto state =
          dyn_cast_if_present<StateAttr>(get(FabricDialect::kStateAttr))) {
    plan.states.push_back({state.getParam().str(), state.getName().str(),
                           tensor->dtype, tensor->shape, tensor->sharding,
                           tensor->buffer, tensor->paddedShape});
    return success();
  }
  if (auto input =
          dyn_cast_if_present<InputAttr>(get(FabricDialect::kInputAttr))) {
    std::optional<int64_t> batchDim;
    if (input.getBatchDim() >= 0)
      batchDim = input.getBatchDim();
    plan.inputs.push_back({input.getName().str(), tensor->dtype, tensor->shape,
                           tensor->sharding, tensor->buffer, batchDim,
                           tensor->paddedShape});
    return success();
  }
  if (auto scalar =
          dyn_cast_if_present<ScalarAttr>(get(FabricDialect::kScalarAttr))) {
    plan.scalars.push_back({scalar.getName().str(), tensor->dtype,
                            tensor->buffer,
                            scalar.getDefaultValue().getValueAsDouble()});
    return success();
  }
  return emitError(function.getArgument(index).getLoc())
         << "argument " << index << " is no input, parameter, state or scalar";
}

LogicalResult mlir::fabric::emitInterface(func::FuncOp function,
                                          PlanBuffers &buffers,
                                          plan::Plan &plan) {
  for (unsigned index = 0; index < function.getNumArguments(); ++index)
    if (failed(emitArgument(function, index, buffers, plan)))
      return failure();

  bool foundLoss = false;
  Operation *terminator = function.getBody().front().getTerminator();
  for (auto [index, value] : llvm::enumerate(terminator->getOperands())) {
    auto name = function.getResultAttrOfType<StringAttr>(
        index, FabricDialect::kResultAttr);
    if (!name)
      continue;
    FailureOr<GlobalTensor> tensor = describe(
        value, function.getResultAttr(index, dist::DistDialect::kShardingAttr),
        function.getResultAttr(index, dist::DistDialect::kLogicalShapeAttr),
        buffers);
    if (failed(tensor))
      return failure();
    bool isLoss = !foundLoss && tensor->shape.empty() &&
                  isa<FloatType>(
                      cast<RankedTensorType>(value.getType()).getElementType());
    foundLoss |= isLoss;
    plan.outputs.push_back({name.str(), tensor->dtype, tensor->shape,
                            tensor->sharding, tensor->buffer, isLoss,
                            tensor->paddedShape});
  }
  return success();
}
