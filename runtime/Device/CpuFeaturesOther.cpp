//===- CpuFeaturesOther.cpp - On processors without a table ---------------===//

#include "runtime/Device/CpuFeatures.h"

namespace fabric::device {

Status checkCpuFeatures(const std::vector<std::string> &features) {
  if (features.empty())
    return Status::success();
  return Status::error("the plan needs CPU feature ", features.front(),
                       ", and this build knows none on this processor");
}

} // namespace fabric::device
