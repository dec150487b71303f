//===- MadeFromArgument.cpp - What can be made again at any time ----------===//

#include "passes/Schedule/MadeFromArgument.h"
#include "dialects/Fabric/IR/Fabric.h"

using namespace mlir;
using namespace mlir::schedule;

MadeFromArgument::MadeFromArgument(Block &block) {
  for (Operation &op : block.without_terminator()) {
    if (!isMemoryEffectFree(&op) || isa<fabric::InPlaceOpInterface>(op) ||
        op.getNumOperands() > 1)
      continue;
    if (op.getNumOperands() == 0 || isa<BlockArgument>(op.getOperand(0)) ||
        ops.contains(op.getOperand(0).getDefiningOp()))
      ops.insert(&op);
  }
}

SmallVector<Operation *> MadeFromArgument::getChain(Operation *op) const {
  SmallVector<Operation *> chain;
  for (; op;
       op = op->getNumOperands() ? op->getOperand(0).getDefiningOp() : nullptr)
    chain.push_back(op);
  std::reverse(chain.begin(), chain.end());
  return chain;
}
