// RUN: fabric-opt %s --partition | FileCheck %s
// RUN: fabric-check-values %s --pipeline=partition

// The gated feed-forward's training step as the shard phase leaves it, on
// dp=2 tp=2: weights are stored split over both axes and computed with over
// "tp" alone. What one rank runs: a gather of each weight on "dp", a scalar
// reduced on both, a reduce-scatter of each gradient on "dp".

#mesh = #dist.mesh<["dp"=2, "tp"=2]>

!x   = tensor<16x128xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
!h   = tensor<16x256xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
!yp  = tensor<16x128xf32, #dist.sharding<#mesh, [{"dp"}, {}], partial = sum {"tp"}>>
!wup  = tensor<256x128xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>>
!wupc = tensor<256x128xf32, #dist.sharding<#mesh, [{"tp"}, {}]>>
!wupp = tensor<256x128xf32, #dist.sharding<#mesh, [{"tp"}, {}], partial = sum {"dp"}>>
!wdn  = tensor<128x256xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
!wdnc = tensor<128x256xf32, #dist.sharding<#mesh, [{}, {"tp"}]>>
!wdnp = tensor<128x256xf32, #dist.sharding<#mesh, [{}, {"tp"}], partial = sum {"dp"}>>
!lossp = tensor<f32, #dist.sharding<#mesh, [], partial = sum {"dp", "tp"}>>
!loss = tensor<f32, #dist.sharding<#mesh, []>>
!scalar = tensor<f64, #dist.sharding<#mesh, []>>

// CHECK-DAG: #[[MESH:.+]] = #dist.mesh<["dp"=2, "tp"=2]>
// CHECK: module attributes {dist.mesh = #[[MESH]], dist.partitioned}
module attributes {dist.mesh = #mesh} {

// CHECK-LABEL: func.func @feedforward(
// CHECK-SAME: %[[X:[^:]+]]: tensor<8x128xf32> {dist.sharding = #dist.sharding<#[[MESH]], [{"dp"}, {}]>, fabric.input
// CHECK-SAME: %[[W1:[^:]+]]: tensor<64x128xf32> {dist.sharding = #dist.sharding<#[[MESH]], [{"tp", "dp"}, {}]>, dist.tp = #dist.tp<colwise>, fabric.param
// CHECK-SAME: %[[W2:[^:]+]]: tensor<64x128xf32> {dist.sharding = #dist.sharding<#[[MESH]], [{"dp"}, {"tp"}]>, dist.tp = #dist.tp<rowwise>, fabric.param
// CHECK-SAME: %[[W3:[^:]+]]: tensor<64x128xf32>
// CHECK-SAME: %[[LR:[^:]+]]: tensor<f64> {dist.sharding = #dist.sharding<#[[MESH]], []>, fabric.scalar
// CHECK-SAME: -> (tensor<f32> {dist.sharding = #dist.sharding<#[[MESH]], []>, fabric.result = "loss"}
// CHECK-SAME: tensor<64x128xf32> {dist.sharding = #dist.sharding<#[[MESH]], [{"tp", "dp"}, {}]>, fabric.update_of = 1 : i64}
func.func @feedforward(
    %x: !x {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w1: !wup {fabric.param = #fabric.param<"w1">, dist.tp = #dist.tp<colwise>},
    %w2: !wdn {fabric.param = #fabric.param<"w2">, dist.tp = #dist.tp<rowwise>},
    %w3: !wup {fabric.param = #fabric.param<"w3">, dist.tp = #dist.tp<colwise>},
    %m1: !wup {fabric.state = #fabric.state<"w1", "exp_avg">},
    %v1: !wup {fabric.state = #fabric.state<"w1", "exp_avg_sq">},
    %m2: !wdn {fabric.state = #fabric.state<"w2", "exp_avg">},
    %v2: !wdn {fabric.state = #fabric.state<"w2", "exp_avg_sq">},
    %m3: !wup {fabric.state = #fabric.state<"w3", "exp_avg">},
    %v3: !wup {fabric.state = #fabric.state<"w3", "exp_avg_sq">},
    %lr: !scalar {fabric.scalar = #fabric.scalar<"lr", 3.0e-3>},
    %step: !scalar {fabric.scalar = #fabric.scalar<"step", 1.0>})
    -> (!loss {fabric.result = "loss"},
        !wup {fabric.update_of = 1 : i64}, !wup {fabric.update_of = 4 : i64}, !wup {fabric.update_of = 5 : i64},
        !wdn {fabric.update_of = 2 : i64}, !wdn {fabric.update_of = 6 : i64}, !wdn {fabric.update_of = 7 : i64},
        !wup {fabric.update_of = 3 : i64}, !wup {fabric.update_of = 8 : i64}, !wup {fabric.update_of = 9 : i64}) {
  // CHECK: %[[W1C:.+]] = dist.all_gather %[[W1]] dim = 0 axes = {"dp"} : tensor<64x128xf32> -> tensor<128x128xf32>
  // CHECK: %[[W2C:.+]] = dist.all_gather %[[W2]] dim = 0 axes = {"dp"} : tensor<64x128xf32> -> tensor<128x128xf32>
  // CHECK: %[[W3C:.+]] = dist.all_gather %[[W3]] dim = 0 axes = {"dp"} : tensor<64x128xf32> -> tensor<128x128xf32>
  %w1c = dist.reshard %w1 : !wup -> !wupc
  %w2c = dist.reshard %w2 : !wdn -> !wdnc
  %w3c = dist.reshard %w3 : !wup -> !wupc

  // CHECK: %[[A:.+]] = fabric.linear %[[X]], %[[W1C]] : (tensor<8x128xf32>, tensor<128x128xf32>) -> tensor<8x128xf32>
  // CHECK: %[[B:.+]] = fabric.silu %[[A]] : tensor<8x128xf32>
  %a = fabric.linear %x, %w1c : (!x, !wupc) -> !h
  %b = fabric.silu %a : !h
  %c = fabric.linear %x, %w3c : (!x, !wupc) -> !h
  %d = fabric.mul %b, %c : !h
  // The product over a split dim is a term, its sum as well: one scalar is
  // reduced, no tensor.
  // CHECK: %[[Y:.+]] = fabric.linear %{{.+}}, %[[W2C]] : (tensor<8x128xf32>, tensor<128x128xf32>) -> tensor<8x128xf32>
  // CHECK-NEXT: %[[TERM:.+]] = fabric.sum %[[Y]] dims = [0, 1] : tensor<8x128xf32> -> tensor<f32>
  // CHECK-NEXT: %[[LOSS:.+]] = dist.all_reduce sum %[[TERM]] axes = {"dp", "tp"} : tensor<f32>
  %y = fabric.linear %d, %w2c : (!h, !wdnc) -> !yp
  %lp = fabric.sum %y dims = [0, 1] : !yp -> !lossp
  %l = dist.reshard %lp : !lossp -> !loss

  // CHECK: fabric.constant dense<1.000000e+00> : tensor<8x128xf32>
  %dy = fabric.constant dense<1.0> : tensor<16x128xf32> -> !x
  %dd = fabric.contract %dy, %w2c batch = [] x [] contract = [1] x [0] : (!x, !wdnc) -> !h
  %dw2p = fabric.contract %dy, %d batch = [] x [] contract = [0] x [0] : (!x, !h) -> !wdnp
  %db = fabric.mul %dd, %c : !h
  %dc = fabric.mul %dd, %b : !h
  %s = fabric.sigmoid %a : !h
  %da = fabric.mul %db, %s : !h
  %dw1p = fabric.contract %da, %x batch = [] x [] contract = [0] x [0] : (!h, !x) -> !wupp
  %dw3p = fabric.contract %dc, %x batch = [] x [] contract = [0] x [0] : (!h, !x) -> !wupp

  // CHECK: %[[DW1:.+]] = dist.reduce_scatter sum %{{.+}} dim = 0 axes = {"dp"} : tensor<128x128xf32> -> tensor<64x128xf32>
  // CHECK: fabric.adamw %[[W1]], %[[DW1]]
  // CHECK-COUNT-2: dist.reduce_scatter
  // CHECK-NOT: dist.
  %dw1 = dist.reshard %dw1p : !wupp -> !wup
  %p1, %pm1, %pv1 = fabric.adamw %w1, %dw1, %m1, %v1, lr = %lr, step = %step {beta1 = 9.0e-1 : f64, beta2 = 9.99e-1 : f64, eps = 1.0e-8 : f64, weight_decay = 1.0e-2 : f64} : (!wup, !wup, !wup, !wup, !scalar, !scalar) -> (!wup, !wup, !wup)
  %dw2 = dist.reshard %dw2p : !wdnp -> !wdn
  %p2, %pm2, %pv2 = fabric.adamw %w2, %dw2, %m2, %v2, lr = %lr, step = %step {beta1 = 9.0e-1 : f64, beta2 = 9.99e-1 : f64, eps = 1.0e-8 : f64, weight_decay = 1.0e-2 : f64} : (!wdn, !wdn, !wdn, !wdn, !scalar, !scalar) -> (!wdn, !wdn, !wdn)
  %dw3 = dist.reshard %dw3p : !wupp -> !wup
  %p3, %pm3, %pv3 = fabric.adamw %w3, %dw3, %m3, %v3, lr = %lr, step = %step {beta1 = 9.0e-1 : f64, beta2 = 9.99e-1 : f64, eps = 1.0e-8 : f64, weight_decay = 1.0e-2 : f64} : (!wup, !wup, !wup, !wup, !scalar, !scalar) -> (!wup, !wup, !wup)
  return %l, %p1, %pm1, %pv1, %p2, %pm2, %pv2, %p3, %pm3, %pv3
    : !loss, !wup, !wup, !wup, !wdn, !wdn, !wdn, !wup, !wup, !wup
}
}
