//===- ApplyTpPlan.cpp - Reads what the user asks for from a plan file ----===//
//
// Reads and checks the whole file; then finds, section by section, what its
// keys match, and notes what they ask for: styles and shardings of parameters,
// what becomes of their shards, shardings of inputs and results, constraints on
// values. Runs before training,
// so that a value's gradient is constrained too, and knows the names of the
// mesh's axes but not their sizes: shardings are over a mesh without sizes.
//
// A key of "values" is matched against the names in the locations of ops. All
// ops of one module carry its path, so the key means what leaves them: results
// that something elsewhere uses.
//
//===----------------------------------------------------------------------===//

#include "dialects/Dist/IR/InterfaceAttrs.h"
#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Sharding/Passes.h"
#include "passes/Sharding/Roles.h"
#include "passes/Sharding/TpPlan.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace mlir::sharding;
using mlir::dist::DistDialect;
using mlir::fabric::FabricDialect;

namespace mlir::sharding {
#define GEN_PASS_DEF_APPLYTPPLANPASS
#include "passes/Sharding/Passes.h.inc"
} // namespace mlir::sharding

/// An entry, and whether anything matched it.
namespace {
struct PlanEntry : TpPlanEntry {
  explicit PlanEntry(TpPlanEntry entry) : TpPlanEntry(std::move(entry)) {}
  bool asksSame(const PlanEntry &other) const {
    return style == other.style && fsdp == other.fsdp &&
           sharding == other.sharding;
  }
  bool used = false;
};
} // namespace

static FailureOr<std::vector<PlanEntry>>
readPlan(StringRef file, function_ref<InFlightDiagnostic()> emitError) {
  auto buffer = llvm::MemoryBuffer::getFile(file, /*IsText=*/true);
  if (!buffer)
    return emitError() << "cannot be read: " << buffer.getError().message();
  llvm::Expected<std::vector<TpPlanEntry>> parsed =
      parseTpPlan((*buffer)->getBuffer());
  if (!parsed)
    return emitError() << llvm::toString(parsed.takeError());
  std::vector<PlanEntry> entries;
  for (TpPlanEntry &entry : *parsed)
    entries.emplace_back(std::move(entry));
  return entries;
}

static std::string spell(const PlanEntry &entry) {
  if (entry.style)
    return stringifyTpStyle(*entry.style).str();
  if (entry.fsdp)
    return stringifyFsdpMode(entry.fsdp->mode).str() +
           (entry.fsdp->dim ? " of dim " + std::to_string(*entry.fsdp->dim)
                            : "");
  std::string text;
  llvm::raw_string_ostream os(text);
  os << '[';
  llvm::interleaveComma(entry.sharding, os, [&](const auto &axes) {
    os << '{';
    llvm::interleaveComma(axes, os,
                          [&](StringRef axis) { os << '"' << axis << '"'; });
    os << '}';
  });
  os << ']';
  return text;
}

/// The name of an op: the first in its location.
static StringRef getName(Operation *op) {
  auto named = op->getLoc()->findInstanceOf<NameLoc>();
  return named ? named.getName().getValue() : StringRef();
}

namespace {
class PlanApplier {
public:
  PlanApplier(ModuleOp module, StringRef file,
              MutableArrayRef<PlanEntry> entries)
      : module(module), file(file), entries(entries) {
    dist::MeshAttr mesh = dist::getMesh(module);
    if (!mesh)
      mesh = getDefaultMesh(module.getContext());
    axisNames =
        dist::MeshAttr::get(module.getContext(), mesh.getNames(),
                            SmallVector<int64_t>(mesh.getNames().size(), 0));
  }

  LogicalResult run();
  unsigned numStyled = 0, numFsdp = 0, numShardings = 0, numConstraints = 0;

private:
  InFlightDiagnostic emitPlanError(Location loc) const {
    return emitError(loc) << "tensor-parallel plan " << file << ": ";
  }
  FailureOr<const PlanEntry *>
  find(TpPlanSection section, Location loc, const Twine &what,
       function_ref<bool(const PlanEntry &)> matches);
  FailureOr<dist::ShardingAttr> getSharding(const PlanEntry &entry,
                                            Location loc, const Twine &what,
                                            Type type) const;
  LogicalResult applyToArgument(func::FuncOp function, unsigned index,
                                dist::InterfaceAttrs &attrs);
  LogicalResult applyFsdp(func::FuncOp function, unsigned index,
                          dist::InterfaceAttrs &attrs);
  LogicalResult applyToResult(func::FuncOp function, unsigned index,
                              dist::InterfaceAttrs &attrs);
  LogicalResult applyToValues(func::FuncOp function, PlanEntry &entry);
  LogicalResult constrain(OpResult value, PlanEntry &entry, StringRef prefix);
  LogicalResult verifyUsed();

  ModuleOp module;
  StringRef file;
  MutableArrayRef<PlanEntry> entries;
  /// Any mesh with axes of these names.
  dist::MeshAttr axisNames;
  /// What was asked of values under a name, before and after the constraint.
  DenseMap<std::pair<Value, StringRef>, const PlanEntry *> constrained;
};
} // namespace

/// The entry that matches, or null; an error where two disagree.
FailureOr<const PlanEntry *>
PlanApplier::find(TpPlanSection section, Location loc, const Twine &what,
                  function_ref<bool(const PlanEntry &)> matches) {
  const PlanEntry *found = nullptr;
  for (PlanEntry &entry : entries) {
    if (entry.section != section || !matches(entry))
      continue;
    entry.used = true;
    if (found && !found->asksSame(entry))
      return emitPlanError(loc)
             << "keys \"" << *found->key << "\" and \"" << *entry.key
             << "\" disagree about " << what << ": " << spell(*found) << " and "
             << spell(entry);
    found = &entry;
  }
  return found;
}

/// What the entry asks for, if it fits the type.
FailureOr<dist::ShardingAttr> PlanApplier::getSharding(const PlanEntry &entry,
                                                       Location loc,
                                                       const Twine &what,
                                                       Type type) const {
  MLIRContext *context = type.getContext();
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || tensor.getRank() != int64_t(entry.sharding.size()))
    return emitPlanError(loc)
           << entry.describe() << " gives axes for " << entry.sharding.size()
           << " dims, but " << what << " is " << type;
  SmallVector<dist::AxesAttr> dims;
  for (const std::vector<std::string> &axes : entry.sharding) {
    SmallVector<dist::AxisRefAttr> refs;
    for (const std::string &axis : axes) {
      if (!axisNames.lookup(axis))
        return emitPlanError(loc)
               << entry.describe() << " names axis \"" << axis
               << "\", which the mesh does not have: " << axisNames;
      refs.push_back(dist::AxisRefAttr::get(context, axis));
    }
    dims.push_back(dist::AxesAttr::get(context, refs));
  }
  return dist::ShardingAttr::get(axisNames, dims);
}

LogicalResult PlanApplier::applyToArgument(func::FuncOp function,
                                           unsigned index,
                                           dist::InterfaceAttrs &attrs) {
  auto param = function.getArgAttrOfType<fabric::ParamAttr>(
      index, FabricDialect::kParamAttr);
  auto input = function.getArgAttrOfType<fabric::InputAttr>(
      index, FabricDialect::kInputAttr);
  if (!param && !input)
    return success();
  Location loc = function.getArgument(index).getLoc();
  std::string what = nameArgument(function, index);
  Type type = function.getArgumentTypes()[index];
  FailureOr<const PlanEntry *> entry =
      param
          ? find(TpPlanSection::Parameters, loc, what,
                 [&](const PlanEntry &entry) {
                   return entry.matchesParameter(param.getName());
                 })
          : find(TpPlanSection::Inputs, loc, what, [&](const PlanEntry &entry) {
              return entry.matches(input.getName());
            });
  if (failed(entry) || !*entry)
    return entry;
  // The file overrides the model.
  if ((*entry)->style) {
    if (failed(verifyTpStyle(loc, param.getName(), cast<RankedTensorType>(type),
                             *(*entry)->style)))
      return failure();
    attrs.setArg(index, DistDialect::kShardingAttr, {});
    attrs.setArg(index, DistDialect::kTpAttr,
                 dist::TpStyleAttr::get(type.getContext(), *(*entry)->style));
    ++numStyled;
    return success();
  }
  FailureOr<dist::ShardingAttr> sharding =
      getSharding(**entry, loc, what, type);
  if (failed(sharding))
    return failure();
  attrs.setArg(index, DistDialect::kTpAttr, {});
  attrs.setArg(index, DistDialect::kFsdpAttr, {});
  attrs.setArg(index, DistDialect::kShardingAttr, *sharding);
  ++numShardings;
  return success();
}

/// What becomes of a parameter's shards over "dp".
LogicalResult PlanApplier::applyFsdp(func::FuncOp function, unsigned index,
                                     dist::InterfaceAttrs &attrs) {
  auto param = function.getArgAttrOfType<fabric::ParamAttr>(
      index, FabricDialect::kParamAttr);
  if (!param)
    return success();
  Location loc = function.getArgument(index).getLoc();
  std::string what = nameArgument(function, index);
  FailureOr<const PlanEntry *> entry =
      find(TpPlanSection::Fsdp, loc, what, [&](const PlanEntry &entry) {
        return entry.matchesParameter(param.getName());
      });
  if (failed(entry) || !*entry)
    return entry;
  auto stored =
      find(TpPlanSection::Parameters, loc, what, [&](const PlanEntry &entry) {
        return entry.matchesParameter(param.getName());
      });
  if (failed(stored))
    return failure();
  if (*stored ? !(*stored)->style : bool(getAskedArgument(function, index)))
    return emitPlanError(loc) << (*entry)->describe() << " is about " << what
                              << ", whose sharding says how it is stored";
  auto [mode, dim] = *(*entry)->fsdp;
  auto type = cast<RankedTensorType>(function.getArgumentTypes()[index]);
  if (dim && (*dim < 0 || *dim >= type.getRank()))
    return emitPlanError(loc) << (*entry)->describe() << " names dim " << *dim
                              << ", but " << what << " is " << type;
  attrs.setArg(index, DistDialect::kFsdpAttr,
               dist::FsdpAttr::get(type.getContext(), mode, dim));
  ++numFsdp;
  return success();
}

LogicalResult PlanApplier::applyToResult(func::FuncOp function, unsigned index,
                                         dist::InterfaceAttrs &attrs) {
  auto name = function.getResultAttrOfType<StringAttr>(
      index, FabricDialect::kResultAttr);
  if (!name)
    return success();
  Location loc =
      function.getBody().front().getTerminator()->getOperand(index).getLoc();
  std::string what = nameResult(function, index);
  FailureOr<const PlanEntry *> entry =
      find(TpPlanSection::Results, loc, what, [&](const PlanEntry &entry) {
        return entry.matches(name.getValue());
      });
  if (failed(entry) || !*entry)
    return entry;
  FailureOr<dist::ShardingAttr> sharding =
      getSharding(**entry, loc, what, function.getResultTypes()[index]);
  if (failed(sharding))
    return failure();
  attrs.setResult(index, DistDialect::kShardingAttr, *sharding);
  ++numShardings;
  return success();
}

/// Constrains the value for all uses outside of the ops of this name.
LogicalResult PlanApplier::constrain(OpResult value, PlanEntry &entry,
                                     StringRef prefix) {
  auto leaves = [&](OpOperand &use) {
    return entry.matchPrefix(getName(use.getOwner())) != prefix;
  };
  if (const PlanEntry *other = constrained.lookup({value, prefix})) {
    entry.used = true;
    if (entry.asksSame(*other))
      return success();
    return emitPlanError(value.getLoc())
           << "values keys \"" << *other->key << "\" and \"" << *entry.key
           << "\" disagree about value \"" << prefix << "\": " << spell(*other)
           << " and " << spell(entry);
  }
  if (llvm::none_of(value.getUses(), leaves))
    return success();
  entry.used = true;
  FailureOr<dist::ShardingAttr> sharding = getSharding(
      entry, value.getLoc(), "value \"" + prefix + "\"", value.getType());
  if (failed(sharding))
    return failure();
  OpBuilder builder(value.getContext());
  builder.setInsertionPointAfterValue(value);
  auto constraint = dist::ConstraintOp::create(
      builder, value.getLoc(), value.getType(), value, *sharding,
      /*chosen=*/false, builder.getStringAttr(entry.describe()));
  value.replaceUsesWithIf(constraint, [&](OpOperand &use) {
    return use.getOwner() != constraint && leaves(use);
  });
  // The constraint has the name, too.
  constrained[{value, prefix}] = &entry;
  constrained[{constraint, prefix}] = &entry;
  ++numConstraints;
  return success();
}

LogicalResult PlanApplier::applyToValues(func::FuncOp function,
                                         PlanEntry &entry) {
  SmallVector<std::pair<OpResult, StringRef>> matched;
  for (Operation &op : function.getBody().front())
    if (std::optional<StringRef> prefix = entry.matchPrefix(getName(&op)))
      for (OpResult result : op.getResults())
        matched.push_back({result, *prefix});
  for (auto [value, prefix] : matched)
    if (failed(constrain(value, entry, prefix)))
      return failure();
  return success();
}

LogicalResult PlanApplier::verifyUsed() {
  static constexpr StringLiteral nothing[] = {
      "no parameter", "no parameter", "no input", "no named result",
      "no value: no op with this name makes one that is used elsewhere"};
  for (const PlanEntry &entry : entries)
    if (!entry.used)
      return emitPlanError(module.getLoc()) << entry.describe() << " matches "
                                            << nothing[unsigned(entry.section)];
  return success();
}

LogicalResult PlanApplier::run() {
  // Innermost modules first: what leaves an outer one may leave an inner one.
  SmallVector<PlanEntry *> values;
  for (PlanEntry &entry : entries)
    if (entry.section == TpPlanSection::Values)
      values.push_back(&entry);
  llvm::sort(values, [](const PlanEntry *a, const PlanEntry *b) {
    return a->parts.size() != b->parts.size()
               ? a->parts.size() > b->parts.size()
               : *a->key < *b->key;
  });
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isExternal() || !function.getBody().hasOneBlock())
      continue;
    dist::InterfaceAttrs attrs(function);
    for (unsigned index = 0; index < function.getNumArguments(); ++index)
      if (failed(applyToArgument(function, index, attrs)) ||
          failed(applyFsdp(function, index, attrs)))
        return failure();
    for (unsigned index = 0; index < function.getNumResults(); ++index)
      if (failed(applyToResult(function, index, attrs)))
        return failure();
    attrs.apply();
    for (PlanEntry *entry : values)
      if (failed(applyToValues(function, *entry)))
        return failure();
  }
  return verifyUsed();
}

namespace {
struct ApplyTpPlanPass
    : public sharding::impl::ApplyTpPlanPassBase<ApplyTpPlanPass> {
  using ApplyTpPlanPassBase::ApplyTpPlanPassBase;

  void runOnOperation() override {
    if (plan.empty())
      return;
    ModuleOp module = getOperation();
    FailureOr<std::vector<PlanEntry>> entries = readPlan(plan, [&] {
      return emitError(module.getLoc())
             << "tensor-parallel plan " << plan << ": ";
    });
    if (failed(entries))
      return signalPassFailure();
    PlanApplier applier(module, plan, *entries);
    if (failed(applier.run()))
      return signalPassFailure();
    numStyled += applier.numStyled;
    numFsdp += applier.numFsdp;
    numShardings += applier.numShardings;
    numConstraints += applier.numConstraints;
  }
};
} // namespace
