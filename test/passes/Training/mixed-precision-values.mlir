// RUN: fabric-check-values %models/feedforward.mlir --before=train --pipeline="shard-2d{dp=1 tp=1 param-dtype=bf16}" --pipeline="shard-2d{dp=2 tp=2 param-dtype=bf16}" --pipeline="shard-2d{dp=4 tp=1 param-dtype=bf16 reduce-dtype=bf16}" --pipeline="shard-2d{dp=2 tp=2 param-dtype=bf16 fsdp=auto}"
// RUN: fabric-check-values %s --before=train --pipeline="shard-2d{dp=1 tp=1 param-dtype=bf16}" --pipeline="shard-2d{dp=2 tp=2 param-dtype=bf16}" --pipeline="shard-2d{dp=1 tp=4 param-dtype=bf16 reduce-dtype=bf16}" --pipeline="shard-2d{dp=2 tp=3 param-dtype=bf16}" --pipeline="shard-2d{dp=3 tp=2 param-dtype=bf16 fsdp=auto}" --pipeline="shard-2d{dp=5 tp=1 param-dtype=bf16}"

// The interpreter ignores widths, so mixed precision must be the f32 program on
// every mesh: casts, wide sums and rounding that moves lose nothing and count
// nothing twice. With biases, a norm, a residual, a mean square, a tied weight;
// dp=5 and dp=3 pad the batch of 16. The norm is over 16, and eps is 2^-16: no
// constant is rounded in what it decomposes into.

module attributes {fabric.train = #fabric.train<adamw>} {
func.func @mlp(
    %x: tensor<16x16xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %t: tensor<16x16xf32> {fabric.input = #fabric.input<"t", batch_dim = 0>},
    %g: tensor<16xf32> {fabric.param = #fabric.param<"norm.weight">},
    %w1: tensor<24x16xf32> {fabric.param = #fabric.param<"1.weight">, dist.tp = #dist.tp<colwise>},
    %b1: tensor<24xf32> {fabric.param = #fabric.param<"1.bias">, dist.tp = #dist.tp<colwise>},
    %w2: tensor<16x24xf32> {fabric.param = #fabric.param<"2.weight">, dist.tp = #dist.tp<rowwise>},
    %b2: tensor<16xf32> {fabric.param = #fabric.param<"2.bias">, dist.tp = #dist.tp<rowwise>})
    -> (tensor<f32> {fabric.result = "loss"}, tensor<16x16xf32> {fabric.result = "y"}) {
  %n = fabric.layer_norm %x dims = [1] {eps = 1.52587890625e-05} : tensor<16x16xf32>
  %gg = fabric.broadcast %g dims = [1] : tensor<16xf32> -> tensor<16x16xf32>
  %0 = fabric.mul %n, %gg : tensor<16x16xf32>
  %1 = fabric.linear %0, %w1 : (tensor<16x16xf32>, tensor<24x16xf32>) -> tensor<16x24xf32>
  %2 = fabric.broadcast %b1 dims = [1] : tensor<24xf32> -> tensor<16x24xf32>
  %3 = fabric.add %1, %2 : tensor<16x24xf32>
  %4 = fabric.gelu %3 : tensor<16x24xf32>
  %5 = fabric.linear %4, %w2 : (tensor<16x24xf32>, tensor<16x24xf32>) -> tensor<16x16xf32>
  %6 = fabric.broadcast %b2 dims = [1] : tensor<16xf32> -> tensor<16x16xf32>
  %7 = fabric.add %5, %6 : tensor<16x16xf32>
  %8 = fabric.add %7, %x : tensor<16x16xf32>
  %9 = fabric.linear %8, %w1 : (tensor<16x16xf32>, tensor<24x16xf32>) -> tensor<16x24xf32>
  %y = fabric.linear %9, %w2 : (tensor<16x24xf32>, tensor<16x24xf32>) -> tensor<16x16xf32>
  %10 = fabric.sub %y, %t : tensor<16x16xf32>
  %11 = fabric.mul %10, %10 : tensor<16x16xf32>
  %12 = fabric.sum %11 dims = [0, 1] : tensor<16x16xf32> -> tensor<f32>
  %13 = fabric.constant dense<0.00390625> : tensor<f32>
  %loss = fabric.mul %12, %13 : tensor<f32>
  return %loss, %y : tensor<f32>, tensor<16x16xf32>
}
}
