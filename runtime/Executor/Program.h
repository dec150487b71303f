//===- Program.h - A plan bound to one rank ---------------------*- C++ -*-===//
//
// At load everything is resolved: buffers to addresses, symbols to kernels,
// axes to groups, matrix products to prepared primitives. A step walks an array
// of bound instructions: it looks up no name and allocates nothing.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_EXECUTOR_PROGRAM_H
#define FABRIC_RUNTIME_EXECUTOR_PROGRAM_H

#include "runtime/Comm/Communicator.h"
#include "runtime/Device/Device.h"
#include "runtime/Executor/Profile.h"
#include "runtime/Executor/Ranges.h"
#include "runtime/Executor/Replay.h"
#include "runtime/Plan/Plan.h"
#include "runtime/Support/Status.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace fabric::runtime {

/// Bytes of one rank.
struct MemoryUse {
  int64_t arenas = 0; ///< Allocated for the plan's arenas.
  /// For products, communication and inputs that are read ahead, beside the
  /// arenas.
  int64_t scratch = 0;
};

/// What a rank holds and runs. Used by one thread; its plan, device and
/// communicator outlive it.
class Program {
public:
  /// What needs no other rank: memory, kernels, products, constants. `plan` has
  /// been verified, and is for `device`. `module` may be null where the plan
  /// launches nothing. `rank` is one of the plan's mesh.
  static Expected<std::unique_ptr<Program>>
  create(const plan::Plan &plan, int64_t rank, device::Device &device,
         std::shared_ptr<const device::Module> module);

  /// Makes the groups, and finds the peers' memory where the plan reads it.
  /// Called by all ranks after create() went well on all.
  Status connect(comm::Communicator &communicator);

  /// Captures the second step and runs it again from then on, where the device
  /// has graphs; fails where it has and the communicator's collectives are in
  /// the way. After connect().
  Status replaySteps();

  /// Numbers for run-time scalars, by name, in place of the plan's defaults.
  /// Fails on a scalar that the plan does not have, and on "step".
  Status overrideScalars(const std::map<std::string, double> &values);

  /// Writes the scalars and runs all instructions. `step` counts from 1.
  /// `profile`, where there is one, is told of every instruction.
  Status step(int64_t step, Profile *profile = nullptr);

  /// Calls `fill` with host memory of the buffer's size, and puts what it wrote
  /// into the buffer.
  Status upload(plan::BufferId buffer,
                const std::function<Status(void *host)> &fill);
  /// The same for what every step uploads: where the device has memory of its
  /// own, keeps memory of the host for it, and does not wait for the copy.
  Status uploadInput(plan::BufferId buffer,
                     const std::function<Status(void *host)> &fill);
  /// The two halves of that, the second by the rank's thread: memory of the
  /// host, when no copy needs it any more; and its copy into the buffer.
  Expected<void *> staging(plan::BufferId buffer);
  Status uploadStaged(plan::BufferId buffer);
  /// Calls `use` with what the buffer holds.
  Status download(plan::BufferId buffer,
                  const std::function<Status(const void *host)> &use) const;

  const plan::Plan &plan() const { return source; }
  int64_t rank() const { return self; }
  MemoryUse memoryUse() const;

private:
  struct GemmOp {
    kernels::Gemm *gemm;
    const void *a, *b, *bias;
    void *c;
  };
  struct LaunchOp {
    const device::Kernel *kernel;
    std::vector<void *> buffers;
  };
  struct CollectiveOp {
    plan::Collective::Kind kind;
    comm::Group *group; ///< Null until connect().
    plan::DType dtype;
    comm::Reduction reduction;
    comm::Pieces split, concat;
    int64_t count;
    const void *input;
    void *output;
    comm::Input after; ///< From connect() on.
  };
  struct CopyOp {
    device::Stream *stream;
    const void *input;
    void *output;
    int64_t bytes;
  };
  struct BarrierOp {
    comm::Group *group; ///< Null until connect().
  };
  struct RecordOp {
    device::Stream *stream;
    device::Event *event;
  };
  struct WaitOp {
    device::Stream *stream;
    const device::Event *event;
  };
  using Op = std::variant<GemmOp, LaunchOp, CollectiveOp, CopyOp, BarrierOp,
                          RecordOp, WaitOp>;

  struct PreparedGemm {
    kernels::GemmDesc desc;
    std::unique_ptr<kernels::Gemm> gemm;
  };

  /// Host memory that an input is copied from, and when it has been.
  struct Staging {
    std::unique_ptr<device::Memory> host;
    std::unique_ptr<device::Event> copied;
  };

  /// A scalar with the bytes that are written before a step.
  struct BoundScalar {
    const plan::Scalar *scalar;
    double value;
    bool isStep;
  };

  Program(const plan::Plan &plan, int64_t rank, device::Device &device,
          std::shared_ptr<const device::Module> module)
      : source(plan), self(rank), device(device), module(std::move(module)) {}

  Status createStreams();
  Status allocateArenas();
  Status bindInstructions();
  Status provideScratch(int64_t bytes);
  /// What the plan has for libraries in the stream, maybe nothing; absent on
  /// the cpu, where libraries say what they need.
  std::optional<std::span<std::byte>>
  plannedScratch(const device::Stream &stream) const;
  Status loadConstants();

  Expected<Op> bind(const plan::Gemm &gemm, device::Stream &stream);
  Expected<Op> bind(const plan::Launch &launch, device::Stream &stream);
  Expected<Op> bind(const plan::Collective &collective, device::Stream &stream);
  Expected<Op> bind(const plan::Copy &copy, device::Stream &stream);
  Expected<Op> bind(const plan::Barrier &barrier, device::Stream &stream);
  Expected<Op> bind(const plan::Record &record, device::Stream &stream);
  Expected<Op> bind(const plan::Wait &wait, device::Stream &stream);
  Expected<Op> bind(const plan::Instruction &instruction);
  Expected<kernels::Gemm *> prepare(const kernels::GemmDesc &desc);

  Status run(const GemmOp &op);
  Status run(const LaunchOp &op);
  Status run(const CollectiveOp &op);
  Status run(const CopyOp &op);
  Status run(const BarrierOp &op);
  Status run(const RecordOp &op);
  Status run(const WaitOp &op);

  Expected<comm::Group *> groupOver(const std::vector<plan::AxisRef> &axes,
                                    device::Stream &stream,
                                    comm::Communicator &communicator);
  Status sharePeers(comm::Communicator &communicator);
  bool readsPeers(const plan::Instruction &instruction) const;

  /// Of a peer's buffer, null until connect().
  std::byte *address(plan::BufferId buffer) const;
  int64_t bytesOf(plan::BufferId buffer) const;
  Status runStep(int64_t step, Profile *profile);
  Status runOps(int64_t step, Profile *profile);
  Status runOp(size_t index, Profile *profile);
  Status follow(device::Stream &stream, device::Stream &other);
  Status writeScalars(int64_t step);
  /// Names an instruction, its place in the model and the rank.
  Status at(size_t instruction, const Status &status) const;

  const plan::Plan &source;
  const int64_t self;
  device::Device &device;
  std::shared_ptr<const device::Module> module;
  comm::Communicator *communicator = nullptr; ///< From connect() on.

  /// Those of the plan; the first, which computes, also carries what happens
  /// between steps. Outlive what they run.
  std::vector<std::unique_ptr<device::Stream>> streams;
  device::Stream *stream = nullptr;                   ///< The first.
  std::vector<std::unique_ptr<device::Event>> events; ///< By number.
  /// Where one stream joins another at the ends of a step.
  std::unique_ptr<device::Event> joint;
  std::vector<std::shared_ptr<device::Memory>> arenas;
  /// Every rank's arena, in rank order, of those that peers read; held, so that
  /// a rank that fails takes none away.
  std::vector<std::vector<std::shared_ptr<const std::byte>>> peerArenas;
  std::unique_ptr<device::Memory> gemmScratch; ///< Where the plan has none.
  std::byte *scratchAddress = nullptr;
  std::map<plan::BufferId, Staging> stagings; ///< Of inputs.
  std::vector<PreparedGemm> gemms;
  std::map<std::pair<std::string, std::optional<plan::Grid>>,
           std::unique_ptr<device::Kernel>>
      kernels;
  /// By axes and stream: of collectives, one for all of a group.
  std::map<std::pair<std::string, device::Stream *>,
           std::unique_ptr<comm::Group>>
      groups;
  std::vector<BoundScalar> scalars;
  std::vector<Op> ops;
  Replay replay;
  std::unique_ptr<Ranges> ranges; ///< Null where no tool watches.
  int64_t commScratch = 0;
};

} // namespace fabric::runtime

#endif // FABRIC_RUNTIME_EXECUTOR_PROGRAM_H
