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
  KernelBuilder(func::FuncOp kernel, KernelDomain known,
                const KernelLoopOptions &options)
      : loops(kernel, std::move(known)), domain(loops.getDomain()),
        results(loops.getResults()), builder(loops.getBuilder()),
        options(options) {}

  void run() {
    loadScalars();
    findRowLoops();
    makeTotals();
    emitTiles(rowLoops);
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

  void findRowLoops() {
    if (domain.inner.empty() || options.rowBytes == 0)
      return;
    AffineMap map = getMap(domain.inner.front());
    for (unsigned loop = 0; loop < loops.getSizes().size(); ++loop)
      if (map.isFunctionOfDim(loop))
        rowLoops.push_back(loop);
    if (!rowLoops.empty())
      numRows = chooseNumRows(rowLoops.back());
  }

  /// Stages before the last.
  int64_t getNumStages() const { return domain.inner.back().stage + 1; }

  /// As many as lie in `rowBytes`: few, so that results of some are written
  /// while the next are fetched. More, eight at least, if totals are read and
  /// written for them; of rows that lie across, whole cache lines.
  int64_t chooseNumRows(unsigned loop) {
    constexpr int64_t most = 64, firstLevelBytes = 32 << 10;
    bool hasTotals =
        llvm::any_of(domain.results, [&](const KernelDomain::Result &place) {
          AffineMap map = getMap(place);
          return isReduced(map) && !map.isFunctionOfDim(loop);
        });
    int64_t fewest = hasTotals ? 8 : 1;
    int64_t budget = hasTotals ? 8 * options.rowBytes : options.rowBytes;
    int64_t bytes = 0;
    bool liesAcross = false;
    auto visit = [&](Value value, AffineMap map) {
      AffineMap view = loops.getMap(map);
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
    int64_t chosen =
        liesAcross
            ? most
            : std::clamp(budget / std::max<int64_t>(bytes, 1), fewest, most);
    fitsFirstLevel = chosen * bytes <= firstLevelBytes;
    return chosen;
  }

  void emitTiles(ArrayRef<unsigned> left) {
    if (left.empty())
      return buildStages();
    unsigned loop = left.front();
    int64_t size = loops.getSizes()[loop];
    int64_t step = left.size() == 1 ? numRows : 1, whole = size / step * step;
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

  /// The stages but the last, which has results to write, fetch the next rows,
  /// while memory would have nothing to do: each a part; or, where stages after
  /// the first find the rows in the first-level cache, so that the second has
  /// nothing to do either, the last of them all. What such a stage does not
  /// read itself is an input to be fetched.
  void setPrefetch(linalg::GenericOp generic, int64_t stage) {
    int64_t shares = std::min(getNumStages(), VectorNest::maxAccumulators);
    int64_t share = stage % shares;
    if (fitsFirstLevel) {
      shares = stage + 1 == getNumStages() ? 1 : 0;
      share = 0;
    }
    if (rowLoops.empty() || shares == 0 ||
        loops.getSizes()[rowLoops.back()] <= numRows)
      return dropUnusedInputs(generic);
    generic->setAttr(VectorNest::prefetchAttr,
                     builder.getDenseI64ArrayAttr(
                         {rowLoops.back(), numRows, share, shares}));
  }

  /// All generics of the current rows.
  void buildStages() {
    SmallVector<bool> isWritten(results.size());
    innerBuffers.clear();
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
      linalg::GenericOp generic = build(outputs, /*numInner=*/first);
      setPrefetch(generic, domain.inner[first].stage);
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
    size_t numInner = domain.inner.size();
    if (!ofRows.empty())
      dropUnusedInputs(build(ofRows, numInner, /*isOfRows=*/true));
    if (!others.empty())
      for (SmallVector<GenericOutput> &group : groupOutputs(std::move(others)))
        dropUnusedInputs(build(group, numInner));
  }

  linalg::GenericOp build(ArrayRef<GenericOutput> outputs, size_t numInner,
                          bool isOfRows = false) {
    return buildGeneric(loops, outputs,
                        {scalars, ArrayRef(innerBuffers).take_front(numInner)},
                        isOfRows);
  }

  KernelLoops loops;
  const KernelDomain &domain;
  ArrayRef<Value> results;
  OpBuilder &builder;
  const KernelLoopOptions &options;
  SmallVector<std::pair<ValueAtMap, Value>> scalars; // The same in all loops.
  SmallVector<unsigned> rowLoops;                    // Collapsed ones.
  int64_t numRows = 1;             // Taken together, of the last of them.
  bool fitsFirstLevel = false;     // What they read and write.
  SmallVector<Value> totals;       // By result; in f64.
  SmallVector<Value> innerBuffers; // What stages of the current rows leave.
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
