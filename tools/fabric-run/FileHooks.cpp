//===- FileHooks.cpp - A run on files -------------------------------------===//

#include "tools/fabric-run/FileHooks.h"
#include "runtime/Checkpoint/Weights.h"
#include "runtime/Executor/ResultFiles.h"
#include "runtime/Executor/TraceFile.h"
#include "runtime/Plan/Initialize.h"
#include "runtime/Support/File.h"

#include <algorithm>
#include <charconv>

namespace fabric::run {

Expected<std::unique_ptr<FileHooks>> FileHooks::open(const Options &options,
                                                     const plan::Plan &plan) {
  std::unique_ptr<FileHooks> hooks(new FileHooks(options, plan));
  if (!options.weights.empty()) {
    FABRIC_ASSIGN_OR_RETURN(
        auto reader, checkpoint::SafetensorsReader::open(options.weights));
    FABRIC_RETURN_IF_ERROR(checkpoint::checkWeights(reader, plan));
    hooks->weights.emplace(std::move(reader));
  }
  FABRIC_ASSIGN_OR_RETURN(
      hooks->data, data::DataSource::open(options.data, plan, options.seed));
  return hooks;
}

Status FileHooks::loadParameter(const plan::Parameter &parameter, int64_t rank,
                                void *shard) {
  if (weights)
    return checkpoint::readParameter(*weights, plan.mesh, parameter, rank,
                                     shard);
  return plan::initializeParameter(parameter, plan.mesh, rank, options.seed,
                                   shard);
}

Status FileHooks::readInput(const plan::Input &input, int64_t step,
                            const Box &box, void *shard) {
  return data->read(input.name, step, box, shard);
}

void FileHooks::remark(const runtime::Program &program,
                       const std::string &text) {
  if (program.rank() == 0 && !options.quiet)
    note(text);
}

Status FileHooks::afterStep(const runtime::Program &program,
                            const runtime::StepReport &report) {
  if (program.rank() != 0)
    return Status::success();
  return console.step(report, program.memoryUse().arenas);
}

Status FileHooks::afterProfile(const runtime::Profile &profile,
                               comm::Communicator &communicator) {
  FABRIC_ASSIGN_OR_RETURN(auto ranks, profile.gather(communicator));
  Status written = Status::success();
  if (communicator.rank() == 0)
    written =
        writeFileAtomically(options.profile, runtime::traceText(plan, ranks));
  return communicator.agree(written);
}

Status FileHooks::atEnd(const runtime::Program &program,
                        comm::Communicator &communicator) {
  if (!options.outputDir.empty())
    FABRIC_RETURN_IF_ERROR(
        runtime::writeOutputs(program, communicator, options.outputDir));
  if (!options.save.empty())
    FABRIC_RETURN_IF_ERROR(
        runtime::writeParameters(program, communicator, options.save));

  // The most that any rank holds.
  runtime::MemoryUse use = program.memoryUse();
  FABRIC_ASSIGN_OR_RETURN(
      auto all, communicator.exchange(std::to_string(use.arenas) + " " +
                                      std::to_string(use.scratch)));
  for (const std::string &text : all) {
    runtime::MemoryUse other;
    const char *end = text.data() + text.size();
    const char *next = std::from_chars(text.data(), end, other.arenas).ptr;
    std::from_chars(std::min(next + 1, end), end, other.scratch);
    use.arenas = std::max(use.arenas, other.arenas);
    use.scratch = std::max(use.scratch, other.scratch);
  }
  if (program.rank() == 0) {
    console.results(program);
    console.memory(use);
  }
  return Status::success();
}

} // namespace fabric::run
