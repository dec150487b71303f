//===- GemmChoicesTest.cpp - The file of a search -------------------------===//

#include "StatusMatchers.h"
#include "TempFolder.h"

#include "runtime/Device/Device.h"
#include "runtime/Kernels/GemmChoices.h"

using namespace fabric;
using namespace fabric::kernels;
using namespace fabric::test;

namespace {

const GemmMachine h100 = {"NVIDIA H100 (sm_90)", "cuBLASLt 130001"};

GemmDesc plainDesc() {
  GemmDesc desc;
  desc.m = 16;
  desc.n = 256;
  desc.k = 128;
  desc.a = {false, 128, 0};
  desc.b = {true, 128, 0};
  desc.c = {false, 256, 0};
  desc.alignment = 16;
  return desc;
}

GemmDesc fullDesc() {
  GemmDesc desc = plainDesc();
  desc.input = DType::BF16;
  desc.output = DType::F32;
  desc.bias = DType::F32;
  desc.accumulate = true;
  desc.batch = 3;
  desc.a.batchStride = 16 * 128;
  desc.c.batchStride = 16 * 256;
  return desc;
}

GemmChoices twoChoices() {
  GemmChoices choices(h100);
  std::vector<std::byte> bytes;
  for (int i = 0; i < 64; ++i)
    bytes.push_back(static_cast<std::byte>(37 * i + 11));
  choices.add({plainDesc(), bytes, 4096, 12.25});
  choices.add({fullDesc(), {std::byte{0}, std::byte{255}}, 0, 3.5});
  return choices;
}

TEST(GemmChoices, ComeBackAsTheyWere) {
  TempFolder folder;
  std::string path = folder.path("gemms.json");
  ASSERT_TRUE(succeeded(twoChoices().write(path)));
  auto read = GemmChoices::read(path);
  ASSERT_TRUE(succeeded(read));
  EXPECT_EQ(read->machine(), h100);
  GemmChoices written = twoChoices();
  ASSERT_EQ(read->choices().size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(read->choices()[i].desc, written.choices()[i].desc);
    EXPECT_EQ(read->choices()[i].algorithm, written.choices()[i].algorithm);
    EXPECT_EQ(read->choices()[i].scratchBytes,
              written.choices()[i].scratchBytes);
    EXPECT_EQ(read->choices()[i].microseconds,
              written.choices()[i].microseconds);
  }
  std::string again = folder.path("again.json");
  ASSERT_TRUE(succeeded(read->write(again)));
  EXPECT_EQ(folder.read("gemms.json"), folder.read("again.json"));
}

TEST(GemmChoices, AreForOneMachine) {
  GemmChoices choices = twoChoices();
  EXPECT_TRUE(succeeded(choices.check(h100)));
  EXPECT_TRUE(
      failedWith(choices.check({"NVIDIA A100 (sm_80)", h100.library}),
                 "the algorithms are for NVIDIA H100 (sm_90), and this is "
                 "NVIDIA A100 (sm_80): run --tune-gemms here"));
  EXPECT_TRUE(failedWith(choices.check({h100.device, "cuBLASLt 130100"}),
                         "the algorithms are of cuBLASLt 130001, and this "
                         "machine has cuBLASLt 130100"));
}

/// Whatever differs makes another product.
TEST(GemmChoices, AreForTheSameProducts) {
  GemmChoices choices = twoChoices();
  auto found = choices.find(plainDesc());
  ASSERT_TRUE(succeeded(found));
  EXPECT_EQ((*found)->microseconds, 12.25);
  std::vector<GemmDesc> others(8, plainDesc());
  others[0].m = 17;
  others[1].tf32 = true;
  others[2].alignment = 8;
  others[3].bias = DType::F32;
  others[4].b.transposed = false;
  others[5].c.leading = 257;
  others[6].accumulate = true;
  others[7].batch = 2;
  for (const GemmDesc &desc : others)
    EXPECT_TRUE(failedWith(choices.find(desc),
                           "the file has no algorithm for a product of " +
                               describe(desc)));
}

TEST(GemmChoices, OfTheCpuAreNone) {
  auto cpu = device::createCpuDevice();
  std::vector<GemmDesc> products = {plainDesc()};
  EXPECT_TRUE(failedWith(cpu->searchGemms(products),
                         "products on the cpu have one algorithm each"));
  EXPECT_TRUE(failedWith(
      cpu->useGemms(std::make_shared<const GemmChoices>(twoChoices())),
      "products on the cpu have one algorithm each"));
}

/// A file in which `from` has become `to`.
Expected<GemmChoices> readChanged(const std::string &from,
                                  const std::string &to) {
  TempFolder folder;
  EXPECT_TRUE(succeeded(twoChoices().write(folder.path("gemms.json"))));
  std::string text = folder.read("gemms.json");
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos)
    text.replace(at, from.size(), to);
  return GemmChoices::read(folder.write("gemms.json", text));
}

TEST(GemmChoices, FilesThatAreNone) {
  EXPECT_TRUE(failedWith(GemmChoices::read("/nowhere/gemms.json"),
                         "/nowhere/gemms.json"));
  auto refused = [](const char *from, const char *to, const char *message) {
    return failedWith(readChanged(from, to), message);
  };
  EXPECT_TRUE(refused("{", "", "JSON"));
  EXPECT_TRUE(refused("\"format\": 1", "\"format\": 2",
                      "root.format: expected 1, found 2"));
  EXPECT_TRUE(refused("\"format\": 1", "\"format\": 1, \"x\": 1",
                      "root: expected known keys only"));
  EXPECT_TRUE(refused("\"device\"", "\"gpu\"",
                      "root: expected key \"device\", found none"));
  EXPECT_TRUE(refused("\"input\": \"f32\"", "\"input\": \"f33\"",
                      "root.products[0].input: expected a dtype, found "
                      "\"f33\""));
  EXPECT_TRUE(refused("\"m\": 16", "\"m\": -16",
                      "root.products[0].m: expected an integer from 0, found "
                      "-16"));
  EXPECT_TRUE(refused("\"m\": 16", "\"m\": 1e99",
                      "root.products[0].m: expected an integer from 0"));
  EXPECT_TRUE(refused("\"accumulate\": true", "\"accumulate\": 1",
                      "root.products[1].accumulate: expected true or false"));
  EXPECT_TRUE(refused("\"leading\": 128", "\"leading\": 127",
                      "root.products[0]: matrix a of 16 x 128 cannot lie 127"));
  EXPECT_TRUE(refused("\"leading\": 128", "\"step\": 128",
                      "root.products[0].a: expected key \"leading\""));
  EXPECT_TRUE(refused("\"00ff\"", "\"00f\"",
                      "root.products[1].algorithm: expected bytes in "
                      "hexadecimal, found \"00f\""));
  EXPECT_TRUE(refused("\"00ff\"", "\"00fg\"", "expected bytes in hexadecimal"));
  EXPECT_TRUE(refused("\"00ff\"", "\"\"", "expected bytes in hexadecimal"));
  EXPECT_TRUE(refused("\"products\": [", "\"products\": [3, ",
                      "root.products[0]: expected an object, found 3"));
}

TEST(GemmChoices, FilesThatSayAThingTwice) {
  GemmChoices choices = twoChoices();
  choices.add(choices.choices().front());
  TempFolder folder;
  std::string path = folder.path("gemms.json");
  ASSERT_TRUE(succeeded(choices.write(path)));
  EXPECT_TRUE(failedWith(GemmChoices::read(path),
                         "root.products[2]: expected each product once, found "
                         "16 x 256 x 128 of f32 again"));
}

} // namespace
