//===- CollectivesTest.cpp - Collectives against hand-made values ---------===//
//
// Each program takes a tensor cut over the mesh, moves it, and returns it under
// another sharding. Device-dependent values come from the cut itself: input
// element i holds i.
//
//===----------------------------------------------------------------------===//

#include "test/unit/Compiler/InterpreterFixture.h"
#include <numeric>

using namespace mlir;
using namespace mlir::fabric::interpreter;

namespace {

class CollectivesTest : public InterpreterFixture {
protected:
  static Tensor iota(ArrayRef<int64_t> shape) {
    Tensor tensor(shape, Tensor::Kind::Float);
    std::iota(tensor.floats.begin(), tensor.floats.end(), 0.0);
    return tensor;
  }

  /// A partitioned program on this mesh.
  static std::string program(const std::string &mesh, const std::string &body) {
    return "#mesh = #dist.mesh<" + mesh +
           ">\nmodule attributes {dist.mesh = #mesh, dist.partitioned} {\n" +
           body + "\n}";
  }

  /// What each device holds of every value named by an op with a result.
  std::vector<std::vector<std::vector<double>>> trace(const std::string &text,
                                                      ArrayRef<Tensor> inputs) {
    func::FuncOp model = parse(text);
    std::vector<std::vector<std::vector<double>>> seen;
    Options options;
    options.observer = [&](int64_t device, Value value, const Tensor &tensor) {
      if (isa<BlockArgument>(value))
        return;
      if (device == 0)
        seen.emplace_back();
      seen.back().emplace_back();
      for (int64_t i = 0; i < tensor.getNumElements(); ++i)
        seen.back().back().push_back(tensor.at(i));
    };
    EXPECT_TRUE(succeeded(interpret(model, inputs, options))) << diagnostics;
    return seen;
  }
};

using Devices = std::vector<std::vector<double>>;

TEST_F(CollectivesTest, GatherOverTheMinorAndTheMajorAxis) {
  // x = [0..8) cut by dp, then tp: devices hold 01 23 45 67.
  auto seen = trace(program(R"(["dp"=2, "tp"=2])", R"(
    func.func @f(%x: tensor<2xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp", "tp"}]>}) {
      %0 = dist.all_gather %x dim = 0 axes = {"tp"} : tensor<2xf32> -> tensor<4xf32>
      %1 = dist.all_gather %x dim = 0 axes = {"dp"} : tensor<2xf32> -> tensor<4xf32>
      %2 = dist.all_gather %x dim = 0 axes = {"tp", "dp"} : tensor<2xf32> -> tensor<8xf32>
      return
    })"),
                    {iota({8})});
  EXPECT_EQ(seen[0],
            (Devices{{0, 1, 2, 3}, {0, 1, 2, 3}, {4, 5, 6, 7}, {4, 5, 6, 7}}));
  EXPECT_EQ(seen[1],
            (Devices{{0, 1, 4, 5}, {2, 3, 6, 7}, {0, 1, 4, 5}, {2, 3, 6, 7}}));
  EXPECT_EQ(seen[2], (Devices(4, {0, 1, 4, 5, 2, 3, 6, 7})));
}

TEST_F(CollectivesTest, ReduceScatterAndAllReduce) {
  // Rows of x are cut by tp: tp 0 holds 0 1 2 3, tp 1 holds 4 5 6 7.
  auto seen = trace(program(R"(["dp"=2, "tp"=2])", R"(
    func.func @f(%x: tensor<1x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"tp"}, {}]>}) {
      %0 = dist.reduce_scatter sum %x dim = 1 axes = {"tp"} : tensor<1x4xf32> -> tensor<1x2xf32>
      %1 = dist.all_reduce sum %x axes = {"tp"} : tensor<1x4xf32>
      %2 = dist.all_reduce max %x axes = {"tp"} : tensor<1x4xf32>
      %3 = dist.all_reduce min %x axes = {"tp"} : tensor<1x4xf32>
      %4 = dist.all_reduce sum %x axes = {"dp"} : tensor<1x4xf32>
      return
    })"),
                    {iota({2, 4})});
  EXPECT_EQ(seen[0], (Devices{{4, 6}, {8, 10}, {4, 6}, {8, 10}}));
  EXPECT_EQ(seen[1], (Devices(4, {4, 6, 8, 10})));
  EXPECT_EQ(seen[2], (Devices(4, {4, 5, 6, 7})));
  EXPECT_EQ(seen[3], (Devices(4, {0, 1, 2, 3})));
  EXPECT_EQ(
      seen[4],
      (Devices{{0, 2, 4, 6}, {8, 10, 12, 14}, {0, 2, 4, 6}, {8, 10, 12, 14}}));
}

TEST_F(CollectivesTest, AllToAllAndSlice) {
  // The picture of dist.all_to_all: rows cut in, columns cut out.
  auto seen = trace(program(R"(["dp"=1, "tp"=2])", R"(
    func.func @f(%x: tensor<1x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"tp"}, {}]>}) {
      %0 = dist.all_to_all %x split_dim = 1 concat_dim = 0 axes = {"tp"} : tensor<1x4xf32> -> tensor<2x2xf32>
      %1 = dist.all_slice %x dim = 1 axes = {"tp"} : tensor<1x4xf32> -> tensor<1x2xf32>
      return
    })"),
                    {iota({2, 4})});
  EXPECT_EQ(seen[0], (Devices{{0, 1, 4, 5}, {2, 3, 6, 7}}));
  EXPECT_EQ(seen[1], (Devices{{0, 1}, {6, 7}}));
}

TEST_F(CollectivesTest, ThreeAxesWithSubAxes) {
  // 16 devices: number = dp * 8 + tp * 2 + sp, and tp = high * 2 + low.
  auto seen = trace(program(R"(["dp"=2, "tp"=4, "sp"=2])", R"(
    func.func @f(%x: tensor<1xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp", "tp", "sp"}]>}) {
      %0 = dist.all_gather %x dim = 0 axes = {"tp":(1)2} : tensor<1xf32> -> tensor<2xf32>
      %1 = dist.all_gather %x dim = 0 axes = {"tp":(2)2} : tensor<1xf32> -> tensor<2xf32>
      %2 = dist.all_reduce sum %x axes = {"sp", "tp":(2)2} : tensor<1xf32>
      %3 = dist.axis_index {"sp", "tp":(1)2, "dp"} : i64
      %4 = dist.all_gather %x dim = 0 axes = {"tp":(2)2, "dp"} : tensor<1xf32> -> tensor<4xf32>
      return
    })"),
                    {iota({16})});
  for (int device = 0; device < 16; ++device) {
    double dp = device / 8, high = device / 4 % 2, low = device / 2 % 2,
           sp = device % 2;
    auto number = [](double dp, double high, double low, double sp) {
      return dp * 8 + high * 4 + low * 2 + sp;
    };
    EXPECT_EQ(seen[0][device], (std::vector<double>{number(dp, 0, low, sp),
                                                    number(dp, 1, low, sp)}));
    EXPECT_EQ(seen[1][device], (std::vector<double>{number(dp, high, 0, sp),
                                                    number(dp, high, 1, sp)}));
    EXPECT_EQ(seen[2][device],
              (std::vector<double>{4 * number(dp, high, 0, 0) + 6}));
    EXPECT_EQ(seen[3][device], (std::vector<double>{sp * 4 + high * 2 + dp}));
    EXPECT_EQ(
        seen[4][device],
        (std::vector<double>{number(0, high, 0, sp), number(1, high, 0, sp),
                             number(0, high, 1, sp), number(1, high, 1, sp)}));
  }
}

TEST_F(CollectivesTest, ResultsComeBackGlobal) {
  // Cut one way, returned another: the global value is the input.
  auto results = run(program(R"(["dp"=2, "tp"=3])", R"(
    func.func @f(%x: tensor<2x6xf32> {dist.sharding = #dist.sharding<#mesh, [{"tp"}, {}]>}, %s: tensor<f64>)
        -> (tensor<6x2xf32> {dist.sharding = #dist.sharding<#mesh, [{}, {"tp"}]>}, tensor<1x6xf32> {dist.sharding = #dist.sharding<#mesh, [{"tp", "dp"}, {}]>}, tensor<f64>) {
      %0 = dist.all_to_all %x split_dim = 1 concat_dim = 0 axes = {"tp"} : tensor<2x6xf32> -> tensor<6x2xf32>
      %1 = dist.all_slice %x dim = 0 axes = {"dp"} : tensor<2x6xf32> -> tensor<1x6xf32>
      return %0, %1, %s : tensor<6x2xf32>, tensor<1x6xf32>, tensor<f64>
    })"),
                     {iota({6, 6}), Tensor::scalar(3)});
  ASSERT_EQ(results.size(), 3u);
  EXPECT_TRUE(isBitwiseEqual(results[0], iota({6, 6})));
  EXPECT_TRUE(isBitwiseEqual(results[1], iota({6, 6})));
  EXPECT_TRUE(isBitwiseEqual(results[2], Tensor::scalar(3)));
}

TEST_F(CollectivesTest, ReplicasThatDifferAreAnError) {
  EXPECT_EQ(runError(program(R"(["dp"=1, "tp"=2])", R"(
    func.func @f(%x: tensor<1xf32> {dist.sharding = #dist.sharding<#mesh, [{"tp"}]>}) -> (tensor<1xf32> {dist.sharding = #dist.sharding<#mesh, [{}]>}) {
      return %x : tensor<1xf32>
    })"),
                     {floats({2}, {1, 2})}),
            "'func.func' op devices 0 and 1 hold different replicas of result "
            "0: relative difference 1.000000e+00\n");
}

TEST_F(CollectivesTest, ReshardsAreGone) {
  EXPECT_EQ(runError(program(R"(["tp"=2])", R"(
    func.func @f(%x: tensor<1xf32>) -> tensor<1xf32> {
      %0 = dist.reshard %x : tensor<1xf32> -> tensor<1xf32>
      return %0 : tensor<1xf32>
    })"),
                     {floats({1}, {1})}),
            "'dist.reshard' op cannot be interpreted on local tensors\n");
}

TEST_F(CollectivesTest, GlobalViewIsTheIdentity) {
  auto results = run(R"(
    #mesh = #dist.mesh<["dp"=2, "tp"=2]>
    #cut = #dist.sharding<#mesh, [{"tp"}]>
    #whole = #dist.sharding<#mesh, [{}]>
    module attributes {dist.mesh = #mesh} {
    func.func @f(%x: tensor<4xf32, #cut>) -> tensor<4xf32, #cut> {
      %0 = dist.all_gather %x dim = 0 axes = {"tp"} : tensor<4xf32, #cut> -> tensor<4xf32, #whole>
      %1 = fabric.add %0, %0 : tensor<4xf32, #whole>
      %2 = dist.reshard %1 : tensor<4xf32, #whole> -> tensor<4xf32, #cut>
      return %2 : tensor<4xf32, #cut>
    }})",
                     {iota({4})});
  EXPECT_EQ(results[0].floats, (std::vector<double>{0, 2, 4, 6}));
}

} // namespace
