//===- NpyTest.cpp - NumPy arrays by shard --------------------------------===//

#include "StatusMatchers.h"
#include "TempFolder.h"

#include "runtime/Checkpoint/Npy.h"

#include <cstring>
#include <set>

using namespace fabric;
using namespace fabric::checkpoint;
using namespace fabric::test;

/// A file of version 1 with this dictionary, as it is.
static std::string fileOf(const std::string &dictionary,
                          const std::string &data) {
  std::string text = std::string("\x93NUMPY\x01\x00", 8);
  text += static_cast<char>(dictionary.size() & 0xff);
  text += static_cast<char>(dictionary.size() >> 8);
  return text + dictionary + data;
}

static const std::string floats("\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40"
                                "\0\0\x80\x40\0\0\xa0\x40\0\0\xc0\x40",
                                24);

// What numpy.save writes for arange(1, 7, dtype="f4").reshape(2, 3).
static std::string numpyFile() {
  std::string dictionary =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  dictionary += std::string(118 - 1 - dictionary.size(), ' ') + "\n";
  return fileOf(dictionary, floats);
}

TEST(Npy, ReadsWhatNumPyWrites) {
  TempFolder folder;
  Expected<NpyReader> file = NpyReader::open(folder.write("x", numpyFile()));
  ASSERT_TRUE(succeeded(file));
  EXPECT_EQ(file->dtype(), DType::F32);
  EXPECT_EQ(file->shape(), (Shape{2, 3}));
  float shard[4];
  ASSERT_TRUE(succeeded(file->readShard({{0, 1}, {2, 2}}, shard)));
  EXPECT_EQ(std::vector<float>(shard, shard + 4),
            (std::vector<float>{2, 3, 5, 6}));
  EXPECT_TRUE(failedWith(file->readShard({{0, 2}, {2, 2}}, shard),
                         "box, expected a part of [2, 3]"));
}

TEST(Npy, WritesWhatNumPyWrites) {
  TempFolder folder;
  std::string path = folder.path("x.npy");
  Expected<NpyWriter> first = NpyWriter::create(path, DType::F32, {2, 3});
  ASSERT_TRUE(succeeded(first));
  Expected<NpyWriter> second =
      NpyWriter::openExisting(path, DType::F32, {2, 3});
  ASSERT_TRUE(succeeded(second));
  float left[4] = {1, 2, 4, 5}, right[2] = {3, 6};
  ASSERT_TRUE(succeeded(first->writeShard({{0, 0}, {2, 2}}, left)));
  ASSERT_TRUE(succeeded(second->writeShard({{0, 2}, {2, 1}}, right)));
  ASSERT_TRUE(succeeded(second->flush()));
  ASSERT_TRUE(succeeded(first->commit()));
  EXPECT_EQ(folder.read("x.npy"), numpyFile());
  EXPECT_EQ(folder.numFiles(), 1u);
}

TEST(Npy, ShapesAndDTypesRoundTrip) {
  TempFolder folder;
  std::string path = folder.path("x.npy");
  for (DType dtype : {DType::F32, DType::F64, DType::F16, DType::I8, DType::I32,
                      DType::I64, DType::Bool})
    for (Shape shape : {Shape{}, Shape{5}, Shape{2, 3}, Shape{0, 4},
                        Shape{1, 2, 3, 4}, Shape(16, 1)}) {
      Expected<NpyWriter> writer = NpyWriter::create(path, dtype, shape);
      ASSERT_TRUE(succeeded(writer));
      Box box = Box::whole(shape);
      std::vector<std::byte> data(box.numElements() * plan::byteWidth(dtype));
      for (size_t i = 0; i < data.size(); ++i)
        data[i] = std::byte(i);
      ASSERT_TRUE(succeeded(writer->writeShard(box, data.data())));
      ASSERT_TRUE(succeeded(writer->commit()));
      std::string text = folder.read("x.npy");
      EXPECT_EQ((text.size() - data.size()) % 64, 0u);
      Expected<NpyReader> reader = NpyReader::open(path);
      ASSERT_TRUE(succeeded(reader));
      EXPECT_EQ(reader->dtype(), dtype);
      EXPECT_EQ(reader->shape(), shape);
      std::vector<std::byte> read(data.size());
      ASSERT_TRUE(succeeded(reader->readShard(box, read.data())));
      EXPECT_EQ(read, data);
    }
}

// The padding must be right wherever the dictionary ends.
TEST(Npy, HeadersOfEveryLengthAreAligned) {
  TempFolder folder;
  std::string path = folder.path("x.npy");
  std::set<size_t> remainders;
  int64_t first = 1;
  for (int digits = 1; digits <= 18; ++digits, first *= 10) {
    for (size_t ones = 0; ones < 24; ++ones) {
      Shape shape = {0, first};
      shape.resize(2 + ones, 1);
      Expected<NpyWriter> writer = NpyWriter::create(path, DType::F32, shape);
      ASSERT_TRUE(succeeded(writer));
      ASSERT_TRUE(succeeded(writer->commit()));
      std::string text = folder.read("x.npy");
      ASSERT_EQ(text.size() % 64, 0u);
      ASSERT_EQ(text.back(), '\n');
      remainders.insert(text.find('}') % 64);
      Expected<NpyReader> reader = NpyReader::open(path);
      ASSERT_TRUE(succeeded(reader));
      EXPECT_EQ(reader->shape(), shape);
    }
  }
  EXPECT_EQ(remainders.size(), 64u);
}

TEST(Npy, HeadersOfOtherWriters) {
  TempFolder folder;
  auto open = [&](const std::string &bytes) {
    return NpyReader::open(folder.write("x", bytes));
  };
  // Version 2 has four bytes of length; order and quotes may differ.
  std::string dictionary =
      "{\"shape\":(6,),\"fortran_order\":False,\"descr\":\"<f4\"}";
  std::string two = std::string("\x93NUMPY\x02\x00", 8) +
                    static_cast<char>(dictionary.size()) +
                    std::string(3, '\0') + dictionary + floats;
  Expected<NpyReader> file = open(two);
  ASSERT_TRUE(succeeded(file));
  EXPECT_EQ(file->shape(), (Shape{6}));
  // One dim has one order.
  EXPECT_TRUE(succeeded(open(fileOf(
      "{'descr': '<f4', 'fortran_order': True, 'shape': (6,)}", floats))));
  EXPECT_TRUE(succeeded(open(
      fileOf("{'descr': '<i1', 'fortran_order': False, 'shape': ()}", "x"))));
}

TEST(Npy, DamagedFilesAreRefused) {
  TempFolder folder;
  auto open = [&](const std::string &bytes) {
    return NpyReader::open(folder.write("x", bytes));
  };
  auto dictionary = [&](const std::string &text, const std::string &data = "") {
    return open(fileOf(text, data));
  };
  EXPECT_TRUE(failedWith(NpyReader::open(folder.path("no")),
                         "no: cannot read: No such file"));
  EXPECT_TRUE(failedWith(open(""), "x: magic, expected that of .npy"));
  EXPECT_TRUE(failedWith(open("PK\x03\x04 and so on"), "x: magic"));
  std::string valid = numpyFile();
  std::string version = valid;
  version[6] = 4;
  EXPECT_TRUE(failedWith(open(version),
                         "x: format version, expected 1, 2 or 3, found 4"));
  for (size_t size = 0; size < valid.size(); ++size)
    ASSERT_TRUE(failedWith(open(valid.substr(0, size)), "x: "));
  EXPECT_TRUE(failedWith(open(valid + "x"),
                         "x: data, expected [2, 3] of f32, found 25 bytes"));
  std::string huge = valid;
  huge[6] = 2;
  huge[10] = huge[11] = '\xff';
  EXPECT_TRUE(failedWith(open(huge), "x: header size, expected at most"));
  EXPECT_TRUE(failedWith(dictionary("{"), "x: header, expected a key and ':'"));
  EXPECT_TRUE(failedWith(dictionary("[]"), "x: header, expected '{'"));
  EXPECT_TRUE(failedWith(dictionary("{'descr': '<f4'}"),
                         "x: header, expected descr, fortran_order and shape, "
                         "found 1 of them"));
  EXPECT_TRUE(failedWith(dictionary("{'descr': '<f4', 'descr': '<f4'}"),
                         "distinct keys, found 'descr' twice"));
  EXPECT_TRUE(failedWith(dictionary("{'dtype': '<f4'}"), "found 'dtype'"));
  EXPECT_TRUE(failedWith(dictionary("{'descr': [('a', '<f4')]}"),
                         "x: dtype, expected a plain one"));
  EXPECT_TRUE(failedWith(dictionary("{'fortran_order': 0}"), "True or False"));
  for (const char *shape : {"(-1,)", "3", "(99999999999999999999,)", "(1 2)"})
    EXPECT_TRUE(failedWith(dictionary(std::string("{'shape': ") + shape + "}"),
                           "x: header, expected a tuple of sizes"));
  EXPECT_TRUE(failedWith(
      dictionary("{'descr': '<f4', 'fortran_order': False, 'shape': ()} x"),
      "x: header, expected its end"));
  for (const char *descr : {">f4", "<u4", "<c8", "|O", "<V2", "<i1x"})
    EXPECT_TRUE(failedWith(
        dictionary("{'descr': '" + std::string(descr) +
                   "', 'fortran_order': False, 'shape': (), }"),
        "x: dtype, expected <f4, <f8, <f2, <i4, <i8, |i1 or |b1, found '" +
            std::string(descr) + "'"));
  EXPECT_TRUE(failedWith(
      dictionary("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }",
                 floats),
      "x: order, expected C, found Fortran"));
  EXPECT_TRUE(
      failedWith(dictionary("{'descr': '<f4', 'fortran_order': False, 'shape': "
                            "(4611686018427387904, 4), }"),
                 "x: data, expected [4611686018427387904, 4] of f32"));
  // No elements, but strides that wrap.
  EXPECT_TRUE(
      failedWith(dictionary("{'descr': '<f4', 'fortran_order': False, 'shape': "
                            "(0, 4611686018427387904, 4), }"),
                 "x: data, expected [0, 4611686018427387904, 4] of f32"));
  std::string ones;
  for (int dim = 0; dim < 65; ++dim)
    ones += "1, ";
  EXPECT_TRUE(failedWith(
      dictionary("{'descr': '<f4', 'fortran_order': False, 'shape': (" + ones +
                 "), }"),
      "x: shape, expected at most 64 dims, found 65"));
}

TEST(Npy, WriterErrors) {
  TempFolder folder;
  EXPECT_TRUE(failedWith(
      NpyWriter::create(folder.path("x"), DType::BF16, {2}),
      "x: dtype, expected one that NumPy knows, found bf16: convert it to "
      "f32"));
  EXPECT_TRUE(failedWith(NpyWriter::create(folder.path("no/x"), DType::F32, {}),
                         "no/x: cannot write"));
  EXPECT_TRUE(failedWith(
      NpyWriter::create(folder.path("x"), DType::F32, {INT64_MAX, 2}),
      "less than 2^63 bytes"));
  EXPECT_EQ(folder.numFiles(), 0u);
}
