// With `scratch` a budget also holds what a GPU's libraries work in: 32 MiB for
// products; for collectives twice the larger side, with 16 bytes a rank, rounded
// up to 256. What is in the block's order shares one arena: the larger counts.
// RUN: split-file %s %t
// RUN: fabric-opt %t/product.mlir --schedule-regather="memory=33555200 scratch=true" | FileCheck %s
// RUN: not fabric-opt %t/product.mlir --schedule-regather="memory=33555199 scratch=true" 2>&1 | FileCheck %s --check-prefix=PRODUCT
// RUN: fabric-opt %t/product.mlir --schedule-regather="memory=768" | FileCheck %s
// RUN: fabric-opt %t/collectives.mlir --schedule-regather="memory=5632 scratch=true" | FileCheck %s
// RUN: not fabric-opt %t/collectives.mlir --schedule-regather="memory=5631 scratch=true" 2>&1 | FileCheck %s --check-prefix=COLLECTIVES

// A stream has its own, beside the product's: 4 x 1024 bytes, 32 MiB and 2560.
// RUN: fabric-opt %t/streams.mlir --schedule-overlap="memory=33561088 scratch=true" | FileCheck %s --check-prefix=STREAM
// RUN: fabric-opt %t/streams.mlir --schedule-overlap="memory=33561087 scratch=true" 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: fabric-opt %t/streams.mlir --schedule-overlap="memory=4096" | FileCheck %s --check-prefix=STREAM

// CHECK: func.func @f(
// PRODUCT: error: {{.*}} budget of 33555199 bytes: one rank needs 33555200 bytes, of which libraries work in 33554432
// COLLECTIVES: error: {{.*}} budget of 5631 bytes: one rank needs 5632 bytes, of which libraries work in 2560
// STREAM: dist.all_reduce {{.*}} {dist.async}
// NONE: remark: {{.*}} no collective runs beside what computes: the memory budget of 33561087 bytes has no room for it

//--- product.mlir
// 3 x 256 bytes, and the product's.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
func.func @f(%x: tensor<8x8xf32>, %w: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = fabric.linear %x, %w : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %0 : tensor<8x8xf32>
}
}

//--- collectives.mlir
// 3 x 1024 bytes at the end, and 2 x 1280. The gather's pieces lie one after the
// other, so that they need nothing.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
func.func @f(%x: tensor<16x16xf32>) -> tensor<16x16xf32> {
  %0 = dist.reduce_scatter sum %x dim = 0 axes = {"dp"} : tensor<16x16xf32> -> tensor<8x16xf32>
  %1 = dist.all_gather %0 dim = 0 axes = {"dp"} : tensor<8x16xf32> -> tensor<16x16xf32>
  %2 = dist.all_reduce sum %1 axes = {"dp"} : tensor<16x16xf32>
  return %2 : tensor<16x16xf32>
}
}

//--- streams.mlir
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
func.func @f(%x: tensor<16x16xf32>, %y: tensor<16x16xf32>) -> (tensor<16x16xf32>, tensor<16x16xf32>) {
  %0 = dist.all_reduce sum %x axes = {"dp"} : tensor<16x16xf32>
  %1 = fabric.linear %y, %y : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  return %0, %1 : tensor<16x16xf32>, tensor<16x16xf32>
}
}
