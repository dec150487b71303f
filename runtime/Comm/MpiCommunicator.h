//===- MpiCommunicator.h - Ranks as processes over MPI ----------*- C++ -*-===//
//
// Host memory, any number of machines. One rank a process, started by mpirun or
// srun. In a build without MPI, NoMpi.cpp stands in and says so.
//
// Moves use derived datatypes, so strided pieces are not packed. Reductions
// move the pieces in chunks through a fixed scratch buffer and add them in the
// group's order: never MPI_Reduce, whose order an implementation may choose.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_COMM_MPICOMMUNICATOR_H
#define FABRIC_RUNTIME_COMM_MPICOMMUNICATOR_H

#include "runtime/Comm/Communicator.h"

namespace fabric::comm {

/// Whether this build has MPI.
bool hasMpi();

/// Initialises MPI, and finalises it when the communicator is destroyed. To be
/// called once in a process, on the thread that will use it.
Expected<std::unique_ptr<Communicator>>
createMpiCommunicator(CommOptions options = {});

} // namespace fabric::comm

#endif // FABRIC_RUNTIME_COMM_MPICOMMUNICATOR_H
