//===- Options.cpp - The flags of fabric-run ------------------------------===//

#include "tools/fabric-run/Options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

namespace fabric::run {
namespace {

constexpr const char *version = "fabric-run 0.1.0 (plan format 1)";

constexpr const char *footer = R"(
Examples:
  fabric-run compiled.bin --data=random --steps=16
      all ranks of the mesh in this process, parameters and data from --seed=0
  fabric-run compiled.bin --weights=w.safetensors --data=x=x.npy --steps=100 \
      --save=out.safetensors --metrics=m.jsonl
      trains from given weights on given data, and keeps the result
  fabric-run compiled.bin --data=random --steps=4 --profile=trace.json
      a timeline of steps 2 to 4 on every rank; open it in ui.perfetto.dev
  mpirun -n 4 fabric-run compiled.bin --data=random
      one rank a process (as root on few cores: --allow-run-as-root --oversubscribe)
  fabric-run inference.bin --weights=w.safetensors --data=x=x.npy --output-dir=out
      every result as out/<name>.npy, in its global shape

Standard output has a line a step and the peak memory; all else is on standard
error. Exit status: 0, 1 after an error, 2 for wrong usage.)";

Expected<std::pair<std::string, double>> parseScalar(const std::string &text) {
  size_t equal = text.find('=');
  double value = 0;
  if (equal != std::string::npos && equal > 0) {
    const char *begin = text.data() + equal + 1;
    const char *end = text.data() + text.size();
    auto [last, error] = std::from_chars(begin, end, value);
    if (error == std::errc() && last == end && begin != end &&
        std::isfinite(value))
      return std::pair(text.substr(0, equal), value);
  }
  return Status::error("--set: expected NAME=NUMBER, found '", text, "'");
}

/// Whole numbers from 0 that fit `T`.
template <typename T> CLI::Validator wholeNumber() {
  return CLI::Validator(
      [](const std::string &text) -> std::string {
        T value = 0;
        const char *end = text.data() + text.size();
        auto [last, error] = std::from_chars(text.data(), end, value);
        if (error == std::errc() && last == end && !text.starts_with('-'))
          return "";
        return "expected a whole number from 0, found '" + text + "'";
      },
      "");
}

CLI::Validator positiveNumber() {
  return CLI::Validator(
      [](const std::string &text) -> std::string {
        double value = 0;
        const char *end = text.data() + text.size();
        auto [last, error] = std::from_chars(text.data(), end, value);
        if (error == std::errc() && last == end && value > 0 && value < 1e9)
          return "";
        return "expected a number above 0, found '" + text + "'";
      },
      "");
}

/// CLI11's messages may have several lines and end in a full stop.
std::string oneLine(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (!text.empty() && (text.back() == '.' || text.back() == ' '))
    text.pop_back();
  return text;
}

} // namespace

Expected<std::variant<Options, Answered>> parseOptions(int argc, char **argv) {
  Options options;
  std::optional<double> lr;
  std::vector<std::string> sets;
  std::string comm;

  CLI::App app("Runs a plan that fabric-compile made.", "fabric-run");
  app.footer(footer);
  app.set_version_flag("--version", version);
  app.add_option("plan", options.plan, "The plan: compiled.bin")
      ->required()
      ->type_name("FILE");
  auto *weights = app.add_option("--weights", options.weights,
                                 "Parameters to start from (safetensors)")
                      ->type_name("FILE");
  app.add_option("--seed", options.seed,
                 "Draws parameters that have no weights, and random data")
      ->capture_default_str()
      ->check(wholeNumber<uint64_t>())
      ->type_name("N");
  app.add_option("--steps", options.steps, "How many steps to run")
      ->capture_default_str()
      ->check(wholeNumber<int64_t>())
      ->type_name("N");
  app.add_option("--lr", lr, "Learning rate, in place of the plan's")
      ->type_name("X");
  app.add_option("--set", sets, "Any scalar of the plan: NAME=NUMBER")
      ->allow_extra_args(false)
      ->type_name("NAME=X");
  app.add_option("--data", options.data,
                 "An input's data: NAME=FILE.npy, NAME=random, or random for "
                 "all; may be repeated")
      ->allow_extra_args(false)
      ->type_name("NAME=FILE");
  auto *commOption =
      app.add_option("--comm", comm,
                     "local, mpi or nccl; by default what started the process")
          ->type_name("KIND");
  app.add_option("--output-dir", options.outputDir,
                 "Writes every result of the last step as DIR/<name>.npy")
      ->type_name("DIR");
  app.add_option("--save", options.save,
                 "Writes the parameters after the last step (safetensors)")
      ->type_name("FILE");
  app.add_option("--metrics", options.metrics,
                 "Writes a JSON object a step: step, loss, step_ms, peak_bytes")
      ->type_name("FILE");
  app.add_option("--profile", options.profile,
                 "Writes a timeline of every rank's instructions, for "
                 "ui.perfetto.dev")
      ->type_name("FILE");
  auto *profileSteps =
      app.add_option("--profile-steps", options.profileSteps,
                     "How many steps to profile, from the second on")
          ->capture_default_str()
          ->check(wholeNumber<int64_t>())
          ->type_name("N");
  auto *gemms =
      app.add_option("--gemms", options.gemms,
                     "Algorithms for a GPU's products, as --tune-gemms found "
                     "them, in place of the library's heuristic")
          ->type_name("FILE");
  app.add_option("--tune-gemms", options.tuneGemms,
                 "Runs nothing: times every algorithm of the plan's products "
                 "on this machine's GPU, and writes the fastest to a file")
      ->excludes(gemms)
      ->type_name("FILE");
  app.add_option("--timeout", options.timeoutSeconds,
                 "How long a rank waits for another, in seconds")
      ->capture_default_str()
      ->check(positiveNumber())
      ->type_name("S");
  app.add_option(
         "--threads", options.threads,
         "Threads a rank for f32 and bf16 products; 0: OMP_NUM_THREADS, "
         "or the cores shared among the ranks")
      ->capture_default_str()
      ->check(wholeNumber<int>())
      ->type_name("N");
  app.add_flag("--no-replay", options.noReplay,
               "Gives a GPU the instructions of every step one by one, not as "
               "a graph that was captured in the second");
  app.add_flag("--describe", options.describe,
               "Prints the plan for people and runs nothing");
  app.add_flag("--quiet", options.quiet, "Prints nothing but errors");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    if (error.get_exit_code() == 0) {
      std::ostringstream out, err;
      app.exit(error, out, err);
      return std::variant<Options, Answered>(Answered{out.str()});
    }
    return Status::error(oneLine(error.what()), " (see fabric-run --help)");
  }

  if (weights->count() > 0 && options.weights.empty())
    return Status::error("--weights: expected a file, found nothing");
  if (options.steps == 0 && !options.outputDir.empty())
    return Status::error("--output-dir: expected --steps of at least 1, found "
                         "0, which has no results");
  if (profileSteps->count() > 0 && options.profile.empty())
    return Status::error("--profile-steps: expected --profile with it");
  if (options.profileSteps == 0)
    return Status::error("--profile-steps: expected at least 1, found 0");
  if (!options.profile.empty() && options.steps < 2)
    return Status::error("--profile: expected --steps of at least 2, for the "
                         "first is not profiled, found ",
                         options.steps);
  if (commOption->count() > 0)
    options.comm = comm;
  for (const std::string &text : sets) {
    auto scalar = parseScalar(text);
    if (scalar.failed())
      return scalar.status();
    if (!options.scalars.insert(*scalar).second)
      return Status::error("--set: expected ", scalar->first,
                           " once, found it twice");
  }
  if (lr) {
    if (!std::isfinite(*lr))
      return Status::error("--lr: expected a finite number");
    if (!options.scalars.emplace("lr", *lr).second)
      return Status::error("--lr and --set=lr are both given");
  }
  return std::variant<Options, Answered>(options);
}

} // namespace fabric::run
