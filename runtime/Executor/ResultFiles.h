//===- ResultFiles.h - Results and parameters as files ----------*- C++ -*-===//
//
// Files that all ranks write together, each its own pieces. A file appears
// under its name when it is complete; on any failure nothing is left of it.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_EXECUTOR_RESULTFILES_H
#define FABRIC_RUNTIME_EXECUTOR_RESULTFILES_H

#include "runtime/Executor/Program.h"

#include <string>

namespace fabric::runtime {

/// The file of an output: "<folder>/<name>.npy".
std::string outputPath(const std::string &folder, const plan::Output &output);

/// The folder of the results. One that did not exist is removed again with this
/// object where nothing has been put into it.
class ResultFolder {
public:
  ResultFolder() = default;
  ResultFolder(ResultFolder &&other) noexcept;
  ResultFolder &operator=(ResultFolder &&) = delete;
  ~ResultFolder();

  /// Makes the folder if it is not there (not its parents), and fails where an
  /// output of the plan could not be written to it.
  static Expected<ResultFolder> prepare(const std::string &path,
                                        const plan::Plan &plan);

private:
  std::string created; ///< Empty where it was there.
};

/// Fails where a file could not be written, and leaves nothing.
Status checkWritable(const std::string &path);

/// Called by all ranks: writes every output as an array in its global shape. An
/// output of bf16 becomes f32, for NumPy has no bf16.
Status writeOutputs(const Program &program, comm::Communicator &communicator,
                    const std::string &folder);

/// Called by all ranks: writes all parameters as one safetensors file.
Status writeParameters(const Program &program, comm::Communicator &communicator,
                       const std::string &path);

} // namespace fabric::runtime

#endif // FABRIC_RUNTIME_EXECUTOR_RESULTFILES_H
