//===- ApplyTpPlan.cpp - Reads tensor-parallel styles from a plan file ----===//
//
// Reads and checks the whole file, finds for every parameter the keys that
// match it, and then sets the attributes.
//
//===----------------------------------------------------------------------===//

#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Sharding/Passes.h"
#include "passes/Sharding/Roles.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace mlir::sharding;

namespace mlir::sharding {
#define GEN_PASS_DEF_APPLYTPPLANPASS
#include "passes/Sharding/Passes.h.inc"
} // namespace mlir::sharding

namespace {
/// One line of the file.
struct PlanEntry {
  StringAttr key;                       // owns what the patterns refer to
  SmallVector<llvm::GlobPattern> parts; // between the dots
  dist::TpStyle style;
  bool used = false;

  bool matches(ArrayRef<StringRef> path) const {
    return path.size() == parts.size() &&
           llvm::all_of(llvm::zip(parts, path), [](auto pair) {
             return std::get<0>(pair).match(std::get<1>(pair));
           });
  }
  /// The key names the parameter, or the module that owns it.
  bool matchesParameter(StringRef name) const {
    SmallVector<StringRef> path;
    name.split(path, '.');
    return matches(path) || matches(ArrayRef<StringRef>(path).drop_back());
  }
};
} // namespace

static FailureOr<PlanEntry>
parseEntry(StringAttr key, const llvm::json::Value &value,
           function_ref<InFlightDiagnostic()> emitError) {
  PlanEntry entry;
  entry.key = key;
  auto text = value.getAsString();
  std::optional<dist::TpStyle> style =
      text ? dist::symbolizeTpStyle(*text) : std::nullopt;
  if (!style) {
    std::string shown;
    llvm::raw_string_ostream(shown) << value;
    return emitError() << "key " << key << " has unknown style " << shown
                       << "; the styles are \"colwise\", \"rowwise\", "
                          "\"replicate\" and \"sequence\"";
  }
  entry.style = *style;
  SmallVector<StringRef> parts;
  key.getValue().split(parts, '.');
  for (StringRef part : parts) {
    llvm::Expected<llvm::GlobPattern> glob = llvm::GlobPattern::create(part);
    if (!glob)
      return emitError() << "key " << key
                         << " is no glob: " << llvm::toString(glob.takeError());
    entry.parts.push_back(std::move(*glob));
  }
  return entry;
}

/// The entries, in the order of their keys.
static FailureOr<SmallVector<PlanEntry>>
readPlan(MLIRContext *context, StringRef file,
         function_ref<InFlightDiagnostic()> emitError) {
  auto buffer = llvm::MemoryBuffer::getFile(file, /*IsText=*/true);
  if (!buffer)
    return emitError() << "cannot be read: " << buffer.getError().message();
  llvm::Expected<llvm::json::Value> json =
      llvm::json::parse((*buffer)->getBuffer());
  if (!json)
    return emitError() << "is no JSON: " << llvm::toString(json.takeError());
  const llvm::json::Object *dict = json->getAsObject();
  if (!dict)
    return emitError() << "must be a dict from globs of module names to styles";

  SmallVector<PlanEntry> entries;
  for (const auto &item : *dict) {
    FailureOr<PlanEntry> entry =
        parseEntry(StringAttr::get(context, StringRef(item.first)), item.second,
                   emitError);
    if (failed(entry))
      return failure();
    entries.push_back(std::move(*entry));
  }
  // The dict is hashed.
  llvm::sort(entries, [](const PlanEntry &a, const PlanEntry &b) {
    return a.key.getValue() < b.key.getValue();
  });
  return entries;
}

namespace {
struct ApplyTpPlanPass
    : public sharding::impl::ApplyTpPlanPassBase<ApplyTpPlanPass> {
  using ApplyTpPlanPassBase::ApplyTpPlanPassBase;

  void runOnOperation() override {
    if (plan.empty())
      return;
    auto emitPlanError = [&] {
      return emitError(getOperation().getLoc())
             << "tensor-parallel plan " << plan << ": ";
    };
    FailureOr<SmallVector<PlanEntry>> entries =
        readPlan(&getContext(), plan, emitPlanError);
    if (failed(entries))
      return signalPassFailure();
    for (auto function : getOperation().getOps<func::FuncOp>())
      for (unsigned index = 0; index < function.getNumArguments(); ++index)
        if (failed(applyTo(function, index, *entries, emitPlanError)))
          return signalPassFailure();
    for (const PlanEntry &entry : *entries)
      if (!entry.used) {
        emitPlanError() << "key " << entry.key << " matches no parameter";
        return signalPassFailure();
      }
  }

  /// Gives argument `index` the style of the entries that match it.
  LogicalResult applyTo(func::FuncOp function, unsigned index,
                        MutableArrayRef<PlanEntry> entries,
                        function_ref<InFlightDiagnostic()> emitPlanError) {
    auto param = function.getArgAttrOfType<fabric::ParamAttr>(
        index, fabric::FabricDialect::kParamAttr);
    if (!param)
      return success();
    const PlanEntry *found = nullptr;
    for (PlanEntry &entry : entries) {
      if (!entry.matchesParameter(param.getName().getValue()))
        continue;
      entry.used = true;
      if (found && found->style != entry.style)
        return emitPlanError()
               << "keys " << found->key << " and " << entry.key
               << " disagree about parameter " << param.getName() << ": "
               << stringifyTpStyle(found->style) << " and "
               << stringifyTpStyle(entry.style);
      found = &entry;
    }
    if (!found)
      return success();
    dist::MeshAttr mesh = dist::getMesh(function);
    auto type = cast<RankedTensorType>(function.getArgumentTypes()[index]);
    if (mesh &&
        failed(verifyTpStyle(function.getArgument(index).getLoc(),
                             param.getName(), type, found->style, mesh)))
      return failure();
    function.setArgAttr(index, dist::DistDialect::kTpAttr,
                        dist::TpStyleAttr::get(&getContext(), found->style));
    ++numStyled;
    return success();
  }
};
} // namespace
