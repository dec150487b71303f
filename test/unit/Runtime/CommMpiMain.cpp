//===- CommMpiMain.cpp - The conformance suite over MPI -------------------===//
//
//   mpirun --allow-run-as-root --oversubscribe -n 4 CommConformanceMpi
//
// Every rank runs every test; a rank that fails fails the run.
//
//===----------------------------------------------------------------------===//

#include "CommHarness.h"

#include "runtime/Comm/MpiCommunicator.h"

#include <gtest/gtest.h>
#include <iostream>

namespace fabric::test {
namespace {

// gtest registers tests without arguments, so the one communicator of the
// process is reached through here.
comm::Communicator *&theCommunicator() {
  static comm::Communicator *communicator = nullptr;
  return communicator;
}

} // namespace

const Place *place() { return nullptr; }
std::optional<std::string> whyNot() { return std::nullopt; }
std::vector<int> worldSizes() { return {theCommunicator()->size()}; }

void onAllRanks(int, const std::function<void(comm::Communicator &)> &body) {
  body(*theCommunicator());
}

} // namespace fabric::test

int main(int argc, char **argv) {
  fabric::comm::CommOptions options;
  options.timeout = std::chrono::seconds(60);
  auto communicator = fabric::comm::createMpiCommunicator(options);
  if (communicator.failed()) {
    std::cerr << communicator.message() << "\n";
    return 1;
  }
  fabric::test::theCommunicator() = communicator->get();
  testing::InitGoogleTest(&argc, argv);
  if ((*communicator)->rank() != 0) {
    auto &listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
  }
  int failed = RUN_ALL_TESTS();
  fabric::Status all =
      (*communicator)
          ->agree(failed ? fabric::Status::error(
                               "rank ", (*communicator)->rank(), " failed")
                         : fabric::Status::success());
  if (all.failed() && (*communicator)->rank() == 0)
    std::cerr << all.message() << "\n";
  return all.ok() ? 0 : 1;
}
