//===- CudaMover.cpp - Moves in the memory of a GPU -----------------------===//

#include "runtime/Comm/CudaMoves.h"
#include "runtime/Comm/Mover.h"
#include "runtime/Device/CudaStatus.h"

#include <algorithm>

namespace fabric::comm {
namespace {

class CudaMover final : public Mover {
public:
  CudaMover(device::Stream &stream, std::unique_ptr<device::Event> marked)
      : stream(stream), marked(std::move(marked)) {}

  bool onHost() const override { return false; }

  Status mark() override { return stream.record(*marked); }
  Status follow(const Mover &peer) override {
    return stream.wait(*static_cast<const CudaMover &>(peer).marked);
  }

  Status copyPart(const std::byte *source, Rows from, int64_t fromAt,
                  std::byte *target, Rows to, int64_t toAt,
                  int64_t bytes) override {
    return device::cudaStatus(
        launchCopyPart(source, from, fromAt, target, to, toAt, bytes, native()),
        "copyPart");
  }

  Status reduceRows(DType dtype, Reduction reduction,
                    std::span<const std::byte *const> sources, Rows from,
                    std::byte *target) override {
    CudaSources addresses = {};
    if (sources.size() > CudaSources::most)
      return Status::error("a reduction of ", sources.size(),
                           " sources, and a GPU takes at most ",
                           CudaSources::most);
    std::copy(sources.begin(), sources.end(), addresses.address);
    return device::cudaStatus(launchReduceRows(dtype, reduction, addresses,
                                               static_cast<int>(sources.size()),
                                               from, target, native()),
                              "reduceRows");
  }

private:
  cudaStream_t native() const { return device::cudaStreamOf(stream); }

  device::Stream &stream;
  std::unique_ptr<device::Event> marked;
};

} // namespace

Expected<std::shared_ptr<Mover>> createCudaMover(device::Stream &stream) {
  FABRIC_ASSIGN_OR_RETURN(std::unique_ptr<device::Event> marked,
                          stream.createEvent());
  return std::shared_ptr<Mover>(
      std::make_shared<CudaMover>(stream, std::move(marked)));
}

} // namespace fabric::comm
