//===- Elementwise.cpp - Elementwise ops, interpreted ---------------------===//

#include "compiler/Interpreter/OpTable.h"
#include "dialects/Fabric/IR/Fabric.h"
#include <cmath>

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::interpreter;

template <double (*function)(double)>
static LogicalResult unary(Operation *, ArrayRef<const Tensor *> operands,
                           MutableArrayRef<Tensor> results) {
  for (size_t i = 0, e = results[0].floats.size(); i < e; ++i)
    results[0].floats[i] = function(operands[0]->floats[i]);
  return success();
}

template <double (*function)(double, double)>
static LogicalResult binary(Operation *, ArrayRef<const Tensor *> operands,
                            MutableArrayRef<Tensor> results) {
  for (size_t i = 0, e = results[0].floats.size(); i < e; ++i)
    results[0].floats[i] =
        function(operands[0]->floats[i], operands[1]->floats[i]);
  return success();
}

static double add(double a, double b) { return a + b; }
static double sub(double a, double b) { return a - b; }
static double mul(double a, double b) { return a * b; }
static double neg(double a) { return -a; }
static double sigmoid(double a) { return 1.0 / (1.0 + std::exp(-a)); }
static double silu(double a) { return a / (1.0 + std::exp(-a)); }

/// Between floats nothing happens, for all are f64 here. Integers keep the low
/// bits that their type has.
static LogicalResult cast(Operation *op, ArrayRef<const Tensor *> operands,
                          MutableArrayRef<Tensor> results) {
  const Tensor &from = *operands[0];
  Tensor &to = results[0];
  if (to.isFloat()) {
    for (int64_t i = 0, e = to.getNumElements(); i < e; ++i)
      to.floats[i] = from.at(i);
    return success();
  }
  if (from.isFloat())
    return op->emitOpError() << "casts a float to an integer, which has no "
                                "meaning here";
  unsigned width =
      getElementTypeOrSelf(op->getResult(0).getType()).getIntOrFloatBitWidth();
  for (int64_t i = 0, e = to.getNumElements(); i < e; ++i) {
    APInt bits =
        APInt(64, static_cast<uint64_t>(from.integers[i])).trunc(width);
    to.integers[i] = width == 1 ? static_cast<int64_t>(bits.getZExtValue())
                                : bits.getSExtValue();
  }
  return success();
}

void mlir::fabric::interpreter::registerElementwise(OpTable &table) {
  table.local[AddOp::getOperationName()] = binary<add>;
  table.local[SubOp::getOperationName()] = binary<sub>;
  table.local[MulOp::getOperationName()] = binary<mul>;
  table.local[NegOp::getOperationName()] = unary<neg>;
  table.local[SigmoidOp::getOperationName()] = unary<sigmoid>;
  table.local[SiluOp::getOperationName()] = unary<silu>;
  table.local[CastOp::getOperationName()] = ::cast;
}
