//===- Shrink.cpp - Small programs that fail the same way -----------------===//
//
// A reduction is a function that changes a copy of the program at place i, or
// says that there is no such place. All places of all reductions are tried in
// turn, from what removes most to what removes least; the first that leaves the
// program interesting is kept, and its reduction goes on from there.
//
//===----------------------------------------------------------------------===//

#include "test/generate/Shrink.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "test/generate/CollectErrors.h"

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::generate;
using dist::DistDialect;

namespace {
/// What became of a place: there is none, nothing to do there, or changed.
enum class Step { End, Nothing, Changed };
using Reduction = Step (*)(ModuleOp program, unsigned place);
} // namespace

static func::FuncOp modelOf(ModuleOp program) {
  return *program.getOps<func::FuncOp>().begin();
}

static Block &bodyOf(ModuleOp program) {
  return modelOf(program).getBody().front();
}

unsigned mlir::fabric::generate::countOps(ModuleOp program) {
  return llvm::range_size(bodyOf(program).without_terminator());
}

/// Removes what has no use, and makes the function's type fit.
static void cleanUp(ModuleOp program) {
  func::FuncOp model = modelOf(program);
  Block &body = bodyOf(program);
  auto ops = llvm::map_to_vector(body.without_terminator(),
                                 [](Operation &op) { return &op; });
  for (Operation *op : llvm::reverse(ops))
    if (op->use_empty())
      op->erase();
  for (unsigned i = body.getNumArguments(); i-- > 0;) {
    bool isParameter = bool(model.getArgAttr(i, FabricDialect::kParamAttr));
    bool isLast =
        llvm::count_if(llvm::seq(model.getNumArguments()), [&](unsigned other) {
          return bool(model.getArgAttr(other, FabricDialect::kParamAttr));
        }) == 1;
    // Training needs something to train.
    bool needed =
        isParameter && isLast && program->hasAttr(FabricDialect::kTrainAttr);
    if (body.getArgument(i).use_empty() && !needed)
      (void)model.eraseArgument(i);
  }
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

static Step dropTraining(ModuleOp program, unsigned place) {
  auto train = program->getAttrOfType<TrainAttr>(FabricDialect::kTrainAttr);
  if (place > 1 || !train)
    return Step::End;
  if (place == 0) {
    program->removeAttr(FabricDialect::kTrainAttr);
    return Step::Changed;
  }
  if (train.getMode() == TrainMode::Gradients)
    return Step::Nothing;
  program->setAttr(
      FabricDialect::kTrainAttr,
      TrainAttr::getDefault(program.getContext(), TrainMode::Gradients));
  return Step::Changed;
}

static Step dropResult(ModuleOp program, unsigned place) {
  func::FuncOp model = modelOf(program);
  unsigned count = model.getNumResults();
  if (place >= count)
    return Step::End;
  // The last one first: the loss is the first.
  if (count == 1)
    return Step::Nothing;
  (void)model.eraseResult(count - 1 - place);
  bodyOf(program).getTerminator()->eraseOperand(count - 1 - place);
  return Step::Changed;
}

static Operation *opAt(ModuleOp program, unsigned place) {
  Block &body = bodyOf(program);
  unsigned count = countOps(program);
  if (place >= count)
    return nullptr;
  return &*std::next(body.begin(), count - 1 - place);
}

/// An op's operand of the same type for its result. A place is an op and an
/// operand.
static Step useOperand(ModuleOp program, unsigned place) {
  constexpr unsigned most = 4;
  Operation *op = opAt(program, place / most);
  if (!op)
    return Step::End;
  if (place % most >= op->getNumOperands())
    return Step::Nothing;
  Value operand = op->getOperand(place % most);
  if (operand.getType() != op->getResult(0).getType())
    return Step::Nothing;
  op->getResult(0).replaceAllUsesWith(operand);
  return Step::Changed;
}

/// A new input for an op's result.
static Step useInput(ModuleOp program, unsigned place) {
  Operation *op = opAt(program, place);
  if (!op)
    return Step::End;
  if (op->hasTrait<OpTrait::ConstantLike>() && op->getNumOperands() == 0 &&
      cast<RankedTensorType>(op->getResult(0).getType()).getNumElements() == 1)
    return Step::Nothing;
  func::FuncOp model = modelOf(program);
  Builder builder(program.getContext());
  unsigned index = model.getNumArguments();
  // A name that no argument has.
  unsigned number = index;
  auto isTaken = [&](StringRef name) {
    return llvm::any_of(llvm::seq(index), [&](unsigned i) {
      auto input =
          model.getArgAttrOfType<InputAttr>(i, FabricDialect::kInputAttr);
      return input && input.getName().getValue() == name;
    });
  };
  while (isTaken("n" + std::to_string(number)))
    ++number;
  auto name = builder.getStringAttr("n" + Twine(number));
  auto attr = builder.getNamedAttr(
      FabricDialect::kInputAttr,
      InputAttr::get(program.getContext(), name, /*batchDim=*/-1));
  if (failed(model.insertArgument(index, op->getResult(0).getType(),
                                  builder.getDictionaryAttr(attr),
                                  op->getLoc())))
    return Step::Nothing;
  op->getResult(0).replaceAllUsesWith(model.getArgument(index));
  return Step::Changed;
}

/// A result that is an op's operand for one that is the op.
static Step returnOperand(ModuleOp program, unsigned place) {
  constexpr unsigned most = 3;
  func::FuncOp model = modelOf(program);
  Operation *terminator = bodyOf(program).getTerminator();
  if (place / most >= terminator->getNumOperands())
    return Step::End;
  OpOperand &result = terminator->getOpOperand(place / most);
  Operation *op = result.get().getDefiningOp();
  if (!op || place % most >= op->getNumOperands())
    return Step::Nothing;
  result.set(op->getOperand(place % most));
  model.setType(FunctionType::get(program.getContext(),
                                  model.getArgumentTypes(),
                                  terminator->getOperandTypes()));
  return Step::Changed;
}

/// Styles and batch dims of arguments.
static Step dropRole(ModuleOp program, unsigned place) {
  func::FuncOp model = modelOf(program);
  if (place >= model.getNumArguments())
    return Step::End;
  if (model.removeArgAttr(place, DistDialect::kTpAttr))
    return Step::Changed;
  auto input =
      model.getArgAttrOfType<InputAttr>(place, FabricDialect::kInputAttr);
  if (!input || input.getBatchDim() < 0)
    return Step::Nothing;
  model.setArgAttr(
      place, FabricDialect::kInputAttr,
      InputAttr::get(program.getContext(), input.getName(), /*batchDim=*/-1));
  return Step::Changed;
}

/// The mesh without one axis, or with a smaller one, and constraints with it.
static void setMesh(ModuleOp program, dist::MeshAttr mesh) {
  program->setAttr(DistDialect::kMeshAttr, mesh);
  program.walk([&](dist::ConstraintOp op) {
    SmallVector<dist::AxesAttr> dims;
    for (dist::AxesAttr axes : op.getSharding().getDims()) {
      SmallVector<dist::AxisRefAttr> refs;
      for (dist::AxisRefAttr ref : axes.getRefs()) {
        int64_t size = mesh.getAxisSize(ref.getName());
        bool fits = !ref.isSubAxis() ||
                    size % (ref.getPreSize() * ref.getSubSize()) == 0;
        if (size > 0 && fits)
          refs.push_back(ref);
      }
      dims.push_back(dist::AxesAttr::get(program.getContext(), refs));
    }
    op.setShardingAttr(dist::ShardingAttr::get(mesh, dims));
  });
}

/// A place is an axis and its new size: none, or one less.
static Step shrinkMesh(ModuleOp program, unsigned place) {
  auto mesh = program->getAttrOfType<dist::MeshAttr>(DistDialect::kMeshAttr);
  unsigned axis = place / 2;
  SmallVector<StringAttr> names(mesh.getNames());
  SmallVector<int64_t> sizes(mesh.getSizes());
  if (axis >= names.size())
    return Step::End;
  bool drops = place % 2 == 0;
  if (drops ? names.size() == 1 : sizes[axis] == 1)
    return Step::Nothing;
  if (drops) {
    names.erase(names.begin() + axis);
    sizes.erase(sizes.begin() + axis);
  } else {
    --sizes[axis];
  }
  setMesh(program, dist::MeshAttr::get(program.getContext(), names, sizes));
  return Step::Changed;
}

/// A splat for a constant that is none.
static Step simplifyConstant(ModuleOp program, unsigned place) {
  Operation *op = opAt(program, place);
  if (!op)
    return Step::End;
  auto constant = dyn_cast<ConstantOp>(op);
  auto value =
      constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : nullptr;
  if (!value || value.isSplat())
    return Step::Nothing;
  Attribute first = *value.getValues<Attribute>().begin();
  constant.setValueAttr(DenseElementsAttr::get(value.getType(), first));
  return Step::Changed;
}

//===----------------------------------------------------------------------===//
// The search
//===----------------------------------------------------------------------===//

OwningOpRef<ModuleOp>
mlir::fabric::generate::shrink(ModuleOp program,
                               function_ref<bool(ModuleOp)> isInteresting) {
  static constexpr Reduction reductions[] = {
      dropTraining, dropResult, useInput,   returnOperand,
      useOperand,   dropRole,   shrinkMesh, simplifyConstant};
  OwningOpRef<ModuleOp> best = program.clone();
  for (bool changed = true; changed;) {
    changed = false;
    for (Reduction reduction : reductions)
      for (unsigned place = 0;;) {
        OwningOpRef<ModuleOp> candidate = best->clone();
        Step step = reduction(*candidate, place);
        if (step == Step::End)
          break;
        bool better = false;
        if (step == Step::Changed) {
          cleanUp(*candidate);
          CollectErrors errors(program.getContext());
          better = succeeded(verify(*candidate)) && isInteresting(*candidate);
        }
        if (!better) {
          ++place;
          continue;
        }
        best = std::move(candidate);
        changed = true;
      }
  }
  return best;
}
