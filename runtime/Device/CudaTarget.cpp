//===- CudaTarget.cpp - Which GPU runs which plan -------------------------===//

#include "runtime/Device/CudaTarget.h"

#include <charconv>

namespace fabric::device {
namespace {

std::string versionText(int version) {
  return std::to_string(version / 1000) + "." +
         std::to_string(version % 1000 / 10);
}

struct Arch {
  int capability = 0; ///< 10 * major + minor
  char suffix = 0;    ///< 'a': this one only. 'f': this family.
};

Expected<Arch> parseArch(std::string_view text) {
  Arch arch;
  std::string_view digits = text;
  if (digits.starts_with("sm_")) {
    digits.remove_prefix(3);
    const char *end = digits.data() + digits.size();
    auto [last, error] = std::from_chars(digits.data(), end, arch.capability);
    if (error == std::errc() && arch.capability >= 10) {
      if (last == end)
        return arch;
      if (last + 1 == end && (*last == 'a' || *last == 'f')) {
        arch.suffix = *last;
        return arch;
      }
    }
  }
  return Status::error("target, expected an arch like sm_90, found '", text,
                       "'");
}

} // namespace

Status checkCudaMachine(const CudaMachine &machine, int ordinal) {
  if (machine.driverVersion == 0)
    return Status::error("this machine has no NVIDIA driver (libcuda.so.1), "
                         "which plans for cuda need");
  if (machine.driverVersion / 1000 < machine.runtimeVersion / 1000)
    return Status::error(
        "this machine's NVIDIA driver serves CUDA ",
        versionText(machine.driverVersion), " and this build needs ",
        versionText(machine.runtimeVersion), ": install a newer driver");
  if (machine.numDevices == 0)
    return Status::error("this machine has an NVIDIA driver and no GPU that it "
                         "shows to this process");
  if (ordinal < 0 || ordinal >= machine.numDevices)
    return Status::error("expected GPU ", ordinal, ", found ",
                         machine.numDevices, " of them");
  return Status::success();
}

Status checkCudaTarget(const plan::Target &target,
                       const CudaCapability &device) {
  if (target.kind != "cuda")
    return Status::error("the plan is for ", target.kind, ", not for cuda");
  FABRIC_ASSIGN_OR_RETURN(Arch arch, parseArch(target.arch));
  int have = device.major * 10 + device.minor;
  bool runs = have >= arch.capability;
  if (arch.suffix == 'a')
    runs = have == arch.capability;
  if (arch.suffix == 'f')
    runs = runs && have / 10 == arch.capability / 10;
  if (runs)
    return Status::success();
  return Status::error("the plan is for ", target.arch, " and ", device.name,
                       " is sm_", have, ": compile with --target=cuda:sm_",
                       have);
}

} // namespace fabric::device
