//===- Emit.cpp - From planned IR to the plan -----------------------------===//

#include "compiler/Emit/Emit.h"
#include "compiler/Emit/Emitter.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "passes/Lowering/Kernels/Gpu/GpuKernels.h"
#include "runtime/Plan/PlanVerifier.h"
#include "runtime/Plan/Scratch.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Path.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;
using namespace mlir::fabric;
namespace plan = ::fabric::plan;

/// "model.mlir:7:8": without folders, so that a plan does not depend on where
/// its model lies.
static std::string describeLoc(Location loc) {
  std::string text;
  loc->walk([&](Location inner) {
    auto file = dyn_cast<FileLineColLoc>(inner);
    if (!file)
      return WalkResult::advance();
    text = (llvm::sys::path::filename(file.getFilename().getValue()) + ":" +
            Twine(file.getLine()) + ":" + Twine(file.getColumn()))
               .str();
    return WalkResult::interrupt();
  });
  return text;
}

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

namespace {
class InstructionEmitter {
public:
  InstructionEmitter(PlanBuffers &buffers, plan::Plan &plan)
      : buffers(buffers), plan(plan) {}

  LogicalResult emit(Operation *op);

private:
  LogicalResult emit(exec::GemmOp op, plan::Gemm &gemm);
  LogicalResult emit(exec::JoinedGemmOp op, plan::Gemm &gemm);
  LogicalResult emit(exec::LaunchOp op, plan::Launch &launch);
  LogicalResult emit(exec::CollectiveOp op, plan::Collective &collective);
  LogicalResult emit(exec::CopyOp op, plan::Copy &copy);
  LogicalResult emit(exec::BarrierOp op, plan::Barrier &barrier);
  LogicalResult emit(exec::RecordOp op, plan::Record &record);
  LogicalResult emit(exec::WaitOp op, plan::Wait &wait);

  int64_t getStream(dist::AxesAttr axes);

  LogicalResult set(plan::BufferId &buffer, Value value) {
    FailureOr<plan::BufferId> found = buffers.get(value);
    if (failed(found))
      return failure();
    buffer = *found;
    return success();
  }
  /// `rows` x `columns` is the matrix as it is meant.
  LogicalResult set(plan::Matrix &matrix, Value value, exec::MatrixAttr attr,
                    int64_t rows, int64_t columns) {
    matrix.transposed = attr.getTransposed();
    matrix.leading = attr.getLeading();
    matrix.batchStride = attr.getBatchStride();
    if (attr.getOffset() == 0)
      return set(matrix.buffer, value);
    // A plan's matrices begin where their buffers do.
    if (attr.getTransposed())
      std::swap(rows, columns);
    return setWindow(matrix.buffer, value, attr.getOffset(),
                     (rows - 1) * attr.getLeading() + columns);
  }
  LogicalResult setRun(plan::Matrix &matrix, ValueRange values,
                       exec::MatrixAttr attr);
  LogicalResult setWindow(plan::BufferId &buffer, Value value, int64_t offset,
                          int64_t elements) {
    FailureOr<plan::BufferId> found =
        buffers.getWindow(value, offset, elements);
    if (failed(found))
      return failure();
    buffer = *found;
    return success();
  }
  template <typename Instruction, typename Op> LogicalResult add(Op op) {
    Instruction instruction;
    if (failed(emit(op, instruction)))
      return failure();
    auto planned = cast<exec::PlannedOpInterface>(op.getOperation());
    plan.instructions.push_back({std::move(instruction),
                                 describeLoc(op.getLoc()),
                                 getStream(planned.getStream())});
    // What the target cannot do, while it is known where that was written.
    ::fabric::Status status =
        plan::verifyInstruction(plan, plan.instructions.back());
    if (status.failed())
      return emitError(op.getLoc()) << status.message();
    return success();
  }

  PlanBuffers &buffers;
  plan::Plan &plan;
};
} // namespace

LogicalResult InstructionEmitter::emit(exec::GemmOp op, plan::Gemm &gemm) {
  gemm.batch = op.getBatch();
  gemm.m = op.getM();
  gemm.n = op.getN();
  gemm.k = op.getK();
  gemm.accumulate = bool(op.getAccumulator());
  gemm.tf32 = op.getTf32();
  if (op.getBias()) {
    gemm.bias.emplace();
    auto type = cast<RankedTensorType>(op.getBias().getType());
    bool isWhole = type.getNumElements() == gemm.n;
    if (failed(isWhole ? set(*gemm.bias, op.getBias())
                       : setWindow(*gemm.bias, op.getBias(), op.getBiasOffset(),
                                   gemm.n)))
      return failure();
  }
  return success(
      succeeded(set(gemm.a, op.getA(), op.getAMatrix(), gemm.m, gemm.k)) &&
      succeeded(set(gemm.b, op.getB(), op.getBMatrix(), gemm.k, gemm.n)) &&
      succeeded(
          set(gemm.c, op.getResult(), op.getResultMatrix(), gemm.m, gemm.n)));
}

/// The one matrix for the whole batch, or those that lie one after the other.
LogicalResult InstructionEmitter::setRun(plan::Matrix &matrix,
                                         ValueRange values,
                                         exec::MatrixAttr attr) {
  matrix.transposed = attr.getTransposed();
  matrix.leading = attr.getLeading();
  if (values.size() == 1)
    return set(matrix.buffer, values.front());
  auto type = cast<RankedTensorType>(values.front().getType());
  exec::SlotAttr first = buffers.getSlotOf(values[0]);
  exec::SlotAttr second = buffers.getSlotOf(values[1]);
  if (!first || !second)
    return emitError(values.front().getLoc()) << "a value has no planned slot";
  int64_t width = exec::getNumBytes(type) / type.getNumElements();
  matrix.batchStride = (second.getOffset() - first.getOffset()) / width;
  int64_t between =
      matrix.batchStride * static_cast<int64_t>(values.size() - 1);
  return setWindow(matrix.buffer, values.front(), 0,
                   between + type.getNumElements());
}

LogicalResult InstructionEmitter::emit(exec::JoinedGemmOp op,
                                       plan::Gemm &gemm) {
  gemm.batch = op.getNumResults();
  gemm.m = op.getM();
  gemm.n = op.getN();
  gemm.k = op.getK();
  gemm.tf32 = op.getTf32();
  auto dense = exec::MatrixAttr::get(op.getContext(), gemm.n, 0, false, 0);
  return success(succeeded(setRun(gemm.a, op.getA(), op.getAMatrix())) &&
                 succeeded(setRun(gemm.b, op.getB(), op.getBMatrix())) &&
                 succeeded(setRun(gemm.c, op.getProducts(), dense)));
}

static ModuleOp getKernels(ModuleOp module) {
  return module.lookupSymbol<ModuleOp>(exec::ExecDialect::kKernelsModule);
}

/// None on a processor that is not a GPU.
static std::optional<plan::Grid> getGrid(exec::LaunchOp op) {
  gpu::GPUFuncOp code =
      lowering::lookupGpuCode(getKernels(op->getParentOfType<ModuleOp>()),
                              op.getKernel().getLeafReference());
  if (!code)
    return std::nullopt;
  plan::Grid grid;
  llvm::copy(*code.getKnownGridSize(), grid.blocks.begin());
  llvm::copy(*code.getKnownBlockSize(), grid.threads.begin());
  return grid;
}

LogicalResult InstructionEmitter::emit(exec::LaunchOp op,
                                       plan::Launch &launch) {
  launch.symbol = op.getKernel().getLeafReference().str();
  for (Value input : op.getInputs())
    if (failed(set(launch.buffers.emplace_back(), input)))
      return failure();
  for (Value output : op.getOutputs()) {
    if (failed(set(launch.buffers.emplace_back(), output)))
      return failure();
    launch.written.push_back(launch.buffers.back());
  }
  launch.grid = getGrid(op);
  return success();
}

static plan::Collective::Kind toPlanKind(exec::CollectiveKind kind) {
  switch (kind) {
  case exec::CollectiveKind::AllGather:
    return plan::Collective::Kind::AllGather;
  case exec::CollectiveKind::ReduceScatter:
    return plan::Collective::Kind::ReduceScatter;
  case exec::CollectiveKind::AllReduce:
    return plan::Collective::Kind::AllReduce;
  case exec::CollectiveKind::AllToAll:
    return plan::Collective::Kind::AllToAll;
  case exec::CollectiveKind::AllSlice:
    return plan::Collective::Kind::AllSlice;
  }
  llvm_unreachable("every kind is above");
}

static plan::Collective::Reduction toPlanReduction(dist::ReductionKind kind) {
  switch (kind) {
  case dist::ReductionKind::Sum:
    return plan::Collective::Reduction::Sum;
  case dist::ReductionKind::Max:
    return plan::Collective::Reduction::Max;
  case dist::ReductionKind::Min:
    return plan::Collective::Reduction::Min;
  }
  llvm_unreachable("every kind is above");
}

LogicalResult InstructionEmitter::emit(exec::CollectiveOp op,
                                       plan::Collective &collective) {
  collective.kind = toPlanKind(op.getKind());
  collective.axes = toPlanAxes(op.getAxes());
  if (auto dim = op.getConcatDim())
    collective.concatDim = *dim;
  if (auto dim = op.getSplitDim())
    collective.splitDim = *dim;
  if (auto reduction = op.getReduction())
    collective.reduction = toPlanReduction(*reduction);
  collective.bytesSent = op.getBytesSent();
  collective.why = op.getWhy().str();
  return success(succeeded(set(collective.input, op.getOperand())) &&
                 succeeded(set(collective.output, op.getResult())));
}

LogicalResult InstructionEmitter::emit(exec::CopyOp op, plan::Copy &copy) {
  return success(succeeded(set(copy.input, op.getSource())) &&
                 succeeded(set(copy.output, op.getResult())));
}

LogicalResult InstructionEmitter::emit(exec::BarrierOp op,
                                       plan::Barrier &barrier) {
  barrier.axes = toPlanAxes(op.getAxes());
  return success();
}

LogicalResult InstructionEmitter::emit(exec::RecordOp op,
                                       plan::Record &record) {
  record.event = op.getEvent();
  return success();
}

LogicalResult InstructionEmitter::emit(exec::WaitOp op, plan::Wait &wait) {
  wait.event = op.getEvent();
  return success();
}

/// "dp,tp".
static std::string nameStream(dist::AxesAttr axes) {
  std::string text;
  for (const plan::AxisRef &axis : toPlanAxes(axes)) {
    text += (text.empty() ? "" : ",") + axis.axis;
    if (axis.size != 0)
      text +=
          ":(" + std::to_string(axis.preSize) + ")" + std::to_string(axis.size);
  }
  return text;
}

/// In the order in which the program comes to them.
int64_t InstructionEmitter::getStream(dist::AxesAttr axes) {
  if (!axes)
    return 0;
  if (plan.streams.empty())
    plan.streams.push_back("compute");
  std::string name = nameStream(axes);
  auto known = llvm::find(plan.streams, name);
  int64_t stream = known - plan.streams.begin();
  if (known == plan.streams.end())
    plan.streams.push_back(name);
  return stream;
}

LogicalResult InstructionEmitter::emit(Operation *op) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case<exec::GemmOp, exec::JoinedGemmOp>(
          [&](auto op) { return add<plan::Gemm>(op); })
      .Case([&](exec::LaunchOp op) { return add<plan::Launch>(op); })
      .Case([&](exec::CollectiveOp op) { return add<plan::Collective>(op); })
      .Case([&](exec::CopyOp op) { return add<plan::Copy>(op); })
      .Case([&](exec::BarrierOp op) { return add<plan::Barrier>(op); })
      .Case([&](exec::RecordOp op) { return add<plan::Record>(op); })
      .Case([&](exec::WaitOp op) { return add<plan::Wait>(op); })
      .Case(
          [&](exec::ConstantOp op) { return emitConstant(op, buffers, plan); })
      // Another name of the same bytes.
      .Case<exec::ViewOp, exec::PeerViewOp>([](auto) { return success(); })
      .Default([](Operation *op) {
        return op->emitOpError() << "is not an instruction";
      });
}

//===----------------------------------------------------------------------===//
// The plan
//===----------------------------------------------------------------------===//

/// What the plan is for, by what the train phase has left on the module.
static plan::Mode getMode(ModuleOp module) {
  auto trained = module->getAttrOfType<TrainAttr>(FabricDialect::kTrainedAttr);
  if (!trained)
    return plan::Mode::Inference;
  return trained.getMode() == TrainMode::AdamW ? plan::Mode::Train
                                               : plan::Mode::Gradients;
}

static plan::Target describe(const lowering::KernelTarget &target) {
  if (!target.gpu.empty())
    return {"cuda", target.gpu, {}};
  plan::Target described{"cpu", target.cpu, {}};
  if (target.cpu == "native")
    described.arch = llvm::sys::getHostCPUName().str();
  for (const std::string &feature : lowering::getRequiredFeatures(target))
    described.features.push_back(feature);
  return described;
}

static LogicalResult emitCode(ModuleOp module,
                              const lowering::KernelTarget &target,
                              plan::Plan &plan) {
  plan.target = describe(target);
  ModuleOp kernels = getKernels(module);
  if (!kernels || kernels.getOps<func::FuncOp>().empty())
    return success();
  FailureOr<SmallVector<char>> code =
      target.gpu.empty()
          ? lowering::compileKernels(kernels, target)
          : lowering::compileGpuKernels(
                kernels.lookupSymbol<gpu::GPUModuleOp>(lowering::kDeviceModule),
                target.gpu);
  if (failed(code))
    return failure();
  auto *bytes = reinterpret_cast<const std::byte *>(code->data());
  plan.sections["code"].assign(bytes, bytes + code->size());
  return success();
}

/// An arena for each stream in which libraries work beside their operands.
static void reserveScratch(plan::Plan &plan) {
  std::map<int64_t, int64_t> bytes; // By stream.
  for (const plan::Instruction &instruction : plan.instructions)
    if (int64_t needed = plan::scratchOf(plan, instruction))
      bytes[instruction.stream] = std::max(bytes[instruction.stream], needed);
  for (auto [stream, size] : bytes) {
    plan.scratch.push_back({stream, static_cast<int64_t>(plan.arenas.size())});
    std::string name = "scratch";
    if (!plan.streams.empty())
      name += " of " + plan.streams[stream];
    plan.arenas.push_back({name, size, plan::scratchAlignment});
    plan.memory.scratch += size;
    plan.memory.peak += size;
  }
}

FailureOr<plan::Plan>
mlir::fabric::emitPlan(ModuleOp module, const lowering::KernelTarget &target) {
  plan::Plan plan;
  plan.mode = getMode(module);
  dist::MeshAttr mesh = dist::getMesh(module);
  auto functions = module.getOps<func::FuncOp>();
  if (!mesh || !llvm::hasSingleElement(functions))
    return module.emitError() << "expects a mesh and one function to emit";
  for (auto [name, size] : llvm::zip_equal(mesh.getNames(), mesh.getSizes()))
    plan.mesh.axes.push_back({name.str(), size});

  func::FuncOp function = *functions.begin();
  PlanBuffers buffers(function, plan);
  if (failed(buffers.addArenas(module)) ||
      failed(emitInterface(function, buffers, plan)))
    return failure();
  // Before instructions, which are checked against the target and its code.
  if (failed(emitCode(module, target, plan)))
    return failure();
  InstructionEmitter instructions(buffers, plan);
  for (Operation &op : function.getBody().front().without_terminator())
    if (failed(instructions.emit(&op)))
      return failure();
  plan.memory = reportMemory(function, plan);
  reserveScratch(plan);
  return plan;
}
