//===- fabric-run.cpp - Runs a plan ---------------------------------------===//
//
// Without a launcher all ranks are threads of this process; under mpirun, srun
// or torchrun this process is one rank. Either way every rank does the same:
// see runRank.
//
//===----------------------------------------------------------------------===//

#include "runtime/Comm/LocalCommunicator.h"
#include "runtime/Comm/MpiCommunicator.h"
#include "runtime/Comm/NcclCommunicator.h"
#include "runtime/Comm/TcpCommunicator.h"
#include "runtime/Executor/Launch.h"
#include "runtime/Executor/PlanGemms.h"
#include "runtime/Executor/ResultFiles.h"
#include "runtime/Plan/PlanPrinter.h"
#include "runtime/Plan/PlanReader.h"
#include "tools/fabric-run/Console.h"
#include "tools/fabric-run/FileHooks.h"
#include "tools/fabric-run/Options.h"

#include <cstdlib>
#include <exception>

using namespace fabric;
using namespace fabric::run;

namespace {

/// What a process needs besides its ranks.
struct Job {
  plan::Plan plan;
  std::shared_ptr<device::Device> device;
  std::shared_ptr<device::Module> module;
  std::unique_ptr<FileHooks> hooks;
  std::shared_ptr<const kernels::GemmChoices> gemms; ///< Null: by heuristic.
  runtime::RunOptions run;
  /// Then each rank has a GPU, and loads the code there itself.
  bool overNccl = false;
};

comm::CommOptions commOptions(const Options &options) {
  comm::CommOptions result;
  result.timeout = std::chrono::milliseconds(
      static_cast<int64_t>(options.timeoutSeconds * 1000));
  return result;
}

/// The flag, or what OpenMP's users set, or the cores shared among the ranks.
int threadsOfRank(const Options &options, int64_t ranksHere) {
  if (options.threads > 0)
    return options.threads;
  const char *wanted = std::getenv("OMP_NUM_THREADS");
  int threads = wanted ? std::atoi(wanted) : 0;
  return threads > 0 ? threads
                     : runtime::defaultThreads(static_cast<int>(ranksHere));
}

/// The GPU with this number, or the cpu, as the plan says.
Expected<std::shared_ptr<device::Device>> openDevice(const Job &job,
                                                     int64_t ordinal) {
  FABRIC_ASSIGN_OR_RETURN(
      auto device,
      device::createDevice(job.plan.target, static_cast<int>(ordinal)));
  if (job.gemms)
    FABRIC_RETURN_IF_ERROR(device->useGemms(job.gemms).in("--gemms"));
  return device;
}

/// Reads and checks everything that does not depend on the rank.
Expected<std::unique_ptr<Job>> prepare(const Options &options,
                                       const runtime::Launch &launch,
                                       int64_t worldSize) {
  auto job = std::make_unique<Job>();
  FABRIC_ASSIGN_OR_RETURN(job->plan, plan::readPlanFile(options.plan));
  FABRIC_RETURN_IF_ERROR(
      runtime::checkWorldSize(job->plan.mesh, launch, worldSize)
          .in(options.plan));
  FABRIC_ASSIGN_OR_RETURN(job->hooks, FileHooks::open(options, job->plan));
  if (!options.gemms.empty()) {
    FABRIC_ASSIGN_OR_RETURN(kernels::GemmChoices choices,
                            kernels::GemmChoices::read(options.gemms));
    job->gemms =
        std::make_shared<const kernels::GemmChoices>(std::move(choices));
  }
  // What the machine lacks comes before who gets what of it. Looking for GPUs
  // takes time that a plan for the cpu does not have to spend.
  auto any = device::createDevice(job->plan.target);
  if (any.failed())
    return any.status().in(options.plan);
  int numGpus = (*any)->kind() == "cuda" ? device::numCudaDevices() : 0;
  FABRIC_ASSIGN_OR_RETURN(job->overNccl,
                          runtime::choosesNccl(job->plan, launch, numGpus));
  auto device = openDevice(*job, launch.localRank);
  if (device.failed())
    return device.status().in(options.plan);
  job->device = *device;
  int64_t ranksHere = launch.comm == runtime::CommKind::Local
                          ? job->plan.mesh.numRanks()
                          : launch.localSize;
  job->run.steps = options.steps;
  job->run.scalars = options.scalars;
  job->run.threads = threadsOfRank(options, ranksHere);
  // Beside a GPU the host is idle; beside ranks on all of its cores it is not.
  job->run.readAhead =
      job->device->kind() != "cpu" || ranksHere < runtime::defaultThreads(1);
  job->run.replay = !options.noReplay;
  if (!options.profile.empty())
    job->run.profile = {.count = options.profileSteps};
  if (job->overNccl)
    return job;
  auto module = runtime::loadCode(job->plan, *job->device);
  if (module.failed())
    return module.status().in(options.plan);
  job->module = *module;
  return job;
}

/// On one rank for all: fails, before anything runs, where a result could not
/// be written.
Expected<runtime::ResultFolder> prepareResults(const Options &options,
                                               const plan::Plan &plan) {
  for (const std::string *path :
       {&options.save, &options.metrics, &options.profile})
    if (!path->empty())
      FABRIC_RETURN_IF_ERROR(runtime::checkWritable(*path));
  if (options.outputDir.empty())
    return runtime::ResultFolder();
  return runtime::ResultFolder::prepare(options.outputDir, plan);
}

void showNotes(const Options &options, const Job &job) {
  if (!options.quiet)
    for (const std::string &text : job.hooks->notes())
      note(text);
}

Status describe(const Options &options) {
  FABRIC_ASSIGN_OR_RETURN(plan::Plan plan, plan::readPlanFile(options.plan));
  std::fputs(plan::describePlan(plan).c_str(), stdout);
  return Status::success();
}

/// Searches for the fastest products, and keeps what it finds.
Status tuneGemms(const Options &options) {
  FABRIC_ASSIGN_OR_RETURN(plan::Plan plan, plan::readPlanFile(options.plan));
  FABRIC_RETURN_IF_ERROR(runtime::checkWritable(options.tuneGemms));
  FABRIC_ASSIGN_OR_RETURN(auto device, device::createDevice(plan.target));
  std::vector<kernels::GemmDesc> products = runtime::distinctGemms(plan);
  auto choices = device->searchGemms(products);
  if (choices.failed())
    return choices.status().in("--tune-gemms");
  if (!options.quiet)
    for (const kernels::GemmChoice &choice : choices->choices())
      std::printf("%s: %.1f us\n", kernels::describe(choice.desc).c_str(),
                  choice.microseconds);
  return choices->write(options.tuneGemms);
}

/// What is done in place of a run, if anything.
std::optional<std::function<Status()>> otherwise(const Options &options) {
  if (options.describe)
    return [&] { return describe(options); };
  if (!options.tuneGemms.empty())
    return [&] { return tuneGemms(options); };
  return std::nullopt;
}

/// As a rank with a GPU of its own.
Status runOverNccl(const Options &options, const Job &job, int64_t ordinal,
                   comm::Communicator &control) {
  std::shared_ptr<device::Device> device;
  std::shared_ptr<device::Module> module;
  std::unique_ptr<comm::Communicator> nccl;
  auto load = [&]() -> Status {
    FABRIC_ASSIGN_OR_RETURN(device, openDevice(job, ordinal));
    FABRIC_ASSIGN_OR_RETURN(module, runtime::loadCode(job.plan, *device));
    FABRIC_ASSIGN_OR_RETURN(nccl, comm::createNcclCommunicator(
                                      control, *device, commOptions(options)));
    return Status::success();
  };
  FABRIC_RETURN_IF_ERROR(control.agree(load().in(options.plan)));
  Status status =
      runtime::runRank(job.plan, *device, module, *nccl, job.run, *job.hooks);
  // Then all ranks have failed, and are to know it of each other here, too.
  return status.failed() && nccl->agreedOnFailure() ? control.agree(status)
                                                    : status;
}

Status runHere(const Options &options, const runtime::Launch &launch) {
  FABRIC_ASSIGN_OR_RETURN(std::unique_ptr<Job> job,
                          prepare(options, launch, 1));
  FABRIC_ASSIGN_OR_RETURN(runtime::ResultFolder folder,
                          prepareResults(options, job->plan));
  showNotes(options, *job);
  return runtime::runLocalRanks(
      static_cast<int>(job->plan.mesh.numRanks()), commOptions(options),
      [&](comm::Communicator &communicator) {
        if (job->overNccl)
          return runOverNccl(options, *job, communicator.rank(), communicator);
        return runtime::runRank(job->plan, *job->device, job->module,
                                communicator, job->run, *job->hooks);
      });
}

/// As one rank of many processes, with whatever went wrong before.
Status runAsRank(const Options &options, const runtime::Launch &launch,
                 const Status &before, comm::Communicator &communicator) {
  FABRIC_RETURN_IF_ERROR(communicator.agree(before));
  bool first = communicator.rank() == 0;
  if (auto other = otherwise(options))
    return communicator.agree(first ? (*other)() : Status::success());

  if (communicator.size() != launch.size)
    return communicator.agree(Status::error(
        launch.launcher, " started ", launch.size, " ranks and MPI finds ",
        communicator.size(), ": is it the launcher of another MPI?"));
  auto job = prepare(options, launch, communicator.size());
  FABRIC_RETURN_IF_ERROR(
      communicator.agree(job.ok() ? Status::success() : job.status()));
  plan::Plan &plan = (*job)->plan;

  FABRIC_ASSIGN_OR_RETURN(auto fingerprints,
                          communicator.exchange(plan.fingerprint));
  for (const std::string &other : fingerprints)
    if (other != fingerprints.front())
      return communicator.agree(
          Status::error(options.plan, ": the ranks have different plans"));

  Expected<runtime::ResultFolder> folder =
      first ? prepareResults(options, plan) : runtime::ResultFolder();
  FABRIC_RETURN_IF_ERROR(
      communicator.agree(folder.ok() ? Status::success() : folder.status()));
  if (first)
    showNotes(options, **job);
  if ((*job)->overNccl)
    return runOverNccl(options, **job, launch.localRank, communicator);
  return runtime::runRank(plan, *(*job)->device, (*job)->module, communicator,
                          (*job)->run, *(*job)->hooks);
}

/// What went wrong before the ranks were known, and the exit code for it.
struct Failure {
  Status status = Status::success();
  int code = 1;
};

/// Brings this process together with the others. `alone` holds a world of one
/// for the process that has none.
Expected<std::unique_ptr<comm::Communicator>>
meet(const Options &options, const runtime::Launch &launch,
     std::shared_ptr<comm::LocalWorld> &alone) {
  if (launch.comm == runtime::CommKind::Mpi)
    return comm::createMpiCommunicator(commOptions(options));
  if (launch.size > 1)
    return comm::createTcpCommunicator({launch.masterHost, launch.masterPort,
                                        static_cast<int>(launch.rank),
                                        static_cast<int>(launch.size)},
                                       commOptions(options));
  alone = comm::LocalWorld::create(1, commOptions(options));
  return alone->communicator(0);
}

int mainAsRank(const Options &options, const runtime::Launch &launch,
               const Failure &before) {
  std::shared_ptr<comm::LocalWorld> alone;
  auto communicator = meet(options, launch, alone);
  if (communicator.failed()) {
    // Over TCP the others may be elsewhere, and say something else.
    if (launch.rank == 0 || launch.comm == runtime::CommKind::Tcp)
      printError(communicator.message());
    return 1;
  }
  Status status = runAsRank(options, launch, before.status, **communicator);
  if (status.ok())
    return 0;
  if (!(*communicator)->agreedOnFailure()) {
    // Who has it from another rank leaves it to that one and to rank 0.
    if ((*communicator)->rank() == 0 || !(*communicator)->failure())
      printError(status.message());
    (*communicator)->abort(status);
    return 1;
  }
  // Printed before MPI is finalised, which waits for all: mpirun ends the
  // others once one of them has failed.
  if ((*communicator)->rank() == 0)
    printError(status.message());
  return before.status.failed() ? before.code : 1;
}

int runMain(int argc, char **argv) {
  runtime::Environment environment = [](const char *name) {
    return std::getenv(name);
  };
  Options options;
  Failure before;
  auto parsed = parseOptions(argc, argv);
  if (parsed.failed())
    before = {parsed.status(), 2};
  else if (auto *given = std::get_if<Options>(&*parsed))
    options = *given;

  auto launch = runtime::detectLaunch(options.comm, environment);
  if (parsed.ok() && std::holds_alternative<Answered>(*parsed)) {
    if (launch.failed() || launch->rank == 0)
      std::fputs(std::get<Answered>(*parsed).text.c_str(), stdout);
    return 0;
  }
  if (launch.failed() && before.status.ok())
    before.status = launch.status();
  if (launch.ok() && launch->comm != runtime::CommKind::Local)
    return mainAsRank(options, *launch, before);
  // A launcher that the flags or the environment contradict has started ranks
  // all the same: they have to agree on who says so.
  if (auto started = runtime::startedByMpi(environment);
      started && launch.failed())
    return mainAsRank(options, *started, before);

  Status status = before.status;
  auto other = otherwise(options);
  if (status.ok())
    status = other ? (*other)() : runHere(options, *launch);
  if (status.ok())
    return 0;
  printError(status.message());
  return before.status.failed() ? before.code : 1;
}

} // namespace

int main(int argc, char **argv) {
  try {
    return runMain(argc, argv);
  } catch (const std::exception &error) {
    printError(error.what());
    return 1;
  }
}
