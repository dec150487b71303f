// RUN: fabric-opt %s --lower-kernels-to-gpu | FileCheck %s

// Whole vectors of 16 bytes, one a thread; the grid is exact.
// CHECK-LABEL: gpu.func @elementwise(
// CHECK-SAME:    %[[A:.*]]: memref<2048xf32>, %[[R:.*]]: memref<2048xf32>) kernel
// CHECK-SAME:    known_block_size = array<i32: 256, 1, 1>, known_grid_size = array<i32: 2, 1, 1>
// CHECK-NOT:     scf.
// CHECK:         vector.load %[[A]]{{.*}}{alignment = 16 : i64} : memref<2048xf32>, vector<4xf32>
// CHECK:         math.exp {{.*}} : vector<4xf32>
// CHECK:         vector.store {{.*}}, %[[R]]{{.*}}{alignment = 16 : i64}
func.func @elementwise(%a: tensor<16x128xf32>) -> tensor<16x128xf32> {
  %0 = fabric.silu %a : tensor<16x128xf32>
  return %0 : tensor<16x128xf32>
}

// bf16: eight elements are 16 bytes.
// CHECK-LABEL: gpu.func @bf16(
// CHECK:         vector.load {{.*}}{alignment = 16 : i64} : memref<2048xi16>, vector<8xi16>
func.func @bf16(%a: tensor<16x128xbf16>) -> tensor<16x128xbf16> {
  %0 = fabric.silu %a : tensor<16x128xbf16>
  return %0 : tensor<16x128xbf16>
}

// Behind the last vector, threads of the last block take single elements.
// CHECK-LABEL: gpu.func @tail(
// CHECK:         vector.load {{.*}} : memref<1027xf32>, vector<4xf32>
// CHECK:         %[[THREE:.*]] = arith.constant 3 : index
// CHECK:         arith.cmpi slt, %{{.*}}, %[[THREE]]
// CHECK:         scf.if
// CHECK:           memref.load {{.*}} : memref<1027xf32>
// CHECK:           memref.store {{.*}} : memref<1027xf32>
func.func @tail(%a: tensor<1027xf32>) -> tensor<1027xf32> {
  %0 = fabric.silu %a : tensor<1027xf32>
  return %0 : tensor<1027xf32>
}

// Rows that are no whole vectors of four are vectors of two.
// CHECK-LABEL: gpu.func @narrower(
// CHECK:         vector.load {{.*}}{alignment = 8 : i64} : memref<360xf32>, vector<2xf32>
// CHECK:         vector.load {{.*}}{alignment = 8 : i64} : memref<18xf32>, vector<2xf32>
func.func @narrower(%a: tensor<20x18xf32>, %b: tensor<18xf32>) -> tensor<20x18xf32> {
  %0 = fabric.broadcast %b dims = [1] : tensor<18xf32> -> tensor<20x18xf32>
  %1 = fabric.add %a, %0 : tensor<20x18xf32>
  return %1 : tensor<20x18xf32>
}

// A sum of a few rows: a warp each, by shuffles alone, in f64, rounded once.
// CHECK-LABEL: gpu.func @rows(
// CHECK-NOT:     workgroup
// CHECK:         arith.extf {{.*}} : vector<4xf32> to vector<4xf64>
// CHECK-COUNT-5: gpu.shuffle xor {{.*}} : f64
// CHECK-NOT:     gpu.barrier
// CHECK:         arith.truncf {{.*}} : f64 to f32
func.func @rows(%a: tensor<64x256xf32>) -> tensor<64xf32> {
  %0 = fabric.sum %a dims = [1] : tensor<64x256xf32> -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// Columns: neighbouring threads have neighbouring columns; rows meet in the
// memory of the block.
// CHECK-LABEL: gpu.func @columns(
// CHECK-SAME:    workgroup(%{{.*}} : memref<1024xf64, #gpu.address_space<workgroup>> {llvm.align = 64 : i64})
// CHECK:         gpu.barrier
// CHECK:         arith.truncf {{.*}} : vector<4xf64> to vector<4xf32>
// CHECK:         vector.store
func.func @columns(%a: tensor<32x4096xf32>) -> tensor<4096xf32> {
  %0 = fabric.sum %a dims = [0] : tensor<32x4096xf32> -> tensor<4096xf32>
  return %0 : tensor<4096xf32>
}

// A long sum: blocks leave parts, in f64; another launch joins them.
// CHECK-LABEL: gpu.func @all(
// CHECK-SAME:    %{{.*}}: memref<16777216xf32>, %{{.*}}: memref<1024xf64>)
// CHECK-NOT:     truncf
// CHECK-LABEL: gpu.func @all_parts_0(
// CHECK-SAME:    %{{.*}}: memref<1024xf64>, %{{.*}}: memref<1xf32>)
// CHECK-SAME:    known_grid_size = array<i32: 1, 1, 1>
// CHECK:         arith.truncf {{.*}} : f64 to f32
func.func @all(%a: tensor<4096x4096xf32>) -> tensor<f32> {
  %0 = fabric.sum %a dims = [0, 1] : tensor<4096x4096xf32> -> tensor<f32>
  return %0 : tensor<f32>
}

// A transpose: squares, through the memory of the block.
// CHECK-LABEL: gpu.func @transpose(
// CHECK-SAME:    workgroup(%[[SQUARE:.*]] : memref<1056xf32, #gpu.address_space<workgroup>>
// CHECK-SAME:    known_grid_size = array<i32: 12, 1, 1>
// CHECK:         memref.store {{.*}}, %[[SQUARE]]
// CHECK:         gpu.barrier
// CHECK:         memref.load %[[SQUARE]]
func.func @transpose(%a: tensor<100x70xf32>) -> tensor<70x100xf32> {
  %0 = fabric.transpose %a permutation = [1, 0] : tensor<100x70xf32> -> tensor<70x100xf32>
  return %0 : tensor<70x100xf32>
}

// What depends on the step alone is computed by one thread, before.
// CHECK-LABEL: gpu.func @adamw_scalars(
// CHECK-SAME:    known_block_size = array<i32: 1, 1, 1>, known_grid_size = array<i32: 1, 1, 1>
// CHECK:         math.powf
// CHECK-LABEL: gpu.func @adamw(
// CHECK-NOT:     f64
// CHECK-NOT:     math.powf
func.func @adamw(%p: tensor<64x128xf32>, %g: tensor<64x128xf32>, %m: tensor<64x128xf32>, %v: tensor<64x128xf32>,
    %lr: tensor<f64>, %step: tensor<f64>) -> (tensor<64x128xf32>, tensor<64x128xf32>, tensor<64x128xf32>) {
  %0:3 = fabric.adamw %p, %g, %m, %v, lr = %lr, step = %step
      {beta1 = 0.9 : f64, beta2 = 0.999 : f64, eps = 1.0e-8 : f64, weight_decay = 0.01 : f64}
      : (tensor<64x128xf32>, tensor<64x128xf32>, tensor<64x128xf32>, tensor<64x128xf32>, tensor<f64>, tensor<f64>)
      -> (tensor<64x128xf32>, tensor<64x128xf32>, tensor<64x128xf32>)
  return %0#0, %0#1, %0#2 : tensor<64x128xf32>, tensor<64x128xf32>, tensor<64x128xf32>
}

// A fill, then the box: the second goes on with what the first has written.
// CHECK-LABEL: gpu.func @pad_0(%{{.*}}: memref<30xf32>) kernel
// CHECK-LABEL: gpu.func @pad(
// CHECK-SAME:    %{{.*}}: memref<12xf32>, %{{.*}}: memref<30xf32>, %{{.*}}: memref<30xf32>) kernel
func.func @pad(%a: tensor<3x4xf32>) -> tensor<5x6xf32> {
  %0 = fabric.pad %a dims = [0, 1] offsets = [1, 1] strides = [1, 1] value = 0.5 : tensor<3x4xf32> -> tensor<5x6xf32>
  return %0 : tensor<5x6xf32>
}
