//===- KernelsToLinalg.cpp - The linalg ops of a kernel -------------------===//
//
// One linalg.generic, as far as loops agree. Where its map has no loops, a
// scalar of the body is computed before it; so is all of an op's body that uses
// only such scalars (AdamW's bias corrections).
//
// A kernel that reads what it reduces goes through its rows by a few at a time,
// which stay in the cache, and has a generic for every stage of them. What a
// row leaves for the next stage is on the stack. Sums over rows are kept there,
// too, in f64, and are rounded when all rows are done.
//
//===----------------------------------------------------------------------===//

#include "passes/Lowering/Kernels/KernelsToLinalg.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"
#include "passes/Lowering/Kernels/BoxCopies.h"
#include "passes/Lowering/Kernels/CollapseLoops.h"
#include "passes/Lowering/Kernels/KernelBody.h"
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

class KernelBuilder {
public:
  KernelBuilder(func::FuncOp kernel, KernelDomain domain,
                const KernelLoopOptions &options)
      : kernel(kernel), domain(std::move(domain)),
        loops(this->domain.sizes, getAllMaps(this->domain)),
        numArguments(kernel.getNumArguments()), options(options),
        builder(kernel.getContext()), tileSizes(loops.getSizes()),
        tileStarts(tileSizes.size()) {}

  void run() {
    auto terminator =
        cast<func::ReturnOp>(kernel.getBody().front().getTerminator());
    results = llvm::to_vector(terminator.getOperands());
    Block *oldBlock = &kernel.getBody().front();
    replaceSignature(oldBlock);
    builder.setInsertionPointToEnd(entry);
    loadScalars();
    findRowLoops();
    makeTotals();
    emitTiles(rowLoops);
    storeTotals();
    func::ReturnOp::create(builder, terminator.getLoc());
    kernel.walk([](scf::ForOp loop) { moveLoopInvariantCode(loop); });
    oldBlock->dropAllReferences();
    oldBlock->dropAllDefinedValueUses();
    oldBlock->erase();
  }

private:
  /// What a generic is to write.
  struct Output {
    Value value; // Of the kernel.
    const KernelDomain::Result *place;
    Value buffer; // Under the collapsed loops.
    AffineMap map;
    bool isTotal = false; // Adds to what is there, in f64.
    bool isStreamed = false;
  };

  static SmallVector<AffineMap> getAllMaps(const KernelDomain &domain) {
    SmallVector<AffineMap> maps;
    for (const ValueAtMap &read : domain.reads)
      maps.push_back(read.second);
    for (const KernelDomain::Result &result : domain.results)
      maps.push_back(result.map);
    for (const KernelDomain::Inner &inner : domain.inner)
      maps.push_back(inner.map);
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

  /// What is the same in all loops.
  void loadScalars() {
    for (const ValueAtMap &read : domain.reads) {
      CollapsedLoops::View view = loops.getView(read.second);
      if (view.map.getNumResults() != 0)
        continue;
      auto argument = cast<BlockArgument>(read.first);
      Value buffer = getView(argument.getArgNumber(), view, argument.getLoc());
      Value stored = memref::LoadOp::create(builder, argument.getLoc(), buffer,
                                            ValueRange());
      scalars.emplace_back(
          read, fromStorage(builder, argument.getLoc(), stored,
                            getElementTypeOrSelf(argument.getType())));
    }
  }

  //===--------------------------------------------------------------------===//
  // Results
  //===--------------------------------------------------------------------===//

  AffineMap getMap(const KernelDomain::Result &place) const {
    return loops.getView(place.map).map;
  }

  static bool isReduced(AffineMap map) {
    return map.getNumResults() != map.getNumDims();
  }

  bool isStreamed(unsigned result) const {
    auto type = cast<RankedTensorType>(results[result].getType());
    return fabric::getNumBytes(type) >= options.streamBytes &&
           !results[result].getDefiningOp<fabric::InPlaceOpInterface>();
  }

  /// How the terms of a reduced value are combined.
  static arith::AtomicRMWKind getCombination(Value value) {
    auto op = value.getDefiningOp<StructuredOpInterface>();
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

  void fillNeutral(Value value, Value buffer, Type element) {
    TypedAttr neutral = arith::getIdentityValueAttr(
        getCombination(value), element, builder, kernel.getLoc());
    linalg::FillOp::create(
        builder, value.getLoc(),
        Value(arith::ConstantOp::create(builder, kernel.getLoc(),
                                        getStoredNumber(neutral))),
        buffer);
  }

  /// Reductions over differing sets of loops need differing orders of loops,
  /// unless one is over all of them. Each such set has a generic of its own;
  /// the last holds everything else, for it may overwrite what the others read.
  SmallVector<SmallVector<Output>> groupOutputs(SmallVector<Output> outputs) {
    SmallVector<std::pair<llvm::SmallBitVector, SmallVector<Output>>> bySet;
    SmallVector<Output> rest;
    for (Output &output : outputs) {
      if (!isReduced(output.map) || output.map.getNumResults() == 0) {
        rest.push_back(std::move(output));
        continue;
      }
      llvm::SmallBitVector kept(output.map.getNumDims());
      for (unsigned dim = 0; dim < output.map.getNumResults(); ++dim)
        kept.set(output.map.getDimPosition(dim));
      auto *it = llvm::find_if(
          bySet, [&](auto &entry) { return entry.first == kept; });
      if (it == bySet.end())
        it = &bySet.emplace_back(kept, SmallVector<Output>());
      it->second.push_back(std::move(output));
    }
    SmallVector<SmallVector<Output>> groups;
    for (auto &[set, members] : bySet)
      groups.push_back(std::move(members));
    if (groups.empty())
      groups.emplace_back();
    groups.back().append(rest);
    return groups;
  }

  //===--------------------------------------------------------------------===//
  // Buffers
  //===--------------------------------------------------------------------===//

  /// The buffer of an argument or result, collapsed to the new loops.
  Value getView(unsigned number, const CollapsedLoops::View &view,
                Location loc) {
    Value buffer = entry->getArgument(number);
    if (static_cast<int64_t>(view.groups.size()) ==
        cast<MemRefType>(buffer.getType()).getRank())
      return buffer;
    return memref::CollapseShapeOp::create(builder, loc, buffer, view.groups);
  }

  /// Of a collapsed buffer, the part that the current rows are.
  Value getTile(Value buffer, AffineMap map, Location loc) {
    SmallVector<OpFoldResult> offsets, sizes;
    bool isWhole = true;
    for (auto [dim, size] :
         llvm::enumerate(cast<MemRefType>(buffer.getType()).getShape())) {
      unsigned loop = map.getDimPosition(dim);
      isWhole &= tileSizes[loop] == size;
      offsets.push_back(tileStarts[loop] ? tileStarts[loop]
                                         : builder.getIndexAttr(0));
      sizes.push_back(builder.getIndexAttr(tileSizes[loop]));
    }
    if (isWhole)
      return buffer;
    SmallVector<OpFoldResult> strides(offsets.size(), builder.getIndexAttr(1));
    return memref::SubViewOp::create(builder, loc, buffer, offsets, sizes,
                                     strides);
  }

  Value getTileOf(unsigned number, const CollapsedLoops::View &view,
                  Location loc) {
    return getTile(getView(number, view, loc), view.map, loc);
  }

  /// On the stack, with the sizes that the map's loops have.
  Value makeBuffer(AffineMap map, ArrayRef<int64_t> sizes, Type element,
                   Location loc) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(entry);
    SmallVector<int64_t> shape;
    for (unsigned dim = 0; dim < map.getNumResults(); ++dim)
      shape.push_back(sizes[map.getDimPosition(dim)]);
    return memref::AllocaOp::create(builder, loc,
                                    MemRefType::get(shape, element),
                                    builder.getI64IntegerAttr(64));
  }

  //===--------------------------------------------------------------------===//
  // Rows
  //===--------------------------------------------------------------------===//

  void findRowLoops() {
    if (domain.inner.empty() || options.rowBytes == 0)
      return;
    AffineMap map = getMap(domain.inner.front());
    for (unsigned loop = 0; loop < tileSizes.size(); ++loop)
      if (map.isFunctionOfDim(loop))
        rowLoops.push_back(loop);
    if (!rowLoops.empty())
      numRows = chooseNumRows(rowLoops.back());
  }

  /// As many as lie in `rowBytes`. A few at least, whose latencies overlap, and
  /// a few more if totals are read and written for them; of rows that lie
  /// across, whole cache lines.
  int64_t chooseNumRows(unsigned loop) const {
    constexpr int64_t most = 64;
    bool hasTotals =
        llvm::any_of(domain.results, [&](const KernelDomain::Result &place) {
          AffineMap map = getMap(place);
          return isReduced(map) && !map.isFunctionOfDim(loop);
        });
    int64_t fewest = hasTotals ? 8 : 4;
    int64_t bytes = 1;
    bool liesAcross = false;
    auto visit = [&](Value value, AffineMap map) {
      AffineMap view = loops.getView(map).map;
      if (!view.isFunctionOfDim(loop) || domain.isRowWise(map))
        return;
      int64_t size =
          getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth() / 8;
      for (unsigned dim = 0; dim < view.getNumResults(); ++dim)
        if (!llvm::is_contained(rowLoops, view.getDimPosition(dim)))
          size *= loops.getSizes()[view.getDimPosition(dim)];
      bytes += size;
      liesAcross |= view.getDimPosition(view.getNumResults() - 1) == loop;
    };
    for (const ValueAtMap &read : domain.reads)
      visit(read.first, read.second);
    for (auto [value, result] : llvm::zip_equal(results, domain.results))
      visit(value, result.map);
    if (liesAcross)
      return most;
    return std::clamp(options.rowBytes / bytes, fewest, most);
  }

  void emitTiles(ArrayRef<unsigned> left) {
    if (left.empty())
      return buildStages();
    unsigned loop = left.front();
    int64_t size = loops.getSizes()[loop];
    int64_t step = left.size() == 1 ? numRows : 1, whole = size / step * step;
    auto emit = [&](OpFoldResult start, int64_t count) {
      tileStarts[loop] = start;
      tileSizes[loop] = count;
      emitTiles(left.drop_front());
    };
    if (size <= step)
      return emit(builder.getIndexAttr(0), size);
    Location loc = kernel.getLoc();
    auto index = [&](int64_t value) -> Value {
      return arith::ConstantIndexOp::create(builder, loc, value);
    };
    auto tiles =
        scf::ForOp::create(builder, loc, index(0), index(whole), index(step));
    {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToStart(tiles.getBody());
      emit(tiles.getInductionVar(), step);
    }
    if (whole != size)
      emit(builder.getIndexAttr(whole), size - whole);
  }

  /// Sums over rows that are not taken together.
  bool needsTotals(unsigned result) const {
    AffineMap map = getMap(domain.results[result]);
    return isReduced(map) && llvm::any_of(rowLoops, [&](unsigned loop) {
             bool isTiled =
                 loop != rowLoops.back() || loops.getSizes()[loop] > numRows;
             return isTiled && !map.isFunctionOfDim(loop);
           });
  }

  void makeTotals() {
    totals.resize(results.size());
    for (auto [result, value] : llvm::enumerate(results)) {
      if (!needsTotals(result))
        continue;
      totals[result] =
          makeBuffer(getMap(domain.results[result]), loops.getSizes(),
                     builder.getF64Type(), value.getLoc());
      fillNeutral(value, totals[result], builder.getF64Type());
    }
  }

  void storeTotals() {
    for (auto [result, value] : llvm::enumerate(results)) {
      if (!totals[result])
        continue;
      CollapsedLoops::View view = loops.getView(domain.results[result].map);
      Value buffer = getView(numArguments + result, view, value.getLoc());
      unsigned rank = view.map.getNumResults();
      SmallVector<AffineMap> maps(2, builder.getMultiDimIdentityMap(rank));
      SmallVector<utils::IteratorType> iterators(rank,
                                                 utils::IteratorType::parallel);
      Type element = getElementTypeOrSelf(value.getType());
      linalg::GenericOp::create(
          builder, value.getLoc(), totals[result], buffer, maps, iterators,
          [&](OpBuilder &b, Location loc, ValueRange arguments) {
            Value total = arguments.front();
            Type compute = fabric::getComputeType(element);
            if (!compute.isF64())
              total = arith::TruncFOp::create(b, loc, compute, total);
            linalg::YieldOp::create(b, loc, toStorage(b, loc, total, element));
          });
    }
  }

  /// The stages but the last, which has results to write, each fetch a part of
  /// the next rows, while memory would have nothing to do. What such a stage
  /// does not read itself is an input to be fetched.
  void setPrefetch(linalg::GenericOp generic, int64_t stage) {
    if (rowLoops.empty() || loops.getSizes()[rowLoops.back()] <= numRows)
      return dropUnusedInputs(generic);
    int64_t shares = std::min<int64_t>(domain.inner.back().stage + 1,
                                       VectorNest::maxAccumulators);
    generic->setAttr(VectorNest::prefetchAttr,
                     builder.getDenseI64ArrayAttr(
                         {rowLoops.back(), numRows, stage % shares, shares}));
  }

  /// All generics of the current rows.
  void buildStages() {
    SmallVector<bool> isWritten(results.size());
    innerBuffers.clear();
    for (const KernelDomain::Inner &inner : domain.inner) {
      CollapsedLoops::View view = loops.getView(inner.map);
      auto it = llvm::find(results, Value(inner.value));
      size_t result = it - results.begin();
      if (it == results.end()) {
        innerBuffers.push_back(makeBuffer(
            view.map, tileSizes,
            getStorageType(getElementTypeOrSelf(inner.value.getType())),
            inner.value.getLoc()));
        continue;
      }
      isWritten[result] = true;
      innerBuffers.push_back(
          getTileOf(numArguments + result, view, inner.value.getLoc()));
    }
    for (size_t first = 0; first < domain.inner.size();) {
      SmallVector<Output> outputs;
      size_t number = first;
      for (; number < domain.inner.size() &&
             domain.inner[number].stage == domain.inner[first].stage;
           ++number) {
        const KernelDomain::Inner &inner = domain.inner[number];
        outputs.push_back(
            {inner.value, &inner, innerBuffers[number], getMap(inner)});
      }
      linalg::GenericOp generic = buildGeneric(outputs, /*numInner=*/first);
      setPrefetch(generic, domain.inner[first].stage);
      first = number;
    }

    SmallVector<Output> ofRows, others;
    for (auto [result, value] : llvm::enumerate(results)) {
      if (isWritten[result])
        continue;
      const KernelDomain::Result &place = domain.results[result];
      CollapsedLoops::View view = loops.getView(place.map);
      auto op = value.getDefiningOp<StructuredOpInterface>();
      bool isThere = !op || !isReduction(op) || domain.findInner(value);
      bool isOfRow = isThere && domain.isRowWise(place.map);
      Output output{value, &place, {}, view.map};
      output.isTotal = static_cast<bool>(totals[result]);
      output.buffer =
          output.isTotal
              ? getTile(totals[result], view.map, value.getLoc())
              : getTileOf(numArguments + result, view, value.getLoc());
      output.isStreamed = !isReduced(view.map) && isStreamed(result);
      (isOfRow ? ofRows : others).push_back(std::move(output));
    }
    size_t numInner = domain.inner.size();
    if (!ofRows.empty())
      dropUnusedInputs(buildGeneric(ofRows, numInner, /*isOfRows=*/true));
    if (!others.empty())
      for (SmallVector<Output> &group : groupOutputs(std::move(others)))
        dropUnusedInputs(buildGeneric(group, numInner));
  }

  //===--------------------------------------------------------------------===//
  // A generic
  //===--------------------------------------------------------------------===//

  /// The first `numInner` of the reductions that are read are there. What
  /// `isOfRows` is over the loops of rows alone.
  linalg::GenericOp buildGeneric(ArrayRef<Output> outputs, size_t numInner,
                                 bool isOfRows = false) {
    Location loc = kernel.getLoc();
    llvm::SmallBitVector dropped(tileSizes.size());
    if (isOfRows)
      for (unsigned loop = 0; loop < dropped.size(); ++loop)
        dropped[loop] = !outputs.front().map.isFunctionOfDim(loop);

    auto *body = new Block;
    SmallVector<Value> inputs, buffers;
    SmallVector<AffineMap> maps;
    SmallVector<std::pair<ValueAtMap, Value>> known(scalars), stored;
    auto addInput = [&](ValueAtMap at, AffineMap map, Value buffer) {
      inputs.push_back(buffer);
      maps.push_back(map);
      stored.emplace_back(
          at,
          body->addArgument(cast<MemRefType>(buffer.getType()).getElementType(),
                            at.first.getLoc()));
    };
    for (const ValueAtMap &read : domain.reads) {
      CollapsedLoops::View view = loops.getView(read.second);
      if (view.map.getNumResults() == 0 || usesAny(view.map, dropped))
        continue;
      auto argument = cast<BlockArgument>(read.first);
      addInput(read, view.map,
               getTileOf(argument.getArgNumber(), view, argument.getLoc()));
    }
    for (auto [inner, buffer] :
         llvm::zip(domain.inner, ArrayRef(innerBuffers).take_front(numInner))) {
      ValueAtMap at{inner.value, inner.map};
      AffineMap map = getMap(inner);
      if (map.getNumResults() != 0) {
        addInput(at, map, buffer);
        continue;
      }
      Location loc = inner.value.getLoc();
      Value element =
          memref::LoadOp::create(builder, loc, buffer, ValueRange());
      known.emplace_back(at, fromStorage(builder, loc, element,
                                         getElementTypeOrSelf(at.first)));
    }
    addShapeOperand(outputs, dropped, body, inputs, maps);

    for (const Output &output : outputs) {
      buffers.push_back(output.buffer);
      maps.push_back(output.map);
      body->addArgument(
          cast<MemRefType>(output.buffer.getType()).getElementType(),
          output.value.getLoc());
      if (!isOfRows && isReduced(output.map) && !output.isTotal)
        fillNeutral(output.value, output.buffer,
                    getElementTypeOrSelf(output.value.getType()));
    }
    for (AffineMap &map : maps)
      map = compressDims(map, dropped);

    unsigned numLoops = dropped.size() - dropped.count();
    SmallVector<utils::IteratorType> iterators(numLoops,
                                               utils::IteratorType::parallel);
    for (AffineMap map : ArrayRef(maps).take_back(outputs.size()))
      for (unsigned loop = 0; loop < numLoops; ++loop)
        if (!map.isFunctionOfDim(loop))
          iterators[loop] = utils::IteratorType::reduction;
    auto generic = linalg::GenericOp::create(builder, loc, inputs, buffers,
                                             maps, iterators);
    generic.getRegion().push_back(body);
    SmallVector<int64_t> streamed;
    for (auto [position, output] : llvm::enumerate(outputs))
      if (output.isStreamed)
        streamed.push_back(position);
    if (!streamed.empty())
      generic->setAttr(VectorNest::streamedAttr,
                       builder.getDenseI64ArrayAttr(streamed));

    KernelBody scalarBody(domain, body, OpBuilder(generic));
    for (auto &[at, value] : known)
      scalarBody.set(at, value);
    for (auto &[at, value] : stored)
      scalarBody.setStored(at, value);
    buildBody(outputs, scalarBody,
              body->getArguments().take_back(outputs.size()));
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*body)))
      if (isOpTriviallyDead(&op))
        op.erase();
    hoistInvariants(generic);
    return generic;
  }

  static bool usesAny(AffineMap map, const llvm::SmallBitVector &dims) {
    return llvm::any_of(dims.set_bits(),
                        [&](unsigned dim) { return map.isFunctionOfDim(dim); });
  }

  /// A reduction of something that is constant along a loop: linalg reads the
  /// loop's size off an operand, so there is one, which is never touched.
  void addShapeOperand(ArrayRef<Output> outputs,
                       const llvm::SmallBitVector &dropped, Block *body,
                       SmallVector<Value> &inputs,
                       SmallVector<AffineMap> &maps) {
    SmallVector<AffineMap> all = maps;
    for (const Output &output : outputs)
      all.push_back(output.map);
    SmallVector<AffineExpr> missing;
    for (unsigned loop = 0; loop < tileSizes.size(); ++loop)
      if (!dropped[loop] && llvm::none_of(all, [&](AffineMap map) {
            return map.isFunctionOfDim(loop);
          }))
        missing.push_back(builder.getAffineDimExpr(loop));
    if (missing.empty())
      return;
    AffineMap map =
        AffineMap::get(tileSizes.size(), 0, missing, builder.getContext());
    Type type = builder.getI8Type();
    inputs.push_back(makeBuffer(map, tileSizes, type, kernel.getLoc()));
    maps.push_back(map);
    body->addArgument(type, kernel.getLoc());
  }

  void buildBody(ArrayRef<Output> outputs, KernelBody &scalarBody,
                 ArrayRef<BlockArgument> soFars) {
    OpBuilder &b = scalarBody.getBuilder();
    SmallVector<Value> yields;
    for (auto [output, soFar] : llvm::zip_equal(outputs, soFars)) {
      Location loc = output.value.getLoc();
      Type element = getElementTypeOrSelf(output.value.getType());
      Value computed = scalarBody.getResult(output.value, *output.place);
      if (output.isTotal) {
        if (!computed.getType().isF64())
          computed = arith::ExtFOp::create(b, loc, b.getF64Type(), computed);
        yields.push_back(arith::getReductionOp(getCombination(output.value), b,
                                               loc, soFar, computed));
        continue;
      }
      if (isReducedInBody(soFar))
        computed = arith::getReductionOp(getCombination(output.value), b, loc,
                                         fromStorage(b, loc, soFar, element),
                                         computed);
      yields.push_back(toStorage(b, loc, computed, element));
    }
    linalg::YieldOp::create(b, kernel.getLoc(), yields);
  }

  /// Whether loops of the generic are not of the output.
  static bool isReducedInBody(BlockArgument output) {
    auto generic = cast<linalg::GenericOp>(output.getOwner()->getParentOp());
    AffineMap map = generic.getIndexingMapsArray()[output.getArgNumber()];
    return isReduced(map);
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
      if (!generic.getBody()->getArgument(input).use_empty())
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
  const KernelLoopOptions &options;
  OpBuilder builder;
  SmallVector<Value> results;
  Block *entry = nullptr;
  SmallVector<std::pair<ValueAtMap, Value>> scalars; // The same in all loops.
  SmallVector<unsigned> rowLoops;                    // Collapsed ones.
  int64_t numRows = 1;       // Taken together, of the last of them.
  SmallVector<Value> totals; // By result; in f64.

  // The rows that are being built, and what their stages leave.
  SmallVector<int64_t> tileSizes; // Of all loops.
  SmallVector<OpFoldResult> tileStarts;
  SmallVector<Value> innerBuffers;
};

class KernelsToLinalgPass
    : public lowering::impl::KernelsToLinalgPassBase<KernelsToLinalgPass> {
  using KernelsToLinalgPassBase::KernelsToLinalgPassBase;

  void runOnOperation() override {
    if (failed(lowerKernelToLinalg(getOperation(), {streamBytes, rowBytes})))
      signalPassFailure();
  }
};

} // namespace

LogicalResult
mlir::lowering::lowerKernelToLinalg(func::FuncOp kernel,
                                    const KernelLoopOptions &options) {
  if (fabric::BoxCopyOpInterface op = getBoxCopy(kernel)) {
    buildBoxCopies(kernel, op);
    return success();
  }
  FailureOr<KernelDomain> domain = getKernelDomain(kernel);
  if (failed(domain))
    return failure();
  KernelBuilder(kernel, std::move(*domain), options).run();
  return success();
}
