//===- Report.h - What a plan costs, before it runs -------------*- C++ -*-===//

#ifndef FABRIC_COMPILER_DRIVER_REPORT_H
#define FABRIC_COMPILER_DRIVER_REPORT_H

#include "runtime/Plan/Plan.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <string>
#include <utility>
#include <vector>

namespace mlir::fabric {

/// What the report says beyond what the plan holds.
struct ReportFacts {
  /// Of all ops on local shapes; a multiply-add is two.
  int64_t flopsPerRank = 0;
  /// Of memory, in the plan's order, wherever buffers lie.
  int64_t leastBytes = 0;
  /// Parameter -> style, in the order of the model's arguments.
  std::vector<std::pair<std::string, std::string>> tpPlan;
  /// Parameter -> "gather" or "keep", of those that say.
  std::vector<std::pair<std::string, std::string>> fsdpPlan;
};

/// {"mesh", "batch", "flops_per_rank", "memory", "least_bytes",
/// "planned_copies", "peer_bytes", "barriers", "collectives", "tp_plan",
/// "fsdp_plan"}. Bytes are a rank's; those of a collective are what one rank
/// sends.
void printReportJson(const ::fabric::plan::Plan &plan, const ReportFacts &facts,
                     llvm::raw_ostream &os);

/// The same for people; collectives of one kind, axes and reason on one line.
void printReport(const ::fabric::plan::Plan &plan, const ReportFacts &facts,
                 llvm::raw_ostream &os);

} // namespace mlir::fabric

#endif // FABRIC_COMPILER_DRIVER_REPORT_H
