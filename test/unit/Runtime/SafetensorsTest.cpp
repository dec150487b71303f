//===- SafetensorsTest.cpp - Weights files by shard -----------------------===//

#include "StatusMatchers.h"
#include "TempFolder.h"

#include "runtime/Checkpoint/Safetensors.h"
#include "runtime/Checkpoint/Weights.h"
#include "runtime/Plan/Sharding.h"
#include "runtime/Support/Float.h"

#include <cstring>
#include <numeric>
#include <thread>

using namespace fabric;
using namespace fabric::checkpoint;
using namespace fabric::test;

/// A safetensors file from its parts.
static std::string fileOf(const std::string &header, const std::string &data) {
  std::string text;
  for (int i = 0; i < 8; ++i)
    text += static_cast<char>(uint64_t(header.size()) >> (8 * i));
  return text + header + data;
}

// Bytes written by hand, from the format's description: f32 1 2 3 4, i64 -2,
// bf16 1.5, bool 1.
TEST(Safetensors, ReadsBytesMadeByHand) {
  TempFolder folder;
  std::string header =
      R"({"__metadata__":{"format":"pt"},)"
      R"("w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
      R"("i":{"dtype":"I64","shape":[],"data_offsets":[16,24]},)"
      R"("h":{"dtype":"BF16","shape":[1],"data_offsets":[24,26]},)"
      R"("b":{"dtype":"BOOL","shape":[1,1],"data_offsets":[26,27]},)"
      R"("e":{"dtype":"F64","shape":[0,3],"data_offsets":[27,27]}}  )";
  std::string data("\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40"
                   "\xfe\xff\xff\xff\xff\xff\xff\xff"
                   "\xc0\x3f"
                   "\x01",
                   27);
  Expected<SafetensorsReader> file =
      SafetensorsReader::open(folder.write("w", fileOf(header, data)));
  ASSERT_TRUE(succeeded(file));
  EXPECT_EQ(file->tensors().size(), 5u);
  ASSERT_NE(file->find("w"), nullptr);
  EXPECT_EQ(file->find("w")->shape, (Shape{2, 2}));
  EXPECT_EQ(file->find("nothing"), nullptr);

  float w[4], column[2];
  ASSERT_TRUE(succeeded(
      file->readShard("w", DType::F32, {2, 2}, Box::whole({2, 2}), w)));
  EXPECT_EQ(std::vector<float>(w, w + 4), (std::vector<float>{1, 2, 3, 4}));
  ASSERT_TRUE(succeeded(
      file->readShard("w", DType::F32, {2, 2}, {{0, 1}, {2, 1}}, column)));
  EXPECT_EQ(column[0], 2);
  EXPECT_EQ(column[1], 4);
  // Another view of the same elements.
  float last;
  ASSERT_TRUE(
      succeeded(file->readShard("w", DType::F32, {4}, {{3}, {1}}, &last)));
  EXPECT_EQ(last, 4);
  int64_t i;
  ASSERT_TRUE(succeeded(file->readShard("i", DType::I64, {}, {}, &i)));
  EXPECT_EQ(i, -2);
  bool b;
  ASSERT_TRUE(succeeded(
      file->readShard("b", DType::Bool, {1, 1}, Box::whole({1, 1}), &b)));
  EXPECT_TRUE(b);
  double h;
  ASSERT_TRUE(succeeded(file->readShard("h", DType::F64, {1}, {{0}, {1}}, &h,
                                        Conversion::Float)));
  EXPECT_EQ(h, 1.5);
}

TEST(Safetensors, ErrorsOfReadingNameTensorExpectedAndFound) {
  TempFolder folder;
  std::string path = folder.write(
      "w.safetensors",
      fileOf(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
             "12345678"));
  Expected<SafetensorsReader> file = SafetensorsReader::open(path);
  ASSERT_TRUE(succeeded(file));
  double out[4];
  EXPECT_TRUE(failedWith(file->check("v", DType::F32, {2}),
                         "w.safetensors: tensor 'v', expected f32[2], found "
                         "none of this name"));
  EXPECT_TRUE(failedWith(file->check("w", DType::F32, {2, 1}),
                         "tensor 'w': shape, expected [2, 1], found [2]"));
  EXPECT_TRUE(failedWith(file->check("w", DType::F64, {2}),
                         "tensor 'w': dtype, expected f64, found f32"));
  EXPECT_TRUE(succeeded(file->check("w", DType::F64, {2}, Conversion::Float)));
  EXPECT_TRUE(failedWith(file->check("w", DType::I32, {2}, Conversion::Float),
                         "tensor 'w': dtype, expected i32, found f32"));
  EXPECT_TRUE(
      failedWith(file->readShard("w", DType::F64, {2}, Box::whole({2}), out),
                 "tensor 'w': dtype, expected f64, found f32"));
  EXPECT_TRUE(
      failedWith(file->readShard("v", DType::F32, {2}, Box::whole({2}), out),
                 "tensor 'v', expected it in the file"));
  EXPECT_TRUE(failedWith(
      file->readShard("w", DType::F32, {3}, Box::whole({3}), out),
      "tensor 'w': shape, expected as many elements as [3], found [2]"));
  EXPECT_TRUE(failedWith(file->readShard("w", DType::F32, {2}, {{1}, {2}}, out),
                         "box, expected a part of [2], found [1:3]"));
}

TEST(Safetensors, DamagedFilesAreRefused) {
  TempFolder folder;
  auto open = [&](const std::string &bytes) {
    return SafetensorsReader::open(folder.write("w", bytes));
  };
  auto openHeader = [&](const std::string &entry, const std::string &data) {
    return open(fileOf("{\"w\":" + entry + "}", data));
  };
  EXPECT_TRUE(failedWith(open("1234567"),
                         "w: size, expected at least 8 bytes, found 7"));
  EXPECT_TRUE(failedWith(open(std::string(8, '\xff')),
                         "w: header size, expected at most 0 bytes, found "
                         "18446744073709551615"));
  EXPECT_TRUE(failedWith(open(fileOf("{}", "").substr(0, 9)),
                         "w: header size, expected at most 1 bytes, found 2"));
  EXPECT_TRUE(failedWith(open(fileOf("{", "")), "w: JSON, expected a valid"));
  EXPECT_TRUE(failedWith(open(fileOf("[]", "")), "w: header, expected an obj"));
  EXPECT_TRUE(failedWith(open(fileOf("{}", "x")),
                         "w: data, expected 0 bytes as the header says, found "
                         "1"));
  EXPECT_TRUE(failedWith(openHeader("7", ""), "tensor 'w': entry, expected"));
  EXPECT_TRUE(
      failedWith(openHeader(R"({"dtype":"F32","shape":[2]})", "12345678"),
                 "tensor 'w': entry, expected"));
  EXPECT_TRUE(failedWith(
      openHeader(R"({"dtype":"F8","shape":[2],"data_offsets":[0,2]})", "12"),
      "tensor 'w': dtype, expected F64, F32, F16, BF16, I64, I32, I8 or BOOL, "
      "found \"F8\""));
  EXPECT_TRUE(failedWith(
      openHeader(R"({"dtype":"I8","shape":[-2],"data_offsets":[0,2]})", "12"),
      "tensor 'w': shape, expected a list of sizes"));
  EXPECT_TRUE(failedWith(
      openHeader(R"({"dtype":"I8","shape":[2],"data_offsets":[0,2,4]})", "12"),
      "tensor 'w': data_offsets, expected begin and end"));
  EXPECT_TRUE(failedWith(
      openHeader(R"({"dtype":"I8","shape":[2],"data_offsets":[0,3]})", "123"),
      "tensor 'w': data_offsets, expected 2 bytes for shape [2] of I8, found 0 "
      "to 3"));
  EXPECT_TRUE(failedWith(
      openHeader(R"({"dtype":"I8","shape":[2],"data_offsets":[2,0]})", "12"),
      "found 2 to 0"));
  EXPECT_TRUE(
      failedWith(openHeader(R"({"dtype":"F32","shape":[4294967296,4294967296],)"
                            R"("data_offsets":[0,0]})",
                            ""),
                 "tensor 'w': shape, expected less than 2^63 bytes"));
  EXPECT_TRUE(failedWith(
      openHeader(R"({"dtype":"I8","shape":[2],"data_offsets":[1,3]})", "123"),
      "data_offsets, expected the next tensor at 0, found it at 1"));
  EXPECT_TRUE(failedWith(
      open(fileOf(R"({"a":{"dtype":"I8","shape":[2],"data_offsets":[0,2]},)"
                  R"("b":{"dtype":"I8","shape":[2],"data_offsets":[1,3]}})",
                  "123")),
      "data_offsets, expected the next tensor at 2, found it at 1"));
  EXPECT_TRUE(failedWith(
      openHeader(R"({"dtype":"I8","shape":[2],"data_offsets":[0,2]})", "1"),
      "w: data, expected 2 bytes as the header says, found 1"));
  EXPECT_TRUE(failedWith(
      open(fileOf(R"({"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},)"
                  R"("a":{"dtype":"I8","shape":[1],"data_offsets":[1,2]}})",
                  "12")),
      "distinct keys, found \"a\" twice"));
}

// Every rank writes only its own shard, from threads or from objects of their
// own as processes would; what lands is the whole, and shards read back.
TEST(Safetensors, ShardsWrittenByRanksMakeTheWhole) {
  TempFolder folder;
  std::string path = folder.path("w.safetensors");
  plan::Mesh mesh{{{"dp", 2}, {"tp", 2}}};
  plan::Parameter weight, bias;
  weight.name = "w";
  weight.shape = {4, 4, 6};
  weight.storedShape = {16, 6};
  weight.sharding = {{{{"tp"}}, {{"dp"}}}};
  bias.name = "b";
  bias.dtype = DType::F64;
  bias.shape = bias.storedShape = {6};
  bias.sharding = {{{{"tp"}}}};
  plan::Plan plan;
  plan.parameters = {weight, bias};

  std::vector<float> weights(96);
  std::iota(weights.begin(), weights.end(), 0.0f);
  std::vector<double> biases = {10, 11, 12, 13, 14, 15};
  auto cut = [](const auto &whole, const Shape &shape, const Box &box) {
    auto shard = whole;
    shard.resize(box.numElements());
    for (BoxRuns runs(shape, box); !runs.done(); runs.next())
      std::copy_n(whole.begin() + runs.global(), runs.length(),
                  shard.begin() + runs.local());
    return shard;
  };
  auto boxOf = [&](const plan::Parameter &parameter, int64_t rank) {
    return plan::localBox(mesh, parameter.sharding, parameter.storedShape,
                          rank);
  };

  Expected<SafetensorsWriter> first =
      SafetensorsWriter::create(path, weightsOf(plan));
  ASSERT_TRUE(succeeded(first));
  std::vector<std::thread> threads;
  for (int64_t rank = 0; rank < 4; ++rank)
    threads.emplace_back([&, rank] {
      Expected<SafetensorsWriter> own =
          SafetensorsWriter::openExisting(path, weightsOf(plan));
      ASSERT_TRUE(succeeded(own));
      // Half of the ranks share the creator's object.
      const SafetensorsWriter &writer = rank % 2 == 0 ? *first : *own;
      auto w = cut(weights, {16, 6}, boxOf(weight, rank));
      auto b = cut(biases, {6}, boxOf(bias, rank));
      EXPECT_TRUE(
          succeeded(writeParameter(writer, mesh, weight, rank, w.data())));
      // Not the first holder: what it would write must not matter.
      if (rank >= 2)
        b.assign(b.size(), -1);
      EXPECT_TRUE(
          succeeded(writeParameter(writer, mesh, bias, rank, b.data())));
      EXPECT_TRUE(succeeded(writer.flush()));
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_FALSE(std::filesystem::exists(path));
  ASSERT_TRUE(succeeded(first->commit()));
  EXPECT_EQ(folder.numFiles(), 1u);

  // The bytes, without the reader: f64 comes first, the header is padded to 8.
  std::string text = folder.read("w.safetensors");
  uint64_t length;
  std::memcpy(&length, text.data(), 8);
  EXPECT_EQ(length % 8, 0u);
  EXPECT_EQ(text.substr(8, text.find('}', text.find("\"w\"")) + 2 - 8),
            R"({"__metadata__":{"format":"pt"},)"
            R"("b":{"dtype":"F64","shape":[6],"data_offsets":[0,48]},)"
            R"("w":{"dtype":"F32","shape":[4,4,6],"data_offsets":[48,432]}})");
  ASSERT_EQ(text.size(), 8 + length + 432);
  EXPECT_EQ(std::memcmp(text.data() + 8 + length, biases.data(), 48), 0);
  EXPECT_EQ(std::memcmp(text.data() + 8 + length + 48, weights.data(), 384), 0);

  Expected<SafetensorsReader> file = SafetensorsReader::open(path);
  ASSERT_TRUE(succeeded(file));
  EXPECT_TRUE(succeeded(checkWeights(*file, plan)));
  for (int64_t rank = 0; rank < 4; ++rank) {
    std::vector<float> shard(24);
    ASSERT_TRUE(
        succeeded(readParameter(*file, mesh, weight, rank, shard.data())));
    EXPECT_EQ(shard, cut(weights, {16, 6}, boxOf(weight, rank)));
  }
}

TEST(Safetensors, CheckWeightsNamesMissingAndExtra) {
  TempFolder folder;
  std::string path = folder.path("w.safetensors");
  Expected<SafetensorsWriter> writer = SafetensorsWriter::create(
      path, {{"w1", DType::F32, {2}}, {"w2", DType::F32, {2}}});
  ASSERT_TRUE(succeeded(writer));
  ASSERT_TRUE(succeeded(writer->commit()));
  Expected<SafetensorsReader> file = SafetensorsReader::open(path);
  ASSERT_TRUE(succeeded(file));
  plan::Plan plan;
  plan.parameters.resize(2);
  plan.parameters[0].name = "w1";
  plan.parameters[0].shape = {2};
  plan.parameters[1].name = "w3";
  plan.parameters[1].shape = {2};
  EXPECT_TRUE(failedWith(checkWeights(*file, plan),
                         "w.safetensors: tensor 'w3', expected f32[2], found "
                         "none of this name"));
  plan.parameters.pop_back();
  EXPECT_TRUE(failedWith(checkWeights(*file, plan),
                         "w.safetensors: tensor 'w2', expected only parameters "
                         "of the plan"));
}

TEST(Safetensors, AbandonedAndFailedWritesLeaveNothing) {
  TempFolder folder;
  std::string path = folder.path("w.safetensors");
  std::vector<NamedTensor> tensors = {{"w", DType::F32, {2}}};
  {
    Expected<SafetensorsWriter> writer =
        SafetensorsWriter::create(path, tensors);
    ASSERT_TRUE(succeeded(writer));
    EXPECT_EQ(folder.numFiles(), 1u);
    float data[2] = {1, 2};
    EXPECT_TRUE(failedWith(
        writer->writeShard("w", DType::F64, {2}, Box::whole({2}), data),
        "tensor 'w': dtype, expected f32, found f64"));
    EXPECT_TRUE(failedWith(
        writer->writeShard("v", DType::F32, {2}, Box::whole({2}), data),
        "tensor 'v', expected it in the file"));
    EXPECT_TRUE(
        failedWith(writer->writeShard("w", DType::F32, {2}, {{1}, {2}}, data),
                   "box, expected a part of [2]"));
  }
  EXPECT_EQ(folder.numFiles(), 0u);
  Expected<SafetensorsWriter> writer = SafetensorsWriter::create(path, tensors);
  ASSERT_TRUE(succeeded(writer));
  EXPECT_TRUE(failedWith(
      SafetensorsWriter::openExisting(path, {{"w", DType::F32, {3}}}),
      "w.safetensors.partial: header, expected the first rank's"));
  Expected<SafetensorsWriter> other =
      SafetensorsWriter::openExisting(path, tensors);
  ASSERT_TRUE(succeeded(other));
  EXPECT_TRUE(failedWith(other->commit(), "only the rank that created it"));
  writer->abandon();
  EXPECT_EQ(folder.numFiles(), 0u);
  EXPECT_TRUE(
      failedWith(SafetensorsWriter::create(folder.path("no/w"), tensors),
                 "no/w: cannot write: No such file or directory"));
  EXPECT_TRUE(
      failedWith(SafetensorsWriter::create(
                     path, {{"w", DType::F32, {2}}, {"w", DType::F32, {2}}}),
                 "tensor 'w', expected it once, found it twice"));
  EXPECT_TRUE(failedWith(
      SafetensorsWriter::create(path, {{"__metadata__", DType::F32, {2}}}),
      "tensor '__metadata__', expected another name"));
  EXPECT_TRUE(failedWith(
      SafetensorsWriter::create(path, {{"w", DType::F32, {INT64_MAX}}}),
      "tensor 'w': shape, expected less than 2^63 bytes"));
}

// Runs that are read one by one, through a window, and through several windows
// must give the same elements.
TEST(TensorFile, ReadsBoxesOfEveryGranularity) {
  TempFolder folder;
  for (Shape shape : {Shape{3, 700000}, Shape{5000, 100}, Shape{40, 5000},
                      Shape{200000, 3}}) {
    std::vector<int32_t> whole(shape[0] * shape[1]);
    std::iota(whole.begin(), whole.end(), 0);
    std::string path = folder.path("f");
    ASSERT_TRUE(succeeded(writeFileAtomically(
        path, std::as_bytes(std::span(std::as_const(whole))))));
    Expected<File> file = File::open(path, File::Mode::Read);
    ASSERT_TRUE(succeeded(file));
    TensorRegion region{DType::I32, shape, 0};
    for (int64_t size : {int64_t(1), shape[1] / 2, shape[1] - 1}) {
      Box box{{1, 1}, {shape[0] - 1, size}};
      std::vector<int32_t> shard(box.numElements());
      ASSERT_TRUE(succeeded(readBox(*file, region, box, shard.data())));
      for (int64_t row = 0; row < box.sizes[0]; ++row)
        for (int64_t column = 0; column < size; ++column)
          ASSERT_EQ(shard[row * size + column],
                    (row + 1) * shape[1] + column + 1);
    }
  }
}

TEST(TensorFile, ConvertsAllPairsOfFloats) {
  // Values that all four formats hold exactly.
  std::vector<double> values = {0.0, -1.5, 2.0, 0.25, -96.0};
  std::vector<DType> dtypes = {DType::F32, DType::F64, DType::BF16, DType::F16};
  int64_t count = static_cast<int64_t>(values.size());
  for (DType from : dtypes)
    for (DType to : dtypes) {
      std::vector<std::byte> a(8 * values.size()), b(a), c(a);
      ASSERT_TRUE(succeeded(
          convertElements(DType::F64, values.data(), from, a.data(), count)));
      ASSERT_TRUE(
          succeeded(convertElements(from, a.data(), to, b.data(), count)));
      ASSERT_TRUE(succeeded(
          convertElements(to, b.data(), DType::F64, c.data(), count)));
      EXPECT_EQ(std::memcmp(c.data(), values.data(), 8 * values.size()), 0);
    }
  int32_t integer = 1;
  float real;
  EXPECT_TRUE(
      failedWith(convertElements(DType::I32, &integer, DType::F32, &real, 1),
                 "conversion, expected a float dtype, found i32"));
  EXPECT_TRUE(
      failedWith(convertElements(DType::F32, &real, DType::I32, &integer, 1),
                 "conversion, expected a float dtype, found i32"));
}
