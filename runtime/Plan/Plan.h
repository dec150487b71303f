//===- Plan.h - The execution plan, in memory -------------------*- C++ -*-===//
//
// The one data structure that the compiler and the runtime share: what
// `compiled.bin` holds. It is rank agnostic: every rank reads the same plan and
// runs the same instructions in the same order; a rank's place in the mesh
// enters only through the groups of the collectives and through the shardings
// of parameters, inputs and outputs.
//
// All shapes are in elements, all sizes and offsets in bytes. Buffers are dense
// and row major.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_PLAN_PLAN_H
#define FABRIC_RUNTIME_PLAN_PLAN_H

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace fabric::plan {

using Shape = std::vector<int64_t>;

enum class DType { F32, BF16, F16, F64, I8, I32, I64, Bool };

/// Bytes of one element.
int64_t byteWidth(DType dtype);
/// "f32", "bf16", "f16", "f64", "i8", "i32", "i64", "bool".
std::string_view toString(DType dtype);
std::optional<DType> parseDType(std::string_view text);

//===----------------------------------------------------------------------===//
// Mesh and shardings
//===----------------------------------------------------------------------===//

struct MeshAxis {
  std::string name;
  int64_t size = 1;
};

/// Axes major first: the last axis varies fastest over consecutive ranks.
struct Mesh {
  std::vector<MeshAxis> axes;
  int64_t numRanks() const;
};

/// An axis, or the sub-axis "name:(preSize)size" of it: of an axis of size n,
/// seen as preSize x size x rest, the middle part. size 0 stands for the whole.
struct AxisRef {
  std::string axis;
  int64_t preSize = 1;
  int64_t size = 0;
};

/// The axes that split each dim, major first. An empty list: not split.
struct Sharding {
  std::vector<std::vector<AxisRef>> dims;
};

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// One allocation a rank. Its size is what the plan promises as peak.
struct Arena {
  std::string name;
  int64_t bytes = 0;
  int64_t alignment = 64;
};

/// Whose memory a buffer lies in, where it is not the own rank's: that of
/// member `member` of the group over `axes` (on that member itself, the own).
struct PeerView {
  std::vector<AxisRef> axes;
  int64_t member = 0;
  /// The window is not at the buffer's offset, but as many windows further as
  /// the reading rank's index in the group: its piece of a tensor whose pieces
  /// lie one after the other.
  bool ownPiece = false;
};

/// An arena that libraries may use beside the operands of a stream's
/// instructions, which follow each other. No buffer lies in it.
struct StreamScratch {
  int64_t stream = 0;
  int64_t arena = 0;
  bool operator==(const StreamScratch &) const = default;
};

/// A typed window on an arena. Buffers whose lifetimes do not meet may overlap.
struct Buffer {
  int64_t arena = 0;
  int64_t offset = 0;
  DType dtype = DType::F32;
  Shape shape; ///< Local: what one rank holds.
  /// Present: the arena is a peer's, and the buffer can only be read, by
  /// products and kernels, between two barriers that order it.
  std::optional<PeerView> peer = std::nullopt;
};

/// Index into Plan::buffers.
using BufferId = int64_t;

//===----------------------------------------------------------------------===//
// The interface of the program
//===----------------------------------------------------------------------===//

struct Initializer {
  enum class Kind { Uniform, Normal, Constant };
  Kind kind = Kind::Constant;
  double a = 0.0; ///< Uniform: low. Normal: mean. Constant: the value.
  double b = 0.0; ///< Uniform: high. Normal: standard deviation.
};

// Where the mesh does not divide a dim, `paddedShape` is what is sharded: the
// elements of the shape first along each dim, zeros behind them. Absent:
// nothing is padded. Padding never leaves the run: see Padding.h.

struct Parameter {
  std::string name;
  DType dtype = DType::F32;
  Shape shape;       ///< Global, as the weights file has it.
  Shape storedShape; ///< Global, as it is sharded: the same bytes.
  Sharding sharding; ///< Of storedShape, padded.
  BufferId buffer = 0;
  std::optional<Initializer> init; ///< Absent: weights must be given.
  bool trainable = true;
  std::optional<Shape> paddedShape = std::nullopt; ///< Of storedShape.
};

/// Optimizer state: starts at zero, sharded as its parameter is.
struct State {
  std::string parameter;
  std::string name; ///< "exp_avg", "exp_avg_sq"
  DType dtype = DType::F32;
  Shape shape; ///< Global.
  Sharding sharding;
  BufferId buffer = 0;
  std::optional<Shape> paddedShape = std::nullopt;
};

struct Input {
  std::string name;
  DType dtype = DType::F32;
  Shape shape; ///< Global.
  Sharding sharding;
  BufferId buffer = 0;
  std::optional<int64_t> batchDim;
  std::optional<Shape> paddedShape = std::nullopt;
};

struct Output {
  std::string name;
  DType dtype = DType::F32;
  Shape shape; ///< Global.
  Sharding sharding;
  BufferId buffer = 0;
  bool isLoss = false; ///< At most one: the scalar that training descends.
  /// What is behind the elements is anything.
  std::optional<Shape> paddedShape = std::nullopt;
};

/// A number that the runtime writes before every step: "lr", "step" (from 1).
struct Scalar {
  std::string name;
  DType dtype = DType::F32;
  BufferId buffer = 0;
  double defaultValue = 0.0;
};

/// Bytes of section "constants" that are copied into a buffer once at start.
struct Constant {
  BufferId buffer = 0;
  int64_t sectionOffset = 0;
};

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

/// A row-major matrix, or a batch of them, in a buffer. `leading` is the
/// distance between stored rows in elements, `batchStride` between matrices.
struct Matrix {
  BufferId buffer = 0;
  bool transposed = false;
  int64_t leading = 0;
  int64_t batchStride = 0;
};

/// c[i] = op(a[i]) op(b[i]) (+ bias over rows) (+ c[i]), for i < batch.
/// op(a) is m x k, op(b) k x n, c m x n and not transposed.
struct Gemm {
  int64_t batch = 1, m = 0, n = 0, k = 0;
  Matrix a, b, c;
  std::optional<BufferId> bias; ///< n elements.
  bool accumulate = false;
  /// f32 on a GPU: a and b may be rounded to TF32, as the compiler was asked.
  bool tf32 = false;
};

/// How many threads run a kernel of a GPU, in blocks along x, y, z.
struct Grid {
  std::array<int64_t, 3> blocks = {1, 1, 1};
  std::array<int64_t, 3> threads = {1, 1, 1}; ///< Of a block.
  int64_t sharedBytes = 0; ///< Of a block, beside what the kernel declares.
  auto operator<=>(const Grid &) const = default;
};

/// Calls kernel `symbol` of section "code" with the addresses of `buffers` in
/// order. On the cpu it is void(void *const *buffers); on a GPU, an entry with
/// a pointer for each of them.
struct Launch {
  std::string symbol;
  std::vector<BufferId> buffers;
  std::vector<BufferId> written; ///< The subset that the kernel writes.
  /// Exactly where the target is a GPU.
  std::optional<Grid> grid = std::nullopt;
};

/// A collective over the ranks that differ only in `axes`; a rank's index in
/// its group is its mixed-radix coordinate in `axes`, major first.
struct Collective {
  enum class Kind {
    AllGather, ///< output: inputs of the group, concatenated along concatDim
    ReduceScatter, ///< output: own piece along splitDim of the reduced input
    AllReduce,     ///< output: the reduced input
    AllToAll,      ///< pieces along splitDim to their ranks, concatenated along
                   ///< concatDim
    AllSlice, ///< output: own piece along splitDim of the input; no traffic
  };
  enum class Reduction { Sum, Max, Min };
  Kind kind = Kind::AllReduce;
  std::vector<AxisRef> axes;
  BufferId input = 0, output = 0; ///< May be one buffer where shapes agree.
  std::optional<int64_t> concatDim, splitDim;
  Reduction reduction = Reduction::Sum;
  int64_t bytesSent = 0; ///< By one rank, as the report counts them.
  std::string why;       ///< For people: "gather w1 for use".
};

/// output = input, where no better plan was found; planned copies are zero.
struct Copy {
  BufferId input = 0, output = 0;
};

/// Nobody of a group over `axes` runs what follows before all have run what
/// comes before.
struct Barrier {
  std::vector<AxisRef> axes;
};

/// Event `event` stands for this place in the instruction's stream. Events are
/// numbered by their records, from 0.
struct Record {
  int64_t event = 0;
};

/// What follows in the instruction's stream runs after the event, which another
/// stream has recorded before in the plan's order.
struct Wait {
  int64_t event = 0;
};

struct Instruction {
  std::variant<Gemm, Launch, Collective, Copy, Barrier, Record, Wait> op;
  std::string loc; ///< "model.mlir:7:8", for errors and profiles.
  /// Index into Plan::streams; 0 is the stream of all that computes.
  int64_t stream = 0;
};

/// "gemm", "all_gather", "wait"; of a launch the symbol.
std::string_view nameOf(const Instruction &instruction);
std::string_view nameOf(Collective::Kind kind);

//===----------------------------------------------------------------------===//
// The plan
//===----------------------------------------------------------------------===//

struct Target {
  std::string kind = "cpu"; ///< "cpu" or "cuda".
  std::string arch;         ///< "x86-64-v4", "sm_90".
  std::vector<std::string>
      features; ///< What the code needs: "avx2", "fma", ...
};

/// Bytes a rank, in the classes of the report. `peak` is the sum of the arenas.
struct MemoryReport {
  int64_t peak = 0, parameters = 0, optimizer = 0, gradients = 0,
          activations = 0, communication = 0;
  int64_t scratch = 0; ///< What libraries work in: Plan::scratch.
};

/// What a communicator can do beyond collectives: what a compiler may use, and
/// a plan may ask for.
struct CommFeatures {
  /// Ranks can read each other's memory: peer views.
  bool sharedMemory = false;
  bool operator==(const CommFeatures &) const = default;
};

enum class Mode { Inference, Gradients, Train };

struct Plan {
  Mode mode = Mode::Inference;
  Target target;
  Mesh mesh;
  /// Every option that reached the compiler, as it was understood.
  std::map<std::string, std::string> options;
  /// SHA-256 (hex) of the model's text and of `options`.
  std::string fingerprint;
  CommFeatures needs; ///< Of the communicator that runs it.
  std::vector<Arena> arenas;
  /// What libraries work in, of the streams that need some: on GPUs, products
  /// and collectives. See Scratch.h.
  std::vector<StreamScratch> scratch;
  std::vector<Buffer> buffers;
  std::vector<Parameter> parameters;
  std::vector<State> states;
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  std::vector<Scalar> scalars;
  std::vector<Constant> constants;
  /// Names of the streams that instructions run in; empty: all run in one. A
  /// step begins in all of them when what comes before it is done, and ends
  /// when all have ended. Run one after the other, in any number of streams,
  /// instructions compute the same: streams only say what need not wait.
  std::vector<std::string> streams;
  std::vector<Instruction> instructions;
  MemoryReport memory;
  /// name -> bytes: "code" (an ELF shared object, or PTX), "constants".
  std::map<std::string, std::vector<std::byte>> sections;
};

} // namespace fabric::plan

#endif // FABRIC_RUNTIME_PLAN_PLAN_H
