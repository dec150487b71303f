//===- GpuTiles.cpp - Writes transposes -----------------------------------===//
//
// Operands that lie across the inner loop are moved along their own, a square
// of them at a time, through shared memory: neighbouring threads always move
// neighbouring elements. A row of the square is an element longer than it is
// wide, so that a column of it lies in different banks.
//
//===----------------------------------------------------------------------===//

#include "passes/Lowering/Kernels/Gpu/ThreadEmitter.h"

using namespace mlir;
using namespace mlir::lowering;

namespace {

class TilesEmitter : public ThreadEmitter {
public:
  using ThreadEmitter::ThreadEmitter;

  void emitTiles() {
    width = gpuNest.tile->width;
    rows = gpuNest.getNumThreads() / width;
    column = rem(thread, width);
    row = div(thread, width);
    int64_t acrossTiles = getNumTiles(gpuNest.tile->across);
    int64_t innerTiles = getNumTiles(*gpuNest.inner);
    innerStart = mul(rem(block, innerTiles), width);
    Value rest = div(block, innerTiles);
    acrossStart = mul(rem(rest, acrossTiles), width);
    outer.resize(nest.sizes.size());
    resolve(gpuNest.kept, div(rest, acrossTiles), outer);

    for (unsigned number = 0; number < nest.accesses.size(); ++number)
      squares.push_back(
          gpuNest.tile->isAcross[number]
              ? makeShared(width * (width + 1), getElementType(number))
              : Value());
    moveAcross(/*isInput=*/true);
    forEachRow([&](Value line) { emitElement(line); });
    moveAcross(/*isInput=*/false);
  }

private:
  int64_t getNumTiles(unsigned loop) {
    return llvm::divideCeil(nest.sizes[loop], width);
  }
  Type getElementType(unsigned number) {
    return cast<MemRefType>(operands.buffers[number].getType())
        .getElementType();
  }

  void forEachRow(function_ref<void(Value)> emit) {
    emitLoop(row, index(width), rows, {}, [&](Value line, ValueRange) {
      emit(line);
      return SmallVector<Value>();
    });
  }

  /// `emit` where an element is in the domain.
  void emitAt(Value across, Value inner,
              function_ref<void(const Place &)> emit) {
    Place place = outer;
    Value isInside;
    auto set = [&](unsigned loop, Value iv) {
      place[loop] = iv;
      if (nest.sizes[loop] % width != 0)
        isInside = both(isInside, isBelow(iv, index(nest.sizes[loop])));
    };
    set(gpuNest.tile->across, add(acrossStart, across));
    set(*gpuNest.inner, add(innerStart, inner));
    emitIf(isInside, [&] { emit(place); });
  }

  /// Squares are kept as their operands lie: rows along the across loop.
  Value getPlaceInSquare(Value across, Value inner) {
    return add(mul(inner, width + 1), across);
  }

  /// Fills the squares of inputs, or empties those of outputs.
  void moveAcross(bool isInput) {
    SmallVector<unsigned> numbers;
    for (unsigned number = 0; number < squares.size(); ++number)
      if (squares[number] && (number < nest.numInputs) == isInput)
        numbers.push_back(number);
    if (numbers.empty())
      return;
    if (!isInput)
      gpu::BarrierOp::create(b);
    forEachRow([&](Value line) {
      emitAt(column, line, [&](const Place &place) {
        Value inSquare = getPlaceInSquare(column, line);
        for (unsigned number : numbers) {
          Value buffer = operands.buffers[number];
          Value offset = getOffset(number, place);
          if (isInput)
            store(load(buffer, offset, 1, 1, false), squares[number], inSquare,
                  1, 1, false);
          else
            store(load(squares[number], inSquare, 1, 1, false), buffer, offset,
                  1, 1, false);
        }
      });
    });
    if (isInput)
      gpu::BarrierOp::create(b);
  }

  /// The body, for neighbours along the inner loop.
  void emitElement(Value line) {
    emitAt(line, column, [&](const Place &place) {
      Value inSquare = getPlaceInSquare(line, column);
      IRMapping known;
      for (unsigned number = 0; number < nest.numInputs; ++number) {
        if (!gpuNest.isUsed[number])
          continue;
        Value value = squares[number]
                          ? load(squares[number], inSquare, 1, 1, false)
                          : loadInput(number, place, 1);
        known.map(nest.body->getArgument(number), value);
      }
      emitBody(known);
      for (const VectorNest::Store &output : nest.stores) {
        unsigned number = nest.numInputs + output.output;
        Value value = getValue(output.value, known);
        if (squares[number])
          store(value, squares[number], inSquare, 1, 1, false);
        else
          storeOutput(output.output, value, place, 1);
      }
    });
  }

  int64_t width = 0, rows = 0;   // Of a square; rows taken at once.
  Value column, row;             // Of the thread.
  Value acrossStart, innerStart; // Of the square.
  Place outer;                   // The other loops.
  SmallVector<Value> squares;    // By operand; null for the others.
};

} // namespace

void mlir::lowering::emitGpuTiles(const GpuNest &nest, gpu::GPUFuncOp function,
                                  const GpuOperands &operands) {
  TilesEmitter(nest, function, operands).emitTiles();
}
