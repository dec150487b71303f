// RUN: cp %models/feedforward.mlir %t.mlir
// RUN: fabric-opt %t.mlir --train | FileCheck %s
// RUN: fabric-opt %t.mlir --train --mlir-use-nameloc-as-prefix=false > %t.once.mlir
// RUN: fabric-opt %t.once.mlir --train --mlir-use-nameloc-as-prefix=false | diff %t.once.mlir -
// RUN: fabric-opt %models/feedforward_forward.mlir --train | FileCheck %s --check-prefix=INFERENCE

// The whole phase on the shipped model: forward, backward, three updates.
// A second run changes nothing, and without fabric.train the model stays.

// CHECK: module attributes {fabric.trained = #fabric.train<adamw, lr = 0.003
// CHECK-LABEL: func.func @feedforward
// CHECK: %[[A:.*]] = fabric.linear %x, %w1.weight
// CHECK: %[[B:.*]] = fabric.silu %[[A]]
// CHECK: %[[C:.*]] = fabric.linear %x, %w3.weight
// CHECK: %[[D:.*]] = fabric.mul %[[B]], %[[C]]
// CHECK: %[[Y:.*]] = fabric.linear %[[D]], %w2.weight
// CHECK: %[[LOSS:.*]] = fabric.sum %[[Y]] dims = [0, 1]
// CHECK: %[[DY:.*]] = fabric.broadcast
// CHECK: %[[DD:.*]] = fabric.contract %[[DY]], %w2.weight batch = [] x [] contract = [1] x [0]
// CHECK: %[[DW2:.*]] = fabric.contract %[[DY]], %[[D]] batch = [] x [] contract = [0] x [0]
// CHECK: %[[DC:.*]] = fabric.mul %[[DD]], %[[B]]
// CHECK: %[[DW3:.*]] = fabric.contract %[[DC]], %x batch = [] x [] contract = [0] x [0]
// CHECK: %[[DW1:.*]] = fabric.contract %{{.*}}, %x batch = [] x [] contract = [0] x [0]
// Four products in all: no gradient of the input.
// CHECK-NOT: fabric.contract
// CHECK: %[[W1:.*]], %[[M1:.*]], %[[V1:.*]] = fabric.adamw %w1.weight, %[[DW1]], %w1.weight.exp_avg, %w1.weight.exp_avg_sq, lr = %lr, step = %step
// CHECK: %[[W2:.*]], %[[M2:.*]], %[[V2:.*]] = fabric.adamw %w2.weight, %[[DW2]], %w2.weight.exp_avg, %w2.weight.exp_avg_sq
// CHECK: %[[W3:.*]], %[[M3:.*]], %[[V3:.*]] = fabric.adamw %w3.weight, %[[DW3]], %w3.weight.exp_avg, %w3.weight.exp_avg_sq
// CHECK: return %[[LOSS]], %[[W1]], %[[M1]], %[[V1]], %[[W2]], %[[M2]], %[[V2]], %[[W3]], %[[M3]], %[[V3]]

// INFERENCE-NOT: fabric.contract
// INFERENCE: -> (tensor<16x128xf32> {fabric.result = "output"})
