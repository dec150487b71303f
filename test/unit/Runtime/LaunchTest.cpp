//===- LaunchTest.cpp - Who started this process --------------------------===//

#include "StatusMatchers.h"

#include "runtime/Executor/Launch.h"

#include <map>

using namespace fabric;
using namespace fabric::runtime;
using namespace fabric::test;

namespace {

using Variables = std::map<std::string, std::string>;

Expected<Launch> detect(const Variables &variables,
                        std::optional<std::string> comm = {}) {
  return detectLaunch(comm, [&](const char *name) -> const char * {
    auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

const Variables mpirun = {{"OMPI_COMM_WORLD_RANK", "2"},
                          {"OMPI_COMM_WORLD_SIZE", "4"},
                          {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                          {"OMPI_COMM_WORLD_LOCAL_RANK", "1"}};
const Variables torchrun = {{"RANK", "1"},
                            {"WORLD_SIZE", "4"},
                            {"LOCAL_RANK", "0"},
                            {"MASTER_ADDR", "node7"},
                            {"MASTER_PORT", "29500"}};

Variables with(Variables all, const Variables &more) {
  all.insert(more.begin(), more.end());
  return all;
}

TEST(Launch, WithoutALauncher) {
  auto launch = detect({});
  ASSERT_TRUE(succeeded(launch));
  EXPECT_EQ(launch->comm, CommKind::Local);
  launch = detect({}, "mpi");
  ASSERT_TRUE(succeeded(launch));
  EXPECT_EQ(launch->comm, CommKind::Mpi);
  EXPECT_EQ(launch->size, 1);
}

TEST(Launch, LaunchersOfMpi) {
  for (auto comm : {std::optional<std::string>(), {"mpi"}}) {
    auto launch = detect(mpirun, comm);
    ASSERT_TRUE(succeeded(launch));
    EXPECT_EQ(launch->comm, CommKind::Mpi);
    EXPECT_EQ(launch->rank, 2);
    EXPECT_EQ(launch->size, 4);
    EXPECT_EQ(launch->localSize, 2);
    EXPECT_EQ(launch->localRank, 1);
    EXPECT_EQ(launch->launcher, "mpirun");
  }
  auto launch = detect({{"PMI_RANK", "0"}, {"PMI_SIZE", "3"}});
  ASSERT_TRUE(succeeded(launch));
  EXPECT_EQ(launch->size, 3);

  Variables batch = {{"SLURM_PROCID", "1"}, {"SLURM_NTASKS", "8"}};
  launch = detect(batch);
  ASSERT_TRUE(succeeded(launch));
  EXPECT_EQ(launch->comm, CommKind::Local) << "a batch script is no rank";
  launch = detect(with(batch, {{"PMIX_RANK", "1"}}));
  ASSERT_TRUE(succeeded(launch));
  EXPECT_EQ(launch->comm, CommKind::Mpi);
  EXPECT_EQ(launch->launcher, "srun");
  EXPECT_EQ(launch->size, 8);
}

TEST(Launch, WhatNothingServes) {
  EXPECT_TRUE(failedWith(detect({}, "gloo"), "found 'gloo'"));
  EXPECT_TRUE(failedWith(detect(torchrun, "mpi"),
                         "--comm=mpi and variable WORLD_SIZE=4 of torchrun"));
}

TEST(Launch, Torchrun) {
  for (auto comm : {std::optional<std::string>(), {"nccl"}}) {
    auto launch = detect(torchrun, comm);
    ASSERT_TRUE(succeeded(launch));
    EXPECT_EQ(launch->comm, CommKind::Tcp);
    EXPECT_EQ(launch->rank, 1);
    EXPECT_EQ(launch->size, 4);
    EXPECT_EQ(launch->localRank, 0);
    EXPECT_EQ(launch->launcher, "torchrun");
    EXPECT_EQ(launch->masterHost, "node7");
    EXPECT_EQ(launch->masterPort, 29500);
  }
  // Where torchrun's agent listens itself, the ranks meet next to it.
  auto launch =
      detect(with(torchrun, {{"TORCHELASTIC_USE_AGENT_STORE", "True"}}));
  ASSERT_TRUE(succeeded(launch));
  EXPECT_EQ(launch->masterPort, 29501);
  // One rank has nobody to meet.
  EXPECT_TRUE(succeeded(detect({{"RANK", "0"}, {"WORLD_SIZE", "1"}})));
}

TEST(Launch, TorchrunThatDoesNotSayWhere) {
  Variables rank = {{"RANK", "1"}, {"WORLD_SIZE", "4"}};
  EXPECT_TRUE(failedWith(detect(rank), "MASTER_ADDR is not"));
  rank["MASTER_ADDR"] = "node7";
  EXPECT_TRUE(failedWith(detect(rank), "MASTER_PORT is not"));
  for (const char *port : {"0", "65536"}) {
    rank["MASTER_PORT"] = port;
    EXPECT_TRUE(failedWith(detect(rank), "expected a port from 1 to 65535"));
  }
  rank["MASTER_PORT"] = "http";
  EXPECT_TRUE(failedWith(detect(rank), "expected a number, found 'http'"));
}

TEST(Launch, SourcesThatDisagree) {
  EXPECT_TRUE(
      failedWith(detect(with(mpirun, torchrun)),
                 "variables OMPI_COMM_WORLD_RANK=2 and RANK=1 disagree"));
  EXPECT_TRUE(
      failedWith(detect(with(mpirun, {{"RANK", "2"}, {"WORLD_SIZE", "8"}})),
                 "variables OMPI_COMM_WORLD_SIZE=4 and WORLD_SIZE=8 disagree"));
  // Torch's variables that say the same change nothing.
  EXPECT_TRUE(
      succeeded(detect(with(mpirun, {{"RANK", "2"}, {"WORLD_SIZE", "4"}}))));
  EXPECT_TRUE(
      failedWith(detect(mpirun, "local"),
                 "--comm=local and variable OMPI_COMM_WORLD_SIZE=4 disagree"));
  EXPECT_TRUE(failedWith(detect(torchrun, "local"), "WORLD_SIZE=4 disagree"));
  EXPECT_TRUE(succeeded(
      detect({{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "1"}},
             "local")));
  EXPECT_TRUE(
      failedWith(detect({{"RANK", "4"}, {"WORLD_SIZE", "4"}}), "disagree"));
  EXPECT_TRUE(failedWith(detect({{"RANK", "0"}, {"WORLD_SIZE", "4x"}}),
                         "WORLD_SIZE: expected a number, found '4x'"));
}

TEST(Launch, RanksThatContradictionsStillHave) {
  Variables variables = with(mpirun, torchrun);
  auto launch = startedByMpi([&](const char *name) -> const char * {
    auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
  ASSERT_TRUE(launch.has_value());
  EXPECT_EQ(launch->rank, 2);
  EXPECT_FALSE(startedByMpi([](const char *) { return nullptr; }));
}

TEST(Launch, WhoUsesNccl) {
  plan::Plan plan;
  plan.mesh = {{{"dp", 2}, {"tp", 2}}};
  Launch launch;
  auto chooses = [&](int numGpus) {
    auto chosen = choosesNccl(plan, launch, numGpus);
    EXPECT_TRUE(succeeded(chosen));
    return chosen.ok() && *chosen;
  };
  EXPECT_FALSE(chooses(8)) << "a plan for the cpu";
  launch.asked = "nccl";
  EXPECT_TRUE(failedWith(choosesNccl(plan, launch, 8),
                         "between GPUs and the plan is for the cpu"));

  launch.asked.reset();
  launch.comm = CommKind::Tcp;
  EXPECT_TRUE(failedWith(choosesNccl(plan, launch, 8),
                         "the plan is for the cpu: start it with mpirun -n 4"));

  launch = {};
  launch.asked = "nccl";
  plan.target = {"cuda", "sm_90", {}};
  EXPECT_TRUE(chooses(4));
  EXPECT_TRUE(failedWith(choosesNccl(plan, launch, 3),
                         "each of the plan's 4 ranks and this machine has 3"));
  launch.asked.reset();
  EXPECT_TRUE(chooses(4));
  EXPECT_FALSE(chooses(3)) << "fewer GPUs than ranks share one";
  launch.asked = "local";
  EXPECT_FALSE(chooses(8));

  launch.asked.reset();
  launch.rank = 6;
  launch.localRank = 2;
  for (CommKind comm : {CommKind::Tcp, CommKind::Mpi}) {
    launch.comm = comm;
    EXPECT_TRUE(chooses(3));
    EXPECT_TRUE(failedWith(choosesNccl(plan, launch, 2),
                           "rank 6 is number 2 of its machine, counted from 0, "
                           "which has GPUs for 2 ranks"));
  }
  launch.asked = "mpi";
  EXPECT_TRUE(failedWith(choosesNccl(plan, launch, 8), "expected nccl"));
}

TEST(Launch, WorldsUnlikeTheMesh) {
  plan::Mesh mesh{{{"dp", 2}, {"tp", 4}}};
  Launch launch;
  EXPECT_TRUE(succeeded(checkWorldSize(mesh, launch, 1)));
  launch.comm = CommKind::Mpi;
  launch.launcher = "mpirun";
  EXPECT_TRUE(succeeded(checkWorldSize(mesh, launch, 8)));
  EXPECT_TRUE(failedWith(checkWorldSize(mesh, launch, 6),
                         "needs 8 ranks and mpirun started 6: start 8 (mpirun "
                         "-n 8), or recompile with fabric-compile --dp=3 "
                         "--tp=2"));
  mesh.axes[0].name = "x";
  EXPECT_TRUE(failedWith(checkWorldSize(mesh, launch, 6), "the mesh to 6"));
}

} // namespace
