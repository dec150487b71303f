//===- HostMover.cpp - Moves in the host's memory -------------------------===//

#include "runtime/Comm/Mover.h"
#include "runtime/Comm/Reduce.h"

#include <vector>

namespace fabric::comm {
namespace {

class HostMover final : public Mover {
public:
  bool onHost() const override { return true; }

  Status mark() override { return Status::success(); }
  Status follow(const Mover &) override { return Status::success(); }

  Status copyPart(const std::byte *source, Rows from, int64_t fromAt,
                  std::byte *target, Rows to, int64_t toAt,
                  int64_t bytes) override {
    comm::copyPart(source, from, fromAt, target, to, toAt, bytes);
    return Status::success();
  }

  Status reduceRows(DType dtype, Reduction reduction,
                    std::span<const std::byte *const> sources, Rows from,
                    std::byte *target) override {
    ReduceFn reduce = reduceFunction(dtype, reduction);
    int64_t count = from.bytes / plan::byteWidth(dtype);
    rowSources.assign(sources.begin(), sources.end());
    for (int64_t row = 0; row < from.count; ++row) {
      reduce(rowSources.data(), static_cast<int>(rowSources.size()), count,
             target + row * from.bytes);
      for (const std::byte *&source : rowSources)
        source += from.stride;
    }
    return Status::success();
  }

private:
  std::vector<const std::byte *> rowSources; ///< Kept, to allocate it once.
};

} // namespace

Expected<std::shared_ptr<Mover>> createMover(device::Stream *stream) {
  if (stream && stream->kind() == "cuda")
    return createCudaMover(*stream);
  return std::shared_ptr<Mover>(std::make_shared<HostMover>());
}

} // namespace fabric::comm
