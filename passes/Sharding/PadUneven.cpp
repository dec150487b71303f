//===- PadUneven.cpp - Pads dims that the mesh does not divide ------------===//
//
// Asks first who wants to split what: styles of parameters, batch dims of
// inputs, shardings of arguments, constraints. If all of it divides, nothing happens. Else the dims of
// the function are grouped into classes that must have one size
// (analysis::FactorClasses), and every class gets the smallest size that serves
// all who ask; a dim that is made of several classes is padded in the major
// one. Then types change, everywhere at once, and masks are put where padding
// would be counted (MaskPadding.h).
//
// Constants are made anew for each use before: a splat that two unrelated uses
// share would make one class of their dims.
//
//===----------------------------------------------------------------------===//

#include "dialects/Dist/IR/InterfaceAttrs.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "passes/Sharding/MaskPadding.h"
#include "passes/Sharding/Passes.h"
#include "passes/Sharding/Roles.h"

using namespace mlir;
using namespace mlir::sharding;
using mlir::analysis::FactorClass;
using mlir::analysis::FactorClasses;
using mlir::dist::DistDialect;
using mlir::fabric::FabricDialect;

namespace mlir::sharding {
#define GEN_PASS_DEF_PADUNEVENPASS
#include "passes/Sharding/Passes.h.inc"
} // namespace mlir::sharding

namespace {
/// Somebody wants to cut a dim of a value into equal parts.
struct Request {
  Value value;
  unsigned dim;
  int64_t numParts;
  /// The error that this cannot be.
  std::function<InFlightDiagnostic()> emitNotDivided;

  int64_t getSize() const {
    return cast<RankedTensorType>(value.getType()).getDimSize(dim);
  }
};

class UnevenPadder {
public:
  UnevenPadder(func::FuncOp function, dist::MeshAttr mesh)
      : function(function), block(function.getBody().front()), mesh(mesh) {}

  LogicalResult run();
  unsigned getNumPadded() const { return numPadded; }
  unsigned getNumMasks() const { return numMasks; }

private:
  void collectRequests();
  void addRequest(unsigned argument, unsigned dim, StringRef axis,
                  std::function<InFlightDiagnostic()> emitNotDivided);
  void addRequests(
      Value value, dist::ShardingAttr sharding,
      const std::function<InFlightDiagnostic(unsigned)> &emitNotDivided);
  LogicalResult chooseSizes(PaddedSizes &sizes);
  LogicalResult verifyInterface(const PaddedSizes &sizes);
  LogicalResult verifyPrefix(Value value, const PaddedSizes &sizes,
                             const Twine &what);
  LogicalResult rewrite(const PaddedSizes &sizes);
  LogicalResult padConstant(Operation *op, const PaddedSizes &sizes,
                            RankedTensorType type);
  void splitConstants();
  void mergeConstants();
  RankedTensorType getPaddedType(Value value, const PaddedSizes &sizes) const;

  func::FuncOp function;
  Block &block;
  dist::MeshAttr mesh;
  SmallVector<Request> requests;
  /// Why a class is padded: the first request that asked for it.
  DenseMap<FactorClass, const Request *> reasons;
  /// Copies of constants, and what they are copies of.
  SmallVector<std::pair<Operation *, Operation *>> copies;
  unsigned numPadded = 0, numMasks = 0;
};
} // namespace

//===----------------------------------------------------------------------===//
// Decide
//===----------------------------------------------------------------------===//

void UnevenPadder::addRequest(
    unsigned argument, unsigned dim, StringRef axis,
    std::function<InFlightDiagnostic()> emitNotDivided) {
  int64_t size = mesh.getAxisSize(axis);
  if (size > 1)
    requests.push_back(
        {function.getArgument(argument), dim, size, std::move(emitNotDivided)});
}

void UnevenPadder::collectRequests() {
  for (BlockArgument argument : block.getArguments()) {
    unsigned index = argument.getArgNumber();
    auto type = cast<RankedTensorType>(argument.getType());
    Location loc = argument.getLoc();
    if (dist::ShardingAttr asked = getAskedArgument(function, index)) {
      addRequests(argument, asked, [=, function = function](unsigned dim) {
        return emitNotDivided(
            loc, "sharding of " + nameArgument(function, index), type, dim,
            asked);
      });
      continue;
    }
    auto param = function.getArgAttrOfType<fabric::ParamAttr>(
        index, FabricDialect::kParamAttr);
    auto style = function.getArgAttrOfType<dist::TpStyleAttr>(
        index, DistDialect::kTpAttr);
    if (param && style) {
      std::optional<unsigned> dim = getTpDim(style.getValue(), type.getRank());
      int64_t size = mesh.getAxisSize(kTensorAxis);
      if (dim)
        addRequest(index, *dim, kTensorAxis, [=] {
          return emitNotDivided(loc, param.getName(), type, style.getValue(),
                                *dim, size);
        });
    }
    auto fsdp = function.getArgAttrOfType<dist::FsdpAttr>(
        index, DistDialect::kFsdpAttr);
    if (int64_t size = mesh.getAxisSize(kDataAxis);
        param && fsdp && fsdp.getDim() && size > 1) {
      auto dim = static_cast<unsigned>(*fsdp.getDim());
      bool isStyled =
          style && getTpDim(style.getValue(), type.getRank()) == dim;
      int64_t parts =
          isStyled ? size * std::max<int64_t>(mesh.getAxisSize(kTensorAxis), 1)
                   : size;
      requests.push_back({argument, dim, parts, [=] {
                            return emitNotDivided(loc, param.getName(), type,
                                                  fsdp, size);
                          }});
    }
    auto input = function.getArgAttrOfType<fabric::InputAttr>(
        index, FabricDialect::kInputAttr);
    if (input && input.getBatchDim() >= 0) {
      auto dim = static_cast<unsigned>(input.getBatchDim());
      int64_t size = mesh.getAxisSize(kDataAxis);
      addRequest(index, dim, kDataAxis, [=] {
        return emitNotDivided(loc, input.getName(), type, dim, size);
      });
    }
  }
  for (auto constraint : block.getOps<dist::ConstraintOp>())
    addRequests(constraint.getResult(), constraint.getSharding(),
                [=](unsigned dim) mutable {
                  return emitNotDivided(
                      constraint.getLoc(), constraint.describe(),
                      cast<RankedTensorType>(constraint.getType()), dim,
                      constraint.getSharding());
                });
}

/// All dims that the sharding splits.
void UnevenPadder::addRequests(
    Value value, dist::ShardingAttr sharding,
    const std::function<InFlightDiagnostic(unsigned)> &emitNotDivided) {
  for (unsigned dim = 0; dim < sharding.getDims().size(); ++dim)
    if (int64_t numParts = sharding.getNumParts(dim); numParts > 1)
      requests.push_back(
          {value, dim, numParts, [=] { return emitNotDivided(dim); }});
}

/// "%error, and cannot be padded", at the op that is why.
static LogicalResult refuse(const Request &request, Operation *because) {
  InFlightDiagnostic error = request.emitNotDivided();
  error << "; it cannot be padded";
  error.attachNote(because->getLoc())
      << "because '" << because->getName() << "' needs its size";
  return error;
}

/// Grows classes until everything that is asked for is divided.
LogicalResult UnevenPadder::chooseSizes(PaddedSizes &sizes) {
  const FactorClasses &classes = sizes.classes;
  SmallVector<int64_t> multiples(classes.getNumClasses(), 1);
  for (unsigned part = 0; part < classes.getNumClasses(); ++part)
    sizes.padded.push_back(classes.getSize(part));
  for (bool changed = true; changed;) {
    changed = false;
    for (const Request &request : requests) {
      if (sizes.getDimSize(request.value, request.dim) % request.numParts == 0)
        continue;
      FactorClass major = classes.getParts(request.value, request.dim).front();
      if (Operation *because = classes.getFixedBy(major))
        return refuse(request, because);
      reasons.try_emplace(major, &request);
      multiples[major] = std::lcm(multiples[major], request.numParts);
      sizes.padded[major] =
          llvm::alignTo(classes.getSize(major), multiples[major]);
      changed = true;
    }
  }
  return success();
}

/// Whatever crosses the function's border is padded only at the end of a dim,
/// so that files and callers can be served with a leading part.
LogicalResult UnevenPadder::verifyPrefix(Value value, const PaddedSizes &sizes,
                                         const Twine &what) {
  auto type = cast<RankedTensorType>(value.getType());
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    SmallVector<FactorClass, 2> parts = sizes.classes.getParts(value, dim);
    for (FactorClass part : ArrayRef(parts).drop_front())
      if (sizes.isPadded(part)) {
        InFlightDiagnostic error = reasons.lookup(part)->emitNotDivided();
        error << "; it cannot be padded";
        error.attachNote(value.getLoc())
            << "because it is a minor part of dim " << dim << " of " << what;
        return error;
      }
  }
  return success();
}

LogicalResult UnevenPadder::verifyInterface(const PaddedSizes &sizes) {
  for (BlockArgument argument : block.getArguments())
    if (failed(verifyPrefix(argument, sizes,
                            "argument " + Twine(argument.getArgNumber()))))
      return failure();
  for (auto [index, value] :
       llvm::enumerate(block.getTerminator()->getOperands()))
    if (failed(verifyPrefix(value, sizes, "result " + Twine(index))))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Rewrite
//===----------------------------------------------------------------------===//

/// A copy of every splat for every use but the first.
void UnevenPadder::splitConstants() {
  SmallVector<Operation *> constants;
  for (Operation &op : block)
    if (DenseElementsAttr value;
        matchPattern(&op, m_Constant(&value)) && value.isSplat())
      constants.push_back(&op);
  for (Operation *constant : constants) {
    SmallVector<OpOperand *> uses = llvm::map_to_vector(
        constant->getResult(0).getUses(), [](OpOperand &use) { return &use; });
    if (uses.empty())
      continue;
    // The order of a list of uses is an accident of how the IR was made.
    llvm::sort(uses, [](OpOperand *a, OpOperand *b) {
      if (a->getOwner() == b->getOwner())
        return a->getOperandNumber() < b->getOperandNumber();
      return a->getOwner()->isBeforeInBlock(b->getOwner());
    });
    for (OpOperand *use : ArrayRef(uses).drop_front()) {
      OpBuilder builder(constant->getContext());
      builder.setInsertionPointAfter(constant);
      Operation *copy = builder.clone(*constant);
      use->set(copy->getResult(0));
      copies.push_back({copy, constant});
    }
  }
}

/// Drops copies that did not need to be.
void UnevenPadder::mergeConstants() {
  // Padding makes constants anew: by then `copies` has the new ones.
  for (auto [copy, constant] : copies)
    if (copy->getResult(0).getType() == constant->getResult(0).getType()) {
      copy->getResult(0).replaceAllUsesWith(constant->getResult(0));
      copy->erase();
    }
  copies.clear();
}

RankedTensorType UnevenPadder::getPaddedType(Value value,
                                             const PaddedSizes &sizes) const {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    shape.push_back(sizes.getDimSize(value, dim));
  return RankedTensorType::get(shape, type.getElementType(),
                               type.getEncoding());
}

/// The index in a dim of `value` before padding that an index after it stands
/// for; none for padding.
static std::optional<int64_t> getTrueIndex(const PaddedSizes &sizes,
                                           Value value, unsigned dim,
                                           int64_t index) {
  int64_t trueIndex = 0, trueStride = 1;
  SmallVector<FactorClass, 2> parts = sizes.classes.getParts(value, dim);
  for (FactorClass part : llvm::reverse(parts)) {
    int64_t digit = index % sizes.padded[part];
    index /= sizes.padded[part];
    if (digit >= sizes.classes.getSize(part))
      return std::nullopt;
    trueIndex += digit * trueStride;
    trueStride *= sizes.classes.getSize(part);
  }
  return trueIndex;
}

/// A larger splat; other numbers get zeros where there is padding.
static DenseElementsAttr getPaddedElements(DenseElementsAttr elements,
                                           Value value, RankedTensorType type,
                                           const PaddedSizes &sizes) {
  auto plain = RankedTensorType::get(type.getShape(), type.getElementType());
  if (elements.isSplat())
    return elements.resizeSplat(plain);
  ArrayRef<int64_t> trueShape = elements.getType().getShape();
  Attribute zero =
      Builder(value.getContext()).getZeroAttr(type.getElementType());
  // The element of each element of the padded tensor, dim by dim.
  std::vector<std::optional<int64_t>> sources = {0};
  for (unsigned dim = 0; dim < trueShape.size(); ++dim) {
    std::vector<std::optional<int64_t>> finer;
    for (std::optional<int64_t> source : sources)
      for (int64_t index = 0; index < type.getDimSize(dim); ++index) {
        auto trueIndex = getTrueIndex(sizes, value, dim, index);
        finer.push_back(
            source && trueIndex
                ? std::optional(*source * trueShape[dim] + *trueIndex)
                : std::nullopt);
      }
    sources = std::move(finer);
  }
  auto numbers = elements.getValues<Attribute>().begin();
  SmallVector<Attribute> padded;
  for (std::optional<int64_t> source : sources)
    padded.push_back(source ? numbers[*source] : zero);
  return DenseElementsAttr::get(plain, padded);
}

LogicalResult UnevenPadder::padConstant(Operation *op, const PaddedSizes &sizes,
                                        RankedTensorType type) {
  DenseElementsAttr elements;
  auto elementsAttr = op->getAttrOfType<ElementsAttr>("value");
  if (!matchPattern(op, m_Constant(&elements)) || !elementsAttr)
    return op->emitOpError() << "is a constant that cannot be padded";
  op->setAttr("value",
              getPaddedElements(elements, op->getResult(0), type, sizes));
  op->getResult(0).setType(type);
  return success();
}

LogicalResult UnevenPadder::rewrite(const PaddedSizes &sizes) {
  // Before anything changes: parts are looked up with the types they had.
  SmallVector<std::pair<Value, RankedTensorType>> newTypes;
  auto add = [&](Value value) {
    RankedTensorType type = getPaddedType(value, sizes);
    if (type != value.getType())
      newTypes.push_back({value, type});
  };
  llvm::for_each(block.getArguments(), add);
  for (Operation &op : block)
    llvm::for_each(op.getResults(), add);

  Builder builder(function.getContext());
  auto noteShape = [&](Value value, function_ref<void(Attribute)> set) {
    auto type = cast<RankedTensorType>(value.getType());
    if (type != getPaddedType(value, sizes))
      set(builder.getDenseI64ArrayAttr(type.getShape()));
  };
  StringRef name = DistDialect::kLogicalShapeAttr;
  dist::InterfaceAttrs attrs(function);
  for (BlockArgument argument : block.getArguments())
    noteShape(argument, [&](Attribute shape) {
      attrs.setArg(argument.getArgNumber(), name, shape);
    });
  for (auto [index, value] :
       llvm::enumerate(block.getTerminator()->getOperands()))
    noteShape(value, [&, index = index](Attribute shape) {
      attrs.setResult(index, name, shape);
    });
  attrs.apply();

  for (auto [value, type] : newTypes) {
    Operation *op = value.getDefiningOp();
    if (op && op->hasTrait<OpTrait::ConstantLike>()) {
      if (failed(padConstant(op, sizes, type)))
        return failure();
    } else {
      value.setType(type);
    }
  }
  function.setType(FunctionType::get(function.getContext(),
                                     block.getArgumentTypes(),
                                     block.getTerminator()->getOperandTypes()));
  numPadded = newTypes.size();
  return success();
}

LogicalResult UnevenPadder::run() {
  collectRequests();
  auto divides = [](const Request &request) {
    return request.getSize() % request.numParts == 0;
  };
  if (llvm::all_of(requests, divides))
    return success();
  splitConstants();
  FactorClasses classes(block);
  PaddedSizes sizes{classes, {}};
  if (failed(chooseSizes(sizes)) || failed(verifyInterface(sizes)))
    return failure();
  for (const Request &request : requests)
    if (!divides(request))
      emitRemark(request.value.getLoc())
          << "dim " << request.dim << " of size " << request.getSize()
          << " is padded to " << sizes.getDimSize(request.value, request.dim)
          << ", to be split in " << request.numParts;
  if (failed(rewrite(sizes)))
    return failure();
  FailureOr<unsigned> masks = maskPadding(function, sizes);
  if (failed(masks))
    return failure();
  numMasks = *masks;
  mergeConstants();
  return success();
}

namespace {
struct PadUnevenPass : public sharding::impl::PadUnevenPassBase<PadUnevenPass> {
  using PadUnevenPassBase::PadUnevenPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    dist::MeshAttr mesh = requireMesh(module);
    if (!mesh)
      return signalPassFailure();
    auto isTensor = [](Type type) { return isa<RankedTensorType>(type); };
    for (auto function : module.getOps<func::FuncOp>()) {
      // What else is wrong is for those to say who need it right.
      if (function.isExternal() || !function.getBody().hasOneBlock() ||
          !llvm::all_of(function.getArgumentTypes(), isTensor) ||
          !llvm::all_of(function.getBody().front(), [&](Operation &op) {
            return llvm::all_of(op.getResultTypes(), isTensor);
          }))
        continue;
      UnevenPadder padder(function, mesh);
      if (failed(padder.run()))
        return signalPassFailure();
      numPadded += padder.getNumPadded();
      numMasks += padder.getNumMasks();
    }
  }
};
} // namespace
