//===- ApplyOptimizer.cpp - Updates from gradients ------------------------===//
//
// Adds the arguments that the optimizer needs (states of every trained
// parameter, then the scalars), one update op a parameter, and returns the
// updates instead of the gradients. Updates stand at the end of the function,
// after the last read of what they overwrite; the scheduler may move them up.
//
//===----------------------------------------------------------------------===//

#include "passes/Training/Model.h"
#include "passes/Training/Passes.h"

#define DEBUG_TYPE "fabric-apply-optimizer"

namespace mlir::training {
#define GEN_PASS_DEF_APPLYOPTIMIZERPASS
#include "passes/Training/Passes.h.inc"
} // namespace mlir::training

using namespace mlir;
using namespace mlir::training;
using fabric::FabricDialect;

namespace {
/// Arguments that are appended together: each change of a function's type
/// makes the whole type anew.
class NewArguments {
public:
  explicit NewArguments(func::FuncOp model)
      : model(model), builder(model.getContext()),
        first(model.getNumArguments()) {}

  /// With one attribute. Returns the index that it will have.
  unsigned add(Type type, StringRef name, Attribute attr, Location loc) {
    types.push_back(type);
    attrs.push_back(
        builder.getDictionaryAttr(builder.getNamedAttr(name, attr)));
    locs.push_back(loc);
    return first + types.size() - 1;
  }

  void append() {
    SmallVector<unsigned> places(types.size(), first);
    (void)model.insertArguments(places, types, attrs, locs);
  }

private:
  func::FuncOp model;
  Builder builder;
  unsigned first;
  SmallVector<Type> types;
  SmallVector<DictionaryAttr> attrs;
  SmallVector<Location> locs;
};
} // namespace

static LogicalResult verifyScalarsAreFree(func::FuncOp model) {
  for (unsigned index = 0; index < model.getNumArguments(); ++index) {
    auto scalar = model.getArgAttrOfType<fabric::ScalarAttr>(
        index, FabricDialect::kScalarAttr);
    if (scalar && (scalar.getName() == "lr" || scalar.getName() == "step"))
      return model.emitOpError() << "has a scalar " << scalar.getName()
                                 << " already, which the optimizer would add";
  }
  return success();
}

namespace {
/// A parameter, its gradient and the states that the optimizer keeps for it.
struct Trained {
  BlockArgument param;
  Value gradient;
  SmallVector<unsigned, 2> states; ///< Arguments.
};

/// The results of the function as they will be: values and attributes.
struct Results {
  SmallVector<Value> values;
  SmallVector<Attribute> attrs;

  void append(Value value, DictionaryAttr dictionary) {
    values.push_back(value);
    attrs.push_back(dictionary);
  }
};

struct ApplyOptimizerPass
    : public mlir::training::impl::ApplyOptimizerPassBase<ApplyOptimizerPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto train =
        module->getAttrOfType<fabric::TrainAttr>(FabricDialect::kTrainAttr);
    if (!train)
      return;
    FailureOr<func::FuncOp> found = getModel(module);
    if (failed(found) || failed(verifyScalarsAreFree(*found)))
      return signalPassFailure();
    func::FuncOp model = *found;
    SmallVector<Trained> trained;
    Results results = keepNamedResults(model, trained);
    if (trained.empty()) {
      model.emitOpError() << "has no gradients to apply: "
                             "fabric-differentiate comes first";
      return signalPassFailure();
    }

    NewArguments arguments(model);
    for (Trained &entry : trained)
      addStates(model, entry, arguments);
    Location loc = model.getLoc();
    auto scalarType =
        RankedTensorType::get({}, Float64Type::get(&getContext()));
    auto addScalar = [&](StringRef name, FloatAttr value) {
      return arguments.add(
          scalarType, FabricDialect::kScalarAttr,
          fabric::ScalarAttr::get(&getContext(),
                                  StringAttr::get(&getContext(), name), value),
          loc);
    };
    unsigned lr = addScalar("lr", train.getLr());
    unsigned step =
        addScalar("step", FloatAttr::get(scalarType.getElementType(), 1.0));
    arguments.append();
    for (Trained &entry : trained)
      update(model, entry, train, model.getArgument(lr),
             model.getArgument(step), results);
    setResults(model, results);
    eraseDeadOps(model);
    module->removeAttr(FabricDialect::kTrainAttr);
    module->setAttr(FabricDialect::kTrainedAttr, train);
  }

  /// What is returned on: all that is named and not a gradient.
  static Results keepNamedResults(func::FuncOp model,
                                  SmallVectorImpl<Trained> &trained) {
    Results results;
    Operation *terminator = model.getBody().front().getTerminator();
    for (auto [index, value] : llvm::enumerate(terminator->getOperands())) {
      if (std::optional<unsigned> argument = getGradientOf(model, index))
        trained.push_back({model.getArgument(*argument), value, {}});
      else if (model.getResultAttr(index, FabricDialect::kResultAttr))
        results.append(value, model.getResultAttrDict(index));
    }
    return results;
  }

  static void addStates(func::FuncOp model, Trained &entry,
                        NewArguments &arguments) {
    StringAttr param = getParam(model, entry.param.getArgNumber()).getName();
    for (StringRef name : {"exp_avg", "exp_avg_sq"})
      entry.states.push_back(arguments.add(
          entry.param.getType(), FabricDialect::kStateAttr,
          fabric::StateAttr::get(model.getContext(), param,
                                 StringAttr::get(model.getContext(), name)),
          entry.param.getLoc()));
  }

  void update(func::FuncOp model, const Trained &entry, fabric::TrainAttr train,
              Value lr, Value step, Results &results) {
    OpBuilder builder(model.getBody().front().getTerminator());
    Type type = entry.param.getType();
    BlockArgument updated[] = {entry.param, model.getArgument(entry.states[0]),
                               model.getArgument(entry.states[1])};
    auto adamw = fabric::AdamWOp::create(
        builder, entry.param.getLoc(), TypeRange{type, type, type}, entry.param,
        entry.gradient, updated[1], updated[2], lr, step, train.getBeta1(),
        train.getBeta2(), train.getEps(), train.getWeightDecay());
    for (auto [value, argument] : llvm::zip_equal(adamw.getResults(), updated))
      results.append(value,
                     builder.getDictionaryAttr(builder.getNamedAttr(
                         FabricDialect::kUpdateOfAttr,
                         builder.getI64IntegerAttr(argument.getArgNumber()))));
    ++numUpdated;
  }

  static void setResults(func::FuncOp model, const Results &results) {
    model.getBody().front().getTerminator()->setOperands(results.values);
    model.setFunctionType(
        FunctionType::get(model.getContext(), model.getArgumentTypes(),
                          ValueRange(results.values).getTypes()));
    model.setResAttrsAttr(ArrayAttr::get(model.getContext(), results.attrs));
  }
};
} // namespace
