//===- TpPlan.h - A plan file, parsed ---------------------------*- C++ -*-===//
//
// A JSON object from globs of module names to styles, in the words of PyTorch's
// parallelize_module: {"layers.*.w1": "colwise"}. Or sections that hold such
// objects, where a value may also be a sharding, as a JAX PartitionSpec lists
// it:
//
//   {"parameters": {"layers.*.w1": "colwise"},
//    "fsdp": {"layers.*.w1": "gather", "layers.*.w2": {"keep": 1}},
//    "inputs": {"x": ["dp", null]},
//    "results": {"output": [["dp", "tp"], null]},
//    "values": {"layers.*": ["dp", null, "tp"]}}
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_SHARDING_TPPLAN_H
#define FABRIC_PASSES_SHARDING_TPPLAN_H

#include "dialects/Dist/IR/Dist.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/GlobPattern.h"
#include <memory>
#include <string>
#include <vector>

namespace mlir::sharding {

/// Largest plan file in bytes, deepest nesting of its JSON.
inline constexpr uint64_t kMaxTpPlanBytes = 16 << 20;
inline constexpr int kMaxTpPlanDepth = 64;

/// What an entry is about.
enum class TpPlanSection { Parameters, Fsdp, Inputs, Results, Values };

/// The axes of every dim, major first.
using TpPlanSharding = std::vector<std::vector<std::string>>;

/// What becomes of shards over "dp", and the dim that is cut, if it is said.
struct TpPlanFsdp {
  dist::FsdpMode mode;
  std::optional<int64_t> dim;
  bool operator==(const TpPlanFsdp &other) const = default;
};

/// One line of the file: a style, or what becomes of shards, or a sharding.
struct TpPlanEntry {
  TpPlanSection section;
  std::unique_ptr<const std::string> key; ///< Owns what the patterns refer to.
  std::vector<llvm::GlobPattern> parts;   ///< Between the dots.
  std::optional<dist::TpStyle> style;
  std::optional<TpPlanFsdp> fsdp;
  TpPlanSharding sharding;

  /// The key names this.
  bool matches(StringRef name) const;
  /// The key names the parameter, or the module that owns it.
  bool matchesParameter(StringRef name) const;
  /// The part of the name that the key names: `layers.0` of `layers.0.w1` for
  /// `layers.*`.
  std::optional<StringRef> matchPrefix(StringRef name) const;

  /// `key "w1"`, `inputs key "x"`.
  std::string describe() const;
};

/// The entries, by section and key. The error is one line that continues
/// "tensor-parallel plan FILE: ".
llvm::Expected<std::vector<TpPlanEntry>> parseTpPlan(StringRef text);

} // namespace mlir::sharding

#endif // FABRIC_PASSES_SHARDING_TPPLAN_H
