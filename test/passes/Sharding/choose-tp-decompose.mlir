// RUN: fabric-opt %s -split-input-file -dist-choose-tp -verify-diagnostics
// RUN: fabric-opt %s -split-input-file --shard --partition 2>/dev/null | FileCheck %s
// RUN: fabric-check-values %s --pipeline="shard" --pipeline="shard,partition"

// What an op needs whole, and what its parts cost split: the search knows both,
// and propagation does what the search counted on.

// Logits split over their classes are not gathered for a softmax. What it
// decomposes into reduces 16 maxima and 16 sums, of 4 bytes, as the loss is
// reduced: 2 (n-1)/n of (64 + 64 + 4) bytes.
module attributes {dist.mesh = #dist.mesh<["dp"=1, "tp"=2]>} {
// CHECK-LABEL: func.func @softmax_of_split_classes(
// CHECK-NOT: all_gather
// CHECK: dist.all_reduce max {{.*}} : tensor<16xf32>
// CHECK: dist.all_reduce sum {{.*}} : tensor<16xf32>
// CHECK: dist.all_reduce sum {{.*}} : tensor<f32>
// CHECK-NOT: dist.all
// expected-remark @below {{sends 132 bytes a rank in 3 collectives}}
func.func @softmax_of_split_classes(
    %x: tensor<16x64xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    // expected-remark @below {{parameter "w": colwise}}
    %w: tensor<128x64xf32> {fabric.param = #fabric.param<"w">})
    -> (tensor<f32> {fabric.result = "y"}) {
  %0 = fabric.linear %x, %w : (tensor<16x64xf32>, tensor<128x64xf32>) -> tensor<16x128xf32>
  %1 = fabric.softmax %0 dim = 1 : tensor<16x128xf32>
  %2 = fabric.mul %1, %1 : tensor<16x128xf32>
  %3 = fabric.sum %2 dims = [0, 1] : tensor<16x128xf32> -> tensor<f32>
  return %3 : tensor<f32>
}
}

// -----

// A norm of what every rank has runs whole, and is sliced: to split it would
// send, and touch more. The rowwise linear behind it does not split it. What is
// sent is the result's, 16 x 32 floats, scattered and gathered.
module attributes {dist.mesh = #dist.mesh<["dp"=1, "tp"=2]>} {
// CHECK-LABEL: func.func @norm_before_rowwise(
// CHECK: %[[NORM:.*]] = fabric.layer_norm %{{.*}} : tensor<16x64xf32>
// CHECK: dist.all_slice %[[NORM]] dim = 1 axes = {"tp"}
// CHECK-NOT: all_reduce
// expected-remark @below {{sends 2048 bytes a rank in 2 collectives}}
func.func @norm_before_rowwise(
    %x: tensor<16x64xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<32x64xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<rowwise>},
    // expected-remark @below {{parameter "v": colwise}}
    %v: tensor<32x64xf32> {fabric.param = #fabric.param<"v">})
    -> (tensor<16x32xf32> {fabric.result = "y"}) {
  %0 = fabric.layer_norm %x dims = [1] {eps = 1.0e-5} : tensor<16x64xf32>
  %1 = fabric.linear %0, %w : (tensor<16x64xf32>, tensor<32x64xf32>) -> tensor<16x32xf32>
  %2 = fabric.linear %x, %v : (tensor<16x64xf32>, tensor<32x64xf32>) -> tensor<16x32xf32>
  %3 = fabric.add %1, %2 : tensor<16x32xf32>
  return %3 : tensor<16x32xf32>
}
}

// -----

// The batch is data parallelism's: a softmax over it is not split over "tp".
module attributes {dist.mesh = #dist.mesh<["dp"=1, "tp"=2]>} {
// CHECK-LABEL: func.func @softmax_over_the_batch(
// CHECK: fabric.softmax %{{.*}} dim = 0 : tensor<16x64xf32>
// expected-remark @below {{sends 4 bytes a rank in 1 collective}}
func.func @softmax_over_the_batch(
    %x: tensor<16x64xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    // expected-remark @below {{parameter "w": colwise}}
    %w: tensor<128x64xf32> {fabric.param = #fabric.param<"w">})
    -> (tensor<f32> {fabric.result = "y"}) {
  %0 = fabric.linear %x, %w : (tensor<16x64xf32>, tensor<128x64xf32>) -> tensor<16x128xf32>
  %1 = fabric.softmax %0 dim = 0 : tensor<16x128xf32>
  %2 = fabric.mul %1, %1 : tensor<16x128xf32>
  %3 = fabric.sum %2 dims = [0, 1] : tensor<16x128xf32> -> tensor<f32>
  return %3 : tensor<f32>
}
}
