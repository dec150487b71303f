// RUN: fabric-opt %s --schedule-overlap --schedule-verify | FileCheck %s

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
// The gradient of the second layer is on its way while that of the first is
// computed; its update waits for that, and is beside the other gradient then.
// CHECK-LABEL: func.func @drain(
// CHECK: %[[D2:.+]] = fabric.contract %arg0, %arg1
// CHECK-NEXT: %[[S2:.+]] = dist.reduce_scatter sum %[[D2]] {{.*}} {dist.async}
// CHECK-NEXT: %[[D1:.+]] = fabric.contract %arg1, %arg0
// CHECK-NEXT: %[[S1:.+]] = dist.reduce_scatter sum %[[D1]] {{.*}} {dist.async}
// CHECK-NEXT: fabric.adamw %arg3, %[[S2]]
// CHECK-NEXT: fabric.adamw %arg2, %[[S1]]
func.func @drain(%x: tensor<64x64xf32>, %y: tensor<64x64xf32>,
    %w1: tensor<32x64xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}, %w2: tensor<32x64xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %m1: tensor<32x64xf32>, %v1: tensor<32x64xf32>, %m2: tensor<32x64xf32>, %v2: tensor<32x64xf32>, %lr: tensor<f64>, %step: tensor<f64>)
    -> (tensor<32x64xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}, tensor<32x64xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}) {
  %d2 = fabric.contract %x, %y batch = [] x [] contract = [0] x [0] : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %s2 = dist.reduce_scatter sum %d2 dim = 0 axes = {"dp"} : tensor<64x64xf32> -> tensor<32x64xf32>
  %p2, %n2, %u2 = fabric.adamw %w2, %s2, %m2, %v2, lr = %lr, step = %step {beta1 = 9.0e-1 : f64, beta2 = 9.99e-1 : f64, eps = 1.0e-8 : f64, weight_decay = 1.0e-2 : f64} : (tensor<32x64xf32>, tensor<32x64xf32>, tensor<32x64xf32>, tensor<32x64xf32>, tensor<f64>, tensor<f64>) -> (tensor<32x64xf32>, tensor<32x64xf32>, tensor<32x64xf32>)
  %d1 = fabric.contract %y, %x batch = [] x [] contract = [0] x [0] : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %s1 = dist.reduce_scatter sum %d1 dim = 0 axes = {"dp"} : tensor<64x64xf32> -> tensor<32x64xf32>
  %p1, %n1, %u1 = fabric.adamw %w1, %s1, %m1, %v1, lr = %lr, step = %step {beta1 = 9.0e-1 : f64, beta2 = 9.99e-1 : f64, eps = 1.0e-8 : f64, weight_decay = 1.0e-2 : f64} : (tensor<32x64xf32>, tensor<32x64xf32>, tensor<32x64xf32>, tensor<32x64xf32>, tensor<f64>, tensor<f64>) -> (tensor<32x64xf32>, tensor<32x64xf32>, tensor<32x64xf32>)
  return %p1, %p2 : tensor<32x64xf32>, tensor<32x64xf32>
}
}
