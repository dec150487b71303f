// RUN: fabric-opt %s | fabric-opt | FileCheck %s
// RUN: fabric-opt %s --mlir-print-op-generic | fabric-opt | FileCheck %s

// Every op round-trips through its own and the generic form.

module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>, fabric.train = #fabric.train<adamw, lr = 3.0e-3>} {

// CHECK-LABEL: func.func @forward
// CHECK-SAME: fabric.input = #fabric.input<"x", batch_dim = 0>
// CHECK-SAME: dist.tp = #dist.tp<colwise>
// CHECK-SAME: fabric.param = #fabric.param<"w1", init = uniform(-0.088, 0.088)>
func.func @forward(%x: tensor<16x128xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: tensor<256x128xf32> {fabric.param = #fabric.param<"w1", init = uniform(-0.088, 0.088)>, dist.tp = #dist.tp<colwise>},
    %b: tensor<256xf32> {fabric.param = #fabric.param<"b1", init = constant(0), frozen>}) -> (tensor<f32> {fabric.result = "loss"}) {
  // CHECK: fabric.linear %{{.*}}, %{{.*}} : (tensor<16x128xf32>, tensor<256x128xf32>) -> tensor<16x256xf32>
  %0 = fabric.linear %x, %w : (tensor<16x128xf32>, tensor<256x128xf32>) -> tensor<16x256xf32>
  // CHECK: fabric.broadcast %{{.*}} dims = [1] : tensor<256xf32> -> tensor<16x256xf32>
  %1 = fabric.broadcast %b dims = [1] : tensor<256xf32> -> tensor<16x256xf32>
  // CHECK: fabric.add %{{.*}}, %{{.*}} : tensor<16x256xf32>
  %2 = fabric.add %0, %1 : tensor<16x256xf32>
  %3 = fabric.silu %2 : tensor<16x256xf32>
  // CHECK: fabric.sum %{{.*}} dims = [0, 1] : tensor<16x256xf32> -> tensor<f32>
  %4 = fabric.sum %3 dims = [0, 1] : tensor<16x256xf32> -> tensor<f32>
  // CHECK: fabric.constant dense<5.000000e-01> : tensor<f32>
  %5 = fabric.constant dense<0.5> : tensor<f32>
  %6 = fabric.mul %4, %5 : tensor<f32>
  return %6 : tensor<f32>
}

// CHECK-LABEL: func.func @shapes
func.func @shapes(%a: tensor<4x6x8xf32>, %b: tensor<4x8x3xf32>) -> tensor<4x6x3xf32> {
  // CHECK: fabric.contract %{{.*}}, %{{.*}} batch = [0] x [0] contract = [2] x [1] : (tensor<4x6x8xf32>, tensor<4x8x3xf32>) -> tensor<4x6x3xf32>
  %0 = fabric.contract %a, %b batch = [0] x [0] contract = [2] x [1] : (tensor<4x6x8xf32>, tensor<4x8x3xf32>) -> tensor<4x6x3xf32>
  // CHECK: fabric.reshape
  %1 = fabric.reshape %0 : tensor<4x6x3xf32> -> tensor<24x3xf32>
  // CHECK: fabric.transpose %{{.*}} permutation = [1, 0]
  %2 = fabric.transpose %1 permutation = [1, 0] : tensor<24x3xf32> -> tensor<3x24xf32>
  // CHECK: fabric.cast %{{.*}} : tensor<3x24xf32> -> tensor<3x24xbf16>
  %3 = fabric.cast %2 : tensor<3x24xf32> -> tensor<3x24xbf16>
  %4 = fabric.neg %0 : tensor<4x6x3xf32>
  %5 = fabric.sigmoid %4 : tensor<4x6x3xf32>
  %6 = fabric.sub %5, %0 : tensor<4x6x3xf32>
  return %6 : tensor<4x6x3xf32>
}

// CHECK-LABEL: func.func @elementwise
func.func @elementwise(%a: tensor<4x6xf32>, %b: tensor<4x6xf32>) -> tensor<4x6xf32> {
  // CHECK: fabric.div %{{.*}}, %{{.*}} : tensor<4x6xf32>
  %0 = fabric.div %a, %b : tensor<4x6xf32>
  // CHECK: fabric.maximum
  %1 = fabric.maximum %0, %b : tensor<4x6xf32>
  // CHECK: fabric.minimum
  %2 = fabric.minimum %1, %a : tensor<4x6xf32>
  // CHECK: fabric.exp
  %3 = fabric.exp %2 : tensor<4x6xf32>
  // CHECK: fabric.log
  %4 = fabric.log %3 : tensor<4x6xf32>
  // CHECK: fabric.sqrt
  %5 = fabric.sqrt %4 : tensor<4x6xf32>
  // CHECK: fabric.rsqrt
  %6 = fabric.rsqrt %5 : tensor<4x6xf32>
  // CHECK: fabric.abs
  %7 = fabric.abs %6 : tensor<4x6xf32>
  // CHECK: fabric.erf
  %8 = fabric.erf %7 : tensor<4x6xf32>
  // CHECK: fabric.tanh
  %9 = fabric.tanh %8 : tensor<4x6xf32>
  // CHECK: fabric.relu
  %10 = fabric.relu %9 : tensor<4x6xf32>
  // CHECK: fabric.gelu %{{.*}} : tensor<4x6xf32>
  %11 = fabric.gelu %10 : tensor<4x6xf32>
  // CHECK: fabric.gelu tanh %{{.*}} : tensor<4x6xf32>
  %12 = fabric.gelu tanh %11 : tensor<4x6xf32>
  // CHECK: fabric.pow %{{.*}} {exponent = 1.500000e+00 : f64} : tensor<4x6xf32>
  %13 = fabric.pow %12 {exponent = 1.5} : tensor<4x6xf32>
  // CHECK: fabric.stop_gradient %{{.*}} : tensor<4x6xf32>
  %14 = fabric.stop_gradient %13 : tensor<4x6xf32>
  // CHECK: fabric.compare lt %{{.*}}, %{{.*}} : (tensor<4x6xf32>, tensor<4x6xf32>) -> tensor<4x6xi1>
  %15 = fabric.compare lt %a, %b : (tensor<4x6xf32>, tensor<4x6xf32>) -> tensor<4x6xi1>
  // CHECK: fabric.select %{{.*}}, %{{.*}}, %{{.*}} : (tensor<4x6xi1>, tensor<4x6xf32>, tensor<4x6xf32>) -> tensor<4x6xf32>
  %16 = fabric.select %15, %14, %a : (tensor<4x6xi1>, tensor<4x6xf32>, tensor<4x6xf32>) -> tensor<4x6xf32>
  return %16 : tensor<4x6xf32>
}

// CHECK-LABEL: func.func @over_dims
func.func @over_dims(%a: tensor<4x6xf32>) -> (tensor<4xf32>, tensor<6xf32>, tensor<4x6xf32>) {
  // CHECK: fabric.max %{{.*}} dims = [1] : tensor<4x6xf32> -> tensor<4xf32>
  %0 = fabric.max %a dims = [1] : tensor<4x6xf32> -> tensor<4xf32>
  // CHECK: fabric.min %{{.*}} dims = [0] : tensor<4x6xf32> -> tensor<6xf32>
  %1 = fabric.min %a dims = [0] : tensor<4x6xf32> -> tensor<6xf32>
  // CHECK: fabric.softmax %{{.*}} dim = 1 : tensor<4x6xf32>
  %2 = fabric.softmax %a dim = 1 : tensor<4x6xf32>
  // CHECK: fabric.layer_norm %{{.*}} dims = [0, 1] {eps = {{.*}} : f64} : tensor<4x6xf32>
  %3 = fabric.layer_norm %2 dims = [0, 1] {eps = 1.0e-5} : tensor<4x6xf32>
  return %0, %1, %3 : tensor<4xf32>, tensor<6xf32>, tensor<4x6xf32>
}

// CHECK-LABEL: func.func @parts
func.func @parts(%a: tensor<4x6xf32>) -> tensor<4x9xf32> {
  // CHECK: fabric.slice %{{.*}} dims = [1] offsets = [1] strides = [2] : tensor<4x6xf32> -> tensor<4x3xf32>
  %0 = fabric.slice %a dims = [1] offsets = [1] strides = [2] : tensor<4x6xf32> -> tensor<4x3xf32>
  // CHECK: fabric.pad %{{.*}} dims = [1] offsets = [1] strides = [2] value = 5.000000e-01 : tensor<4x3xf32> -> tensor<4x6xf32>
  %1 = fabric.pad %0 dims = [1] offsets = [1] strides = [2] value = 0.5 : tensor<4x3xf32> -> tensor<4x6xf32>
  // CHECK: fabric.concat %{{.*}}, %{{.*}} dim = 1 : (tensor<4x3xf32>, tensor<4x6xf32>) -> tensor<4x9xf32>
  %2 = fabric.concat %0, %1 dim = 1 : (tensor<4x3xf32>, tensor<4x6xf32>) -> tensor<4x9xf32>
  return %2 : tensor<4x9xf32>
}

// CHECK-LABEL: func.func @adamw
func.func @adamw(%p: tensor<4xf32>, %g: tensor<4xf32>, %m: tensor<4xf32>, %v: tensor<4xf32>, %lr: tensor<f64>, %step: tensor<f64>) -> tensor<4xf32> {
  // CHECK: fabric.adamw %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, lr = %{{.*}}, step = %{{.*}} {
  %0:3 = fabric.adamw %p, %g, %m, %v, lr = %lr, step = %step {beta1 = 0.9, beta2 = 0.999, eps = 1.0e-8, weight_decay = 0.01}
    : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<f64>, tensor<f64>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  return %0#0 : tensor<4xf32>
}
}

// A vector says what is valid; without a fill it is zero.
// CHECK-LABEL: func.func @mask
func.func @mask(%x: tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %valid = fabric.constant dense<[1.0, 1.0, 1.0, 0.0]> : tensor<4xf32>
  // CHECK: fabric.mask %{{.*}}, %{{.*}} dim = 1 : tensor<2x4xf32>, tensor<4xf32> -> tensor<2x4xf32>
  %0 = fabric.mask %x, %valid dim = 1 : tensor<2x4xf32>, tensor<4xf32> -> tensor<2x4xf32>
  // CHECK: fabric.mask %{{.*}}, %{{.*}} dim = 1 fill = 1.000000e+00 : tensor<2x4xf32>
  %1 = fabric.mask %x, %valid dim = 1 fill = 1.0 : tensor<2x4xf32>, tensor<4xf32> -> tensor<2x4xf32>
  return %0, %1 : tensor<2x4xf32>, tensor<2x4xf32>
}
