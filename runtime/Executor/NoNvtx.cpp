//===- NoNvtx.cpp - In place of NvtxRanges.cpp, without the header --------===//

#include "runtime/Executor/Ranges.h"

namespace fabric::runtime {

std::unique_ptr<Ranges> createRanges(const plan::Plan &) { return nullptr; }

} // namespace fabric::runtime
