// RUN: fabric-opt %s -split-input-file --schedule-order --schedule-verify | FileCheck %s
// RUN: fabric-opt %s -split-input-file --schedule-order --schedule-order | FileCheck %s
// RUN: fabric-check-values %s --pipeline="func.func(schedule-order)" --integers

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
// A gathered weight, and what is made from it alone, stands right before its
// first use; so does a constant. The products keep their order.
// CHECK-LABEL: func.func @gather_before_use(
// CHECK-SAME: %[[X:[^:]+]]: {{.+}}, %[[W1:[^:]+]]: {{.+}}, %[[W2:[^:]+]]: tensor
// CHECK-NEXT: %[[G1:.+]] = dist.all_gather %[[W1]]
// CHECK-NEXT: %[[A:.+]] = fabric.linear %[[X]], %[[G1]]
// CHECK-NEXT: %[[C:.+]] = fabric.constant
// CHECK-NEXT: %[[B:.+]] = fabric.mul %[[A]], %[[C]]
// CHECK-NEXT: %[[G2:.+]] = dist.all_gather %[[W2]]
// CHECK-NEXT: %[[T2:.+]] = fabric.transpose %[[G2]]
// CHECK-NEXT: %[[Y:.+]] = fabric.contract %[[B]], %[[T2]]
// CHECK-NEXT: %[[Z:.+]] = fabric.linear %[[Y]], %[[G1]]
// CHECK-NEXT: return %[[Z]]
func.func @gather_before_use(%x: tensor<2x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %w1: tensor<4x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %w2: tensor<4x4xf32> {dist.sharding = #dist.sharding<#mesh, [{}, {"dp"}]>})
    -> (tensor<2x8xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}) {
  %c = fabric.constant dense<2.0> : tensor<2x8xf32>
  %g2 = dist.all_gather %w2 dim = 1 axes = {"dp"} : tensor<4x4xf32> -> tensor<4x8xf32>
  %t2 = fabric.transpose %g2 permutation = [1, 0] : tensor<4x8xf32> -> tensor<8x4xf32>
  %g1 = dist.all_gather %w1 dim = 0 axes = {"dp"} : tensor<4x4xf32> -> tensor<8x4xf32>
  %a = fabric.linear %x, %g1 : (tensor<2x4xf32>, tensor<8x4xf32>) -> tensor<2x8xf32>
  %b = fabric.mul %a, %c : tensor<2x8xf32>
  %y = fabric.contract %b, %t2 batch = [] x [] contract = [1] x [0] : (tensor<2x8xf32>, tensor<8x4xf32>) -> tensor<2x4xf32>
  %z = fabric.linear %y, %g1 : (tensor<2x4xf32>, tensor<8x4xf32>) -> tensor<2x8xf32>
  return %z : tensor<2x8xf32>
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
// A gradient is scattered, and its parameter updated, when it is complete; the
// next product comes after. A cast of a scalar comes with its update.
// CHECK-LABEL: func.func @update_early(
// CHECK-SAME: %{{[^:]+}}: tensor<2x4xf32> {{{[^%]+}}}, %[[P:[^:]+]]: tensor<2x8xf32> {{{[^%]+}}}, %[[Q:[^:]+]]: tensor<2x8xf32>
// CHECK-NEXT: %[[DP:.+]] = fabric.contract
// CHECK-NEXT: %[[SP:.+]] = dist.reduce_scatter sum %[[DP]]
// CHECK-NEXT: fabric.cast
// CHECK-NEXT: fabric.adamw %[[P]], %[[SP]]
// CHECK-NEXT: %[[DQ:.+]] = fabric.contract
// CHECK-NEXT: %[[SQ:.+]] = dist.reduce_scatter sum %[[DQ]]
// CHECK-NEXT: fabric.adamw %[[Q]], %[[SQ]]
// CHECK-NEXT: return
func.func @update_early(%x: tensor<2x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %p: tensor<2x8xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %q: tensor<2x8xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %m: tensor<2x8xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %v: tensor<2x8xf32> {fabric.state = #fabric.state<"p", "exp_avg_sq">, dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %n: tensor<2x8xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %u: tensor<2x8xf32> {fabric.state = #fabric.state<"p", "exp_avg_sq">, dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %dy: tensor<2x8xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %lr: tensor<f32> {fabric.scalar = #fabric.scalar<"lr", 3.0e-3>, dist.sharding = #dist.sharding<#mesh, []>},
    %step: tensor<f64> {fabric.scalar = #fabric.scalar<"step", 1.0>, dist.sharding = #dist.sharding<#mesh, []>})
    -> (tensor<2x8xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}, tensor<2x8xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}) {
  %lr64 = fabric.cast %lr : tensor<f32> -> tensor<f64>
  %dp = fabric.contract %x, %dy batch = [] x [] contract = [0] x [0] : (tensor<2x4xf32>, tensor<2x8xf32>) -> tensor<4x8xf32>
  %dq = fabric.contract %x, %dy batch = [] x [] contract = [0] x [0] : (tensor<2x4xf32>, tensor<2x8xf32>) -> tensor<4x8xf32>
  %sp = dist.reduce_scatter sum %dp dim = 0 axes = {"dp"} : tensor<4x8xf32> -> tensor<2x8xf32>
  %sq = dist.reduce_scatter sum %dq dim = 0 axes = {"dp"} : tensor<4x8xf32> -> tensor<2x8xf32>
  %p1, %m1, %v1 = fabric.adamw %p, %sp, %m, %v, lr = %lr64, step = %step {beta1 = 9.0e-1 : f64, beta2 = 9.99e-1 : f64, eps = 1.0e-8 : f64, weight_decay = 1.0e-2 : f64} : (tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<f64>, tensor<f64>) -> (tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>)
  %q1, %n1, %u1 = fabric.adamw %q, %sq, %n, %u, lr = %lr64, step = %step {beta1 = 9.0e-1 : f64, beta2 = 9.99e-1 : f64, eps = 1.0e-8 : f64, weight_decay = 1.0e-2 : f64} : (tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<f64>, tensor<f64>) -> (tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>)
  return %p1, %q1 : tensor<2x8xf32>, tensor<2x8xf32>
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
// The update waits for whoever reads the old value, directly or through a view.
// CHECK-LABEL: func.func @update_waits(
// CHECK-SAME: %[[P:[^:]+]]: tensor<4x2xf32>
// CHECK-NOT: fabric.adamw
// CHECK-DAG: fabric.silu %[[P]]
// CHECK-DAG: %[[V:.+]] = fabric.reshape %[[P]]
// CHECK-DAG: fabric.sum %[[V]]
// CHECK-DAG: %[[G:.+]] = dist.all_gather %[[P]]
// CHECK-DAG: fabric.linear %{{.+}}, %[[G]]
// CHECK: fabric.adamw %[[P]]
func.func @update_waits(%p: tensor<4x2xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %g: tensor<4x2xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %m: tensor<4x2xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %v: tensor<4x2xf32> {fabric.state = #fabric.state<"p", "exp_avg_sq">, dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %lr: tensor<f64> {fabric.scalar = #fabric.scalar<"lr", 3.0e-3>, dist.sharding = #dist.sharding<#mesh, []>},
    %step: tensor<f64> {fabric.scalar = #fabric.scalar<"step", 1.0>, dist.sharding = #dist.sharding<#mesh, []>})
    -> (tensor<4x2xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}, tensor<4x8xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}, tensor<f32> {dist.sharding = #dist.sharding<#mesh, []>}) {
  %p1, %m1, %v1 = fabric.adamw %p, %g, %m, %v, lr = %lr, step = %step {beta1 = 9.0e-1 : f64, beta2 = 9.99e-1 : f64, eps = 1.0e-8 : f64, weight_decay = 1.0e-2 : f64} : (tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>, tensor<f64>, tensor<f64>) -> (tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>)
  %a = fabric.silu %p : tensor<4x2xf32>
  %aa = fabric.mul %a, %g : tensor<4x2xf32>
  %flat = fabric.reshape %p : tensor<4x2xf32> -> tensor<8xf32>
  %s = fabric.sum %flat dims = [0] : tensor<8xf32> -> tensor<f32>
  %r = dist.all_reduce sum %s axes = {"dp"} : tensor<f32>
  %full = dist.all_gather %p dim = 0 axes = {"dp"} : tensor<4x2xf32> -> tensor<8x2xf32>
  %y = fabric.linear %aa, %full : (tensor<4x2xf32>, tensor<8x2xf32>) -> tensor<4x8xf32>
  return %p1, %y, %r : tensor<4x2xf32>, tensor<4x8xf32>, tensor<f32>
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
// What takes more memory than it frees is not hoisted, whoever waits for it.
// What frees memory is: the sum goes before the second product.
// CHECK-LABEL: func.func @not_hoisted(
// CHECK: %[[A:.+]] = fabric.linear
// CHECK-NEXT: %[[B:.+]] = fabric.linear
// CHECK-NEXT: %[[S:.+]] = fabric.sum %[[B]]
// CHECK-NEXT: %[[C:.+]] = fabric.linear
// CHECK-NEXT: %[[G:.+]] = dist.all_gather %[[A]]
// CHECK-NEXT: %[[D:.+]] = fabric.broadcast %[[S]]
// CHECK-NEXT: return
func.func @not_hoisted(%x: tensor<4x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %w: tensor<4x4xf32> {dist.sharding = #dist.sharding<#mesh, [{}, {}]>})
    -> (tensor<8x4xf32> {dist.sharding = #dist.sharding<#mesh, [{}, {}]>}, tensor<4x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}, tensor<4x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}) {
  %a = fabric.linear %x, %w : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %b = fabric.linear %a, %w : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %c = fabric.linear %a, %w : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %g = dist.all_gather %a dim = 0 axes = {"dp"} : tensor<4x4xf32> -> tensor<8x4xf32>
  %s = fabric.sum %b dims = [1] : tensor<4x4xf32> -> tensor<4xf32>
  %d = fabric.broadcast %s dims = [0] : tensor<4xf32> -> tensor<4x4xf32>
  return %g, %d, %c : tensor<8x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>
}
}

// -----

#mesh = #dist.mesh<["dp"=1]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
// An op that needs the new value comes after the update, which comes after the
// readers of the old one.
// CHECK-LABEL: func.func @new_value_is_used(
// CHECK-SAME: %[[P:[^:]+]]: tensor<4xf32>
// CHECK-NEXT: %[[O:.+]] = fabric.neg %[[P]]
// CHECK-NEXT: %[[N:[^,]+]], {{.+}} = fabric.adamw %[[P]]
// CHECK-NEXT: fabric.silu %[[N]]
func.func @new_value_is_used(%p: tensor<4xf32> {dist.sharding = #dist.sharding<#mesh, [{}]>},
    %g: tensor<4xf32> {dist.sharding = #dist.sharding<#mesh, [{}]>},
    %m: tensor<4xf32> {dist.sharding = #dist.sharding<#mesh, [{}]>},
    %v: tensor<4xf32> {fabric.state = #fabric.state<"p", "exp_avg_sq">, dist.sharding = #dist.sharding<#mesh, [{}]>},
    %lr: tensor<f64> {fabric.scalar = #fabric.scalar<"lr", 3.0e-3>, dist.sharding = #dist.sharding<#mesh, []>},
    %step: tensor<f64> {fabric.scalar = #fabric.scalar<"step", 1.0>, dist.sharding = #dist.sharding<#mesh, []>})
    -> (tensor<4xf32> {dist.sharding = #dist.sharding<#mesh, [{}]>}, tensor<4xf32> {dist.sharding = #dist.sharding<#mesh, [{}]>}) {
  %p1, %m1, %v1 = fabric.adamw %p, %g, %m, %v, lr = %lr, step = %step {beta1 = 9.0e-1 : f64, beta2 = 9.99e-1 : f64, eps = 1.0e-8 : f64, weight_decay = 1.0e-2 : f64} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<f64>, tensor<f64>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  %new = fabric.silu %p1 : tensor<4xf32>
  %old = fabric.neg %p : tensor<4xf32>
  %sum = fabric.add %new, %old : tensor<4xf32>
  return %p1, %sum : tensor<4xf32>, tensor<4xf32>
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
// And for readers of a copy that is made from the old value alone: before each
// of them, the copy may be made again.
// CHECK-LABEL: func.func @copies(
// CHECK-NEXT: dist.all_gather
// CHECK-NEXT: fabric.linear
// CHECK-NEXT: fabric.contract
// CHECK-NEXT: fabric.adamw
// CHECK-NEXT: return
func.func @copies(%p: tensor<4x2xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %g: tensor<4x2xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %m: tensor<4x2xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %v: tensor<4x2xf32> {fabric.state = #fabric.state<"p", "exp_avg_sq">, dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %lr: tensor<f64> {fabric.scalar = #fabric.scalar<"lr", 3.0e-3>, dist.sharding = #dist.sharding<#mesh, []>},
    %step: tensor<f64> {fabric.scalar = #fabric.scalar<"step", 1.0>, dist.sharding = #dist.sharding<#mesh, []>})
    -> (tensor<4x2xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}, tensor<4x2xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}) {
  %p1, %m1, %v1 = fabric.adamw %p, %g, %m, %v, lr = %lr, step = %step {beta1 = 9.0e-1 : f64, beta2 = 9.99e-1 : f64, eps = 1.0e-8 : f64, weight_decay = 1.0e-2 : f64} : (tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>, tensor<f64>, tensor<f64>) -> (tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>)
  %full = dist.all_gather %p dim = 0 axes = {"dp"} : tensor<4x2xf32> -> tensor<8x2xf32>
  %y = fabric.linear %g, %full : (tensor<4x2xf32>, tensor<8x2xf32>) -> tensor<4x8xf32>
  %z = fabric.contract %y, %full batch = [] x [] contract = [1] x [0] : (tensor<4x8xf32>, tensor<8x2xf32>) -> tensor<4x2xf32>
  return %p1, %z : tensor<4x2xf32>, tensor<4x2xf32>
}
}
