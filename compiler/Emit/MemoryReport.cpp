//===- MemoryReport.cpp - Bytes a rank, by what they are for --------------===//
//
// The peak is the sum of the arenas. Parameters and optimizer states have their
// own. The workspace is shared over time: it is split as it is at the
// instruction where most of it is alive, and what no value fills at that moment
// counts as activations, as do inputs, results and constants. The classes sum
// to the peak.
//
//===----------------------------------------------------------------------===//

#include "compiler/Emit/Emitter.h"

using namespace mlir;
using namespace mlir::fabric;
namespace plan = ::fabric::plan;

namespace {
/// A slot in the workspace, from the instruction that first writes it to the
/// last that reads it. Values tied to one another are one.
struct Lifetime {
  int64_t begin, end, bytes;
  exec::MemoryClass memoryClass;
};
} // namespace

static SmallVector<Lifetime> findLifetimes(func::FuncOp function) {
  Block &block = function.getBody().front();
  DenseMap<Operation *, int64_t> time;
  for (Operation &op : block)
    time.try_emplace(&op, time.size());
  SmallVector<Lifetime> lifetimes;
  DenseMap<Value, unsigned> ids;
  for (Operation &op : block.without_terminator()) {
    auto planned = dyn_cast<exec::PlannedOpInterface>(op);
    if (!planned)
      continue;
    for (OpResult result : op.getResults()) {
      exec::SlotAttr slot = planned.getSlotOf(result.getResultNumber());
      if (!slot || slot.getArena() != exec::ArenaKind::Workspace)
        continue;
      int64_t end = time.at(&op);
      for (Operation *user : result.getUsers())
        end = std::max(end, time.at(user));
      auto tied = planned.getTiedOperand(result.getResultNumber());
      auto known = tied ? ids.find(op.getOperand(*tied)) : ids.end();
      if (known != ids.end()) {
        Lifetime &lifetime = lifetimes[known->second];
        lifetime.end = std::max(lifetime.end, end);
        unsigned id = known->second;
        ids.try_emplace(result, id);
        continue;
      }
      ids.try_emplace(result, lifetimes.size());
      lifetimes.push_back({time.at(&op), end,
                           exec::getNumBytes(result.getType()),
                           slot.getMemoryClass()});
    }
  }
  return lifetimes;
}

plan::MemoryReport mlir::fabric::reportMemory(func::FuncOp function,
                                              const plan::Plan &plan) {
  plan::MemoryReport report;
  for (const plan::Arena &arena : plan.arenas) {
    report.peak += arena.bytes;
    if (arena.name == "parameters")
      report.parameters += arena.bytes;
    if (arena.name == "optimizer")
      report.optimizer += arena.bytes;
  }

  // The instruction with most bytes alive; bytes change only where a lifetime
  // begins.
  SmallVector<Lifetime> lifetimes = findLifetimes(function);
  SmallVector<std::pair<int64_t, int64_t>> changes; // time, bytes
  for (const Lifetime &lifetime : lifetimes) {
    changes.push_back({lifetime.begin, lifetime.bytes});
    changes.push_back({lifetime.end + 1, -lifetime.bytes});
  }
  llvm::sort(changes);
  int64_t alive = 0, most = -1, fullest = 0;
  for (auto [time, bytes] : changes) {
    alive += bytes;
    if (alive > most) {
      most = alive;
      fullest = time;
    }
  }
  for (const Lifetime &lifetime : lifetimes) {
    if (lifetime.begin > fullest || lifetime.end < fullest)
      continue;
    if (lifetime.memoryClass == exec::MemoryClass::Gradients)
      report.gradients += lifetime.bytes;
    if (lifetime.memoryClass == exec::MemoryClass::Communication)
      report.communication += lifetime.bytes;
  }
  report.activations = report.peak - report.parameters - report.optimizer -
                       report.gradients - report.communication;
  return report;
}
