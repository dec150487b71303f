//===- NoCuda.cpp - In place of the CUDA files, without the toolkit -------===//

#include "runtime/Comm/Mover.h"
#include "runtime/Comm/NcclCommunicator.h"

namespace fabric::comm {

Expected<std::shared_ptr<Mover>> createCudaMover(device::Stream &) {
  return Status::error("this build has no CUDA");
}

Expected<std::unique_ptr<Communicator>>
createNcclCommunicator(Communicator &, device::Device &, CommOptions) {
  return Status::error("this build has no CUDA");
}

} // namespace fabric::comm
