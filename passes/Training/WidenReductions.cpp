//===- WidenReductions.cpp - Sums are rounded after they are whole --------===//
//
// An op that sums, by its sharding rule, may be left with terms on each rank.
// Rounded to bf16 before they are reduced, these lose what the sum of all would
// keep. So it gives its sums in the type that they are accumulated in, and they
// are rounded after it; since rounding is not linear, the sharder reduces
// before.
//
// Terms are cheapest reduced after they meet in an add, so rounding moves below
// ops that are linear in what was rounded; and what is rounded only to be
// widened again is not rounded at all, which is how gradients of f32 parameters
// come out of products in f32.
//
//===----------------------------------------------------------------------===//

#include "passes/Training/Model.h"
#include "passes/Training/Passes.h"

#define DEBUG_TYPE "fabric-widen-reductions"

namespace mlir::training {
#define GEN_PASS_DEF_WIDENREDUCTIONSPASS
#include "passes/Training/Passes.h.inc"
} // namespace mlir::training

using namespace mlir;
using namespace mlir::training;
using dist::Factor;

static RankedTensorType tensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Whether a split of some factor would leave terms of a sum.
static bool sums(const dist::ShardingRule &rule) {
  return llvm::any_of(
      llvm::seq<unsigned>(0, rule.factors.size()), [&](unsigned index) {
        const Factor &factor = rule.factors[index];
        return factor.kind == Factor::Kind::Reduction &&
               factor.reduction == dist::ReductionKind::Sum &&
               llvm::none_of(rule.results.front(),
                             [&](const dist::DimFactors &dim) {
                               return llvm::is_contained(dim, index);
                             });
      });
}

namespace {
class Widener {
public:
  explicit Widener(FloatType wide) : wide(wide), builder(wide.getContext()) {}

  void run(Block &block) {
    for (Operation &op : llvm::make_early_inc_range(block.without_terminator()))
      visit(&op);
  }

  unsigned getNumWidened() const { return numWidened; }
  unsigned getNumUnrounded() const { return numUnrounded; }

private:
  void visit(Operation *op);
  void visitCast(fabric::CastOp op);
  bool isLinearInRounded(Operation *op, const dist::ShardingRule &rule) const;
  void widen(Operation *op);
  bool isNarrow(Value value) const {
    Type element = tensorType(value).getElementType();
    return element != wide && fabric::getComputeType(element) == wide;
  }

  FloatType wide;
  OpBuilder builder;
  /// The same value in the wide type: what was rounded, or a cast back.
  llvm::DenseMap<Value, Value> wideOf;
  llvm::DenseSet<Value> rounded;
  unsigned numWidened = 0, numUnrounded = 0;
};
} // namespace

/// Whether the op is jointly linear in operands that are all rounded for it
/// alone, and makes nothing larger of them.
bool Widener::isLinearInRounded(Operation *op,
                                const dist::ShardingRule &rule) const {
  if (isa<fabric::ContractionOpInterface>(op))
    return false;
  auto isRoundedForOp = [&](unsigned index) {
    Value operand = op->getOperand(index);
    return rounded.contains(operand) &&
           llvm::all_of(operand.getUsers(),
                        [&](Operation *user) { return user == op; }) &&
           tensorType(op->getResult(0)).getNumElements() <=
               tensorType(operand).getNumElements();
  };
  return llvm::any_of(rule.linearGroups, [&](ArrayRef<unsigned> group) {
    return llvm::all_of(group, isRoundedForOp);
  });
}

/// Products take narrow operands and give wide sums. All else computes in one
/// type, and its operands are widened, which kernels do as they read.
void Widener::widen(Operation *op) {
  if (!isa<fabric::ContractionOpInterface>(op)) {
    builder.setInsertionPoint(op);
    for (OpOperand &operand : op->getOpOperands()) {
      Value value = operand.get();
      if (!isNarrow(value))
        continue;
      Value &inWide = wideOf[value];
      if (!inWide)
        inWide = fabric::CastOp::create(builder, op->getLoc(),
                                        tensorType(value).clone(wide), value);
      operand.set(inWide);
    }
  }
  Value result = op->getResult(0);
  RankedTensorType narrow = tensorType(result);
  result.setType(narrow.clone(wide));
  builder.setInsertionPointAfter(op);
  auto cast = fabric::CastOp::create(builder, op->getLoc(), narrow, result);
  result.replaceAllUsesExcept(cast, cast);
  wideOf[cast] = result;
  rounded.insert(cast);
  ++numWidened;
}

/// A cast back reads what was rounded, if nobody else reads the rounded value:
/// else that is kept anyway, and all who read it had better agree.
void Widener::visitCast(fabric::CastOp op) {
  Value operand = op.getOperand();
  Operation *maker = operand.getDefiningOp();
  // A constant is there in the wide type, too.
  if (maker && maker->getNumOperands() == 0 &&
      tensorType(operand).getElementType() == wide && isNarrow(op))
    wideOf[op] = operand;
  Value before = wideOf.lookup(operand);
  auto isCastBack = [&](Operation *user) {
    return isa<fabric::CastOp>(user) &&
           user->getResult(0).getType() == before.getType();
  };
  if (!before || before.getType() != op.getType() ||
      !llvm::all_of(operand.getUsers(), isCastBack))
    return;
  op.replaceAllUsesWith(before);
  op.erase();
  ++numUnrounded;
}

void Widener::visit(Operation *op) {
  if (auto cast = dyn_cast<fabric::CastOp>(op))
    return visitCast(cast);
  auto sharded = dyn_cast<dist::ShardingOpInterface>(op);
  if (!sharded || op->getNumResults() != 1 || !isNarrow(op->getResult(0)))
    return;
  dist::ShardingRule rule = sharded.getShardingRule();
  if (sums(rule) || isLinearInRounded(op, rule))
    widen(op);
}

namespace {
struct WidenReductionsPass
    : public mlir::training::impl::WidenReductionsPassBase<
          WidenReductionsPass> {
  using WidenReductionsPassBase::WidenReductionsPassBase;

  void runOnOperation() override {
    FailureOr<func::FuncOp> model = getModel(getOperation());
    if (failed(model))
      return signalPassFailure();
    if (dtype != "f32" && dtype != "bf16") {
      model->emitError() << "dtype must be f32 or bf16, found " << dtype;
      return signalPassFailure();
    }
    // Nothing that is computed with is narrower than bf16.
    if (dtype == "bf16")
      return;
    Widener widener(Float32Type::get(&getContext()));
    widener.run(model->getBody().front());
    eraseDeadOps(*model);
    numWidened += widener.getNumWidened();
    numUnrounded += widener.getNumUnrounded();
  }
};
} // namespace
