//===- TpPlan.h - A tensor-parallel plan file, parsed -----------*- C++ -*-===//
//
// A JSON object from globs of module names to styles, in the words of PyTorch's
// parallelize_module: {"layers.*.w1": "colwise"}.
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

/// One line of the file.
struct TpPlanEntry {
  std::unique_ptr<const std::string> key; ///< Owns what the patterns refer to.
  std::vector<llvm::GlobPattern> parts;   ///< Between the dots.
  dist::TpStyle style;

  /// The key names the parameter, or the module that owns it.
  bool matchesParameter(StringRef name) const;
};

/// The entries, in the order of their keys. The error is one line that
/// continues "tensor-parallel plan FILE: ".
llvm::Expected<std::vector<TpPlanEntry>> parseTpPlan(StringRef text);

} // namespace mlir::sharding

#endif // FABRIC_PASSES_SHARDING_TPPLAN_H
