//===- ResultFiles.cpp - Results and parameters as files ------------------===//

#include "runtime/Executor/ResultFiles.h"
#include "runtime/Checkpoint/Npy.h"
#include "runtime/Checkpoint/Safetensors.h"
#include "runtime/Checkpoint/Weights.h"
#include "runtime/Plan/Padding.h"
#include "runtime/Plan/Sharding.h"

#include <cerrno>
#include <cstring>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

namespace fabric::runtime {
namespace {

/// The protocol of checkpoint::SharedFile: rank 0 creates and commits, all open
/// and write. Ranks agree after each, so that a failure of one leaves nothing.
template <typename Writer, typename Create, typename Open, typename Write>
Status writeTogether(comm::Communicator &communicator, Create create, Open open,
                     Write write) {
  std::optional<Writer> writer;
  auto keep = [&](Expected<Writer> made) {
    if (made.failed())
      return made.status();
    writer.emplace(std::move(*made));
    return Status::success();
  };
  bool first = communicator.rank() == 0;
  FABRIC_RETURN_IF_ERROR(
      communicator.agree(first ? keep(create()) : Status::success()));
  FABRIC_RETURN_IF_ERROR(
      communicator.agree(first ? Status::success() : keep(open())));
  Status written = write(*writer);
  if (written.ok())
    written = writer->flush();
  FABRIC_RETURN_IF_ERROR(communicator.agree(written));
  return communicator.agree(first ? writer->commit() : Status::success());
}

plan::DType fileDType(plan::DType dtype) {
  return dtype == plan::DType::BF16 ? plan::DType::F32 : dtype;
}

Status writeOutput(const checkpoint::NpyWriter &writer, const Program &program,
                   const plan::Output &output) {
  const plan::Mesh &mesh = program.plan().mesh;
  if (!plan::isFirstHolder(mesh, output.sharding, program.rank()))
    return Status::success();
  plan::PaddedShard part(mesh, output.sharding, output.shape,
                         output.paddedShape, program.rank());
  auto writeElements = [&](const Box &box, const void *elements) -> Status {
    plan::DType dtype = fileDType(output.dtype);
    if (dtype == output.dtype)
      return writer.writeShard(box, elements);
    std::vector<std::byte> converted(box.numElements() *
                                     plan::byteWidth(dtype));
    FABRIC_RETURN_IF_ERROR(checkpoint::convertElements(
        output.dtype, elements, dtype, converted.data(), box.numElements()));
    return writer.writeShard(box, converted.data());
  };
  return program.download(output.buffer, [&](const void *shard) {
    return part.drain(output.dtype, shard, writeElements);
  });
}

} // namespace

std::string outputPath(const std::string &folder, const plan::Output &output) {
  return folder + "/" + output.name + ".npy";
}

ResultFolder::ResultFolder(ResultFolder &&other) noexcept
    : created(std::exchange(other.created, "")) {}

ResultFolder::~ResultFolder() {
  if (!created.empty())
    ::rmdir(created.c_str()); // Fails, as it should, where files are in it.
}

Expected<ResultFolder> ResultFolder::prepare(const std::string &path,
                                             const plan::Plan &plan) {
  ResultFolder folder;
  if (::mkdir(path.c_str(), 0777) == 0)
    folder.created = path;
  else if (errno != EEXIST)
    return Status::error(path,
                         ": cannot make this folder: ", std::strerror(errno));
  struct stat info;
  if (::stat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
    return Status::error(path, ": expected a folder, found a file");
  for (const plan::Output &output : plan.outputs) {
    if (output.name.find('/') != std::string::npos)
      return Status::error("output '", output.name,
                           "': its name cannot be the name of a file");
    FABRIC_RETURN_IF_ERROR(checkWritable(outputPath(path, output)));
  }
  return folder;
}

Status checkWritable(const std::string &path) {
  FABRIC_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  return Status::success();
}

Status writeOutputs(const Program &program, comm::Communicator &communicator,
                    const std::string &folder) {
  using checkpoint::NpyWriter;
  for (const plan::Output &output : program.plan().outputs) {
    std::string path = outputPath(folder, output);
    plan::DType dtype = fileDType(output.dtype);
    FABRIC_RETURN_IF_ERROR(writeTogether<NpyWriter>(
        communicator,
        [&] { return NpyWriter::create(path, dtype, output.shape); },
        [&] { return NpyWriter::openExisting(path, dtype, output.shape); },
        [&](const NpyWriter &writer) {
          return writeOutput(writer, program, output);
        }));
  }
  return Status::success();
}

Status writeParameters(const Program &program, comm::Communicator &communicator,
                       const std::string &path) {
  using checkpoint::SafetensorsWriter;
  const plan::Plan &plan = program.plan();
  auto tensors = checkpoint::weightsOf(plan);
  return writeTogether<SafetensorsWriter>(
      communicator, [&] { return SafetensorsWriter::create(path, tensors); },
      [&] { return SafetensorsWriter::openExisting(path, tensors); },
      [&](const SafetensorsWriter &writer) -> Status {
        for (const plan::Parameter &parameter : plan.parameters)
          FABRIC_RETURN_IF_ERROR(
              program.download(parameter.buffer, [&](const void *shard) {
                return checkpoint::writeParameter(writer, plan.mesh, parameter,
                                                  program.rank(), shard);
              }));
        return Status::success();
      });
}

} // namespace fabric::runtime
