//===- Faults.cpp - Mistakes that checks must find ------------------------===//

#include "test/generate/Faults.h"
#include "dialects/Dist/IR/Dist.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::generate;
using dist::AllGatherOp, dist::AllReduceOp, dist::AllSliceOp;
using dist::AllToAllOp, dist::ReduceScatterOp;
using dist::AxesAttr, dist::AxisRefAttr;

//===----------------------------------------------------------------------===//
// Axes
//===----------------------------------------------------------------------===//

static AxesAttr makeAxes(AxesAttr like, ArrayRef<AxisRefAttr> refs) {
  return AxesAttr::get(like.getContext(), refs);
}

/// Another axis of the same size for one of these; null if there is none.
static AxesAttr swapAxis(AxesAttr axes, dist::MeshAttr mesh) {
  SmallVector<AxisRefAttr> refs(axes.getRefs());
  auto isUsed = [&](StringAttr name) {
    return llvm::any_of(refs,
                        [&](AxisRefAttr ref) { return ref.getName() == name; });
  };
  for (AxisRefAttr &ref : refs)
    for (auto [name, size] : llvm::zip(mesh.getNames(), mesh.getSizes()))
      if (size > 1 && size == ref.getSize(mesh) && !isUsed(name)) {
        ref = AxisRefAttr::get(axes.getContext(), name.getValue());
        return makeAxes(axes, refs);
      }
  return {};
}

/// The axes the other way round; null if that is the same.
static AxesAttr reverseAxes(AxesAttr axes, dist::MeshAttr mesh) {
  SmallVector<AxisRefAttr> refs(llvm::reverse(axes.getRefs()));
  auto isSplit = [&](AxisRefAttr ref) { return ref.getSize(mesh) > 1; };
  return llvm::count_if(refs, isSplit) > 1 ? makeAxes(axes, refs) : AxesAttr();
}

/// The axes without the last one, or with half of it; null if nothing is left.
static AxesAttr cutAxes(AxesAttr axes, dist::MeshAttr mesh) {
  SmallVector<AxisRefAttr> refs(axes.getRefs());
  AxisRefAttr last = refs.pop_back_val();
  if (!last.isSubAxis() && last.getSize(mesh) == 4)
    refs.push_back(AxisRefAttr::get(axes.getContext(), last.getName(), 1, 2));
  return refs.empty() ? AxesAttr() : makeAxes(axes, refs);
}

//===----------------------------------------------------------------------===//
// Faults of one op
//===----------------------------------------------------------------------===//

static bool isReal(Operation *op) {
  auto axes = op->getAttrOfType<AxesAttr>("axes");
  return axes && axes.getNumParts(dist::getMesh(op)) > 1;
}

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

static void replace(Operation *op, Value value) {
  op->getResult(0).replaceAllUsesExcept(value, value.getDefiningOp());
  if (op->use_empty())
    op->erase();
}

namespace {
/// Each has `applies` and `plant` on an op.
struct DropReduction {
  static bool applies(Operation *op) {
    return isa<AllReduceOp>(op) && isReal(op);
  }
  static void plant(Operation *op) { replace(op, op->getOperand(0)); }
};

struct SliceForScatter {
  static bool applies(Operation *op) {
    return isa<ReduceScatterOp>(op) && isReal(op);
  }
  static void plant(Operation *op) {
    auto scatter = cast<ReduceScatterOp>(op);
    OpBuilder b(op);
    replace(op, AllSliceOp::create(b, op->getLoc(), scatter.getType(),
                                   scatter.getOperand(), scatter.getDim(),
                                   scatter.getAxes()));
  }
};

struct OwnBlockForGather {
  static bool applies(Operation *op) {
    return isa<AllGatherOp>(op) && isReal(op);
  }
  static void plant(Operation *op) {
    auto gather = cast<AllGatherOp>(op);
    OpBuilder b(op);
    int64_t parts = gather.getAxes().getNumParts(dist::getMesh(op));
    SmallVector<Value> blocks(parts, gather.getOperand());
    replace(op, ConcatOp::create(b, op->getLoc(), gather.getType(), blocks,
                                 gather.getDim()));
  }
};

struct ReduceTwice {
  static bool applies(Operation *op) { return DropReduction::applies(op); }
  static void plant(Operation *op) {
    OpBuilder b(op->getContext());
    b.setInsertionPointAfter(op);
    Operation *again = b.clone(*op);
    again->setOperand(0, op->getResult(0));
    op->getResult(0).replaceAllUsesExcept(again->getResult(0), again);
  }
};

struct OtherReduction {
  static bool applies(Operation *op) {
    return isa<AllReduceOp, ReduceScatterOp>(op) && isReal(op);
  }
  static void plant(Operation *op) {
    auto kind = op->getAttrOfType<dist::ReductionKindAttr>("reduction");
    auto other = kind.getValue() == dist::ReductionKind::Sum
                     ? dist::ReductionKind::Max
                     : dist::ReductionKind::Sum;
    op->setAttr("reduction",
                dist::ReductionKindAttr::get(op->getContext(), other));
  }
};

/// With other axes, as a function makes them.
template <AxesAttr (*change)(AxesAttr, dist::MeshAttr)> struct OtherAxes {
  static AxesAttr getOther(Operation *op) {
    return isReal(op)
               ? change(op->getAttrOfType<AxesAttr>("axes"), dist::getMesh(op))
               : AxesAttr();
  }
  static bool applies(Operation *op) { return bool(getOther(op)); }
  static void plant(Operation *op) { op->setAttr("axes", getOther(op)); }
};

/// Of reductions the axes' order is no matter, and fewer axes change no type.
struct FewerAxes : OtherAxes<cutAxes> {
  static bool applies(Operation *op) {
    return isa<AllReduceOp>(op) && OtherAxes::applies(op);
  }
};
struct OtherOrder : OtherAxes<reverseAxes> {
  static bool applies(Operation *op) {
    return !isa<AllReduceOp>(op) && OtherAxes::applies(op);
  }
};

/// Gathered or cut along another dim, and given the right shape.
struct OtherDim {
  static std::optional<int64_t> getOther(Operation *op) {
    auto dim = op->getAttrOfType<IntegerAttr>("dim");
    if (!isa<AllGatherOp, AllSliceOp, ReduceScatterOp>(op) || !isReal(op))
      return std::nullopt;
    int64_t parts =
        op->getAttrOfType<AxesAttr>("axes").getNumParts(dist::getMesh(op));
    RankedTensorType type = typeOf(op->getOperand(0));
    for (int64_t other = 0; other < type.getRank(); ++other)
      if (other != dim.getInt() && type.getDimSize(other) > 1 &&
          (isa<AllGatherOp>(op) || type.getDimSize(other) % parts == 0))
        return other;
    return std::nullopt;
  }
  static bool applies(Operation *op) { return getOther(op).has_value(); }
  static void plant(Operation *op) {
    int64_t other = *getOther(op);
    int64_t parts =
        op->getAttrOfType<AxesAttr>("axes").getNumParts(dist::getMesh(op));
    RankedTensorType type = typeOf(op->getOperand(0));
    SmallVector<int64_t> shape(type.getShape());
    shape[other] =
        isa<AllGatherOp>(op) ? shape[other] * parts : shape[other] / parts;
    OpBuilder b(op);
    Operation *wrong = b.clone(*op);
    wrong->setAttr("dim", b.getI64IntegerAttr(other));
    wrong->getResult(0).setType(type.clone(shape));
    replace(op, ReshapeOp::create(b, op->getLoc(), op->getResult(0).getType(),
                                  wrong->getResult(0)));
  }
};

struct SwapDims {
  static bool applies(Operation *op) {
    return isa<AllToAllOp>(op) && isReal(op);
  }
  static void plant(Operation *op) {
    Attribute split = op->getAttr("split_dim");
    op->setAttr("split_dim", op->getAttr("concat_dim"));
    op->setAttr("concat_dim", split);
  }
};

/// Twice the number that a constant has everywhere.
struct WrongFactor {
  static DenseFPElementsAttr getSplat(Operation *op) {
    auto constant = dyn_cast<ConstantOp>(op);
    auto value = constant ? dyn_cast<DenseFPElementsAttr>(constant.getValue())
                          : DenseFPElementsAttr();
    return value && value.isSplat() ? value : DenseFPElementsAttr();
  }
  static bool applies(Operation *op) { return bool(getSplat(op)); }
  static void plant(Operation *op) {
    DenseFPElementsAttr value = getSplat(op);
    double number = value.getSplatValue<APFloat>().convertToDouble();
    cast<ConstantOp>(op).setValueAttr(
        DenseElementsAttr::get(value.getType(), 2.0 * number + 1.0));
  }
};

/// Padding is reduced, or stored, as it is.
struct DropMask {
  static bool applies(Operation *op) { return isa<MaskOp>(op); }
  static void plant(Operation *op) {
    replace(op, cast<MaskOp>(op).getOperand());
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// Faults of modules
//===----------------------------------------------------------------------===//

template <typename FaultT>
static SmallVector<Operation *> getPlaces(ModuleOp module) {
  SmallVector<Operation *> places;
  module.walk([&](Operation *op) {
    if (op->getNumResults() == 1 && FaultT::applies(op))
      places.push_back(op);
  });
  return places;
}

template <typename FaultT>
static constexpr FaultKind ofOps(StringLiteral name, StringLiteral phase) {
  return {name, phase,
          [](ModuleOp module) -> unsigned {
            return getPlaces<FaultT>(module).size();
          },
          [](ModuleOp module, unsigned place) {
            FaultT::plant(getPlaces<FaultT>(module)[place]);
          }};
}

/// A sharding with another axis, or with axes in another order, in one of its
/// dims; null if there is none that uses no axis twice.
static dist::ShardingAttr changeSharding(dist::ShardingAttr sharding) {
  dist::MeshAttr mesh = sharding.getMesh();
  SmallVector<AxesAttr> dims(sharding.getDims());
  for (AxesAttr &axes : dims) {
    AxesAttr other = reverseAxes(axes, mesh);
    if (!other)
      other = swapAxis(axes, mesh);
    if (!other)
      continue;
    AxesAttr before = std::exchange(axes, other);
    // Nobody hears why not.
    MLIRContext *context = sharding.getContext();
    ScopedDiagnosticHandler silence(context,
                                    [](Diagnostic &) { return success(); });
    auto refuse = [&] { return emitError(UnknownLoc::get(context)); };
    if (auto changed = dist::ShardingAttr::getChecked(
            refuse, context, mesh, ArrayRef<AxesAttr>(dims),
            sharding.getPartial(), sharding.getReduction()))
      return changed;
    axes = before;
  }
  return {};
}

/// Arguments whose sharding can be changed: which part of the data a rank has.
static SmallVector<std::pair<unsigned, dist::ShardingAttr>>
getArgumentPlaces(ModuleOp module) {
  SmallVector<std::pair<unsigned, dist::ShardingAttr>> places;
  auto model = *module.getOps<func::FuncOp>().begin();
  for (unsigned i = 0; i < model.getNumArguments(); ++i)
    if (auto sharding = model.getArgAttrOfType<dist::ShardingAttr>(
            i, dist::DistDialect::kShardingAttr))
      if (dist::ShardingAttr changed = changeSharding(sharding))
        places.push_back({i, changed});
  return places;
}

static unsigned countArgumentPlaces(ModuleOp module) {
  return getArgumentPlaces(module).size();
}

static void plantInArgument(ModuleOp module, unsigned place) {
  auto [index, sharding] = getArgumentPlaces(module)[place];
  auto model = *module.getOps<func::FuncOp>().begin();
  model.setArgAttr(index, dist::DistDialect::kShardingAttr, sharding);
}

namespace {
/// The type of a value says another sharding than the op that makes it.
struct WrongType {
  static bool applies(Operation *op) {
    dist::ShardingAttr sharding = dist::getSharding(op->getResult(0));
    return sharding && changeSharding(sharding);
  }
  static void plant(Operation *op) {
    Value result = op->getResult(0);
    result.setType(dist::withSharding(
        typeOf(result), changeSharding(dist::getSharding(result))));
  }
};

/// The type of a value says that it is whole where it is a term.
struct WholeForTerm {
  static bool applies(Operation *op) {
    dist::ShardingAttr sharding = dist::getSharding(op->getResult(0));
    return sharding && sharding.isPartial();
  }
  static void plant(Operation *op) {
    Value result = op->getResult(0);
    dist::ShardingAttr sharding = dist::getSharding(result);
    result.setType(dist::withSharding(
        typeOf(result),
        dist::ShardingAttr::get(sharding.getMesh(), sharding.getDims())));
  }
};
} // namespace

ArrayRef<FaultKind> mlir::fabric::generate::getFaultKinds() {
  static constexpr FaultKind kinds[] = {
      ofOps<DropReduction>("a dropped reduction", "partition"),
      ofOps<SliceForScatter>("a slice for a reduce-scatter", "partition"),
      ofOps<OwnBlockForGather>("the own block for a gather", "partition"),
      ofOps<ReduceTwice>("reduced twice", "partition"),
      ofOps<OtherReduction>("max for sum", "partition"),
      ofOps<FewerAxes>("reduced over fewer axes", "partition"),
      ofOps<OtherAxes<swapAxis>>("a swapped axis", "partition"),
      ofOps<OtherOrder>("axes in another order", "partition"),
      ofOps<OtherDim>("a swapped dim", "partition"),
      ofOps<SwapDims>("swapped dims of an all-to-all", "partition"),
      ofOps<WrongFactor>("a wrong factor", "partition"),
      ofOps<DropMask>("a dropped mask", "partition"),
      {"a swapped axis of an argument", "partition", countArgumentPlaces,
       plantInArgument},
      ofOps<WrongType>("a swapped axis in a type", "shard"),
      ofOps<WholeForTerm>("a term that is said to be whole", "shard")};
  return kinds;
}
