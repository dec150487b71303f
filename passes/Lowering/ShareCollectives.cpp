//===- ShareCollectives.cpp - Reading peers instead of copying ------------===//
//
// Where ranks share memory, what a collective would bring is there already: in
// the peers' slots. Two kinds of collectives are only copies of it then.
//
// A gather that only products read: each product becomes one for every member
// of the group, on that member's shard. Of the product's m, n and k the shards
// cut one: m and n into blocks of the result, k into terms that are added up.
//
// A reduce-scatter of contiguous pieces: the sum of the own pieces of all
// members, as adds in the order of the ranks, which is the communicator's, so
// that the bits are the same. Kernels are formed later, and the sum becomes a
// part of whichever reads it.
//
// When the values may be read, PlaceBarriers.cpp decides.
//
//===----------------------------------------------------------------------===//

#include "dialects/Exec/IR/Exec.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Lowering/Passes.h"

using namespace mlir;
using exec::CollectiveKind;
using exec::CollectiveOp;
using exec::GemmOp;
using exec::MatrixAttr;

namespace mlir::lowering {
#define GEN_PASS_DEF_SHARECOLLECTIVESPASS
#include "passes/Lowering/Passes.h.inc"
} // namespace mlir::lowering

namespace {

enum class GemmDim { M, N, K };

/// How the shards of one operand cut a product.
struct Cut {
  GemmOp gemm;
  bool isA;
  GemmDim dim;
  int64_t parts;
  int64_t leading; ///< Of a shard, as a matrix.

  int64_t partSize() const;
};

} // namespace

static RankedTensorType tensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

static int64_t sizeOf(GemmOp gemm, GemmDim dim) {
  return dim == GemmDim::M   ? gemm.getM()
         : dim == GemmDim::N ? gemm.getN()
                             : gemm.getK();
}

int64_t Cut::partSize() const { return sizeOf(gemm, dim) / parts; }

//===----------------------------------------------------------------------===//
// Gathers
//===----------------------------------------------------------------------===//

/// How the pieces of a gather cut the product that reads it; nothing where a
/// piece is no block of rows or columns of the operand's matrix.
static std::optional<Cut> findCut(CollectiveOp gather, OpOperand &use,
                                  int64_t parts) {
  auto gemm = dyn_cast<GemmOp>(use.getOwner());
  if (!gemm || gemm.getBatch() != 1 || (gemm.getA() == gemm.getB()))
    return std::nullopt;
  bool isA = use.get() == gemm.getA();
  if (!isA && use.get() != gemm.getB())
    return std::nullopt;
  if (use.get() == gemm.getBias() || use.get() == gemm.getAccumulator() ||
      use.get() == gemm.getTarget())
    return std::nullopt;
  MatrixAttr matrix = isA ? gemm.getAMatrix() : gemm.getBMatrix();
  GemmDim rows = isA ? GemmDim::M : GemmDim::K;
  GemmDim columns = isA ? GemmDim::K : GemmDim::N;
  if (matrix.getTransposed())
    std::swap(rows, columns);
  int64_t numRows = sizeOf(gemm, rows), numColumns = sizeOf(gemm, columns);
  RankedTensorType type = tensorType(use.get());
  bool isWhole = matrix.getOffset() == 0 &&
                 (matrix.getLeading() == numColumns || numRows == 1) &&
                 numRows * numColumns == type.getNumElements();
  if (!isWhole)
    return std::nullopt;
  int64_t outer = 1;
  for (int64_t size : type.getShape().take_front(*gather.getConcatDim()))
    outer *= size;
  if (outer == 1 && numRows % parts == 0)
    return Cut{gemm, isA, rows, parts, numColumns};
  if (outer == numRows && numColumns % parts == 0)
    return Cut{gemm, isA, columns, parts, numColumns / parts};
  return std::nullopt;
}

/// The bytes that the pieces of a product move and the whole product does not:
/// along k the result is read and written again for every further piece, else
/// the other operand is read again.
static int64_t getExtraBytes(const Cut &cut) {
  GemmOp gemm = cut.gemm;
  int64_t again =
      cut.dim == GemmDim::K
          ? 2 * exec::getNumBytes(gemm.getResult().getType())
          : exec::getNumBytes((cut.isA ? gemm.getB() : gemm.getA()).getType());
  return (cut.parts - 1) * again;
}

static MatrixAttr moveBy(MatrixAttr matrix, int64_t elements) {
  return MatrixAttr::get(matrix.getContext(), matrix.getLeading(),
                         matrix.getBatchStride(), matrix.getTransposed(),
                         matrix.getOffset() + elements);
}

/// The product as one for every shard.
static void cutGemm(const Cut &cut, ArrayRef<Value> shards) {
  GemmOp gemm = cut.gemm;
  MLIRContext *context = gemm.getContext();
  OpBuilder builder(gemm);
  int64_t size = cut.partSize();
  MatrixAttr matrix = cut.isA ? gemm.getAMatrix() : gemm.getBMatrix();
  MatrixAttr shardMatrix =
      MatrixAttr::get(context, cut.leading, 0, matrix.getTransposed(), 0);
  MatrixAttr result = gemm.getResultMatrix();

  Value previous;
  for (auto [part, shard] : llvm::enumerate(shards)) {
    int64_t begin = part * size;
    auto piece = cast<GemmOp>(builder.clone(*gemm));
    MatrixAttr other = cut.isA ? gemm.getBMatrix() : gemm.getAMatrix();
    switch (cut.dim) {
    case GemmDim::M:
      piece.setM(size);
      piece.setCMatrixAttr(moveBy(result, begin * result.getLeading()));
      break;
    case GemmDim::N:
      piece.setN(size);
      piece.setCMatrixAttr(moveBy(result, begin));
      piece.setBiasOffset(gemm.getBias() ? gemm.getBiasOffset() + begin : 0);
      break;
    case GemmDim::K: {
      piece.setK(size);
      // k is the columns of a and the rows of b.
      bool isRows = cut.isA != other.getTransposed();
      other = moveBy(other, isRows ? begin * other.getLeading() : begin);
      break;
    }
    }
    if (cut.isA) {
      piece.getAMutable().assign(shard);
      piece.setAMatrixAttr(shardMatrix);
      piece.setBMatrixAttr(other);
    } else {
      piece.getBMutable().assign(shard);
      piece.setBMatrixAttr(shardMatrix);
      piece.setAMatrixAttr(other);
    }
    if (previous) {
      bool adds = cut.dim == GemmDim::K || gemm.getAccumulator();
      piece.getAccumulatorMutable().assign(adds ? ValueRange(previous)
                                                : ValueRange());
      piece.getTargetMutable().assign(adds ? ValueRange()
                                           : ValueRange(previous));
      // Of terms, the first has it.
      if (cut.dim == GemmDim::K)
        piece.getBiasMutable().clear();
    }
    previous = piece.getResult();
  }
  gemm.getResult().replaceAllUsesWith(previous);
  gemm.erase();
}

/// Whether all products that read the gather can do with its pieces, at a gain.
static bool shareGather(CollectiveOp gather, int64_t parts, int64_t minPiece) {
  SmallVector<Cut> cuts;
  int64_t extraBytes = 0;
  for (OpOperand &use : gather->getUses()) {
    std::optional<Cut> cut = findCut(gather, use, parts);
    if (!cut || cut->partSize() < minPiece)
      return false;
    extraBytes += getExtraBytes(*cut);
    cuts.push_back(*cut);
  }
  // Read and written by the gather.
  if (extraBytes >= 2 * exec::getNumBytes(gather.getType()))
    return false;
  OpBuilder builder(gather);
  SmallVector<Value> shards;
  for (int64_t member = 0; member < parts; ++member)
    shards.push_back(exec::PeerViewOp::create(
        builder, gather.getLoc(), gather.getOperand().getType(),
        gather.getOperand(), gather.getAxes(), member, /*ownPiece=*/false,
        exec::SlotAttr()));
  for (const Cut &cut : cuts)
    cutGemm(cut, shards);
  gather.erase();
  return true;
}

//===----------------------------------------------------------------------===//
// Reduce-scatters
//===----------------------------------------------------------------------===//

static bool shareReduceScatter(CollectiveOp scatter, int64_t parts) {
  Type element = scatter.getType().getElementType();
  // In f16 and bf16 the communicator adds in f32 and rounds once.
  if (*scatter.getSplitDim() != 0 ||
      *scatter.getReduction() != dist::ReductionKind::Sum ||
      !(element.isF32() || element.isF64()))
    return false;
  if (!llvm::all_of(scatter->getUsers(), [](Operation *user) {
        return isa<fabric::StructuredOpInterface>(user);
      }))
    return false;
  OpBuilder builder(scatter);
  SmallVector<Value> pieces;
  for (int64_t member = 0; member < parts; ++member)
    pieces.push_back(exec::PeerViewOp::create(
        builder, scatter.getLoc(), scatter.getType(), scatter.getOperand(),
        scatter.getAxes(), member, /*ownPiece=*/true, exec::SlotAttr()));
  Value sum = pieces.front();
  for (Value piece : ArrayRef(pieces).drop_front())
    sum = fabric::AddOp::create(builder, scatter.getLoc(), sum.getType(), sum,
                                piece);
  scatter.replaceAllUsesWith(sum);
  scatter.erase();
  return true;
}

namespace {
struct ShareCollectivesPass
    : lowering::impl::ShareCollectivesPassBase<ShareCollectivesPass> {
  using ShareCollectivesPassBase::ShareCollectivesPassBase;

  void runOnOperation() override {
    dist::MeshAttr mesh = dist::getMesh(getOperation());
    SmallVector<CollectiveOp> collectives(
        getOperation().getOps<CollectiveOp>());
    for (CollectiveOp collective : collectives) {
      int64_t parts = collective.getAxes().getNumParts(mesh);
      if (parts == 1 || collective->use_empty())
        continue;
      if (collective.getKind() == CollectiveKind::AllGather)
        numGathers += shareGather(collective, parts, minPiece);
      else if (collective.getKind() == CollectiveKind::ReduceScatter)
        numReduceScatters += shareReduceScatter(collective, parts);
    }
  }
};
} // namespace
