//===- Differentiate.cpp - Gradients of the loss --------------------------===//
//
// Reverse mode on a straight line of ops. One walk forwards finds the values
// that depend on a trainable parameter (*active* values); one walk backwards
// from the loss asks each op on the way for its vector-Jacobian product. A
// value's gradient is complete when the walk reaches the op that made it, for
// all its uses come later; contributions of several uses are added as they
// come.
//
//===----------------------------------------------------------------------===//

#include "passes/Training/Model.h"
#include "passes/Training/Passes.h"
#include "llvm/Support/Debug.h"

#define DEBUG_TYPE "fabric-differentiate"

namespace mlir::training {
#define GEN_PASS_DEF_DIFFERENTIATEPASS
#include "passes/Training/Passes.h.inc"
} // namespace mlir::training

using namespace mlir;
using namespace mlir::training;
using fabric::FabricDialect;

/// The loss, or a diagnostic that says what is there instead.
static FailureOr<unsigned> requireLoss(func::FuncOp model) {
  if (std::optional<unsigned> loss = findLoss(model))
    return *loss;
  InFlightDiagnostic diagnostic =
      model.emitOpError()
      << "has no loss to train: expected a result that is named with "
      << FabricDialect::kResultAttr << " and is a float of rank 0";
  for (auto [index, type] : llvm::enumerate(model.getResultTypes()))
    if (auto name = model.getResultAttrOfType<StringAttr>(
            index, FabricDialect::kResultAttr))
      diagnostic << (index == 0 ? ", found " : ", ") << name << " of type "
                 << type;
  return diagnostic;
}

static LogicalResult verifyUntrained(ModuleOp module, func::FuncOp model) {
  if (module->hasAttr(FabricDialect::kTrainedAttr))
    return module.emitOpError()
           << "is trained already: it carries " << FabricDialect::kTrainedAttr;
  if (module->hasAttr(dist::DistDialect::kPartitionedAttr))
    return module.emitOpError()
           << "is partitioned already: training works on global tensors";
  for (unsigned index = 0; index < model.getNumResults(); ++index)
    if (getGradientOf(model, index) || getUpdateOf(model, index))
      return model.emitOpError()
             << "is trained already: result " << index
             << " is the gradient or the update of an argument";
  return success();
}

namespace {
/// The backward pass of one function.
class BackwardPass {
public:
  BackwardPass(func::FuncOp model, ArrayRef<unsigned> parameters)
      : block(model.getBody().front()), builder(block.getTerminator()) {
    for (unsigned index : parameters)
      active.insert(model.getArgument(index));
    for (Operation &op : block)
      if (llvm::any_of(op.getOperands(),
                       [&](Value value) { return active.contains(value); }))
        active.insert_range(op.getResults());
  }

  /// Fails with a diagnostic at an op on the way that has no derivative.
  LogicalResult run(Value loss) {
    auto type = cast<RankedTensorType>(loss.getType());
    if (active.contains(loss))
      gradients[loss] =
          fabric::ConstantOp::create(builder, loss.getLoc(), type, 1.0);
    // What the walk makes comes after its last op, so it is not walked over.
    for (Operation &op : llvm::reverse(block.without_terminator()))
      original.push_back(&op);
    for (Operation *op : original)
      if (failed(propagate(op)))
        return failure();
    return success();
  }

  /// The gradient of a value, or null where the loss does not depend on it.
  Value getGradient(Value value) const { return gradients.lookup(value); }
  unsigned getNumDifferentiated() const { return numDifferentiated; }

private:
  LogicalResult propagate(Operation *op) {
    auto cotangents = llvm::map_to_vector(
        op->getResults(), [&](Value result) { return getGradient(result); });
    if (!llvm::any_of(cotangents, [](Value value) { return value; }))
      return success();
    auto derivative = dyn_cast<fabric::DerivativeOpInterface>(op);
    if (!derivative)
      return op->emitOpError()
             << "is between a trainable parameter and the loss, but has no "
                "derivative";
    auto needed = llvm::map_to_vector(op->getOperands(), [&](Value operand) {
      return active.contains(operand);
    });
    SmallVector<Value> contributions(op->getNumOperands());
    if (failed(derivative.buildVjp(builder, cotangents, needed, contributions)))
      return failure();
    ++numDifferentiated;
    for (auto [operand, contribution, isNeeded] :
         llvm::zip_equal(op->getOperands(), contributions, needed))
      if (isNeeded && contribution)
        accumulate(op->getLoc(), operand, contribution);
    return success();
  }

  void accumulate(Location loc, Value value, Value contribution) {
    Value &gradient = gradients[value];
    gradient = gradient ? fabric::AddOp::create(builder, loc, value.getType(),
                                                gradient, contribution)
                        : contribution;
  }

  Block &block;
  OpBuilder builder;
  llvm::DenseSet<Value> active;
  llvm::DenseMap<Value, Value> gradients;
  SmallVector<Operation *> original;
  unsigned numDifferentiated = 0;
};

struct DifferentiatePass
    : public mlir::training::impl::DifferentiatePassBase<DifferentiatePass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto train =
        module->getAttrOfType<fabric::TrainAttr>(FabricDialect::kTrainAttr);
    if (!train)
      return;
    FailureOr<func::FuncOp> model = getModel(module);
    if (failed(model) || failed(verifyUntrained(module, *model)))
      return signalPassFailure();
    FailureOr<unsigned> loss = requireLoss(*model);
    if (failed(loss))
      return signalPassFailure();
    SmallVector<unsigned> parameters = getTrainableArguments(*model);
    if (parameters.empty()) {
      model->emitOpError() << "has no parameter to train: every argument is an "
                              "input or frozen";
      return signalPassFailure();
    }

    Operation *terminator = model->getBody().front().getTerminator();
    BackwardPass backward(*model, parameters);
    if (failed(backward.run(terminator->getOperand(*loss))))
      return signalPassFailure();
    numDifferentiated = backward.getNumDifferentiated();
    returnGradients(*model, parameters, backward);
    eraseDeadOps(*model);

    if (train.getMode() == fabric::TrainMode::Gradients) {
      module->removeAttr(FabricDialect::kTrainAttr);
      module->setAttr(FabricDialect::kTrainedAttr, train);
    }
  }

  /// Appends the results `grad.<name>`, together: each change of a function's
  /// type makes the whole type anew.
  void returnGradients(func::FuncOp model, ArrayRef<unsigned> parameters,
                       const BackwardPass &backward) {
    Operation *terminator = model.getBody().front().getTerminator();
    OpBuilder builder(terminator);
    SmallVector<Value> gradients;
    SmallVector<DictionaryAttr> dictionaries;
    for (unsigned index : parameters) {
      BlockArgument argument = model.getArgument(index);
      Value gradient = backward.getGradient(argument);
      ++numGradients;
      if (!gradient) {
        ++numZeroGradients;
        gradient = fabric::ConstantOp::create(
            builder, argument.getLoc(),
            cast<RankedTensorType>(argument.getType()), 0.0);
      }
      gradients.push_back(gradient);
      std::string name =
          ("grad." + getParam(model, index).getName().getValue()).str();
      NamedAttribute attrs[] = {
          builder.getNamedAttr(FabricDialect::kGradientOfAttr,
                               builder.getI64IntegerAttr(index)),
          builder.getNamedAttr(FabricDialect::kResultAttr,
                               builder.getStringAttr(name))};
      dictionaries.push_back(builder.getDictionaryAttr(attrs));
    }
    terminator->insertOperands(terminator->getNumOperands(), gradients);
    SmallVector<unsigned> places(gradients.size(), model.getNumResults());
    (void)model.insertResults(places, ValueRange(gradients).getTypes(),
                              dictionaries);
  }
};
} // namespace
