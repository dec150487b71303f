// RUN: fabric-opt %s -split-input-file -dist-assign-storage | FileCheck %s

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh} {
// Parameters by style: "dp" is minor to "tp", and splits the first dim that it
// divides. Inputs by their batch dim, scalars whole.
// CHECK-LABEL: func.func @arguments(
// CHECK-SAME: %[[X:[^:]*]]: tensor<8x16xf32, #dist.sharding<#mesh, [{"dp"}, {}]>> {fabric.input = #fabric.input<"x"
// CHECK-SAME: %[[T:[^:]*]]: tensor<3x8xi32, #dist.sharding<#mesh, [{}, {"dp"}]>> {fabric.input = #fabric.input<"t"
// CHECK-SAME: %[[WHOLE:[^:]*]]: tensor<3xf32, #dist.sharding<#mesh, [{}]>> {fabric.input = #fabric.input<"whole"
// CHECK-SAME: %[[C:[^:]*]]: tensor<32x16xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>>
// CHECK-SAME: %[[CB:[^:]*]]: tensor<32xf32, #dist.sharding<#mesh, [{"tp", "dp"}]>>
// CHECK-SAME: %[[R:[^:]*]]: tensor<16x32xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
// CHECK-SAME: %[[RB:[^:]*]]: tensor<16xf32, #dist.sharding<#mesh, [{"dp"}]>>
// CHECK-SAME: %[[S:[^:]*]]: tensor<3x16xf32, #dist.sharding<#mesh, [{}, {"dp"}]>>
// CHECK-SAME: %[[N:[^:]*]]: tensor<2x16xf32, #dist.sharding<#mesh, [{"tp"}, {"dp"}]>>
// CHECK-SAME: %[[LR:[^:]*]]: tensor<f64, #dist.sharding<#mesh, []>>
func.func @arguments(
    %x: tensor<8x16xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %t: tensor<3x8xi32> {fabric.input = #fabric.input<"t", batch_dim = 1>},
    %whole: tensor<3xf32> {fabric.input = #fabric.input<"whole">},
    %c: tensor<32x16xf32> {fabric.param = #fabric.param<"c.weight">, dist.tp = #dist.tp<colwise>},
    %cb: tensor<32xf32> {fabric.param = #fabric.param<"c.bias">, dist.tp = #dist.tp<colwise>},
    %r: tensor<16x32xf32> {fabric.param = #fabric.param<"r.weight">, dist.tp = #dist.tp<rowwise>},
    %rb: tensor<16xf32> {fabric.param = #fabric.param<"r.bias">, dist.tp = #dist.tp<rowwise>},
    %s: tensor<3x16xf32> {fabric.param = #fabric.param<"s">, dist.tp = #dist.tp<sequence>},
    %n: tensor<2x16xf32> {fabric.param = #fabric.param<"n">, dist.tp = #dist.tp<colwise>},
    %lr: tensor<f64> {fabric.scalar = #fabric.scalar<"lr", 1.0e-3>})
    -> (tensor<8x32xf32> {fabric.result = "y"}) {
  // Only where it is computed with, a parameter is resharded: here two are. One
  // reshard serves all uses.
  // CHECK-NEXT: %[[W:.*]] = dist.reshard %[[C]] : {{.*}} -> tensor<32x16xf32, #dist.sharding<#mesh, [{"tp"}, {}]>>
  // CHECK-NEXT: %[[B:.*]] = dist.reshard %[[RB]] : {{.*}} -> tensor<16xf32, #dist.sharding<#mesh, [{}]>>
  // CHECK-NEXT: fabric.linear %[[X]], %[[W]]
  // CHECK-NEXT: fabric.linear %[[X]], %[[W]]
  // CHECK-NEXT: fabric.broadcast %[[B]]
  %0 = fabric.linear %x, %c : (tensor<8x16xf32>, tensor<32x16xf32>) -> tensor<8x32xf32>
  %1 = fabric.linear %x, %c : (tensor<8x16xf32>, tensor<32x16xf32>) -> tensor<8x32xf32>
  %2 = fabric.broadcast %rb dims = [1] : tensor<16xf32> -> tensor<8x16xf32>
  %3 = fabric.add %0, %1 : tensor<8x32xf32>
  return %3 : tensor<8x32xf32>
}
}

// -----

// Axes of size 1, or that the mesh does not have, split nothing. The reshard is
// there all the same.
#mesh = #dist.mesh<["tp"=1]>
module attributes {dist.mesh = #mesh} {
// CHECK-LABEL: func.func @small_mesh
// CHECK-SAME: %[[W:[^:]*]]: tensor<3x5xf32, #dist.sharding<#mesh, [{}, {}]>>
func.func @small_mesh(%w: tensor<3x5xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<colwise>}) -> (tensor<3x5xf32> {fabric.result = "y"}) {
  // CHECK: dist.reshard %[[W]]
  %0 = fabric.neg %w : tensor<3x5xf32>
  return %0 : tensor<3x5xf32>
}
}

// -----

// A cast of a parameter is made where it is stored, and gathered in its stead;
// who reads the parameter itself gathers that. Not what is as large, or what an
// input is cast to.
#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh} {
// CHECK-LABEL: func.func @cast(
// CHECK-SAME: %[[X:[^:]*]]: tensor<4x8xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
// CHECK-SAME: %[[W:[^:]*]]: tensor<4x8xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>>
// CHECK-NEXT: %[[WHOLE:.*]] = dist.reshard %[[W]] : {{.*}} -> tensor<4x8xf32, #dist.sharding<#mesh, [{"tp"}, {}]>>
// CHECK-NEXT: fabric.cast %[[X]] : tensor<4x8xf32, #dist.sharding<#mesh, [{"dp"}, {}]>> -> tensor<4x8xbf16>
// CHECK-NEXT: %[[C:.*]] = fabric.cast %[[W]] : {{.*}} -> tensor<4x8xbf16, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>>
// CHECK-NEXT: %[[R:.*]] = dist.reshard %[[C]] : {{.*}} -> tensor<4x8xbf16, #dist.sharding<#mesh, [{"tp"}, {}]>>
// CHECK-NEXT: fabric.linear %{{.*}}, %[[R]]
// CHECK-NEXT: fabric.neg %[[WHOLE]]
// CHECK-NEXT: fabric.cast %[[WHOLE]]
func.func @cast(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<4x8xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<colwise>})
    -> (tensor<4x4xbf16> {fabric.result = "y"}, tensor<4x8xf32> {fabric.result = "n"}, tensor<4x8xf64> {fabric.result = "wide"}) {
  %0 = fabric.cast %x : tensor<4x8xf32> -> tensor<4x8xbf16>
  %1 = fabric.cast %w : tensor<4x8xf32> -> tensor<4x8xbf16>
  %2 = fabric.linear %0, %1 : (tensor<4x8xbf16>, tensor<4x8xbf16>) -> tensor<4x4xbf16>
  %3 = fabric.neg %w : tensor<4x8xf32>
  %4 = fabric.cast %w : tensor<4x8xf32> -> tensor<4x8xf64>
  return %2, %3, %4 : tensor<4x4xbf16>, tensor<4x8xf32>, tensor<4x8xf64>
}
}

// -----

// A gradient that is smaller than the parameter is widened for the update after
// it is scattered: the cast runs where the parameter is stored.
#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh} {
// CHECK-LABEL: func.func @narrow_gradient(
// CHECK: %[[G:.*]] = fabric.contract {{.*}} -> tensor<4x8xbf16>
// CHECK-NEXT: fabric.cast %[[G]] : tensor<4x8xbf16> -> tensor<4x8xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
// CHECK-NEXT: fabric.adamw
func.func @narrow_gradient(%a: tensor<2x4xbf16> {fabric.input = #fabric.input<"a", batch_dim = 0>},
    %b: tensor<2x8xbf16> {fabric.input = #fabric.input<"b", batch_dim = 0>},
    %p: tensor<4x8xf32> {fabric.param = #fabric.param<"w">},
    %m: tensor<4x8xf32> {fabric.state = #fabric.state<"w", "exp_avg">},
    %v: tensor<4x8xf32> {fabric.state = #fabric.state<"w", "exp_avg_sq">},
    %lr: tensor<f64> {fabric.scalar = #fabric.scalar<"lr", 1.0e-3>},
    %step: tensor<f64> {fabric.scalar = #fabric.scalar<"step", 1.0>})
    -> (tensor<4x8xf32> {fabric.update_of = 2}, tensor<4x8xf32> {fabric.update_of = 3}, tensor<4x8xf32> {fabric.update_of = 4}) {
  %g = fabric.contract %a, %b batch = [] x [] contract = [0] x [0] : (tensor<2x4xbf16>, tensor<2x8xbf16>) -> tensor<4x8xbf16>
  %w = fabric.cast %g : tensor<4x8xbf16> -> tensor<4x8xf32>
  %0:3 = fabric.adamw %p, %w, %m, %v, lr = %lr, step = %step {beta1 = 0.9, beta2 = 0.999, eps = 1.0e-8, weight_decay = 0.0}
    : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<f64>, tensor<f64>) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>)
  return %0#0, %0#1, %0#2 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
}
}

// -----

// An update in place takes stored values, and leaves them: its results have the
// types of the arguments that they replace. States are stored as the parameter,
// wherever they stand. The gradient is not an update.
#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh} {
// CHECK-LABEL: func.func @update(
// CHECK-SAME: %[[M:[^:]*]]: [[T:tensor<4x8xf32, #dist.sharding<#mesh, \[\{"dp"\}, \{"tp"\}\]>>]]
// CHECK-SAME: %[[P:[^:]*]]: [[T]]
// CHECK-SAME: %[[V:[^:]*]]: [[T]]
// CHECK-SAME: -> ([[T]] {fabric.update_of = 1 : i64}, [[T]] {fabric.update_of = 0 : i64}, [[T]] {fabric.update_of = 2 : i64})
func.func @update(
    %m: tensor<4x8xf32> {fabric.state = #fabric.state<"w", "exp_avg">},
    %p: tensor<4x8xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<rowwise>},
    %v: tensor<4x8xf32> {fabric.state = #fabric.state<"w", "exp_avg_sq">},
    %lr: tensor<f64> {fabric.scalar = #fabric.scalar<"lr", 1.0e-3>},
    %step: tensor<f64> {fabric.scalar = #fabric.scalar<"step", 1.0>})
    -> (tensor<4x8xf32> {fabric.update_of = 1}, tensor<4x8xf32> {fabric.update_of = 0}, tensor<4x8xf32> {fabric.update_of = 2}) {
  // CHECK: %[[C:.*]] = dist.reshard %[[P]] : [[T]] -> tensor<4x8xf32, #dist.sharding<#mesh, [{}, {"tp"}]>>
  // CHECK: fabric.adamw %[[P]], %[[C]], %[[M]], %[[V]]
  // CHECK-SAME: -> ([[T]], [[T]], [[T]])
  %0:3 = fabric.adamw %p, %p, %m, %v, lr = %lr, step = %step {beta1 = 0.9, beta2 = 0.999, eps = 1.0e-8, weight_decay = 0.0}
    : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<f64>, tensor<f64>) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>)
  return %0#0, %0#1, %0#2 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
}
}
