// RUN: fabric-opt %s -split-input-file --schedule-regather="memory=fast" | FileCheck %s --check-prefix=FAST
// RUN: fabric-opt %s -split-input-file --schedule-regather="memory=min" --schedule-verify | FileCheck %s --check-prefix=MIN
// RUN: fabric-check-values %s --pipeline="func.func(schedule-regather{memory=min})" --integers

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
// Two layers forward and back. `fast` keeps what it gathered. With `min` the
// first weight is gathered again for the backward pass, because the second is
// used in between; the second is used twice in a row, and is kept.
// FAST-LABEL: func.func @two_layers(
// FAST-COUNT-2: dist.all_gather
// FAST-NOT: dist.all_gather
// FAST: return
// MIN-LABEL: func.func @two_layers(
// MIN-SAME: %[[X:[^:]+]]: {{.+}}, %[[W1:[^:]+]]: {{.+}}, %[[W2:[^:]+]]: tensor
// MIN-NEXT: %[[G1:.+]] = dist.all_gather %[[W1]]
// MIN-NEXT: %[[A:.+]] = fabric.linear %[[X]], %[[G1]]
// MIN-NEXT: %[[G2:.+]] = dist.all_gather %[[W2]]
// MIN-NEXT: %[[B:.+]] = fabric.linear %[[A]], %[[G2]]
// MIN-NEXT: %[[DA:.+]] = fabric.contract %[[B]], %[[G2]]
// MIN-NEXT: %[[AGAIN:.+]] = dist.all_gather %[[W1]]
// MIN-NEXT: %[[DX:.+]] = fabric.contract %[[DA]], %[[AGAIN]]
// MIN-NEXT: return %[[DX]]
func.func @two_layers(%x: tensor<2x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %w1: tensor<4x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %w2: tensor<2x8xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>})
    -> (tensor<2x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}) {
  %g1 = dist.all_gather %w1 dim = 0 axes = {"dp"} : tensor<4x4xf32> -> tensor<8x4xf32>
  %a = fabric.linear %x, %g1 : (tensor<2x4xf32>, tensor<8x4xf32>) -> tensor<2x8xf32>
  %g2 = dist.all_gather %w2 dim = 0 axes = {"dp"} : tensor<2x8xf32> -> tensor<4x8xf32>
  %b = fabric.linear %a, %g2 : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
  %da = fabric.contract %b, %g2 batch = [] x [] contract = [1] x [0] : (tensor<2x4xf32>, tensor<4x8xf32>) -> tensor<2x8xf32>
  %dx = fabric.contract %da, %g1 batch = [] x [] contract = [1] x [0] : (tensor<2x8xf32>, tensor<8x4xf32>) -> tensor<2x4xf32>
  return %dx : tensor<2x4xf32>
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
// The whole chain from the argument is made again, and views of its end with
// it: here a gather, a cast, and a reshape.
// MIN-LABEL: func.func @chain(
// MIN-SAME: %[[X:[^:]+]]: {{.+}}, %[[W1:[^:]+]]: {{.+}}, %[[W2:[^:]+]]: tensor
// MIN: dist.all_gather %[[W1]]
// MIN: dist.all_gather %[[W2]]
// MIN: %[[G:.+]] = dist.all_gather %[[W1]]
// MIN-NEXT: %[[C:.+]] = fabric.cast %[[G]]
// MIN-NEXT: %[[V:.+]] = fabric.reshape %[[C]]
// MIN-NEXT: fabric.contract %{{.+}}, %[[V]]
// MIN-NEXT: return
func.func @chain(%x: tensor<2x4xf64> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %w1: tensor<16xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}]>},
    %w2: tensor<4x8xf64> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>})
    -> (tensor<2x4xf64> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}) {
  %g1 = dist.all_gather %w1 dim = 0 axes = {"dp"} : tensor<16xf32> -> tensor<32xf32>
  %c1 = fabric.cast %g1 : tensor<32xf32> -> tensor<32xf64>
  %v1 = fabric.reshape %c1 : tensor<32xf64> -> tensor<8x4xf64>
  %a = fabric.linear %x, %v1 : (tensor<2x4xf64>, tensor<8x4xf64>) -> tensor<2x8xf64>
  %g2 = dist.all_gather %w2 dim = 0 axes = {"dp"} : tensor<4x8xf64> -> tensor<8x8xf64>
  %b = fabric.linear %a, %g2 : (tensor<2x8xf64>, tensor<8x8xf64>) -> tensor<2x8xf64>
  %y = fabric.contract %b, %v1 batch = [] x [] contract = [1] x [0] : (tensor<2x8xf64>, tensor<8x4xf64>) -> tensor<2x4xf64>
  return %y : tensor<2x4xf64>
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
// Not after the argument has been updated: what was gathered is the old value.
// MIN-LABEL: func.func @after_update(
// MIN-COUNT-2: dist.all_gather
// MIN: fabric.adamw
// MIN-NOT: dist.all_gather
// MIN: return
func.func @after_update(%x: tensor<2x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %w1: tensor<4x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %w2: tensor<2x8xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %g: tensor<4x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %m: tensor<4x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %v: tensor<4x4xf32> {fabric.state = #fabric.state<"p", "exp_avg_sq">, dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %lr: tensor<f64> {fabric.scalar = #fabric.scalar<"lr", 3.0e-3>, dist.sharding = #dist.sharding<#mesh, []>},
    %step: tensor<f64> {fabric.scalar = #fabric.scalar<"step", 1.0>, dist.sharding = #dist.sharding<#mesh, []>})
    -> (tensor<2x8xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}, tensor<4x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}) {
  %g1 = dist.all_gather %w1 dim = 0 axes = {"dp"} : tensor<4x4xf32> -> tensor<8x4xf32>
  %a = fabric.linear %x, %g1 : (tensor<2x4xf32>, tensor<8x4xf32>) -> tensor<2x8xf32>
  %g2 = dist.all_gather %w2 dim = 0 axes = {"dp"} : tensor<2x8xf32> -> tensor<4x8xf32>
  %b = fabric.linear %a, %g2 : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
  %n, %m1, %v1 = fabric.adamw %w1, %g, %m, %v, lr = %lr, step = %step {beta1 = 9.0e-1 : f64, beta2 = 9.99e-1 : f64, eps = 1.0e-8 : f64, weight_decay = 1.0e-2 : f64} : (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<f64>, tensor<f64>) -> (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>)
  %c = fabric.linear %b, %g1 : (tensor<2x4xf32>, tensor<8x4xf32>) -> tensor<2x8xf32>
  return %c, %n : tensor<2x8xf32>, tensor<4x4xf32>
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
// A view of what is gathered again is part of the chain of what is made of it:
// the relu moves to a new view first, and then is made again itself.
// MIN-LABEL: func.func @chain_through_view(
// MIN-SAME: %[[X:[^:]+]]: {{.+}}, %[[W1:[^:]+]]: {{.+}}, %[[W2:[^:]+]]: tensor
// MIN-COUNT-2: fabric.linear
// MIN-NEXT: %[[G:.+]] = dist.all_gather %[[W1]]
// MIN-NEXT: %[[V:.+]] = fabric.reshape %[[G]]
// MIN-NEXT: %[[S:.+]] = fabric.relu %[[V]]
// MIN-NEXT: fabric.linear %{{.+}}, %[[S]]
// MIN: %[[G_AGAIN:.+]] = dist.all_gather %[[W1]]
// MIN-NEXT: %[[V_AGAIN:.+]] = fabric.reshape %[[G_AGAIN]]
// MIN-NEXT: %[[S_AGAIN:.+]] = fabric.relu %[[V_AGAIN]]
// MIN-NEXT: %[[E:.+]] = fabric.linear %{{.+}}, %[[S_AGAIN]]
// MIN-NEXT: return
func.func @chain_through_view(%x: tensor<2x4xf64> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %w1: tensor<4x4xf64> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %w2: tensor<2x8xf64> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>})
    -> (tensor<2x4xf64> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
        tensor<2x4xf64> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}) {
  %g1 = dist.all_gather %w1 dim = 0 axes = {"dp"} : tensor<4x4xf64> -> tensor<8x4xf64>
  %g2 = dist.all_gather %w2 dim = 0 axes = {"dp"} : tensor<2x8xf64> -> tensor<4x8xf64>
  %a = fabric.linear %x, %g1 : (tensor<2x4xf64>, tensor<8x4xf64>) -> tensor<2x8xf64>
  %b = fabric.linear %a, %g2 : (tensor<2x8xf64>, tensor<4x8xf64>) -> tensor<2x4xf64>
  %v1 = fabric.reshape %g1 : tensor<8x4xf64> -> tensor<4x8xf64>
  %s = fabric.relu %v1 : tensor<4x8xf64>
  %c = fabric.linear %a, %s : (tensor<2x8xf64>, tensor<4x8xf64>) -> tensor<2x4xf64>
  %d = fabric.contract %b, %g2 batch = [] x [] contract = [1] x [0] : (tensor<2x4xf64>, tensor<4x8xf64>) -> tensor<2x8xf64>
  %e = fabric.linear %d, %s : (tensor<2x8xf64>, tensor<4x8xf64>) -> tensor<2x4xf64>
  return %c, %e : tensor<2x4xf64>, tensor<2x4xf64>
}
}
