//===- NcclCommunicator.h - A GPU a rank, over NCCL -------------*- C++ -*-===//
//
// NCCL moves bytes between GPUs; sums are made by the kernels that --comm=local
// uses, in the order of the group's ranks, so that results are the same bits
// over both. Another communicator, of threads or of processes over MPI, brings
// the ranks together: it carries NCCL's identifiers, agreements and aborts.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_COMM_NCCLCOMMUNICATOR_H
#define FABRIC_RUNTIME_COMM_NCCLCOMMUNICATOR_H

#include "runtime/Comm/Communicator.h"
#include "runtime/Device/Device.h"

namespace fabric::comm {

/// For buffers of `device`, which no other rank uses. It and `control`, which
/// has the same ranks, outlive the communicator. In a build without CUDA,
/// NoCuda.cpp stands in and says so.
Expected<std::unique_ptr<Communicator>>
createNcclCommunicator(Communicator &control, device::Device &device,
                       CommOptions options = {});

} // namespace fabric::comm

#endif // FABRIC_RUNTIME_COMM_NCCLCOMMUNICATOR_H
