//===- fabric-compile.cpp - From a model to a plan ------------------------===//

#include "compiler/Driver/CompileCommand.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>

using mlir::fabric::CompileCommand;

namespace {

/// The size of a mesh axis, or "auto".
struct AxisSize {
  std::string text;
  bool isAuto() const { return text == "auto"; }
  int64_t value() const { return text.empty() ? 0 : std::stoll(text); }
};

std::string checkAxisSize(const std::string &text) {
  if (text == "auto")
    return "";
  bool digits = !text.empty() && text.size() <= 9 &&
                std::all_of(text.begin(), text.end(),
                            [](unsigned char c) { return std::isdigit(c); });
  if (digits && std::stoll(text) > 0)
    return "";
  return "expected a positive number or auto, found " + text;
}

/// PyTorch's AdamW refuses the same numbers.
bool isNumber(const std::string &text, double below) {
  char *end = nullptr;
  double value = std::strtod(text.c_str(), &end);
  return !text.empty() && *end == 0 && std::isfinite(value) && value >= 0 &&
         value < below;
}

std::string checkNotNegative(const std::string &text) {
  return isNumber(text, std::numeric_limits<double>::infinity())
             ? ""
             : "expected a number of at least 0, found " + text;
}

std::string checkBelowOne(const std::string &text) {
  return isNumber(text, 1.0)
             ? ""
             : "expected a number of at least 0 and below 1, found " + text;
}

std::string checkMemory(const std::string &text) {
  if (text == "min" || text == "fast")
    return "";
  bool digits = !text.empty() && text.size() <= 18 &&
                std::all_of(text.begin(), text.end(),
                            [](unsigned char c) { return std::isdigit(c); });
  return digits ? "" : "expected min, fast or a number of bytes, found " + text;
}

std::string checkParamDtype(const std::string &text) {
  if (text == "bf16")
    return "";
  return "expected bf16, found " + text +
         (text == "f16" ? ": f16 would need loss scaling, which there is not"
                        : "");
}

/// "cpu", "cpu:znver4", "cuda", "cuda:sm_90".
std::string checkTarget(const std::string &text) {
  for (const char *kind : {"cpu", "cuda"}) {
    std::string prefix = std::string(kind) + ":";
    if (text == kind ||
        (text.rfind(prefix, 0) == 0 && text.size() > prefix.size()))
      return "";
  }
  return "expected cpu, cpu:NAME, cuda or cuda:sm_NN, found " + text;
}

/// TP inside a node, DP across: what auto stands for.
std::string resolveAuto(AxisSize &dp, AxisSize &tp, int64_t nodes,
                        int64_t devices) {
  if (!dp.isAuto() && !tp.isAuto())
    return nodes || devices
               ? "--nodes and --devices-per-node say what auto is; "
                 "give --dp=auto or --tp=auto"
               : "";
  if (!nodes || !devices)
    return "auto needs --nodes and --devices-per-node";
  if (tp.isAuto())
    tp.text = std::to_string(devices);
  if (dp.isAuto()) {
    int64_t tpSize = tp.text.empty() ? 2 : tp.value();
    if (nodes * devices % tpSize != 0)
      return "--tp=" + std::to_string(tpSize) + " does not divide the " +
             std::to_string(nodes * devices) +
             " devices of --nodes=" + std::to_string(nodes) +
             " --devices-per-node=" + std::to_string(devices);
    dp.text = std::to_string(nodes * devices / tpSize);
  }
  return "";
}

int usageError(const std::string &message) {
  std::cerr << "fabric-compile: error: " << message << "\n";
  return 2;
}

} // namespace

int main(int argc, char **argv) {
  CLI::App app(
      "Compiles a model to an execution plan for a mesh of devices: tensor\n"
      "parallel on axis tp, fully sharded data parallel on axis dp.\n\n"
      "  fabric-compile model.mlir -o compiled.bin --dp=2 --tp=2 --train=adamw "
      "--lr=3e-3\n"
      "  fabric-compile model.mlir -o compiled.bin                 # "
      "inference, "
      "2 x 2\n"
      "  fabric-compile model.mlir --dp=4 --tp=1 --emit=partition  # look at "
      "the "
      "IR\n"
      "  fabric-compile model.mlir --report=cost.json              # bytes "
      "before launch\n",
      "fabric-compile");
  CompileCommand command;
  AxisSize dp, tp;
  int64_t nodes = 0, devices = 0;
  std::string train, emit, report, comm = "any", fsdp = "gather",
                                   overlap = "auto";

  app.add_option("model", command.model, "the model: an MLIR file")->required();
  app.add_option("-o,--output", command.output,
                 "the plan to write (with --emit: the IR)");

  app.add_option("--dp", dp.text,
                 "data-parallel ranks, or auto: across nodes (default: the "
                 "module's mesh, else 2)")
      ->check(checkAxisSize)
      ->group("Mesh");
  app.add_option("--tp", tp.text,
                 "tensor-parallel ranks, or auto: the devices of a node "
                 "(default: the module's mesh, else 2)")
      ->check(checkAxisSize)
      ->group("Mesh");
  app.add_option("--nodes", nodes, "nodes, for auto")
      ->check(CLI::Range(int64_t(1), int64_t(1) << 20))
      ->group("Mesh");
  app.add_option("--devices-per-node", devices, "devices of a node, for auto")
      ->check(CLI::Range(int64_t(1), int64_t(1) << 20))
      ->group("Mesh");
  app.add_option("--tp-plan", command.tpPlan,
                 "JSON file of TP styles by parameter, with globs: "
                 "{\"layers.*.w1\": \"colwise\"}; or of the sections "
                 "parameters, inputs, results and values, with the axes of "
                 "each dim: {\"inputs\": {\"x\": [\"dp\", null]}}")
      ->group("Mesh");

  app.add_option("--fsdp", fsdp,
                 "gather: parameters are gathered over dp for use (default); "
                 "auto: kept split there, and activations move, where that "
                 "sends fewer bytes")
      ->check(CLI::IsMember({"gather", "auto"}))
      ->group("Mesh");

  app.add_option(
         "--train", train,
         "adamw: a training step; gradients: the loss and every gradient "
         "(default: what the module says, else inference)")
      ->check(CLI::IsMember({"adamw", "gradients"}))
      ->group("Training");
  auto number = [&](const char *flag, std::optional<double> &value,
                    const char *help, bool belowOne = false) {
    app.add_option(flag, value, help)
        ->group("Training")
        ->check(belowOne ? checkBelowOne : checkNotNegative);
  };
  number("--lr", command.lr, "learning rate; fabric-run can change it (1e-3)");
  number("--weight-decay", command.weightDecay, "decoupled decay (1e-2)");
  number("--beta1", command.beta1, "decay of the first moment (0.9)", true);
  number("--beta2", command.beta2, "decay of the second moment (0.999)", true);
  number("--eps", command.eps, "added to the denominator (1e-8)");

  app.add_option("--param-dtype", command.paramDtype,
                 "bf16: parameters are stored and updated in f32, gathered and "
                 "computed with in bf16; the loss stays in f32")
      ->check(checkParamDtype)
      ->group("Training");
  app.add_option("--reduce-dtype", command.reduceDtype,
                 "with --param-dtype, what gradients and partial products are "
                 "reduced in: f32 (default) or bf16")
      ->check(CLI::IsMember({"f32", "bf16"}))
      ->group("Training");

  app.add_option(
         "--memory", command.memory,
         "min: one gathered weight or gradient at a time; fast: may keep "
         "them (default); or a budget in bytes a rank")
      ->check(checkMemory)
      ->group("Plan");
  app.add_option("--comm", comm,
                 "any: runs under every communicator (default); local: uses "
                 "that the ranks of one process share memory")
      ->check(CLI::IsMember({"any", "local"}))
      ->group("Plan");
  app.add_option("--overlap", overlap,
                 "on: collectives run in streams of their own, beside what "
                 "computes, as far as --memory allows; off; auto: where the "
                 "target gains by it (default)")
      ->check(CLI::IsMember({"auto", "on", "off"}))
      ->group("Plan");
  app.add_option(
         "--target", command.target,
         "cpu, or cpu:NAME with LLVM's name of a processor (default: this "
         "machine's); cuda, or cuda:sm_NN, for NVIDIA GPUs from that one on "
         "(default: sm_80)")
      ->check(checkTarget)
      ->group("Plan");

  app.add_flag("--join-products", command.joinProducts,
               "products that share an operand are one, with their weights "
               "side by side: more memory, and not known to be faster")
      ->group("Plan");
  std::string precision = "highest";
  app.add_option("--matmul-precision", precision,
                 "highest: products of f32 are computed in f32 (default); "
                 "high: rounded to TF32, on GPUs")
      ->check(CLI::IsMember({"highest", "high"}))
      ->group("Plan");

  app.add_option(
         "--emit", emit,
         "stop after a phase and print its IR; plan: what fabric-run does; "
         "code: the kernels, PTX or an ELF shared object")
      ->check(CLI::IsMember(
          std::vector<std::string>(std::begin(mlir::fabric::emitPhases),
                                   std::end(mlir::fabric::emitPhases))))
      ->group("Output");
  auto *reportOption =
      app.add_flag("--report", report,
                   "memory, work and collectives: printed, or written as JSON "
                   "to a file with --report=FILE")
          ->group("Output");
  app.add_flag("--remarks", command.showRemarks,
               "say why shardings were chosen")
      ->group("Output");
  app.set_version_flag("--version", "fabric-compile 0.1, plan format 1");

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success &success) {
    return app.exit(success);
  } catch (const CLI::ParseError &error) {
    return usageError(std::string(error.what()));
  }

  if (std::string wrong = resolveAuto(dp, tp, nodes, devices); !wrong.empty())
    return usageError(wrong);
  command.dp = dp.value();
  command.tp = tp.value();
  command.fsdpAuto = fsdp == "auto";
  if (!train.empty())
    command.train = train;
  else if (command.lr || command.weightDecay || command.beta1 ||
           command.beta2 || command.eps)
    return usageError("--lr, --weight-decay, --beta1, --beta2 and --eps need "
                      "--train=adamw");
  if (train == "gradients" && (command.lr || command.weightDecay ||
                               command.beta1 || command.beta2 || command.eps))
    return usageError("--train=gradients takes no optimizer options");
  if (command.paramDtype.empty() && !command.reduceDtype.empty())
    return usageError("--reduce-dtype needs --param-dtype");
  command.sharedMemory = comm == "local";
  if (overlap != "auto")
    command.overlap = overlap == "on";
  if (command.sharedMemory && overlap == "on")
    return usageError("--overlap=on needs --comm=any: ranks that read each "
                      "other's memory meet at barriers, which order no "
                      "streams");
  command.tf32 = precision == "high";
  if (command.tf32 && command.target.rfind("cuda", 0) != 0)
    return usageError("--matmul-precision=high needs --target=cuda: processors "
                      "compute products of f32 in f32");
  if (!emit.empty())
    command.emit = emit;
  if (reportOption->count() > 0)
    command.report = report == "true" ? "" : report;
  if (command.output.empty() && !command.emit && !command.report)
    return usageError("nothing to do: give -o FILE, --emit=PHASE or --report");
  if (command.emit && *command.emit != "plan" && command.report)
    return usageError("--report needs the whole plan; drop --emit");
  return mlir::fabric::runCompile(command);
}
