//===- KernelsToLinalg.cpp - One linalg.generic of a kernel ---------------===//
//
// A value of the kernel at a map is a scalar in the body of the generic: an
// element of an argument, a constant, or what an op's body makes of its
// operands at their maps. Where the map has no loops, the scalar is computed
// before the generic; so is all of an op's body that uses only such scalars
// (AdamW's bias corrections).
//
//===----------------------------------------------------------------------===//

#include "passes/Lowering/Kernels/KernelsToLinalg.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"
#include "passes/Lowering/Kernels/BoxCopies.h"
#include "passes/Lowering/Kernels/CollapseLoops.h"
#include "passes/Lowering/Kernels/KernelDomain.h"
#include "passes/Lowering/Kernels/Passes.h"
#include "passes/Lowering/Kernels/VectorNest.h"

namespace mlir::lowering {
#define GEN_PASS_DEF_KERNELSTOLINALGPASS
#include "passes/Lowering/Kernels/Passes.h.inc"
} // namespace mlir::lowering

using namespace mlir;
using namespace mlir::lowering;
using fabric::StructuredOpInterface;

namespace {

/// An element as loaded, in the type that is computed in.
Value load(OpBuilder &b, Location loc, Value stored, Type element) {
  Type compute = fabric::getComputeType(element);
  if (element.isInteger(1)) {
    Value zero = arith::ConstantOp::create(
        b, loc, b.getIntegerAttr(stored.getType(), 0));
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, stored,
                                 zero);
  }
  if (element.isBF16())
    stored = arith::BitcastOp::create(b, loc, element, stored);
  if (compute != element)
    return arith::ExtFOp::create(b, loc, compute, stored);
  return stored;
}

/// `computed` in a narrower type.
Value roundTo(OpBuilder &b, Location loc, Value computed, Type element) {
  auto extension = computed.getDefiningOp<arith::ExtFOp>();
  if (extension && extension.getIn().getType() == element)
    return extension.getIn(); // It holds such a value already.
  return arith::TruncFOp::create(b, loc, element, computed);
}

/// The reverse of `load`, which rounds.
Value toStorage(OpBuilder &b, Location loc, Value computed, Type element) {
  if (element.isInteger(1))
    return arith::ExtUIOp::create(b, loc, getStorageType(element), computed);
  if (computed.getType() != element)
    computed = roundTo(b, loc, computed, element);
  if (element.isBF16())
    return arith::BitcastOp::create(b, loc, getStorageType(element), computed);
  return computed;
}

class KernelBuilder {
public:
  KernelBuilder(func::FuncOp kernel, KernelDomain domain, int64_t streamBytes)
      : kernel(kernel), domain(std::move(domain)),
        loops(this->domain.sizes, getAllMaps(this->domain)),
        numArguments(kernel.getNumArguments()), streamBytes(streamBytes),
        builder(kernel.getContext()) {}

  void run() {
    auto terminator =
        cast<func::ReturnOp>(kernel.getBody().front().getTerminator());
    results = llvm::to_vector(terminator.getOperands());
    Block *oldBlock = &kernel.getBody().front();
    replaceSignature(oldBlock);
    for (SmallVector<unsigned> &group : groupResults())
      buildGeneric(group);
    func::ReturnOp::create(builder, terminator.getLoc());
    oldBlock->dropAllReferences();
    oldBlock->dropAllDefinedValueUses();
    oldBlock->erase();
  }

private:
  static SmallVector<AffineMap> getAllMaps(const KernelDomain &domain) {
    SmallVector<AffineMap> maps;
    for (const ValueAtMap &read : domain.reads)
      maps.push_back(read.second);
    for (const KernelDomain::Result &result : domain.results)
      maps.push_back(result.map);
    return maps;
  }

  /// A new entry block on memrefs in front of the old one, which is then no
  /// longer reached but still says what to compute.
  void replaceSignature(Block *oldBlock) {
    SmallVector<Type> types;
    SmallVector<Location> locs;
    auto add = [&](Type type, Location loc) {
      auto tensor = cast<RankedTensorType>(type);
      types.push_back(MemRefType::get(tensor.getShape(),
                                      getStorageType(tensor.getElementType())));
      locs.push_back(loc);
    };
    for (BlockArgument argument : oldBlock->getArguments())
      add(argument.getType(), argument.getLoc());
    for (Value result : results)
      add(result.getType(), result.getLoc());
    kernel.setFunctionType(builder.getFunctionType(types, {}));
    kernel.removeArgAttrsAttr();
    kernel.removeResAttrsAttr();
    entry = builder.createBlock(&kernel.getBody(), kernel.getBody().begin(),
                                types, locs);
  }

  bool isReduced(unsigned result) const {
    AffineMap map = loops.getView(domain.results[result].map).map;
    return map.getNumResults() != map.getNumDims();
  }

  bool isStreamed(unsigned result) const {
    auto type = cast<RankedTensorType>(results[result].getType());
    return !isReduced(result) && fabric::getNumBytes(type) >= streamBytes &&
           !results[result].getDefiningOp<fabric::InPlaceOpInterface>();
  }

  /// How the terms of a reduced result are combined.
  arith::AtomicRMWKind getCombination(unsigned result) const {
    auto op = results[result].getDefiningOp<StructuredOpInterface>();
    switch (op ? op.getReductionKind() : dist::ReductionKind::Sum) {
    case dist::ReductionKind::Sum:
      break;
    case dist::ReductionKind::Max:
      return arith::AtomicRMWKind::maximumf;
    case dist::ReductionKind::Min:
      return arith::AtomicRMWKind::minimumf;
    }
    return arith::AtomicRMWKind::addf;
  }

  /// Reductions over differing sets of loops need differing orders of loops,
  /// unless one is over all of them. Each such set has a generic of its own;
  /// the last holds everything else, for it may overwrite what the others read.
  SmallVector<SmallVector<unsigned>> groupResults() {
    SmallVector<std::pair<llvm::SmallBitVector, SmallVector<unsigned>>> bySet;
    SmallVector<unsigned> rest;
    for (unsigned result = 0; result < results.size(); ++result) {
      AffineMap map = loops.getView(domain.results[result].map).map;
      if (!isReduced(result) || map.getNumResults() == 0) {
        rest.push_back(result);
        continue;
      }
      llvm::SmallBitVector kept(map.getNumDims());
      for (unsigned dim = 0; dim < map.getNumResults(); ++dim)
        kept.set(map.getDimPosition(dim));
      auto *it = llvm::find_if(
          bySet, [&](auto &entry) { return entry.first == kept; });
      if (it == bySet.end())
        it = &bySet.emplace_back(kept, SmallVector<unsigned>());
      it->second.push_back(result);
    }
    SmallVector<SmallVector<unsigned>> groups;
    for (auto &[set, members] : bySet)
      groups.push_back(std::move(members));
    if (groups.empty())
      groups.emplace_back();
    groups.back().append(rest);
    return groups;
  }

  /// The buffer of an argument or result, collapsed to the new loops.
  Value getView(unsigned number, const CollapsedLoops::View &view,
                Location loc) {
    Value buffer = entry->getArgument(number);
    if (static_cast<int64_t>(view.groups.size()) ==
        cast<MemRefType>(buffer.getType()).getRank())
      return buffer;
    return memref::CollapseShapeOp::create(builder, loc, buffer, view.groups);
  }

  void buildGeneric(ArrayRef<unsigned> group) {
    Location loc = kernel.getLoc();
    builder.setInsertionPointToEnd(entry);
    scalars.clear();
    body = new Block;
    SmallVector<Value> inputs, outputs;
    SmallVector<AffineMap> maps;

    for (const ValueAtMap &read : domain.reads) {
      CollapsedLoops::View view = loops.getView(read.second);
      auto argument = cast<BlockArgument>(read.first);
      Type element = getElementTypeOrSelf(argument.getType());
      Value buffer = getView(argument.getArgNumber(), view, argument.getLoc());
      if (view.map.getNumResults() == 0) {
        Value stored = memref::LoadOp::create(builder, argument.getLoc(),
                                              buffer, ValueRange());
        scalars[read] = load(builder, argument.getLoc(), stored, element);
        continue;
      }
      inputs.push_back(buffer);
      maps.push_back(view.map);
      body->addArgument(getStorageType(element), argument.getLoc());
      pendingLoads.push_back({read, body->getArguments().back()});
    }
    addShapeOperand(group, inputs, maps);
    unsigned numInputs = inputs.size();
    for (unsigned result : group) {
      CollapsedLoops::View view = loops.getView(domain.results[result].map);
      Value buffer =
          getView(numArguments + result, view, results[result].getLoc());
      outputs.push_back(buffer);
      maps.push_back(view.map);
      Type stored = cast<MemRefType>(buffer.getType()).getElementType();
      body->addArgument(stored, results[result].getLoc());
      if (isReduced(result)) {
        Type element = getElementTypeOrSelf(results[result].getType());
        Value neutral = arith::ConstantOp::create(
            builder, loc,
            getStoredNumber(arith::getIdentityValueAttr(
                getCombination(result), element, builder, loc)));
        linalg::FillOp::create(builder, results[result].getLoc(), neutral,
                               buffer);
      }
    }

    SmallVector<utils::IteratorType> iterators(loops.getSizes().size(),
                                               utils::IteratorType::parallel);
    for (AffineMap map : ArrayRef(maps).drop_front(numInputs))
      for (unsigned loop = 0; loop < iterators.size(); ++loop)
        if (!map.isFunctionOfDim(loop))
          iterators[loop] = utils::IteratorType::reduction;
    auto generic = linalg::GenericOp::create(builder, loc, inputs, outputs,
                                             maps, iterators);
    generic.getRegion().push_back(body);
    SmallVector<int64_t> streamed;
    for (auto [position, result] : llvm::enumerate(group))
      if (isStreamed(result))
        streamed.push_back(position);
    if (!streamed.empty())
      generic->setAttr(VectorNest::streamedAttr,
                       builder.getDenseI64ArrayAttr(streamed));
    outside = generic;
    buildBody(group, numInputs);
    hoistInvariants(generic);
    dropUnusedInputs(generic);
    builder.setInsertionPointToEnd(entry);
  }

  /// A reduction of something that is constant along a loop: linalg reads the
  /// loop's size off an operand, so there is one, which is never touched.
  void addShapeOperand(ArrayRef<unsigned> group, SmallVector<Value> &inputs,
                       SmallVector<AffineMap> &maps) {
    SmallVector<AffineMap> all = maps;
    for (unsigned result : group)
      all.push_back(loops.getView(domain.results[result].map).map);
    SmallVector<AffineExpr> missing;
    SmallVector<int64_t> shape;
    for (auto [loop, size] : llvm::enumerate(loops.getSizes())) {
      if (llvm::any_of(
              all, [&](AffineMap map) { return map.isFunctionOfDim(loop); }))
        continue;
      missing.push_back(builder.getAffineDimExpr(loop));
      shape.push_back(size);
    }
    if (missing.empty())
      return;
    auto type = MemRefType::get(shape, builder.getI8Type());
    inputs.push_back(memref::AllocaOp::create(builder, kernel.getLoc(), type));
    maps.push_back(AffineMap::get(loops.getSizes().size(), 0, missing,
                                  builder.getContext()));
    body->addArgument(type.getElementType(), kernel.getLoc());
  }

  void buildBody(ArrayRef<unsigned> group, unsigned numInputs) {
    builder.setInsertionPointToEnd(body);
    for (auto &[read, stored] : pendingLoads)
      scalars[read] = load(builder, stored.getLoc(), stored,
                           getElementTypeOrSelf(read.first.getType()));
    pendingLoads.clear();
    SmallVector<Value> yields;
    for (auto [position, result] : llvm::enumerate(group)) {
      Value value = results[result];
      const KernelDomain::Result &place = domain.results[result];
      Location loc = value.getLoc();
      Type element = getElementTypeOrSelf(value.getType());
      auto op = value.getDefiningOp<StructuredOpInterface>();
      Value computed;
      if (op && isReduction(op))
        // A term of the result, which is not rounded.
        computed =
            applyOp(op, place.opLoops)[cast<OpResult>(value).getResultNumber()];
      else
        computed = getScalar({value, place.map});
      builder.setInsertionPointToEnd(body);
      if (isReduced(result)) {
        Value soFar = load(builder, loc,
                           body->getArgument(numInputs + position), element);
        computed = arith::getReductionOp(getCombination(result), builder, loc,
                                         soFar, computed);
      }
      yields.push_back(toStorage(builder, loc, computed, element));
    }
    linalg::YieldOp::create(builder, kernel.getLoc(), yields);
  }

  /// The values of an op's results, not yet rounded to their types.
  SmallVector<Value> applyOp(StructuredOpInterface op,
                             ArrayRef<unsigned> opLoops) {
    SmallVector<Value> operands;
    for (auto [index, operand] : llvm::enumerate(op->getOperands()))
      operands.push_back(getScalar(
          {operand, composeLoopMap(op, index, opLoops, domain.sizes.size())}));
    builder.setInsertionPointToEnd(body);
    return op.buildBody(builder, op.getLoc(), operands);
  }

  Value getScalar(ValueAtMap at) {
    if (Value known = scalars.lookup(at))
      return known;
    Operation *definition = at.first.getDefiningOp();
    Type element = getElementTypeOrSelf(at.first.getType());
    Attribute constant;
    if (matchPattern(definition, m_Constant(&constant))) {
      builder.setInsertionPoint(outside);
      return scalars[at] = getConstant(
                 definition->getLoc(), element,
                 cast<SplatElementsAttr>(constant).getSplatValue<Attribute>());
    }
    auto op = cast<StructuredOpInterface>(definition);
    unsigned number = cast<OpResult>(at.first).getResultNumber();
    SmallVector<unsigned> opLoops = getOpLoops(op, number, at.second);
    SmallVector<Value> values = applyOp(op, opLoops);
    builder.setInsertionPointToEnd(body);
    for (auto [index, value] : llvm::enumerate(values)) {
      Type type = getElementTypeOrSelf(op->getResult(index).getType());
      // Rounded as if it had been written and read.
      if (value.getType() != type && isa<FloatType>(type))
        value =
            arith::ExtFOp::create(builder, op.getLoc(), value.getType(),
                                  roundTo(builder, op.getLoc(), value, type));
      AffineMap map = composeLoopMap(op, op->getNumOperands() + index, opLoops,
                                     domain.sizes.size());
      scalars.try_emplace({op->getResult(index), map}, value);
    }
    return scalars.lookup(at);
  }

  Value getConstant(Location loc, Type element, Attribute value) {
    Type compute = fabric::getComputeType(element);
    if (auto number = dyn_cast<FloatAttr>(value)) {
      APFloat wide = number.getValue();
      bool exact;
      wide.convert(cast<FloatType>(compute).getFloatSemantics(),
                   APFloat::rmNearestTiesToEven, &exact);
      return arith::ConstantOp::create(builder, loc,
                                       builder.getFloatAttr(compute, wide));
    }
    return arith::ConstantOp::create(builder, loc, cast<TypedAttr>(value));
  }

  /// Moves what uses nothing of the loops before them.
  void hoistInvariants(linalg::GenericOp generic) {
    for (Operation &op :
         llvm::make_early_inc_range(generic.getBody()->without_terminator()))
      if (llvm::all_of(op.getOperands(), [&](Value operand) {
            return operand.getParentBlock() != generic.getBody();
          }))
        op.moveBefore(generic);
  }

  /// A generic of sums alone need not read all arguments.
  void dropUnusedInputs(linalg::GenericOp generic) {
    SmallVector<AffineMap> maps = generic.getIndexingMapsArray();
    for (int64_t input = generic.getNumDpsInputs() - 1; input >= 0; --input) {
      BlockArgument argument = generic.getBody()->getArgument(input);
      Operation *extension =
          argument.hasOneUse() ? *argument.getUsers().begin() : nullptr;
      if (extension && extension->use_empty() &&
          extension->getNumResults() == 1)
        extension->erase();
      if (!argument.use_empty())
        continue;
      SmallVector<AffineMap> fewer = maps;
      fewer.erase(fewer.begin() + input);
      // Maps must still name every loop.
      if (!inversePermutation(concatAffineMaps(fewer, generic.getContext())))
        continue;
      maps = std::move(fewer);
      generic.getBody()->eraseArgument(input);
      generic.getInputsMutable().erase(input);
    }
    generic.setIndexingMapsAttr(builder.getAffineMapArrayAttr(maps));
  }

  func::FuncOp kernel;
  KernelDomain domain;
  CollapsedLoops loops;
  unsigned numArguments;
  int64_t streamBytes;
  OpBuilder builder;
  SmallVector<Value> results;
  Block *entry = nullptr;
  // Of the generic that is being built.
  Block *body = nullptr;
  Operation *outside = nullptr;
  DenseMap<ValueAtMap, Value> scalars;
  SmallVector<std::pair<ValueAtMap, Value>> pendingLoads;
};

class KernelsToLinalgPass
    : public lowering::impl::KernelsToLinalgPassBase<KernelsToLinalgPass> {
  using KernelsToLinalgPassBase::KernelsToLinalgPassBase;

  void runOnOperation() override {
    if (failed(lowerKernelToLinalg(getOperation(), streamBytes)))
      signalPassFailure();
  }
};

} // namespace

LogicalResult mlir::lowering::lowerKernelToLinalg(func::FuncOp kernel,
                                                  int64_t streamBytes) {
  if (fabric::BoxCopyOpInterface op = getBoxCopy(kernel)) {
    buildBoxCopies(kernel, op);
    return success();
  }
  FailureOr<KernelDomain> domain = getKernelDomain(kernel);
  if (failed(domain))
    return failure();
  KernelBuilder(kernel, std::move(*domain), streamBytes).run();
  return success();
}
