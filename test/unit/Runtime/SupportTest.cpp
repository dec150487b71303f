//===- SupportTest.cpp - Boxes, files, digests, checked arithmetic --------===//

#include "StatusMatchers.h"
#include "TempFolder.h"

#include "runtime/Support/Box.h"
#include "runtime/Support/CheckedMath.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Json.h"
#include "runtime/Support/RangeMax.h"
#include "runtime/Support/Sha256.h"

#include <algorithm>
#include <random>
#include <sys/stat.h>
#include <unistd.h>

using namespace fabric;
using namespace fabric::test;

TEST(CheckedMath, RefusesWhatDoesNotFit) {
  EXPECT_EQ(checkedAdd(INT64_MAX, 1), std::nullopt);
  EXPECT_EQ(checkedAdd(INT64_MAX - 1, 1), INT64_MAX);
  EXPECT_EQ(checkedMul(int64_t(1) << 32, int64_t(1) << 31), std::nullopt);
  EXPECT_EQ(checkedMul(int64_t(1) << 31, int64_t(1) << 31), int64_t(1) << 62);
  std::vector<int64_t> sizes = {2, 3, 4}, none, huge(3, int64_t(1) << 30);
  EXPECT_EQ(checkedProduct(sizes), 24);
  EXPECT_EQ(checkedProduct(none), 1);
  EXPECT_EQ(checkedProduct(huge), std::nullopt);
  // Strides are products, too: a zero does not excuse the others.
  std::vector<int64_t> empty = {2, 0, 4};
  EXPECT_EQ(checkedProduct(empty), 0);
  huge.insert(huge.begin(), 0);
  EXPECT_EQ(checkedProduct(huge), std::nullopt);
  EXPECT_EQ(checkedAlign(0, 64), 0);
  EXPECT_EQ(checkedAlign(65, 64), 128);
  EXPECT_EQ(checkedAlign(INT64_MAX, 64), std::nullopt);
}

/// The (global, local, length) triples of a box.
static std::vector<std::array<int64_t, 3>>
runsOf(const std::vector<int64_t> &shape, const Box &box) {
  std::vector<std::array<int64_t, 3>> result;
  for (BoxRuns runs(shape, box); !runs.done(); runs.next())
    result.push_back({runs.global(), runs.local(), runs.length()});
  return result;
}

TEST(Box, RunsAreAsLongAsTheyCanBe) {
  using Runs = std::vector<std::array<int64_t, 3>>;
  EXPECT_EQ(runsOf({4, 3}, Box::whole({4, 3})), (Runs{{0, 0, 12}}));
  EXPECT_EQ(runsOf({4, 3}, {{1, 0}, {2, 3}}), (Runs{{3, 0, 6}}));
  EXPECT_EQ(runsOf({4, 3}, {{1, 1}, {2, 2}}), (Runs{{4, 0, 2}, {7, 2, 2}}));
  EXPECT_EQ(runsOf({2, 2, 2}, {{0, 1, 0}, {2, 1, 2}}),
            (Runs{{2, 0, 2}, {6, 2, 2}}));
  EXPECT_EQ(runsOf({2, 2, 2}, {{0, 0, 1}, {2, 2, 1}}),
            (Runs{{1, 0, 1}, {3, 1, 1}, {5, 2, 1}, {7, 3, 1}}));
  EXPECT_EQ(runsOf({}, {}), (Runs{{0, 0, 1}}));
  EXPECT_EQ(runsOf({3}, {{1}, {0}}), Runs{});
  EXPECT_EQ(runsOf({0, 3}, Box::whole({0, 3})), Runs{});
}

TEST(Box, ChecksThatItLiesInside) {
  EXPECT_TRUE(succeeded(checkBox({{2}, {2}}, {4})));
  EXPECT_TRUE(failedWith(checkBox({{3}, {2}}, {4}),
                         "box, expected a part of [4], found [3:5]"));
  EXPECT_TRUE(failedWith(checkBox({{-1}, {2}}, {4}), "expected a part of"));
  EXPECT_TRUE(failedWith(checkBox({{INT64_MAX}, {2}}, {4}), "expected a part"));
  EXPECT_TRUE(failedWith(checkBox({{0}, {1}}, {4, 4}), "expected 2 dims"));
}

TEST(Sha256, KnownAnswers) {
  EXPECT_EQ(*sha256Hex(""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(*sha256Hex("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Json, IsStrict) {
  EXPECT_TRUE(succeeded(parseJson(R"({"a": [1, {"b": 2}], "b": 1})")));
  EXPECT_TRUE(failedWith(parseJson(R"({"a": 1, "a": 2})"),
                         R"(distinct keys, found "a" twice)"));
  EXPECT_TRUE(failedWith(parseJson(R"([{"x": {"a": 1, "b": 2, "a": 3}}])"),
                         R"(distinct keys, found "a" twice)"));
  EXPECT_TRUE(failedWith(parseJson(R"({"a": )"), "found an error at byte"));
  EXPECT_TRUE(failedWith(parseJson("{} x"), "found an error at byte"));
  EXPECT_TRUE(failedWith(parseJson("\"\xff\""), "found an error at byte"));
  EXPECT_TRUE(failedWith(parseJson(""), "found an error at byte"));
  auto nested = [](int depth, const char *open, const char *close) {
    std::string text;
    for (int i = 0; i < depth; ++i)
      text += open;
    text += "1";
    for (int i = 0; i < depth; ++i)
      text += close;
    return text;
  };
  EXPECT_TRUE(succeeded(parseJson(nested(maxJsonDepth, "[", "]"))));
  EXPECT_TRUE(failedWith(parseJson(nested(maxJsonDepth + 1, "[", "]")),
                         "a nesting of at most 32 levels"));
  EXPECT_TRUE(failedWith(parseJson(nested(100000, "{\"a\":", "}")),
                         "a nesting of at most 32 levels"));
}

TEST(File, ReadsAndWritesAtOffsets) {
  TempFolder folder;
  std::string path = folder.write("f", "hello world");
  Expected<File> file = File::open(path, File::Mode::Write);
  ASSERT_TRUE(succeeded(file));
  EXPECT_EQ(*file->size(), 11);
  EXPECT_TRUE(succeeded(file->writeAt(6, std::as_bytes(std::span("W", 1)))));
  char text[5];
  EXPECT_TRUE(
      succeeded(file->readAt(6, std::as_writable_bytes(std::span(text)))));
  EXPECT_EQ(std::string(text, 5), "World");
  EXPECT_TRUE(failedWith(
      file->readAt(8, std::as_writable_bytes(std::span(text))),
      path + ": file, expected 2 more bytes at offset 11, found its end"));
}

TEST(File, NamesWhatItCannotOpen) {
  TempFolder folder;
  EXPECT_TRUE(failedWith(File::open(folder.path("none"), File::Mode::Read),
                         "none: cannot read: No such file or directory"));
  EXPECT_TRUE(failedWith(File::open(folder.path(""), File::Mode::Read),
                         "not a regular file"));
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  EXPECT_TRUE(failedWith(readFile(folder.path("pipe")), "not a regular file"));
}

TEST(AtomicFile, AppearsOnlyWhenComplete) {
  TempFolder folder;
  std::string path = folder.write("f", "old");
  {
    Expected<AtomicFile> file = AtomicFile::create(path);
    ASSERT_TRUE(succeeded(file));
    ASSERT_TRUE(
        succeeded(file->file().writeAt(0, std::as_bytes(std::span("new", 3)))));
    EXPECT_EQ(folder.read("f"), "old");
    EXPECT_EQ(folder.numFiles(), 2u);
    EXPECT_TRUE(succeeded(file->commit()));
  }
  EXPECT_EQ(folder.read("f"), "new");
  EXPECT_EQ(folder.numFiles(), 1u);
}

TEST(AtomicFile, LeavesNothingWithoutCommit) {
  TempFolder folder;
  {
    Expected<AtomicFile> file = AtomicFile::create(folder.path("f"));
    ASSERT_TRUE(succeeded(file));
    AtomicFile moved = std::move(*file);
    EXPECT_EQ(folder.numFiles(), 1u);
  }
  EXPECT_EQ(folder.numFiles(), 0u);
}

TEST(AtomicFile, KeepsLinksAndDevices) {
  TempFolder folder;
  folder.write("target", "old");
  ASSERT_EQ(::symlink("target", folder.path("link").c_str()), 0);
  EXPECT_TRUE(succeeded(writeFileAtomically(folder.path("link"), "new")));
  EXPECT_EQ(folder.read("target"), "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder.path("link")));
  EXPECT_TRUE(succeeded(writeFileAtomically("/dev/null", "gone")));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(AtomicFile, NamesWhatItCannotWrite) {
  TempFolder folder;
  EXPECT_TRUE(failedWith(writeFileAtomically(folder.path("no/f"), "x"),
                         "no/f: cannot write: No such file or directory"));
  std::filesystem::create_directory(folder.path("d"));
  EXPECT_TRUE(failedWith(writeFileAtomically(folder.path("d"), "x"),
                         "d: cannot write: is a directory"));
}

// Against a plain array.
TEST(RangeMax, SetsAndAsksRanges) {
  std::mt19937 random(1);
  for (size_t numCells : {0, 1, 2, 3, 7, 64, 100}) {
    RangeMax tree(numCells, -1);
    std::vector<int64_t> plain(numCells, -1);
    for (int64_t value = 0; value < 300; ++value) {
      auto place = [&] { return random() % (numCells + 1); };
      size_t begin = place(), end = place();
      if (begin > end)
        std::swap(begin, end);
      tree.set(begin, end, value / 2);
      std::fill(plain.begin() + begin, plain.begin() + end, value / 2);
      begin = place(), end = place();
      if (begin > end)
        std::swap(begin, end);
      int64_t expected = -1;
      for (size_t cell = begin; cell < end; ++cell)
        expected = std::max(expected, plain[cell]);
      ASSERT_EQ(tree.max(begin, end), expected) << numCells << ", " << value;
    }
  }
}
