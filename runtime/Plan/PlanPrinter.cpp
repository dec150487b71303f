//===- PlanPrinter.cpp - A plan for people --------------------------------===//

#include "runtime/Plan/PlanPrinter.h"

#include "runtime/Plan/Manifest.h"
#include "runtime/Plan/Sharding.h"

#include <sstream>

using namespace fabric;
using namespace fabric::plan;

namespace {

class Printer {
public:
  explicit Printer(const Plan &plan) : plan(plan) {}
  std::string run();

private:
  void printHeader();
  void printMemory();
  void printInterface();
  void printTensor(const char *kind, const std::string &name, DType dtype,
                   const Shape &shape, const std::optional<Shape> &paddedShape,
                   const Sharding &sharding, BufferId buffer);

  std::string value(BufferId id) const;
  std::string matrix(const Matrix &matrix) const;
  void printOp(const Gemm &gemm);
  void printOp(const Launch &launch);
  void printOp(const Collective &collective);
  void printOp(const Copy &copy);
  void printOp(const Barrier &barrier);
  void printOp(const Record &record);
  void printOp(const Wait &wait);

  const Plan &plan;
  std::ostringstream out;
};

} // namespace

/// "f32[16, 128]".
static std::string typeText(DType dtype, const Shape &shape) {
  return std::string(toString(dtype)) + fabric::toString(shape);
}

std::string Printer::value(BufferId id) const {
  const Buffer &buffer = plan.buffers[static_cast<size_t>(id)];
  std::string text =
      "%" + std::to_string(id) + ":" + typeText(buffer.dtype, buffer.shape);
  if (buffer.peer)
    text += std::string(buffer.peer->ownPiece ? " own piece of " : " of ") +
            "member " + std::to_string(buffer.peer->member) + " over " +
            toString(buffer.peer->axes);
  return text;
}

void Printer::printHeader() {
  out << "plan for " << plan.target.kind;
  if (!plan.target.arch.empty())
    out << " " << plan.target.arch;
  out << ", mesh " << toString(plan.mesh) << ", "
      << manifest::nameOf(manifest::modes, plan.mode) << "\n";
  if (!plan.target.features.empty()) {
    out << "needs";
    for (const std::string &feature : plan.target.features)
      out << " " << feature;
    out << "\n";
  }
  if (plan.needs.sharedMemory)
    out << "needs ranks that share memory\n";
  out << "fingerprint " << plan.fingerprint << "\n";
  for (const auto &[name, option] : plan.options)
    out << "option " << name << " = " << option << "\n";
  for (const auto &[name, bytes] : plan.sections)
    out << "section " << name << ": " << bytes.size() << " bytes\n";
}

void Printer::printMemory() {
  out << "\nmemory a rank: " << plan.memory.peak << " bytes\n"
      << "  parameters " << plan.memory.parameters << ", optimizer "
      << plan.memory.optimizer << ", gradients " << plan.memory.gradients
      << ", activations " << plan.memory.activations << ", communication "
      << plan.memory.communication;
  if (plan.memory.scratch != 0)
    out << ", scratch " << plan.memory.scratch;
  out << "\n";
  for (const Arena &arena : plan.arenas)
    out << "  arena " << arena.name << ": " << arena.bytes << " bytes\n";
  for (const StreamScratch &scratch : plan.scratch)
    out << "  libraries work in arena " << plan.arenas[scratch.arena].name
        << " in stream " << scratch.stream << "\n";
}

void Printer::printTensor(const char *kind, const std::string &name,
                          DType dtype, const Shape &shape,
                          const std::optional<Shape> &paddedShape,
                          const Sharding &sharding, BufferId buffer) {
  out << kind << " " << name << ": " << typeText(dtype, shape) << " "
      << toString(sharding) << " in " << value(buffer);
  if (paddedShape)
    out << ", padded to " << fabric::toString(*paddedShape);
}

void Printer::printInterface() {
  out << "\n";
  for (const Parameter &parameter : plan.parameters) {
    printTensor("parameter", parameter.name, parameter.dtype,
                parameter.storedShape, parameter.paddedShape,
                parameter.sharding, parameter.buffer);
    if (parameter.shape != parameter.storedShape)
      out << ", in files " << fabric::toString(parameter.shape);
    if (parameter.init) {
      out << ", "
          << manifest::nameOf(manifest::initializers, parameter.init->kind)
          << "(" << parameter.init->a;
      if (parameter.init->kind != Initializer::Kind::Constant)
        out << ", " << parameter.init->b;
      out << ")";
    }
    out << (parameter.trainable ? "\n" : ", frozen\n");
  }
  for (const State &state : plan.states) {
    printTensor("state", state.parameter + " " + state.name, state.dtype,
                state.shape, state.paddedShape, state.sharding, state.buffer);
    out << "\n";
  }
  for (const Input &input : plan.inputs) {
    printTensor("input", input.name, input.dtype, input.shape,
                input.paddedShape, input.sharding, input.buffer);
    if (input.batchDim)
      out << ", batch dim " << *input.batchDim;
    out << "\n";
  }
  for (const Output &output : plan.outputs) {
    printTensor("output", output.name, output.dtype, output.shape,
                output.paddedShape, output.sharding, output.buffer);
    out << (output.isLoss ? ", the loss\n" : "\n");
  }
  for (const Scalar &scalar : plan.scalars)
    out << "scalar " << scalar.name << ": " << toString(scalar.dtype) << " in "
        << value(scalar.buffer) << ", default " << scalar.defaultValue << "\n";
  for (const Constant &constant : plan.constants)
    out << "constant in " << value(constant.buffer) << "\n";
}

std::string Printer::matrix(const Matrix &matrix) const {
  return value(matrix.buffer) + (matrix.transposed ? "^T" : "");
}

void Printer::printOp(const Gemm &gemm) {
  out << "gemm " << matrix(gemm.c) << (gemm.accumulate ? " += " : " = ")
      << matrix(gemm.a) << " x " << matrix(gemm.b);
  if (gemm.bias)
    out << " + " << value(*gemm.bias);
  out << " {";
  if (gemm.batch > 1)
    out << "batch " << gemm.batch << ", ";
  out << "m " << gemm.m << ", n " << gemm.n << ", k " << gemm.k
      << (gemm.tf32 ? ", tf32}" : "}");
}

void Printer::printOp(const Launch &launch) {
  out << "launch " << launch.symbol << "(";
  for (size_t i = 0; i < launch.buffers.size(); ++i)
    out << (i > 0 ? ", " : "") << value(launch.buffers[i]);
  out << ") writes";
  for (BufferId id : launch.written)
    out << " %" << id;
  if (launch.grid) {
    auto extents = [&](const std::array<int64_t, 3> &values) {
      out << values[0] << " x " << values[1] << " x " << values[2];
    };
    out << " {blocks ";
    extents(launch.grid->blocks);
    out << ", threads ";
    extents(launch.grid->threads);
    out << ", shared " << launch.grid->sharedBytes << " bytes}";
  }
}

void Printer::printOp(const Collective &collective) {
  using Kind = Collective::Kind;
  out << manifest::nameOf(manifest::collectives, collective.kind) << " ";
  if (collective.kind == Kind::AllReduce ||
      collective.kind == Kind::ReduceScatter)
    out << manifest::nameOf(manifest::reductions, collective.reduction) << " ";
  out << value(collective.output) << " = " << value(collective.input)
      << " over " << toString(collective.axes);
  if (collective.splitDim)
    out << ", split dim " << *collective.splitDim;
  if (collective.concatDim)
    out << ", concat dim " << *collective.concatDim;
  out << ", " << collective.bytesSent << " bytes sent";
  if (!collective.why.empty())
    out << ": " << collective.why;
}

void Printer::printOp(const Copy &copy) {
  out << "copy " << value(copy.output) << " = " << value(copy.input);
}

void Printer::printOp(const Barrier &barrier) {
  out << "barrier over " << toString(barrier.axes);
}

void Printer::printOp(const Record &record) {
  out << "record event " << record.event;
}

void Printer::printOp(const Wait &wait) {
  out << "wait for event " << wait.event;
}

std::string Printer::run() {
  printHeader();
  printMemory();
  printInterface();
  out << "\n";
  for (size_t i = 0; i < plan.instructions.size(); ++i) {
    const Instruction &instruction = plan.instructions[i];
    out << i << ": ";
    if (!plan.streams.empty())
      out << "[" << plan.streams[static_cast<size_t>(instruction.stream)]
          << "] ";
    std::visit([&](const auto &op) { printOp(op); }, instruction.op);
    if (!instruction.loc.empty())
      out << "  // " << instruction.loc;
    out << "\n";
  }
  return out.str();
}

std::string plan::describePlan(const Plan &plan) { return Printer(plan).run(); }
