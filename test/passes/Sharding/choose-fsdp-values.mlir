// RUN: fabric-check-values %models/feedforward.mlir --before=train --pipeline="shard-2d{dp=2 tp=2 fsdp=auto}" --pipeline="shard-2d{dp=4 tp=1 fsdp=auto}" --pipeline="shard-2d{dp=2 tp=4 fsdp=auto}" --pipeline="shard-2d{dp=1 tp=4 fsdp=auto}" --pipeline="shard-2d{dp=8 tp=1 fsdp=auto}" --pipeline="shard-2d{dp=4 tp=2 fsdp=auto}"
// RUN: fabric-check-values %models/feedforward_forward.mlir --pipeline="shard-2d{dp=2 tp=2 fsdp=auto}" --pipeline="shard-2d{dp=2 tp=4 fsdp=auto}"
// RUN: fabric-check-values %s --before=train --pipeline="shard-2d{dp=2 tp=1}" --pipeline="shard-2d{dp=2 tp=2}" --pipeline="shard-2d{dp=4 tp=2}" --pipeline="shard-2d{dp=2 tp=1 fsdp=auto}" --pipeline="shard-2d{dp=2 tp=2 fsdp=auto}" --pipeline="shard-2d{dp=2 tp=3 fsdp=auto}" --pipeline="shard-2d{dp=4 tp=2 fsdp=auto}"
// RUN: fabric-opt %s --train --dist-set-mesh="dp=5 tp=2" --dist-pad-uneven 2>/dev/null | FileCheck %s
// RUN: fabric-check-values %s --before=train --pipeline="shard-2d{dp=4 tp=1}" --pipeline="shard-2d{dp=2 tp=4 fsdp=auto}"

// What the model asks to keep is padded where "tp" and "dp" together do not divide
// it, with all that shares the dim.
// CHECK: : tensor<100x48xf64> {
// CHECK-SAME: : tensor<48x100xf64> {

// By value: a choice changes who holds and sends what, never what is computed. The
// second program has biases, a residual and a mean square; w2 is kept by the
// model, on the dim that "tp" splits too, whatever the option says.

module attributes {fabric.train = #fabric.train<adamw>} {
func.func @mlp(
    %x: tensor<4x48xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %t: tensor<4x48xf64> {fabric.input = #fabric.input<"t", batch_dim = 0>},
    %w1: tensor<96x48xf64> {fabric.param = #fabric.param<"1.weight">, dist.tp = #dist.tp<colwise>},
    %b1: tensor<96xf64> {fabric.param = #fabric.param<"1.bias">, dist.tp = #dist.tp<colwise>},
    %w2: tensor<48x96xf64> {fabric.param = #fabric.param<"2.weight">, dist.tp = #dist.tp<rowwise>, dist.fsdp = #dist.fsdp<keep, dim = 1>},
    %b2: tensor<48xf64> {fabric.param = #fabric.param<"2.bias">, dist.tp = #dist.tp<rowwise>})
    -> (tensor<f64> {fabric.result = "loss"}) {
  %1 = fabric.linear %x, %w1 : (tensor<4x48xf64>, tensor<96x48xf64>) -> tensor<4x96xf64>
  %2 = fabric.broadcast %b1 dims = [1] : tensor<96xf64> -> tensor<4x96xf64>
  %3 = fabric.add %1, %2 : tensor<4x96xf64>
  %4 = fabric.silu %3 : tensor<4x96xf64>
  %5 = fabric.linear %4, %w2 : (tensor<4x96xf64>, tensor<48x96xf64>) -> tensor<4x48xf64>
  %6 = fabric.broadcast %b2 dims = [1] : tensor<48xf64> -> tensor<4x48xf64>
  %7 = fabric.add %5, %6 : tensor<4x48xf64>
  %8 = fabric.add %7, %x : tensor<4x48xf64>
  %9 = fabric.sub %8, %t : tensor<4x48xf64>
  %10 = fabric.mul %9, %9 : tensor<4x48xf64>
  %11 = fabric.sum %10 dims = [0, 1] : tensor<4x48xf64> -> tensor<f64>
  %12 = fabric.constant dense<0.005> : tensor<f64>
  %13 = fabric.mul %11, %12 : tensor<f64>
  return %13 : tensor<f64>
}
}
