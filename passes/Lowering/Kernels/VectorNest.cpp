//===- VectorNest.cpp - How a linalg op becomes vector loops --------------===//

#include "passes/Lowering/Kernels/VectorNest.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::lowering;

/// Elements of the innermost loop whose totals are kept on the stack: 8 KiB,
/// and whole pages of operands of 32 bits.
static constexpr int64_t totalsBlock = 1024;

/// Rows whose terms are added before their totals are loaded. Also, as many
/// streams as there are rows keep the memory busy; a long body does so by
/// itself.
static int64_t getNumRows(size_t bodySize) {
  return bodySize <= 4 ? 8 : bodySize <= 24 ? 4 : 2;
}

static VectorNest::Access getAccess(Value buffer, AffineMap map) {
  VectorNest::Access access;
  access.buffer = buffer;
  access.strides.assign(map.getNumDims(), 0);
  // Kernels' buffers are dense, or boxes of those.
  SmallVector<int64_t> strides =
      cast<MemRefType>(buffer.getType()).getStridesAndOffset().first;
  for (auto [dim, stride] : llvm::enumerate(strides))
    access.strides[map.getDimPosition(dim)] = stride;
  auto box = buffer.getDefiningOp<memref::SubViewOp>();
  if (!box)
    return access;
  access.buffer = box.getSource();
  SmallVector<int64_t> sourceStrides =
      box.getSourceType().getStridesAndOffset().first;
  for (auto [start, stride] :
       llvm::zip_equal(box.getMixedOffsets(), sourceStrides)) {
    if (std::optional<int64_t> known = getConstantIntValue(start))
      access.offset += *known * stride;
    else
      access.starts.emplace_back(cast<Value>(start), stride);
  }
  return access;
}

/// How an op combines what is reduced.
static std::optional<vector::CombiningKind> getCombination(Operation &op) {
  if (isa<arith::AddFOp>(op))
    return vector::CombiningKind::ADD;
  if (isa<arith::MaximumFOp>(op))
    return vector::CombiningKind::MAXIMUMF;
  if (isa<arith::MinimumFOp>(op))
    return vector::CombiningKind::MINIMUMF;
  return std::nullopt;
}

/// The sum that an output is; fails where its ops are not those of one.
static FailureOr<VectorNest::Sum> readSum(const VectorNest &nest,
                                          unsigned output) {
  VectorNest::Sum sum;
  sum.output = output;
  sum.element = nest.getOutputArgument(output);
  DenseSet<Value> fromOutput{sum.element};
  for (Operation &op : nest.body->without_terminator()) {
    if (llvm::none_of(op.getOperands(), [&](Value operand) {
          return fromOutput.contains(operand);
        }))
      continue;
    if (op.getNumOperands() == 2) {
      unsigned other = fromOutput.contains(op.getOperand(0)) ? 1 : 0;
      auto kind = getCombination(op);
      if (sum.term || !kind || fromOutput.contains(op.getOperand(other)))
        return failure();
      sum.kind = *kind;
      sum.term = sum.addend = op.getOperand(other);
    }
    sum.combiner.push_back(&op);
    fromOutput.insert(op.getResult(0));
  }
  Value yielded = nest.body->getTerminator()->getOperand(output);
  if (!sum.term || !fromOutput.contains(yielded))
    return failure();
  return sum;
}

static LogicalResult readOperands(VectorNest &nest) {
  auto op = cast<linalg::LinalgOp>(nest.op);
  for (OpOperand &operand : op->getOpOperands()) {
    VectorNest::Access &access = nest.accesses.emplace_back();
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    if (!type)
      continue;
    access = getAccess(operand.get(), op.getMatchingIndexingMap(&operand));
  }
  auto streamed =
      op->getAttrOfType<DenseI64ArrayAttr>(VectorNest::streamedAttr);
  for (unsigned output = 0; output < op.getNumDpsInits(); ++output) {
    AffineMap map = op.getMatchingIndexingMap(op.getDpsInitOperand(output));
    if (map.getNumResults() == map.getNumDims()) {
      nest.stores.push_back(
          {output, nest.body->getTerminator()->getOperand(output)});
      nest.stores.back().isStreamed =
          streamed && llvm::is_contained(streamed.asArrayRef(), output);
      continue;
    }
    FailureOr<VectorNest::Sum> sum = readSum(nest, output);
    if (failed(sum))
      return op.emitOpError() << "expects output " << output
                              << ", which loops reduce, to be a sum or an "
                                 "extreme of floats";
    nest.combinerOps.insert(sum->combiner.begin(), sum->combiner.end());
    nest.sums.push_back(std::move(*sum));
  }
  return success();
}

bool mlir::lowering::isUsed(const VectorNest &nest, unsigned operand) {
  bool isOutput = operand >= nest.numInputs;
  return nest.accesses[operand].buffer &&
         (isOutput || !nest.body->getArgument(operand).use_empty());
}

/// As many 32-bit numbers as a register holds, or 64-bit ones where there are
/// no others.
static int64_t chooseLanes(const VectorNest &nest, unsigned vectorBits) {
  bool wide = true;
  for (Operation &op : nest.body->without_terminator())
    if (!nest.combinerOps.contains(&op))
      wide &= op.getResult(0).getType().getIntOrFloatBitWidth() == 64;
  for (BlockArgument argument : nest.body->getArguments())
    if (isUsed(nest, argument.getArgNumber()))
      wide &= argument.getType().getIntOrFloatBitWidth() == 64;
  return vectorBits / (wide ? 64 : 32);
}

unsigned mlir::lowering::pickInner(const VectorNest &nest) {
  unsigned best = 0;
  int64_t most = 0;
  for (unsigned loop = 0; loop < nest.sizes.size(); ++loop) {
    int64_t elements = 0;
    for (auto [number, access] : llvm::enumerate(nest.accesses)) {
      if (!isUsed(nest, number) || access.strides[loop] != 1)
        continue;
      int64_t product = 1;
      for (auto [size, stride] : llvm::zip_equal(nest.sizes, access.strides))
        product *= stride == 0 ? 1 : size;
      elements += product;
    }
    if (elements >= most) {
      best = loop;
      most = elements;
    }
  }
  return best;
}

/// Loops outside in: what no sum is over, blocks of the innermost loop, what
/// sums are over, the innermost loop. A sum along the innermost loop then needs
/// totals for no more than a block, which stay in the first-level cache.
static void orderLoops(VectorNest &nest) {
  unsigned inner = pickInner(nest);
  auto isOver = [&](const VectorNest::Sum &sum, unsigned loop) {
    return nest.getOutputAccess(sum.output).strides[loop] == 0;
  };
  bool hasTotals = false;
  for (VectorNest::Sum &sum : nest.sums) {
    sum.isAlongInner = !isOver(sum, inner);
    hasTotals |= sum.isAlongInner;
  }
  SmallVector<unsigned> summed;
  for (unsigned loop = 0; loop < nest.sizes.size(); ++loop) {
    if (loop == inner)
      continue;
    bool isKept =
        nest.sums.empty() || llvm::any_of(nest.sums, [&](const auto &sum) {
          return !isOver(sum, loop);
        });
    (isKept ? nest.order : summed).push_back(loop);
  }
  nest.block = nest.sizes[inner];
  if (hasTotals) {
    nest.blockLevel = nest.order.size();
    nest.order.push_back(inner);
    nest.block = std::min(totalsBlock, nest.block);
  }
  llvm::append_range(nest.order, summed);
  nest.order.push_back(inner);

  bool carries = false;
  for (VectorNest::Sum &sum : nest.sums) {
    if (sum.isAlongInner) {
      sum.level = *nest.blockLevel + 1;
      continue;
    }
    carries = true;
    sum.level = nest.order.size() - 1;
    while (sum.level > 0 && isOver(sum, nest.order[sum.level - 1]))
      --sum.level;
  }
  int64_t vectors = std::max<int64_t>(nest.block / nest.lanes, 1);
  if (carries)
    nest.numAccumulators = std::min(VectorNest::maxAccumulators, vectors);
  if (hasTotals && !summed.empty())
    nest.numRows = std::min(getNumRows(nest.body->getOperations().size()),
                            nest.sizes[summed.back()]);
}

/// Where an operand lies across the innermost loop, the loop that it lies along
/// becomes the second innermost, if sums allow, and is taken in squares.
static void planTiles(VectorNest &nest) {
  unsigned inner = nest.order.back(), last = nest.order.size() - 1;
  // What may change places with the second innermost level: nothing, where each
  // row has a sum of its own.
  unsigned first = 0;
  for (const VectorNest::Sum &sum : nest.sums)
    first = std::max(first, sum.level);
  for (auto [number, access] : llvm::enumerate(nest.accesses)) {
    if (!isUsed(nest, number) || access.strides[inner] <= 1)
      continue;
    for (unsigned level = first; level < last; ++level) {
      unsigned loop = nest.order[level];
      if (loop == inner || access.strides[loop] != 1 ||
          nest.sizes[loop] < nest.lanes)
        continue;
      std::rotate(nest.order.begin() + level, nest.order.begin() + level + 1,
                  nest.order.begin() + last);
      nest.numRows = nest.lanes;
      return;
    }
  }
}

/// Stores that bypass the caches must be of whole aligned vectors: rows of the
/// output, which begins at a cache line, must be multiples of one.
static void checkStreamedStores(VectorNest &nest) {
  for (VectorNest::Store &store : nest.stores)
    for (auto [loop, stride] :
         llvm::enumerate(nest.getOutputAccess(store.output).strides))
      store.isStreamed &=
          loop == nest.order.back() ? stride == 1 : stride % nest.lanes == 0;
}

FailureOr<VectorNest> mlir::lowering::readNest(linalg::LinalgOp op) {
  VectorNest nest;
  nest.op = op;
  nest.body = op.getBlock();
  nest.numInputs = op.getNumDpsInputs();
  nest.sizes = op.getStaticLoopRanges();
  if (llvm::any_of(nest.sizes, ShapedType::isDynamic))
    return op.emitOpError() << "expects loops of static size";
  if (failed(readOperands(nest)))
    return failure();
  if (auto prefetch =
          op->getAttrOfType<DenseI64ArrayAttr>(VectorNest::prefetchAttr))
    nest.prefetch = {static_cast<unsigned>(prefetch[0]), prefetch[1],
                     prefetch[2], prefetch[3]};
  for (Operation &op : nest.body->without_terminator())
    if (!OpTrait::hasElementwiseMappableTraits(&op) || op.getNumResults() != 1)
      return op.emitOpError() << "cannot be vectorised in a kernel";
  return nest;
}

FailureOr<VectorNest> mlir::lowering::planVectorNest(linalg::LinalgOp op,
                                                     unsigned vectorBits) {
  FailureOr<VectorNest> nest = readNest(op);
  if (failed(nest))
    return failure();
  nest->lanes = chooseLanes(*nest, vectorBits);
  if (!nest->sizes.empty()) {
    orderLoops(*nest);
    planTiles(*nest);
    checkStreamedStores(*nest);
  }
  return nest;
}
