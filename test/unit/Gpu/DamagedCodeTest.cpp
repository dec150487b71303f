//===- DamagedCodeTest.cpp - Wrong code for a GPU is found ----------------===//
//
// A plan whose kernels move squares through shared memory, add rows and
// columns, and end in the middle of a vector. Whatever is changed in its code
// or its grids is an error, or gives other results.
//
//===----------------------------------------------------------------------===//

#include "compiler/Driver/Compile.h"
#include "mlir/Parser/Parser.h"
#include "runtime/Executor/Session.h"
#include "runtime/Plan/Work.h"
#include "test/unit/Generate/GenerateFixture.h"
#include "llvm/Support/Regex.h"
#include <map>

using namespace mlir;
using namespace mlir::fabric;
using namespace ::fabric::runtime;
namespace plan = ::fabric::plan;

namespace {

// Long enough that columns are added in parts, and by several threads of a
// block.
constexpr int64_t numRows = 300, numColumns = 133;
constexpr int64_t height = 70, width = 45;

constexpr llvm::StringLiteral text = R"mlir(
  func.func @f(%x: tensor<300x133xf32> {fabric.input = #fabric.input<"x">},
               %y: tensor<70x45xf32> {fabric.input = #fabric.input<"y">})
      -> (tensor<300xf32> {fabric.result = "rows"},
          tensor<133xf32> {fabric.result = "columns"},
          tensor<300x133xf32> {fabric.result = "twice"},
          tensor<45x70xf32> {fabric.result = "across"}) {
    %two = fabric.constant dense<2.0> : tensor<300x133xf32>
    %twice = fabric.mul %x, %two : tensor<300x133xf32>
    %rows = fabric.sum %x dims = [1] : tensor<300x133xf32> -> tensor<300xf32>
    %columns = fabric.sum %x dims = [0] : tensor<300x133xf32> -> tensor<133xf32>
    %across = fabric.transpose %y permutation = [1, 0] : tensor<70x45xf32> -> tensor<45x70xf32>
    %fixed = fabric.neg %across : tensor<45x70xf32>
    return %rows, %columns, %twice, %fixed : tensor<300xf32>, tensor<133xf32>, tensor<300x133xf32>, tensor<45x70xf32>
  })mlir";

/// The same plan, with an arena for every window that a buffer is: who reaches
/// out of a buffer reaches out of an allocation. Not for plans in which a
/// buffer is part of another.
plan::Plan withBuffersApart(plan::Plan plan) {
  std::map<std::tuple<int64_t, int64_t, int64_t>, int64_t> arenas;
  for (plan::Buffer &buffer : plan.buffers) {
    int64_t bytes = plan::bytesOf(buffer);
    auto [found, isNew] = arenas.try_emplace(
        {buffer.arena, buffer.offset, bytes}, std::ssize(plan.arenas));
    if (isNew)
      plan.arenas.push_back({"window" + std::to_string(arenas.size()), bytes,
                             plan.arenas[buffer.arena].alignment});
    buffer.arena = found->second;
    buffer.offset = 0;
  }
  for (const auto &[window, arena] : arenas)
    plan.arenas[std::get<0>(window)].bytes = 0;
  plan.memory.peak = 0;
  for (const plan::Arena &arena : plan.arenas)
    plan.memory.peak += arena.bytes;
  return plan;
}

class DamagedCode : public generate::GenerateFixture, public ::testing::Test {
protected:
  void SetUp() override {
    auto context = makeContext();
    auto module = parseSourceString<ModuleOp>(text, context.get());
    ASSERT_TRUE(module);
    CompileOptions options;
    options.dp = options.tp = 1;
    options.target.gpu = "sm_80";
    auto compiled = compilePlan(*module, "", options);
    ASSERT_TRUE(succeeded(compiled));
    whole = withBuffersApart(std::move(compiled->plan));
    auto numbers = [](plan::Shape shape) {
      HostTensor tensor = HostTensor::zeros(plan::DType::F32, std::move(shape));
      for (int64_t i = 0; i < tensor.numElements(); ++i)
        tensor.data<float>()[i] = static_cast<float>(1 + i * i % 97);
      return tensor;
    };
    inputs.inputs = {{{"x", numbers({numRows, numColumns})},
                      {"y", numbers({height, width})}}};
  }

  std::string getCode() const {
    const std::vector<std::byte> &code = whole.sections.at("code");
    return {reinterpret_cast<const char *>(code.data()), code.size()};
  }
  plan::Plan withCode(llvm::StringRef code) const {
    plan::Plan changed = whole;
    const auto *bytes = reinterpret_cast<const std::byte *>(code.data());
    changed.sections["code"].assign(bytes, bytes + code.size());
    return changed;
  }

  /// Empty: nothing is found.
  std::string findDamage(const plan::Plan &plan) const {
    auto outputs = runLocal(plan, inputs);
    if (outputs.failed())
      return outputs.message();
    const float *x = inputs.inputs[0].at("x").data<float>();
    const float *y = inputs.inputs[0].at("y").data<float>();
    std::vector<double> rows(numRows), columns(numColumns);
    auto result = [&](const char *name) {
      return outputs->outputs[0].at(name).data<float>();
    };
    for (int64_t i = 0; i < numRows; ++i)
      for (int64_t j = 0; j < numColumns; ++j) {
        float element = x[i * numColumns + j];
        rows[i] += element;
        columns[j] += element;
        if (result("twice")[i * numColumns + j] != 2 * element)
          return "another element";
      }
    for (int64_t i = 0; i < height; ++i)
      for (int64_t j = 0; j < width; ++j)
        if (result("across")[j * height + i] != -y[i * width + j])
          return "another element across";
    // Whole numbers below 2^24.
    for (int64_t i = 0; i < numRows; ++i)
      if (result("rows")[i] != rows[i])
        return "another row";
    for (int64_t j = 0; j < numColumns; ++j)
      if (result("columns")[j] != columns[j])
        return "another column";
    return "";
  }

  plan::Plan whole;
  RunInputs inputs;
};

TEST_F(DamagedCode, UndamagedNothingIsFound) {
  EXPECT_EQ(findDamage(whole), "");
}

TEST_F(DamagedCode, EveryBarrierIsMissed) {
  std::string code = getCode();
  constexpr llvm::StringLiteral barrier = "bar.sync";
  size_t count = 0;
  for (size_t at = code.find(barrier); at != std::string::npos;
       at = code.find(barrier, at + 1)) {
    std::string without = code;
    without.replace(at, without.find(';', at) + 1 - at, "");
    std::string found = findDamage(withCode(without));
    EXPECT_TRUE(llvm::StringRef(found).contains("never written: ") ||
                llvm::StringRef(found).contains("a race with another thread"))
        << "barrier " << count << ": " << found;
    ++count;
  }
  EXPECT_GE(count, 3u);
}

TEST_F(DamagedCode, GridsAreAsLargeAsTheyHaveToBe) {
  size_t numLaunches = 0;
  for (size_t i = 0; i < whole.instructions.size(); ++i) {
    if (!std::holds_alternative<plan::Launch>(whole.instructions[i].op))
      continue;
    ++numLaunches;
    auto change = [&](int64_t blocks, int64_t threads) {
      plan::Plan changed = whole;
      plan::Grid &grid =
          *std::get<plan::Launch>(changed.instructions[i].op).grid;
      grid.blocks[0] += blocks;
      grid.threads[0] += threads;
      return findDamage(changed);
    };
    EXPECT_NE(change(-1, 0), "") << "instruction " << i;
    EXPECT_NE(change(0, -1), "") << "instruction " << i;
    EXPECT_NE(change(0, 1), "") << "instruction " << i;
  }
  EXPECT_GE(numLaunches, 4u);
}

/// Bounds of loops and of what lies behind the last vector.
TEST_F(DamagedCode, EveryBoundIsNeeded) {
  std::string code = getCode();
  llvm::Regex bound("setp\\.[a-z]+\\.[su](32|64)[^;]*, ([0-9]+);");
  llvm::SmallVector<llvm::StringRef> matches;
  llvm::StringRef rest = code;
  size_t count = 0;
  while (bound.match(rest, &matches)) {
    llvm::StringRef literal = matches[2];
    size_t at = literal.data() - code.data();
    for (int change : {-1, 1}) {
      std::string other = code;
      int64_t value = std::stoll(literal.str()) + change;
      if (value < 0)
        continue;
      other.replace(at, literal.size(), std::to_string(value));
      EXPECT_NE(findDamage(withCode(other)), "")
          << matches[0].str() << " by " << change;
      ++count;
    }
    rest = llvm::StringRef(code).substr(at + literal.size());
  }
  EXPECT_GE(count, 8u);
}

} // namespace
