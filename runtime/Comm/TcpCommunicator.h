//===- TcpCommunicator.h - Ranks that meet at an address --------*- C++ -*-===//
//
// For processes that no MPI has started: all connect to rank 0, which passes on
// what they exchange. It carries what ranks have to say to each other,
// agreements, aborts and NCCL's identifiers, and moves no tensors: it makes no
// groups.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_COMM_TCPCOMMUNICATOR_H
#define FABRIC_RUNTIME_COMM_TCPCOMMUNICATOR_H

#include "runtime/Comm/Communicator.h"

namespace fabric::comm {

/// Where the ranks meet, and who this one is.
struct Rendezvous {
  std::string host; ///< Of rank 0.
  int port = 0;
  int rank = 0, size = 1;
};

/// Called by every rank. Rank 0 listens, the others try until it does. Fails
/// where not all have come by the timeout, or do not fit together.
Expected<std::unique_ptr<Communicator>>
createTcpCommunicator(const Rendezvous &rendezvous, CommOptions options = {});

} // namespace fabric::comm

#endif // FABRIC_RUNTIME_COMM_TCPCOMMUNICATOR_H
