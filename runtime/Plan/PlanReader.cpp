//===- PlanReader.cpp - compiled.bin to a verified plan -------------------===//
//
// Three layers, each of which relies on the one before: the envelope (magic,
// version, lengths, SHA-256), the manifest (JSON to structs: types, enums, no
// unknown or missing keys), the plan (verifyPlan). Memory is proportional to
// the file at every point. Damage is thrown inside of this file, and caught in
// readPlan.
//
//===----------------------------------------------------------------------===//

#include "runtime/Plan/PlanReader.h"

#include "runtime/Plan/Manifest.h"
#include "runtime/Plan/PlanVerifier.h"
#include "runtime/Support/CheckedMath.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Json.h"
#include "runtime/Support/Sha256.h"

#include <algorithm>
#include <cstring>
#include <limits>

using namespace fabric;
using namespace fabric::plan;
using nlohmann::json;

//===----------------------------------------------------------------------===//
// Typed access to JSON
//===----------------------------------------------------------------------===//

namespace {

/// Thrown on the first thing that is wrong.
struct Damage {
  Status status;
};

/// A value in the manifest that knows its place, for messages.
class Cursor {
public:
  explicit Cursor(const json &root) : value(root) {}

  int64_t integer() const {
    if (value.is_number_unsigned() &&
        value.get<uint64_t>() >
            static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      refuse("a 64-bit integer");
    if (!value.is_number_integer())
      refuse("an integer");
    return value.get<int64_t>();
  }
  double number() const {
    if (!value.is_number())
      refuse("a number");
    return value.get<double>();
  }
  bool boolean() const {
    if (!value.is_boolean())
      refuse("true or false");
    return value.get<bool>();
  }
  std::string text() const {
    if (!value.is_string())
      refuse("a string");
    return value.get<std::string>();
  }
  template <typename Enum, size_t N>
  Enum choice(const manifest::Names<Enum, N> &names) const {
    if (value.is_string())
      if (auto result =
              manifest::parse(names, value.get_ref<const std::string &>()))
        return *result;
    refuse(manifest::listOf(names));
  }
  template <typename Read> auto list(Read read) const {
    if (!value.is_array())
      refuse("a list");
    std::vector<decltype(read(*this))> result;
    result.reserve(value.size());
    for (size_t i = 0; i < value.size(); ++i)
      result.push_back(read(Cursor(value[i], *this, nullptr, i)));
    return result;
  }

  const json &raw() const { return value; }
  Cursor child(const json &member, const char *key) const {
    return Cursor(member, *this, key, 0);
  }

  [[noreturn]] void refuse(const std::string &expected) const {
    throw Damage{Status::error("manifest ", path(), ", expected ", expected,
                               ", found ", describeJson(value))};
  }
  [[noreturn]] void refuseKey(const std::string &key, bool isMissing) const {
    std::string quoted = json(key).dump();
    if (isMissing)
      throw Damage{Status::error("manifest ", path(), ", expected key ", quoted,
                                 ", found none")};
    throw Damage{Status::error("manifest ", path(),
                               ", expected known keys only, found ", quoted)};
  }

private:
  Cursor(const json &value, const Cursor &parent, const char *key, size_t index)
      : value(value), parent(&parent), key(key), index(index) {}

  std::string path() const {
    if (!parent)
      return "root";
    std::string prefix = parent->parent ? parent->path() : "";
    if (!key)
      return prefix + "[" + std::to_string(index) + "]";
    return prefix.empty() ? key : prefix + "." + key;
  }

  const json &value;
  const Cursor *parent = nullptr; ///< Lives longer: cursors are nested calls.
  const char *key = nullptr;
  size_t index = 0;
};

/// Takes the keys of an object one after the other; done() refuses the others.
class Fields {
public:
  explicit Fields(const Cursor &cursor) : cursor(cursor) {
    if (!cursor.raw().is_object())
      cursor.refuse("an object");
  }
  Cursor operator[](const char *key) {
    auto it = cursor.raw().find(key);
    if (it == cursor.raw().end())
      cursor.refuseKey(key, /*isMissing=*/true);
    taken.push_back(key);
    return cursor.child(*it, key);
  }
  bool has(const char *key) const { return cursor.raw().contains(key); }
  std::optional<int64_t> optionalInteger(const char *key) {
    if (!has(key))
      return std::nullopt;
    return (*this)[key].integer();
  }
  void done() const {
    if (taken.size() == cursor.raw().size())
      return;
    for (const auto &[key, value] : cursor.raw().items())
      if (std::find(taken.begin(), taken.end(), key) == taken.end())
        cursor.refuseKey(key, /*isMissing=*/false);
  }

private:
  const Cursor &cursor;
  std::vector<std::string_view> taken;
};

} // namespace

//===----------------------------------------------------------------------===//
// The manifest
//===----------------------------------------------------------------------===//

static Shape readIntegers(const Cursor &cursor) {
  return cursor.list([](const Cursor &element) { return element.integer(); });
}

static std::vector<AxisRef> readAxes(const Cursor &cursor) {
  return cursor.list([](const Cursor &element) {
    Fields fields(element);
    AxisRef axis;
    axis.axis = fields["axis"].text();
    if (fields.has("size")) {
      axis.preSize = fields["pre_size"].integer();
      axis.size = fields["size"].integer();
      if (axis.size == 0) // The struct's mark for a whole axis.
        element.refuse("a sub-axis of at least one piece");
    }
    fields.done();
    return axis;
  });
}

static Sharding readSharding(const Cursor &cursor) {
  return {cursor.list(readAxes)};
}

static DType readDType(const Cursor &cursor) {
  return cursor.choice(manifest::dtypes);
}

static MeshAxis readMeshAxis(const Cursor &cursor) {
  Fields fields(cursor);
  MeshAxis axis{fields["name"].text(), fields["size"].integer()};
  fields.done();
  return axis;
}

static Target readTarget(const Cursor &cursor) {
  Fields fields(cursor);
  Target target;
  target.kind = fields["kind"].text();
  target.arch = fields["arch"].text();
  target.features = fields["features"].list(
      [](const Cursor &element) { return element.text(); });
  fields.done();
  return target;
}

static std::map<std::string, std::string> readOptions(const Cursor &cursor) {
  if (!cursor.raw().is_object())
    cursor.refuse("an object");
  std::map<std::string, std::string> options;
  for (const auto &[key, value] : cursor.raw().items())
    options.emplace(key, cursor.child(value, key.c_str()).text());
  return options;
}

static MemoryReport readMemory(const Cursor &cursor) {
  Fields fields(cursor);
  MemoryReport memory;
  memory.peak = fields["peak"].integer();
  memory.parameters = fields["parameters"].integer();
  memory.optimizer = fields["optimizer"].integer();
  memory.gradients = fields["gradients"].integer();
  memory.activations = fields["activations"].integer();
  memory.communication = fields["communication"].integer();
  memory.scratch = fields.optionalInteger("scratch").value_or(0);
  fields.done();
  return memory;
}

static Arena readArena(const Cursor &cursor) {
  Fields fields(cursor);
  Arena arena;
  arena.name = fields["name"].text();
  arena.bytes = fields["bytes"].integer();
  arena.alignment = fields["alignment"].integer();
  fields.done();
  return arena;
}

static std::vector<StreamScratch> readScratch(const Cursor &cursor) {
  auto scratch = cursor.list([](const Cursor &element) {
    Fields fields(element);
    StreamScratch read;
    read.stream = fields["stream"].integer();
    read.arena = fields["arena"].integer();
    fields.done();
    return read;
  });
  if (scratch.empty()) // One way to say that there is none: no key.
    cursor.refuse("scratch");
  return scratch;
}

static CommFeatures readNeeds(const Cursor &cursor) {
  Fields fields(cursor);
  CommFeatures needs;
  needs.sharedMemory = fields["shared_memory"].boolean();
  if (!needs.sharedMemory) // One way to say that nothing is needed: no key.
    cursor.refuse("a need");
  fields.done();
  return needs;
}

static PeerView readPeerView(const Cursor &cursor) {
  Fields fields(cursor);
  PeerView peer;
  peer.axes = readAxes(fields["axes"]);
  peer.member = fields["member"].integer();
  peer.ownPiece = fields["own_piece"].boolean();
  fields.done();
  return peer;
}

static Buffer readBuffer(const Cursor &cursor) {
  Fields fields(cursor);
  Buffer buffer;
  buffer.arena = fields["arena"].integer();
  buffer.offset = fields["offset"].integer();
  buffer.dtype = readDType(fields["dtype"]);
  buffer.shape = readIntegers(fields["shape"]);
  if (fields.has("peer"))
    buffer.peer = readPeerView(fields["peer"]);
  fields.done();
  return buffer;
}

static Initializer readInitializer(const Cursor &cursor) {
  Fields fields(cursor);
  Initializer init;
  init.kind = fields["kind"].choice(manifest::initializers);
  init.a = fields["a"].number();
  init.b = fields["b"].number();
  fields.done();
  return init;
}

/// What parameters, states, inputs and outputs have in common.
template <typename Tensor>
static void readTensor(Fields &fields, Tensor &tensor) {
  tensor.name = fields["name"].text();
  tensor.dtype = readDType(fields["dtype"]);
  tensor.shape = readIntegers(fields["shape"]);
  tensor.sharding = readSharding(fields["sharding"]);
  tensor.buffer = fields["buffer"].integer();
  if (fields.has("padded_shape"))
    tensor.paddedShape = readIntegers(fields["padded_shape"]);
}

static Parameter readParameter(const Cursor &cursor) {
  Fields fields(cursor);
  Parameter parameter;
  readTensor(fields, parameter);
  parameter.storedShape = readIntegers(fields["stored_shape"]);
  if (fields.has("init"))
    parameter.init = readInitializer(fields["init"]);
  parameter.trainable = fields["trainable"].boolean();
  fields.done();
  return parameter;
}

static State readState(const Cursor &cursor) {
  Fields fields(cursor);
  State state;
  readTensor(fields, state);
  state.parameter = fields["parameter"].text();
  fields.done();
  return state;
}

static Input readInput(const Cursor &cursor) {
  Fields fields(cursor);
  Input input;
  readTensor(fields, input);
  input.batchDim = fields.optionalInteger("batch_dim");
  fields.done();
  return input;
}

static Output readOutput(const Cursor &cursor) {
  Fields fields(cursor);
  Output output;
  readTensor(fields, output);
  output.isLoss = fields["loss"].boolean();
  fields.done();
  return output;
}

static Scalar readScalar(const Cursor &cursor) {
  Fields fields(cursor);
  Scalar scalar;
  scalar.name = fields["name"].text();
  scalar.dtype = readDType(fields["dtype"]);
  scalar.buffer = fields["buffer"].integer();
  scalar.defaultValue = fields["default"].number();
  fields.done();
  return scalar;
}

static Constant readConstant(const Cursor &cursor) {
  Fields fields(cursor);
  Constant constant{fields["buffer"].integer(), fields["offset"].integer()};
  fields.done();
  return constant;
}

static Matrix readMatrix(const Cursor &cursor) {
  Fields fields(cursor);
  Matrix matrix;
  matrix.buffer = fields["buffer"].integer();
  matrix.transposed = fields["transposed"].boolean();
  matrix.leading = fields["leading"].integer();
  matrix.batchStride = fields["batch_stride"].integer();
  fields.done();
  return matrix;
}

static Gemm readGemm(Fields &fields) {
  Gemm gemm;
  gemm.batch = fields["batch"].integer();
  gemm.m = fields["m"].integer();
  gemm.n = fields["n"].integer();
  gemm.k = fields["k"].integer();
  gemm.a = readMatrix(fields["a"]);
  gemm.b = readMatrix(fields["b"]);
  gemm.c = readMatrix(fields["c"]);
  gemm.bias = fields.optionalInteger("bias");
  gemm.accumulate = fields["accumulate"].boolean();
  if (fields.has("tf32"))
    gemm.tf32 = fields["tf32"].boolean();
  return gemm;
}

static std::array<int64_t, 3> readExtents(const Cursor &cursor) {
  Shape extents = readIntegers(cursor);
  if (extents.size() != 3)
    cursor.refuse("three integers");
  return {extents[0], extents[1], extents[2]};
}

static Grid readGrid(const Cursor &cursor) {
  Fields fields(cursor);
  Grid grid;
  grid.blocks = readExtents(fields["blocks"]);
  grid.threads = readExtents(fields["threads"]);
  grid.sharedBytes = fields["shared_bytes"].integer();
  fields.done();
  return grid;
}

static Launch readLaunch(Fields &fields) {
  Launch launch;
  launch.symbol = fields["symbol"].text();
  launch.buffers = readIntegers(fields["buffers"]);
  launch.written = readIntegers(fields["written"]);
  if (fields.has("grid"))
    launch.grid = readGrid(fields["grid"]);
  return launch;
}

static Collective readCollective(Fields &fields) {
  Collective collective;
  collective.kind = fields["kind"].choice(manifest::collectives);
  collective.axes = readAxes(fields["axes"]);
  collective.input = fields["input"].integer();
  collective.output = fields["output"].integer();
  collective.concatDim = fields.optionalInteger("concat_dim");
  collective.splitDim = fields.optionalInteger("split_dim");
  collective.reduction = fields["reduction"].choice(manifest::reductions);
  collective.bytesSent = fields["bytes_sent"].integer();
  collective.why = fields["why"].text();
  return collective;
}

static Copy readCopy(Fields &fields) {
  return {fields["input"].integer(), fields["output"].integer()};
}

static Instruction readInstruction(const Cursor &cursor) {
  enum class Op { Gemm, Launch, Collective, Copy, Barrier, Record, Wait };
  static constexpr manifest::Names<Op, 7> ops = {
      {{Op::Gemm, "gemm"},
       {Op::Launch, "launch"},
       {Op::Collective, "collective"},
       {Op::Copy, "copy"},
       {Op::Barrier, "barrier"},
       {Op::Record, "record"},
       {Op::Wait, "wait"}}};
  Fields fields(cursor);
  Instruction instruction;
  switch (fields["op"].choice(ops)) {
  case Op::Gemm:
    instruction.op = readGemm(fields);
    break;
  case Op::Launch:
    instruction.op = readLaunch(fields);
    break;
  case Op::Collective:
    instruction.op = readCollective(fields);
    break;
  case Op::Copy:
    instruction.op = readCopy(fields);
    break;
  case Op::Barrier:
    instruction.op = Barrier{readAxes(fields["axes"])};
    break;
  case Op::Record:
    instruction.op = Record{fields["event"].integer()};
    break;
  case Op::Wait:
    instruction.op = Wait{fields["event"].integer()};
    break;
  }
  if (fields.has("stream")) {
    Cursor stream = fields["stream"];
    instruction.stream = stream.integer();
    if (instruction.stream == 0) // One way to say the first: no key.
      stream.refuse("another stream than the first");
  }
  instruction.loc = fields["loc"].text();
  fields.done();
  return instruction;
}

/// The sections are back to back, each at the next aligned offset, and end
/// where the digest begins: `area` is exactly what they must fill.
static void readSections(const Cursor &cursor, std::span<const std::byte> area,
                         Plan &plan) {
  int64_t end = 0;
  auto read = [&](const Cursor &element) {
    Fields fields(element);
    std::string name = fields["name"].text();
    Cursor offset = fields["offset"], bytes = fields["bytes"];
    int64_t begin = *checkedAlign(end, manifest::sectionAlignment);
    if (offset.integer() != begin)
      offset.refuse(std::to_string(begin));
    int64_t size = bytes.integer();
    int64_t available = static_cast<int64_t>(area.size()) - begin;
    if (size < 0 || size > available)
      bytes.refuse("at most the " + std::to_string(available) +
                   " bytes that the file has");
    auto padding = area.subspan(end, begin - end);
    if (std::any_of(padding.begin(), padding.end(),
                    [](std::byte byte) { return byte != std::byte{0}; }))
      offset.refuse("zeros before it");
    auto content = area.subspan(begin, size);
    end = begin + size;
    fields.done();
    if (!plan.sections.try_emplace(name, content.begin(), content.end()).second)
      element.refuse("distinct names");
    return 0;
  };
  (void)cursor.list(read);
  if (std::cmp_not_equal(end, area.size()))
    cursor.refuse(std::to_string(area.size()) + " bytes of sections");
}

static Plan readManifest(const Cursor &root, std::span<const std::byte> area) {
  Fields fields(root);
  Plan plan;
  plan.mode = fields["mode"].choice(manifest::modes);
  plan.target = readTarget(fields["target"]);
  plan.mesh.axes = fields["mesh"].list(readMeshAxis);
  plan.options = readOptions(fields["options"]);
  plan.fingerprint = fields["fingerprint"].text();
  if (fields.has("needs"))
    plan.needs = readNeeds(fields["needs"]);
  plan.memory = readMemory(fields["memory"]);
  plan.arenas = fields["arenas"].list(readArena);
  if (fields.has("scratch"))
    plan.scratch = readScratch(fields["scratch"]);
  plan.buffers = fields["buffers"].list(readBuffer);
  plan.parameters = fields["parameters"].list(readParameter);
  plan.states = fields["states"].list(readState);
  plan.inputs = fields["inputs"].list(readInput);
  plan.outputs = fields["outputs"].list(readOutput);
  plan.scalars = fields["scalars"].list(readScalar);
  plan.constants = fields["constants"].list(readConstant);
  if (fields.has("streams")) {
    Cursor streams = fields["streams"];
    plan.streams =
        streams.list([](const Cursor &element) { return element.text(); });
    if (plan.streams.empty()) // One way to say that there is one: no key.
      streams.refuse("streams");
  }
  plan.instructions = fields["instructions"].list(readInstruction);
  readSections(fields["sections"], area, plan);
  fields.done();
  return plan;
}

//===----------------------------------------------------------------------===//
// The envelope
//===----------------------------------------------------------------------===//

static uint64_t readInteger(std::span<const std::byte> bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | std::to_integer<uint64_t>(bytes[i]);
  return value;
}

namespace {
/// The manifest's text, and the sections without the padding before them.
struct Envelope {
  std::string_view manifest;
  std::span<const std::byte> sections;
};
} // namespace

static Expected<Envelope> openEnvelope(std::span<const std::byte> bytes) {
  int64_t size = static_cast<int64_t>(bytes.size());
  int64_t smallest = manifest::headerBytes + manifest::digestBytes;
  size_t common = std::min(bytes.size(), manifest::magic.size());
  if (size == 0 ||
      std::memcmp(bytes.data(), manifest::magic.data(), common) != 0)
    return Status::error("magic, expected ", manifest::magic,
                         ", found other bytes: not a compiled plan");
  if (size < smallest)
    return Status::error("size, expected at least ", smallest, " bytes, found ",
                         size);
  if (uint64_t version = readInteger(bytes.subspan(8, 4));
      version != manifest::version)
    return Status::error("format version, expected ", manifest::version,
                         ", found ", version,
                         ": compile the model again with this version");
  if (uint64_t reserved = readInteger(bytes.subspan(12, 4)); reserved != 0)
    return Status::error("reserved field, expected 0, found ", reserved);
  uint64_t manifestBytes = readInteger(bytes.subspan(16, 8));
  if (std::cmp_greater(manifestBytes, size - smallest))
    return Status::error("manifest size, expected at most ", size - smallest,
                         " bytes, found ", manifestBytes);

  auto content = bytes.first(bytes.size() - manifest::digestBytes);
  auto stored = bytes.last(manifest::digestBytes);
  FABRIC_ASSIGN_OR_RETURN(Sha256Digest digest, sha256(content));
  if (std::memcmp(stored.data(), digest.data(), digest.size()) != 0) {
    Sha256Digest expected;
    std::copy(stored.begin(), stored.end(), expected.begin());
    return Status::error("SHA-256, expected ", toHex(expected), ", found ",
                         toHex(digest), ": the file is damaged");
  }

  Envelope envelope;
  envelope.manifest = std::string_view(
      reinterpret_cast<const char *>(bytes.data()) + manifest::headerBytes,
      manifestBytes);
  size_t end = manifest::headerBytes + manifestBytes;
  auto rest = content.subspan(end);
  // Without sections there is no padding either.
  size_t padding = rest.empty() ? 0 : -end % manifest::sectionAlignment;
  if (padding > rest.size() ||
      std::any_of(rest.begin(), rest.begin() + padding,
                  [](std::byte byte) { return byte != std::byte{0}; }))
    return Status::error("padding after the manifest, expected ", padding,
                         " zeros, found other bytes");
  envelope.sections = rest.subspan(padding);
  return envelope;
}

static Expected<Plan> readAndVerify(std::span<const std::byte> bytes) {
  FABRIC_ASSIGN_OR_RETURN(Envelope envelope, openEnvelope(bytes));
  Expected<json> manifest = parseJson(envelope.manifest);
  if (manifest.failed())
    return manifest.status().in("manifest");
  Plan plan = readManifest(Cursor(*manifest), envelope.sections);
  FABRIC_RETURN_IF_ERROR(verifyPlan(plan));
  return plan;
}

/// Messages quote names of the plan: a line break in one stays out.
static Status oneLine(const Status &status, const std::string &file) {
  std::string text = status.message();
  for (char &c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f)
      c = '?';
  return Status::error(file, ": ", text);
}

Expected<Plan> plan::readPlan(std::span<const std::byte> bytes,
                              const std::string &file) {
  try {
    Expected<Plan> plan = readAndVerify(bytes);
    if (plan.failed())
      return oneLine(plan.status(), file);
    return plan;
  } catch (const Damage &damage) {
    return oneLine(damage.status, file);
  } catch (const std::exception &error) { // Out of memory, at worst.
    return Status::error(file, ": cannot read the plan: ", error.what());
  }
}

Expected<Plan> plan::readPlanFile(const std::string &path) {
  FABRIC_ASSIGN_OR_RETURN(std::vector<std::byte> bytes,
                          readFile(path, maxPlanBytes));
  return readPlan(bytes, path);
}
