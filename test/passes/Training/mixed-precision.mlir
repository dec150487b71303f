// RUN: fabric-opt %s -split-input-file --fabric-mixed-precision="param-dtype=bf16" | FileCheck %s
// RUN: fabric-opt %s -split-input-file --fabric-mixed-precision="param-dtype=bf16" --fabric-differentiate | FileCheck %s --check-prefix=GRAD

// The module ends where the last parameter meets data: what the loss does with
// its output, and with a target that only the loss reads, is in f32. Arguments
// and results keep their types, and so do gradients, by a cast back.

// CHECK-LABEL: func.func @loss_on_output
// CHECK-SAME: %[[X:[^:]*]]: tensor<4x8xf32>
// CHECK-SAME: %[[T:[^:]*]]: tensor<4x2xf32>
// CHECK-SAME: %[[W:[^:]*]]: tensor<2x8xf32>
// CHECK-SAME: -> (tensor<f32> {fabric.result = "loss"})
// CHECK-NEXT: %[[X16:.*]] = fabric.cast %[[X]] : tensor<4x8xf32> -> tensor<4x8xbf16>
// CHECK-NEXT: %[[W16:.*]] = fabric.cast %[[W]] : tensor<2x8xf32> -> tensor<2x8xbf16>
// CHECK-NEXT: %[[Y16:.*]] = fabric.linear %[[X16]], %[[W16]] : (tensor<4x8xbf16>, tensor<2x8xbf16>) -> tensor<4x2xbf16>
// CHECK-NEXT: %[[Y:.*]] = fabric.cast %[[Y16]] : tensor<4x2xbf16> -> tensor<4x2xf32>
// CHECK-NEXT: %[[D:.*]] = fabric.sub %[[Y]], %[[T]] : tensor<4x2xf32>
// CHECK-NEXT: fabric.mul %[[D]], %[[D]] : tensor<4x2xf32>
// CHECK-NEXT: fabric.sum {{.*}} -> tensor<f32>

// GRAD-LABEL: func.func @loss_on_output
// GRAD-SAME: tensor<2x8xf32> {fabric.gradient_of = 2 : i64
// GRAD: %[[DY16:.*]] = fabric.cast %{{.*}} : tensor<4x2xf32> -> tensor<4x2xbf16>
// GRAD-NEXT: %[[DW16:.*]] = fabric.contract %[[DY16]], %{{.*}} -> tensor<2x8xbf16>
// GRAD-NEXT: %[[DW:.*]] = fabric.cast %[[DW16]] : tensor<2x8xbf16> -> tensor<2x8xf32>
// GRAD-NEXT: return %{{.*}}, %[[DW]]
module attributes {fabric.train = #fabric.train<gradients>} {
func.func @loss_on_output(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %t: tensor<4x2xf32> {fabric.input = #fabric.input<"t", batch_dim = 0>},
    %w: tensor<2x8xf32> {fabric.param = #fabric.param<"w">}) -> (tensor<f32> {fabric.result = "loss"}) {
  %y = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<2x8xf32>) -> tensor<4x2xf32>
  %d = fabric.sub %y, %t : tensor<4x2xf32>
  %s = fabric.mul %d, %d : tensor<4x2xf32>
  %loss = fabric.sum %s dims = [0, 1] : tensor<4x2xf32> -> tensor<f32>
  return %loss : tensor<f32>
}
}

// -----

// What a named result of rank 1 or more is made from is the module, also behind
// the last parameter; the result itself is cast back. A named scalar, such as the
// loss, is not. Every use of a parameter reads one cast.

// CHECK-LABEL: func.func @named_output
// CHECK-SAME: %[[X:[^:]*]]: tensor<4x4xf32>
// CHECK-SAME: %[[W:[^:]*]]: tensor<4x4xf32>
// CHECK-DAG: fabric.cast %[[X]]
// CHECK-DAG: %[[W16:.*]] = fabric.cast %[[W]]
// CHECK: fabric.linear %{{.*}}, %[[W16]] {{.*}} -> tensor<4x4xbf16>
// CHECK: fabric.linear %{{.*}}, %[[W16]] {{.*}} -> tensor<4x4xbf16>
// CHECK: %[[HALF:.*]] = fabric.cast %{{.*}} : tensor<4x4xf32> -> tensor<4x4xbf16>
// CHECK: %[[S:.*]] = fabric.mul %{{.*}}, %[[HALF]] : tensor<4x4xbf16>
// CHECK: %[[Y16:.*]] = fabric.silu %[[S]] : tensor<4x4xbf16>
// CHECK: %[[Y:.*]] = fabric.cast %[[Y16]] : tensor<4x4xbf16> -> tensor<4x4xf32>
// CHECK: %[[E:.*]] = fabric.exp %[[Y]] : tensor<4x4xf32>
// CHECK: %[[LOSS:.*]] = fabric.sum %[[E]]
// CHECK: return %[[Y]], %[[LOSS]] : tensor<4x4xf32>, tensor<f32>
func.func @named_output(%x: tensor<4x4xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<4x4xf32> {fabric.param = #fabric.param<"w">})
    -> (tensor<4x4xf32> {fabric.result = "y"}, tensor<f32> {fabric.result = "loss"}) {
  %half = fabric.constant dense<0.5> : tensor<4x4xf32>
  %a = fabric.linear %x, %w : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %b = fabric.linear %a, %w : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %s = fabric.mul %b, %half : tensor<4x4xf32>
  %y = fabric.silu %s : tensor<4x4xf32>
  %e = fabric.exp %y : tensor<4x4xf32>
  %loss = fabric.sum %e dims = [0, 1] : tensor<4x4xf32> -> tensor<f32>
  return %y, %loss : tensor<4x4xf32>, tensor<f32>
}

// -----

// Positions are counted in f32, where 257 is a number, and cast where they meet
// the data. A parameter that the loss reads by itself is read in f32.

// CHECK-LABEL: func.func @positions
// CHECK-SAME: %[[X:[^:]*]]: tensor<4x8xf32>
// CHECK-SAME: %[[P:[^:]*]]: tensor<4x8xi32>
// CHECK-SAME: %[[W:[^:]*]]: tensor<2x8xf32>
// CHECK: %[[F:.*]] = fabric.cast %[[P]] : tensor<4x8xi32> -> tensor<4x8xf32>
// CHECK: %[[S:.*]] = fabric.sqrt %[[F]] : tensor<4x8xf32>
// CHECK: %[[S16:.*]] = fabric.cast %[[S]] : tensor<4x8xf32> -> tensor<4x8xbf16>
// CHECK: fabric.add %{{.*}}, %[[S16]] : tensor<4x8xbf16>
// CHECK: fabric.mul %[[W]], %[[W]] : tensor<2x8xf32>
func.func @positions(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %p: tensor<4x8xi32> {fabric.input = #fabric.input<"p", batch_dim = 0>},
    %w: tensor<2x8xf32> {fabric.param = #fabric.param<"w">}) -> (tensor<f32> {fabric.result = "loss"}) {
  %f = fabric.cast %p : tensor<4x8xi32> -> tensor<4x8xf32>
  %s = fabric.sqrt %f : tensor<4x8xf32>
  %a = fabric.add %x, %s : tensor<4x8xf32>
  %y = fabric.linear %a, %w : (tensor<4x8xf32>, tensor<2x8xf32>) -> tensor<4x2xf32>
  %0 = fabric.sum %y dims = [0, 1] : tensor<4x2xf32> -> tensor<f32>
  %squares = fabric.mul %w, %w : tensor<2x8xf32>
  %1 = fabric.sum %squares dims = [0, 1] : tensor<2x8xf32> -> tensor<f32>
  %loss = fabric.add %0, %1 : tensor<f32>
  return %loss : tensor<f32>
}
