// RUN: fabric-opt %s --pass-pipeline='builtin.module(func.func(lower-kernels-to-linalg{row-bytes=128}))' | FileCheck %s
// RUN: fabric-opt %s --pass-pipeline='builtin.module(func.func(lower-kernels-to-linalg{row-bytes=0}))' | FileCheck %s --check-prefix=ALL

// Rows are longer than asked for: eight are taken together, the fewest with sums over rows,
// then four. What the first stage leaves is on the stack; so are, for all rows
// and in f64, the sums over rows.

// CHECK-LABEL: func.func @rows(
// CHECK-SAME: %[[X:.*]]: memref<20x64xf32>, %[[Y:.*]]: memref<20x64xf32>, %[[D:.*]]: memref<20xf32>, %[[C:.*]]: memref<64xf32>)
// CHECK-DAG: %[[LAST_SUMS:.*]] = memref.alloca() {{.*}} : memref<4xf32>
// CHECK-DAG: %[[SUMS:.*]] = memref.alloca() {{.*}} : memref<8xf32>
// CHECK-DAG: %[[TOTALS:.*]] = memref.alloca() {{.*}} : memref<64xf64>
// CHECK: linalg.fill {{.*}} outs(%[[TOTALS]] : memref<64xf64>)
// CHECK: scf.for %[[ROW:.*]] = %c0{{.*}} to %c16{{.*}} step %c8
// CHECK: linalg.fill {{.*}} outs(%[[SUMS]] : memref<8xf32>)
// CHECK: linalg.generic
// CHECK-SAME: iterator_types = ["parallel", "reduction"]
// CHECK-SAME: ins(%{{.*}} : memref<8x64xf32, strided<[64, 1], offset: ?>>) outs(%[[SUMS]] : memref<8xf32>)
// A number a row: over the loop of rows alone.
// CHECK: %[[PART:.*]] = memref.subview %[[D]][%[[ROW]]] [8] [1]
// CHECK: linalg.generic
// CHECK-SAME: iterator_types = ["parallel"]
// CHECK-SAME: ins(%[[SUMS]] : memref<8xf32>) outs(%[[PART]] :
// CHECK: linalg.generic
// CHECK-SAME: iterator_types = ["reduction", "parallel"]
// CHECK-SAME: ins(%{{.*}}, %[[SUMS]] : {{.*}}) outs(%[[TOTALS]], %{{.*}} :
// CHECK: arith.extf %{{.*}} : f32 to f64
// CHECK: }
// CHECK: memref.subview %[[X]][16, 0] [4, 64] [1, 1]
// CHECK: linalg.generic
// CHECK-SAME: outs(%[[LAST_SUMS]] : memref<4xf32>)
// CHECK: linalg.generic
// CHECK: linalg.generic
// CHECK-SAME: outs(%[[TOTALS]], %{{.*}} :
// CHECK: linalg.generic
// CHECK-SAME: ins(%[[TOTALS]] : memref<64xf64>) outs(%[[C]] : memref<64xf32>)
// CHECK: arith.truncf
// CHECK-NOT: linalg.generic

// All rows at once: no loop, and sums go where they belong.
// ALL-LABEL: func.func @rows(
// ALL-SAME: %[[C:[^ ]*]]: memref<64xf32>)
// ALL: memref.alloca() {{.*}} : memref<20xf32>
// ALL-NOT: scf.for
// ALL: linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]
// ALL: linalg.generic {{.*}} iterator_types = ["parallel"]
// ALL: linalg.generic {{.*}} iterator_types = ["reduction", "parallel"]
// ALL-SAME: outs(%[[C]], %{{.*}} : memref<64xf32>, memref<20x64xf32>)
// ALL-NOT: linalg.generic
func.func @rows(%x: tensor<20x64xf32>) -> (tensor<20x64xf32>, tensor<20xf32>, tensor<64xf32>) {
  %0 = fabric.sum %x dims = [1] : tensor<20x64xf32> -> tensor<20xf32>
  %1 = fabric.neg %0 : tensor<20xf32>
  %2 = fabric.broadcast %1 dims = [0] : tensor<20xf32> -> tensor<20x64xf32>
  %3 = fabric.mul %x, %2 : tensor<20x64xf32>
  %4 = fabric.sum %3 dims = [0] : tensor<20x64xf32> -> tensor<64xf32>
  return %3, %1, %4 : tensor<20x64xf32>, tensor<20xf32>, tensor<64xf32>
}

// A value that is needed at two places does not say where its readers are.
// CHECK-LABEL: func.func @two_places(
// ALL-LABEL: func.func @two_places(
// ALL: linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]
// ALL: linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]
func.func @two_places(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = fabric.sum %x dims = [1] : tensor<4x4xf32> -> tensor<4xf32>
  %1 = fabric.broadcast %0 dims = [0] : tensor<4xf32> -> tensor<4x4xf32>
  %2 = fabric.mul %x, %1 : tensor<4x4xf32>
  %one = fabric.constant dense<1.0> : tensor<f32>
  %3 = fabric.broadcast %one dims = [] : tensor<f32> -> tensor<4x4xf32>
  %4 = fabric.transpose %3 permutation = [1, 0] : tensor<4x4xf32> -> tensor<4x4xf32>
  %5 = fabric.add %4, %2 : tensor<4x4xf32>
  %6 = fabric.add %5, %3 : tensor<4x4xf32>
  return %6 : tensor<4x4xf32>
}

// One row at a time. The second stage finds it in the first-level cache, and
// fetches the next one.
// CHECK-LABEL: func.func @two_stages(
// CHECK: scf.for %{{.*}} = %c0{{.*}} to %c20{{.*}} step %c1{{ |_}}
// CHECK: linalg.generic
// CHECK-NOT: prefetch
// CHECK-SAME: outs(%{{.*}} : memref<1xf32>)
// CHECK: linalg.generic
// CHECK-SAME: outs(%{{.*}} : memref<1xf32>) attrs = {prefetch = array<i64: 0, 1, 0, 1>}
// CHECK: linalg.generic
// CHECK-NOT: prefetch
// CHECK: return
func.func @two_stages(%x: tensor<20x64xf32>) -> tensor<20x64xf32> {
  %0 = fabric.sum %x dims = [1] : tensor<20x64xf32> -> tensor<20xf32>
  %1 = fabric.broadcast %0 dims = [0] : tensor<20xf32> -> tensor<20x64xf32>
  %2 = fabric.sub %x, %1 : tensor<20x64xf32>
  %3 = fabric.mul %2, %2 : tensor<20x64xf32>
  %4 = fabric.sum %3 dims = [1] : tensor<20x64xf32> -> tensor<20xf32>
  %5 = fabric.broadcast %4 dims = [0] : tensor<20xf32> -> tensor<20x64xf32>
  %6 = fabric.div %2, %5 : tensor<20x64xf32>
  return %6 : tensor<20x64xf32>
}

// A row that the first-level cache does not hold: each stage fetches a half of
// the next.
// CHECK-LABEL: func.func @long_rows(
// CHECK: linalg.generic
// CHECK-SAME: prefetch = array<i64: 0, 1, 0, 2>
// CHECK: linalg.generic
// CHECK-SAME: prefetch = array<i64: 0, 1, 1, 2>
// CHECK-NOT: prefetch
// CHECK: return
func.func @long_rows(%x: tensor<20x8192xf32>) -> tensor<20x8192xf32> {
  %0 = fabric.sum %x dims = [1] : tensor<20x8192xf32> -> tensor<20xf32>
  %1 = fabric.broadcast %0 dims = [0] : tensor<20xf32> -> tensor<20x8192xf32>
  %2 = fabric.sub %x, %1 : tensor<20x8192xf32>
  %3 = fabric.mul %2, %2 : tensor<20x8192xf32>
  %4 = fabric.sum %3 dims = [1] : tensor<20x8192xf32> -> tensor<20xf32>
  %5 = fabric.broadcast %4 dims = [0] : tensor<20xf32> -> tensor<20x8192xf32>
  %6 = fabric.div %2, %5 : tensor<20x8192xf32>
  return %6 : tensor<20x8192xf32>
}

// What the sum and the quotients need and takes a function to compute is kept
// on the stack. So is no root that is the same for a row, and nothing that one
// stage alone needs.
// CHECK-LABEL: func.func @softmax(
// CHECK-DAG: %[[KEPT:.*]] = memref.alloca() {{.*}} : memref<1x64xf32>
// CHECK: linalg.generic
// CHECK: arith.maximumf
// CHECK: linalg.generic
// CHECK-SAME: outs(%[[SUM:.*]], %[[KEPT]] : memref<1xf32>, memref<1x64xf32>)
// CHECK: math.exp
// CHECK: linalg.generic
// CHECK-SAME: ins(%{{.*}}, %[[KEPT]] : memref<1xf32>, memref<1x64xf32>)
// CHECK-NOT: math.exp
// CHECK: math.sqrt
// CHECK-NOT: linalg.generic
// CHECK: return
// All rows at once are not kept.
// ALL-LABEL: func.func @softmax(
// ALL-COUNT-2: math.exp
// ALL: return
func.func @softmax(%x: tensor<20x64xf32>) -> tensor<20x64xf32> {
  %0 = fabric.max %x dims = [1] : tensor<20x64xf32> -> tensor<20xf32>
  %1 = fabric.broadcast %0 dims = [0] : tensor<20xf32> -> tensor<20x64xf32>
  %2 = fabric.sub %x, %1 : tensor<20x64xf32>
  %3 = fabric.exp %2 : tensor<20x64xf32>
  %4 = fabric.sum %3 dims = [1] : tensor<20x64xf32> -> tensor<20xf32>
  %5 = fabric.broadcast %4 dims = [0] : tensor<20xf32> -> tensor<20x64xf32>
  %6 = fabric.sqrt %5 : tensor<20x64xf32>
  %7 = fabric.div %3, %6 : tensor<20x64xf32>
  return %7 : tensor<20x64xf32>
}

// A row that is too long to be kept.
// CHECK-LABEL: func.func @long_softmax(
// CHECK-COUNT-2: math.exp
// CHECK: return
func.func @long_softmax(%x: tensor<20x16384xf32>) -> tensor<20x16384xf32> {
  %0 = fabric.exp %x : tensor<20x16384xf32>
  %1 = fabric.sum %0 dims = [1] : tensor<20x16384xf32> -> tensor<20xf32>
  %2 = fabric.broadcast %1 dims = [0] : tensor<20xf32> -> tensor<20x16384xf32>
  %3 = fabric.div %0, %2 : tensor<20x16384xf32>
  return %3 : tensor<20x16384xf32>
}
