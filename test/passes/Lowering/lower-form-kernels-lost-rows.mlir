// RUN: fabric-verify %s --meshes=1x1

// The maximum, one number a row, is what gives the kernel of the sums rows, and
// is computed elsewhere in the end: clusters are formed once more, without.
module attributes {fabric.train = #fabric.train<gradients>} {
  func.func @model(%arg0: tensor<2x1x6xf64> {fabric.param = #fabric.param<"w1", init = uniform(-1.0, 1.0)>}, %arg1: tensor<4xf64> {fabric.param = #fabric.param<"w3", init = uniform(-1.0, 1.0)>}, %arg2: tensor<2x1x6xf64> {fabric.param = #fabric.param<"w4", init = uniform(-1.0, 1.0)>}, %arg3: tensor<2x1x6xf64> {fabric.input = #fabric.input<"n9">}, %arg4: tensor<4x1x6xf64> {fabric.input = #fabric.input<"n10">}, %arg5: tensor<2x1x6xf64> {fabric.input = #fabric.input<"n11">}) -> (tensor<f64> {fabric.result = "r0"}, tensor<4x12x1x6xf64> {fabric.result = "r4"}) {
    %0 = fabric.mul %arg5, %arg0 : tensor<2x1x6xf64>
    %1 = fabric.pad %0 dims = [0, 1] offsets = [2, 0] strides = [1, 1] value = 0.000000e+00 : tensor<2x1x6xf64> -> tensor<4x1x6xf64>
    %2 = fabric.minimum %1, %arg4 : tensor<4x1x6xf64>
    %3 = fabric.sum %1 dims = [1, 2] : tensor<4x1x6xf64> -> tensor<4xf64>
    %4 = fabric.constant dense<[8.094000e-01, -6.505000e-01, -8.563000e-01, -0.83479999999999998]> : tensor<4xf64>
    %5 = fabric.add %arg1, %4 : tensor<4xf64>
    %6 = fabric.maximum %5, %3 : tensor<4xf64>
    %7 = fabric.reshape %2 : tensor<4x1x6xf64> -> tensor<4x6xf64>
    %8 = fabric.constant dense<[[[2.580000e-02, 0.070699999999999999, 1.372000e-01, -4.328000e-01, 3.058000e-01, -5.532000e-01]], [[1.500000e-02, 1.560000e-01, 4.810000e-02, -1.181000e-01, -8.663000e-01, 8.981000e-01]]]> : tensor<2x1x6xf64>
    %9 = fabric.compare  gt %arg2, %8 : (tensor<2x1x6xf64>, tensor<2x1x6xf64>) -> tensor<2x1x6xi1>
    %10 = fabric.select %9, %arg3, %0 : (tensor<2x1x6xi1>, tensor<2x1x6xf64>, tensor<2x1x6xf64>) -> tensor<2x1x6xf64>
    %11 = fabric.broadcast %2 dims = [0, 2, 3] : tensor<4x1x6xf64> -> tensor<4x12x1x6xf64>
    %12 = fabric.tanh %6 : tensor<4xf64>
    %13 = fabric.linear %arg3, %7 : (tensor<2x1x6xf64>, tensor<4x6xf64>) -> tensor<2x1x4xf64>
    %14 = fabric.silu %6 : tensor<4xf64>
    %15 = fabric.sum %10 dims = [0, 1, 2] : tensor<2x1x6xf64> -> tensor<f64>
    %16 = fabric.sum %12 dims = [0] : tensor<4xf64> -> tensor<f64>
    %17 = fabric.add %15, %16 : tensor<f64>
    %18 = fabric.sum %13 dims = [0, 1, 2] : tensor<2x1x4xf64> -> tensor<f64>
    %19 = fabric.add %17, %18 : tensor<f64>
    %20 = fabric.sum %14 dims = [0] : tensor<4xf64> -> tensor<f64>
    %21 = fabric.add %19, %20 : tensor<f64>
    return %21, %11 : tensor<f64>, tensor<4x12x1x6xf64>
  }
}
