//===- Optimizer.cpp - Ops that update parameters, interpreted ------------===//

#include "compiler/Interpreter/OpTable.h"
#include "dialects/Fabric/IR/Fabric.h"
#include <cmath>

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::interpreter;

/// Line by line what torch.optim.AdamW documents.
static LogicalResult adamw(Operation *op, ArrayRef<const Tensor *> operands,
                           MutableArrayRef<Tensor> results) {
  auto adamw = cast<AdamWOp>(op);
  double beta1 = adamw.getBeta1().convertToDouble();
  double beta2 = adamw.getBeta2().convertToDouble();
  double eps = adamw.getEps().convertToDouble();
  double decay = adamw.getWeightDecay().convertToDouble();
  double lr = operands[4]->floats[0], step = operands[5]->floats[0];
  double correction1 = 1.0 - std::pow(beta1, step);
  double correction2 = 1.0 - std::pow(beta2, step);
  for (size_t i = 0, e = results[0].floats.size(); i < e; ++i) {
    double p = operands[0]->floats[i], g = operands[1]->floats[i];
    double m = operands[2]->floats[i], v = operands[3]->floats[i];
    p -= lr * decay * p;
    m = beta1 * m + (1.0 - beta1) * g;
    v = beta2 * v + (1.0 - beta2) * g * g;
    p -= lr / correction1 * m / (std::sqrt(v) / std::sqrt(correction2) + eps);
    results[0].floats[i] = p;
    results[1].floats[i] = m;
    results[2].floats[i] = v;
  }
  return success();
}

void mlir::fabric::interpreter::registerOptimizer(OpTable &table) {
  table.local[AdamWOp::getOperationName()] = adamw;
}
