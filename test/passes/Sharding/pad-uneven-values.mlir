// RUN: fabric-check-values %s --before=train --pipeline="shard-2d{dp=1 tp=1}" --pipeline="shard-2d{dp=1 tp=2}" --pipeline="shard-2d{dp=1 tp=3}" --pipeline="shard-2d{dp=1 tp=4}" --pipeline="shard-2d{dp=1 tp=5}" --pipeline="shard-2d{dp=1 tp=6}" --pipeline="shard-2d{dp=1 tp=7}" --pipeline="shard-2d{dp=1 tp=8}" --pipeline="shard-2d{dp=2 tp=1}" --pipeline="shard-2d{dp=2 tp=2}" --pipeline="shard-2d{dp=2 tp=3}" --pipeline="shard-2d{dp=2 tp=4}" --pipeline="shard-2d{dp=3 tp=1}" --pipeline="shard-2d{dp=3 tp=2}" --pipeline="shard-2d{dp=4 tp=1}" --pipeline="shard-2d{dp=4 tp=2}" --pipeline="shard-2d{dp=5 tp=1}" --pipeline="shard-2d{dp=6 tp=1}" --pipeline="shard-2d{dp=7 tp=1}" --pipeline="shard-2d{dp=8 tp=1}"

// By value on every mesh of up to eight ranks, of which most divide next to
// nothing: training steps with biases, sigmoids, residuals, merged dims and mean
// squares, padded and masked.

module attributes {fabric.train = #fabric.train<adamw>} {
func.func @mlp(
    %x: tensor<6x97xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %t: tensor<6x97xf64> {fabric.input = #fabric.input<"t", batch_dim = 0>},
    %w1: tensor<176x97xf64> {fabric.param = #fabric.param<"1.weight">, dist.tp = #dist.tp<colwise>},
    %b1: tensor<176xf64> {fabric.param = #fabric.param<"1.bias">, dist.tp = #dist.tp<colwise>},
    %w2: tensor<97x176xf64> {fabric.param = #fabric.param<"2.weight">, dist.tp = #dist.tp<rowwise>},
    %b2: tensor<97xf64> {fabric.param = #fabric.param<"2.bias">, dist.tp = #dist.tp<rowwise>})
    -> (tensor<f64> {fabric.result = "loss"}, tensor<6x97xf64> {fabric.result = "y"}) {
  %1 = fabric.linear %x, %w1 : (tensor<6x97xf64>, tensor<176x97xf64>) -> tensor<6x176xf64>
  %2 = fabric.broadcast %b1 dims = [1] : tensor<176xf64> -> tensor<6x176xf64>
  %3 = fabric.add %1, %2 : tensor<6x176xf64>
  %4 = fabric.silu %3 : tensor<6x176xf64>
  %5 = fabric.linear %4, %w2 : (tensor<6x176xf64>, tensor<97x176xf64>) -> tensor<6x97xf64>
  %6 = fabric.broadcast %b2 dims = [1] : tensor<97xf64> -> tensor<6x97xf64>
  %7 = fabric.add %5, %6 : tensor<6x97xf64>
  %8 = fabric.add %7, %x : tensor<6x97xf64>
  %9 = fabric.sub %8, %t : tensor<6x97xf64>
  %10 = fabric.mul %9, %9 : tensor<6x97xf64>
  %11 = fabric.sum %10 dims = [0, 1] : tensor<6x97xf64> -> tensor<f64>
  %12 = fabric.constant dense<0.00171821305841924398> : tensor<f64>
  %13 = fabric.mul %11, %12 : tensor<f64>
  return %13, %8 : tensor<f64>, tensor<6x97xf64>
}
}

// -----

// Features split, rowwise first: the input is padded, too. Sigmoids are one half
// where their operand is padding. A gate, and a sum that is no mean.

module attributes {fabric.train = #fabric.train<gradients>} {
func.func @gates(
    %x: tensor<5x11xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w1: tensor<13x11xf64> {fabric.param = #fabric.param<"w1">, dist.tp = #dist.tp<rowwise>},
    %w2: tensor<13x11xf64> {fabric.param = #fabric.param<"w2">, dist.tp = #dist.tp<rowwise>},
    %b: tensor<13xf64> {fabric.param = #fabric.param<"b">, dist.tp = #dist.tp<colwise>},
    %w3: tensor<7x13xf64> {fabric.param = #fabric.param<"w3">, dist.tp = #dist.tp<colwise>})
    -> (tensor<f64> {fabric.result = "loss"}, tensor<13xf64> {fabric.result = "column sums"}) {
  %0 = fabric.linear %x, %w1 : (tensor<5x11xf64>, tensor<13x11xf64>) -> tensor<5x13xf64>
  %1 = fabric.sigmoid %0 : tensor<5x13xf64>
  %2 = fabric.linear %x, %w2 : (tensor<5x11xf64>, tensor<13x11xf64>) -> tensor<5x13xf64>
  %3 = fabric.broadcast %b dims = [1] : tensor<13xf64> -> tensor<5x13xf64>
  %4 = fabric.add %2, %3 : tensor<5x13xf64>
  %5 = fabric.mul %1, %4 : tensor<5x13xf64>
  %6 = fabric.add %5, %1 : tensor<5x13xf64>
  %s = fabric.sum %6 dims = [0] : tensor<5x13xf64> -> tensor<13xf64>
  %7 = fabric.linear %6, %w3 : (tensor<5x13xf64>, tensor<7x13xf64>) -> tensor<5x7xf64>
  %8 = fabric.sigmoid %7 : tensor<5x7xf64>
  %9 = fabric.sum %8 dims = [0, 1] : tensor<5x7xf64> -> tensor<f64>
  return %9, %s : tensor<f64>, tensor<13xf64>
}
}

// -----

// Merged dims: [b, s] is one dim for the products; the padding of b stays at its
// end. Heads: the columns of w are [3, 5], and the 3 is padded. A constant that
// is no splat.

module attributes {fabric.train = #fabric.train<adamw>} {
func.func @merged(
    %x: tensor<3x4x6xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %t: tensor<12x15xf64> {fabric.input = #fabric.input<"t", batch_dim = 0>},
    %w: tensor<15x6xf64> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<colwise>},
    %g: tensor<3x5xf64> {fabric.param = #fabric.param<"g">})
    -> (tensor<f64> {fabric.result = "loss"}) {
  %0 = fabric.reshape %x : tensor<3x4x6xf64> -> tensor<12x6xf64>
  %1 = fabric.linear %0, %w : (tensor<12x6xf64>, tensor<15x6xf64>) -> tensor<12x15xf64>
  %2 = fabric.reshape %1 : tensor<12x15xf64> -> tensor<3x4x3x5xf64>
  %3 = fabric.broadcast %g dims = [2, 3] : tensor<3x5xf64> -> tensor<3x4x3x5xf64>
  %4 = fabric.mul %2, %3 : tensor<3x4x3x5xf64>
  %c = fabric.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf64>
  %5 = fabric.broadcast %c dims = [2] : tensor<3xf64> -> tensor<3x4x3x5xf64>
  %6 = fabric.add %4, %5 : tensor<3x4x3x5xf64>
  %7 = fabric.transpose %6 permutation = [0, 1, 3, 2] : tensor<3x4x3x5xf64> -> tensor<3x4x5x3xf64>
  %8 = fabric.transpose %7 permutation = [0, 1, 3, 2] : tensor<3x4x5x3xf64> -> tensor<3x4x3x5xf64>
  %9 = fabric.reshape %8 : tensor<3x4x3x5xf64> -> tensor<12x15xf64>
  %10 = fabric.sub %9, %t : tensor<12x15xf64>
  %11 = fabric.mul %10, %10 : tensor<12x15xf64>
  %12 = fabric.sum %11 dims = [0, 1] : tensor<12x15xf64> -> tensor<f64>
  return %12 : tensor<f64>
}
}

// -----

// What decides between floats is padded, and is itself no float.

module {
func.func @condition(
    %x: tensor<5x13xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %b: tensor<13xf64> {fabric.param = #fabric.param<"b">, dist.tp = #dist.tp<colwise>})
    -> (tensor<13xf64> {fabric.result = "counts"}, tensor<13xf64> {fabric.result = "chosen"}) {
  %0 = fabric.broadcast %b dims = [1] : tensor<13xf64> -> tensor<5x13xf64>
  %1 = fabric.exp %x : tensor<5x13xf64>
  %2 = fabric.compare lt %1, %0 : (tensor<5x13xf64>, tensor<5x13xf64>) -> tensor<5x13xi1>
  %3 = fabric.cast %2 : tensor<5x13xi1> -> tensor<5x13xf64>
  %4 = fabric.sum %3 dims = [0] : tensor<5x13xf64> -> tensor<13xf64>
  %5 = fabric.select %2, %1, %0 : (tensor<5x13xi1>, tensor<5x13xf64>, tensor<5x13xf64>) -> tensor<5x13xf64>
  %6 = fabric.sum %5 dims = [0] : tensor<5x13xf64> -> tensor<13xf64>
  return %4, %6 : tensor<13xf64>, tensor<13xf64>
}
}

// -----

// Extremes over dims that are padded, and over others. Their gradient is divided
// by the number of the largest, which is none where all is padding.

module attributes {fabric.train = #fabric.train<gradients>} {
func.func @extremes(
    %x: tensor<5x7xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<13x7xf64> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<colwise>},
    %b: tensor<13xf64> {fabric.param = #fabric.param<"b">, dist.tp = #dist.tp<colwise>},
    %g: tensor<5xf64> {fabric.input = #fabric.input<"g", batch_dim = 0>})
    -> (tensor<f64> {fabric.result = "loss"}) {
  %0 = fabric.linear %x, %w : (tensor<5x7xf64>, tensor<13x7xf64>) -> tensor<5x13xf64>
  %1 = fabric.min %0 dims = [1] : tensor<5x13xf64> -> tensor<5xf64>
  %2 = fabric.max %0 dims = [0] : tensor<5x13xf64> -> tensor<13xf64>
  %3 = fabric.max %w dims = [1] : tensor<13x7xf64> -> tensor<13xf64>
  %4 = fabric.mul %1, %g : tensor<5xf64>
  %5 = fabric.mul %2, %b : tensor<13xf64>
  %6 = fabric.mul %3, %b : tensor<13xf64>
  %7 = fabric.sum %4 dims = [0] : tensor<5xf64> -> tensor<f64>
  %8 = fabric.sum %5 dims = [0] : tensor<13xf64> -> tensor<f64>
  %9 = fabric.sum %6 dims = [0] : tensor<13xf64> -> tensor<f64>
  %10 = fabric.min %0 dims = [0, 1] : tensor<5x13xf64> -> tensor<f64>
  %11 = fabric.add %7, %8 : tensor<f64>
  %12 = fabric.add %9, %10 : tensor<f64>
  %13 = fabric.add %11, %12 : tensor<f64>
  return %13 : tensor<f64>
}
}

// -----

// Zero by zero in padding, in a sum and in a product.

module attributes {fabric.train = #fabric.train<gradients>} {
func.func @quotients(
    %x: tensor<5x13xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %y: tensor<5x13xf64> {fabric.input = #fabric.input<"y", batch_dim = 0>},
    %b: tensor<13xf64> {fabric.param = #fabric.param<"b">, dist.tp = #dist.tp<colwise>},
    %w: tensor<3x13xf64> {fabric.param = #fabric.param<"w">})
    -> (tensor<f64> {fabric.result = "loss"}) {
  %0 = fabric.div %x, %y : tensor<5x13xf64>
  %1 = fabric.broadcast %b dims = [1] : tensor<13xf64> -> tensor<5x13xf64>
  %2 = fabric.mul %0, %1 : tensor<5x13xf64>
  %3 = fabric.linear %2, %w : (tensor<5x13xf64>, tensor<3x13xf64>) -> tensor<5x3xf64>
  %4 = fabric.sum %3 dims = [0, 1] : tensor<5x3xf64> -> tensor<f64>
  %5 = fabric.div %b, %b : tensor<13xf64>
  %6 = fabric.sum %5 dims = [0] : tensor<13xf64> -> tensor<f64>
  %7 = fabric.add %4, %6 : tensor<f64>
  return %7 : tensor<f64>
}
}

// -----

// Infinite in true elements, which a minimum bounds: 0 in padding times infinity
// would be no number, and spoil the sums. Of a division, of a constant, in a
// product and in an extreme.

module {
func.func @infinite(
    %x: tensor<5x13xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<5x13xf64> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<rowwise>},
    %b: tensor<13xf64> {fabric.param = #fabric.param<"b">, dist.tp = #dist.tp<colwise>},
    %r: tensor<3xf64> {fabric.input = #fabric.input<"r">})
    -> (tensor<f64> {fabric.result = "divided"}, tensor<f64> {fabric.result = "constant"},
        tensor<f64> {fabric.result = "product"}, tensor<f64> {fabric.result = "extreme"}) {
  %five = fabric.constant dense<5.0> : tensor<5x13xf64>
  %one = fabric.constant dense<1.0> : tensor<13xf64>
  %x0 = fabric.abs %x : tensor<5x13xf64>
  %b0 = fabric.relu %b : tensor<13xf64>
  %b1 = fabric.div %one, %b0 : tensor<13xf64>
  %b2 = fabric.broadcast %b1 dims = [1] : tensor<13xf64> -> tensor<5x13xf64>
  %0 = fabric.mul %x0, %b2 : tensor<5x13xf64>
  %1 = fabric.minimum %0, %five : tensor<5x13xf64>
  %2 = fabric.sum %1 dims = [0, 1] : tensor<5x13xf64> -> tensor<f64>

  %c = fabric.constant dense<0x7FF0000000000000> : tensor<5x13xf64>
  %3 = fabric.mul %x0, %c : tensor<5x13xf64>
  %4 = fabric.minimum %3, %five : tensor<5x13xf64>
  %5 = fabric.sum %4 dims = [0, 1] : tensor<5x13xf64> -> tensor<f64>

  %three = fabric.constant dense<5.0> : tensor<5x3xf64>
  %ones = fabric.constant dense<1.0> : tensor<3xf64>
  %none = fabric.constant dense<0.0> : tensor<3xf64>
  %r0 = fabric.mul %r, %none : tensor<3xf64>
  %r1 = fabric.div %ones, %r0 : tensor<3xf64>
  %r3 = fabric.mul %r1, %r1 : tensor<3xf64>
  %r2 = fabric.broadcast %r3 dims = [0] : tensor<3xf64> -> tensor<3x13xf64>
  %w0 = fabric.abs %w : tensor<5x13xf64>
  %6 = fabric.linear %w0, %r2 : (tensor<5x13xf64>, tensor<3x13xf64>) -> tensor<5x3xf64>
  %7 = fabric.minimum %6, %three : tensor<5x3xf64>
  %8 = fabric.sum %7 dims = [0, 1] : tensor<5x3xf64> -> tensor<f64>

  %9 = fabric.min %3 dims = [0] : tensor<5x13xf64> -> tensor<13xf64>
  %10 = fabric.minimum %9, %one : tensor<13xf64>
  %11 = fabric.sum %10 dims = [0] : tensor<13xf64> -> tensor<f64>
  return %2, %5, %8, %11 : tensor<f64>, tensor<f64>, tensor<f64>, tensor<f64>
}
}
