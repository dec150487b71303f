//===- Clock.h - The host's time ---------------------------------*- C++
//-*-===//

#ifndef FABRIC_RUNTIME_SUPPORT_CLOCK_H
#define FABRIC_RUNTIME_SUPPORT_CLOCK_H

#include <chrono>
#include <cstdint>

namespace fabric {

/// Never runs backwards; counts from anywhere, the same for all processes of a
/// machine.
inline int64_t steadyNanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

} // namespace fabric

#endif // FABRIC_RUNTIME_SUPPORT_CLOCK_H
