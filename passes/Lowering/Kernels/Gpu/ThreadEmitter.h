//===- ThreadEmitter.h - What the code of threads is made of ----*- C++ -*-===//
//
// Private to this folder. An element's place in a flat buffer is a sum of loop
// variables times strides. The body is cloned on vectors, save what is the same
// for all of a vector.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_LOWERING_KERNELS_GPU_THREADEMITTER_H
#define FABRIC_PASSES_LOWERING_KERNELS_GPU_THREADEMITTER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "passes/Lowering/Kernels/Gpu/GpuEmitter.h"

namespace mlir::lowering {

class ThreadEmitter {
public:
  ThreadEmitter(const GpuNest &gpuNest, gpu::GPUFuncOp function,
                const GpuOperands &operands)
      : gpuNest(gpuNest), nest(gpuNest.nest), function(function),
        operands(operands), b(nest.op->getLoc(), function.getContext()) {
    b.setInsertionPointToEnd(&function.getBody().front());
    thread = gpu::ThreadIdOp::create(b, gpu::Dimension::x);
    block = gpu::BlockIdOp::create(b, gpu::Dimension::x);
  }

protected:
  /// The value of each loop; of the inner one, of a vector's first element.
  using Place = SmallVector<Value>;

  //===--------------------------------------------------------------------===//
  // Small things
  //===--------------------------------------------------------------------===//

  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }
  Value add(Value l, Value r) { return b.createOrFold<arith::AddIOp>(l, r); }
  Value mul(Value l, int64_t r) {
    return r == 1 ? l : b.createOrFold<arith::MulIOp>(l, index(r));
  }
  Value div(Value l, int64_t r) {
    return b.createOrFold<arith::DivUIOp>(l, index(r));
  }
  Value rem(Value l, int64_t r) {
    return b.createOrFold<arith::RemUIOp>(l, index(r));
  }
  Value isBelow(Value l, Value r) {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, l, r);
  }
  Value isEqual(Value l, int64_t r) {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, l, index(r));
  }
  /// Null conditions hold.
  Value both(Value l, Value r) {
    return !l ? r : !r ? l : Value(arith::AndIOp::create(b, l, r));
  }

  static bool isVectorValue(Value value) {
    return isa<VectorType>(value.getType());
  }
  static Type withShapeOf(Value like, Type element) {
    auto vector = dyn_cast<VectorType>(like.getType());
    return vector ? Type(vector.clone(element)) : element;
  }
  Type shaped(Type element, int64_t lanes) {
    return lanes == 1 ? element : Type(VectorType::get({lanes}, element));
  }
  Value broadcast(Value value, int64_t lanes) {
    if (lanes == 1 || isVectorValue(value))
      return value;
    return vector::BroadcastOp::create(b, shaped(value.getType(), lanes),
                                       value);
  }

  /// `emit` where the condition holds.
  void emitIf(Value condition, function_ref<void()> emit) {
    if (!condition)
      return emit();
    auto ifOp = scf::IfOp::create(b, condition, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(ifOp.thenBlock());
    emit();
  }

  SmallVector<Value>
  emitLoop(Value from, Value to, int64_t step, ValueRange carried,
           function_ref<SmallVector<Value>(Value, ValueRange)> emit) {
    auto loop = scf::ForOp::create(b, from, to, index(step), carried);
    OpBuilder::InsertionGuard guard(b);
    // Without carried values, there is a terminator already.
    if (carried.empty())
      b.setInsertionPoint(loop.getBody()->getTerminator());
    else
      b.setInsertionPointToEnd(loop.getBody());
    SmallVector<Value> results =
        emit(loop.getInductionVar(), loop.getRegionIterArgs());
    if (!carried.empty())
      scf::YieldOp::create(b, results);
    return SmallVector<Value>(loop.getResults());
  }

  //===--------------------------------------------------------------------===//
  // Memory
  //===--------------------------------------------------------------------===//

  /// Adds the loops of the index `position` to the place.
  void resolve(const GpuNest::Space &space, Value position, Place &place) {
    for (size_t i = space.loops.size(); i-- > 0;) {
      Value iv = i == 0 ? position : rem(position, space.sizes[i]);
      if (i != 0)
        position = div(position, space.sizes[i]);
      bool isInner = space.loops[i] == *gpuNest.inner;
      place[space.loops[i]] = isInner ? mul(iv, gpuNest.lanes) : iv;
    }
  }

  Value getOffset(unsigned number, const Place &place) {
    const VectorNest::Access &access = nest.accesses[number];
    Value offset;
    for (auto [stride, iv] : llvm::zip_equal(access.strides, place)) {
      if (stride == 0)
        continue;
      Value term = mul(iv, stride);
      offset = offset ? add(offset, term) : term;
    }
    if (!offset)
      return index(access.offset);
    return access.offset == 0 ? offset : add(offset, index(access.offset));
  }

  int64_t getInnerStride(unsigned number) const {
    return gpuNest.inner ? nest.accesses[number].strides[*gpuNest.inner] : 0;
  }

  llvm::MaybeAlign getAlignment(Type vector) {
    auto type = cast<VectorType>(vector);
    return llvm::MaybeAlign(type.getNumElements() *
                            type.getElementTypeBitWidth() / 8);
  }

  Value load(Value buffer, Value offset, int64_t lanes, int64_t stride,
             bool isVector) {
    Type element = cast<MemRefType>(buffer.getType()).getElementType();
    if (lanes == 1 || stride == 0)
      return memref::LoadOp::create(b, buffer, offset);
    auto type = cast<VectorType>(shaped(element, lanes));
    if (isVector)
      return vector::LoadOp::create(b, type, buffer, offset,
                                    /*nontemporal=*/false, getAlignment(type));
    SmallVector<Value> elements;
    for (int64_t lane = 0; lane < lanes; ++lane)
      elements.push_back(
          memref::LoadOp::create(b, buffer, add(offset, index(lane * stride))));
    return vector::FromElementsOp::create(b, type, elements);
  }

  void store(Value value, Value buffer, Value offset, int64_t lanes,
             int64_t stride, bool isVector) {
    if (lanes == 1) {
      memref::StoreOp::create(b, value, buffer, offset);
      return;
    }
    value = broadcast(value, lanes);
    if (isVector) {
      vector::StoreOp::create(b, value, buffer, offset, /*nontemporal=*/false,
                              getAlignment(value.getType()));
      return;
    }
    for (int64_t lane = 0; lane < lanes; ++lane)
      memref::StoreOp::create(b, vector::ExtractOp::create(b, value, lane),
                              buffer, add(offset, index(lane * stride)));
  }

  void storeOutput(unsigned output, Value value, const Place &place,
                   int64_t lanes) {
    unsigned number = nest.numInputs + output;
    store(value, operands.buffers[number], getOffset(number, place), lanes,
          getInnerStride(number), gpuNest.isVector[number]);
  }

  //===--------------------------------------------------------------------===//
  // The body
  //===--------------------------------------------------------------------===//

  /// The same op on other operands.
  Value cloneOn(Operation &original, SmallVector<Value> values) {
    int64_t lanes = 1;
    for (Value value : values)
      if (auto vector = dyn_cast<VectorType>(value.getType()))
        lanes = vector.getNumElements();
    for (Value &value : values)
      value = broadcast(value, lanes);
    OperationState state(
        original.getLoc(), original.getName(), values,
        withShapeOf(values.front(), original.getResult(0).getType()),
        original.getAttrDictionary().getValue());
    return b.create(state)->getResult(0);
  }

  Value getValue(Value value, const IRMapping &known) {
    if (Value found = known.lookupOrNull(value))
      return found;
    return operands.outside.lookupOrDefault(value);
  }

  Value loadInput(unsigned number, const Place &place, int64_t lanes) {
    return load(operands.buffers[number], getOffset(number, place), lanes,
                getInnerStride(number), gpuNest.isVector[number]);
  }

  /// Clones the body on the inputs that are known.
  void emitBody(IRMapping &known) {
    for (Operation &op : nest.body->without_terminator()) {
      if (nest.combinerOps.contains(&op))
        continue;
      SmallVector<Value> values;
      for (Value operand : op.getOperands())
        values.push_back(getValue(operand, known));
      known.map(op.getResult(0), cloneOn(op, std::move(values)));
    }
  }

  /// The body at some places, whose loads come first; then what is stored.
  SmallVector<IRMapping> emitBodies(ArrayRef<Place> places, int64_t lanes) {
    SmallVector<IRMapping> bodies(places.size());
    for (auto [place, known] : llvm::zip_equal(places, bodies))
      for (unsigned number = 0; number < nest.numInputs; ++number)
        if (gpuNest.isUsed[number])
          known.map(nest.body->getArgument(number),
                    loadInput(number, place, lanes));
    for (IRMapping &known : bodies)
      emitBody(known);
    for (auto [place, known] : llvm::zip_equal(places, bodies))
      for (const VectorNest::Store &output : nest.stores)
        storeOutput(output.output, getValue(output.value, known), place, lanes);
    return bodies;
  }

  /// The place of one of the elements behind the last vector.
  Place getTailPlace(Value number) {
    int64_t vectors = nest.sizes.front() / gpuNest.lanes;
    return Place{add(index(vectors * gpuNest.lanes), number)};
  }

  /// An array of a block, aligned as buffers are.
  Value makeShared(int64_t size, Type element) {
    auto space = gpu::AddressSpaceAttr::get(
        b.getContext(), gpu::GPUDialect::getWorkgroupAddressSpace());
    Value array = function.addWorkgroupAttribution(
        MemRefType::get({size}, element, MemRefLayoutAttrInterface(), space),
        b.getLoc());
    function.setWorkgroupAttributionAttr(
        function.getNumWorkgroupAttributions() - 1,
        LLVM::LLVMDialect::getAlignAttrName(), b.getI64IntegerAttr(64));
    return array;
  }

  const GpuNest &gpuNest;
  const VectorNest &nest;
  gpu::GPUFuncOp function;
  const GpuOperands &operands;
  ImplicitLocOpBuilder b;
  Value thread, block; // Of the grid.
};

/// Writes a nest of sums.
void emitGpuSums(const GpuNest &nest, gpu::GPUFuncOp function,
                 const GpuOperands &operands);

/// Writes a nest that takes squares through the memory of blocks.
void emitGpuTiles(const GpuNest &nest, gpu::GPUFuncOp function,
                  const GpuOperands &operands);

} // namespace mlir::lowering

#endif // FABRIC_PASSES_LOWERING_KERNELS_GPU_THREADEMITTER_H
