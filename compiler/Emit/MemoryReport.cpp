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
#include "passes/Lowering/Buffers.h"

using namespace mlir;
using namespace mlir::fabric;
namespace plan = ::fabric::plan;

namespace {
/// Memory that can be in use for something else at another time, and results
/// that are gradients, which are there throughout.
struct Lifetime {
  int64_t begin, end, bytes;
  exec::MemoryClass memoryClass;
};
} // namespace

static SmallVector<Lifetime> findLifetimes(func::FuncOp function) {
  Block &block = function.getBody().front();
  lowering::Buffers buffers = lowering::findBuffers(block);
  SmallVector<Lifetime> lifetimes;
  for (const lowering::Buffer &buffer : buffers.getAll()) {
    exec::SlotAttr slot = getSlot(function, buffer.values.front());
    if (!slot)
      continue;
    Lifetime lifetime{buffer.begin, buffer.end, buffer.getNumBytes(),
                      slot.getMemoryClass()};
    if (slot.getArena() == exec::ArenaKind::IO &&
        lifetime.memoryClass == exec::MemoryClass::Gradients) {
      lifetime.begin = 0;
      lifetime.end = buffers.getTime(block.getTerminator());
    } else if (slot.getArena() != exec::ArenaKind::Workspace) {
      continue;
    }
    lifetimes.push_back(lifetime);
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
