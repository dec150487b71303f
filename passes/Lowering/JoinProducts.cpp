//===- JoinProducts.cpp - Products that share an operand, as one ----------===//
//
// In the order of the block, a product joins an earlier one of the same sizes
// and layouts that shares an operand with it: it moves up to that one, or where
// its other operand is not there yet, that one comes down to it. Those that
// have joined stand together, and become one instruction in the end.
//
// What an instruction writes or reads as a run has one place in memory, so a
// value is in one run at most, and in none where its place follows from
// something else: a view, an update in place, a result of the function.
//
//===----------------------------------------------------------------------===//

#include "dialects/Exec/IR/Exec.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "passes/Lowering/Passes.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using exec::GemmOp;
using exec::PlannedOpInterface;

namespace mlir::lowering {
#define GEN_PASS_DEF_JOINPRODUCTSPASS
#include "passes/Lowering/Passes.h.inc"
} // namespace mlir::lowering

using namespace mlir::lowering;

namespace {

/// Products that stand together, and which operand they share.
struct Joined {
  SmallVector<GemmOp> members;
  bool sharesA = false;

  Value getOwn(GemmOp member) const {
    return sharesA ? member.getB() : member.getA();
  }
};

class Joiner {
public:
  explicit Joiner(func::FuncOp function)
      : function(function), block(function.getBody().front()) {}

  void run();

  int64_t numJoined = 0;

private:
  bool join(Joined &joined, GemmOp gemm);
  bool mayLieInRun(Value value);
  void build(const Joined &joined);

  func::FuncOp function;
  Block &block;
  /// Every operand and result that is in a run.
  DenseSet<Value> inRuns;
};

} // namespace

/// A product of two matrices, and nothing else.
static bool isPlain(GemmOp gemm) {
  return gemm.getBatch() == 1 && !gemm.getBias() && !gemm.getAccumulator() &&
         !gemm.getTarget() && !gemm.getCMatrix();
}

static bool areAlike(GemmOp a, GemmOp b) {
  return a.getM() == b.getM() && a.getN() == b.getN() && a.getK() == b.getK() &&
         a.getTf32() == b.getTf32() && a.getAMatrix() == b.getAMatrix() &&
         a.getBMatrix() == b.getBMatrix() &&
         a.getA().getType() == b.getA().getType() &&
         a.getB().getType() == b.getB().getType() && a.getType() == b.getType();
}

/// Whether the planner is free to place the value: nothing else is its place.
bool Joiner::mayLieInRun(Value value) {
  if (inRuns.contains(value))
    return false;
  if (auto argument = dyn_cast<BlockArgument>(value))
    return bool(function.getArgAttr(argument.getArgNumber(),
                                    fabric::FabricDialect::kParamAttr));
  auto result = cast<OpResult>(value);
  auto maker = dyn_cast<PlannedOpInterface>(result.getOwner());
  if (!maker || isa<exec::ConstantOp>(result.getOwner()) ||
      maker.getTiedOperand(result.getResultNumber()))
    return false;
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    auto planned = dyn_cast<PlannedOpInterface>(user);
    return planned && llvm::none_of(user->getResults(), [&](OpResult other) {
             auto tied = planned.getTiedOperand(other.getResultNumber());
             return tied && user->getOperand(*tied) == value;
           });
  });
}

/// Whether the product may stand right before `until`, which reads what they
/// share, so that it is there: what the product alone reads nobody overwrites,
/// for it may lie in a run.
static bool mayWait(GemmOp gemm, Operation *until) {
  return llvm::all_of(gemm->getUsers(), [&](Operation *user) {
    return until->isBeforeInBlock(user);
  });
}

/// Moves the product to the others, or them to it, where that computes the
/// same.
bool Joiner::join(Joined &joined, GemmOp gemm) {
  GemmOp first = joined.members.front(), last = joined.members.back();
  if (!areAlike(first, gemm))
    return false;
  // Two of them decide what is shared.
  if (joined.members.size() == 1)
    joined.sharesA = first.getA() == gemm.getA();
  Value shared = joined.sharesA ? first.getA() : first.getB();
  if (shared != (joined.sharesA ? gemm.getA() : gemm.getB()))
    return false;
  Value own = joined.getOwn(gemm), other = joined.getOwn(first);
  if (own == other || isa<BlockArgument>(own) != isa<BlockArgument>(other) ||
      !mayLieInRun(own) || !mayLieInRun(gemm.getResult()))
    return false;
  if (joined.members.size() == 1 &&
      (!mayLieInRun(other) || !mayLieInRun(first.getResult())))
    return false;

  Operation *maker = own.getDefiningOp();
  if (!maker || maker->isBeforeInBlock(first))
    gemm->moveAfter(last);
  else if (llvm::all_of(joined.members,
                        [&](GemmOp member) { return mayWait(member, gemm); }))
    for (GemmOp member : joined.members)
      member->moveBefore(gemm);
  else
    return false;
  for (GemmOp member : {first, gemm}) {
    inRuns.insert(joined.getOwn(member));
    inRuns.insert(member.getResult());
  }
  joined.members.push_back(gemm);
  return true;
}

void Joiner::build(const Joined &joined) {
  GemmOp last = joined.members.back();
  SmallVector<Value> a, b;
  SmallVector<Type> types;
  SmallVector<Location> locs;
  for (GemmOp member : joined.members) {
    if (!joined.sharesA || a.empty())
      a.push_back(member.getA());
    if (joined.sharesA || b.empty())
      b.push_back(member.getB());
    types.push_back(member.getType());
    locs.push_back(member.getLoc());
  }
  OpBuilder builder(last);
  auto all = exec::JoinedGemmOp::create(
      builder, FusedLoc::get(function.getContext(), locs), types, a, b,
      last.getM(), last.getN(), last.getK(), last.getAMatrix(),
      last.getBMatrix(), /*slots=*/nullptr, last.getTf32());
  for (auto [member, result] :
       llvm::zip_equal(joined.members, all.getResults())) {
    GemmOp gemm = member;
    gemm.replaceAllUsesWith(result);
    gemm.erase();
  }
  numJoined += joined.members.size();
}

void Joiner::run() {
  SmallVector<Joined, 0> groups;
  // By what they read: whoever shares an operand is found there.
  DenseMap<Value, SmallVector<unsigned>> readers;
  for (GemmOp gemm : llvm::to_vector(block.getOps<GemmOp>())) {
    if (!isPlain(gemm))
      continue;
    SmallVector<unsigned> candidates = readers.lookup(gemm.getA());
    llvm::append_range(candidates, readers.lookup(gemm.getB()));
    if (llvm::any_of(candidates,
                     [&](unsigned id) { return join(groups[id], gemm); }))
      continue;
    for (Value operand : {gemm.getA(), gemm.getB()})
      readers[operand].push_back(groups.size());
    groups.push_back({{gemm}});
  }
  for (const Joined &joined : groups)
    if (joined.members.size() > 1)
      build(joined);
}

namespace {
struct JoinProductsPass
    : lowering::impl::JoinProductsPassBase<JoinProductsPass> {
  using JoinProductsPassBase::JoinProductsPassBase;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      Joiner joiner(function);
      joiner.run();
      numJoined += joiner.numJoined;
    }
  }
};
} // namespace
