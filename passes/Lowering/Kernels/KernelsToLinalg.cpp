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
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"
#include "passes/Lowering/Kernels/BoxCopies.h"
#include "passes/Lowering/Kernels/KernelBody.h"
#include "passes/Lowering/Kernels/KernelGeneric.h"
#include "passes/Lowering/Kernels/Passes.h"
#include "passes/Lowering/Kernels/RowPlan.h"

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
  KernelBuilder(func::FuncOp kernel, KernelDomain known,
                const KernelLoopOptions &options)
      : loops(kernel, std::move(known)), domain(loops.getDomain()),
        results(loops.getResults()), builder(loops.getBuilder()),
        options(options), rows(planRows(loops, options.rowBytes)) {}

  void run() {
    loadScalars();
    makeTotals();
    emitTiles(rows.loops);
    storeTotals();
    loops.finish();
  }

private:
  /// What is the same in all loops.
  void loadScalars() {
    for (const ValueAtMap &read : domain.reads) {
      if (loops.getMap(read.second).getNumResults() != 0)
        continue;
      Location loc = read.first.getLoc();
      Value stored = memref::LoadOp::create(
          builder, loc, loops.getArgument(read), ValueRange());
      scalars.emplace_back(read, fromStorage(builder, loc, stored,
                                             getElementTypeOrSelf(read.first)));
    }
  }

  //===--------------------------------------------------------------------===//
  // Results
  //===--------------------------------------------------------------------===//

  AffineMap getMap(const KernelDomain::Result &place) const {
    return loops.getMap(place.map);
  }

  static bool isReduced(AffineMap map) {
    return map.getNumResults() != map.getNumDims();
  }

  bool isStreamed(unsigned result) const {
    auto type = cast<RankedTensorType>(results[result].getType());
    return fabric::getNumBytes(type) >= options.streamBytes &&
           !results[result].getDefiningOp<fabric::InPlaceOpInterface>();
  }

  /// Reductions over differing sets of loops need differing orders of loops,
  /// unless one is over all of them. Each such set has a generic of its own;
  /// the last holds everything else, for it may overwrite what the others read.
  static SmallVector<SmallVector<GenericOutput>>
  groupOutputs(SmallVector<GenericOutput> outputs) {
    SmallVector<std::pair<llvm::SmallBitVector, SmallVector<GenericOutput>>>
        bySet;
    SmallVector<GenericOutput> rest;
    for (GenericOutput &output : outputs) {
      if (!output.isReduced() || output.map.getNumResults() == 0) {
        rest.push_back(std::move(output));
        continue;
      }
      llvm::SmallBitVector kept(output.map.getNumDims());
      for (unsigned dim = 0; dim < output.map.getNumResults(); ++dim)
        kept.set(output.map.getDimPosition(dim));
      auto *it = llvm::find_if(
          bySet, [&](auto &entry) { return entry.first == kept; });
      if (it == bySet.end())
        it = &bySet.emplace_back(kept, SmallVector<GenericOutput>());
      it->second.push_back(std::move(output));
    }
    SmallVector<SmallVector<GenericOutput>> groups;
    for (auto &[set, members] : bySet)
      groups.push_back(std::move(members));
    if (groups.empty())
      groups.emplace_back();
    groups.back().append(rest);
    return groups;
  }

  //===--------------------------------------------------------------------===//
  // Rows
  //===--------------------------------------------------------------------===//

  /// In this stage.
  void keepValues(unsigned stage, SmallVector<GenericOutput> &outputs) {
    for (const KeptValue &kept : rows.kept) {
      if (kept.stage != stage)
        continue;
      AffineMap map = getMap(kept);
      Value buffer = loops.makeBuffer(
          map, loops.tileSizes,
          getStorageType(getElementTypeOrSelf(kept.value.getType())),
          kept.value.getLoc());
      outputs.push_back({kept.value, &kept, buffer, map});
      keptBuffers.emplace_back(ValueAtMap(kept.value, kept.map), buffer);
    }
  }

  void emitTiles(ArrayRef<unsigned> left) {
    if (left.empty())
      return buildStages();
    unsigned loop = left.front();
    int64_t size = loops.getSizes()[loop];
    int64_t step = left.size() == 1 ? rows.numRows : 1,
            whole = size / step * step;
    auto emit = [&](OpFoldResult start, int64_t count) {
      loops.tileStarts[loop] = start;
      loops.tileSizes[loop] = count;
      emitTiles(left.drop_front());
    };
    if (size <= step)
      return emit(builder.getIndexAttr(0), size);
    Location loc = loops.getLoc();
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
    return isReduced(map) && llvm::any_of(rows.loops, [&](unsigned loop) {
             bool isTiled = loop != rows.loops.back() ||
                            loops.getSizes()[loop] > rows.numRows;
             return isTiled && !map.isFunctionOfDim(loop);
           });
  }

  void makeTotals() {
    totals.resize(results.size());
    for (auto [result, value] : llvm::enumerate(results)) {
      if (!needsTotals(result))
        continue;
      totals[result] =
          loops.makeBuffer(getMap(domain.results[result]), loops.getSizes(),
                           builder.getF64Type(), value.getLoc());
      fillNeutral(loops, value, totals[result], builder.getF64Type());
    }
  }

  void storeTotals() {
    for (auto [result, value] : llvm::enumerate(results)) {
      if (!totals[result])
        continue;
      unsigned rank = getMap(domain.results[result]).getNumResults();
      SmallVector<AffineMap> maps(2, builder.getMultiDimIdentityMap(rank));
      SmallVector<utils::IteratorType> iterators(rank,
                                                 utils::IteratorType::parallel);
      Type element = getElementTypeOrSelf(value.getType());
      linalg::GenericOp::create(
          builder, value.getLoc(), totals[result], loops.getResult(result),
          maps, iterators,
          [&](OpBuilder &b, Location loc, ValueRange arguments) {
            Value total = arguments.front();
            Type compute = fabric::getComputeType(element);
            if (!compute.isF64())
              total = arith::TruncFOp::create(b, loc, compute, total);
            linalg::YieldOp::create(b, loc, toStorage(b, loc, total, element));
          });
    }
  }

  /// What a stage that fetches rows does not read itself is an input to be
  /// fetched.
  void setPrefetch(linalg::GenericOp generic, unsigned stage) {
    std::optional<VectorNest::Prefetch> prefetch = rows.getPrefetch(stage);
    if (!prefetch)
      return dropUnusedInputs(generic);
    generic->setAttr(
        VectorNest::prefetchAttr,
        builder.getDenseI64ArrayAttr({prefetch->loop, prefetch->distance,
                                      prefetch->share, prefetch->shares}));
  }

  /// All generics of the current rows.
  void buildStages() {
    SmallVector<bool> isWritten(results.size());
    innerBuffers.clear();
    keptBuffers.clear();
    for (const KernelDomain::Inner &inner : domain.inner) {
      auto it = llvm::find(results, Value(inner.value));
      size_t result = it - results.begin();
      if (it == results.end()) {
        innerBuffers.push_back(loops.makeBuffer(
            getMap(inner), loops.tileSizes,
            getStorageType(getElementTypeOrSelf(inner.value.getType())),
            inner.value.getLoc()));
        continue;
      }
      isWritten[result] = true;
      innerBuffers.push_back(loops.getResultTile(result));
    }
    for (size_t first = 0; first < domain.inner.size();) {
      SmallVector<GenericOutput> outputs;
      size_t number = first;
      for (; number < domain.inner.size() &&
             domain.inner[number].stage == domain.inner[first].stage;
           ++number) {
        const KernelDomain::Inner &inner = domain.inner[number];
        outputs.push_back(
            {inner.value, &inner, innerBuffers[number], getMap(inner)});
      }
      unsigned stage = domain.inner[first].stage;
      size_t numKept = keptBuffers.size();
      keepValues(stage, outputs);
      setPrefetch(build(outputs, /*numInner=*/first, numKept), stage);
      first = number;
    }

    SmallVector<GenericOutput> ofRows, others;
    for (auto [result, value] : llvm::enumerate(results)) {
      if (isWritten[result])
        continue;
      const KernelDomain::Result &place = domain.results[result];
      AffineMap map = getMap(place);
      auto op = value.getDefiningOp<StructuredOpInterface>();
      bool isThere = !op || !isReduction(op) || domain.findInner(value);
      bool isOfRow = isThere && domain.isRowWise(place.map);
      GenericOutput output{value, &place, {}, map};
      output.isTotal = static_cast<bool>(totals[result]);
      output.buffer = output.isTotal
                          ? loops.getTile(totals[result], map, value.getLoc())
                          : loops.getResultTile(result);
      output.isStreamed = !isReduced(map) && isStreamed(result);
      (isOfRow ? ofRows : others).push_back(std::move(output));
    }
    size_t numInner = domain.inner.size(), numKept = keptBuffers.size();
    if (!ofRows.empty())
      dropUnusedInputs(build(ofRows, numInner, numKept, /*isOfRows=*/true));
    if (!others.empty())
      for (SmallVector<GenericOutput> &group : groupOutputs(std::move(others)))
        dropUnusedInputs(build(group, numInner, numKept));
  }

  linalg::GenericOp build(ArrayRef<GenericOutput> outputs, size_t numInner,
                          size_t numKept, bool isOfRows = false) {
    return buildGeneric(loops, outputs,
                        {scalars, ArrayRef(innerBuffers).take_front(numInner),
                         ArrayRef(keptBuffers).take_front(numKept)},
                        isOfRows);
  }

  KernelLoops loops;
  const KernelDomain &domain;
  ArrayRef<Value> results;
  OpBuilder &builder;
  const KernelLoopOptions &options;
  const RowPlan rows;
  SmallVector<std::pair<ValueAtMap, Value>> scalars; // The same in all loops.
  SmallVector<Value> totals;                         // By result; in f64.
  SmallVector<Value> innerBuffers; // What stages of the current rows leave.
  SmallVector<std::pair<ValueAtMap, Value>> keptBuffers; // By now.
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
  kernel.walk([](scf::ForOp loop) { moveLoopInvariantCode(loop); });
  return success();
}
