//===- Launch.cpp - Who started this process, and as which rank -----------===//

#include "runtime/Executor/Launch.h"
#include "runtime/Plan/Sharding.h"

#include <charconv>
#include <cstring>
#include <numeric>
#include <vector>

namespace fabric::runtime {
namespace {

/// A launcher and the variables that it sets.
struct Source {
  const char *launcher, *rank, *size, *localSize, *localRank;
};

constexpr Source openMpi = {
    "mpirun", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
    "OMPI_COMM_WORLD_LOCAL_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"};
constexpr Source pmi = {"PMI's launcher", "PMI_RANK", "PMI_SIZE", nullptr,
                        "MPI_LOCALRANKID"};
constexpr Source slurm = {"srun", "SLURM_PROCID", "SLURM_NTASKS", nullptr,
                          "SLURM_LOCALID"};
constexpr Source torchrun = {"torchrun", "RANK", "WORLD_SIZE",
                             "LOCAL_WORLD_SIZE", "LOCAL_RANK"};

/// A source whose variables are set.
struct Found {
  Source source;
  int64_t rank, size, localSize, localRank;
};

Expected<int64_t> parseNumber(const char *name, const char *text) {
  int64_t value = 0;
  const char *end = text + std::strlen(text);
  auto [last, error] = std::from_chars(text, end, value);
  if (error != std::errc() || last != end || value < 0)
    return Status::error("variable ", name, ": expected a number, found '",
                         text, "'");
  return value;
}

Expected<std::optional<Found>> find(const Source &source,
                                    const Environment &environment) {
  const char *rank = environment(source.rank);
  const char *size = environment(source.size);
  if (!rank || !size)
    return std::optional<Found>();
  Found found{source, 0, 1, 1, 0};
  FABRIC_ASSIGN_OR_RETURN(found.rank, parseNumber(source.rank, rank));
  FABRIC_ASSIGN_OR_RETURN(found.size, parseNumber(source.size, size));
  found.localSize = found.size;
  const char *local =
      source.localSize ? environment(source.localSize) : nullptr;
  if (local) {
    FABRIC_ASSIGN_OR_RETURN(found.localSize,
                            parseNumber(source.localSize, local));
  }
  // Of all ranks on one machine, where nothing else is said.
  found.localRank = found.rank;
  if (const char *local = environment(source.localRank)) {
    FABRIC_ASSIGN_OR_RETURN(found.localRank,
                            parseNumber(source.localRank, local));
  }
  if (found.size < 1 || found.rank >= found.size)
    return Status::error("variables ", source.rank, "=", rank, " and ",
                         source.size, "=", size, " disagree");
  return std::optional<Found>(found);
}

std::string spell(const char *name, int64_t value) {
  return std::string(name) + "=" + std::to_string(value);
}

Status checkAgreement(const std::vector<Found> &all) {
  for (const Found &other : all) {
    const Found &first = all.front();
    if (other.size != first.size)
      return Status::error("variables ", spell(first.source.size, first.size),
                           " and ", spell(other.source.size, other.size),
                           " disagree: unset one of them");
    if (other.rank != first.rank)
      return Status::error("variables ", spell(first.source.rank, first.rank),
                           " and ", spell(other.source.rank, other.rank),
                           " disagree: unset one of them");
  }
  return Status::success();
}

Status findMaster(const Environment &environment, Launch &launch) {
  const char *host = environment("MASTER_ADDR");
  const char *port = environment("MASTER_PORT");
  for (auto [name, value] :
       {std::pair("MASTER_ADDR", host), std::pair("MASTER_PORT", port)})
    if (!value || !*value)
      return Status::error("variables RANK and WORLD_SIZE are set and ", name,
                           " is not: it says where the ranks meet");
  FABRIC_ASSIGN_OR_RETURN(int64_t number, parseNumber("MASTER_PORT", port));
  // There torchrun's own agent listens already.
  const char *agent = environment("TORCHELASTIC_USE_AGENT_STORE");
  if (agent && std::string_view(agent) == "True")
    ++number;
  if (number < 1 || number > 65535)
    return Status::error("variable MASTER_PORT: expected a port from 1 to "
                         "65535, found '",
                         port, "'");
  launch.masterHost = host;
  launch.masterPort = static_cast<int>(number);
  return Status::success();
}

} // namespace

Expected<Launch> detectLaunch(const std::optional<std::string> &comm,
                              const Environment &environment) {
  if (comm && *comm != "local" && *comm != "mpi" && *comm != "nccl")
    return Status::error("--comm: expected local, mpi or nccl, found '", *comm,
                         "'");

  std::vector<Found> found;
  for (const Source &source : {openMpi, pmi, slurm, torchrun}) {
    // Slurm sets its variables for batch scripts, too: only with PMI beside
    // them do they say that this process is one rank of an MPI job.
    if (source.launcher == slurm.launcher && !environment("PMI_SIZE") &&
        !environment("PMIX_RANK"))
      continue;
    FABRIC_ASSIGN_OR_RETURN(std::optional<Found> one,
                            find(source, environment));
    if (one)
      found.push_back(*one);
  }

  Launch launch;
  launch.asked = comm;
  if (found.empty()) {
    launch.comm = comm == "mpi" ? CommKind::Mpi : CommKind::Local;
    return launch;
  }
  FABRIC_RETURN_IF_ERROR(checkAgreement(found));
  const Found &first = found.front();
  if (comm == "local" && first.size > 1)
    return Status::error("--comm=local and variable ",
                         spell(first.source.size, first.size),
                         " disagree: local runs all ranks in one process");
  if (comm == "local")
    return launch;
  bool meets = first.source.launcher == torchrun.launcher;
  if (meets && comm == "mpi")
    return Status::error(
        "--comm=mpi and variable ", spell("WORLD_SIZE", first.size),
        " of torchrun disagree: start with mpirun -n ", first.size);
  if (meets && first.size > 1)
    FABRIC_RETURN_IF_ERROR(findMaster(environment, launch));
  launch.comm = meets ? CommKind::Tcp : CommKind::Mpi;
  launch.rank = first.rank;
  launch.size = first.size;
  launch.localSize = first.localSize;
  launch.localRank = first.localRank;
  launch.launcher = first.source.launcher;
  return launch;
}

std::optional<Launch> startedByMpi(const Environment &environment) {
  auto found = find(openMpi, environment);
  if (found.failed() || !*found)
    return std::nullopt;
  Launch launch;
  launch.comm = CommKind::Mpi;
  launch.rank = (*found)->rank;
  launch.size = (*found)->size;
  launch.localSize = (*found)->localSize;
  launch.launcher = openMpi.launcher;
  return launch;
}

Expected<bool> choosesNccl(const plan::Plan &plan, const Launch &launch,
                           int numGpus) {
  int64_t ranks = plan.mesh.numRanks();
  if (plan.target.kind != "cuda") {
    if (launch.asked == "nccl")
      return Status::error("--comm=nccl moves data between GPUs and the plan "
                           "is for the ",
                           plan.target.kind);
    if (launch.comm == CommKind::Tcp && ranks > 1)
      return Status::error("ranks of torchrun move data between GPUs and the "
                           "plan is for the ",
                           plan.target.kind, ": start it with mpirun -n ",
                           ranks);
    return false;
  }
  if (launch.comm != CommKind::Local) {
    if (launch.asked == "mpi")
      return Status::error("--comm=mpi moves data between hosts and the plan "
                           "is for cuda: expected nccl");
    if (launch.localRank >= numGpus)
      return Status::error("rank ", launch.rank, " is number ",
                           launch.localRank,
                           " of its machine, counted from 0, which has GPUs "
                           "for ",
                           numGpus, " ranks");
    return true;
  }
  if (launch.asked == "nccl" && numGpus < ranks)
    return Status::error("--comm=nccl needs a GPU for each of the plan's ",
                         ranks, " ranks and this machine has ", numGpus,
                         ": --comm=local runs them all on one");
  return launch.asked == "nccl" ||
         (!launch.asked && numGpus >= ranks && ranks > 1);
}

Status checkWorldSize(const plan::Mesh &mesh, const Launch &launch,
                      int64_t size) {
  int64_t needed = mesh.numRanks();
  if (launch.comm == CommKind::Local || size == needed)
    return Status::success();
  std::string recompile = "the mesh to " + std::to_string(size) + " ranks";
  if (mesh.axes.size() == 2 && mesh.axes[0].name == "dp" &&
      mesh.axes[1].name == "tp") {
    // As much tensor parallelism as before, where it divides.
    int64_t tpSize = std::gcd(mesh.axes[1].size, size);
    recompile = "with fabric-compile --dp=" + std::to_string(size / tpSize) +
                " --tp=" + std::to_string(tpSize);
  }
  return Status::error("the plan's mesh ", plan::toString(mesh), " needs ",
                       needed, " ranks and ",
                       launch.launcher.empty() ? "MPI" : launch.launcher,
                       " started ", size, ": start ", needed,
                       launch.comm == CommKind::Mpi
                           ? " (mpirun -n " + std::to_string(needed) + ")"
                           : "",
                       ", or recompile ", recompile);
}

} // namespace fabric::runtime
