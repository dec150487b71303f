//===- Regather.cpp - Gather again instead of keeping ---------------------===//
//
// A *stay* is the time between two uses, one after the other, of a buffer that
// is made from an argument alone. Ending a stay frees the buffer's bytes
// between the uses, and makes the buffer again before the later one. First it
// is decided which stays end, on positions and bytes: for `min` those in which
// another gathered value is used, for a budget the largest at the peak, again
// and again. Then the chains are cloned.
//
// A stay may end only if the argument still holds the value that the chain was
// made from: `schedule-order` lets updates wait for that.
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/IRMapping.h"
#include "passes/Analysis/Liveness.h"
#include "passes/Schedule/Cost.h"
#include "passes/Schedule/MadeFromArgument.h"
#include "passes/Schedule/Passes.h"
#include "llvm/ADT/SetVector.h"

#define DEBUG_TYPE "schedule-regather"

namespace mlir::schedule {
#define GEN_PASS_DEF_REGATHERPASS
#include "passes/Schedule/Passes.h.inc"
} // namespace mlir::schedule

using namespace mlir;
using namespace mlir::schedule;
using namespace mlir::analysis;

namespace {

/// A buffer made from one argument alone.
struct Made {
  Value buffer;
  /// What makes it, from the argument on.
  SmallVector<Operation *> chain;
  int64_t bytes = 0;
  int64_t bytesSent = 0;
  /// Who reads it, by position.
  SmallVector<std::pair<int64_t, Operation *>> uses;
  /// The last position at which the chain may still be run.
  int64_t lastChance = 0;
};

/// Between uses `use` and `use + 1` of `made`.
struct Stay {
  size_t made, use;
  bool ends = false;
};

class Plan {
public:
  explicit Plan(Block &block);

  /// Ends the stays in which another gathered value is used.
  void holdOneAtATime();

  /// Ends stays until the peak fits; fails if it cannot.
  LogicalResult fit(int64_t budget);

  int64_t getPeakBytes() const { return *llvm::max_element(bytesAt); }

  /// Clones chains for the stays that end; returns how many.
  unsigned apply();

private:
  const Made &getMade(const Stay &stay) const { return all[stay.made]; }
  int64_t getBegin(const Stay &stay) const {
    return getMade(stay).uses[stay.use].first;
  }
  int64_t getEnd(const Stay &stay) const {
    return getMade(stay).uses[stay.use + 1].first;
  }
  void findMade(Operation *op, const BlockLiveness &liveness,
                const MadeFromArgument &madeFromArgument);
  void end(Stay &stay);

  SmallVector<Made> all;
  SmallVector<Stay> stays;
  SmallVector<int64_t> bytesAt;
};
} // namespace

Plan::Plan(Block &block) {
  BlockLiveness liveness(block);
  MadeFromArgument madeFromArgument(block);
  bytesAt.assign(liveness.getBytesAt().begin(), liveness.getBytesAt().end());
  for (Operation &op : block)
    if (madeFromArgument.contains(&op) && getAllocatedBytes(&op) > 0)
      findMade(&op, liveness, madeFromArgument);
}

void Plan::findMade(Operation *op, const BlockLiveness &liveness,
                    const MadeFromArgument &madeFromArgument) {
  Made made;
  made.buffer = op->getResult(0);
  made.chain = madeFromArgument.getChain(op);
  made.bytes = getAllocatedBytes(op);
  for (Operation *part : made.chain)
    made.bytesSent += getBytesSent(part);
  for (Operation *reader : getReaders(made.buffer))
    made.uses.push_back({liveness.getPosition(reader), reader});
  llvm::sort(made.uses);

  // Until something updates what the chain reads.
  made.lastChance = bytesAt.size();
  if (made.chain.front()->getNumOperands() > 0) {
    Value source = made.chain.front()->getOperand(0);
    for (Operation *reader : getReaders(getVersion(source)))
      if (llvm::is_contained(getUpdatedVersions(reader), getVersion(source)))
        made.lastChance =
            std::min(made.lastChance, liveness.getPosition(reader));
  }

  for (size_t use = 0; use + 1 < made.uses.size(); ++use)
    // A value that is returned must be there in the end.
    if (made.uses[use + 1].first <= made.lastChance &&
        !made.uses[use + 1].second->hasTrait<OpTrait::IsTerminator>())
      stays.push_back({all.size(), use});
  all.push_back(std::move(made));
}

void Plan::end(Stay &stay) {
  stay.ends = true;
  const Made &made = getMade(stay);
  for (int64_t position = getBegin(stay) + 1; position < getEnd(stay);
       ++position)
    bytesAt[position] -= made.bytes;
  // On the way, all buffers of the chain are there together.
  int64_t onTheWay = 0;
  for (Operation *op : made.chain)
    onTheWay += getAllocatedBytes(op);
  bytesAt[getEnd(stay)] += onTheWay - made.bytes;
}

void Plan::holdOneAtATime() {
  for (Stay &stay : stays) {
    if (getMade(stay).bytesSent == 0)
      continue;
    bool isInterrupted = llvm::any_of(llvm::enumerate(all), [&](auto entry) {
      const Made &other = entry.value();
      return entry.index() != stay.made && other.bytesSent > 0 &&
             llvm::any_of(other.uses, [&](const auto &use) {
               return use.first > getBegin(stay) && use.first < getEnd(stay);
             });
    });
    if (isInterrupted)
      end(stay);
  }
}

LogicalResult Plan::fit(int64_t budget) {
  while (getPeakBytes() > budget) {
    int64_t peak = llvm::max_element(bytesAt) - bytesAt.begin();
    Stay *best = nullptr;
    for (Stay &stay : stays) {
      if (stay.ends || getBegin(stay) >= peak || getEnd(stay) <= peak)
        continue;
      // Of equal sizes the one that is cheapest to make again.
      auto rank = [&](const Stay &candidate) {
        const Made &made = getMade(candidate);
        return std::make_pair(made.bytes, -made.bytesSent);
      };
      if (!best || rank(stay) > rank(*best))
        best = &stay;
    }
    if (!best)
      return failure();
    end(*best);
  }
  return success();
}

unsigned Plan::apply() {
  unsigned count = 0;
  // Views that nobody may need any more. They stay as long as there are chains
  // to clone, of which they may be part.
  llvm::SetVector<Operation *> oldViews;
  for (size_t index = 0; index < stays.size(); ++index) {
    const Stay &stay = stays[index];
    if (!stay.ends)
      continue;
    ++count;
    const Made &made = getMade(stay);
    // The uses up to the next stay of this buffer that ends.
    size_t last = stay.use + 1;
    for (size_t next = index + 1;
         next < stays.size() && stays[next].made == stay.made &&
         !stays[next].ends;
         ++next)
      last = stays[next].use + 1;
    Operation *first = made.uses[stay.use + 1].second;
    OpBuilder builder(first);
    IRMapping again;
    Value previous;
    for (Operation *op : made.chain) {
      Operation *clone = builder.clone(*op);
      if (previous)
        clone->setOperand(0, previous);
      previous = clone->getResult(0);
    }
    again.map(made.buffer, previous);
    for (size_t use = stay.use + 1; use <= last; ++use)
      for (OpOperand &operand : made.uses[use].second->getOpOperands()) {
        // Through the same views.
        SmallVector<Operation *> views;
        Value value = operand.get();
        while (value != made.buffer && value.getDefiningOp() &&
               isa<ViewLikeOpInterface>(value.getDefiningOp())) {
          views.push_back(value.getDefiningOp());
          value = cast<ViewLikeOpInterface>(views.back()).getViewSource();
        }
        if (value != made.buffer)
          continue;
        for (Operation *view : llvm::reverse(views))
          if (!again.contains(view->getResult(0)))
            builder.clone(*view, again);
        operand.set(again.lookup(operand.get()));
        oldViews.insert(views.begin(), views.end());
      }
  }
  for (bool changed = true; changed;) {
    changed = oldViews.remove_if([](Operation *view) {
      bool isDead = view->use_empty();
      if (isDead)
        view->erase();
      return isDead;
    });
  }
  return count;
}

namespace {
class Regather : public schedule::impl::RegatherPassBase<Regather> {
public:
  using RegatherPassBase::RegatherPassBase;

private:
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal())
      return;
    Block &block = function.getBody().front();
    int64_t budget = 0;
    bool hasBudget = memory != "fast" && memory != "min";
    if (hasBudget &&
        (StringRef(memory).getAsInteger(10, budget) || budget < 0)) {
      function.emitError() << "memory must be min, fast or a number of bytes, "
                              "found \""
                           << memory << "\"";
      return signalPassFailure();
    }

    int64_t scratchBytes = scratch ? getScratchBytes(block) : 0;
    auto checkBudget = [&](int64_t peak) -> LogicalResult {
      if (!hasBudget || peak + scratchBytes <= budget)
        return success();
      InFlightDiagnostic error = function.emitError()
                                 << "does not fit into the memory budget of "
                                 << budget << " bytes: one rank needs "
                                 << peak + scratchBytes << " bytes";
      if (scratchBytes > 0)
        error << ", of which libraries work in " << scratchBytes;
      return error;
    };

    Plan plan(block);
    if (memory == "min")
      plan.holdOneAtATime();
    if (hasBudget && failed(plan.fit(budget - scratchBytes))) {
      (void)checkBudget(plan.getPeakBytes());
      return signalPassFailure();
    }
    numRegathered += plan.apply();

    for (Operation &op : block)
      bytesSent += getBytesSent(&op);
    int64_t peak = BlockLiveness(block).getPeakBytes();
    peakBytes.updateMax(peak);
    if (failed(checkBudget(peak)))
      return signalPassFailure();
  }
};
} // namespace
