//===- LaunchesToGpu.cpp - Launches of GPU code ---------------------------===//
//
// What a kernel is on a GPU says Kernels/Gpu/GpuKernels.h: one or more stages.
// Here each stage becomes a function of its own, whose code is in a gpu.module
// beside it, and each launch of the kernel one of every stage. Scratch is a
// result that nobody else reads: the memory planner sees it as any other value.
//
//===----------------------------------------------------------------------===//

#include "dialects/Exec/IR/Exec.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/Lowering/Kernels/Gpu/GpuKernels.h"
#include "passes/Lowering/OffsetAssignment.h"
#include "passes/Lowering/Passes.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include <numeric>

using namespace mlir;

namespace mlir::lowering {
#define GEN_PASS_DEF_LAUNCHESTOGPUPASS
#include "passes/Lowering/Passes.h.inc"
} // namespace mlir::lowering

using namespace mlir::lowering;

/// In bytes; of a piece of a peer's buffer, what its place in it leaves.
static int64_t getAlignment(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto view = dyn_cast_or_null<exec::ViewOp>(op))
    return getAlignment(view.getOperand());
  if (auto peer = dyn_cast_or_null<exec::PeerViewOp>(op)) {
    int64_t alignment = getAlignment(peer.getOperand());
    if (peer.getOwnPiece())
      alignment = std::gcd(alignment, exec::getNumBytes(peer.getType()));
    return alignment;
  }
  return slotAlignment;
}

namespace {

class LaunchSplitter {
public:
  explicit LaunchSplitter(ModuleOp kernels) : kernels(kernels) {
    OpBuilder builder = OpBuilder::atBlockEnd(kernels.getBody());
    device = gpu::GPUModuleOp::create(builder, kernels.getLoc(), kDeviceModule);
  }

  /// All launches of one kernel. The kernel goes away.
  LogicalResult split(func::FuncOp kernel, ArrayRef<exec::LaunchOp> launches) {
    SmallVector<int64_t> alignments(kernel.getNumArguments(), slotAlignment);
    for (exec::LaunchOp launch : launches)
      for (auto [alignment, operand] :
           llvm::zip_equal(alignments, launch.getInputs()))
        alignment = std::gcd(alignment, getAlignment(operand));
    FailureOr<GpuKernel> built = buildGpuKernel(kernel, alignments, device);
    if (failed(built))
      return failure();
    kernel->remove(); // Its name is a stage's.
    SmallVector<SymbolRefAttr> symbols;
    for (const GpuStage &stage : built->stages)
      symbols.push_back(declare(kernel, *built, stage));
    for (exec::LaunchOp launch : launches)
      replace(launch, *built, symbols);
    kernel->destroy();
    return success();
  }

private:
  static Type getType(func::FuncOp kernel, const GpuKernel &built,
                      GpuBuffer buffer) {
    switch (buffer.kind) {
    case GpuBuffer::Kind::Argument:
      return kernel.getArgumentTypes()[buffer.number];
    case GpuBuffer::Kind::Result:
      return kernel.getResultTypes()[buffer.number];
    case GpuBuffer::Kind::Scratch:
      break;
    }
    return built.scratch[buffer.number];
  }

  static SymbolRefAttr getSymbol(func::FuncOp function) {
    return SymbolRefAttr::get(
        StringAttr::get(function.getContext(),
                        exec::ExecDialect::kKernelsModule),
        FlatSymbolRefAttr::get(function));
  }

  /// A function of tensors that stands for the stage, or for its equal.
  SymbolRefAttr declare(func::FuncOp kernel, const GpuKernel &built,
                        const GpuStage &stage) {
    gpu::GPUFuncOp code = stage.function;
    std::string name = code.getName().str(), text;
    llvm::raw_string_ostream stream(text);
    code.setName("");
    code->print(stream, OpPrintingFlags().useLocalScope());
    code.setName(name);
    auto types = [&](ArrayRef<GpuBuffer> buffers) {
      return llvm::map_to_vector(buffers, [&](GpuBuffer buffer) {
        return getType(kernel, built, buffer);
      });
    };
    SmallVector<Type> inputs = types(stage.inputs);
    SmallVector<Type> outputs = types(stage.outputs);
    auto type = FunctionType::get(kernel.getContext(), inputs, outputs);
    stream << type;
    auto function = func::FuncOp::create(kernel.getLoc(), name, type);
    function.setPrivate();
    for (unsigned input = 0; input < inputs.size(); ++input) {
      SmallVector<int64_t> allowed = getMayAlias(kernel, stage, input);
      if (!allowed.empty())
        function.setArgAttr(
            input, exec::kMayAliasAttr,
            DenseI64ArrayAttr::get(kernel.getContext(), allowed));
    }
    stream << function.getArgAttrsAttr();
    auto [it, isNew] = functions.try_emplace(text, function);
    if (isNew) {
      kernels.insert(device, function);
    } else {
      code.erase();
      function.erase();
    }
    return getSymbol(it->second);
  }

  static SmallVector<int64_t>
  getMayAlias(func::FuncOp kernel, const GpuStage &stage, unsigned input) {
    SmallVector<int64_t> allowed;
    GpuBuffer buffer = stage.inputs[input];
    for (auto [number, output] : llvm::enumerate(stage.outputs)) {
      if (output.kind != GpuBuffer::Kind::Result)
        continue;
      bool isAllowed = buffer == output;
      if (buffer.kind == GpuBuffer::Kind::Argument)
        if (auto results = kernel.getArgAttrOfType<DenseI64ArrayAttr>(
                buffer.number, exec::kMayAliasAttr))
          isAllowed |=
              llvm::is_contained(results.asArrayRef(), int64_t(output.number));
      if (isAllowed)
        allowed.push_back(number);
    }
    return allowed;
  }

  void replace(exec::LaunchOp launch, const GpuKernel &built,
               ArrayRef<SymbolRefAttr> symbols) {
    OpBuilder builder(launch);
    SmallVector<Value> results(launch.getNumResults());
    SmallVector<Value> scratch(built.scratch.size());
    auto getValue = [&](GpuBuffer buffer) -> Value {
      switch (buffer.kind) {
      case GpuBuffer::Kind::Argument:
        return launch.getInputs()[buffer.number];
      case GpuBuffer::Kind::Result:
        return results[buffer.number];
      case GpuBuffer::Kind::Scratch:
        break;
      }
      return scratch[buffer.number];
    };
    for (auto [stage, symbol] : llvm::zip_equal(built.stages, symbols)) {
      SmallVector<Value> inputs = llvm::map_to_vector(stage.inputs, getValue);
      ValueRange values = addLaunch(builder, launch, stage, symbol, inputs);
      for (auto [buffer, value] : llvm::zip_equal(stage.outputs, values))
        (buffer.kind == GpuBuffer::Kind::Result ? results
                                                : scratch)[buffer.number] =
            value;
    }
    launch->replaceAllUsesWith(results);
    launch.erase();
  }

  ValueRange addLaunch(OpBuilder &builder, exec::LaunchOp launch,
                       const GpuStage &stage, SymbolRefAttr symbol,
                       ArrayRef<Value> inputs) {
    // Numbers that many launches need are computed by the first of them.
    bool isScalar = stage.isScalars;
    auto key = std::make_pair(symbol, SmallVector<Value>(inputs));
    if (isScalar)
      for (auto &[known, results] : scalars)
        if (known == key)
          return results;
    auto function = functionOf(symbol);
    auto stageLaunch = exec::LaunchOp::create(
        builder, launch.getLoc(), function.getResultTypes(), symbol, inputs,
        getTies(launch, stage), /*slots=*/ArrayAttr());
    if (isScalar)
      scalars.emplace_back(key, stageLaunch.getOutputs());
    return stageLaunch.getOutputs();
  }

  func::FuncOp functionOf(SymbolRefAttr symbol) {
    return kernels.lookupSymbol<func::FuncOp>(symbol.getLeafReference());
  }

  static SmallVector<int64_t> getTies(exec::LaunchOp launch,
                                      const GpuStage &stage) {
    SmallVector<int64_t> ties;
    for (GpuBuffer output : stage.outputs) {
      int64_t tie = -1;
      for (auto [number, input] : llvm::enumerate(stage.inputs)) {
        bool isBefore = input == output;
        bool isTied = output.kind == GpuBuffer::Kind::Result &&
                      input.kind == GpuBuffer::Kind::Argument &&
                      launch.getTies()[output.number] == int64_t(input.number);
        if (isBefore || isTied)
          tie = number;
      }
      ties.push_back(tie);
    }
    return ties;
  }

  ModuleOp kernels;
  gpu::GPUModuleOp device;
  llvm::StringMap<func::FuncOp> functions; ///< By their text.
  SmallVector<
      std::pair<std::pair<SymbolRefAttr, SmallVector<Value>>, ValueRange>>
      scalars;
};

struct LaunchesToGpuPass
    : lowering::impl::LaunchesToGpuPassBase<LaunchesToGpuPass> {
  using LaunchesToGpuPassBase::LaunchesToGpuPassBase;

  void runOnOperation() override {
    auto kernels = getOperation().lookupSymbol<ModuleOp>(
        exec::ExecDialect::kKernelsModule);
    if (!kernels)
      return;
    llvm::MapVector<StringAttr, SmallVector<exec::LaunchOp>> launches;
    getOperation().walk([&](exec::LaunchOp launch) {
      launches[launch.getKernel().getLeafReference()].push_back(launch);
    });
    LaunchSplitter splitter(kernels);
    for (auto &[name, ofKernel] : launches)
      if (failed(splitter.split(kernels.lookupSymbol<func::FuncOp>(name),
                                ofKernel)))
        return signalPassFailure();
  }
};

} // namespace
