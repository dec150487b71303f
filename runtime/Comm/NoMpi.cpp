//===- NoMpi.cpp - In place of MpiCommunicator.cpp, without MPI -----------===//

#include "runtime/Comm/MpiCommunicator.h"

namespace fabric::comm {

bool hasMpi() { return false; }

Expected<std::unique_ptr<Communicator>> createMpiCommunicator(CommOptions) {
  return Status::error("this build has no MPI: install Open MPI's development "
                       "package and configure again");
}

} // namespace fabric::comm
