//===- Interpreter.cpp - Runs the IR on simulated devices -----------------===//

#include "compiler/Interpreter/Interpreter.h"
#include "compiler/Interpreter/OpTable.h"
#include "dialects/Dist/IR/Dist.h"

using namespace mlir;
using namespace mlir::fabric::interpreter;

const OpTable &OpTable::get() {
  static const OpTable table = [] {
    OpTable table;
    registerElementwise(table);
    registerContraction(table);
    registerReduction(table);
    registerShape(table);
    registerOptimizer(table);
    registerCollectives(table);
    registerInstructions(table);
    return table;
  }();
  return table;
}

//===----------------------------------------------------------------------===//
// Global and local tensors of a function
//===----------------------------------------------------------------------===//

static bool isPartitioned(func::FuncOp function) {
  auto module = function->getParentOfType<ModuleOp>();
  return module && module->hasAttr(dist::DistDialect::kPartitionedAttr);
}

static dist::ShardingAttr argumentSharding(func::FuncOp function,
                                           unsigned index) {
  return function.getArgAttrOfType<dist::ShardingAttr>(
      index, dist::DistDialect::kShardingAttr);
}

static dist::ShardingAttr resultSharding(func::FuncOp function,
                                         unsigned index) {
  return function.getResultAttrOfType<dist::ShardingAttr>(
      index, dist::DistDialect::kShardingAttr);
}

/// The shape that the user knows, or null where nothing is padded.
static DenseI64ArrayAttr argumentLogicalShape(func::FuncOp function,
                                              unsigned index) {
  return function.getArgAttrOfType<DenseI64ArrayAttr>(
      index, dist::DistDialect::kLogicalShapeAttr);
}

static DenseI64ArrayAttr resultLogicalShape(func::FuncOp function,
                                            unsigned index) {
  return function.getResultAttrOfType<DenseI64ArrayAttr>(
      index, dist::DistDialect::kLogicalShapeAttr);
}

static RankedTensorType logicalType(RankedTensorType padded,
                                    DenseI64ArrayAttr shape) {
  return shape ? padded.clone(shape.asArrayRef()) : padded;
}

/// A global type with padding, without an encoding.
static RankedTensorType globalType(Type type, dist::ShardingAttr sharding) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> shape(tensor.getShape());
  if (sharding)
    for (auto [size, axes] : llvm::zip_equal(shape, sharding.getDims()))
      size *= DeviceMesh(sharding.getMesh()).getGroupSize(axes);
  return RankedTensorType::get(shape, tensor.getElementType());
}

SmallVector<RankedTensorType>
mlir::fabric::interpreter::getGlobalArgumentTypes(func::FuncOp function) {
  bool local = isPartitioned(function);
  SmallVector<RankedTensorType> types;
  for (auto [index, type] : llvm::enumerate(function.getArgumentTypes()))
    types.push_back(logicalType(
        globalType(type, local ? argumentSharding(function, index) : nullptr),
        argumentLogicalShape(function, index)));
  return types;
}

SmallVector<RankedTensorType>
mlir::fabric::interpreter::getGlobalResultTypes(func::FuncOp function) {
  bool local = isPartitioned(function);
  SmallVector<RankedTensorType> types;
  for (auto [index, type] : llvm::enumerate(function.getResultTypes()))
    types.push_back(logicalType(
        globalType(type, local ? resultSharding(function, index) : nullptr),
        resultLogicalShape(function, index)));
  return types;
}

/// Blocks of all devices put together. Blocks that hold the same part of the
/// global tensor must agree.
static FailureOr<Tensor> assemble(func::FuncOp function, unsigned index,
                                  ArrayRef<Tensor> blocks, double tolerance) {
  dist::ShardingAttr sharding = resultSharding(function, index);
  if (!sharding) {
    auto type = cast<RankedTensorType>(function.getResultTypes()[index]);
    dist::MeshAttr mesh = dist::getMesh(function);
    sharding = dist::ShardingAttr::getReplicated(mesh, type.getRank());
  }
  if (sharding.isPartial())
    return function.emitOpError()
           << "result " << index << " is partial, so it has no global value";
  Tensor global =
      Tensor::zeros(globalType(function.getResultTypes()[index], sharding));
  // Which device wrote the block that starts at an offset.
  llvm::DenseMap<int64_t, int64_t> writers;
  for (auto [device, block] : llvm::enumerate(blocks)) {
    auto offsets = blockOffsets(global.shape, sharding, device);
    if (offsets.empty())
      continue;
    auto [writer, isFirst] = writers.try_emplace(offsets.front(), device);
    if (!isFirst) {
      const Tensor &replica = blocks[writer->second];
      if (isBitwiseEqual(replica, block))
        continue;
      double error = relativeError(replica, block);
      if (error <= tolerance && tolerance > 0.0)
        continue;
      return function.emitOpError()
             << "devices " << writer->second << " and " << device
             << " hold different replicas of result " << index
             << ": relative difference " << error;
    }
    for (auto [element, offset] : llvm::enumerate(offsets)) {
      if (block.isFloat())
        global.floats[offset] = block.floats[element];
      else
        global.integers[offset] = block.integers[element];
    }
  }
  return global;
}

//===----------------------------------------------------------------------===//
// Execution
//===----------------------------------------------------------------------===//

namespace {
/// Values of all devices, dropped after their last use.
class Environment {
public:
  Environment(int64_t numDevices, const Options &options)
      : numDevices(numDevices), options(options) {}

  void set(Value value, SmallVector<Tensor> tensors) {
    if (options.observer)
      for (auto [device, tensor] : llvm::enumerate(tensors))
        options.observer(device, value, tensor);
    if (value.use_empty())
      return;
    remaining[value] = std::distance(value.use_begin(), value.use_end());
    values[value] = std::move(tensors);
  }

  ArrayRef<Tensor> get(Value value) { return values[value]; }

  void dropUses(Operation *op) {
    for (Value operand : op->getOperands())
      if (--remaining[operand] == 0)
        values.erase(operand);
  }

  const int64_t numDevices;
  const Options &options;

private:
  llvm::DenseMap<Value, SmallVector<Tensor>> values;
  llvm::DenseMap<Value, int64_t> remaining;
};
} // namespace

/// Zeros for every result, a list of devices each.
static SmallVector<SmallVector<Tensor>> makeResults(Operation *op,
                                                    int64_t numDevices) {
  SmallVector<SmallVector<Tensor>> results;
  for (Type type : op->getResultTypes())
    results.emplace_back(numDevices, Tensor::zeros(type));
  return results;
}

static LogicalResult runGroup(Operation *op, GroupFunction function,
                              const DeviceMesh &mesh, Environment &env,
                              SmallVector<Tensor> &results) {
  auto axes = op->getAttrOfType<dist::AxesAttr>("axes");
  if (failed(mesh.verify(axes, [&] { return op->emitOpError(); })))
    return failure();
  SmallVector<const Tensor *> operands;
  if (op->getNumOperands() == 1)
    for (const Tensor &tensor : env.get(op->getOperand(0)))
      operands.push_back(&tensor);
  return function(op, mesh, operands, results);
}

static LogicalResult runLocal(Operation *op, LocalFunction function,
                              Environment &env,
                              SmallVector<SmallVector<Tensor>> &results) {
  for (int64_t device = 0; device < env.numDevices; ++device) {
    SmallVector<const Tensor *> operands;
    for (Value operand : op->getOperands())
      operands.push_back(&env.get(operand)[device]);
    SmallVector<Tensor> own;
    for (SmallVector<Tensor> &result : results)
      own.push_back(std::move(result[device]));
    if (failed(function(op, operands, own)))
      return failure();
    for (auto [result, tensor] : llvm::zip_equal(results, own))
      result[device] = std::move(tensor);
  }
  return success();
}

static bool isNumeric(Type type) {
  Type element = getElementTypeOrSelf(type);
  auto tensor = dyn_cast<RankedTensorType>(type);
  return (isa<FloatType>(element) || element.isIntOrIndex()) &&
         (tensor ? tensor.hasStaticShape() : !isa<ShapedType>(type));
}

static LogicalResult runOp(Operation *op, const DeviceMesh &mesh, bool isLocal,
                           Environment &env) {
  const OpTable &table = OpTable::get();
  StringRef name = op->getName().getStringRef();
  auto unknown = [&]() {
    return op->emitOpError()
           << "cannot be interpreted"
           << (isLocal ? " on local tensors" : " on global tensors");
  };
  if (!llvm::all_of(op->getResultTypes(), isNumeric))
    return unknown();
  if (!isLocal && table.globalIdentities.contains(name)) {
    SmallVector<Tensor> same(env.get(op->getOperand(0)));
    env.dropUses(op);
    env.set(op->getResult(0), std::move(same));
    return success();
  }
  SmallVector<SmallVector<Tensor>> results = makeResults(op, env.numDevices);
  if (auto it = table.local.find(name); it != table.local.end()) {
    if (failed(runLocal(op, it->second, env, results)))
      return failure();
  } else if (auto it = table.group.find(name);
             isLocal && it != table.group.end()) {
    if (failed(runGroup(op, it->second, mesh, env, results.front())))
      return failure();
  } else {
    return unknown();
  }
  env.dropUses(op);
  for (auto [value, tensors] : llvm::zip_equal(op->getResults(), results))
    env.set(value, std::move(tensors));
  return success();
}

static LogicalResult verifyInputs(func::FuncOp function,
                                  ArrayRef<Tensor> inputs) {
  if (function.isDeclaration() || !function.getBody().hasOneBlock())
    return function.emitOpError()
           << "cannot be interpreted: it is not one block of ops";
  for (Type type : llvm::concat<const Type>(function.getArgumentTypes(),
                                            function.getResultTypes()))
    if (!isa<RankedTensorType>(type) || !isNumeric(type))
      return function.emitOpError()
             << "cannot be interpreted: arguments and results must be tensors "
                "of numbers, found "
             << type;
  SmallVector<RankedTensorType> types = getGlobalArgumentTypes(function);
  if (inputs.size() != types.size())
    return function.emitOpError()
           << "takes " << types.size() << " arguments, found " << inputs.size();
  for (auto [index, type] : llvm::enumerate(types)) {
    const Tensor &input = inputs[index];
    if (ArrayRef<int64_t>(input.shape) != type.getShape() ||
        input.kind != Tensor::zeros(type).kind)
      return function.emitOpError()
             << "argument " << index << " is of type " << type
             << ", found a tensor of "
             << (input.isFloat() ? "floats" : "integers") << " of shape ["
             << ArrayRef<int64_t>(input.shape) << "]";
  }
  return success();
}

FailureOr<SmallVector<Tensor>> mlir::fabric::interpreter::interpret(
    func::FuncOp function, ArrayRef<Tensor> inputs, const Options &options) {
  if (failed(verifyInputs(function, inputs)))
    return failure();
  bool isLocal = isPartitioned(function);
  dist::MeshAttr meshAttr = dist::getMesh(function);
  if (isLocal && !meshAttr)
    return function.emitOpError()
           << "is partitioned, but its module has no mesh";
  DeviceMesh mesh = isLocal ? DeviceMesh(meshAttr) : DeviceMesh();
  Environment env(mesh.getNumDevices(), options);

  for (auto [index, argument] : llvm::enumerate(function.getArguments())) {
    dist::ShardingAttr sharding =
        isLocal ? argumentSharding(function, index) : nullptr;
    Tensor input = inputs[index];
    if (argumentLogicalShape(function, index))
      input = pad(input, globalType(argument.getType(), sharding).getShape());
    SmallVector<Tensor> tensors;
    for (int64_t device = 0; device < env.numDevices; ++device)
      tensors.push_back(sharding ? takeBlock(input, sharding, device) : input);
    env.set(argument, std::move(tensors));
  }

  Block &body = function.getBody().front();
  for (Operation &op : body.without_terminator())
    if (failed(runOp(&op, mesh, isLocal, env)))
      return failure();

  SmallVector<Tensor> results;
  for (auto [index, value] :
       llvm::enumerate(body.getTerminator()->getOperands())) {
    ArrayRef<Tensor> blocks = env.get(value);
    FailureOr<Tensor> global =
        isLocal ? assemble(function, index, blocks, options.replicaTolerance)
                : blocks.front();
    if (failed(global))
      return failure();
    if (DenseI64ArrayAttr shape = resultLogicalShape(function, index))
      global = cut(*global, shape.asArrayRef());
    results.push_back(std::move(*global));
  }
  return results;
}
