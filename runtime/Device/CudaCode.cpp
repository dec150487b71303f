//===- CudaCode.cpp - PTX, loaded -----------------------------------------===//
//
// The driver compiles PTX when it is loaded, for every device that is newer
// than what it was made for. Its own interface does, for the runtime's waits
// until a kernel is launched: a step would compile, and its errors come too
// late.
//
//===----------------------------------------------------------------------===//

#include "runtime/Device/CudaCode.h"
#include "runtime/Device/CudaStatus.h"
#include "runtime/Support/SharedLibrary.h"

#include <array>
#include <cuda.h>

namespace fabric::device {
namespace {

/// The driver's functions that the runtime has no equals of. The library is
/// there: the device has been made with it.
struct CudaDriver {
  SharedLibrary library;
#define FABRIC_DRIVER_FUNCTIONS(X)                                             \
  X(cuFuncGetParamInfo)                                                        \
  X(cuFuncLoad)                                                                \
  X(cuFuncSetAttribute)                                                        \
  X(cuGetErrorString)                                                          \
  X(cuLaunchKernel)                                                            \
  X(cuModuleGetFunction)                                                       \
  X(cuModuleLoadDataEx)                                                        \
  X(cuModuleUnload)
#define FABRIC_DECLARE(name) decltype(&::name) name = nullptr;
  FABRIC_DRIVER_FUNCTIONS(FABRIC_DECLARE)
#undef FABRIC_DECLARE

  Status load() {
    FABRIC_ASSIGN_OR_RETURN(library, SharedLibrary::open("libcuda.so.1"));
#define FABRIC_FIND(name) FABRIC_RETURN_IF_ERROR(library.find(name, #name));
    FABRIC_DRIVER_FUNCTIONS(FABRIC_FIND)
#undef FABRIC_FIND
    return Status::success();
  }
#undef FABRIC_DRIVER_FUNCTIONS

  /// The one converter.
  Status check(CUresult code, const char *call) const {
    if (code == CUDA_SUCCESS)
      return Status::success();
    const char *text = nullptr;
    if (cuGetErrorString(code, &text) != CUDA_SUCCESS)
      text = "an unknown error";
    return Status::error("CUDA: ", call, ": ", text);
  }
};

/// A module and the driver that it goes back to.
class LoadedCode {
public:
  LoadedCode() = default;
  LoadedCode(const LoadedCode &) = delete;
  LoadedCode &operator=(const LoadedCode &) = delete;
  ~LoadedCode() {
    if (module)
      (void)driver.cuModuleUnload(module);
  }

  CudaDriver driver;
  CUmodule module = nullptr;
};

/// Every parameter is a pointer to a buffer: as the driver packs them, they are
/// the array of addresses.
class CudaKernel final : public Kernel {
public:
  CudaKernel(std::shared_ptr<const LoadedCode> code, CUfunction function,
             int64_t numBuffers, const plan::Grid &grid)
      : code(std::move(code)), function(function),
        bytes(static_cast<size_t>(numBuffers) * sizeof(void *)), grid(grid) {}

  Status launch(Stream &stream, void *const *buffers) const override {
    size_t size = bytes;
    void *packed[] = {CU_LAUNCH_PARAM_BUFFER_POINTER,
                      const_cast<void **>(buffers), CU_LAUNCH_PARAM_BUFFER_SIZE,
                      &size, CU_LAUNCH_PARAM_END};
    auto extent = [](int64_t value) { return static_cast<unsigned>(value); };
    const auto &[blocks, threads, sharedBytes] = grid;
    return code->driver.check(
        code->driver.cuLaunchKernel(
            function, extent(blocks[0]), extent(blocks[1]), extent(blocks[2]),
            extent(threads[0]), extent(threads[1]), extent(threads[2]),
            extent(sharedBytes), cudaStreamOf(stream), nullptr,
            size > 0 ? packed : nullptr),
        "cuLaunchKernel");
  }

private:
  std::shared_ptr<const LoadedCode> code;
  CUfunction function;
  size_t bytes;
  plan::Grid grid;
};

class CudaModule final : public Module {
public:
  CudaModule(std::shared_ptr<const LoadedCode> code, int ordinal)
      : code(std::move(code)), driver(this->code->driver), ordinal(ordinal) {}

  Expected<std::unique_ptr<Kernel>>
  find(const std::string &symbol, int64_t numBuffers,
       const std::optional<plan::Grid> &grid) const override {
    std::string context = "kernel '" + symbol + "'";
    FABRIC_RETURN_IF_ERROR(cudaStatus(cudaSetDevice(ordinal), "cudaSetDevice"));
    if (!grid)
      return Status::error(context, ": expected a grid");
    CUfunction function = nullptr;
    CUresult found =
        driver.cuModuleGetFunction(&function, code->module, symbol.c_str());
    if (found == CUDA_ERROR_NOT_FOUND)
      return Status::error("section 'code' has no ", context);
    FABRIC_RETURN_IF_ERROR(driver.check(found, "cuModuleGetFunction"));
    FABRIC_RETURN_IF_ERROR(checkParameters(function, numBuffers).in(context));
    FABRIC_RETURN_IF_ERROR(allowShared(function, *grid).in(context));
    // Now, not when it is launched first.
    FABRIC_RETURN_IF_ERROR(
        driver.check(driver.cuFuncLoad(function), "cuFuncLoad").in(context));
    return std::unique_ptr<Kernel>(
        std::make_unique<CudaKernel>(code, function, numBuffers, *grid));
  }

private:
  /// The driver copies what the kernel declares, whatever the plan gives.
  Status checkParameters(CUfunction function, int64_t numBuffers) const {
    int64_t declared = 0;
    size_t offset = 0, size = 0;
    while (declared <= numBuffers &&
           driver.cuFuncGetParamInfo(function, static_cast<size_t>(declared),
                                     &offset, &size) == CUDA_SUCCESS) {
      if (size != sizeof(void *))
        return Status::error("parameter ", declared,
                             ": expected a pointer, found ", size, " bytes");
      ++declared;
    }
    if (declared != numBuffers)
      return Status::error(
          "the launch has ", numBuffers, " buffers and the code has ",
          declared > numBuffers ? "more" : "fewer", " parameters");
    return Status::success();
  }

  /// More shared memory than 48 KiB has to be asked for.
  Status allowShared(CUfunction function, const plan::Grid &grid) const {
    int most = 0;
    FABRIC_RETURN_IF_ERROR(
        cudaStatus(cudaDeviceGetAttribute(
                       &most, cudaDevAttrMaxSharedMemoryPerBlockOptin, ordinal),
                   "cudaDeviceGetAttribute"));
    if (grid.sharedBytes > most)
      return Status::error("a block needs ", grid.sharedBytes,
                           " bytes of shared memory and the device has ", most);
    return driver.check(driver.cuFuncSetAttribute(
                            function,
                            CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                            static_cast<int>(grid.sharedBytes)),
                        "cuFuncSetAttribute");
  }

  std::shared_ptr<const LoadedCode> code;
  const CudaDriver &driver;
  int ordinal;
};

/// The compiler's complaints on one line.
std::string oneLine(const char *log) {
  std::string text;
  for (const char *c = log; *c; ++c) {
    bool space = *c == '\n' || *c == '\r' || *c == '\t' || *c == ' ';
    if (!space)
      text += *c;
    else if (!text.empty() && text.back() != ' ')
      text += ' ';
  }
  while (!text.empty() && text.back() == ' ')
    text.pop_back();
  return text;
}

} // namespace

Expected<std::shared_ptr<Module>> loadCudaCode(std::span<const std::byte> code,
                                               int ordinal) {
  auto loaded = std::make_shared<LoadedCode>();
  const CudaDriver &driver = loaded->driver;
  FABRIC_RETURN_IF_ERROR(loaded->driver.load());
  // PTX is text that the compiler reads up to a zero.
  std::string text(reinterpret_cast<const char *>(code.data()), code.size());
  std::array<char, 8192> log = {};
  CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER,
                            CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void *values[] = {log.data(), reinterpret_cast<void *>(log.size() - 1)};
  Status status =
      driver.check(driver.cuModuleLoadDataEx(&loaded->module, text.c_str(), 2,
                                             options, values),
                   "cuModuleLoadDataEx");
  if (status.failed()) {
    std::string complaints = oneLine(log.data());
    return Status::error("section 'code' cannot be loaded: ",
                         complaints.empty() ? status.message() : complaints);
  }
  return std::shared_ptr<Module>(
      std::make_shared<CudaModule>(std::move(loaded), ordinal));
}

} // namespace fabric::device
