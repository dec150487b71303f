//===- CudaDevice.cpp - One NVIDIA GPU ------------------------------------===//
//
// On the runtime API, linked statically, which finds the driver by itself: the
// same program starts on machines without one. A device is current for a
// thread, so that every function that allocates or launches makes it so first.
//
//===----------------------------------------------------------------------===//

#include "runtime/Device/CudaCode.h"
#include "runtime/Device/CudaStatus.h"
#include "runtime/Device/CudaTarget.h"
#include "runtime/Device/Device.h"
#include "runtime/Kernels/CudaGemm.h"
#include "runtime/Plan/Scratch.h"
#include "runtime/Support/Clock.h"
#include "runtime/Support/UniqueHandle.h"

#include <algorithm>
#include <mutex>
#include <vector>

namespace fabric::device {
namespace {

struct DeviceMemoryTraits {
  using Handle = void *;
  static Handle null() { return nullptr; }
  static void close(Handle memory) { (void)cudaFree(memory); }
};
struct HostMemoryTraits {
  using Handle = void *;
  static Handle null() { return nullptr; }
  static void close(Handle memory) { (void)cudaFreeHost(memory); }
};
struct StreamTraits {
  using Handle = cudaStream_t;
  static Handle null() { return nullptr; }
  static void close(Handle stream) { (void)cudaStreamDestroy(stream); }
};
struct EventTraits {
  using Handle = cudaEvent_t;
  static Handle null() { return nullptr; }
  static void close(Handle event) { (void)cudaEventDestroy(event); }
};

template <typename Traits> class CudaMemory final : public Memory {
public:
  CudaMemory(void *allocation, std::byte *aligned, int64_t size)
      : allocation(allocation), aligned(aligned), size(size) {}
  std::byte *data() const override { return aligned; }
  int64_t bytes() const override { return size; }

private:
  UniqueHandle<Traits> allocation;
  std::byte *aligned;
  int64_t size;
};

//===----------------------------------------------------------------------===//
// Streams
//===----------------------------------------------------------------------===//

class CudaEvent final : public Event {
public:
  explicit CudaEvent(cudaEvent_t event) : event(event) {}
  Status synchronize() const override {
    return cudaStatus(cudaEventSynchronize(event.get()),
                      "cudaEventSynchronize");
  }
  cudaEvent_t get() const { return event.get(); }

private:
  UniqueHandle<EventTraits> event;
};

struct GraphTraits {
  using Handle = cudaGraph_t;
  static Handle null() { return nullptr; }
  static void close(Handle graph) { (void)cudaGraphDestroy(graph); }
};
struct GraphExecTraits {
  using Handle = cudaGraphExec_t;
  static Handle null() { return nullptr; }
  static void close(Handle graph) { (void)cudaGraphExecDestroy(graph); }
};

class CudaGraph final : public Graph {
public:
  explicit CudaGraph(cudaGraphExec_t graph) : graph(graph) {}
  Status launch(Stream &stream) override {
    return cudaStatus(cudaGraphLaunch(graph.get(), cudaStreamOf(stream)),
                      "cudaGraphLaunch");
  }

private:
  UniqueHandle<GraphExecTraits> graph;
};

/// With times, from an event that the host has seen pass.
class CudaStopwatch final : public Stopwatch {
public:
  explicit CudaStopwatch(cudaStream_t stream) : stream(stream) {}

  Status initialize(size_t laps) {
    FABRIC_RETURN_IF_ERROR(createInto(zero));
    marks.resize(laps);
    for (UniqueHandle<EventTraits> &mark : marks)
      FABRIC_RETURN_IF_ERROR(createInto(mark));
    return Status::success();
  }

  Status start() override {
    FABRIC_RETURN_IF_ERROR(record(zero));
    FABRIC_RETURN_IF_ERROR(
        cudaStatus(cudaEventSynchronize(zero.get()), "cudaEventSynchronize"));
    began = steadyNanoseconds();
    return Status::success();
  }
  Status mark(size_t lap) override { return record(marks[lap]); }
  Expected<int64_t> at(size_t lap) const override {
    float milliseconds = 0;
    FABRIC_RETURN_IF_ERROR(cudaStatus(
        cudaEventElapsedTime(&milliseconds, zero.get(), marks[lap].get()),
        "cudaEventElapsedTime"));
    return began + static_cast<int64_t>(1e6 * milliseconds);
  }

private:
  static Status createInto(UniqueHandle<EventTraits> &event) {
    cudaEvent_t made = nullptr;
    FABRIC_RETURN_IF_ERROR(
        cudaStatus(cudaEventCreateWithFlags(&made, cudaEventBlockingSync),
                   "cudaEventCreateWithFlags"));
    event = UniqueHandle<EventTraits>(made);
    return Status::success();
  }
  Status record(const UniqueHandle<EventTraits> &event) {
    return cudaStatus(cudaEventRecord(event.get(), stream), "cudaEventRecord");
  }

  cudaStream_t stream;
  UniqueHandle<EventTraits> zero;
  std::vector<UniqueHandle<EventTraits>> marks;
  int64_t began = 0; ///< The host's time at `zero`.
};

class CudaStream final : public Stream {
public:
  CudaStream(cudaStream_t stream, int ordinal)
      : stream(stream), ordinal(ordinal) {}
  /// What is pending may still use memory that is freed next.
  ~CudaStream() override { (void)cudaStreamSynchronize(stream.get()); }

  std::string_view kind() const override { return "cuda"; }
  void *native() const override { return stream.get(); }

  Expected<std::unique_ptr<Event>> createEvent() override {
    FABRIC_RETURN_IF_ERROR(cudaStatus(cudaSetDevice(ordinal), "cudaSetDevice"));
    cudaEvent_t event = nullptr;
    // Without times; a host that waits sleeps, for ranks may outnumber cores.
    FABRIC_RETURN_IF_ERROR(
        cudaStatus(cudaEventCreateWithFlags(&event, cudaEventDisableTiming |
                                                        cudaEventBlockingSync),
                   "cudaEventCreateWithFlags"));
    return std::unique_ptr<Event>(std::make_unique<CudaEvent>(event));
  }
  Status record(Event &event) override {
    return cudaStatus(
        cudaEventRecord(static_cast<CudaEvent &>(event).get(), stream.get()),
        "cudaEventRecord");
  }
  Status wait(const Event &event) override {
    return cudaStatus(
        cudaStreamWaitEvent(stream.get(),
                            static_cast<const CudaEvent &>(event).get()),
        "cudaStreamWaitEvent");
  }
  Status synchronize() override {
    return cudaStatus(cudaStreamSynchronize(stream.get()),
                      "cudaStreamSynchronize");
  }
  Expected<bool> done() override {
    cudaError_t code = cudaStreamQuery(stream.get());
    if (code == cudaErrorNotReady) {
      (void)cudaGetLastError();
      return false;
    }
    FABRIC_RETURN_IF_ERROR(cudaStatus(code, "cudaStreamQuery"));
    return true;
  }
  Expected<std::unique_ptr<Stopwatch>> createStopwatch(size_t laps) override {
    FABRIC_RETURN_IF_ERROR(cudaStatus(cudaSetDevice(ordinal), "cudaSetDevice"));
    auto watch = std::make_unique<CudaStopwatch>(stream.get());
    FABRIC_RETURN_IF_ERROR(watch->initialize(laps));
    return std::unique_ptr<Stopwatch>(std::move(watch));
  }

  bool captures() const override { return true; }
  /// Calls of this thread that a capture cannot hold are errors; those of
  /// others, NCCL's among them, are their own affair.
  Status beginCapture() override {
    return cudaStatus(
        cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal),
        "cudaStreamBeginCapture");
  }
  Expected<std::unique_ptr<Graph>> endCapture() override {
    cudaGraph_t raw = nullptr;
    FABRIC_RETURN_IF_ERROR(cudaStatus(cudaStreamEndCapture(stream.get(), &raw),
                                      "cudaStreamEndCapture"));
    UniqueHandle<GraphTraits> graph(raw);
    cudaGraphExec_t executable = nullptr;
    FABRIC_RETURN_IF_ERROR(
        cudaStatus(cudaGraphInstantiate(&executable, graph.get(), 0),
                   "cudaGraphInstantiate"));
    auto made = std::make_unique<CudaGraph>(executable);
    // Now, not when it is launched first.
    FABRIC_RETURN_IF_ERROR(cudaStatus(cudaGraphUpload(executable, stream.get()),
                                      "cudaGraphUpload"));
    return std::unique_ptr<Graph>(std::move(made));
  }

private:
  UniqueHandle<StreamTraits> stream;
  int ordinal;
};

//===----------------------------------------------------------------------===//
// The device
//===----------------------------------------------------------------------===//

class CudaDevice final : public Device {
public:
  CudaDevice(int ordinal, CudaCapability capability)
      : ordinal(ordinal), capability(std::move(capability)) {}

  std::string_view kind() const override { return "cuda"; }
  bool hostAccessible() const override { return false; }

  Status check(const plan::Target &target) const override {
    return checkCudaTarget(target, capability);
  }

  Expected<std::unique_ptr<Memory>> allocate(int64_t bytes,
                                             int64_t alignment) override {
    FABRIC_RETURN_IF_ERROR(select());
    // What cudaMalloc gives is aligned to this; more takes room to move up.
    constexpr int64_t allocationAlignment = 256;
    int64_t slack = alignment > allocationAlignment ? alignment : 0;
    auto size = static_cast<size_t>(std::max<int64_t>(bytes, 1) + slack);
    void *address = nullptr;
    cudaError_t code = cudaMalloc(&address, size);
    if (code == cudaErrorMemoryAllocation)
      return outOfMemory(bytes);
    FABRIC_RETURN_IF_ERROR(cudaStatus(code, "cudaMalloc"));
    auto aligned = reinterpret_cast<uintptr_t>(address);
    if (slack > 0)
      aligned = (aligned + slack - 1) / slack * slack;
    std::unique_ptr<Memory> memory =
        std::make_unique<CudaMemory<DeviceMemoryTraits>>(
            address, reinterpret_cast<std::byte *>(aligned), bytes);
    // The ranks' streams do not wait for the default one.
    FABRIC_RETURN_IF_ERROR(
        cudaStatus(cudaMemset(address, 0, size), "cudaMemset"));
    FABRIC_RETURN_IF_ERROR(cudaStatus(cudaStreamSynchronize(cudaStreamLegacy),
                                      "cudaStreamSynchronize"));
    return memory;
  }

  Expected<std::unique_ptr<Memory>> allocateHost(int64_t bytes) override {
    FABRIC_RETURN_IF_ERROR(select());
    void *address = nullptr;
    FABRIC_RETURN_IF_ERROR(cudaStatus(
        cudaMallocHost(&address,
                       static_cast<size_t>(std::max<int64_t>(bytes, 1))),
        "cudaMallocHost"));
    return std::unique_ptr<Memory>(
        std::make_unique<CudaMemory<HostMemoryTraits>>(
            address, static_cast<std::byte *>(address), bytes));
  }

  Expected<std::unique_ptr<Stream>> createStream() override {
    FABRIC_RETURN_IF_ERROR(select());
    cudaStream_t stream = nullptr;
    FABRIC_RETURN_IF_ERROR(
        cudaStatus(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking),
                   "cudaStreamCreateWithFlags"));
    return std::unique_ptr<Stream>(
        std::make_unique<CudaStream>(stream, ordinal));
  }

  Status copyFromHost(Stream &stream, void *target, const void *source,
                      int64_t bytes) override {
    return move(stream, target, source, bytes, cudaMemcpyHostToDevice);
  }
  Status copyToHost(Stream &stream, void *target, const void *source,
                    int64_t bytes) override {
    FABRIC_RETURN_IF_ERROR(
        move(stream, target, source, bytes, cudaMemcpyDeviceToHost));
    return stream.synchronize();
  }
  Status copy(Stream &stream, void *target, const void *source,
              int64_t bytes) override {
    return move(stream, target, source, bytes, cudaMemcpyDeviceToDevice);
  }

  Expected<std::shared_ptr<Module>>
  load(std::span<const std::byte> code) override {
    FABRIC_RETURN_IF_ERROR(select());
    return loadCudaCode(code, ordinal);
  }

  Expected<std::unique_ptr<kernels::Gemm>>
  createGemm(const kernels::GemmDesc &desc, Stream &stream) override {
    FABRIC_RETURN_IF_ERROR(select());
    std::lock_guard lock(mutex);
    FABRIC_RETURN_IF_ERROR(findGemms());
    return gemms->create(desc, stream);
  }

  Expected<kernels::GemmChoices>
  searchGemms(std::span<const kernels::GemmDesc> products) override {
    FABRIC_ASSIGN_OR_RETURN(kernels::GemmMachine machine, gemmMachine());
    FABRIC_ASSIGN_OR_RETURN(std::unique_ptr<Stream> stream, createStream());
    FABRIC_ASSIGN_OR_RETURN(
        std::unique_ptr<Memory> scratch,
        allocate(plan::productScratchBytes, plan::scratchAlignment));
    kernels::GemmChoices choices(std::move(machine));
    for (const kernels::GemmDesc &desc : products) {
      auto choice = searchGemm(desc, *scratch, *stream);
      if (choice.failed())
        return choice.status().in("a product of " + kernels::describe(desc));
      choices.add(std::move(*choice));
    }
    return choices;
  }

  Status
  useGemms(std::shared_ptr<const kernels::GemmChoices> choices) override {
    FABRIC_ASSIGN_OR_RETURN(kernels::GemmMachine machine, gemmMachine());
    FABRIC_RETURN_IF_ERROR(choices->check(machine));
    std::lock_guard lock(mutex);
    gemms->use(std::move(choices));
    return Status::success();
  }

private:
  /// Makes the library, too.
  Expected<kernels::GemmMachine> gemmMachine() {
    FABRIC_RETURN_IF_ERROR(select());
    std::lock_guard lock(mutex);
    FABRIC_RETURN_IF_ERROR(findGemms());
    return kernels::GemmMachine{capability.name + " (sm_" +
                                    std::to_string(capability.major) +
                                    std::to_string(capability.minor) + ")",
                                gemms->library()};
  }

  /// Under the lock.
  Status findGemms() {
    if (!gemms) {
      FABRIC_ASSIGN_OR_RETURN(gemms, kernels::createCudaGemms());
    }
    return Status::success();
  }

  /// On operands that are aligned as the plan's, and no better.
  Expected<kernels::GemmChoice> searchGemm(const kernels::GemmDesc &desc,
                                           const Memory &scratch,
                                           Stream &stream) {
    auto operand = [&](plan::DType dtype, const kernels::MatrixLayout &matrix,
                       int64_t rows, int64_t columns) {
      int64_t stored = matrix.transposed ? columns : rows;
      int64_t elements =
          (desc.batch - 1) * matrix.batchStride + stored * matrix.leading;
      return allocate(desc.alignment + elements * plan::byteWidth(dtype), 256);
    };
    FABRIC_ASSIGN_OR_RETURN(auto a,
                            operand(desc.input, desc.a, desc.m, desc.k));
    FABRIC_ASSIGN_OR_RETURN(auto b,
                            operand(desc.input, desc.b, desc.k, desc.n));
    FABRIC_ASSIGN_OR_RETURN(auto c,
                            operand(desc.output, desc.c, desc.m, desc.n));
    FABRIC_ASSIGN_OR_RETURN(auto bias,
                            allocate(desc.alignment + 8 * desc.n, 256));
    auto at = [&](const Memory &memory) {
      return memory.data() + desc.alignment;
    };
    std::lock_guard lock(mutex);
    return gemms->search(
        desc, {at(*a), at(*b), at(*bias), at(*c), scratch.data()}, stream);
  }

  Status select() const {
    return cudaStatus(cudaSetDevice(ordinal), "cudaSetDevice");
  }

  Status outOfMemory(int64_t bytes) const {
    (void)cudaGetLastError();
    size_t free = 0, total = 0;
    FABRIC_RETURN_IF_ERROR(
        cudaStatus(cudaMemGetInfo(&free, &total), "cudaMemGetInfo"));
    return Status::error("cannot allocate ", bytes, " bytes: GPU ", ordinal,
                         " has ", free, " free of ", total);
  }

  static Status move(Stream &stream, void *target, const void *source,
                     int64_t bytes, cudaMemcpyKind kind) {
    if (bytes == 0)
      return Status::success();
    return cudaStatus(cudaMemcpyAsync(target, source,
                                      static_cast<size_t>(bytes), kind,
                                      cudaStreamOf(stream)),
                      "cudaMemcpyAsync");
  }

  const int ordinal;
  const CudaCapability capability;
  std::mutex mutex;
  std::shared_ptr<kernels::CudaGemms> gemms; ///< From the first product on.
};

/// A machine without a driver is no error here.
Expected<CudaMachine> findMachine() {
  CudaMachine machine;
  FABRIC_RETURN_IF_ERROR(cudaStatus(
      cudaRuntimeGetVersion(&machine.runtimeVersion), "cudaRuntimeGetVersion"));
  FABRIC_RETURN_IF_ERROR(cudaStatus(
      cudaDriverGetVersion(&machine.driverVersion), "cudaDriverGetVersion"));
  // Fails for each of the reasons that are told apart by what it leaves.
  if (cudaGetDeviceCount(&machine.numDevices) != cudaSuccess) {
    (void)cudaGetLastError();
    machine.numDevices = 0;
  }
  return machine;
}

} // namespace

int numCudaDevices() {
  auto machine = findMachine();
  return machine.ok() && checkCudaMachine(*machine, 0).ok()
             ? machine->numDevices
             : 0;
}

Expected<std::shared_ptr<Device>> createCudaDevice(int ordinal) {
  FABRIC_ASSIGN_OR_RETURN(CudaMachine machine, findMachine());
  FABRIC_RETURN_IF_ERROR(checkCudaMachine(machine, ordinal));
  cudaDeviceProp properties;
  FABRIC_RETURN_IF_ERROR(
      cudaStatus(cudaGetDeviceProperties(&properties, ordinal),
                 "cudaGetDeviceProperties"));
  CudaCapability capability{properties.name, properties.major,
                            properties.minor};
  return std::shared_ptr<Device>(
      std::make_shared<CudaDevice>(ordinal, std::move(capability)));
}

} // namespace fabric::device
