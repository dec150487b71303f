//===- Values.cpp - The numbers that a model is verified on ---------------===//

#include "compiler/Verify/Values.h"
#include "compiler/Emit/Emit.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "runtime/Checkpoint/Safetensors.h"
#include "runtime/Data/DataSource.h"
#include "runtime/Plan/Initialize.h"

using namespace mlir;
using namespace mlir::fabric;
namespace plan = ::fabric::plan;
namespace checkpoint = ::fabric::checkpoint;
using ::fabric::Box;
using ::fabric::Status;
using ::fabric::runtime::HostTensor;

/// The verified models' element types are all the runtime's.
static plan::DType toDType(Type type) {
  FailureOr<plan::DType> dtype = toPlanDType(type);
  return succeeded(dtype) ? *dtype : plan::DType::F64;
}

static bool isFloat(plan::DType dtype) {
  return dtype == plan::DType::F32 || dtype == plan::DType::F64 ||
         dtype == plan::DType::BF16 || dtype == plan::DType::F16;
}

template <typename T>
static void readIntegers(const HostTensor &from, interpreter::Tensor &to) {
  for (int64_t i = 0; i < to.getNumElements(); ++i)
    to.integers[i] = static_cast<int64_t>(from.data<T>()[i]);
}

template <typename T>
static void writeIntegers(const interpreter::Tensor &from, HostTensor &to) {
  for (int64_t i = 0; i < from.getNumElements(); ++i)
    to.data<T>()[i] = static_cast<T>(from.integers[i]);
}

interpreter::Tensor mlir::fabric::fromHostTensor(const HostTensor &tensor) {
  using Kind = interpreter::Tensor::Kind;
  SmallVector<int64_t> shape(tensor.shape.begin(), tensor.shape.end());
  interpreter::Tensor result(shape, isFloat(tensor.dtype) ? Kind::Float
                                                          : Kind::Integer);
  switch (tensor.dtype) {
  case plan::DType::F64:
    std::copy_n(tensor.data<double>(), result.getNumElements(),
                result.floats.begin());
    break;
  case plan::DType::F32:
  case plan::DType::BF16:
  case plan::DType::F16: {
    // Between float types only: cannot fail.
    Status status = checkpoint::convertElements(
        tensor.dtype, tensor.bytes.data(), plan::DType::F64,
        result.floats.data(), result.getNumElements());
    (void)status;
    break;
  }
  case plan::DType::I64:
    readIntegers<int64_t>(tensor, result);
    break;
  case plan::DType::I32:
    readIntegers<int32_t>(tensor, result);
    break;
  case plan::DType::I8:
    readIntegers<int8_t>(tensor, result);
    break;
  case plan::DType::Bool:
    readIntegers<uint8_t>(tensor, result);
    break;
  }
  return result;
}

HostTensor mlir::fabric::toHostTensor(const interpreter::Tensor &tensor,
                                      RankedTensorType type) {
  plan::DType dtype =
      tensor.isFloat() ? plan::DType::F64 : toDType(type.getElementType());
  HostTensor host = HostTensor::zeros(
      dtype, plan::Shape(tensor.shape.begin(), tensor.shape.end()));
  if (tensor.isFloat())
    std::copy(tensor.floats.begin(), tensor.floats.end(), host.data<double>());
  else if (dtype == plan::DType::I64)
    writeIntegers<int64_t>(tensor, host);
  else if (dtype == plan::DType::I32)
    writeIntegers<int32_t>(tensor, host);
  else if (dtype == plan::DType::I8)
    writeIntegers<int8_t>(tensor, host);
  else
    writeIntegers<uint8_t>(tensor, host);
  return host;
}

//===----------------------------------------------------------------------===//
// Sources of values
//===----------------------------------------------------------------------===//

namespace {
/// Reads or draws the values of arguments. Uses the runtime's own sources on a
/// plan of one rank, so that a name means the same as in fabric-run.
class ValueSource {
public:
  ValueSource(func::FuncOp model, const VerifyCommand &command)
      : model(model), command(command) {}

  LogicalResult open();
  FailureOr<interpreter::Tensor> get(unsigned arg);

private:
  HostTensor makeTensor(unsigned arg);
  LogicalResult check(const Status &status) {
    if (status.ok())
      return success();
    return model.emitError() << status.message();
  }

  func::FuncOp model;
  const VerifyCommand &command;
  std::optional<checkpoint::SafetensorsReader> weights;
  std::unique_ptr<::fabric::data::DataSource> data;
};
} // namespace

HostTensor ValueSource::makeTensor(unsigned arg) {
  auto type = cast<RankedTensorType>(model.getArgument(arg).getType());
  return HostTensor::zeros(
      toDType(type.getElementType()),
      plan::Shape(type.getShape().begin(), type.getShape().end()));
}

LogicalResult ValueSource::open() {
  plan::Plan inputs;
  inputs.mesh.axes = {{"dp", 1}};
  for (unsigned arg = 0; arg < model.getNumArguments(); ++arg) {
    auto attr =
        model.getArgAttrOfType<InputAttr>(arg, FabricDialect::kInputAttr);
    if (!attr)
      continue;
    HostTensor tensor = makeTensor(arg);
    plan::Input input;
    input.name = attr.getName().str();
    input.dtype = tensor.dtype;
    input.shape = tensor.shape;
    input.sharding.dims.resize(tensor.shape.size());
    if (attr.getBatchDim() >= 0)
      input.batchDim = attr.getBatchDim();
    inputs.inputs.push_back(input);
  }
  std::vector<std::string> specs = command.data;
  if (!llvm::is_contained(specs, "random"))
    specs.push_back("random");
  auto opened = ::fabric::data::DataSource::open(specs, inputs, command.seed);
  if (opened.failed())
    return check(opened.status());
  data = std::move(*opened);

  if (command.weights.empty())
    return success();
  auto file = checkpoint::SafetensorsReader::open(command.weights);
  if (file.failed())
    return check(file.status());
  weights.emplace(std::move(*file));
  return success();
}

FailureOr<interpreter::Tensor> ValueSource::get(unsigned arg) {
  HostTensor tensor = makeTensor(arg);
  Box box = Box::whole(tensor.shape);
  if (auto attr =
          model.getArgAttrOfType<InputAttr>(arg, FabricDialect::kInputAttr)) {
    if (failed(check(
            data->read(attr.getName().str(), 0, box, tensor.bytes.data()))))
      return failure();
  } else if (auto attr = model.getArgAttrOfType<ParamAttr>(
                 arg, FabricDialect::kParamAttr)) {
    std::string name = attr.getName().str();
    if (weights) {
      if (failed(check(weights->check(name, tensor.dtype, tensor.shape))) ||
          failed(check(weights->readShard(name, tensor.dtype, tensor.shape, box,
                                          tensor.bytes.data()))))
        return failure();
    } else {
      plan::Initializer init;
      switch (attr.getInitKind()) {
      case InitKind::None:
        return model.emitError()
               << "parameter " << name << " has no initialiser: give --weights";
      case InitKind::Uniform:
        init.kind = plan::Initializer::Kind::Uniform;
        break;
      case InitKind::Normal:
        init.kind = plan::Initializer::Kind::Normal;
        break;
      case InitKind::Constant:
        init.kind = plan::Initializer::Kind::Constant;
        break;
      }
      init.a = attr.getInitA().getValueAsDouble();
      if (attr.getInitB())
        init.b = attr.getInitB().getValueAsDouble();
      if (failed(check(plan::initializeShard(init, command.seed, name,
                                             tensor.dtype, tensor.shape, box,
                                             tensor.bytes.data()))))
        return failure();
    }
  } else {
    return model.emitError()
           << "argument " << arg << " is neither an input nor a parameter: "
           << "verify the model as it is before training";
  }
  return fromHostTensor(tensor);
}

FailureOr<SmallVector<interpreter::Tensor>>
mlir::fabric::makeModelValues(func::FuncOp model,
                              const VerifyCommand &command) {
  ValueSource source(model, command);
  if (failed(source.open()))
    return failure();
  SmallVector<interpreter::Tensor> values;
  for (unsigned arg = 0; arg < model.getNumArguments(); ++arg) {
    FailureOr<interpreter::Tensor> value = source.get(arg);
    if (failed(value))
      return failure();
    values.push_back(std::move(*value));
  }
  return values;
}

::fabric::runtime::RunInputs
mlir::fabric::makeRunInputs(func::FuncOp model,
                            ArrayRef<interpreter::Tensor> values) {
  ::fabric::runtime::RunInputs inputs;
  inputs.inputs.emplace_back();
  for (auto [arg, value] : llvm::enumerate(values)) {
    auto type = cast<RankedTensorType>(model.getArgument(arg).getType());
    if (auto input =
            model.getArgAttrOfType<InputAttr>(arg, FabricDialect::kInputAttr))
      inputs.inputs[0][input.getName().str()] = toHostTensor(value, type);
    else if (auto param = model.getArgAttrOfType<ParamAttr>(
                 arg, FabricDialect::kParamAttr))
      inputs.parameters[param.getName().str()] = toHostTensor(value, type);
  }
  return inputs;
}
