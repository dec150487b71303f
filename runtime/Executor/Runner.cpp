//===- Runner.cpp - A run, as one rank sees it ----------------------------===//

#include "runtime/Executor/Runner.h"
#include "runtime/Comm/LocalCommunicator.h"
#include "runtime/Executor/InputReader.h"
#include "runtime/Support/Clock.h"
#include "runtime/Support/Float.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <sched.h>
#include <thread>

namespace fabric::runtime {
namespace {

double numberAt(plan::DType dtype, const void *address) {
  auto get = [address](auto value) {
    std::memcpy(&value, address, sizeof(value));
    return value;
  };
  switch (dtype) {
  case plan::DType::F32:
    return get(0.0f);
  case plan::DType::F64:
    return get(0.0);
  case plan::DType::BF16:
    return toDouble(get(BFloat16{}));
  case plan::DType::F16:
    return toDouble(get(Float16{}));
  default:
    return 0.0; // A loss is a float: verifyPlan.
  }
}

Status loadParameters(Program &program, RunHooks &hooks) {
  for (const plan::Parameter &parameter : program.plan().parameters)
    FABRIC_RETURN_IF_ERROR(program.upload(parameter.buffer, [&](void *shard) {
      return hooks.loadParameter(parameter, program.rank(), shard);
    }));
  return Status::success();
}

Expected<std::optional<double>> readLoss(const Program &program) {
  std::optional<double> loss;
  for (const plan::Output &output : program.plan().outputs)
    if (output.isLoss)
      FABRIC_RETURN_IF_ERROR(
          program.download(output.buffer, [&](const void *host) {
            loss = numberAt(output.dtype, host);
            return Status::success();
          }));
  return loss;
}

/// Whether the communicator offers what the plan needs.
Status checkNeeds(const plan::Plan &plan,
                  const comm::Communicator &communicator) {
  if (plan.needs.sharedMemory && !communicator.features().sharedMemory)
    return Status::error("the plan needs ranks that share memory, and those "
                         "of ",
                         communicator.name(),
                         " do not: compile it with --comm=any, or run it "
                         "without a launcher");
  return Status::success();
}

} // namespace

int defaultThreads(int ranksInProcess) {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cores =
      sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
  return std::max(1, cores / std::max(1, ranksInProcess));
}

Expected<std::shared_ptr<device::Module>> loadCode(const plan::Plan &plan,
                                                   device::Device &device) {
  auto section = plan.sections.find("code");
  if (section == plan.sections.end() || section->second.empty())
    return std::shared_ptr<device::Module>();
  return device.load(section->second);
}

Status runRank(const plan::Plan &plan, device::Device &device,
               std::shared_ptr<const device::Module> module,
               comm::Communicator &communicator, const RunOptions &options,
               RunHooks &hooks) {
  kernels::setThreadsOfRank(options.threads);
  int64_t rank = communicator.rank();

  // Every rank finds the same.
  if (Status unmet = checkNeeds(plan, communicator); unmet.failed())
    return communicator.agree(unmet);

  // Load: alone, then together.
  auto created = Program::create(plan, rank, device, std::move(module));
  Status status = created.ok() ? (*created)->overrideScalars(options.scalars)
                               : created.status();
  FABRIC_RETURN_IF_ERROR(communicator.agree(status));
  Program &program = **created;
  FABRIC_RETURN_IF_ERROR(program.connect(communicator));
  if (options.replay)
    if (Status cannot = program.replaySteps(); cannot.failed())
      hooks.remark(program, cannot.message());

  // Start.
  FABRIC_RETURN_IF_ERROR(communicator.agree(loadParameters(program, hooks)));

  // Steps.
  InputReader inputs(program, hooks, options.steps, options.readAhead);
  std::optional<Profile> profile;
  if (options.profile)
    profile.emplace(plan, *options.profile);
  for (int64_t step = 0; step < options.steps; ++step) {
    Profile *profiled = profile && profile->covers(step) ? &*profile : nullptr;
    int64_t begin = steadyNanoseconds();
    status = inputs.load(step);
    // Files may hold what no rank but their reader sees.
    if (!plan.inputs.empty())
      status = communicator.agree(status);
    FABRIC_RETURN_IF_ERROR(status);
    int64_t read = steadyNanoseconds();
    FABRIC_RETURN_IF_ERROR(program.step(step + 1, profiled));
    StepReport report;
    report.step = step + 1;
    FABRIC_ASSIGN_OR_RETURN(report.loss, readLoss(program));
    int64_t end = steadyNanoseconds();
    report.milliseconds = static_cast<double>(end - begin) / 1e6;
    FABRIC_RETURN_IF_ERROR(hooks.afterStep(program, report));
    if (!profiled)
      continue;
    profile->finish(step, {begin, end}, {begin, read});
    if (step + 1 == options.steps || !profile->covers(step + 1))
      FABRIC_RETURN_IF_ERROR(hooks.afterProfile(*profile, communicator));
  }

  // End. Nobody leaves before all are done.
  FABRIC_RETURN_IF_ERROR(hooks.atEnd(program, communicator));
  return communicator.agree(Status::success());
}

Status runLocalRanks(int size, const comm::CommOptions &options,
                     const std::function<Status(comm::Communicator &)> &body) {
  auto world = comm::LocalWorld::create(size, options);
  std::vector<std::optional<Status>> results(size);
  auto runOne = [&](int rank) {
    std::unique_ptr<comm::Communicator> communicator =
        world->communicator(rank);
    // The standard library throws where memory ends; nothing else does.
    try {
      results[rank] = body(*communicator);
    } catch (const std::exception &error) {
      results[rank] = Status::error("rank ", rank, ": ", error.what());
    }
    if (results[rank]->failed() && !communicator->agreedOnFailure())
      communicator->abort(*results[rank]);
  };
  std::vector<std::thread> threads;
  try {
    for (int rank = 0; rank < size; ++rank)
      threads.emplace_back(runOne, rank);
  } catch (const std::exception &error) {
    int rank = static_cast<int>(threads.size());
    world->poison(rank, Status::error("cannot start a thread for rank ", rank,
                                      ": ", error.what()));
  }
  for (std::thread &thread : threads)
    thread.join();
  if (std::optional<Status> first = world->firstFailure())
    return *first;
  for (const std::optional<Status> &result : results)
    FABRIC_RETURN_IF_ERROR(*result);
  return Status::success();
}

} // namespace fabric::runtime
