//===- AssignStorage.cpp - How arguments and updated results are stored ---===//
//
// First every argument's storage sharding is found, parameters before the
// states that follow them; then types are set, of arguments and of what
// updates them in place, and of casts that run where a parameter is stored;
// then a reshard to the compute sharding is put before all other uses
// of a parameter, or of such a cast.
//
//===----------------------------------------------------------------------===//

#include "passes/Sharding/AssignStorage.h"
#include "dialects/Dist/IR/Axes.h"
#include "dialects/Dist/IR/InterfaceAttrs.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "passes/Analysis/Placement.h"
#include "passes/Sharding/Passes.h"
#include "passes/Sharding/Roles.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace mlir::sharding;
using mlir::analysis::Placement;
using mlir::fabric::FabricDialect;

namespace mlir::sharding {
#define GEN_PASS_DEF_ASSIGNSTORAGEPASS
#include "passes/Sharding/Passes.h.inc"
} // namespace mlir::sharding

namespace {
/// Where an argument is, at rest and when it is computed with.
struct ArgumentPlacement {
  Placement storage;
  Placement compute;
};

class StorageAssigner {
public:
  StorageAssigner(func::FuncOp function, dist::MeshAttr mesh)
      : function(function), atoms(mesh), dataAtoms(getAxisAtoms(kDataAxis)),
        tensorAtoms(getAxisAtoms(kTensorAxis)) {}

  LogicalResult run();
  unsigned getNumReplicated() const { return numReplicated; }

private:
  dist::AtomList getAxisAtoms(StringRef axis) const {
    return atoms.getAtoms(
        dist::AxisRefAttr::get(atoms.getMesh().getContext(), axis));
  }
  Placement getReplicated(unsigned index) {
    Placement placement;
    placement.dims.resize(getType(index).getRank());
    return placement;
  }
  RankedTensorType getType(unsigned index) {
    return cast<RankedTensorType>(function.getArgumentTypes()[index]);
  }
  RankedTensorType place(RankedTensorType type,
                         const Placement &placement) const {
    return dist::withSharding(
        type, placement.toSharding(atoms, dist::ReductionKind::Sum));
  }
  Location getArgLoc(unsigned index) {
    return function.getArgument(index).getLoc();
  }
  template <typename AttrT> AttrT getAttr(unsigned index, StringRef name) {
    return function.getArgAttrOfType<AttrT>(index, name);
  }

  FailureOr<Placement> getAsked(unsigned index);
  LogicalResult placeParameter(unsigned index, fabric::ParamAttr param);
  LogicalResult placeState(unsigned index, fabric::StateAttr state);
  LogicalResult placeInput(unsigned index, fabric::InputAttr input);
  LogicalResult placeArgument(unsigned index);
  void setTypes();
  void insertReshard(Value stored, const Placement &compute);
  void insertReshards(unsigned index);

  func::FuncOp function;
  dist::MeshAtoms atoms;
  dist::AtomList dataAtoms, tensorAtoms;
  SmallVector<ArgumentPlacement, 0> placements;
  llvm::StringMap<unsigned> parameters;
  unsigned numReplicated = 0;
};
} // namespace

/// Where the user wants the argument at rest. Only for arguments that ask.
FailureOr<Placement> StorageAssigner::getAsked(unsigned index) {
  dist::ShardingAttr asked = getAskedArgument(function, index);
  std::string what = "sharding of " + nameArgument(function, index);
  if (asked.getMesh() != atoms.getMesh())
    return emitError(getArgLoc(index))
           << what << ": over the mesh " << asked.getMesh()
           << ", but the module's is " << atoms.getMesh();
  for (int64_t dim = 0; dim < asked.getRank(); ++dim)
    if (getType(index).getDimSize(dim) % asked.getNumParts(dim) != 0)
      return emitNotDivided(getArgLoc(index), what, getType(index), dim, asked);
  return Placement::get(atoms, asked);
}

LogicalResult StorageAssigner::placeParameter(unsigned index,
                                              fabric::ParamAttr param) {
  RankedTensorType type = getType(index);
  if (!parameters.try_emplace(param.getName().getValue(), index).second)
    return emitError(getArgLoc(index))
           << "two parameters have the name " << param.getName();
  auto fsdp = getAttr<dist::FsdpAttr>(index, dist::DistDialect::kFsdpAttr);
  if (getAskedArgument(function, index)) {
    if (fsdp)
      return emitError(getArgLoc(index))
             << nameArgument(function, index) << " says how it is stored with "
             << "dist.sharding, and again with dist.fsdp";
    FailureOr<Placement> storage = getAsked(index);
    if (failed(storage))
      return failure();
    Placement compute = *storage;
    for (dist::AtomList &list : compute.dims)
      llvm::erase_if(list, [&](unsigned atom) {
        return llvm::is_contained(dataAtoms, atom);
      });
    placements[index] = {*storage, compute};
    return success();
  }
  Placement compute = getReplicated(index);
  if (auto style =
          getAttr<dist::TpStyleAttr>(index, dist::DistDialect::kTpAttr)) {
    if (failed(verifyTpStyle(getArgLoc(index), param.getName(), type,
                             style.getValue())))
      return failure();
    if (std::optional<unsigned> dim =
            getTpDim(style.getValue(), type.getRank())) {
      int64_t size = atoms.getNumParts(tensorAtoms);
      if (type.getDimSize(*dim) % size != 0)
        return emitNotDivided(getArgLoc(index), param.getName(), type,
                              style.getValue(), *dim, size);
      compute.dims[*dim] = tensorAtoms;
    }
  }

  Placement storage = compute;
  int64_t dataSize = atoms.getNumParts(dataAtoms);
  auto divides = [&](unsigned dim) {
    int64_t block = type.getDimSize(dim) / atoms.getNumParts(compute.dims[dim]);
    return block % dataSize == 0;
  };
  auto dims = llvm::seq<unsigned>(0, type.getRank());
  auto dim = llvm::find_if(dims, divides);
  if (fsdp && fsdp.getDim()) {
    if (!divides(*fsdp.getDim()))
      return emitNotDivided(getArgLoc(index), param.getName(), type, fsdp,
                            dataSize);
    dim = std::next(dims.begin(), *fsdp.getDim());
  }
  if (dim != dims.end()) {
    llvm::append_range(storage.dims[*dim], dataAtoms);
    if (fsdp && fsdp.getMode() == dist::FsdpMode::Keep)
      compute = storage;
  } else if (fsdp && fsdp.getMode() == dist::FsdpMode::Keep) {
    return emitError(getArgLoc(index))
           << "parameter " << param.getName() << ": " << fsdp
           << " finds no dim of " << type << " that axis \"" << kDataAxis
           << "\" of size " << dataSize
           << " divides; name one, and it is padded";
  } else if (dataSize > 1) {
    ++numReplicated;
    emitRemark(getArgLoc(index))
        << "parameter " << param.getName() << " is replicated over axis \""
        << kDataAxis << "\" of size " << dataSize
        << ", which divides none of its dims: " << type;
  }
  placements[index] = {storage, compute};
  return success();
}

LogicalResult StorageAssigner::placeState(unsigned index,
                                          fabric::StateAttr state) {
  auto param = parameters.find(state.getParam().getValue());
  if (param == parameters.end())
    return emitError(getArgLoc(index))
           << "state " << state.getName() << " is of parameter "
           << state.getParam() << ", which the function does not have";
  if (getType(index).getShape() != getType(param->second).getShape())
    return emitError(getArgLoc(index))
           << "state " << state.getName() << " of parameter "
           << state.getParam() << " must have its shape, found "
           << getType(index) << " and " << getType(param->second);
  placements[index] = placements[param->second];
  if (!getAskedArgument(function, index))
    return success();
  FailureOr<Placement> asked = getAsked(index);
  if (succeeded(asked) && *asked != placements[index].storage)
    return emitError(getArgLoc(index))
           << "state " << state.getName() << " is stored as its parameter "
           << state.getParam() << ", and cannot ask for another sharding";
  return asked;
}

LogicalResult StorageAssigner::placeInput(unsigned index,
                                          fabric::InputAttr input) {
  if (getAskedArgument(function, index)) {
    FailureOr<Placement> asked = getAsked(index);
    if (failed(asked))
      return failure();
    placements[index] = {*asked, *asked};
    return success();
  }
  Placement placement = getReplicated(index);
  int64_t dim = input.getBatchDim(), dataSize = atoms.getNumParts(dataAtoms);
  if (dim >= 0) {
    if (getType(index).getDimSize(dim) % dataSize != 0)
      return emitNotDivided(getArgLoc(index), input.getName(), getType(index),
                            dim, dataSize);
    placement.dims[dim] = dataAtoms;
  }
  placements[index] = {placement, placement};
  return success();
}

LogicalResult StorageAssigner::placeArgument(unsigned index) {
  Type type = function.getArgumentTypes()[index];
  if (!isa<RankedTensorType>(type))
    return emitError(getArgLoc(index))
           << "argument " << index << " must be a tensor, found " << type;
  if (dist::getSharding(type))
    return emitError(getArgLoc(index))
           << "argument " << index << " has a sharding already: " << type;
  if (auto param = getAttr<fabric::ParamAttr>(index, FabricDialect::kParamAttr))
    return placeParameter(index, param);
  if (auto input = getAttr<fabric::InputAttr>(index, FabricDialect::kInputAttr))
    return placeInput(index, input);
  if (getAttr<fabric::ScalarAttr>(index, FabricDialect::kScalarAttr)) {
    dist::ShardingAttr asked = getAskedArgument(function, index);
    if (asked && !asked.isReplicated())
      return emitError(getArgLoc(index))
             << "a scalar is replicated, and cannot ask for " << asked;
    placements[index] = {getReplicated(index), getReplicated(index)};
    return success();
  }
  if (getAttr<fabric::StateAttr>(index, FabricDialect::kStateAttr))
    return success(); // After the parameters.
  return emitError(getArgLoc(index))
         << "argument " << index
         << " is not marked as an input, parameter, state or scalar";
}

/// Types of arguments, of results that update them, and of casts at rest.
void StorageAssigner::setTypes() {
  for (auto [index, placement] : llvm::enumerate(placements))
    function.getArgument(index).setType(
        place(getType(index), placement.storage));
  for (Operation &operation : function.getBody().front()) {
    if (auto argument = getArgumentAtRest(&operation)) {
      Value result = operation.getResult(0);
      result.setType(place(cast<RankedTensorType>(result.getType()),
                           placements[*argument].storage));
    }
    if (auto op = dyn_cast<fabric::InPlaceOpInterface>(operation))
      for (OpResult result : operation.getResults()) {
        unsigned operand = op.getUpdatedOperand(result.getResultNumber());
        if (isa<BlockArgument>(operation.getOperand(operand)))
          result.setType(operation.getOperand(operand).getType());
      }
  }
}

/// From storage to compute, for all uses that are not themselves at rest.
void StorageAssigner::insertReshard(Value stored, const Placement &compute) {
  auto isComputedWith = [](OpOperand &use) {
    return !getUpdatedArgument(use) && !getArgumentAtRest(use.getOwner());
  };
  if (llvm::none_of(stored.getUses(), isComputedWith))
    return;
  OpBuilder builder(function.getContext());
  builder.setInsertionPointAfterValue(stored);
  auto reshard = dist::ReshardOp::create(
      builder, stored.getLoc(),
      place(cast<RankedTensorType>(stored.getType()), compute), stored);
  stored.replaceUsesWithIf(reshard, [&](OpOperand &use) {
    return use.getOwner() != reshard && isComputedWith(use);
  });
}

void StorageAssigner::insertReshards(unsigned index) {
  BlockArgument argument = function.getArgument(index);
  if (!getAttr<fabric::ParamAttr>(index, FabricDialect::kParamAttr) &&
      !getAttr<fabric::StateAttr>(index, FabricDialect::kStateAttr))
    return;
  SmallVector<Operation *> users(argument.getUsers());
  insertReshard(argument, placements[index].compute);
  for (Operation *user : users)
    if (getArgumentAtRest(user))
      insertReshard(user->getResult(0), placements[index].compute);
}

LogicalResult StorageAssigner::run() {
  placements.resize(function.getNumArguments());
  for (unsigned index = 0; index < placements.size(); ++index)
    if (failed(placeArgument(index)))
      return failure();
  for (unsigned index = 0; index < placements.size(); ++index)
    if (auto state =
            getAttr<fabric::StateAttr>(index, FabricDialect::kStateAttr))
      if (failed(placeState(index, state)))
        return failure();
  setTypes();
  // Each stands at the beginning of the block: the last is the first.
  for (unsigned index = placements.size(); index-- > 0;)
    insertReshards(index);
  Operation *terminator = function.getBody().front().getTerminator();
  // The types say it now. What is stored as the user asks is gathered for use.
  dist::InterfaceAttrs attrs(function);
  auto gather = dist::FsdpAttr::get(function.getContext(),
                                    dist::FsdpMode::Gather, std::nullopt);
  for (unsigned index = 0; index < placements.size(); ++index) {
    if (!getAskedArgument(function, index))
      continue;
    attrs.setArg(index, dist::DistDialect::kShardingAttr, {});
    if (getAttr<fabric::ParamAttr>(index, FabricDialect::kParamAttr))
      attrs.setArg(index, dist::DistDialect::kFsdpAttr, gather);
  }
  attrs.apply();
  function.setType(FunctionType::get(function.getContext(),
                                     function.getBody().getArgumentTypes(),
                                     terminator->getOperandTypes()));
  return success();
}

FailureOr<unsigned> mlir::sharding::assignStorage(func::FuncOp function,
                                                  dist::MeshAttr mesh) {
  StorageAssigner assigner(function, mesh);
  if (failed(assigner.run()))
    return failure();
  return assigner.getNumReplicated();
}

namespace {
struct AssignStoragePass
    : public sharding::impl::AssignStoragePassBase<AssignStoragePass> {
  using AssignStoragePassBase::AssignStoragePassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    dist::MeshAttr mesh = requireMesh(module);
    if (!mesh)
      return signalPassFailure();
    for (auto function : module.getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      if (!function.getBody().hasOneBlock()) {
        emitError(function.getLoc())
            << "function @" << function.getName() << " has control flow";
        return signalPassFailure();
      }
      FailureOr<unsigned> replicated = assignStorage(function, mesh);
      if (failed(replicated))
        return signalPassFailure();
      numReplicated += *replicated;
    }
  }
};
} // namespace
