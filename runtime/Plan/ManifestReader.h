//===- ManifestReader.h - JSON to the structs of a plan ---------*- C++ -*-===//
//
// Private to runtime/Plan.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_PLAN_MANIFESTREADER_H
#define FABRIC_RUNTIME_PLAN_MANIFESTREADER_H

#include "runtime/Plan/Plan.h"
#include "runtime/Support/Json.h"
#include "runtime/Support/Status.h"

#include <cstddef>
#include <span>

namespace fabric::plan {

/// Thrown on the first thing that is wrong.
struct Damage {
  Status status;
};

/// The plan that the manifest describes, with what is in the sections, which
/// must fill `sections` exactly. Types, enums and keys are right; whether the
/// plan holds together is for verifyPlan. Throws Damage.
Plan readManifest(const nlohmann::json &manifest,
                  std::span<const std::byte> sections);

} // namespace fabric::plan

#endif // FABRIC_RUNTIME_PLAN_MANIFESTREADER_H
