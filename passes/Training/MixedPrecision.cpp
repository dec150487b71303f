//===- MixedPrecision.cpp - The module in bf16, its parameters in f32 -----===//
//
// What FSDP2's MixedPrecisionPolicy(param_dtype=..., cast_forward_inputs=True)
// does to a module, on the graph. There the module is an object, and its loss
// is the caller's. Here one function has both, so it is found where the module
// ends: it is what named results of rank 1 or more are made from, and what an
// op is made from in which data meets a parameter. What is computed with its
// values beyond that is the loss, in its own type.
//
// Of the module's ops those compute in the narrow type that depend on a
// parameter or on a float input. The others (of positions, masks, buffers) keep
// their type, and their results are cast where they meet one of these.
//
//===----------------------------------------------------------------------===//

#include "passes/Training/Model.h"
#include "passes/Training/Passes.h"

#define DEBUG_TYPE "fabric-mixed-precision"

namespace mlir::training {
#define GEN_PASS_DEF_MIXEDPRECISIONPASS
#include "passes/Training/Passes.h.inc"
} // namespace mlir::training

using namespace mlir;
using namespace mlir::training;
using fabric::FabricDialect;

static bool isF32(Value value) {
  return getElementTypeOrSelf(value.getType()).isF32();
}

static RankedTensorType tensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

static Value castTo(OpBuilder &builder, Value value, Type elementType) {
  return fabric::CastOp::create(builder, value.getLoc(),
                                tensorType(value).clone(elementType), value);
}

/// Of rank 1 or more, and not a number.
static bool isTensor(ValueRange values) {
  return llvm::any_of(values.getTypes(), [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.getRank() > 0;
  });
}

namespace {
/// What a value depends on.
class Dependences {
public:
  explicit Dependences(func::FuncOp model) {
    for (BlockArgument argument : model.getArguments()) {
      bool isParameter = bool(getParam(model, argument.getArgNumber()));
      (isParameter ? onParameters : onData).insert(argument);
      if (isParameter || isa<FloatType>(getElementTypeOrSelf(argument)))
        onCast.insert(argument);
    }
    for (Operation &op : model.getBody().front())
      for (llvm::DenseSet<Value> *set : {&onParameters, &onData, &onCast})
        if (llvm::any_of(op.getOperands(),
                         [&](Value operand) { return set->contains(operand); }))
          set->insert_range(op.getResults());
  }

  /// Whether data meets a parameter in the op: a weight, not what was made with
  /// one before. A number is of a loss.
  bool meetsParameter(Operation *op) const {
    return isTensor(op->getResults()) &&
           llvm::any_of(op->getOperands(),
                        [&](Value operand) {
                          return onParameters.contains(operand) &&
                                 !onData.contains(operand);
                        }) &&
           llvm::any_of(op->getOperands(), [&](Value operand) {
             return onData.contains(operand);
           });
  }

  /// Whether any result depends on a parameter or a float input.
  bool dependsOnCast(Operation *op) const {
    return llvm::any_of(op->getResults(),
                        [&](Value result) { return onCast.contains(result); });
  }

private:
  llvm::DenseSet<Value> onParameters, onData, onCast;
};
} // namespace

/// The ops of the module that compute in the narrow type, in order.
static llvm::SetVector<Operation *> findNarrowOps(func::FuncOp model) {
  Dependences dependences(model);
  llvm::DenseSet<Operation *> module;
  Block &block = model.getBody().front();
  for (auto [index, result] :
       llvm::enumerate(block.getTerminator()->getOperands()))
    if (model.getResultAttr(index, FabricDialect::kResultAttr) &&
        isTensor(result))
      module.insert(result.getDefiningOp());
  llvm::SetVector<Operation *> narrow;
  for (Operation &op : llvm::reverse(block.without_terminator())) {
    if (!module.contains(&op) && !dependences.meetsParameter(&op))
      continue;
    for (Value operand : op.getOperands())
      module.insert(operand.getDefiningOp());
    if (dependences.dependsOnCast(&op))
      narrow.insert(&op);
  }
  return llvm::SetVector<Operation *>(narrow.rbegin(), narrow.rend());
}

namespace {
struct MixedPrecisionPass
    : public mlir::training::impl::MixedPrecisionPassBase<MixedPrecisionPass> {
  using MixedPrecisionPassBase::MixedPrecisionPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<func::FuncOp> model = getModel(module);
    if (failed(model) || failed(verify(module, *model)))
      return signalPassFailure();
    llvm::SetVector<Operation *> ops = findNarrowOps(*model);
    if (ops.empty()) {
      model->emitOpError() << "has nothing to compute in " << paramDtype
                           << ": no parameter meets data, and no result of "
                              "rank 1 or more depends on one";
      return signalPassFailure();
    }
    compute(*model, ops, BFloat16Type::get(&getContext()));
    eraseDeadOps(*model);
  }

  LogicalResult verify(ModuleOp module, func::FuncOp model) const {
    auto refuse = [&](StringRef option, StringRef expected, StringRef found) {
      InFlightDiagnostic error = module.emitError();
      error << option << " must be " << expected << ", found " << found;
      if (found == "f16")
        error << ": its gradients would need loss scaling, which there is not";
      return error;
    };
    if (paramDtype.empty())
      return module.emitError()
             << "reduce-dtype=" << reduceDtype << " needs param-dtype: without "
             << "it everything is reduced in the type that it is computed in";
    if (paramDtype != "bf16")
      return refuse("param-dtype", "bf16", paramDtype);
    if (reduceDtype != "f32" && reduceDtype != "bf16")
      return refuse("reduce-dtype", "f32 or bf16", reduceDtype);
    if (module->hasAttr(FabricDialect::kTrainedAttr) ||
        module->hasAttr(dist::DistDialect::kPartitionedAttr))
      return module.emitError()
             << "param-dtype=" << paramDtype
             << " is for a model that is neither trained nor partitioned yet";
    for (BlockArgument argument : model.getArguments())
      if (fabric::ParamAttr param = getParam(model, argument.getArgNumber());
          param && !isF32(argument))
        return emitError(argument.getLoc())
               << "param-dtype=" << paramDtype << " keeps parameters in f32, "
               << "but parameter " << param.getName() << " is of type "
               << argument.getType();
    return success();
  }

  void compute(func::FuncOp model, const llvm::SetVector<Operation *> &ops,
               FloatType narrow) {
    llvm::DenseMap<Value, Value> casts;
    OpBuilder builder(model.getContext());
    for (Operation *op : ops) {
      for (OpOperand &operand : op->getOpOperands()) {
        Value value = operand.get();
        if (!isF32(value) || ops.contains(value.getDefiningOp()))
          continue;
        Value &cast = casts[value];
        if (!cast) {
          builder.setInsertionPoint(op);
          cast = castTo(builder, value, narrow);
          numCasts += 1;
        }
        operand.set(cast);
      }
      ++numNarrowed;
      for (Value result : op->getResults())
        if (isF32(result))
          result.setType(tensorType(result).clone(narrow));
    }

    // The loss, and the caller, see the types that the model says.
    for (Operation *op : ops)
      for (Value result : op->getResults()) {
        if (getElementTypeOrSelf(result.getType()) != narrow)
          continue;
        auto isOutside = [&](OpOperand &use) {
          return !ops.contains(use.getOwner());
        };
        if (llvm::none_of(result.getUses(), isOutside))
          continue;
        builder.setInsertionPointAfter(op);
        Value wide = castTo(builder, result, builder.getF32Type());
        result.replaceUsesWithIf(wide, [&](OpOperand &use) {
          return isOutside(use) && use.getOwner() != wide.getDefiningOp();
        });
        numCasts += 1;
      }
  }
};
} // namespace
