//===- FakeGpu.cpp - In place of TestGpu.cpp, with a cuBLASLt on the host -===//
//
// The memory is the host's, and products go the way of a GPU's: to the library
// that is found at run time, which here is FakeCublasLt.cpp.
//
//===----------------------------------------------------------------------===//

#include "TestDevices.h"

#include "runtime/Kernels/CudaGemm.h"

using namespace fabric;
using namespace fabric::device;

namespace {

class FakeGpu final : public Device {
public:
  explicit FakeGpu(std::shared_ptr<kernels::CudaGemms> gemms)
      : gemms(std::move(gemms)) {}

  std::string_view kind() const override { return "cuda"; }
  bool hostAccessible() const override { return true; }
  Status check(const plan::Target &) const override {
    return Status::success();
  }
  Expected<std::unique_ptr<Memory>> allocate(int64_t bytes,
                                             int64_t alignment) override {
    return host->allocate(bytes, alignment);
  }
  Expected<std::unique_ptr<Memory>> allocateHost(int64_t bytes) override {
    return host->allocateHost(bytes);
  }
  Expected<std::unique_ptr<Stream>> createStream() override {
    return host->createStream();
  }
  Status copyFromHost(Stream &stream, void *target, const void *source,
                      int64_t bytes) override {
    return host->copy(stream, target, source, bytes);
  }
  Status copyToHost(Stream &stream, void *target, const void *source,
                    int64_t bytes) override {
    return host->copy(stream, target, source, bytes);
  }
  Status copy(Stream &stream, void *target, const void *source,
              int64_t bytes) override {
    return host->copy(stream, target, source, bytes);
  }
  Expected<std::shared_ptr<Module>>
  load(std::span<const std::byte> code) override {
    return host->load(code);
  }
  Expected<std::unique_ptr<kernels::Gemm>>
  createGemm(const kernels::GemmDesc &desc, Stream &stream) override {
    return gemms->create(desc, stream);
  }
  Status
  useGemms(std::shared_ptr<const kernels::GemmChoices> choices) override {
    gemms->use(std::move(choices));
    return Status::success();
  }

private:
  std::shared_ptr<Device> host = createCpuDevice();
  std::shared_ptr<kernels::CudaGemms> gemms;
};

} // namespace

Expected<std::shared_ptr<Device>> test::createTestGpu() {
  FABRIC_ASSIGN_OR_RETURN(auto gemms, kernels::createCudaGemms());
  if (gemms->library() != "cuBLASLt 130001")
    return Status::error("expected the test's own library, found ",
                         gemms->library());
  return std::shared_ptr<Device>(std::make_shared<FakeGpu>(std::move(gemms)));
}
