//===- DistOps.cpp - Reshards and collectives -----------------------------===//

#include "dialects/Dist/IR/Axes.h"
#include "dialects/Dist/IR/Dist.h"

using namespace mlir;
using namespace mlir::dist;

#define GET_OP_CLASSES
#include "dialects/Dist/IR/DistOps.cpp.inc"

static RankedTensorType tensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

//===----------------------------------------------------------------------===//
// ReshardOp, ConstraintOp, AxisIndexOp
//===----------------------------------------------------------------------===//

LogicalResult ReshardOp::verify() {
  RankedTensorType from = tensorType(getOperand()),
                   to = tensorType(getResult());
  if (from.getShape() != to.getShape() ||
      from.getElementType() != to.getElementType())
    return emitOpError() << "expects operand and result of one shape and "
                            "element type, found "
                         << from << " and " << to;
  ShardingAttr source = getSharding(from), target = getSharding(to);
  if (!source != !target)
    return emitOpError() << "expects operand and result to carry shardings, or "
                            "neither, found "
                         << from << " and " << to;
  if (!source)
    return success();
  if (source.getMesh() != target.getMesh())
    return emitOpError() << "expects one mesh, found " << source.getMesh()
                         << " and " << target.getMesh();
  MeshAtoms atoms(source.getMesh());
  AtomList given = atoms.getAtoms(source.getPartial());
  for (unsigned atom : atoms.getAtoms(target.getPartial()))
    if (!llvm::is_contained(given, atom) ||
        source.getReduction() != target.getReduction())
      return emitOpError() << "cannot make a value partial over "
                           << target.getPartial().str()
                           << " that the operand is not partial over";
  return success();
}

OpFoldResult ReshardOp::fold(FoldAdaptor) {
  if (getOperand().getType() == getType())
    return getOperand();
  return {};
}

LogicalResult ConstraintOp::verify() {
  RankedTensorType from = tensorType(getOperand()),
                   to = tensorType(getResult());
  if (from.getShape() != to.getShape() ||
      from.getElementType() != to.getElementType())
    return emitOpError() << "expects operand and result of one shape and "
                            "element type, found "
                         << from << " and " << to;
  if (getSharding().isPartial())
    return emitOpError() << "cannot ask for a partial sharding";
  if (getSharding().getRank() != from.getRank())
    return emitOpError() << "a sharding of " << getSharding().getRank()
                         << " dims does not fit a tensor of rank "
                         << from.getRank();
  return success();
}

std::string ConstraintOp::describe() {
  std::optional<StringRef> asker = getAskedBy();
  return asker ? "constraint of " + asker->str() : "constraint";
}

LogicalResult AxisIndexOp::verify() {
  MeshAttr mesh = getMesh(*this);
  if (!mesh)
    return emitOpError() << "needs a module with a mesh";
  for (AxisRefAttr ref : getAxes().getRefs())
    if (mesh.getAxisSize(ref.getName().getValue()) == 0)
      return emitOpError() << "axis " << ref.getName()
                           << " is not one of the mesh " << mesh;
  return success();
}

//===----------------------------------------------------------------------===//
// Collectives: one verifier, described by what each does to dims and terms
//===----------------------------------------------------------------------===//

namespace {
/// What a collective does: which dim loses the axes from the end of its list,
/// which dim gets them there, and whether they are taken from the partial axes.
struct Movement {
  std::optional<int64_t> losesAxes;
  std::optional<int64_t> getsAxes;
  std::optional<ReductionKind> reduces;
};
} // namespace

/// The sharding after the movement, in atoms so that spellings do not matter.
static LogicalResult verifyGlobalView(Operation *op, AxesAttr axes,
                                      const Movement &movement,
                                      ShardingAttr from, ShardingAttr to) {
  MeshAtoms atoms(from.getMesh());
  AtomList moved = atoms.getAtoms(axes);
  SmallVector<AtomList> dims, expectedDims;
  for (AxesAttr dim : from.getDims())
    dims.push_back(atoms.getAtoms(dim));
  AtomList partial = atoms.getAtoms(from.getPartial());

  if (movement.losesAxes) {
    AtomList &dim = dims[*movement.losesAxes];
    if (dim.size() < moved.size() ||
        !llvm::equal(ArrayRef<unsigned>(dim).take_back(moved.size()), moved))
      return op->emitOpError()
             << "expects the sharding of operand dim " << *movement.losesAxes
             << " to end in " << axes.str() << ", found "
             << from.getDims()[*movement.losesAxes].str();
    dim.truncate(dim.size() - moved.size());
  }
  if (movement.reduces) {
    for (unsigned atom : moved) {
      if (!llvm::is_contained(partial, atom) ||
          from.getReduction() != *movement.reduces)
        return op->emitOpError()
               << "expects an operand that is a partial "
               << stringifyReductionKind(*movement.reduces) << " over "
               << axes.str() << ", found " << from;
      llvm::erase(partial, atom);
    }
  }
  if (movement.getsAxes)
    llvm::append_range(dims[*movement.getsAxes], moved);

  auto fail = [&]() {
    return op->emitOpError()
           << "expects the result's sharding to be the "
              "operand's with "
           << axes.str() << " moved, found " << from << " and " << to;
  };
  for (auto [dim, axesOfDim] : llvm::enumerate(to.getDims()))
    if (dims[dim] != atoms.getAtoms(axesOfDim))
      return fail();
  AtomList toPartial = atoms.getAtoms(to.getPartial());
  llvm::sort(partial);
  llvm::sort(toPartial);
  if (partial != toPartial ||
      (!partial.empty() && from.getReduction() != to.getReduction()))
    return fail();
  return success();
}

static LogicalResult verifyLocal(Operation *op, AxesAttr axes,
                                 const Movement &movement,
                                 RankedTensorType from, RankedTensorType to) {
  MeshAttr mesh = getMesh(op);
  if (!mesh)
    return op->emitOpError() << "on local types needs a module with a mesh";
  for (AxisRefAttr ref : axes.getRefs())
    if (mesh.getAxisSize(ref.getName().getValue()) == 0)
      return op->emitOpError()
             << "axis " << ref.getName() << " is not one of the mesh " << mesh;
  int64_t parts = axes.getNumParts(mesh);
  SmallVector<int64_t> expected(from.getShape());
  if (movement.losesAxes)
    expected[*movement.losesAxes] *= parts;
  if (movement.getsAxes) {
    int64_t &size = expected[*movement.getsAxes];
    if (size % parts != 0)
      return op->emitOpError() << "dim " << *movement.getsAxes << " of size "
                               << size << " is not divisible by the " << parts
                               << " parts of axes " << axes.str();
    size /= parts;
  }
  if (ArrayRef<int64_t>(expected) != to.getShape())
    return op->emitOpError()
           << "expects a result of type "
           << RankedTensorType::get(expected, from.getElementType())
           << ", found " << to;
  return success();
}

static LogicalResult verifyCollective(Operation *op, AxesAttr axes,
                                      const Movement &movement) {
  RankedTensorType from = tensorType(op->getOperand(0));
  RankedTensorType to = tensorType(op->getResult(0));
  for (std::optional<int64_t> dim : {movement.losesAxes, movement.getsAxes})
    if (dim && (*dim < 0 || *dim >= from.getRank()))
      return op->emitOpError() << "dim " << *dim << " is not one of " << from;
  if (axes.empty())
    return op->emitOpError() << "needs at least one axis";
  if (from.getElementType() != to.getElementType() ||
      from.getRank() != to.getRank())
    return op->emitOpError() << "expects operand and result of one rank and "
                                "element type, found "
                             << from << " and " << to;
  ShardingAttr source = getSharding(from), target = getSharding(to);
  if (!source != !target)
    return op->emitOpError() << "expects operand and result to carry "
                                "shardings, or neither, found "
                             << from << " and " << to;
  if (!source)
    return verifyLocal(op, axes, movement, from, to);
  if (source.getMesh() != target.getMesh())
    return op->emitOpError() << "expects one mesh, found " << source.getMesh()
                             << " and " << target.getMesh();
  if (from.getShape() != to.getShape())
    return op->emitOpError()
           << "is an identity on the global value, but the shapes differ: "
           << from << " and " << to;
  for (AxisRefAttr ref : axes.getRefs())
    if (source.getMesh().getAxisSize(ref.getName().getValue()) == 0)
      return op->emitOpError()
             << "axis " << ref.getName() << " is not one of the mesh "
             << source.getMesh();
  return verifyGlobalView(op, axes, movement, source, target);
}

/// Bytes of a full tensor in the group, of which the operand or the result is
/// what `value` says.
static int64_t bytesOf(Value value) {
  RankedTensorType type = getLocalType(tensorType(value));
  return type.getNumElements() *
         llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

LogicalResult AllGatherOp::verify() {
  return verifyCollective(*this, getAxes(),
                          {int64_t(getDim()), std::nullopt, std::nullopt});
}
AxesAttr AllGatherOp::getCollectiveAxes() { return getAxes(); }
int64_t AllGatherOp::getBytesSent(int64_t numRanks) {
  return bytesOf(getResult()) / numRanks * (numRanks - 1);
}

LogicalResult AllSliceOp::verify() {
  return verifyCollective(*this, getAxes(),
                          {std::nullopt, int64_t(getDim()), std::nullopt});
}
AxesAttr AllSliceOp::getCollectiveAxes() { return getAxes(); }
int64_t AllSliceOp::getBytesSent(int64_t) { return 0; }

LogicalResult ReduceScatterOp::verify() {
  return verifyCollective(*this, getAxes(),
                          {std::nullopt, int64_t(getDim()), getReduction()});
}
AxesAttr ReduceScatterOp::getCollectiveAxes() { return getAxes(); }
int64_t ReduceScatterOp::getBytesSent(int64_t numRanks) {
  return bytesOf(getResult()) * (numRanks - 1);
}

LogicalResult AllReduceOp::verify() {
  return verifyCollective(*this, getAxes(),
                          {std::nullopt, std::nullopt, getReduction()});
}
AxesAttr AllReduceOp::getCollectiveAxes() { return getAxes(); }
int64_t AllReduceOp::getBytesSent(int64_t numRanks) {
  return 2 * bytesOf(getResult()) * (numRanks - 1) / numRanks;
}

LogicalResult AllToAllOp::verify() {
  if (getSplitDim() == getConcatDim())
    return emitOpError() << "expects different dims, found " << getSplitDim()
                         << " twice";
  return verifyCollective(
      *this, getAxes(),
      {int64_t(getConcatDim()), int64_t(getSplitDim()), std::nullopt});
}
AxesAttr AllToAllOp::getCollectiveAxes() { return getAxes(); }
int64_t AllToAllOp::getBytesSent(int64_t numRanks) {
  return bytesOf(getOperand()) * (numRanks - 1) / numRanks;
}
