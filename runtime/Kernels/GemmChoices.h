//===- GemmChoices.h - Algorithms that a search has found -------*- C++ -*-===//
//
// A file of fabric-run --tune-gemms: for every product of a plan, the fastest
// algorithm that its library has on one kind of GPU. Needs no CUDA, so that it
// is tested everywhere: an algorithm is bytes that only its library reads.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_KERNELS_GEMMCHOICES_H
#define FABRIC_RUNTIME_KERNELS_GEMMCHOICES_H

#include "runtime/Kernels/Gemm.h"

#include <string>
#include <vector>

namespace fabric::kernels {

/// What an algorithm belongs to: it means nothing to another.
struct GemmMachine {
  std::string device;  ///< "NVIDIA H100 80GB HBM3 (sm_90)"
  std::string library; ///< "cuBLASLt 130001"
  bool operator==(const GemmMachine &) const = default;
};

struct GemmChoice {
  GemmDesc desc;
  std::vector<std::byte> algorithm;
  int64_t scratchBytes = 0;
  double microseconds = 0; ///< As measured: for people.
};

class GemmChoices {
public:
  explicit GemmChoices(GemmMachine machine) : owner(std::move(machine)) {}

  static Expected<GemmChoices> read(const std::string &path);
  Status write(const std::string &path) const;

  void add(GemmChoice choice) { list.push_back(std::move(choice)); }
  const std::vector<GemmChoice> &choices() const { return list; }
  const GemmMachine &machine() const { return owner; }

  /// Fails where they were measured on something else.
  Status check(const GemmMachine &machine) const;
  /// Fails where the file has none: a run chooses all or nothing by it.
  Expected<const GemmChoice *> find(const GemmDesc &desc) const;

private:
  GemmMachine owner;
  std::vector<GemmChoice> list;
};

/// "16 x 256 x 128 of f32": batch where it is more than one, m, n, k.
std::string describe(const GemmDesc &desc);

} // namespace fabric::kernels

#endif // FABRIC_RUNTIME_KERNELS_GEMMCHOICES_H
