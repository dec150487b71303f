// RUN: sed 's/^module {/module attributes {fabric.train = #fabric.train<adamw, lr = 3.0e-3>} {/' %models/feedforward.mlir > %t.mlir
// RUN: fabric-opt %t.mlir --train | FileCheck %s
// RUN: fabric-opt %t.mlir --train > %t.once.mlir
// RUN: fabric-opt %t.once.mlir --train | diff %t.once.mlir -
// RUN: fabric-opt %models/feedforward.mlir --train | FileCheck %s --check-prefix=INFERENCE

// The whole phase on the shipped model: forward, backward, three updates.
// A second run changes nothing, and without fabric.train the model stays.

// CHECK: module attributes {fabric.trained = #fabric.train<adamw, lr = 0.003
// CHECK-LABEL: func.func @feedforward
// CHECK: %[[A:.*]] = fabric.linear %arg0, %arg1
// CHECK: %[[B:.*]] = fabric.silu %[[A]]
// CHECK: %[[C:.*]] = fabric.linear %arg0, %arg3
// CHECK: %[[D:.*]] = fabric.mul %[[B]], %[[C]]
// CHECK: %[[Y:.*]] = fabric.linear %[[D]], %arg2
// CHECK: %[[LOSS:.*]] = fabric.sum %[[Y]] dims = [0, 1]
// CHECK: %[[DY:.*]] = fabric.broadcast
// CHECK: %[[DD:.*]] = fabric.contract %[[DY]], %arg2 batch = [] x [] contract = [1] x [0]
// CHECK: %[[DW2:.*]] = fabric.contract %[[DY]], %[[D]] batch = [] x [] contract = [0] x [0]
// CHECK: %[[DC:.*]] = fabric.mul %[[DD]], %[[B]]
// CHECK: %[[DW3:.*]] = fabric.contract %[[DC]], %arg0 batch = [] x [] contract = [0] x [0]
// CHECK: %[[DW1:.*]] = fabric.contract %{{.*}}, %arg0 batch = [] x [] contract = [0] x [0]
// Four products in all: no gradient of the input.
// CHECK-NOT: fabric.contract
// CHECK: %[[W1:.*]], %[[M1:.*]], %[[V1:.*]] = fabric.adamw %arg1, %[[DW1]], %arg4, %arg5, lr = %arg10, step = %arg11
// CHECK: %[[W2:.*]], %[[M2:.*]], %[[V2:.*]] = fabric.adamw %arg2, %[[DW2]], %arg6, %arg7
// CHECK: %[[W3:.*]], %[[M3:.*]], %[[V3:.*]] = fabric.adamw %arg3, %[[DW3]], %arg8, %arg9
// CHECK: return %[[LOSS]], %[[W1]], %[[M1]], %[[V1]], %[[W2]], %[[M2]], %[[V2]], %[[W3]], %[[M3]], %[[V3]]

// INFERENCE-NOT: fabric.contract
// INFERENCE: -> (tensor<f32> {fabric.result = "loss"})
