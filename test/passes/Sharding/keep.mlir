// RUN: fabric-opt %s -split-input-file -dist-assign-storage -dist-propagate -verify-diagnostics | FileCheck %s

// Kept in its shards: the samples are gathered, which is less.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=1]>} {
// CHECK-LABEL: func.func @kept(
// CHECK-SAME: %[[X:[^:]*]]: tensor<4x8xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
// CHECK-SAME: %[[W:[^:]*]]: tensor<16x8xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
// CHECK: %[[A:.*]] = dist.reshard %[[X]]
// CHECK: fabric.linear %[[A]], %[[W]]
func.func @kept(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<16x8xf32> {fabric.param = #fabric.param<"w">, dist.fsdp = #dist.fsdp<keep, dim = 0>}) -> tensor<4x16xf32> {
  // expected-remark @below {{axes {"dp"} split dim 1 of result 0 of 'fabric.linear', which sends about 64 bytes a rank; dim 0 of result 0 would send 256}}
  %0 = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<16x8xf32>) -> tensor<4x16xf32>
  return %0 : tensor<4x16xf32>
}
}

// -----

// Minor to "tp" it is not seen before the samples: never silently.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
// CHECK-LABEL: func.func @gathered(
// CHECK-SAME: %[[W:[^:]*]]: tensor<16x8xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>>
// CHECK: dist.reshard %[[W]]
func.func @gathered(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    // expected-remark @below {{parameter "w": #dist.fsdp<keep, dim = 0>, but 'fabric.linear' gathers it, for the axis splits another of its dims}}
    %w: tensor<16x8xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<colwise>, dist.fsdp = #dist.fsdp<keep, dim = 0>}) -> tensor<4x16xf32> {
  %0 = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<16x8xf32>) -> tensor<4x16xf32>
  return %0 : tensor<4x16xf32>
}
}
