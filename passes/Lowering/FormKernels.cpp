//===- FormKernels.cpp - Structured ops to kernels and launches -----------===//
//
// Clusters.h decides. Here each cluster becomes a function of the module
// `@kernels`, with what it reads for arguments and what others need for
// results, and a launch of it. Functions that are equal but for locations are
// one.
//
//===----------------------------------------------------------------------===//

#include "dialects/Exec/IR/Exec.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/CSE.h"
#include "passes/Lowering/Clusters.h"
#include "passes/Lowering/Kernels/Kernels.h"
#include "passes/Lowering/Passes.h"
#include "passes/Lowering/Structure.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using fabric::StructuredOpInterface;

namespace mlir::lowering {
#define GEN_PASS_DEF_FORMKERNELSPASS
#include "passes/Lowering/Passes.h.inc"
} // namespace mlir::lowering

using namespace mlir::lowering;

namespace {

/// What a cluster takes and gives.
struct Interface {
  SmallVector<bool> live; ///< For each op of the cluster.
  SmallVector<Value> arguments;
  SmallVector<Value> results;
};

/// The kernels of a module, equal ones once.
class KernelTable {
public:
  explicit KernelTable(ModuleOp parent) : parent(parent) {}

  /// Takes the function over; returns it, or its equal that was there before.
  func::FuncOp add(func::FuncOp kernel);

private:
  ModuleOp parent, module;
  llvm::StringMap<func::FuncOp> kernels;
};

} // namespace

/// Writes down on its arguments which results may be written over them.
static void annotateAliases(func::FuncOp kernel) {
  for (unsigned argument = 0; argument < kernel.getNumArguments(); ++argument) {
    SmallVector<int64_t> allowed;
    for (unsigned result = 0; result < kernel.getNumResults(); ++result)
      if (mayShareBuffer(kernel, argument, result))
        allowed.push_back(result);
    if (!allowed.empty())
      kernel.setArgAttr(argument, exec::kMayAliasAttr,
                        DenseI64ArrayAttr::get(kernel.getContext(), allowed));
  }
}

func::FuncOp KernelTable::add(func::FuncOp kernel) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  kernel.print(stream, OpPrintingFlags().useLocalScope());
  auto [it, isNew] = kernels.try_emplace(text, kernel);
  if (!isNew) {
    kernel.erase();
    return it->second;
  }
  if (!module) {
    OpBuilder builder = OpBuilder::atBlockBegin(parent.getBody());
    module = ModuleOp::create(builder, parent.getLoc(),
                              exec::ExecDialect::kKernelsModule);
  }
  annotateAliases(kernel);
  kernel.setName("kernel_" + std::to_string(kernels.size() - 1));
  module.push_back(kernel);
  return kernel;
}

//===----------------------------------------------------------------------===//
// Decisions
//===----------------------------------------------------------------------===//

/// What every cluster must give to others, from the last cluster to the first:
/// of what others need, the ops that compute it, and what these read.
static SmallVector<Interface> findInterfaces(Block &block,
                                             ArrayRef<Cluster> clusters) {
  DenseSet<Value> needed;
  for (Operation &op : block)
    if (!isa<StructuredOpInterface>(op))
      needed.insert(op.operand_begin(), op.operand_end());

  SmallVector<Interface> interfaces(clusters.size());
  for (auto [cluster, interface] :
       llvm::reverse(llvm::zip_equal(clusters, interfaces))) {
    DenseSet<Value> inside;
    interface.live.resize(cluster.ops.size());
    SmallVector<SmallVector<Value>> reads(cluster.ops.size());
    for (size_t member = cluster.ops.size(); member-- > 0;) {
      StructuredOpInterface op = cluster.ops[member];
      bool isHome = !cluster.recomputed.contains(op);
      bool &live = interface.live[member];
      for (Value result : op->getResults())
        live |= inside.contains(result) || (isHome && needed.contains(result));
      if (!live)
        continue;
      for (unsigned i = 0; i < op->getNumOperands(); ++i)
        if (auto read = getRead(cluster, member, i)) {
          inside.insert(read->leaf);
          reads[member].push_back(read->leaf);
        }
    }
    llvm::SmallSetVector<Value, 8> arguments;
    for (auto [op, leaves] : llvm::zip_equal(cluster.ops, reads)) {
      for (Value leaf : leaves)
        if (!leaf.getDefiningOp() || !cluster.contains(leaf.getDefiningOp()))
          arguments.insert(leaf);
      if (!cluster.recomputed.contains(op))
        for (Value result : op->getResults())
          if (needed.contains(result))
            interface.results.push_back(result);
    }
    interface.arguments = arguments.takeVector();
    needed.insert(interface.arguments.begin(), interface.arguments.end());
  }
  return interfaces;
}

/// For each result, the argument that the op which makes it updates, or -1.
static SmallVector<int64_t> findTies(const Interface &interface,
                                     func::FuncOp kernel) {
  SmallVector<int64_t> ties(interface.results.size(), -1);
  for (auto [index, result] : llvm::enumerate(interface.results)) {
    auto op = result.getDefiningOp<fabric::InPlaceOpInterface>();
    if (!op)
      continue;
    Value target = op->getOperand(
        op.getUpdatedOperand(cast<OpResult>(result).getResultNumber()));
    int64_t argument =
        llvm::find(interface.arguments, target) - interface.arguments.begin();
    if (argument == static_cast<int64_t>(interface.arguments.size()))
      continue;
    auto allowed = kernel.getArgAttrOfType<DenseI64ArrayAttr>(
        argument, exec::kMayAliasAttr);
    if (allowed && llvm::is_contained(allowed.asArrayRef(), index) &&
        !llvm::is_contained(ties, argument))
      ties[index] = argument;
  }
  return ties;
}

//===----------------------------------------------------------------------===//
// Rewrites
//===----------------------------------------------------------------------===//

/// The value in the kernel: an argument, a clone, or a free op cloned now.
static Value materialize(OpBuilder &builder, IRMapping &mapping, Value value) {
  if (Value known = mapping.lookupOrNull(value))
    return known;
  Operation *op = value.getDefiningOp();
  for (Value operand : op->getOperands())
    materialize(builder, mapping, operand);
  builder.clone(*op, mapping);
  return mapping.lookup(value);
}

static Location fuseLocations(const Cluster &cluster) {
  SmallVector<Location> locations;
  for (StructuredOpInterface op : cluster.ops)
    if (!llvm::is_contained(locations, op.getLoc()))
      locations.push_back(op.getLoc());
  return FusedLoc::get(cluster.ops.front()->getContext(), locations);
}

/// The loops of each op, numbered as those of the first op that has most of
/// them, so that equal kernels are equal.
static SmallVector<SmallVector<int64_t>> numberLoops(const Cluster &cluster) {
  const DomainDims &order = *std::max_element(
      cluster.opLoops.begin(), cluster.opLoops.end(),
      [](const auto &a, const auto &b) { return a.size() < b.size(); });
  SmallVector<SmallVector<int64_t>> numbered;
  for (const DomainDims &opLoops : cluster.opLoops) {
    numbered.emplace_back();
    for (unsigned loop : opLoops)
      numbered.back().push_back(llvm::find(order, loop) - order.begin());
  }
  return numbered;
}

static func::FuncOp outline(const Cluster &cluster, const Interface &interface,
                            Location location) {
  MLIRContext *context = location.getContext();
  OpBuilder builder(context);
  auto kernel = func::FuncOp::create(
      builder, location, "kernel",
      FunctionType::get(context, TypeRange(ValueRange(interface.arguments)),
                        TypeRange(ValueRange(interface.results))));
  builder.setInsertionPointToStart(kernel.addEntryBlock());
  IRMapping mapping;
  mapping.map(interface.arguments, kernel.getArguments());
  for (auto [op, opLoops, live] :
       llvm::zip_equal(cluster.ops, numberLoops(cluster), interface.live)) {
    if (!live)
      continue;
    for (Value operand : op->getOperands())
      materialize(builder, mapping, operand);
    builder.clone(*op, mapping)
        ->setAttr(exec::kLoopsAttr, builder.getDenseI64ArrayAttr(opLoops));
  }
  SmallVector<Value> results;
  for (Value result : interface.results)
    results.push_back(mapping.lookup(result));
  func::ReturnOp::create(builder, location, results);
  // Passes before keep apart what is computed at two places of the block.
  IRRewriter rewriter(context);
  DominanceInfo dominance(kernel);
  eliminateCommonSubExpressions(rewriter, dominance, kernel);
  return kernel;
}

/// Splats that instructions read become broadcasts of numbers, for a kernel to
/// fill.
static void broadcastSplats(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (!isSplatConstant(&op))
      continue;
    auto needsMemory = [](OpOperand &use) {
      return !isa<StructuredOpInterface>(use.getOwner());
    };
    if (llvm::none_of(op.getUses(), needsMemory))
      continue;
    OpBuilder builder(&op);
    Attribute value;
    matchPattern(&op, m_Constant(&value));
    auto type = cast<RankedTensorType>(op.getResult(0).getType());
    auto number = DenseElementsAttr::get(
        RankedTensorType::get({}, type.getElementType()),
        cast<SplatElementsAttr>(value).getSplatValue<Attribute>());
    Value filled = fabric::BroadcastOp::create(
        builder, op.getLoc(), type,
        fabric::ConstantOp::create(builder, op.getLoc(), number),
        ArrayRef<int64_t>());
    op.getResult(0).replaceUsesWithIf(filled, needsMemory);
  }
}

static SymbolRefAttr getSymbol(func::FuncOp kernel) {
  return SymbolRefAttr::get(
      StringAttr::get(kernel.getContext(), exec::ExecDialect::kKernelsModule),
      FlatSymbolRefAttr::get(kernel));
}

/// Each op that copies boxes is a kernel of its own.
static void outlineBoxCopies(Block &block, KernelTable &table) {
  for (auto op :
       llvm::make_early_inc_range(block.getOps<fabric::BoxCopyOpInterface>())) {
    OpBuilder builder(op);
    auto kernel = func::FuncOp::create(
        op.getLoc(), "kernel",
        builder.getFunctionType(op->getOperandTypes(), op->getResultTypes()));
    OpBuilder body = OpBuilder::atBlockEnd(kernel.addEntryBlock());
    IRMapping mapping;
    Operation *copy = body.clone(*op, mapping);
    copy->setOperands(kernel.getArguments());
    func::ReturnOp::create(body, op.getLoc(), copy->getResults());
    auto launch = exec::LaunchOp::create(
        builder, op.getLoc(), op->getResultTypes(),
        getSymbol(table.add(kernel)), op->getOperands(), ArrayRef<int64_t>{-1},
        /*slots=*/ArrayAttr());
    op->replaceAllUsesWith(launch);
    op->erase();
  }
}

static void formKernels(Block &block, KernelTable &table) {
  outlineBoxCopies(block, table);
  broadcastSplats(block);
  SmallVector<Cluster> clusters = formClusters(block);
  SmallVector<Interface> interfaces = findInterfaces(block, clusters);

  IRMapping launched;
  for (auto [cluster, interface] : llvm::zip_equal(clusters, interfaces)) {
    if (interface.results.empty())
      continue;
    Location location = fuseLocations(cluster);
    func::FuncOp kernel = table.add(outline(cluster, interface, location));
    SmallVector<int64_t> ties = findTies(interface, kernel);
    SmallVector<Value> operands;
    for (Value argument : interface.arguments)
      operands.push_back(launched.lookupOrDefault(argument));
    OpBuilder builder(cluster.position);
    auto launch = exec::LaunchOp::create(
        builder, location, TypeRange(ValueRange(interface.results)),
        getSymbol(kernel), operands, ties, /*slots=*/ArrayAttr());
    launched.map(interface.results, launch.getResults());
  }

  for (const Interface &interface : interfaces)
    for (Value result : interface.results)
      result.replaceAllUsesWith(launched.lookup(result));
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (op.use_empty() && (isa<StructuredOpInterface>(op) || isFree(&op)))
      op.erase();
}

namespace {
struct FormKernelsPass : lowering::impl::FormKernelsPassBase<FormKernelsPass> {
  using FormKernelsPassBase::FormKernelsPassBase;

  void runOnOperation() override {
    KernelTable table(getOperation());
    for (auto function :
         llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      for (Block &block : function.getBody())
        formKernels(block, table);
  }
};
} // namespace
