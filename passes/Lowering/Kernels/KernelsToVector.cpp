//===- KernelsToVector.cpp - Vectorises the linalg ops of a kernel --------===//
//
// All buffers are viewed as flat, so that an element's place is a sum of loop
// variables times strides. The loops are ordered, the innermost is taken a
// vector at a time, and the body is cloned on vectors, save what does not vary
// along the innermost loop, which is computed on scalars before it.
//
// Sums are kept in f64 until their loops end, which bounds the error of the
// longest sum by one rounding and costs nothing where memory is the limit:
// * over the innermost loop, in several vectors that the loops carry;
// * along the innermost loop, in a row on the stack. That loop is then cut into
//   blocks, outside of the loops summed over, so that the row stays in the
//   first-level cache while whole pages of the operands stream past.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/Lowering/Kernels/Passes.h"

namespace mlir::lowering {
#define GEN_PASS_DEF_KERNELSTOVECTORPASS
#include "passes/Lowering/Kernels/Passes.h.inc"
} // namespace mlir::lowering

using namespace mlir;
using namespace mlir::lowering;

namespace {

/// Elements of the innermost loop whose sums are on the stack at a time.
constexpr int64_t blockSize = 1024;
/// Vectors that a sum over the innermost loop is spread over.
constexpr int64_t maxAccumulators = 4;

/// An operand of the nest: a flat buffer, and for each loop the distance
/// between neighbours.
struct Access {
  Value buffer;
  SmallVector<int64_t> strides;

  Type getElementType() const {
    return cast<MemRefType>(buffer.getType()).getElementType();
  }
};

struct Sum {
  unsigned output;
  Value term;         // Of the op's body.
  unsigned level = 0; // Which holds all loops of the sum, see NestEmitter.
  Value row;          // On the stack, for sums along the innermost loop.
};

class NestEmitter {
public:
  NestEmitter(linalg::LinalgOp op, unsigned vectorBits)
      : op(op), body(*op.getBlock()), builder(op), loc(op.getLoc()),
        sizes(op.getStaticLoopRanges()), numInputs(op.getNumDpsInputs()),
        vectorBits(vectorBits) {}

  LogicalResult run() {
    if (failed(readOp()))
      return failure();
    if (llvm::is_contained(sizes, 0))
      return success(); // Nothing to write, and nothing to add to sums.
    if (sizes.empty()) {
      emitScalars();
      return success();
    }
    orderLoops();
    ivs.assign(sizes.size(), Value());
    emitLevel(0, {});
    return success();
  }

private:
  //===--------------------------------------------------------------------===//
  // Reading the op
  //===--------------------------------------------------------------------===//

  LogicalResult readOp() {
    if (llvm::any_of(sizes, ShapedType::isDynamic))
      return op.emitOpError() << "expects static loops";
    for (OpOperand &operand : op->getOpOperands()) {
      if (!isa<MemRefType>(operand.get().getType())) {
        scalars.map(body.getArgument(operand.getOperandNumber()),
                    operand.get());
        accesses.push_back({});
        continue;
      }
      accesses.push_back(
          getAccess(operand.get(), op.getMatchingIndexingMap(&operand)));
    }
    for (unsigned output = 0; output < op.getNumDpsInits(); ++output) {
      AffineMap map = op.getIndexingMapsArray()[numInputs + output];
      Value yielded = body.getTerminator()->getOperand(output);
      if (map.getNumResults() == map.getNumDims()) {
        stores.push_back({output, yielded});
        continue;
      }
      Value term = getTerm(yielded, body.getArgument(numInputs + output));
      if (!term)
        return op.emitOpError() << "expects output " << output
                                << ", which loops reduce, to be a float sum";
      sums.push_back({output, term, /*level=*/0, /*row=*/Value()});
    }
    bool wide = true; // Nothing but 64-bit numbers.
    for (Operation &inner : body.without_terminator()) {
      if (sumOps.contains(&inner))
        continue;
      if (!OpTrait::hasElementwiseMappableTraits(&inner) ||
          inner.getNumResults() != 1)
        return inner.emitOpError() << "cannot be vectorised in a kernel";
      wide &= inner.getResult(0).getType().getIntOrFloatBitWidth() == 64;
    }
    for (auto [argument, access] :
         llvm::zip_equal(body.getArguments(), accesses))
      if (access.buffer &&
          (argument.getArgNumber() >= numInputs || !argument.use_empty()))
        wide &= access.getElementType().getIntOrFloatBitWidth() == 64;
    lanes = vectorBits / (wide ? 64 : 32);
    return success();
  }

  Access getAccess(Value buffer, AffineMap map) {
    auto type = cast<MemRefType>(buffer.getType());
    Access access{buffer, SmallVector<int64_t>(sizes.size(), 0)};
    int64_t stride = 1;
    for (int64_t dim = type.getRank() - 1; dim >= 0; --dim) {
      access.strides[map.getDimPosition(dim)] = stride;
      stride *= type.getDimSize(dim);
    }
    if (type.getRank() == 0 && !sizes.empty())
      access.buffer = memref::ExpandShapeOp::create(
          builder, loc, MemRefType::get({1}, type.getElementType()), buffer,
          ArrayRef<ReassociationIndices>());
    if (type.getRank() > 1) {
      ReassociationIndices all =
          llvm::to_vector<2>(llvm::seq<int64_t>(0, type.getRank()));
      access.buffer = memref::CollapseShapeOp::create(
          builder, loc, buffer, ArrayRef<ReassociationIndices>{all});
    }
    return access;
  }

  /// What is added to `sum` to make `yielded`; in between, both may be extended
  /// and rounded. Notes the ops of the chain, which are not cloned.
  Value getTerm(Value yielded, BlockArgument sum) {
    SmallVector<Operation *> chain;
    if (auto rounding = yielded.getDefiningOp<arith::TruncFOp>()) {
      chain.push_back(rounding);
      yielded = rounding.getIn();
    }
    auto add = yielded.getDefiningOp<arith::AddFOp>();
    if (!add)
      return {};
    chain.push_back(add);
    Value from = add.getLhs();
    if (auto extension = from.getDefiningOp<arith::ExtFOp>()) {
      chain.push_back(extension);
      from = extension.getIn();
    }
    if (from != sum)
      return {};
    sumOps.insert(chain.begin(), chain.end());
    return add.getRhs();
  }

  //===--------------------------------------------------------------------===//
  // The order of loops
  //===--------------------------------------------------------------------===//

  bool isSummedOver(const Sum &sum, unsigned loop) const {
    return accesses[numInputs + sum.output].strides[loop] == 0;
  }

  /// Loops outside in: what no sum is over, [a block of the innermost loop],
  /// what sums are over, the innermost loop.
  void orderLoops() {
    inner = sizes.size() - 1;
    bool hasRows = false;
    SmallVector<unsigned> kept, summed;
    for (const Sum &sum : sums)
      hasRows |= !isSummedOver(sum, inner);
    for (unsigned loop = 0; loop < inner; ++loop) {
      bool isKept = sums.empty() || llvm::any_of(sums, [&](const Sum &sum) {
                      return !isSummedOver(sum, loop);
                    });
      (isKept ? kept : summed).push_back(loop);
    }
    order = kept;
    if (hasRows)
      order.push_back(inner);
    llvm::append_range(order, summed);
    order.push_back(inner);
    block = hasRows ? std::min(blockSize, sizes[inner]) : sizes[inner];
    rowLevel = kept.size() + (hasRows ? 1 : 0);

    int64_t vectors = std::max<int64_t>(sizes[inner] / lanes, 1);
    numAccumulators = std::min(maxAccumulators, vectors);
    carriesSums = false;
    OpBuilder::InsertionGuard guard(builder);
    for (Sum &sum : sums) {
      if (!isSummedOver(sum, inner)) {
        sum.level = rowLevel;
        int64_t length = llvm::divideCeil(block, lanes) * lanes;
        auto type = MemRefType::get({length}, builder.getF64Type());
        builder.setInsertionPointToStart(
            &op->getParentOfType<func::FuncOp>().getBody().front());
        sum.row = memref::AllocaOp::create(builder, loc, type,
                                           builder.getI64IntegerAttr(64));
        continue;
      }
      carriesSums = true;
      sum.level = order.size() - 1;
      while (sum.level > 0 && isSummedOver(sum, order[sum.level - 1]))
        --sum.level;
    }
    if (!carriesSums)
      numAccumulators = 1;
  }

  //===--------------------------------------------------------------------===//
  // Loops
  //===--------------------------------------------------------------------===//

  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(builder, loc, value);
  }

  /// A loop that carries `carried`; straight-line code where it runs once.
  SmallVector<Value>
  emitLoop(int64_t from, int64_t to, int64_t step, ValueRange carried,
           function_ref<SmallVector<Value>(Value, ValueRange)> emitBody) {
    if (from >= to)
      return SmallVector<Value>(carried);
    if (from + step >= to)
      return emitBody(index(from), carried);
    auto loop = scf::ForOp::create(
        builder, loc, index(from), index(to), index(step), carried,
        [&](OpBuilder &, Location, Value iv, ValueRange arguments) {
          OpBuilder::InsertionGuard guard(builder);
          builder.setInsertionPointToEnd(iv.getParentBlock());
          SmallVector<Value> results = emitBody(iv, arguments);
          scf::YieldOp::create(builder, loc, results);
        });
    return SmallVector<Value>(loop.getResults());
  }

  /// The loops from `level` on. `carried` holds the accumulators of sums that
  /// began further out, `numAccumulators` each.
  SmallVector<Value> emitLevel(unsigned level, SmallVector<Value> carried) {
    size_t outer = carried.size();
    for (Sum &sum : sums) {
      if (sum.level != level)
        continue;
      if (sum.row)
        clearRow(sum);
      else
        carried.append(numAccumulators, zeros(getVectorType(f64())));
    }
    if (level == order.size() - 1)
      carried = emitInnermost(std::move(carried));
    else if (level + 1 == rowLevel && order[level] == inner)
      carried = emitBlocks(level, std::move(carried));
    else
      carried =
          emitLoop(0, sizes[order[level]], 1, carried,
                   [&](Value iv, ValueRange arguments) {
                     ivs[order[level]] = iv;
                     return emitLevel(level + 1, SmallVector<Value>(arguments));
                   });
    size_t next = outer;
    for (Sum &sum : sums) {
      if (sum.level != level)
        continue;
      if (sum.row) {
        storeRow(sum);
        continue;
      }
      storeTotal(sum, ArrayRef(carried).slice(next, numAccumulators));
      next += numAccumulators;
    }
    carried.truncate(outer);
    return carried;
  }

  /// Whole blocks in a loop, then the rest.
  SmallVector<Value> emitBlocks(unsigned level, SmallVector<Value> carried) {
    int64_t whole = sizes[inner] / block * block;
    int64_t rest = sizes[inner] - whole;
    carried =
        emitLoop(0, whole, block, carried, [&](Value iv, ValueRange arguments) {
          blockStart = iv;
          return emitLevel(level + 1, SmallVector<Value>(arguments));
        });
    if (rest == 0)
      return carried;
    blockStart = index(whole);
    std::swap(block, rest);
    carried = emitLevel(level + 1, std::move(carried));
    std::swap(block, rest);
    return carried;
  }

  SmallVector<Value> emitInnermost(SmallVector<Value> carried) {
    // Where this row of each operand starts, and what is the same all along.
    rowStarts.clear();
    for (const Access &access : accesses)
      rowStarts.push_back(access.buffer ? getRowStart(access) : Value());
    scalarsHere = scalars;
    emitUniform();

    int64_t step = lanes * numAccumulators;
    int64_t unrolled = block / step * step, whole = block / lanes * lanes;
    carried = emitLoop(0, unrolled, step, carried,
                       [&](Value iv, ValueRange arguments) {
                         SmallVector<Value> next(arguments);
                         for (int64_t i = 0; i < numAccumulators; ++i)
                           emitVector(add(iv, i * lanes), lanes, i, next);
                         return next;
                       });
    carried = emitLoop(unrolled, whole, lanes, carried,
                       [&](Value iv, ValueRange arguments) {
                         SmallVector<Value> next(arguments);
                         emitVector(iv, lanes, 0, next);
                         return next;
                       });
    if (block != whole)
      emitVector(index(whole), block - whole, numAccumulators - 1, carried);
    return carried;
  }

  //===--------------------------------------------------------------------===//
  // The body
  //===--------------------------------------------------------------------===//

  Type f64() { return builder.getF64Type(); }
  VectorType getVectorType(Type element) {
    return VectorType::get({lanes}, element);
  }
  Value zeros(Type type) {
    return arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
  }
  Value add(Value position, int64_t offset) {
    if (offset == 0)
      return position;
    return arith::AddIOp::create(builder, loc, position, index(offset));
  }

  Value getRowStart(const Access &access) {
    Value start = index(0);
    auto addTerm = [&](Value iv, int64_t stride) {
      if (stride == 0 || !iv)
        return;
      Value term = arith::MulIOp::create(builder, loc, iv, index(stride));
      start = arith::AddIOp::create(builder, loc, start, term);
    };
    for (auto [loop, stride] : llvm::enumerate(access.strides))
      addTerm(loop == inner ? blockStart : ivs[loop], stride);
    return start;
  }

  /// Ops of the body whose operands do not vary along the innermost loop.
  void emitUniform() {
    for (BlockArgument argument : body.getArguments().take_front(numInputs)) {
      const Access &access = accesses[argument.getArgNumber()];
      if (!access.buffer || access.strides[inner] != 0 || argument.use_empty())
        continue;
      scalarsHere.map(argument, memref::LoadOp::create(
                                    builder, argument.getLoc(), access.buffer,
                                    rowStarts[argument.getArgNumber()]));
    }
    for (Operation &inner : body.without_terminator())
      if (!sumOps.contains(&inner) &&
          llvm::all_of(inner.getOperands(), [&](Value operand) {
            return scalarsHere.contains(operand) ||
                   operand.getParentBlock() != &body;
          }))
        builder.clone(inner, scalarsHere);
  }

  /// `count` of `lanes` elements from `position` of the row or block.
  void emitVector(Value position, int64_t count, unsigned accumulator,
                  MutableArrayRef<Value> carried) {
    IRMapping vectors;
    Value mask = count == lanes ? Value() : getMask(count);
    for (BlockArgument argument : body.getArguments().take_front(numInputs)) {
      unsigned number = argument.getArgNumber();
      if (!accesses[number].buffer || accesses[number].strides[inner] == 0 ||
          argument.use_empty())
        continue;
      vectors.map(argument,
                  loadVector(number, position, count, mask, argument.getLoc()));
    }
    for (Operation &inner : body.without_terminator()) {
      if (sumOps.contains(&inner) || scalarsHere.contains(inner.getResult(0)))
        continue;
      SmallVector<Value> operands;
      for (Value operand : inner.getOperands())
        operands.push_back(getVector(operand, vectors));
      OperationState state(inner.getLoc(), inner.getName(), operands,
                           getVectorType(inner.getResult(0).getType()),
                           inner.getAttrDictionary().getValue());
      vectors.map(inner.getResult(0), builder.create(state)->getResult(0));
    }
    for (auto &[output, value] : stores)
      storeVector(numInputs + output, getVector(value, vectors), position,
                  count, mask);
    size_t next = accumulator;
    for (Sum &sum : sums) {
      Value term = toF64(getVector(sum.term, vectors));
      if (sum.row) {
        Value old = vector::LoadOp::create(builder, loc, getVectorType(f64()),
                                           sum.row, position);
        vector::StoreOp::create(builder, loc,
                                arith::AddFOp::create(builder, loc, old, term),
                                sum.row, position);
        continue;
      }
      if (mask)
        term = arith::SelectOp::create(builder, loc, mask, term,
                                       zeros(term.getType()));
      carried[next] = arith::AddFOp::create(builder, loc, carried[next], term);
      next += numAccumulators;
    }
  }

  Value getVector(Value value, const IRMapping &vectors) {
    if (Value known = vectors.lookupOrNull(value))
      return known;
    Value scalar = scalarsHere.lookupOrDefault(value);
    return vector::BroadcastOp::create(builder, loc,
                                       getVectorType(value.getType()), scalar);
  }

  Value getMask(int64_t count) {
    return vector::ConstantMaskOp::create(builder, loc,
                                          getVectorType(builder.getI1Type()),
                                          ArrayRef<int64_t>{count});
  }

  /// The place of an operand's element at `position` of the row.
  Value getPlace(unsigned number, Value position) {
    int64_t stride = accesses[number].strides[inner];
    if (stride != 1)
      position = arith::MulIOp::create(builder, loc, position, index(stride));
    return arith::AddIOp::create(builder, loc, rowStarts[number], position);
  }

  Value loadVector(unsigned number, Value position, int64_t count, Value mask,
                   Location loc) {
    const Access &access = accesses[number];
    VectorType type = getVectorType(access.getElementType());
    Value place = getPlace(number, position);
    if (access.strides[inner] == 1) {
      if (!mask)
        return vector::LoadOp::create(builder, loc, type, access.buffer, place);
      return vector::MaskedLoadOp::create(builder, loc, type, access.buffer,
                                          place, mask, zeros(type));
    }
    Value zero;
    SmallVector<Value> elements;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      if (lane >= count) {
        zero = zero ? zero : zeros(type.getElementType());
        elements.push_back(zero);
        continue;
      }
      elements.push_back(
          memref::LoadOp::create(builder, loc, access.buffer,
                                 add(place, lane * access.strides[inner])));
    }
    return vector::FromElementsOp::create(builder, loc, type, elements);
  }

  void storeVector(unsigned number, Value value, Value position, int64_t count,
                   Value mask) {
    const Access &access = accesses[number];
    Value place = getPlace(number, position);
    if (access.strides[inner] == 1) {
      if (mask)
        vector::MaskedStoreOp::create(builder, loc, access.buffer, place, mask,
                                      value);
      else
        vector::StoreOp::create(builder, loc, value, access.buffer, place);
      return;
    }
    for (int64_t lane = 0; lane < count; ++lane)
      memref::StoreOp::create(
          builder, loc, vector::ExtractOp::create(builder, loc, value, lane),
          access.buffer, add(place, lane * access.strides[inner]));
  }

  //===--------------------------------------------------------------------===//
  // Sums
  //===--------------------------------------------------------------------===//

  /// `type`, or a vector of it where `like` is one.
  static Type withShapeOf(Value like, Type type) {
    auto vector = dyn_cast<VectorType>(like.getType());
    return vector ? Type(vector.clone(type)) : type;
  }

  /// In steps that machines have: 16-bit formats go by f32.
  Value toF64(Value value) {
    Type element = getElementTypeOrSelf(value.getType());
    if (element.isF64())
      return value;
    if (!element.isF32())
      value = arith::ExtFOp::create(
          builder, loc, withShapeOf(value, builder.getF32Type()), value);
    return arith::ExtFOp::create(builder, loc, withShapeOf(value, f64()),
                                 value);
  }

  Value fromF64(Value value, Type element) {
    if (element.isF64())
      return value;
    value = arith::TruncFOp::create(
        builder, loc, withShapeOf(value, builder.getF32Type()), value);
    if (element.isF32())
      return value;
    return arith::TruncFOp::create(builder, loc, withShapeOf(value, element),
                                   value);
  }

  /// Adds to an element of the output the lanes of all accumulators, pairwise.
  void storeTotal(const Sum &sum, ArrayRef<Value> accumulators) {
    SmallVector<Value> parts(accumulators);
    while (parts.size() > 1) {
      SmallVector<Value> pairs;
      for (size_t i = 0; i + 1 < parts.size(); i += 2)
        pairs.push_back(
            arith::AddFOp::create(builder, loc, parts[i], parts[i + 1]));
      if (parts.size() % 2)
        pairs.push_back(parts.back());
      parts = std::move(pairs);
    }
    Value total =
        vector::ReductionOp::create(builder, loc, vector::CombiningKind::ADD,
                                    parts[0], arith::FastMathFlags::reassoc);
    const Access &access = accesses[numInputs + sum.output];
    Value place = getRowStart(access);
    Value old = memref::LoadOp::create(builder, loc, access.buffer, place);
    total = arith::AddFOp::create(builder, loc, toF64(old), total);
    memref::StoreOp::create(builder, loc,
                            fromF64(total, access.getElementType()),
                            access.buffer, place);
  }

  void clearRow(const Sum &sum) {
    Value zero = zeros(getVectorType(f64()));
    emitLoop(0, block, lanes, {}, [&](Value iv, ValueRange) {
      vector::StoreOp::create(builder, loc, zero, sum.row, iv);
      return SmallVector<Value>();
    });
  }

  void storeRow(const Sum &sum) {
    unsigned number = numInputs + sum.output;
    const Access &access = accesses[number];
    rowStarts.assign(accesses.size(), Value());
    rowStarts[number] = getRowStart(access);
    auto emit = [&](Value position, int64_t count) {
      Value mask = count == lanes ? Value() : getMask(count);
      Value total = vector::LoadOp::create(builder, loc, getVectorType(f64()),
                                           sum.row, position);
      Value old = loadVector(number, position, count, mask, loc);
      total = arith::AddFOp::create(builder, loc, toF64(old), total);
      storeVector(number, fromF64(total, access.getElementType()), position,
                  count, mask);
    };
    int64_t whole = block / lanes * lanes;
    emitLoop(0, whole, lanes, {}, [&](Value iv, ValueRange) {
      emit(iv, lanes);
      return SmallVector<Value>();
    });
    if (block != whole)
      emit(index(whole), block - whole);
  }

  /// No loops: the body once.
  void emitScalars() {
    for (BlockArgument argument : body.getArguments().take_front(numInputs))
      if (Value buffer = accesses[argument.getArgNumber()].buffer)
        scalars.map(argument,
                    memref::LoadOp::create(builder, loc, buffer, ValueRange()));
    for (Operation &inner : body.without_terminator())
      builder.clone(inner, scalars);
    for (auto &[output, value] : stores)
      memref::StoreOp::create(builder, loc, scalars.lookupOrDefault(value),
                              accesses[numInputs + output].buffer,
                              ValueRange());
  }

  linalg::LinalgOp op;
  Block &body;
  OpBuilder builder;
  Location loc;
  SmallVector<int64_t> sizes;
  unsigned numInputs, vectorBits;

  SmallVector<Access> accesses;                   // Of inputs, then outputs.
  SmallVector<std::pair<unsigned, Value>> stores; // Output and what it gets.
  SmallVector<Sum> sums;
  DenseSet<Operation *> sumOps;
  IRMapping scalars; // Values of the body that are scalars everywhere.
  int64_t lanes = 1;

  unsigned inner = 0;
  SmallVector<unsigned> order; // The loop of each level.
  unsigned rowLevel = 0;       // Inside the level of blocks, if there is one.
  int64_t block = 0; // Of the innermost loop at a time: all, without rows.
  int64_t numAccumulators = 1;
  bool carriesSums = false;

  // Where emission is.
  SmallVector<Value> ivs;
  Value blockStart;
  SmallVector<Value> rowStarts;
  IRMapping scalarsHere;
};

class KernelsToVectorPass
    : public lowering::impl::KernelsToVectorPassBase<KernelsToVectorPass> {
  using KernelsToVectorPassBase::KernelsToVectorPassBase;

  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    for (linalg::LinalgOp op : ops) {
      if (failed(NestEmitter(op, vectorBits).run()))
        return signalPassFailure();
      op.erase();
    }
    // Only gave a loop its size.
    getOperation().walk([](memref::AllocaOp alloca) {
      if (alloca->use_empty())
        alloca.erase();
    });
  }
};

} // namespace
