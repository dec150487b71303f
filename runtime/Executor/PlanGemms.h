//===- PlanGemms.h - A plan's products, as a device makes them --*- C++ -*-===//

#ifndef FABRIC_RUNTIME_EXECUTOR_PLANGEMMS_H
#define FABRIC_RUNTIME_EXECUTOR_PLANGEMMS_H

#include "runtime/Kernels/Gemm.h"
#include "runtime/Plan/Plan.h"

#include <vector>

namespace fabric::runtime {

/// The same on every rank.
kernels::GemmDesc describeGemm(const plan::Plan &plan, const plan::Gemm &gemm);

/// Those that differ, in the order in which the plan has them first.
std::vector<kernels::GemmDesc> distinctGemms(const plan::Plan &plan);

} // namespace fabric::runtime

#endif // FABRIC_RUNTIME_EXECUTOR_PLANGEMMS_H
