// RUN: fabric-opt %s -shard | FileCheck %s --check-prefixes=CHECK,FORWARD
// RUN: fabric-opt %s -train -shard | FileCheck %s --check-prefixes=CHECK,TRAIN
// RUN: fabric-opt %s -train -shard -o %t.1
// RUN: fabric-opt %s -train -shard -o %t.2
// RUN: cmp %t.1 %t.2
// RUN: fabric-opt %s -train -shard="dp=1 tp=1" | FileCheck %s --check-prefix=ONE
// RUN: fabric-opt %s -train -shard="dp=8 tp=1" | FileCheck %s --check-prefix=DP
// RUN: fabric-opt %s -train -shard="dp=1 tp=8" | FileCheck %s --check-prefix=TP

// The gated feed-forward: w1 and w3 are split by their out-features, w2 by its
// in-features. Its loss is a sum, so no tensor is ever reduced over "tp": the
// terms flow into the scalar, which is reduced once.

module attributes {fabric.train = #fabric.train<adamw>} {
// CHECK-LABEL: func.func @feedforward(
// CHECK-SAME: %[[X:[^:]*]]: tensor<16x128xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
// CHECK-SAME: %[[W1:[^:]*]]: tensor<256x128xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>>
// CHECK-SAME: %[[W2:[^:]*]]: tensor<128x256xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
// CHECK-SAME: %[[W3:[^:]*]]: tensor<256x128xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>>
// CHECK-DAG: %[[C1:.*]] = dist.reshard %[[W1]] : {{.*}} -> tensor<256x128xf32, #dist.sharding<#mesh, [{"tp"}, {}]>>
// CHECK-DAG: %[[C2:.*]] = dist.reshard %[[W2]] : {{.*}} -> tensor<128x256xf32, #dist.sharding<#mesh, [{}, {"tp"}]>>
// CHECK-DAG: %[[C3:.*]] = dist.reshard %[[W3]] : {{.*}} -> tensor<256x128xf32, #dist.sharding<#mesh, [{"tp"}, {}]>>
// CHECK: %[[A:.*]] = fabric.linear %[[X]], %[[C1]] : {{.*}} -> tensor<16x256xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
// CHECK: %[[B:.*]] = fabric.silu %[[A]] : tensor<16x256xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
// CHECK: %[[C:.*]] = fabric.linear %[[X]], %[[C3]]
// CHECK: %[[D:.*]] = fabric.mul %[[B]], %[[C]] : tensor<16x256xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
// CHECK: %[[Y:.*]] = fabric.linear %[[D]], %[[C2]] : {{.*}} -> tensor<16x128xf32, #dist.sharding<#mesh, [{"dp"}, {}], partial = sum {"tp"}>>
// CHECK: %[[L:.*]] = fabric.sum %[[Y]] {{.*}} -> tensor<f32, #dist.sharding<#mesh, [], partial = sum {"dp", "tp"}>>
// FORWARD-NEXT: %[[LOSS:.*]] = dist.reshard %[[L]] : {{.*}} -> tensor<f32, #dist.sharding<#mesh, []>>
// FORWARD-NEXT: return %[[LOSS]]

// Every gradient is a term over "dp", and goes straight to its storage sharding.
// Nothing else is resharded: three gathers, three scatters, one scalar.
// TRAIN: fabric.broadcast %{{.*}} -> tensor<16x128xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
// TRAIN: %[[G2:.*]] = fabric.contract %{{.*}} -> tensor<128x256xf32, #dist.sharding<#mesh, [{}, {"tp"}], partial = sum {"dp"}>>
// TRAIN: %[[G3:.*]] = fabric.contract %{{.*}} -> tensor<256x128xf32, #dist.sharding<#mesh, [{"tp"}, {}], partial = sum {"dp"}>>
// TRAIN: %[[G1:.*]] = fabric.contract %{{.*}} -> tensor<256x128xf32, #dist.sharding<#mesh, [{"tp"}, {}], partial = sum {"dp"}>>
// TRAIN: %[[S1:.*]] = dist.reshard %[[G1]] : {{.*}} -> tensor<256x128xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>>
// TRAIN: fabric.adamw %[[W1]], %[[S1]]
// TRAIN: %[[S2:.*]] = dist.reshard %[[G2]] : {{.*}} -> tensor<128x256xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
// TRAIN: fabric.adamw %[[W2]], %[[S2]]
// TRAIN: %[[S3:.*]] = dist.reshard %[[G3]] : {{.*}} -> tensor<256x128xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>>
// TRAIN: fabric.adamw %[[W3]], %[[S3]]
// TRAIN: dist.reshard %[[L]]
// TRAIN-NOT: dist.reshard

// On one rank nothing is left to reshard; on one axis nothing names the other.
// ONE-NOT: dist.reshard
// ONE-NOT: {"
// DP-COUNT-7: dist.reshard
// DP-NOT: dist.reshard
// TP-COUNT-1: dist.reshard
// TP-NOT: dist.reshard
func.func @feedforward(
    %x: tensor<16x128xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w1: tensor<256x128xf32> {fabric.param = #fabric.param<"w1.weight">, dist.tp = #dist.tp<colwise>},
    %w2: tensor<128x256xf32> {fabric.param = #fabric.param<"w2.weight">, dist.tp = #dist.tp<rowwise>},
    %w3: tensor<256x128xf32> {fabric.param = #fabric.param<"w3.weight">, dist.tp = #dist.tp<colwise>})
    -> (tensor<f32> {fabric.result = "loss"}) {
  %a = fabric.linear %x, %w1 : (tensor<16x128xf32>, tensor<256x128xf32>) -> tensor<16x256xf32>
  %b = fabric.silu %a : tensor<16x256xf32>
  %c = fabric.linear %x, %w3 : (tensor<16x128xf32>, tensor<256x128xf32>) -> tensor<16x256xf32>
  %d = fabric.mul %b, %c : tensor<16x256xf32>
  %y = fabric.linear %d, %w2 : (tensor<16x256xf32>, tensor<128x256xf32>) -> tensor<16x128xf32>
  %loss = fabric.sum %y dims = [0, 1] : tensor<16x128xf32> -> tensor<f32>
  return %loss : tensor<f32>
}
}
