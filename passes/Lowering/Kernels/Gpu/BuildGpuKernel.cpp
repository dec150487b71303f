//===- BuildGpuKernel.cpp - A kernel as launches on a GPU -----------------===//
//
// Each linalg op of the kernel has a function of its own, in order, but for the
// fills that only say what a sum starts from.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "passes/Lowering/Kernels/Gpu/GpuEmitter.h"
#include "passes/Lowering/Kernels/Gpu/GpuKernels.h"
#include "passes/Lowering/Kernels/KernelsToLinalg.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::lowering;

namespace {

/// What a buffer is a view of: an argument of the function, or an allocation.
Value getBase(Value buffer) {
  while (buffer.getDefiningOp() && !buffer.getDefiningOp<memref::AllocaOp>())
    buffer = buffer.getDefiningOp()->getOperand(0);
  return buffer;
}

/// As a stage takes it.
MemRefType getFlatType(Type shaped) {
  auto type = cast<ShapedType>(shaped);
  return MemRefType::get({type.getNumElements()}, type.getElementType());
}

class KernelBuilder {
public:
  KernelBuilder(func::FuncOp kernel, func::FuncOp loops,
                ArrayRef<int64_t> alignments, gpu::GPUModuleOp module)
      : kernel(kernel), loops(loops), alignments(alignments), module(module),
        numArguments(kernel.getNumArguments()) {}

  FailureOr<GpuKernel> run() {
    SmallVector<linalg::LinalgOp> ops;
    loops.walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    findStarts(ops);
    llvm::erase_if(ops, [&](linalg::LinalgOp op) { return isStart(op); });
    findScratch(ops);
    buildScalars(ops);
    for (auto [number, op] : llvm::enumerate(ops)) {
      FailureOr<GpuNest> nest =
          planGpuNest(op, [&](Value buffer) { return getAlignment(buffer); });
      if (failed(nest))
        return failure();
      buildLoops(*nest, number + 1 == ops.size()
                            ? getName()
                            : getName() + "_" + std::to_string(number));
      for (size_t sum = 0; sum < nest->nest.sums.size(); ++sum)
        if (parts[sum])
          buildParts(*nest, sum);
    }
    return std::move(result);
  }

private:
  std::string getName() { return kernel.getSymName().str(); }

  GpuBuffer getBuffer(Value view) const {
    Value base = getBase(view);
    if (auto it = scratch.find(base); it != scratch.end())
      return it->second;
    unsigned number = cast<BlockArgument>(base).getArgNumber();
    if (number < numArguments)
      return {GpuBuffer::Kind::Argument, number};
    return {GpuBuffer::Kind::Result, number - numArguments};
  }

  int64_t getAlignment(Value view) {
    GpuBuffer buffer = getBuffer(view);
    constexpr int64_t ofBuffers = 64;
    return buffer.kind == GpuBuffer::Kind::Argument ? alignments[buffer.number]
                                                    : ofBuffers;
  }

  /// What one op leaves for another.
  void findScratch(ArrayRef<linalg::LinalgOp> ops) {
    for (linalg::LinalgOp op : ops)
      for (Value output : op.getDpsInits()) {
        auto buffer = getBase(output).getDefiningOp<memref::AllocaOp>();
        if (buffer && !scratch.contains(buffer))
          scratch[buffer] = addScratch(buffer.getType().getShape(),
                                       buffer.getType().getElementType());
      }
  }

  GpuBuffer addScratch(ArrayRef<int64_t> shape, Type element) {
    result.scratch.push_back(RankedTensorType::get(shape, element));
    return {GpuBuffer::Kind::Scratch,
            static_cast<unsigned>(result.scratch.size() - 1)};
  }

  MemRefType getType(GpuBuffer buffer) {
    switch (buffer.kind) {
    case GpuBuffer::Kind::Argument:
      return getFlatType(loops.getArgumentTypes()[buffer.number]);
    case GpuBuffer::Kind::Result:
      return getFlatType(
          loops.getArgumentTypes()[numArguments + buffer.number]);
    case GpuBuffer::Kind::Scratch:
      break;
    }
    return getFlatType(result.scratch[buffer.number]);
  }

  //===--------------------------------------------------------------------===//
  // What sums start from
  //===--------------------------------------------------------------------===//

  static bool isReduced(linalg::LinalgOp op, OpOperand *output) {
    AffineMap map = op.getMatchingIndexingMap(output);
    return map.getNumResults() != map.getNumDims();
  }

  void findStarts(ArrayRef<linalg::LinalgOp> ops) {
    llvm::SmallDenseMap<Value, linalg::LinalgOp> fills;
    for (linalg::LinalgOp op : ops)
      for (OpOperand &output : op.getDpsInitsMutable()) {
        Value base = getBase(output.get());
        if (isa<linalg::FillOp>(op))
          fills[base] = op;
        else if (isReduced(op, &output))
          starts[base] = fills.at(base);
      }
  }

  bool isStart(linalg::LinalgOp op) {
    return isa<linalg::FillOp>(op) &&
           starts.lookup(getBase(op.getDpsInits().front())) == op;
  }

  //===--------------------------------------------------------------------===//
  // Values from outside of the loops
  //===--------------------------------------------------------------------===//

  /// What is slow on a GPU: functions, quotients, arithmetic in f64.
  static bool isCostly(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || isa<memref::LoadOp>(op))
      return false;
    return isa<math::MathDialect>(op->getDialect()) || isa<arith::DivFOp>(op) ||
           llvm::any_of(op->getOperands(), [](Value operand) {
             return operand.getType().isF64() || isCostly(operand);
           });
  }

  /// Whether the value is there before any op of the kernel has run.
  bool isThereBefore(Value value) const {
    Operation *op = value.getDefiningOp();
    if (auto load = dyn_cast_or_null<memref::LoadOp>(op))
      return getBuffer(load.getMemRef()).kind == GpuBuffer::Kind::Argument;
    return !op || llvm::all_of(op->getOperands(), [&](Value operand) {
      return isThereBefore(operand);
    });
  }

  /// What the op's body, or the op itself, takes from the function.
  SmallVector<Value> getOutsideValues(linalg::LinalgOp op) {
    llvm::SmallSetVector<Value, 8> values;
    for (Value operand : op->getOperands())
      if (!isa<MemRefType>(operand.getType()))
        values.insert(operand);
    for (Operation &inner : op.getBlock()->getOperations())
      for (Value operand : inner.getOperands())
        if (operand.getParentBlock() != op.getBlock())
          values.insert(operand);
    for (Value output : op.getDpsInits())
      if (linalg::LinalgOp start = starts.lookup(getBase(output)))
        if (start != op)
          values.insert(start->getOperand(0));
    return values.takeVector();
  }

  /// A function that is being written.
  struct Code {
    GpuStage stage;
    IRMapping values; ///< Values of `loops` in it.
    OpBuilder builder;
  };

  Code begin(std::string name, ArrayRef<GpuBuffer> inputs,
             ArrayRef<GpuBuffer> outputs, int64_t blocks, int64_t threads) {
    MLIRContext *context = kernel.getContext();
    OpBuilder builder(context);
    builder.setInsertionPointToEnd(module.getBody());
    SmallVector<Type> types;
    for (GpuBuffer buffer : llvm::concat<const GpuBuffer>(inputs, outputs))
      types.push_back(getType(buffer));
    auto function = gpu::GPUFuncOp::create(
        builder, kernel.getLoc(), name, FunctionType::get(context, types, {}));
    function->setAttr(gpu::GPUDialect::getKernelFuncAttrName(),
                      builder.getUnitAttr());
    auto extents = [&](int64_t x) {
      return builder.getDenseI32ArrayAttr({static_cast<int32_t>(x), 1, 1});
    };
    function.setKnownBlockSizeAttr(extents(threads));
    function.setKnownGridSizeAttr(extents(blocks));
    builder.setInsertionPointToEnd(&function.getBody().front());
    return {{function, SmallVector<GpuBuffer>(inputs),
             SmallVector<GpuBuffer>(outputs), false},
            {},
            builder};
  }

  void end(Code &code) {
    auto builder =
        OpBuilder::atBlockEnd(&code.stage.function.getBody().front());
    gpu::ReturnOp::create(builder, kernel.getLoc());
    result.stages.push_back(std::move(code.stage));
  }

  Value getArgument(Code &code, GpuBuffer buffer, bool isOutput) {
    ArrayRef<GpuBuffer> inputs = code.stage.inputs;
    ArrayRef<GpuBuffer> list = isOutput ? code.stage.outputs : inputs;
    size_t number = llvm::find(list, buffer) - list.begin();
    assert(number < list.size() && "a buffer that the stage takes");
    return code.stage.function.getArgument(number +
                                           (isOutput ? inputs.size() : 0));
  }

  /// The buffers that computing the value reads.
  void addReads(Value value, llvm::SmallSetVector<Value, 8> &visited,
                SmallVector<GpuBuffer> &inputs) {
    if (!visited.insert(value))
      return;
    auto add = [&](GpuBuffer buffer) {
      if (!llvm::is_contained(inputs, buffer))
        inputs.push_back(buffer);
    };
    auto it = scalars.find(value);
    if (it != scalars.end())
      return add(it->second);
    Operation *op = value.getDefiningOp();
    if (auto load = dyn_cast<memref::LoadOp>(op))
      return add(getBuffer(load.getMemRef()));
    for (Value operand : op->getOperands())
      addReads(operand, visited, inputs);
  }

  /// The value in the function.
  Value rebuild(Code &code, Value value) {
    if (Value known = code.values.lookupOrNull(value))
      return known;
    OpBuilder &b = code.builder;
    Operation *op = value.getDefiningOp();
    auto load = [&](GpuBuffer buffer) -> Value {
      Value zero = arith::ConstantIndexOp::create(b, op->getLoc(), 0);
      return memref::LoadOp::create(b, op->getLoc(),
                                    getArgument(code, buffer, false), zero);
    };
    Value built;
    auto it = scalars.find(value);
    if (it != scalars.end()) {
      built = load(it->second);
    } else if (auto read = dyn_cast<memref::LoadOp>(op)) {
      built = load(getBuffer(read.getMemRef()));
    } else {
      for (Value operand : op->getOperands())
        rebuild(code, operand);
      built = b.clone(*op, code.values)->getResult(0);
    }
    code.values.map(value, built);
    return built;
  }

  /// Costly numbers that all threads need are computed once.
  void buildScalars(ArrayRef<linalg::LinalgOp> ops) {
    llvm::SmallSetVector<Value, 4> values;
    for (linalg::LinalgOp op : ops)
      for (Value value : getOutsideValues(op))
        if (isa<FloatType>(value.getType()) && isCostly(value) &&
            isThereBefore(value))
          values.insert(value);
    if (values.empty())
      return;
    SmallVector<GpuBuffer> inputs, outputs;
    llvm::SmallSetVector<Value, 8> visited;
    for (Value value : values) {
      addReads(value, visited, inputs);
      outputs.push_back(addScratch({}, value.getType()));
    }
    Code code = begin(getName() + "_scalars", inputs, outputs, 1, 1);
    Value zero =
        arith::ConstantIndexOp::create(code.builder, kernel.getLoc(), 0);
    for (auto [value, output] : llvm::zip_equal(values, outputs))
      memref::StoreOp::create(code.builder, kernel.getLoc(),
                              rebuild(code, value),
                              getArgument(code, output, true), zero);
    code.stage.isScalars = true;
    end(code);
    for (auto [value, output] : llvm::zip_equal(values, outputs))
      scalars[value] = output;
  }

  //===--------------------------------------------------------------------===//
  // Loops
  //===--------------------------------------------------------------------===//

  void buildLoops(const GpuNest &nest, std::string name) {
    auto op = cast<linalg::LinalgOp>(nest.nest.op);
    SmallVector<GpuBuffer> inputs, outputs;
    for (auto [number, access] : llvm::enumerate(nest.nest.accesses)) {
      if (!nest.isUsed[number])
        continue;
      bool isOutput = number >= nest.nest.numInputs;
      SmallVector<GpuBuffer> &list = isOutput ? outputs : inputs;
      GpuBuffer buffer = getBuffer(access.buffer);
      if (!llvm::is_contained(list, buffer))
        list.push_back(buffer);
    }
    SmallVector<Value> outside = getOutsideValues(op);
    llvm::SmallSetVector<Value, 8> visited;
    for (Value value : outside)
      addReads(value, visited, inputs);

    // Parts take the place of the sums that they are of.
    parts.assign(nest.nest.sums.size(), std::nullopt);
    for (auto [sum, part] : llvm::zip_equal(nest.nest.sums, parts)) {
      if (nest.getNumParts(sum) == 1)
        continue;
      part = addScratch({nest.getNumParts(sum), nest.getNumOutputs(sum)},
                        Float64Type::get(kernel.getContext()));
      GpuBuffer whole = getBuffer(nest.nest.getOutputAccess(sum.output).buffer);
      *llvm::find(outputs, whole) = *part;
    }
    // What an op before has left of the result stays.
    for (GpuBuffer output : outputs)
      if (llvm::is_contained(written, output.number) &&
          output.kind == GpuBuffer::Kind::Result)
        inputs.push_back(output);
    for (GpuBuffer output : outputs)
      if (output.kind == GpuBuffer::Kind::Result)
        written.push_back(output.number);

    Code code = begin(std::move(name), inputs, outputs, nest.getNumBlocks(),
                      nest.getNumThreads());
    GpuOperands operands;
    for (Value value : outside)
      operands.outside.map(value, rebuild(code, value));
    mapScalarOperands(op, operands);
    for (auto [number, access] : llvm::enumerate(nest.nest.accesses)) {
      bool isOutput = number >= nest.nest.numInputs;
      bool isThere = nest.isUsed[number] && !isPart(nest, number);
      operands.buffers.push_back(
          isThere ? getArgument(code, getBuffer(access.buffer), isOutput)
                  : Value());
    }
    for (auto [sum, part] : llvm::zip_equal(nest.nest.sums, parts)) {
      operands.parts.push_back(part ? getArgument(code, *part, true) : Value());
      operands.starts.push_back(
          operands.outside.lookup(getStart(nest.nest, sum)));
    }
    emitGpuNest(nest, code.stage.function, operands);
    end(code);
  }

  /// Operands that are no memrefs are the same for all threads.
  static void mapScalarOperands(linalg::LinalgOp op, GpuOperands &operands) {
    for (auto [argument, operand] :
         llvm::zip_equal(op.getBlock()->getArguments(), op->getOperands()))
      if (!isa<MemRefType>(operand.getType()))
        operands.outside.map(argument, operands.outside.lookup(operand));
  }

  bool isPart(const GpuNest &nest, unsigned operand) {
    for (auto [sum, part] : llvm::zip_equal(nest.nest.sums, parts))
      if (part && operand == nest.nest.numInputs + sum.output)
        return true;
    return false;
  }

  Value getStart(const VectorNest &nest, const VectorNest::Sum &sum) {
    return starts.at(getBase(nest.getOutputAccess(sum.output).buffer))
        ->getOperand(0);
  }

  /// Joins the parts of a sum of the loops.
  void buildParts(const GpuNest &whole, size_t number) {
    const VectorNest::Sum &sum = whole.nest.sums[number];
    Block body;
    body.addArguments(
        {Float64Type::get(kernel.getContext()), sum.element.getType()},
        {kernel.getLoc(), kernel.getLoc()});
    GpuNest nest = planPartsNest(whole, sum, &body);
    GpuBuffer output = getBuffer(whole.nest.getOutputAccess(sum.output).buffer);
    Code code = begin(getName() + "_parts_" + std::to_string(output.number),
                      {*parts[number]}, {output}, nest.getNumBlocks(),
                      nest.getNumThreads());
    GpuOperands operands;
    operands.buffers = {getArgument(code, *parts[number], false),
                        getArgument(code, output, true)};
    operands.parts = {Value()};
    operands.starts = {rebuild(code, getStart(whole.nest, sum))};
    for (Operation *op : sum.combiner)
      for (Value operand : op->getOperands())
        if (operand.getParentBlock() == &loops.getBody().front())
          operands.outside.map(operand, rebuild(code, operand));
    emitGpuNest(nest, code.stage.function, operands);
    end(code);
  }

  func::FuncOp kernel, loops;
  ArrayRef<int64_t> alignments;
  gpu::GPUModuleOp module;
  unsigned numArguments;
  GpuKernel result;
  /// By buffer of `loops`, the fills that sums start from.
  llvm::SmallDenseMap<Value, linalg::LinalgOp> starts;
  /// By allocation of `loops`.
  llvm::SmallDenseMap<Value, GpuBuffer> scratch;
  /// Where costly values from outside of loops are kept.
  llvm::SmallDenseMap<Value, GpuBuffer> scalars;
  /// Of the loops that were built last, by sum.
  SmallVector<std::optional<GpuBuffer>> parts;
  SmallVector<unsigned> written; ///< Results.
};

} // namespace

FailureOr<GpuKernel>
mlir::lowering::buildGpuKernel(func::FuncOp kernel,
                               ArrayRef<int64_t> alignments,
                               gpu::GPUModuleOp module) {
  OwningOpRef<func::FuncOp> loops = kernel.clone();
  // Nothing bypasses the caches, and each stage of the rows is a launch.
  if (failed(lowerKernelToLinalg(
          *loops, {/*streamBytes=*/std::numeric_limits<int64_t>::max(),
                   /*rowBytes=*/0})))
    return failure();
  return KernelBuilder(kernel, *loops, alignments, module).run();
}
