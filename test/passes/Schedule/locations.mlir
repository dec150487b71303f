// RUN: fabric-opt %s --shard-2d --schedule="memory=min" -mlir-print-debuginfo -mlir-print-local-scope | FileCheck %s

// Every op that partition and schedule make leads to the model: a gather to its
// parameter, an all-reduce to the product whose terms it adds, a scatter to the
// op whose weight's gradient it is.

// CHECK-LABEL: func.func @f
// CHECK-NOT: loc(unknown)
// CHECK: dist.all_gather {{.+}} loc("w1")
// CHECK: fabric.linear {{.+}} loc("model.py":1:1)
// CHECK: dist.all_gather {{.+}} loc("w2")
// CHECK: dist.all_reduce {{.+}} loc("model.py":3:1)
// CHECK: dist.all_reduce {{.+}} loc("model.py":5:1)
// CHECK: dist.reduce_scatter {{.+}} loc("model.py":3:1)
// CHECK-NEXT: fabric.adamw {{.+}} loc("w2")
// CHECK: dist.reduce_scatter {{.+}} loc("model.py":1:1)
// CHECK-NOT: loc(unknown)
module attributes {fabric.train = #fabric.train<adamw>} {
  func.func @f(%x: tensor<16x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>} loc("x"),
      %w1: tensor<24x8xf32> {fabric.param = #fabric.param<"w1">, dist.tp = #dist.tp<colwise>} loc("w1"),
      %w2: tensor<8x24xf32> {fabric.param = #fabric.param<"w2">, dist.tp = #dist.tp<rowwise>} loc("w2"))
      -> (tensor<f32> {fabric.result = "loss"}) {
    %a = fabric.linear %x, %w1 : (tensor<16x8xf32>, tensor<24x8xf32>) -> tensor<16x24xf32> loc("model.py":1:1)
    %b = fabric.silu %a : tensor<16x24xf32> loc("model.py":2:1)
    %y = fabric.linear %b, %w2 : (tensor<16x24xf32>, tensor<8x24xf32>) -> tensor<16x8xf32> loc("model.py":3:1)
    %z = fabric.silu %y : tensor<16x8xf32> loc("model.py":4:1)
    %loss = fabric.sum %z dims = [0, 1] : tensor<16x8xf32> -> tensor<f32> loc("model.py":5:1)
    return %loss : tensor<f32> loc("model.py":6:1)
  }
}
