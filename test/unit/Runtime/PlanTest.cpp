//===- PlanTest.cpp - Plans to bytes and back -----------------------------===//

#include "StatusMatchers.h"
#include "TempFolder.h"
#include "TestPlan.h"

#include "runtime/Plan/PlanPrinter.h"
#include "runtime/Plan/PlanReader.h"
#include "runtime/Plan/PlanWriter.h"
#include "runtime/Plan/Sharding.h"
#include "runtime/Support/Sha256.h"

#include <nlohmann/json.hpp>

#include <cstring>

using namespace fabric;
using namespace fabric::plan;
using namespace fabric::test;
using nlohmann::json;
using Bytes = std::vector<std::byte>;

static Bytes bytesOf(const Plan &plan) {
  Expected<Bytes> bytes = writePlan(plan);
  EXPECT_TRUE(succeeded(bytes));
  return bytes.ok() ? *bytes : Bytes();
}

TEST(PlanFile, DTypesHaveNamesAndWidths) {
  for (auto [name, width] : {std::pair("f32", 4),
                             {"bf16", 2},
                             {"f16", 2},
                             {"f64", 8},
                             {"i8", 1},
                             {"i32", 4},
                             {"i64", 8},
                             {"bool", 1}}) {
    std::optional<DType> dtype = parseDType(name);
    ASSERT_TRUE(dtype.has_value()) << name;
    EXPECT_EQ(toString(*dtype), name);
    EXPECT_EQ(byteWidth(*dtype), width);
  }
  EXPECT_FALSE(parseDType("F32").has_value());
  EXPECT_FALSE(parseDType("").has_value());
}

TEST(PlanFile, RoundTrip) {
  Plan plan = makeTestPlan();
  Bytes bytes = bytesOf(plan);
  Expected<Plan> read = readPlan(bytes, "p.bin");
  ASSERT_TRUE(succeeded(read));
  // The writer is deterministic and drops nothing, so equal bytes prove equal
  // plans as far as it looks; the rest is looked at here.
  EXPECT_EQ(bytesOf(*read), bytes);
  EXPECT_EQ(bytesOf(plan), bytes);
  EXPECT_EQ(read->mode, Mode::Train);
  EXPECT_EQ(read->target.features, plan.target.features);
  EXPECT_EQ(read->mesh.axes[1].name, "tp");
  EXPECT_EQ(read->options, plan.options);
  EXPECT_EQ(read->fingerprint, plan.fingerprint);
  EXPECT_EQ(read->arenas[1].alignment, 4096);
  EXPECT_EQ(read->buffers[bufX].offset, 256);
  EXPECT_EQ(read->buffers[bufTokens].dtype, DType::I64);
  const Parameter &w1 = read->parameters[0];
  EXPECT_EQ(w1.shape, (Shape{2, 8, 8}));
  EXPECT_EQ(w1.storedShape, (Shape{16, 8}));
  EXPECT_EQ(w1.sharding.dims[0][0].axis, "tp");
  EXPECT_EQ(w1.init->kind, Initializer::Kind::Uniform);
  EXPECT_EQ(w1.init->a, -0.1);
  EXPECT_TRUE(w1.trainable);
  EXPECT_EQ(read->states[0].parameter, "w1");
  EXPECT_EQ(read->inputs[0].batchDim, 0);
  EXPECT_EQ(read->inputs[1].batchDim, std::nullopt);
  EXPECT_TRUE(read->outputs[0].isLoss);
  EXPECT_FALSE(read->outputs[1].isLoss);
  EXPECT_EQ(read->scalars[0].defaultValue, 3e-3);
  EXPECT_EQ(read->constants[0].sectionOffset, 64);
  EXPECT_EQ(read->memory.communication, 256);
  EXPECT_EQ(read->sections, plan.sections);
  const auto &gather = std::get<Collective>(read->instructions[0].op);
  EXPECT_EQ(gather.concatDim, 0);
  EXPECT_EQ(gather.splitDim, std::nullopt);
  EXPECT_EQ(gather.why, "gather w1 for use");
  EXPECT_EQ(read->instructions[0].loc, "model.mlir:3:8");
  const auto &gemm = std::get<Gemm>(read->instructions[1].op);
  EXPECT_TRUE(gemm.b.transposed);
  EXPECT_EQ(gemm.bias, bufBias);
  const auto &launch = std::get<Launch>(read->instructions[2].op);
  EXPECT_EQ(launch.written, (std::vector<BufferId>{bufLoss}));
  const auto &reduce = std::get<Collective>(read->instructions[3].op);
  EXPECT_EQ(reduce.axes[1].size, 2);
  EXPECT_EQ(std::get<Copy>(read->instructions[5].op).output, bufY);
}

/// The test plan for a GPU: its launch says how many threads run it.
static Plan makeCudaPlan() {
  Plan plan = makeTestPlan();
  plan.target = {"cuda", "sm_90", {}};
  std::get<Launch>(plan.instructions[2].op).grid =
      Grid{{132, 2, 1}, {32, 4, 1}, 49152};
  std::get<Gemm>(plan.instructions[1].op).tf32 = true;
  plan.scratch = {{0, static_cast<int64_t>(plan.arenas.size())}};
  plan.arenas.push_back({"libraries", 4096, 256});
  plan.memory.peak += 4096;
  plan.memory.scratch = 4096;
  return plan;
}

TEST(PlanFile, LaunchesOnAGpu) {
  Plan plan = makeCudaPlan();
  Bytes bytes = bytesOf(plan);
  Expected<Plan> read = readPlan(bytes, "p.bin");
  ASSERT_TRUE(succeeded(read));
  EXPECT_EQ(std::get<Launch>(read->instructions[2].op).grid,
            (Grid{{132, 2, 1}, {32, 4, 1}, 49152}));
  EXPECT_TRUE(std::get<Gemm>(read->instructions[1].op).tf32);
  ASSERT_EQ(read->scratch.size(), 1u);
  EXPECT_EQ(read->scratch[0].arena, plan.scratch[0].arena);
  EXPECT_EQ(read->memory.scratch, 4096);
  EXPECT_EQ(bytesOf(*read), bytes);
  EXPECT_NE(describePlan(plan).find("writes %5 {blocks 132 x 2 x 1, threads "
                                    "32 x 4 x 1, shared 49152 bytes}"),
            std::string::npos);
  EXPECT_NE(describePlan(plan).find(", tf32}"), std::string::npos);
  EXPECT_NE(
      describePlan(plan).find("libraries work in arena libraries in stream 0"),
      std::string::npos);
}

TEST(PlanFile, RoundTripOfPeerViews) {
  Plan plan = makePeerPlan();
  Bytes bytes = bytesOf(plan);
  Expected<Plan> read = readPlan(bytes, "p.bin");
  ASSERT_TRUE(succeeded(read));
  EXPECT_EQ(bytesOf(*read), bytes);
  EXPECT_TRUE(read->needs.sharedMemory);
  EXPECT_FALSE(read->buffers[bufW1].peer.has_value());
  const PeerView &shard = *read->buffers[bufPeerW1].peer;
  EXPECT_EQ(shard.axes[0].axis, "dp");
  EXPECT_EQ(shard.member, 1);
  EXPECT_FALSE(shard.ownPiece);
  EXPECT_TRUE(read->buffers[bufOwnPiece].peer->ownPiece);
  const auto &barrier = std::get<Barrier>(read->instructions[6].op);
  EXPECT_EQ(toString(barrier.axes), "{\"dp\", \"tp\":(1)2}");
  // What a plan does not need, it does not say.
  EXPECT_FALSE(readPlan(bytesOf(makeTestPlan()), "p.bin")->needs.sharedMemory);

  std::string text = describePlan(plan);
  EXPECT_NE(text.find("needs ranks that share memory\n"), std::string::npos);
  EXPECT_NE(text.find("7: gemm %11:f32[2, 4] = %3:f32[2, 8] x "
                      "%9:f32[4, 8] of member 1 over {\"dp\"}^T"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("8: launch sum_1(%10:f32[4, 8] own piece of member 0 "
                      "over {\"dp\"}, %5:f32[]) writes %5"),
            std::string::npos);
  EXPECT_NE(text.find("6: barrier over {\"dp\", \"tp\":(1)2}"),
            std::string::npos);
}

TEST(PlanFile, PlanWithoutSections) {
  Plan plan = makeTestPlan();
  plan.sections.clear();
  plan.constants.clear();
  plan.instructions.erase(plan.instructions.begin() + 2);
  Bytes bytes = bytesOf(plan);
  Expected<Plan> read = readPlan(bytes, "p.bin");
  ASSERT_TRUE(succeeded(read));
  EXPECT_EQ(bytesOf(*read), bytes);
}

// README.md's layout, byte by byte, without the reader.
TEST(PlanFile, LayoutIsAsDocumented) {
  Bytes bytes = bytesOf(makeTestPlan());
  std::string text(reinterpret_cast<const char *>(bytes.data()), bytes.size());
  EXPECT_EQ(text.substr(0, 8), "FABRPLAN");
  EXPECT_EQ(text.substr(8, 8), std::string("\1\0\0\0\0\0\0\0", 8));
  uint64_t length;
  std::memcpy(&length, text.data() + 16, 8);
  json manifest = json::parse(text.substr(24, length));
  EXPECT_EQ(manifest["parameters"][0]["sharding"],
            json::parse(R"([[{"axis": "tp"}, {"axis": "dp"}], []])"));
  size_t base = (24 + length + 63) / 64 * 64;
  EXPECT_EQ(manifest["sections"], json::parse(R"([
      {"name": "code", "offset": 0, "bytes": 100},
      {"name": "constants", "offset": 128, "bytes": 96}])"));
  EXPECT_EQ(text.substr(base, 100), std::string(100, '\xc3'));
  EXPECT_EQ(text.substr(base + 100, 28), std::string(28, '\0'));
  EXPECT_EQ(text.substr(base + 128, 96), std::string(96, '\x3f'));
  ASSERT_EQ(text.size(), base + 128 + 96 + 32);
  EXPECT_EQ(toHex(*sha256(std::span(bytes).first(bytes.size() - 32))), [&] {
    Sha256Digest digest;
    std::memcpy(digest.data(), text.data() + text.size() - 32, 32);
    return toHex(digest);
  }());
}

TEST(PlanFile, FilesAreWrittenWholeAndErrorsNameThem) {
  TempFolder folder;
  std::string path = folder.path("compiled.bin");
  ASSERT_TRUE(succeeded(writePlanFile(makeTestPlan(), path)));
  EXPECT_TRUE(succeeded(readPlanFile(path)));
  EXPECT_TRUE(failedWith(readPlanFile(folder.path("none")),
                         "none: cannot read: No such file"));
  EXPECT_TRUE(failedWith(writePlanFile(makeTestPlan(), folder.path("no/p")),
                         "no/p: cannot write: No such file"));
  Plan bad = makeTestPlan();
  bad.mesh.axes[0].size = 0;
  EXPECT_TRUE(failedWith(writePlanFile(bad, folder.path("q")),
                         "q: mesh axis \"dp\", expected a size"));
  EXPECT_EQ(folder.numFiles(), 1u);
}

TEST(PlanFile, WriterRefusesWhatJsonCannotHold) {
  Plan plan = makeTestPlan();
  plan.parameters[0].name = plan.states[0].parameter = "w\xff";
  EXPECT_TRUE(failedWith(writePlan(plan), "expected names in UTF-8"));
}

// The checksum protects against accidents: no single bit of the file can
// change, and no end can be missing.
TEST(PlanFile, EveryFlippedByteIsRefused) {
  Bytes bytes = bytesOf(makeTestPlan());
  for (size_t i = 0; i < bytes.size(); ++i)
    for (int flip : {0x01, 0x80, 0xff}) {
      Bytes damaged = bytes;
      damaged[i] ^= std::byte(flip);
      ASSERT_TRUE(failedWith(readPlan(damaged, "p.bin"), "p.bin: "))
          << "byte " << i;
    }
}

TEST(PlanFile, EveryTruncationIsRefused) {
  Bytes bytes = bytesOf(makeTestPlan());
  for (size_t size = 0; size < bytes.size(); ++size)
    ASSERT_TRUE(
        failedWith(readPlan(std::span(bytes).first(size), "p.bin"), "p.bin: "))
        << size << " bytes";
  bytes.push_back(std::byte{0});
  EXPECT_TRUE(failedWith(readPlan(bytes, "p.bin"), "p.bin: SHA-256"));
}

TEST(PlanFile, EnvelopeErrors) {
  auto read = [](const std::string &text) {
    return readPlan(std::as_bytes(std::span(text)), "p.bin");
  };
  std::string zeros(100, '\0');
  EXPECT_TRUE(failedWith(read("#!/bin/sh"), "p.bin: magic, expected FABRPLAN"));
  EXPECT_TRUE(failedWith(read(""), "p.bin: magic"));
  EXPECT_TRUE(failedWith(read("FABRPLAN"),
                         "p.bin: size, expected at least 56 bytes, found 8"));
  EXPECT_TRUE(failedWith(read("FABRPLAN\2" + zeros),
                         "p.bin: format version, expected 1, found 2"));
  EXPECT_TRUE(failedWith(read(std::string("FABRPLAN\1\0\0\0\1", 13) + zeros),
                         "p.bin: reserved field, expected 0, found 1"));
  std::string huge = std::string("FABRPLAN\1\0\0\0\0\0\0\0", 16) +
                     std::string(8, '\xff') + zeros;
  EXPECT_TRUE(failedWith(read(huge),
                         "p.bin: manifest size, expected at most 68 bytes, "
                         "found 18446744073709551615"));
}

TEST(PlanPrinter, SaysWhatAPlanDoes) {
  std::string text = describePlan(makeTestPlan());
  for (const char *part :
       {"plan for cpu x86-64-v4, mesh [\"dp\"=2, \"tp\"=2], train",
        "needs avx2 fma", "memory a rank: 1536 bytes",
        "parameter w1: f32[16, 8] [{\"tp\", \"dp\"}, {}] in %0:f32[4, 8], in "
        "files [2, 8, 8], uniform(-0.1, 0.1)",
        "state w1 exp_avg", "input x: f32[4, 8]", "output loss: f32[] [] in",
        ", the loss", "scalar lr: f32 in %6:f32[], default 0.003",
        "0: all_gather %2:f32[8, 8] = %0:f32[4, 8] over {\"dp\"}, concat dim "
        "0, 128 bytes sent: gather w1 for use  // model.mlir:3:8",
        "1: gemm %4:f32[2, 8] = %3:f32[2, 8] x %2:f32[8, 8]^T + %7:f32[8] {m "
        "2, n 8, k 8}",
        "2: launch sum_0(%4:f32[2, 8], %5:f32[]) writes %5",
        "3: all_reduce sum %5:f32[] = %5:f32[] over {\"dp\", \"tp\":(1)2}",
        "5: copy %4:f32[2, 8] = %3:f32[2, 8]"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\nin\n" << text;
}
