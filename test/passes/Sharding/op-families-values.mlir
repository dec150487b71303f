// RUN: fabric-check-values %s --before=train --pipeline="shard-2d{dp=1 tp=1}" --pipeline="shard-2d{dp=2 tp=2}" --pipeline="shard-2d{dp=1 tp=4}" --pipeline="shard-2d{dp=3 tp=1}" --pipeline="shard-2d{dp=4 tp=1}" --pipeline="shard-2d{dp=1 tp=3}" --pipeline="shard-2d{dp=2 tp=3}" --pipeline="shard-2d{dp=2 tp=2},schedule,func.func(lower-decompose)"

// By value: every family of ops forward and backward on meshes, with the dims
// that they need whole split and not, and operands that are partial.

// What is not linear is reduced before: the second product is partial.
module attributes {fabric.train = #fabric.train<gradients>} {
func.func @elementwise(
    %x: tensor<12x24xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<36x24xf64> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<colwise>},
    %v: tensor<24x36xf64> {fabric.param = #fabric.param<"v">, dist.tp = #dist.tp<rowwise>})
    -> (tensor<f64> {fabric.result = "loss"}) {
  %0 = fabric.linear %x, %w : (tensor<12x24xf64>, tensor<36x24xf64>) -> tensor<12x36xf64>
  %1 = fabric.tanh %0 : tensor<12x36xf64>
  %2 = fabric.exp %1 : tensor<12x36xf64>
  %3 = fabric.log %2 : tensor<12x36xf64>
  %4 = fabric.sqrt %2 : tensor<12x36xf64>
  %5 = fabric.rsqrt %2 : tensor<12x36xf64>
  %6 = fabric.abs %1 : tensor<12x36xf64>
  %7 = fabric.erf %1 : tensor<12x36xf64>
  %8 = fabric.relu %1 : tensor<12x36xf64>
  %9 = fabric.gelu %1 : tensor<12x36xf64>
  %10 = fabric.gelu tanh %1 : tensor<12x36xf64>
  %11 = fabric.pow %2 {exponent = 1.3} : tensor<12x36xf64>
  %12 = fabric.add %3, %4 : tensor<12x36xf64>
  %13 = fabric.add %12, %5 : tensor<12x36xf64>
  %14 = fabric.add %13, %6 : tensor<12x36xf64>
  %15 = fabric.add %14, %7 : tensor<12x36xf64>
  %16 = fabric.add %15, %8 : tensor<12x36xf64>
  %17 = fabric.add %16, %9 : tensor<12x36xf64>
  %18 = fabric.add %17, %10 : tensor<12x36xf64>
  %19 = fabric.add %18, %11 : tensor<12x36xf64>
  %20 = fabric.div %19, %2 : tensor<12x36xf64>
  %21 = fabric.maximum %20, %1 : tensor<12x36xf64>
  %22 = fabric.minimum %21, %19 : tensor<12x36xf64>
  %23 = fabric.stop_gradient %22 : tensor<12x36xf64>
  %24 = fabric.mul %22, %23 : tensor<12x36xf64>
  %25 = fabric.linear %24, %v : (tensor<12x36xf64>, tensor<24x36xf64>) -> tensor<12x24xf64>
  %26 = fabric.gelu %25 : tensor<12x24xf64>
  %27 = fabric.mul %26, %26 : tensor<12x24xf64>
  %28 = fabric.sum %27 dims = [0, 1] : tensor<12x24xf64> -> tensor<f64>
  return %28 : tensor<f64>
}
}

// -----

// Extremes over dims that both axes split are partial by max and min; one of a
// product that is partial itself waits for its sum.
module attributes {fabric.train = #fabric.train<gradients>} {
func.func @choices(
    %x: tensor<12x24xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %u: tensor<12x36xf64> {fabric.input = #fabric.input<"u", batch_dim = 0>},
    %w: tensor<36x24xf64> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<colwise>},
    %v: tensor<24x36xf64> {fabric.param = #fabric.param<"v">, dist.tp = #dist.tp<rowwise>})
    -> (tensor<f64> {fabric.result = "loss"}) {
  %0 = fabric.linear %x, %w : (tensor<12x24xf64>, tensor<36x24xf64>) -> tensor<12x36xf64>
  %1 = fabric.compare gt %0, %u : (tensor<12x36xf64>, tensor<12x36xf64>) -> tensor<12x36xi1>
  %2 = fabric.select %1, %0, %u : (tensor<12x36xi1>, tensor<12x36xf64>, tensor<12x36xf64>) -> tensor<12x36xf64>
  %3 = fabric.max %2 dims = [1] : tensor<12x36xf64> -> tensor<12xf64>
  %4 = fabric.min %0 dims = [0] : tensor<12x36xf64> -> tensor<36xf64>
  %5 = fabric.max %0 dims = [0, 1] : tensor<12x36xf64> -> tensor<f64>
  %6 = fabric.broadcast %3 dims = [0] : tensor<12xf64> -> tensor<12x36xf64>
  %7 = fabric.broadcast %4 dims = [1] : tensor<36xf64> -> tensor<12x36xf64>
  %8 = fabric.sub %2, %6 : tensor<12x36xf64>
  %9 = fabric.mul %8, %7 : tensor<12x36xf64>
  %10 = fabric.linear %9, %v : (tensor<12x36xf64>, tensor<24x36xf64>) -> tensor<12x24xf64>
  %11 = fabric.max %10 dims = [1] : tensor<12x24xf64> -> tensor<12xf64>
  %12 = fabric.mul %11, %11 : tensor<12xf64>
  %13 = fabric.sum %12 dims = [0] : tensor<12xf64> -> tensor<f64>
  %14 = fabric.mul %9, %9 : tensor<12x36xf64>
  %15 = fabric.sum %14 dims = [0, 1] : tensor<12x36xf64> -> tensor<f64>
  %16 = fabric.add %13, %15 : tensor<f64>
  %17 = fabric.add %16, %5 : tensor<f64>
  return %17 : tensor<f64>
}
}

// -----

// Along split dims, along whole ones, and of a product that is partial.
module attributes {fabric.train = #fabric.train<gradients>} {
func.func @parts(
    %x: tensor<12x24xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<36x24xf64> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<colwise>},
    %v: tensor<24x36xf64> {fabric.param = #fabric.param<"v">, dist.tp = #dist.tp<rowwise>})
    -> (tensor<f64> {fabric.result = "loss"}) {
  %0 = fabric.linear %x, %w : (tensor<12x24xf64>, tensor<36x24xf64>) -> tensor<12x36xf64>
  %1 = fabric.slice %0 dims = [1] offsets = [0] strides = [1] : tensor<12x36xf64> -> tensor<12x12xf64>
  %2 = fabric.slice %0 dims = [1] offsets = [12] strides = [1] : tensor<12x36xf64> -> tensor<12x12xf64>
  %3 = fabric.slice %0 dims = [1] offsets = [24] strides = [1] : tensor<12x36xf64> -> tensor<12x12xf64>
  %4 = fabric.slice %0 dims = [0, 1] offsets = [0, 1] strides = [2, 3] : tensor<12x36xf64> -> tensor<6x12xf64>
  %5 = fabric.mul %1, %2 : tensor<12x12xf64>
  %6 = fabric.concat %5, %3, %1 dim = 1 : (tensor<12x12xf64>, tensor<12x12xf64>, tensor<12x12xf64>) -> tensor<12x36xf64>
  %7 = fabric.linear %6, %v : (tensor<12x36xf64>, tensor<24x36xf64>) -> tensor<12x24xf64>
  %8 = fabric.slice %7 dims = [1] offsets = [3] strides = [4] : tensor<12x24xf64> -> tensor<12x4xf64>
  %9 = fabric.concat %8, %7 dim = 1 : (tensor<12x4xf64>, tensor<12x24xf64>) -> tensor<12x28xf64>
  %10 = fabric.pad %9 dims = [1] offsets = [2] strides = [1] value = 0.5 : tensor<12x28xf64> -> tensor<12x36xf64>
  %11 = fabric.pad %4 dims = [0] offsets = [1] strides = [2] value = 0.0 : tensor<6x12xf64> -> tensor<12x12xf64>
  %12 = fabric.concat %11, %11, %11 dim = 1 : (tensor<12x12xf64>, tensor<12x12xf64>, tensor<12x12xf64>) -> tensor<12x36xf64>
  %13 = fabric.add %10, %12 : tensor<12x36xf64>
  %14 = fabric.mul %13, %13 : tensor<12x36xf64>
  %15 = fabric.sum %14 dims = [0, 1] : tensor<12x36xf64> -> tensor<f64>
  return %15 : tensor<f64>
}
}

// -----

// Over dims that are split, so that they decompose, and over dims that are not.
module attributes {fabric.train = #fabric.train<gradients>} {
func.func @norms(
    %x: tensor<12x24xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<36x24xf64> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<colwise>},
    %v: tensor<24x36xf64> {fabric.param = #fabric.param<"v">, dist.tp = #dist.tp<rowwise>},
    %g: tensor<24xf64> {fabric.param = #fabric.param<"g">})
    -> (tensor<f64> {fabric.result = "loss"}) {
  %0 = fabric.linear %x, %w : (tensor<12x24xf64>, tensor<36x24xf64>) -> tensor<12x36xf64>
  %1 = fabric.layer_norm %0 dims = [1] {eps = 1.0e-5} : tensor<12x36xf64>
  %2 = fabric.softmax %1 dim = 1 : tensor<12x36xf64>
  %3 = fabric.softmax %0 dim = 0 : tensor<12x36xf64>
  %4 = fabric.add %2, %3 : tensor<12x36xf64>
  %5 = fabric.linear %4, %v : (tensor<12x36xf64>, tensor<24x36xf64>) -> tensor<12x24xf64>
  %6 = fabric.add %5, %x : tensor<12x24xf64>
  %7 = fabric.layer_norm %6 dims = [0, 1] {eps = 1.0e-5} : tensor<12x24xf64>
  %8 = fabric.broadcast %g dims = [1] : tensor<24xf64> -> tensor<12x24xf64>
  %9 = fabric.mul %7, %8 : tensor<12x24xf64>
  %10 = fabric.mul %9, %x : tensor<12x24xf64>
  %11 = fabric.sum %10 dims = [0, 1] : tensor<12x24xf64> -> tensor<f64>
  return %11 : tensor<f64>
}
}

// -----

// Of an argument, whose type says how it is stored, not how what is made from
// it is split.
module attributes {fabric.train = #fabric.train<gradients>} {
func.func @norm_of_an_input(
    %x: tensor<12x24xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %g: tensor<24xf64> {fabric.param = #fabric.param<"g">, dist.tp = #dist.tp<colwise>})
    -> (tensor<f64> {fabric.result = "loss"}) {
  %0 = fabric.layer_norm %x dims = [1] {eps = 1.0e-5} : tensor<12x24xf64>
  %1 = fabric.broadcast %g dims = [1] : tensor<24xf64> -> tensor<12x24xf64>
  %2 = fabric.mul %0, %1 : tensor<12x24xf64>
  %3 = fabric.softmax %x dim = 1 : tensor<12x24xf64>
  %4 = fabric.mul %2, %3 : tensor<12x24xf64>
  %5 = fabric.sum %4 dims = [0, 1] : tensor<12x24xf64> -> tensor<f64>
  return %5 : tensor<f64>
}
}
