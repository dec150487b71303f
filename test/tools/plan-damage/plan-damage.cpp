//===- plan-damage.cpp - Is every damaged plan refused? -------------------===//
//
//   plan-damage compiled.bin
//
// Reads the file cut at every byte, with every byte of its header and manifest
// changed (all bits, and each bit alone), and with those changes under a new
// checksum, which a reader may accept: it only has to return. Prints what it
// counted; fails where something was accepted that must not be, or where an
// error is more than a line.
//
//===----------------------------------------------------------------------===//

#include "runtime/Plan/PlanReader.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Sha256.h"

#include <algorithm>
#include <cstring>
#include <iostream>

using namespace fabric;

namespace {
struct Count {
  int64_t tried = 0, refused = 0, untidy = 0;

  void read(std::span<const std::byte> bytes) {
    Expected<plan::Plan> plan = plan::readPlan(bytes, "plan");
    ++tried;
    if (!plan.failed())
      return;
    ++refused;
    untidy += plan.message().find('\n') != std::string::npos;
  }
};

std::ostream &operator<<(std::ostream &os, const Count &count) {
  return os << count.tried << " tried, " << count.refused << " refused";
}
} // namespace

/// Exclusive ors that change a byte: all of its bits, then one.
static constexpr uint8_t masks[] = {0xff, 1, 2, 4, 8, 16, 32, 64, 128};

static Status run(const std::string &path) {
  FABRIC_ASSIGN_OR_RETURN(std::vector<std::byte> bytes, readFile(path));
  if (Expected<plan::Plan> plan = plan::readPlan(bytes, path); plan.failed())
    return plan.status();
  uint64_t manifestBytes;
  std::memcpy(&manifestBytes, bytes.data() + 16, sizeof(manifestBytes));
  size_t end = 24 + manifestBytes, digest = bytes.size() - 32;
  std::cout << "plan: " << bytes.size() << " bytes, manifest " << manifestBytes
            << "\n";

  Count cut, flipped, sealed;
  for (size_t size = 0; size < bytes.size(); ++size)
    cut.read(std::span(bytes).first(size));
  for (size_t at = 0; at < end; ++at)
    for (uint8_t mask : masks) {
      std::vector<std::byte> damaged = bytes;
      damaged[at] ^= std::byte{mask};
      flipped.read(damaged);
      if (mask != 0xff && mask != 1)
        continue;
      FABRIC_ASSIGN_OR_RETURN(Sha256Digest sum,
                              sha256(std::span(damaged).first(digest)));
      std::copy(sum.begin(), sum.end(), damaged.begin() + digest);
      sealed.read(damaged);
    }
  std::cout << "cut: " << cut << "\nchanged: " << flipped
            << "\nchanged and sealed: " << sealed << "\n";
  if (cut.refused != cut.tried || flipped.refused != flipped.tried)
    return Status::error("a damaged plan was accepted");
  if (cut.untidy + flipped.untidy + sealed.untidy > 0)
    return Status::error("an error is more than a line");
  return Status::success();
}

int main(int argc, char **argv) {
  Status status =
      argc == 2 ? run(argv[1]) : Status::error("expected one argument, a plan");
  if (status.ok())
    return 0;
  std::cerr << "plan-damage: error: " << status.message() << "\n";
  return 1;
}
