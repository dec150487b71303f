// What is chosen does not change what is computed: constraints on activations,
// slices of biases and parameters of several uses among it.
// RUN: fabric-check-values %s --before=train --pipeline="train,shard" --pipeline="train,shard,partition"

// MLPs with biases, of two and three layers.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>, fabric.train = #fabric.train<adamw>} {
func.func @f(%x: tensor<8x12xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
  %w0: tensor<24x12xf32> {fabric.param = #fabric.param<"w0">},
  %b0: tensor<24xf32> {fabric.param = #fabric.param<"b0">},
  %w1: tensor<12x24xf32> {fabric.param = #fabric.param<"w1">},
  %b1: tensor<12xf32> {fabric.param = #fabric.param<"b1">}) -> (tensor<f32> {fabric.result = "loss"}) {
  %v1 = fabric.linear %x, %w0 : (tensor<8x12xf32>, tensor<24x12xf32>) -> tensor<8x24xf32>
  %v2 = fabric.broadcast %b0 dims = [1] : tensor<24xf32> -> tensor<8x24xf32>
  %v3 = fabric.add %v1, %v2 : tensor<8x24xf32>
  %v4 = fabric.silu %v3 : tensor<8x24xf32>
  %v5 = fabric.linear %v4, %w1 : (tensor<8x24xf32>, tensor<12x24xf32>) -> tensor<8x12xf32>
  %v6 = fabric.broadcast %b1 dims = [1] : tensor<12xf32> -> tensor<8x12xf32>
  %v7 = fabric.add %v5, %v6 : tensor<8x12xf32>
  %v8 = fabric.mul %v7, %v7 : tensor<8x12xf32>
  %v9 = fabric.sum %v8 dims = [0, 1] : tensor<8x12xf32> -> tensor<f32>
  return %v9 : tensor<f32>
}
}

// -----

module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=3]>, fabric.train = #fabric.train<gradients>} {
func.func @f(%x: tensor<8x12xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
  %w0: tensor<24x12xf32> {fabric.param = #fabric.param<"w0">},
  %b0: tensor<24xf32> {fabric.param = #fabric.param<"b0">},
  %w1: tensor<36x24xf32> {fabric.param = #fabric.param<"w1">},
  %b1: tensor<36xf32> {fabric.param = #fabric.param<"b1">},
  %w2: tensor<12x36xf32> {fabric.param = #fabric.param<"w2">},
  %b2: tensor<12xf32> {fabric.param = #fabric.param<"b2">}) -> (tensor<f32> {fabric.result = "loss"}) {
  %v1 = fabric.linear %x, %w0 : (tensor<8x12xf32>, tensor<24x12xf32>) -> tensor<8x24xf32>
  %v2 = fabric.broadcast %b0 dims = [1] : tensor<24xf32> -> tensor<8x24xf32>
  %v3 = fabric.add %v1, %v2 : tensor<8x24xf32>
  %v4 = fabric.silu %v3 : tensor<8x24xf32>
  %v5 = fabric.linear %v4, %w1 : (tensor<8x24xf32>, tensor<36x24xf32>) -> tensor<8x36xf32>
  %v6 = fabric.broadcast %b1 dims = [1] : tensor<36xf32> -> tensor<8x36xf32>
  %v7 = fabric.add %v5, %v6 : tensor<8x36xf32>
  %v8 = fabric.silu %v7 : tensor<8x36xf32>
  %v9 = fabric.linear %v8, %w2 : (tensor<8x36xf32>, tensor<12x36xf32>) -> tensor<8x12xf32>
  %v10 = fabric.broadcast %b2 dims = [1] : tensor<12xf32> -> tensor<8x12xf32>
  %v11 = fabric.add %v9, %v10 : tensor<8x12xf32>
  %v12 = fabric.mul %v11, %v11 : tensor<8x12xf32>
  %v13 = fabric.sum %v12 dims = [0, 1] : tensor<8x12xf32> -> tensor<f32>
  return %v13 : tensor<f32>
}
}

// -----

module attributes {dist.mesh = #dist.mesh<["dp"=1, "tp"=4]>} {
func.func @f(%x: tensor<8x12xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
  %w0: tensor<24x12xf32> {fabric.param = #fabric.param<"w0">},
  %b0: tensor<24xf32> {fabric.param = #fabric.param<"b0">},
  %w1: tensor<12x24xf32> {fabric.param = #fabric.param<"w1">},
  %b1: tensor<12xf32> {fabric.param = #fabric.param<"b1">}) -> (tensor<8x12xf32> {fabric.result = "y"}) {
  %v1 = fabric.linear %x, %w0 : (tensor<8x12xf32>, tensor<24x12xf32>) -> tensor<8x24xf32>
  %v2 = fabric.broadcast %b0 dims = [1] : tensor<24xf32> -> tensor<8x24xf32>
  %v3 = fabric.add %v1, %v2 : tensor<8x24xf32>
  %v4 = fabric.silu %v3 : tensor<8x24xf32>
  %v5 = fabric.linear %v4, %w1 : (tensor<8x24xf32>, tensor<12x24xf32>) -> tensor<8x12xf32>
  %v6 = fabric.broadcast %b1 dims = [1] : tensor<12xf32> -> tensor<8x12xf32>
  %v7 = fabric.add %v5, %v6 : tensor<8x12xf32>
  return %v7 : tensor<8x12xf32>
}
}

// -----

// Feed-forwards on a residual stream.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=3]>, fabric.train = #fabric.train<adamw>} {
func.func @f(%x: tensor<8x12xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
  %l0_w1: tensor<24x12xf32> {fabric.param = #fabric.param<"l0.w1">},
  %l0_w2: tensor<12x24xf32> {fabric.param = #fabric.param<"l0.w2">},
  %l0_w3: tensor<24x12xf32> {fabric.param = #fabric.param<"l0.w3">},
  %l1_w1: tensor<24x12xf32> {fabric.param = #fabric.param<"l1.w1">},
  %l1_w2: tensor<12x24xf32> {fabric.param = #fabric.param<"l1.w2">},
  %l1_w3: tensor<24x12xf32> {fabric.param = #fabric.param<"l1.w3">}) -> (tensor<f32> {fabric.result = "loss"}) {
  %v1 = fabric.linear %x, %l0_w1 : (tensor<8x12xf32>, tensor<24x12xf32>) -> tensor<8x24xf32>
  %v2 = fabric.silu %v1 : tensor<8x24xf32>
  %v3 = fabric.linear %x, %l0_w3 : (tensor<8x12xf32>, tensor<24x12xf32>) -> tensor<8x24xf32>
  %v4 = fabric.mul %v2, %v3 : tensor<8x24xf32>
  %v5 = fabric.linear %v4, %l0_w2 : (tensor<8x24xf32>, tensor<12x24xf32>) -> tensor<8x12xf32>
  %v6 = fabric.add %x, %v5 : tensor<8x12xf32>
  %v7 = fabric.linear %v6, %l1_w1 : (tensor<8x12xf32>, tensor<24x12xf32>) -> tensor<8x24xf32>
  %v8 = fabric.silu %v7 : tensor<8x24xf32>
  %v9 = fabric.linear %v6, %l1_w3 : (tensor<8x12xf32>, tensor<24x12xf32>) -> tensor<8x24xf32>
  %v10 = fabric.mul %v8, %v9 : tensor<8x24xf32>
  %v11 = fabric.linear %v10, %l1_w2 : (tensor<8x24xf32>, tensor<12x24xf32>) -> tensor<8x12xf32>
  %v12 = fabric.add %v6, %v11 : tensor<8x12xf32>
  %v13 = fabric.sum %v12 dims = [0, 1] : tensor<8x12xf32> -> tensor<f32>
  return %v13 : tensor<f32>
}
}

// -----

module attributes {dist.mesh = #dist.mesh<["dp"=1, "tp"=4]>, fabric.train = #fabric.train<gradients>} {
func.func @f(%x: tensor<8x24xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
  %l0_w1: tensor<8x24xf32> {fabric.param = #fabric.param<"l0.w1">},
  %l0_w2: tensor<24x8xf32> {fabric.param = #fabric.param<"l0.w2">},
  %l0_w3: tensor<8x24xf32> {fabric.param = #fabric.param<"l0.w3">},
  %l1_w1: tensor<8x24xf32> {fabric.param = #fabric.param<"l1.w1">},
  %l1_w2: tensor<24x8xf32> {fabric.param = #fabric.param<"l1.w2">},
  %l1_w3: tensor<8x24xf32> {fabric.param = #fabric.param<"l1.w3">}) -> (tensor<f32> {fabric.result = "loss"}) {
  %v1 = fabric.linear %x, %l0_w1 : (tensor<8x24xf32>, tensor<8x24xf32>) -> tensor<8x8xf32>
  %v2 = fabric.silu %v1 : tensor<8x8xf32>
  %v3 = fabric.linear %x, %l0_w3 : (tensor<8x24xf32>, tensor<8x24xf32>) -> tensor<8x8xf32>
  %v4 = fabric.mul %v2, %v3 : tensor<8x8xf32>
  %v5 = fabric.linear %v4, %l0_w2 : (tensor<8x8xf32>, tensor<24x8xf32>) -> tensor<8x24xf32>
  %v6 = fabric.add %x, %v5 : tensor<8x24xf32>
  %v7 = fabric.linear %v6, %l1_w1 : (tensor<8x24xf32>, tensor<8x24xf32>) -> tensor<8x8xf32>
  %v8 = fabric.silu %v7 : tensor<8x8xf32>
  %v9 = fabric.linear %v6, %l1_w3 : (tensor<8x24xf32>, tensor<8x24xf32>) -> tensor<8x8xf32>
  %v10 = fabric.mul %v8, %v9 : tensor<8x8xf32>
  %v11 = fabric.linear %v10, %l1_w2 : (tensor<8x8xf32>, tensor<24x8xf32>) -> tensor<8x24xf32>
  %v12 = fabric.add %v6, %v11 : tensor<8x24xf32>
  %v13 = fabric.mul %v12, %v12 : tensor<8x24xf32>
  %v14 = fabric.sum %v13 dims = [0, 1] : tensor<8x24xf32> -> tensor<f32>
  return %v14 : tensor<f32>
}
}

// -----

module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
func.func @f(%x: tensor<8x12xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
  %l0_w1: tensor<24x12xf32> {fabric.param = #fabric.param<"l0.w1">},
  %l0_w2: tensor<12x24xf32> {fabric.param = #fabric.param<"l0.w2">},
  %l0_w3: tensor<24x12xf32> {fabric.param = #fabric.param<"l0.w3">},
  %l1_w1: tensor<24x12xf32> {fabric.param = #fabric.param<"l1.w1">},
  %l1_w2: tensor<12x24xf32> {fabric.param = #fabric.param<"l1.w2">},
  %l1_w3: tensor<24x12xf32> {fabric.param = #fabric.param<"l1.w3">}) -> (tensor<8x12xf32> {fabric.result = "y"}) {
  %v1 = fabric.linear %x, %l0_w1 : (tensor<8x12xf32>, tensor<24x12xf32>) -> tensor<8x24xf32>
  %v2 = fabric.silu %v1 : tensor<8x24xf32>
  %v3 = fabric.linear %x, %l0_w3 : (tensor<8x12xf32>, tensor<24x12xf32>) -> tensor<8x24xf32>
  %v4 = fabric.mul %v2, %v3 : tensor<8x24xf32>
  %v5 = fabric.linear %v4, %l0_w2 : (tensor<8x24xf32>, tensor<12x24xf32>) -> tensor<8x12xf32>
  %v6 = fabric.add %x, %v5 : tensor<8x12xf32>
  %v7 = fabric.linear %v6, %l1_w1 : (tensor<8x12xf32>, tensor<24x12xf32>) -> tensor<8x24xf32>
  %v8 = fabric.silu %v7 : tensor<8x24xf32>
  %v9 = fabric.linear %v6, %l1_w3 : (tensor<8x12xf32>, tensor<24x12xf32>) -> tensor<8x24xf32>
  %v10 = fabric.mul %v8, %v9 : tensor<8x24xf32>
  %v11 = fabric.linear %v10, %l1_w2 : (tensor<8x24xf32>, tensor<12x24xf32>) -> tensor<8x12xf32>
  %v12 = fabric.add %v6, %v11 : tensor<8x12xf32>
  return %v12 : tensor<8x12xf32>
}
}

// -----

// A parameter that is read three times.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>, fabric.train = #fabric.train<adamw>} {
func.func @f(%x: tensor<8x12xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
  %w: tensor<12x12xf32> {fabric.param = #fabric.param<"w">},
  %v: tensor<12x12xf32> {fabric.param = #fabric.param<"v">}) -> (tensor<f32> {fabric.result = "loss"}) {
  %v1 = fabric.linear %x, %w : (tensor<8x12xf32>, tensor<12x12xf32>) -> tensor<8x12xf32>
  %v2 = fabric.silu %v1 : tensor<8x12xf32>
  %v3 = fabric.linear %v2, %w : (tensor<8x12xf32>, tensor<12x12xf32>) -> tensor<8x12xf32>
  %v4 = fabric.linear %v3, %v : (tensor<8x12xf32>, tensor<12x12xf32>) -> tensor<8x12xf32>
  %v5 = fabric.linear %v4, %w : (tensor<8x12xf32>, tensor<12x12xf32>) -> tensor<8x12xf32>
  %v6 = fabric.add %v5, %v2 : tensor<8x12xf32>
  %v7 = fabric.mul %v6, %v6 : tensor<8x12xf32>
  %v8 = fabric.sum %v7 dims = [0, 1] : tensor<8x12xf32> -> tensor<f32>
  return %v8 : tensor<f32>
}
}

// -----

// Branches over a dim that is neither batch nor features.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=3]>, fabric.train = #fabric.train<adamw>} {
func.func @f(%x: tensor<8x3x12xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
  %w: tensor<24x12xf32> {fabric.param = #fabric.param<"w">},
  %b: tensor<24xf32> {fabric.param = #fabric.param<"b">},
  %u: tensor<12x24xf32> {fabric.param = #fabric.param<"u">},
  %v: tensor<12x24xf32> {fabric.param = #fabric.param<"v">},
  %c: tensor<12xf32> {fabric.param = #fabric.param<"c">}) -> (tensor<f32> {fabric.result = "loss"}) {
  %v1 = fabric.linear %x, %w : (tensor<8x3x12xf32>, tensor<24x12xf32>) -> tensor<8x3x24xf32>
  %v2 = fabric.broadcast %b dims = [2] : tensor<24xf32> -> tensor<8x3x24xf32>
  %v3 = fabric.add %v1, %v2 : tensor<8x3x24xf32>
  %v4 = fabric.silu %v3 : tensor<8x3x24xf32>
  %v5 = fabric.linear %v4, %u : (tensor<8x3x24xf32>, tensor<12x24xf32>) -> tensor<8x3x12xf32>
  %v6 = fabric.sigmoid %v3 : tensor<8x3x24xf32>
  %v7 = fabric.linear %v6, %v : (tensor<8x3x24xf32>, tensor<12x24xf32>) -> tensor<8x3x12xf32>
  %v8 = fabric.broadcast %c dims = [2] : tensor<12xf32> -> tensor<8x3x12xf32>
  %v9 = fabric.add %v7, %v8 : tensor<8x3x12xf32>
  %v10 = fabric.sub %v5, %v9 : tensor<8x3x12xf32>
  %v11 = fabric.mul %v10, %v10 : tensor<8x3x12xf32>
  %v12 = fabric.sum %v11 dims = [0, 1, 2] : tensor<8x3x12xf32> -> tensor<f32>
  return %v12 : tensor<f32>
}
}

// -----

// What not every style divides.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=4]>, fabric.train = #fabric.train<gradients>} {
func.func @f(%x: tensor<8x6xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
  %w0: tensor<12x6xf32> {fabric.param = #fabric.param<"w0">},
  %w1: tensor<30x12xf32> {fabric.param = #fabric.param<"w1">},
  %w2: tensor<5x30xf32> {fabric.param = #fabric.param<"w2">}) -> (tensor<f32> {fabric.result = "loss"}) {
  %v1 = fabric.linear %x, %w0 : (tensor<8x6xf32>, tensor<12x6xf32>) -> tensor<8x12xf32>
  %v2 = fabric.linear %v1, %w1 : (tensor<8x12xf32>, tensor<30x12xf32>) -> tensor<8x30xf32>
  %v3 = fabric.linear %v2, %w2 : (tensor<8x30xf32>, tensor<5x30xf32>) -> tensor<8x5xf32>
  %v4 = fabric.mul %v3, %v3 : tensor<8x5xf32>
  %v5 = fabric.sum %v4 dims = [0, 1] : tensor<8x5xf32> -> tensor<f32>
  return %v5 : tensor<f32>
}
}

// -----

// More partial plans than are kept: the parameters that a constraint needs whole
// are, and gradients that come as terms are not bet on alone.
module attributes {dist.mesh = #dist.mesh<["tp"=2]>, fabric.train = #fabric.train<adamw, eps = 0.001>} {
func.func @f(
    %a0: tensor<2x4xf64> {fabric.param = #fabric.param<"w2">},
    %a1: tensor<12x4xf64> {fabric.param = #fabric.param<"w5">},
    %a2: tensor<f64> {fabric.input = #fabric.input<"n4">})
    -> (tensor<f64> {fabric.result = "r0"}) {
  %0 = fabric.mul %a0, %a0 : tensor<2x4xf64>
  %1 = fabric.rsqrt %0 : tensor<2x4xf64>
  %2 = fabric.linear %1, %a1 : (tensor<2x4xf64>, tensor<12x4xf64>) -> tensor<2x12xf64>
  %3 = fabric.broadcast %a0 dims = [0, 2] : tensor<2x4xf64> -> tensor<2x6x4xf64>
  %4 = dist.constraint %a1 sharding = <#dist.mesh<["tp"=2]>, [{}, {}]> : tensor<12x4xf64>
  %5 = fabric.sum %2 dims = [0, 1] : tensor<2x12xf64> -> tensor<f64>
  %6 = fabric.add %a2, %5 : tensor<f64>
  %7 = fabric.sum %3 dims = [0, 1, 2] : tensor<2x6x4xf64> -> tensor<f64>
  %8 = fabric.add %6, %7 : tensor<f64>
  %9 = fabric.sum %4 dims = [0, 1] : tensor<12x4xf64> -> tensor<f64>
  %10 = fabric.add %8, %9 : tensor<f64>
  return %10 : tensor<f64>
}
}

// -----

module attributes {dist.mesh = #dist.mesh<["tp"=2]>, fabric.train = #fabric.train<adamw, eps = 0.001>} {
func.func @f(
    %a0: tensor<6xf64> {fabric.param = #fabric.param<"w1">},
    %a1: tensor<6x6xf64> {fabric.param = #fabric.param<"w3">},
    %a2: tensor<4x4xf64> {fabric.input = #fabric.input<"n6">})
    -> (tensor<f64> {fabric.result = "r0"}, tensor<6x4xf64> {fabric.result = "r3"}) {
  %0 = fabric.broadcast %a0 dims = [0] : tensor<6xf64> -> tensor<6x4xf64>
  %1 = fabric.linear %0, %0 : (tensor<6x4xf64>, tensor<6x4xf64>) -> tensor<6x6xf64>
  %2 = fabric.linear %0, %a2 : (tensor<6x4xf64>, tensor<4x4xf64>) -> tensor<6x4xf64>
  %3 = fabric.softmax %2 dim = 0 : tensor<6x4xf64>
  %4 = fabric.mul %1, %a1 : tensor<6x6xf64>
  %5 = fabric.reshape %a1 : tensor<6x6xf64> -> tensor<3x12xf64>
  %6 = fabric.pad %0 dims = [0, 1] offsets = [2, 2] strides = [1, 1] value = 0.000000e+00 : tensor<6x4xf64> -> tensor<10x8xf64>
  %7 = fabric.sum %3 dims = [0, 1] : tensor<6x4xf64> -> tensor<f64>
  %8 = fabric.sum %4 dims = [0, 1] : tensor<6x6xf64> -> tensor<f64>
  %9 = fabric.add %7, %8 : tensor<f64>
  %10 = fabric.sum %6 dims = [0, 1] : tensor<10x8xf64> -> tensor<f64>
  %11 = fabric.add %9, %10 : tensor<f64>
  %12 = fabric.sum %5 dims = [0, 1] : tensor<3x12xf64> -> tensor<f64>
  %13 = fabric.add %11, %12 : tensor<f64>
  return %13, %2 : tensor<f64>, tensor<6x4xf64>
}
}

// -----

module attributes {dist.mesh = #dist.mesh<["tp"=2]>, fabric.train = #fabric.train<adamw, eps = 0.001>} {
func.func @f(
    %a0: tensor<2x12x12xf64> {fabric.param = #fabric.param<"w2">},
    %a1: tensor<2x12xf64> {fabric.param = #fabric.param<"w3">},
    %a2: tensor<2x12x2xf64> {fabric.param = #fabric.param<"w4">},
    %a3: tensor<f64> {fabric.input = #fabric.input<"n16">})
    -> (tensor<f64> {fabric.result = "r0"}) {
  %0 = fabric.linear %a0, %a1 : (tensor<2x12x12xf64>, tensor<2x12xf64>) -> tensor<2x12x2xf64>
  %1 = fabric.silu %0 : tensor<2x12x2xf64>
  %2 = fabric.mul %1, %a2 : tensor<2x12x2xf64>
  %3 = dist.constraint %a2 sharding = <#dist.mesh<["tp"=2]>, [{}, {}, {}]> : tensor<2x12x2xf64>
  %4 = fabric.sum %2 dims = [0, 1, 2] : tensor<2x12x2xf64> -> tensor<f64>
  %5 = fabric.add %a3, %4 : tensor<f64>
  %6 = fabric.sum %3 dims = [0, 1, 2] : tensor<2x12x2xf64> -> tensor<f64>
  %7 = fabric.add %5, %6 : tensor<f64>
  return %7 : tensor<f64>
}
}
