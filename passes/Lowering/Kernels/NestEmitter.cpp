//===- NestEmitter.cpp - Writes vector loops ------------------------------===//
//
// All buffers are viewed as flat, so that an element's place is a sum of loop
// variables times strides. The body is cloned on vectors, save what does not
// vary along the innermost loop, which is computed on scalars before it.
//
// Sums are kept in f64 until their loops end, which bounds the error of the
// longest sum by one rounding and costs nothing where memory is the limit: sums
// over the innermost loop in vectors that the loops carry, sums along it in
// totals on the stack.
//
//===----------------------------------------------------------------------===//

#include "passes/Lowering/Kernels/NestEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::lowering;

namespace {

class NestEmitter {
public:
  explicit NestEmitter(const VectorNest &nest)
      : nest(nest), body(*nest.body), builder(nest.op), loc(nest.op->getLoc()),
        block(nest.block) {
    for (auto [argument, operand] :
         llvm::zip_equal(body.getArguments(), nest.op->getOperands()))
      if (!isa<MemRefType>(operand.getType()))
        scalars.map(argument, operand);
  }

  void run() {
    if (llvm::is_contained(nest.sizes, 0))
      return; // Nothing to write, and nothing to add to sums.
    if (nest.sizes.empty())
      return emitScalars();
    for (const VectorNest::Access &access : nest.accesses)
      buffers.push_back(access.buffer ? flatten(access.buffer) : Value());
    for (const VectorNest::Sum &sum : nest.sums)
      totals.push_back(sum.isAlongInner ? makeTotals() : Value());
    accumulators.resize(nest.sums.size());
    ivs.resize(nest.sizes.size());
    emitLevel(0, {});
  }

private:
  /// One iteration of all loops but the innermost.
  struct Row {
    SmallVector<Value> starts; // The place of each operand's first element.
    IRMapping scalars; // Values of the body that are the same all along.
  };

  //===--------------------------------------------------------------------===//
  // Small things
  //===--------------------------------------------------------------------===//

  Type f64() { return builder.getF64Type(); }
  VectorType getVectorType(Type element) {
    return VectorType::get({nest.lanes}, element);
  }
  Value zeros(Type type) {
    return arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
  }
  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(builder, loc, value);
  }
  Value add(Value position, int64_t offset) {
    if (offset == 0)
      return position;
    return arith::AddIOp::create(builder, loc, position, index(offset));
  }
  Value getMask(int64_t count) {
    if (count == nest.lanes)
      return {};
    return vector::ConstantMaskOp::create(builder, loc,
                                          getVectorType(builder.getI1Type()),
                                          ArrayRef<int64_t>{count});
  }
  /// `type`, or a vector of it where `like` is one.
  static Type withShapeOf(Value like, Type type) {
    auto vector = dyn_cast<VectorType>(like.getType());
    return vector ? Type(vector.clone(type)) : type;
  }

  Value flatten(Value buffer) {
    auto type = cast<MemRefType>(buffer.getType());
    if (type.getRank() == 0)
      return memref::ExpandShapeOp::create(
          builder, loc, MemRefType::get({1}, type.getElementType()), buffer,
          ArrayRef<ReassociationIndices>());
    if (type.getRank() == 1)
      return buffer;
    ReassociationIndices all =
        llvm::to_vector<2>(llvm::seq<int64_t>(0, type.getRank()));
    return memref::CollapseShapeOp::create(builder, loc, buffer,
                                           ArrayRef<ReassociationIndices>{all});
  }

  /// On the stack, for the elements of a block.
  Value makeTotals() {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(
        &nest.op->getParentOfType<func::FuncOp>().getBody().front());
    int64_t length = llvm::divideCeil(nest.block, nest.lanes) * nest.lanes;
    return memref::AllocaOp::create(builder, loc,
                                    MemRefType::get({length}, f64()),
                                    builder.getI64IntegerAttr(64));
  }

  //===--------------------------------------------------------------------===//
  // Loops
  //===--------------------------------------------------------------------===//

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
  /// began further out.
  SmallVector<Value> emitLevel(unsigned level, SmallVector<Value> carried) {
    size_t outer = carried.size();
    for (auto [number, sum] : llvm::enumerate(nest.sums)) {
      if (sum.level != level)
        continue;
      if (sum.isAlongInner) {
        clearTotals(sum, totals[number]);
        continue;
      }
      accumulators[number] = carried.size();
      carried.append(nest.numAccumulators, neutral(sum));
    }

    if (level + 1 == nest.order.size()) {
      rows.clear();
      addRow();
      carried = emitInnermost(std::move(carried));
    } else if (level == nest.blockLevel) {
      carried = emitBlocks(level, std::move(carried));
    } else if (level + 2 == nest.order.size() && nest.numRows > 1) {
      carried = emitRows(level, std::move(carried));
    } else {
      carried =
          emitLoop(0, nest.sizes[nest.order[level]], 1, carried,
                   [&](Value iv, ValueRange arguments) {
                     ivs[nest.order[level]] = iv;
                     return emitLevel(level + 1, SmallVector<Value>(arguments));
                   });
    }

    for (auto [number, sum] : llvm::enumerate(nest.sums)) {
      if (sum.level != level)
        continue;
      if (sum.isAlongInner)
        storeTotals(sum, totals[number]);
      else
        storeTotal(sum, ArrayRef(carried).slice(accumulators[number],
                                                nest.numAccumulators));
    }
    carried.truncate(outer);
    return carried;
  }

  /// Whole blocks in a loop, then the rest.
  SmallVector<Value> emitBlocks(unsigned level, SmallVector<Value> carried) {
    int64_t size = nest.sizes[nest.getInner()];
    int64_t whole = size / nest.block * nest.block;
    carried = emitLoop(
        0, whole, nest.block, carried, [&](Value iv, ValueRange arguments) {
          blockStart = iv;
          return emitLevel(level + 1, SmallVector<Value>(arguments));
        });
    if (size == whole)
      return carried;
    blockStart = index(whole);
    block = size - whole;
    carried = emitLevel(level + 1, std::move(carried));
    block = nest.block;
    return carried;
  }

  /// The second innermost level by several rows at a time, then the rest.
  SmallVector<Value> emitRows(unsigned level, SmallVector<Value> carried) {
    unsigned loop = nest.order[level];
    int64_t size = nest.sizes[loop], whole = size / nest.numRows * nest.numRows;
    auto emit = [&](int64_t from, int64_t to, int64_t count) {
      carried = emitLoop(from, to, count, carried,
                         [&](Value iv, ValueRange arguments) {
                           rows.clear();
                           for (int64_t row = 0; row < count; ++row) {
                             ivs[loop] = add(iv, row);
                             addRow();
                           }
                           return emitInnermost(SmallVector<Value>(arguments));
                         });
    };
    emit(0, whole, nest.numRows);
    emit(whole, size, 1);
    return carried;
  }

  SmallVector<Value> emitInnermost(SmallVector<Value> carried) {
    int64_t lanes = nest.lanes, step = lanes * nest.numAccumulators;
    int64_t unrolled = block / step * step, whole = block / lanes * lanes;
    carried = emitLoop(0, unrolled, step, carried,
                       [&](Value iv, ValueRange arguments) {
                         SmallVector<Value> next(arguments);
                         for (int64_t i = 0; i < nest.numAccumulators; ++i)
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
      emitVector(index(whole), block - whole, nest.numAccumulators - 1,
                 carried);
    return carried;
  }

  //===--------------------------------------------------------------------===//
  // The body
  //===--------------------------------------------------------------------===//

  /// The place of an operand's first element in the current row and block.
  Value getStart(const VectorNest::Access &access) {
    Value start = index(access.offset);
    auto addTerm = [&](Value iv, int64_t stride) {
      Value term = arith::MulIOp::create(builder, loc, iv, index(stride));
      start = arith::AddIOp::create(builder, loc, start, term);
    };
    for (auto [first, stride] : access.starts)
      addTerm(first, stride);
    for (auto [loop, stride] : llvm::enumerate(access.strides))
      if (Value iv = loop == nest.getInner() ? blockStart : ivs[loop];
          iv && stride != 0)
        addTerm(iv, stride);
    return start;
  }

  /// A row at the current loop variables. Computes what is the same along it.
  void addRow() {
    Row &row = rows.emplace_back();
    row.scalars = scalars;
    for (const VectorNest::Access &access : nest.accesses)
      row.starts.push_back(access.buffer ? getStart(access) : Value());
    for (BlockArgument argument :
         body.getArguments().take_front(nest.numInputs)) {
      unsigned number = argument.getArgNumber();
      if (isVarying(number) || !buffers[number] || argument.use_empty())
        continue;
      row.scalars.map(argument, memref::LoadOp::create(
                                    builder, argument.getLoc(), buffers[number],
                                    row.starts[number]));
    }
    for (Operation &op : body.without_terminator())
      if (!nest.combinerOps.contains(&op) &&
          llvm::all_of(op.getOperands(), [&](Value operand) {
            return row.scalars.contains(operand) ||
                   operand.getParentBlock() != &body;
          }))
        builder.clone(op, row.scalars);
  }

  bool isVarying(unsigned number) const {
    return buffers[number] &&
           nest.accesses[number].strides[nest.getInner()] != 0;
  }

  /// `count` of `lanes` elements from `position` of all rows.
  void emitVector(Value position, int64_t count, unsigned accumulator,
                  MutableArrayRef<Value> carried) {
    Value mask = getMask(count);
    SmallVector<IRMapping> vectors(rows.size());
    for (BlockArgument argument :
         body.getArguments().take_front(nest.numInputs))
      if (isVarying(argument.getArgNumber()) && !argument.use_empty())
        loadRows(argument, position, count, mask, vectors);
    if (nest.prefetch &&
        accumulator % nest.prefetch->shares == nest.prefetch->share)
      prefetchRows(position);
    for (auto [row, values] : llvm::zip_equal(rows, vectors))
      emitBody(row, values);
    // After the loads of all rows, which are often a multiple of a page apart:
    // a load behind a store to such an address waits for it.
    for (const VectorNest::Store &store : nest.stores)
      storeRows(store, position, count, mask, vectors);
    for (auto [number, sum] : llvm::enumerate(nest.sums)) {
      SmallVector<Value> terms;
      for (auto [row, values] : llvm::zip_equal(rows, vectors))
        terms.push_back(extend(getVector(sum.term, row, values)));
      Value term = joinPairwise(sum, std::move(terms));
      if (sum.isAlongInner) {
        Value old = vector::LoadOp::create(builder, loc, getVectorType(f64()),
                                           totals[number], position);
        vector::StoreOp::create(builder, loc, join(sum, old, term),
                                totals[number], position);
        continue;
      }
      if (mask)
        term = arith::SelectOp::create(builder, loc, mask, term, neutral(sum));
      Value &total = carried[accumulators[number] + accumulator];
      total = join(sum, total, term);
    }
  }

  /// Clones the ops of the body on vectors.
  void emitBody(const Row &row, IRMapping &vectors) {
    for (Operation &op : body.without_terminator()) {
      if (nest.combinerOps.contains(&op) ||
          row.scalars.contains(op.getResult(0)))
        continue;
      SmallVector<Value> operands;
      for (Value operand : op.getOperands())
        operands.push_back(getVector(operand, row, vectors));
      vectors.map(op.getResult(0), cloneOn(op, operands));
    }
  }

  Value getVector(Value value, const Row &row, const IRMapping &vectors) {
    if (Value known = vectors.lookupOrNull(value))
      return known;
    return vector::BroadcastOp::create(builder, loc,
                                       getVectorType(value.getType()),
                                       row.scalars.lookupOrDefault(value));
  }

  /// The same op on other operands, all scalars or all vectors.
  Value cloneOn(Operation &original, ValueRange operands) {
    OperationState state(
        original.getLoc(), original.getName(), operands,
        withShapeOf(operands.front(), original.getResult(0).getType()),
        original.getAttrDictionary().getValue());
    return builder.create(state)->getResult(0);
  }

  //===--------------------------------------------------------------------===//
  // Memory
  //===--------------------------------------------------------------------===//

  int64_t getInnerStride(unsigned number) const {
    return nest.accesses[number].strides[nest.getInner()];
  }

  /// One element alone is moved as a scalar: of a masked store of one 16-bit
  /// lane that is the upper half of a 32-bit one, LLVM 22 makes a store of 32
  /// bits.
  bool isVectorMove(unsigned number, int64_t count) const {
    return getInnerStride(number) == 1 && (count > 1 || nest.lanes == 1);
  }

  static llvm::MaybeAlign getVectorAlign(Value vector) {
    auto type = cast<VectorType>(vector.getType());
    return llvm::MaybeAlign(type.getNumElements() *
                            type.getElementTypeBitWidth() / 8);
  }

  /// The place of an operand's element at `position` of the row.
  Value getPlace(const Row &row, unsigned number, Value position) {
    int64_t stride = getInnerStride(number);
    if (stride != 1)
      position = arith::MulIOp::create(builder, loc, position, index(stride));
    return arith::AddIOp::create(builder, loc, row.starts[number], position);
  }

  Value loadVector(const Row &row, unsigned number, Value position,
                   int64_t count, Value mask, Location loc) {
    Value buffer = buffers[number];
    VectorType type =
        getVectorType(cast<MemRefType>(buffer.getType()).getElementType());
    Value place = getPlace(row, number, position);
    if (isVectorMove(number, count)) {
      if (!mask)
        return vector::LoadOp::create(builder, loc, type, buffer, place);
      return vector::MaskedLoadOp::create(builder, loc, type, buffer, place,
                                          mask, zeros(type));
    }
    SmallVector<Value> elements;
    for (int64_t lane = 0; lane < count; ++lane)
      elements.push_back(memref::LoadOp::create(
          builder, loc, buffer, add(place, lane * getInnerStride(number))));
    if (count < nest.lanes)
      elements.resize(nest.lanes, zeros(type.getElementType()));
    return vector::FromElementsOp::create(builder, loc, type, elements);
  }

  /// Fetches what will be read at `position` of the rows ahead. Behind the end
  /// of a buffer that does nothing.
  void prefetchRows(Value position) {
    for (BlockArgument argument :
         body.getArguments().take_front(nest.numInputs)) {
      unsigned number = argument.getArgNumber();
      int64_t stride = nest.accesses[number].strides[nest.prefetch->loop];
      bool isOnStack = isa_and_nonnull<memref::AllocaOp>(
          nest.accesses[number].buffer.getDefiningOp());
      if (!isVarying(number) || stride == 0 || isOnStack)
        continue;
      for (const Row &row : rows)
        memref::PrefetchOp::create(builder, loc, buffers[number],
                                   add(getPlace(row, number, position),
                                       nest.prefetch->distance * stride),
                                   /*isWrite=*/false, /*localityHint=*/2,
                                   /*isDataCache=*/true);
    }
  }

  void storeVector(const Row &row, unsigned number, Value value, Value position,
                   int64_t count, Value mask, bool isStreamed = false) {
    Value buffer = buffers[number];
    Value place = getPlace(row, number, position);
    if (isVectorMove(number, count)) {
      if (mask)
        vector::MaskedStoreOp::create(builder, loc, buffer, place, mask, value);
      else
        vector::StoreOp::create(builder, loc, value, buffer, place, isStreamed,
                                isStreamed ? getVectorAlign(value)
                                           : llvm::MaybeAlign());
      return;
    }
    for (int64_t lane = 0; lane < count; ++lane)
      memref::StoreOp::create(
          builder, loc, vector::ExtractOp::create(builder, loc, value, lane),
          buffer, add(place, lane * getInnerStride(number)));
  }

  /// Whether the rows are a square of an operand that lies across them: its
  /// vectors are then along the rows' loop, and are transposed.
  bool isTile(unsigned number, int64_t count) const {
    return count == nest.lanes && rows.size() == static_cast<size_t>(count) &&
           getInnerStride(number) != 1 &&
           nest.accesses[number].strides[nest.order.end()[-2]] == 1;
  }

  void loadRows(BlockArgument argument, Value position, int64_t count,
                Value mask, MutableArrayRef<IRMapping> vectors) {
    unsigned number = argument.getArgNumber();
    if (!isTile(number, count)) {
      for (auto [row, values] : llvm::zip_equal(rows, vectors))
        values.map(argument, loadVector(row, number, position, count, mask,
                                        argument.getLoc()));
      return;
    }
    Value place = getPlace(rows.front(), number, position);
    SmallVector<Value> columns;
    for (int64_t lane = 0; lane < count; ++lane)
      columns.push_back(vector::LoadOp::create(
          builder, argument.getLoc(), getVectorType(argument.getType()),
          buffers[number], add(place, lane * getInnerStride(number))));
    for (auto [value, values] :
         llvm::zip_equal(transpose(std::move(columns)), vectors))
      values.map(argument, value);
  }

  void storeRows(const VectorNest::Store &store, Value position, int64_t count,
                 Value mask, ArrayRef<IRMapping> vectors) {
    unsigned number = nest.numInputs + store.output;
    SmallVector<Value> values;
    for (auto [row, known] : llvm::zip_equal(rows, vectors))
      values.push_back(getVector(store.value, row, known));
    if (!isTile(number, count)) {
      for (auto [row, value] : llvm::zip_equal(rows, values))
        storeVector(row, number, value, position, count, mask,
                    store.isStreamed);
      return;
    }
    Value place = getPlace(rows.front(), number, position);
    for (auto [lane, value] : llvm::enumerate(transpose(std::move(values))))
      vector::StoreOp::create(builder, loc, value, buffers[number],
                              add(place, lane * getInnerStride(number)));
  }

  /// As many vectors as they have lanes. Each round interleaves the first half
  /// of them with the second.
  SmallVector<Value> transpose(SmallVector<Value> vectors) {
    int64_t count = vectors.size();
    SmallVector<int64_t> low, high;
    for (int64_t lane = 0; lane < count / 2; ++lane) {
      low.append({lane, count + lane});
      high.append({count / 2 + lane, count + count / 2 + lane});
    }
    for (int64_t round = 1; round < count; round *= 2) {
      SmallVector<Value> next;
      for (int64_t i = 0; i < count / 2; ++i)
        for (ArrayRef<int64_t> half : {low, high})
          next.push_back(vector::ShuffleOp::create(
              builder, loc, vectors[i], vectors[i + count / 2], half));
      vectors = std::move(next);
    }
    return vectors;
  }

  //===--------------------------------------------------------------------===//
  // Sums
  //===--------------------------------------------------------------------===//

  Value extend(Value term) {
    if (getElementTypeOrSelf(term.getType()).isF64())
      return term;
    return arith::ExtFOp::create(builder, loc, withShapeOf(term, f64()), term);
  }

  Value join(const VectorNest::Sum &sum, Value left, Value right) {
    return vector::makeArithReduction(builder, loc, sum.kind, left, right);
  }

  /// What a reduction starts from, a vector of it.
  Value neutral(const VectorNest::Sum &sum) {
    VectorType type = getVectorType(f64());
    if (sum.kind == vector::CombiningKind::ADD)
      return zeros(type);
    Attribute number = builder.getFloatAttr(
        f64(), APFloat::getInf(APFloat::IEEEdouble(),
                               sum.kind == vector::CombiningKind::MAXIMUMF));
    return arith::ConstantOp::create(builder, loc,
                                     DenseElementsAttr::get(type, number));
  }

  Value joinPairwise(const VectorNest::Sum &sum, SmallVector<Value> parts) {
    while (parts.size() > 1) {
      SmallVector<Value> pairs;
      for (size_t i = 0; i + 1 < parts.size(); i += 2)
        pairs.push_back(join(sum, parts[i], parts[i + 1]));
      if (parts.size() % 2)
        pairs.push_back(parts.back());
      parts = std::move(pairs);
    }
    return parts.front();
  }

  /// What becomes of an output's element `old` by a total.
  Value combine(const VectorNest::Sum &sum, Value old, Value total) {
    if (!sum.term.getType().isF64())
      total = arith::TruncFOp::create(
          builder, loc, withShapeOf(total, sum.term.getType()), total);
    IRMapping mapping;
    mapping.map(sum.element, old);
    mapping.map(sum.addend, total);
    Value result;
    for (Operation *op : sum.combiner) {
      SmallVector<Value> operands;
      for (Value operand : op->getOperands())
        operands.push_back(mapping.lookup(operand));
      result = cloneOn(*op, operands);
      mapping.map(op->getResult(0), result);
    }
    return result;
  }

  void storeTotal(const VectorNest::Sum &sum, ArrayRef<Value> parts) {
    // In any order, which the code then fixes.
    Value total = vector::ReductionOp::create(
        builder, loc, sum.kind, joinPairwise(sum, SmallVector<Value>(parts)),
        arith::FastMathFlags::reassoc);
    Value buffer = buffers[nest.numInputs + sum.output];
    Value place = getStart(nest.getOutputAccess(sum.output));
    Value old = memref::LoadOp::create(builder, loc, buffer, place);
    memref::StoreOp::create(builder, loc, combine(sum, old, total), buffer,
                            place);
  }

  /// Calls `emit` for every vector of the block.
  void forEachVector(function_ref<void(Value, int64_t)> emit) {
    int64_t whole = block / nest.lanes * nest.lanes;
    emitLoop(0, whole, nest.lanes, {}, [&](Value iv, ValueRange) {
      emit(iv, nest.lanes);
      return SmallVector<Value>();
    });
    if (block != whole)
      emit(index(whole), block - whole);
  }

  void clearTotals(const VectorNest::Sum &sum, Value totals) {
    Value first = neutral(sum);
    forEachVector([&](Value position, int64_t) {
      vector::StoreOp::create(builder, loc, first, totals, position);
    });
  }

  void storeTotals(const VectorNest::Sum &sum, Value totals) {
    unsigned number = nest.numInputs + sum.output;
    Row row;
    row.starts.resize(nest.accesses.size());
    row.starts[number] = getStart(nest.accesses[number]);
    forEachVector([&](Value position, int64_t count) {
      Value mask = getMask(count);
      Value total = vector::LoadOp::create(builder, loc, getVectorType(f64()),
                                           totals, position);
      Value old = loadVector(row, number, position, count, mask, loc);
      storeVector(row, number, combine(sum, old, total), position, count, mask);
    });
  }

  /// No loops: the body once.
  void emitScalars() {
    for (BlockArgument argument :
         body.getArguments().take_front(nest.numInputs))
      if (Value buffer = nest.accesses[argument.getArgNumber()].buffer)
        scalars.map(argument,
                    memref::LoadOp::create(builder, loc, buffer, ValueRange()));
    for (Operation &op : body.without_terminator())
      builder.clone(op, scalars);
    for (const VectorNest::Store &store : nest.stores)
      memref::StoreOp::create(
          builder, loc, scalars.lookupOrDefault(store.value),
          nest.getOutputAccess(store.output).buffer, ValueRange());
  }

  const VectorNest &nest;
  Block &body;
  OpBuilder builder;
  Location loc;
  IRMapping scalars;          // Values of the body that are scalars everywhere.
  SmallVector<Value> buffers; // Flat, of inputs and outputs.
  SmallVector<Value> totals;  // Of each sum along the innermost loop.

  // Where emission is.
  SmallVector<size_t> accumulators; // Of each sum, the first that loops carry.
  SmallVector<Value> ivs;           // Of loops.
  Value blockStart;
  int64_t block; // Its length.
  SmallVector<Row> rows;
};

} // namespace

void mlir::lowering::emitVectorNest(const VectorNest &nest) {
  NestEmitter(nest).run();
}
