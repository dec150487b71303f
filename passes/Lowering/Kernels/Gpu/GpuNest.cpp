//===- GpuNest.cpp - How a linalg op becomes a grid of threads ------------===//

#include "passes/Lowering/Kernels/Gpu/GpuNest.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::lowering;

/// Blocks that keep a GPU busy: eight on each of the processors of the largest.
static constexpr int64_t manyBlocks = 1024;
/// Bytes that a thread loads at a time, at most, and in all operands together.
static constexpr int64_t vectorBytes = 16, bytesInFlight = 64;
/// Vectors that a thread has of a sum before others take a part of it.
static constexpr int64_t vectorsOfPart = 8;
static constexpr int64_t maxLanes = 8;
/// That a block has without asking.
static constexpr int64_t sharedBytes = 48 << 10;

static int64_t roundUpToPower(int64_t value) {
  return static_cast<int64_t>(llvm::PowerOf2Ceil(value));
}

int64_t GpuNest::Space::getSize() const { return llvm::product_of(sizes); }

int64_t GpuNest::getNumKeptBlocks() const {
  if (tile)
    return kept.getSize() *
           llvm::divideCeil(nest.sizes[tile->across], tile->width) *
           llvm::divideCeil(nest.sizes[*inner], tile->width);
  int64_t ofBlock = nest.sums.empty() ? keptThreads * steps : keptThreads;
  return llvm::divideCeil(kept.getSize(), ofBlock);
}

bool GpuNest::isTotal(const VectorNest::Sum &sum) const {
  return llvm::all_of(nest.getOutputAccess(sum.output).strides,
                      [](int64_t stride) { return stride == 0; });
}

int64_t GpuNest::getNumOutputs(const VectorNest::Sum &sum) const {
  int64_t count = 1;
  for (auto [stride, size] :
       llvm::zip_equal(nest.getOutputAccess(sum.output).strides, nest.sizes))
    count *= stride == 0 ? 1 : size;
  return count;
}

int64_t GpuNest::getNumParts(const VectorNest::Sum &sum) const {
  return isTotal(sum) ? getNumBlocks() : segments;
}

static int64_t getWidth(Type stored) {
  return llvm::divideCeil(stored.getIntOrFloatBitWidth(), 8);
}

static int64_t getElementWidth(const GpuNest &nest, unsigned operand) {
  return getWidth(nest.nest.body->getArgument(operand).getType());
}

/// As many elements as the narrowest operand has in the bytes of a vector, if
/// rows are then whole vectors.
static void chooseLanes(GpuNest &nest) {
  int64_t narrowest = vectorBytes;
  for (auto [number, access] : llvm::enumerate(nest.nest.accesses))
    if (nest.isUsed[number] && access.strides[*nest.inner] == 1)
      narrowest = std::min(narrowest, getElementWidth(nest, number));
  int64_t size = nest.nest.sizes[*nest.inner];
  bool isOnly = nest.nest.sizes.size() == 1;
  nest.lanes = std::min(maxLanes, vectorBytes / narrowest);
  while (isOnly ? nest.lanes > size : size % nest.lanes != 0)
    nest.lanes /= 2;
  nest.tail = size % nest.lanes;
}

/// A vector must be aligned to its own size wherever it is.
static void chooseVectors(GpuNest &nest, ArrayRef<int64_t> alignments) {
  for (auto [number, access] : llvm::enumerate(nest.nest.accesses)) {
    bool aligned =
        nest.isUsed[number] && nest.lanes > 1 &&
        access.strides[*nest.inner] == 1 && access.offset % nest.lanes == 0 &&
        alignments[number] % (nest.lanes * getElementWidth(nest, number)) == 0;
    for (auto [loop, stride] : llvm::enumerate(access.strides))
      if (loop != *nest.inner && nest.nest.sizes[loop] > 1)
        aligned &= stride % nest.lanes == 0;
    nest.isVector[number] = aligned;
  }
}

/// Which loops are kept: with sums, those that one of them has elements for,
/// and then all that have any have the same.
static void splitLoops(GpuNest &nest) {
  auto isKept = [&](unsigned loop) {
    return nest.nest.sums.empty() ||
           llvm::any_of(nest.nest.sums, [&](const VectorNest::Sum &sum) {
             return nest.nest.getOutputAccess(sum.output).strides[loop] != 0;
           });
  };
  auto add = [&](unsigned loop, int64_t size) {
    GpuNest::Space &space = isKept(loop) ? nest.kept : nest.summed;
    space.loops.push_back(loop);
    space.sizes.push_back(size);
  };
  for (auto [loop, size] : llvm::enumerate(nest.nest.sizes))
    if (loop != nest.inner)
      add(loop, size);
  if (nest.inner) {
    add(*nest.inner, nest.nest.sizes[*nest.inner] / nest.lanes);
    nest.isInnerSummed = !isKept(*nest.inner);
  }
}

static void chooseThreads(GpuNest &nest) {
  int64_t kept = nest.kept.getSize(), summed = nest.summed.getSize();
  constexpr int64_t most = GpuNest::threadsOfBlock, warp = GpuNest::warpSize;
  if (nest.nest.sums.empty()) {
    nest.keptThreads = std::min<int64_t>(most, llvm::alignTo(kept, warp));
    return;
  }
  // Neighbours in memory are neighbours in a block; a whole block for a sum
  // that is long enough for it.
  if (nest.isInnerSummed) {
    nest.summedThreads =
        summed >= 2 * most ? most : std::min(warp, roundUpToPower(summed));
    nest.keptThreads =
        std::min(most / nest.summedThreads, roundUpToPower(kept));
  } else {
    nest.keptThreads = std::min(warp, roundUpToPower(kept));
    nest.summedThreads =
        std::min(most / nest.keptThreads, roundUpToPower(summed));
  }
  // Whole warps: all of their threads take part in shuffles.
  nest.keptThreads = std::max(nest.keptThreads, warp / nest.summedThreads);
}

static void chooseSegments(GpuNest &nest) {
  int64_t summed = nest.summed.getSize();
  nest.segmentLength = summed;
  if (nest.nest.sums.empty())
    return;
  int64_t most = summed / (nest.summedThreads * vectorsOfPart);
  int64_t wanted = llvm::divideCeil(manyBlocks, nest.getNumKeptBlocks());
  int64_t segments = std::max<int64_t>(1, std::min(most, wanted));
  nest.segmentLength = std::min<int64_t>(
      summed,
      llvm::alignTo(llvm::divideCeil(summed, segments), nest.summedThreads));
  nest.segments = llvm::divideCeil(summed, nest.segmentLength);
}

/// Loads that are on their way at once hide the memory's latency; but not at
/// the price of idle processors.
static void chooseSteps(GpuNest &nest) {
  int64_t bytes = 0;
  for (unsigned number = 0; number < nest.nest.numInputs; ++number)
    if (nest.isVector[number])
      bytes += nest.lanes * getElementWidth(nest, number);
  int64_t steps =
      bytes == 0 ? 1 : std::clamp<int64_t>(bytesInFlight / bytes, 1, 4);
  int64_t vectors =
      nest.nest.sums.empty()
          ? nest.kept.getSize() / (manyBlocks * nest.getNumThreads())
          : nest.segmentLength / nest.summedThreads;
  nest.steps = std::max<int64_t>(1, std::min(steps, vectors));
}

/// Of a square of such elements: a row is 128 bytes, more of f64, less of i8.
static int64_t getTileWidth(int64_t elementWidth) {
  return elementWidth >= 4 ? 32 : 64;
}

/// Where operands lie across the inner loop, along another one.
static void chooseTile(GpuNest &nest) {
  if (!nest.nest.sums.empty())
    return;
  GpuNest::Tile tile;
  bool found = false;
  int64_t bytes = 0, widest = 1;
  tile.isAcross.assign(nest.nest.accesses.size(), false);
  for (auto [number, access] : llvm::enumerate(nest.nest.accesses)) {
    if (!nest.isUsed[number] || access.strides[*nest.inner] <= 1)
      continue;
    const int64_t *unit = llvm::find(access.strides, 1);
    unsigned loop = unit - access.strides.begin();
    if (unit == access.strides.end() || (found && loop != tile.across))
      continue;
    int64_t width = getElementWidth(nest, number);
    int64_t square = getTileWidth(width) * (getTileWidth(width) + 1) * width;
    if (bytes + square > sharedBytes)
      continue;
    bytes += square;
    widest = std::max(widest, width);
    tile.across = loop;
    tile.isAcross[number] = found = true;
  }
  tile.width = getTileWidth(widest);
  constexpr int64_t least = 16;
  if (!found || nest.nest.sizes[tile.across] < least ||
      nest.nest.sizes[*nest.inner] < least)
    return;
  nest.tile = std::move(tile);
  for (auto [loop, size] : llvm::enumerate(nest.nest.sizes)) {
    if (loop == *nest.inner || loop == nest.tile->across)
      continue;
    nest.kept.loops.push_back(loop);
    nest.kept.sizes.push_back(size);
  }
  nest.keptThreads = GpuNest::threadsOfBlock;
}

static void decide(GpuNest &nest, ArrayRef<int64_t> alignments) {
  nest.isVector.assign(nest.nest.accesses.size(), false);
  if (nest.nest.sizes.empty())
    return;
  chooseTile(nest);
  if (nest.tile)
    return;
  chooseLanes(nest);
  chooseVectors(nest, alignments);
  splitLoops(nest);
  chooseThreads(nest);
  chooseSegments(nest);
  chooseSteps(nest);
}

FailureOr<GpuNest> mlir::lowering::planGpuNest(linalg::LinalgOp op,
                                               GetAlignment getAlignment) {
  FailureOr<VectorNest> read = readNest(op);
  if (failed(read))
    return failure();
  GpuNest nest;
  nest.nest = std::move(*read);
  if (!nest.nest.sizes.empty())
    nest.inner = pickInner(nest.nest);
  SmallVector<int64_t> alignments;
  for (auto [number, access] : llvm::enumerate(nest.nest.accesses)) {
    nest.isUsed.push_back(isUsed(nest.nest, number));
    alignments.push_back(nest.isUsed[number] ? getAlignment(access.buffer) : 1);
  }
  decide(nest, alignments);
  return nest;
}

GpuNest mlir::lowering::planPartsNest(const GpuNest &whole,
                                      const VectorNest::Sum &sum, Block *body) {
  int64_t outputs = whole.getNumOutputs(sum), parts = whole.getNumParts(sum);
  GpuNest nest;
  nest.nest.op = whole.nest.op;
  nest.nest.body = body;
  nest.nest.numInputs = 1;
  nest.nest.sums = {sum};
  nest.nest.sums.front().output = 0;
  nest.nest.sums.front().term = body->getArgument(0);
  nest.nest.accesses.resize(2);
  if (outputs == 1) {
    nest.nest.sizes = {parts};
    nest.nest.accesses[0].strides = {1};
    nest.nest.accesses[1].strides = {0};
  } else {
    nest.nest.sizes = {parts, outputs};
    nest.nest.accesses[0].strides = {outputs, 1};
    nest.nest.accesses[1].strides = {0, 1};
  }
  nest.inner = nest.nest.sizes.size() - 1;
  nest.isUsed = {true, true};
  constexpr int64_t ofBuffers = 64;
  decide(nest, {ofBuffers, ofBuffers});
  return nest;
}
