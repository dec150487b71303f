//===- GpuSums.cpp - Writes sums over the threads of a grid ---------------===//
//
// Sums are in f64, as on the CPU, and in an order that the grid fixes: a thread
// adds its own terms, the threads of a warp by shuffles, the warps of a block
// through shared memory. No atomics, so that results have the same bits always.
//
//===----------------------------------------------------------------------===//

#include "passes/Lowering/Kernels/Gpu/ThreadEmitter.h"

using namespace mlir;
using namespace mlir::lowering;

namespace {

class SumsEmitter : public ThreadEmitter {
public:
  using ThreadEmitter::ThreadEmitter;

  void emitSums() {
    int64_t keptThreads = gpuNest.keptThreads;
    int64_t summedThreads = gpuNest.summedThreads;
    int64_t kept = gpuNest.kept.getSize();
    Value keptThread, segment = rem(block, gpuNest.segments);
    if (gpuNest.isInnerSummed) {
      keptThread = div(thread, summedThreads);
      summedThread = rem(thread, summedThreads);
    } else {
      keptThread = rem(thread, keptThreads);
      summedThread = div(thread, keptThreads);
    }
    Value keptBlock = div(block, gpuNest.segments);
    Value position = add(mul(keptBlock, keptThreads), keptThread);
    if (kept % keptThreads != 0) {
      // Threads beyond have nothing to add, and wait with the others.
      isKept = isBelow(position, index(kept));
      position = arith::MinUIOp::create(b, position, index(kept - 1));
    }
    Place place(nest.sizes.size());
    resolve(gpuNest.kept, position, place);

    SmallVector<Value> totals = emitTerms(place, segment);
    emitTail(totals);
    for (auto [number, sum] : llvm::enumerate(nest.sums)) {
      bool isTotal = gpuNest.isTotal(sum);
      Value part = isTotal ? block : segment;
      Value total;
      if (isTotal)
        total = joinThreads(sum, totals[number], gpuNest.getNumThreads());
      else if (gpuNest.isInnerSummed)
        total = joinThreads(sum, totals[number], summedThreads);
      else
        total = joinRows(sum, totals[number]);
      Value isLeader =
          isTotal ? isEqual(thread, 0) : both(isKept, isEqual(summedThread, 0));
      emitIf(isLeader, [&] { storeTotal(number, total, part, place); });
    }
  }

private:
  FloatType f64() { return b.getF64Type(); }

  //===--------------------------------------------------------------------===//
  // Terms
  //===--------------------------------------------------------------------===//

  Value extend(Value term) {
    if (getElementTypeOrSelf(term.getType()).isF64())
      return term;
    return arith::ExtFOp::create(b, withShapeOf(term, f64()), term);
  }

  Value join(const VectorNest::Sum &sum, Value l, Value r) {
    return vector::makeArithReduction(b, b.getLoc(), sum.kind, l, r);
  }

  Value joinPairwise(const VectorNest::Sum &sum, SmallVector<Value> values) {
    while (values.size() > 1) {
      SmallVector<Value> pairs;
      for (size_t i = 0; i + 1 < values.size(); i += 2)
        pairs.push_back(join(sum, values[i], values[i + 1]));
      if (values.size() % 2)
        pairs.push_back(values.back());
      values = std::move(pairs);
    }
    return values.front();
  }

  Value joinLanes(const VectorNest::Sum &sum, Value value) {
    auto type = dyn_cast<VectorType>(value.getType());
    if (!type)
      return value;
    SmallVector<Value> lanes;
    for (int64_t lane = 0; lane < type.getNumElements(); ++lane)
      lanes.push_back(vector::ExtractOp::create(b, value, lane));
    return joinPairwise(sum, std::move(lanes));
  }

  /// What a sum starts from.
  Value getNeutral(const VectorNest::Sum &sum, int64_t lanes) {
    double number = sum.kind == vector::CombiningKind::ADD ? 0.0
                    : sum.kind == vector::CombiningKind::MAXIMUMF
                        ? -std::numeric_limits<double>::infinity()
                        : std::numeric_limits<double>::infinity();
    Value scalar = arith::ConstantOp::create(b, b.getF64FloatAttr(number));
    return broadcast(scalar, lanes);
  }

  /// Elements of an output that a thread has totals for.
  int64_t getLanes(const VectorNest::Sum &sum) {
    return gpuNest.isInnerSummed || gpuNest.isTotal(sum) ? 1 : gpuNest.lanes;
  }

  /// Adds the terms of some places to the totals of the sums.
  SmallVector<Value> addTerms(ArrayRef<Place> places, int64_t lanes,
                              ValueRange totals) {
    SmallVector<IRMapping> bodies = emitBodies(places, lanes);
    SmallVector<Value> next;
    for (auto [sum, total] : llvm::zip_equal(nest.sums, totals)) {
      SmallVector<Value> terms;
      for (IRMapping &known : bodies) {
        Value term = extend(broadcast(getValue(sum.term, known), lanes));
        terms.push_back(getLanes(sum) == 1 ? joinLanes(sum, term) : term);
      }
      next.push_back(join(sum, total, joinPairwise(sum, std::move(terms))));
    }
    return next;
  }

  //===--------------------------------------------------------------------===//
  // Threads
  //===--------------------------------------------------------------------===//

  /// The sums' totals over the summed indices of this thread.
  SmallVector<Value> emitTerms(const Place &place, Value segment) {
    int64_t summed = gpuNest.summed.getSize(), length = gpuNest.segmentLength;
    int64_t threads = gpuNest.summedThreads, steps = gpuNest.steps;
    Value begin = add(mul(segment, length), summedThread);
    Value end = index(summed);
    if (gpuNest.segments > 1)
      end = arith::MinUIOp::create(b, mul(add(segment, index(1)), length), end);
    if (isKept)
      end = arith::SelectOp::create(b, isKept, end, index(0));

    SmallVector<Value> totals;
    for (const VectorNest::Sum &sum : nest.sums)
      totals.push_back(getNeutral(sum, getLanes(sum)));
    auto emit = [&](int64_t count, Value from, Value to) {
      totals = emitLoop(from, to, count * threads, totals,
                        [&](Value position, ValueRange carried) {
                          SmallVector<Place> places(count, place);
                          for (auto [step, at] : llvm::enumerate(places))
                            resolve(gpuNest.summed,
                                    add(position, index(step * threads)), at);
                          return addTerms(places, gpuNest.lanes, carried);
                        });
    };
    if (steps == 1) {
      emit(1, begin, end);
      return totals;
    }
    // As many vectors at a time as there are steps, then the rest singly.
    Value mainEnd = arith::SubIOp::create(b, end, index((steps - 1) * threads));
    emit(steps, begin, mainEnd);
    if (summed % length == 0 && length % (threads * steps) == 0)
      return totals;
    int64_t stride = steps * threads;
    Value rounds = arith::DivSIOp::create(
        b, add(arith::SubIOp::create(b, mainEnd, begin), index(stride - 1)),
        index(stride));
    rounds = arith::MaxSIOp::create(b, rounds, index(0));
    emit(1, add(begin, mul(rounds, stride)), end);
    return totals;
  }

  /// The elements behind the last vector belong to the last block.
  void emitTail(SmallVector<Value> &totals) {
    if (gpuNest.tail == 0)
      return;
    Value isHere = both(isKept, isEqual(block, gpuNest.getNumBlocks() - 1));
    Value end =
        arith::SelectOp::create(b, isHere, index(gpuNest.tail), index(0));
    totals = emitLoop(summedThread, end, gpuNest.summedThreads, totals,
                      [&](Value number, ValueRange carried) {
                        return addTerms(getTailPlace(number), 1, carried);
                      });
  }

  /// Over `count` threads that follow each other, from a multiple of `count`.
  /// The first of them has the result.
  Value joinThreads(const VectorNest::Sum &sum, Value value, int64_t count) {
    for (int64_t distance = std::min(count, GpuNest::warpSize) / 2;
         distance > 0; distance /= 2) {
      auto other =
          gpu::ShuffleOp::create(b, value, static_cast<int32_t>(distance),
                                 GpuNest::warpSize, gpu::ShuffleMode::XOR);
      value = join(sum, value, other.getShuffleResult());
    }
    if (count <= GpuNest::warpSize)
      return value;
    int64_t warps = count / GpuNest::warpSize;
    Value shared =
        makeShared(gpuNest.getNumThreads() / GpuNest::warpSize, f64());
    emitIf(isEqual(rem(thread, GpuNest::warpSize), 0), [&] {
      memref::StoreOp::create(b, value, shared, div(thread, GpuNest::warpSize));
    });
    gpu::BarrierOp::create(b);
    Value first = div(thread, GpuNest::warpSize);
    SmallVector<Value> values;
    for (int64_t warp = 0; warp < warps; ++warp) {
      // Of threads that are not the first, in bounds, and not used.
      Value at = arith::MinUIOp::create(
          b, add(first, index(warp)),
          index(gpuNest.getNumThreads() / GpuNest::warpSize - 1));
      values.push_back(memref::LoadOp::create(b, shared, at));
    }
    return joinPairwise(sum, std::move(values));
  }

  /// Over the threads of a block that have the same kept index. The first of
  /// them has the result.
  Value joinRows(const VectorNest::Sum &sum, Value value) {
    int64_t rows = gpuNest.summedThreads;
    if (rows == 1)
      return value;
    int64_t lanes = gpuNest.lanes, row = gpuNest.keptThreads * lanes;
    if (sharedRows)
      gpu::BarrierOp::create(b); // The sum before has been read.
    else
      sharedRows = makeShared(rows * row, f64());
    Value shared = sharedRows, place = mul(thread, lanes);
    store(value, shared, place, lanes, 1, lanes > 1);
    gpu::BarrierOp::create(b);
    auto joined = emitLoop(
        index(1), index(rows), 1, value, [&](Value at, ValueRange carried) {
          // Of threads that are not in the first row, not used.
          Value offset = arith::RemUIOp::create(b, add(place, mul(at, row)),
                                                index(rows * row));
          Value other = load(shared, offset, lanes, 1, lanes > 1);
          return SmallVector<Value>{join(sum, carried.front(), other)};
        });
    return joined.front();
  }

  void storeTotal(unsigned number, Value total, Value part,
                  const Place &place) {
    const VectorNest::Sum &sum = nest.sums[number];
    int64_t lanes = getLanes(sum);
    unsigned operand = nest.numInputs + sum.output;
    if (Value parts = operands.parts[number]) {
      Value offset =
          add(mul(part, gpuNest.getNumOutputs(sum)), getOffset(operand, place));
      store(total, parts, offset, lanes, getInnerStride(operand),
            gpuNest.isVector[operand] && getInnerStride(operand) == 1);
      return;
    }
    storeOutput(sum.output, combine(number, total), place, lanes);
  }

  /// What the sum's element becomes: rounded once.
  Value combine(unsigned number, Value total) {
    const VectorNest::Sum &sum = nest.sums[number];
    if (!sum.addend.getType().isF64())
      total = arith::TruncFOp::create(
          b, withShapeOf(total, sum.addend.getType()), total);
    IRMapping known;
    known.map(sum.element, operands.starts[number]);
    known.map(sum.addend, total);
    Value result = total;
    for (Operation *op : sum.combiner) {
      SmallVector<Value> values;
      for (Value operand : op->getOperands())
        values.push_back(getValue(operand, known));
      result = cloneOn(*op, std::move(values));
      known.map(op->getResult(0), result);
    }
    return result;
  }

  Value summedThread; // Among those with the same kept index.
  Value isKept;       // Whether the thread's kept index exists; null: always.
  Value sharedRows;   // Memory for joinRows.
};

} // namespace

void mlir::lowering::emitGpuSums(const GpuNest &nest, gpu::GPUFuncOp function,
                                 const GpuOperands &operands) {
  SumsEmitter(nest, function, operands).emitSums();
}
