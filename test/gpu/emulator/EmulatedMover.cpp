//===- EmulatedMover.cpp - Collectives on an emulated GPU -----------------===//
//
// As CudaMover: ranks order their streams by events, and what moves is work in
// a stream. The work itself is the host's.
//
//===----------------------------------------------------------------------===//

#include "runtime/Comm/Mover.h"
#include "runtime/Comm/NcclCommunicator.h"
#include "test/gpu/emulator/EmulatedStream.h"

namespace fabric::comm {
namespace {

int64_t extentOf(Rows rows) {
  return rows.count == 0 ? 0 : (rows.count - 1) * rows.stride + rows.bytes;
}

class EmulatedMover final : public Mover {
public:
  EmulatedMover(emulator::EmulatedStream &stream,
                std::unique_ptr<device::Event> marked,
                std::shared_ptr<Mover> host)
      : stream(stream), marked(std::move(marked)), host(std::move(host)) {}

  bool onHost() const override { return false; }

  Status mark() override { return stream.record(*marked); }
  Status follow(const Mover &peer) override {
    return stream.wait(*static_cast<const EmulatedMover &>(peer).marked);
  }

  Status copyPart(const std::byte *source, Rows from, int64_t fromAt,
                  std::byte *target, Rows to, int64_t toAt,
                  int64_t bytes) override {
    return stream.give(
        [=, &memory = stream.processor->memory, host = host]() -> Status {
          FABRIC_ASSIGN_OR_RETURN(std::byte * read,
                                  memory.locate(source, extentOf(from)));
          FABRIC_ASSIGN_OR_RETURN(std::byte * written,
                                  memory.locate(target, extentOf(to)));
          return host->copyPart(read, from, fromAt, written, to, toAt, bytes);
        });
  }

  Status reduceRows(DType dtype, Reduction reduction,
                    std::span<const std::byte *const> sources, Rows from,
                    std::byte *target) override {
    return stream.give([=, &memory = stream.processor->memory, host = host,
                        all = std::vector(sources.begin(),
                                          sources.end())]() mutable -> Status {
      for (const std::byte *&source : all) {
        FABRIC_ASSIGN_OR_RETURN(source, memory.locate(source, extentOf(from)));
      }
      FABRIC_ASSIGN_OR_RETURN(std::byte * written,
                              memory.locate(target, from.totalBytes()));
      return host->reduceRows(dtype, reduction, all, from, written);
    });
  }

private:
  emulator::EmulatedStream &stream;
  std::unique_ptr<device::Event> marked;
  std::shared_ptr<Mover> host;
};

} // namespace

Expected<std::shared_ptr<Mover>> createCudaMover(device::Stream &stream) {
  FABRIC_ASSIGN_OR_RETURN(std::unique_ptr<device::Event> marked,
                          stream.createEvent());
  FABRIC_ASSIGN_OR_RETURN(std::shared_ptr<Mover> host, createMover(nullptr));
  return std::shared_ptr<Mover>(std::make_shared<EmulatedMover>(
      emulator::emulated(stream), std::move(marked), std::move(host)));
}

Expected<std::unique_ptr<Communicator>>
createNcclCommunicator(Communicator &, device::Device &, CommOptions) {
  return Status::error("there is no NCCL for an emulated GPU");
}

} // namespace fabric::comm
