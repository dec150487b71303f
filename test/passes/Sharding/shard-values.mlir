// RUN: fabric-check-values %models/feedforward.mlir --before=train --pipeline="shard-2d{dp=1 tp=1}" --pipeline="shard-2d{dp=2 tp=2}" --pipeline="shard-2d{dp=4 tp=2}" --pipeline="shard-2d{dp=2 tp=4}" --pipeline="shard-2d{dp=1 tp=8}" --pipeline="shard-2d{dp=8 tp=1}" --pipeline="shard-2d{dp=1 tp=2}" --pipeline="shard-2d{dp=4 tp=1}"
// RUN: fabric-check-values %models/feedforward_forward.mlir --pipeline="shard-2d{dp=2 tp=2}" --pipeline="shard-2d{dp=2 tp=4}"
// RUN: fabric-check-values %s --before=train --pipeline="shard-2d{dp=1 tp=1}" --pipeline="shard-2d{dp=2 tp=1}" --pipeline="shard-2d{dp=1 tp=2}" --pipeline="shard-2d{dp=3 tp=1}" --pipeline="shard-2d{dp=1 tp=3}" --pipeline="shard-2d{dp=2 tp=2}" --pipeline="shard-2d{dp=4 tp=1}" --pipeline="shard-2d{dp=1 tp=4}" --pipeline="shard-2d{dp=2 tp=3}" --pipeline="shard-2d{dp=3 tp=2}" --pipeline="shard-2d{dp=6 tp=1}" --pipeline="shard-2d{dp=1 tp=6}" --pipeline="shard-2d{dp=2 tp=4}" --pipeline="shard-2d{dp=4 tp=2}"

// By value on every mesh of up to eight ranks that divides the sizes: the models,
// and a training step of an MLP with biases, a residual, merged dims and a mean
// square.

module attributes {fabric.train = #fabric.train<adamw>} {
func.func @mlp(
    %x: tensor<12x4x12xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %t: tensor<48x12xf64> {fabric.input = #fabric.input<"t", batch_dim = 0>},
    %w1: tensor<24x12xf64> {fabric.param = #fabric.param<"1.weight">, dist.tp = #dist.tp<colwise>},
    %b1: tensor<24xf64> {fabric.param = #fabric.param<"1.bias">, dist.tp = #dist.tp<colwise>},
    %w2: tensor<12x24xf64> {fabric.param = #fabric.param<"2.weight">, dist.tp = #dist.tp<rowwise>},
    %b2: tensor<12xf64> {fabric.param = #fabric.param<"2.bias">, dist.tp = #dist.tp<rowwise>})
    -> (tensor<f64> {fabric.result = "loss"}) {
  %0 = fabric.reshape %x : tensor<12x4x12xf64> -> tensor<48x12xf64>
  %1 = fabric.linear %0, %w1 : (tensor<48x12xf64>, tensor<24x12xf64>) -> tensor<48x24xf64>
  %2 = fabric.broadcast %b1 dims = [1] : tensor<24xf64> -> tensor<48x24xf64>
  %3 = fabric.add %1, %2 : tensor<48x24xf64>
  %4 = fabric.silu %3 : tensor<48x24xf64>
  %5 = fabric.linear %4, %w2 : (tensor<48x24xf64>, tensor<12x24xf64>) -> tensor<48x12xf64>
  %6 = fabric.broadcast %b2 dims = [1] : tensor<12xf64> -> tensor<48x12xf64>
  %7 = fabric.add %5, %6 : tensor<48x12xf64>
  %8 = fabric.add %7, %0 : tensor<48x12xf64>
  %9 = fabric.sub %8, %t : tensor<48x12xf64>
  %10 = fabric.mul %9, %9 : tensor<48x12xf64>
  %11 = fabric.sum %10 dims = [0, 1] : tensor<48x12xf64> -> tensor<f64>
  %12 = fabric.constant dense<0.001736111111111111> : tensor<f64>
  %13 = fabric.mul %11, %12 : tensor<f64>
  return %13 : tensor<f64>
}
}
