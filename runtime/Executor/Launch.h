//===- Launch.h - Who started this process, and as which rank ---*- C++ -*-===//
//
// Without a launcher all ranks of the mesh run in this process. mpirun and srun
// say in the environment that this process is one rank of many.
//
//   who             variables                            served by
//   mpirun          OMPI_COMM_WORLD_RANK, _SIZE          mpi
//   another PMI     PMI_RANK, PMI_SIZE                   mpi
//   srun            SLURM_PROCID, SLURM_NTASKS, with     mpi
//                   PMI_SIZE or PMIX_RANK beside them
//   torchrun        RANK, WORLD_SIZE, LOCAL_RANK,        tcp, for plans on GPUs
//                   MASTER_ADDR, MASTER_PORT
//
// On GPUs, ranks of every kind move data over NCCL where each has one.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_EXECUTOR_LAUNCH_H
#define FABRIC_RUNTIME_EXECUTOR_LAUNCH_H

#include "runtime/Plan/Plan.h"
#include "runtime/Support/Status.h"

#include <functional>
#include <optional>
#include <string>

namespace fabric::runtime {

enum class CommKind { Local, Mpi, Tcp };

struct Launch {
  CommKind comm = CommKind::Local;
  /// What the user asked for: "local", "mpi", "nccl".
  std::optional<std::string> asked;
  /// Of this process; 0 of 1 where there is no launcher.
  int64_t rank = 0;
  int64_t size = 1;
  /// Of the processes on this machine, as far as the launcher says.
  int64_t localSize = 1;
  /// Of this process among them: the number of its GPU.
  int64_t localRank = 0;
  /// "mpirun", "srun", "torchrun"; empty without one.
  std::string launcher;
  /// Where the ranks meet that nothing else brings together.
  std::string masterHost;
  int masterPort = 0;
};

/// Like std::getenv.
using Environment = std::function<const char *(const char *name)>;

/// `comm` is what the user asked for: "local", "mpi", "nccl", or nothing. Fails
/// where two sources disagree, naming both, and where nothing here serves what
/// is asked for.
Expected<Launch> detectLaunch(const std::optional<std::string> &comm,
                              const Environment &environment);

/// The rank that an MPI launcher gave to this process, whatever else is said:
/// where detectLaunch fails, its ranks still have to agree on who reports it.
std::optional<Launch> startedByMpi(const Environment &environment);

/// Whether the ranks move data over NCCL: on GPUs, where each rank has one, or
/// where it was asked for. `numGpus` are those of this machine. Fails where
/// what was asked for cannot be.
Expected<bool> choosesNccl(const plan::Plan &plan, const Launch &launch,
                           int numGpus);

/// Fails unless `size` processes are what the plan's mesh needs (or all its
/// ranks run in this one), and says how to start or recompile.
Status checkWorldSize(const plan::Mesh &mesh, const Launch &launch,
                      int64_t size);

} // namespace fabric::runtime

#endif // FABRIC_RUNTIME_EXECUTOR_LAUNCH_H
