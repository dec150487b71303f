//===- FileHooks.h - A run on files -----------------------------*- C++ -*-===//

#ifndef FABRIC_TOOLS_FABRICRUN_FILEHOOKS_H
#define FABRIC_TOOLS_FABRICRUN_FILEHOOKS_H

#include "runtime/Checkpoint/Safetensors.h"
#include "runtime/Data/DataSource.h"
#include "runtime/Executor/Runner.h"
#include "tools/fabric-run/Console.h"

#include <memory>
#include <optional>

namespace fabric::run {

/// Parameters and data as the flags say, results into files. Serves all ranks
/// of a process.
class FileHooks final : public runtime::RunHooks {
public:
  /// Opens and checks what is read. The plan and the options outlive it.
  static Expected<std::unique_ptr<FileHooks>> open(const Options &options,
                                                   const plan::Plan &plan);

  /// What a person should know before the run starts.
  const std::vector<std::string> &notes() const { return data->notes(); }

  Status loadParameter(const plan::Parameter &parameter, int64_t rank,
                       void *shard) override;
  Status readInput(const plan::Input &input, int64_t step, const Box &box,
                   void *shard) override;
  void remark(const runtime::Program &program,
              const std::string &text) override;
  Status afterStep(const runtime::Program &program,
                   const runtime::StepReport &report) override;
  Status afterProfile(const runtime::Profile &profile,
                      comm::Communicator &communicator) override;
  Status atEnd(const runtime::Program &program,
               comm::Communicator &communicator) override;

private:
  FileHooks(const Options &options, const plan::Plan &plan)
      : options(options), plan(plan), console(options, plan) {}

  const Options &options;
  const plan::Plan &plan;
  std::optional<checkpoint::SafetensorsReader> weights;
  std::unique_ptr<data::DataSource> data;
  Console console; ///< Of rank 0's thread.
};

} // namespace fabric::run

#endif // FABRIC_TOOLS_FABRICRUN_FILEHOOKS_H
