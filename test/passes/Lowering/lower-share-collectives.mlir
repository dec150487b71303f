// RUN: fabric-opt %s --pass-pipeline='builtin.module(func.func(lower-share-collectives{min-piece=4}))' | FileCheck %s
// RUN: fabric-opt %s --pass-pipeline='builtin.module(func.func(lower-share-collectives{min-piece=5}))' | FileCheck %s --check-prefix=LARGE

#mesh = #dist.mesh<["dp"=2, "tp"=4, "pp"=3]>
module attributes {dist.mesh = #mesh, dist.partitioned} {

// x W^T, W gathered along its rows, which are n: blocks of the result's columns,
// each with its part of the bias. Pieces below min-piece stay gathered.
// CHECK-LABEL: @columns
// CHECK-SAME: (%[[X:.*]]: tensor<4x16xf32>, %[[W:.*]]: tensor<4x16xf32>, %[[B:.*]]: tensor<8xf32>)
// LARGE-LABEL: @columns
// LARGE: exec.collective all_gather
func.func @columns(%x: tensor<4x16xf32>, %w: tensor<4x16xf32>, %b: tensor<8xf32>) -> tensor<4x8xf32> {
  // CHECK-NEXT: %[[W0:.*]] = exec.peer_view %[[W]] axes = <{"dp"}> member = 0 : tensor<4x16xf32> -> tensor<4x16xf32>
  // CHECK-NEXT: %[[W1:.*]] = exec.peer_view %[[W]] axes = <{"dp"}> member = 1 : tensor<4x16xf32> -> tensor<4x16xf32>
  // CHECK-NEXT: %[[Y0:.*]] = exec.gemm %[[X]], %[[W0]] bias %[[B]] batch = 1 m = 4 n = 4 k = 16 a = <leading = 16> b = <leading = 16, transposed = true> c = <leading = 8> :
  // CHECK-NEXT: %[[Y1:.*]] = exec.gemm %[[X]], %[[W1]] bias %[[B]] from 4 into %[[Y0]] batch = 1 m = 4 n = 4 k = 16 a = <leading = 16> b = <leading = 16, transposed = true> c = <leading = 8, offset = 4> :
  // CHECK-NEXT: return %[[Y1]]
  %0 = exec.collective all_gather %w axes = <{"dp"}> concat_dim = 0 bytes_sent = 256 why = "" : tensor<4x16xf32> -> tensor<8x16xf32>
  %1 = exec.gemm %x, %0 bias %b batch = 1 m = 4 n = 8 k = 16 a = <leading = 16> b = <leading = 16, transposed = true> : (tensor<4x16xf32>, tensor<8x16xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}

// dy W, the same rows are k: terms of the result. The other operand is read from
// where the member's columns begin, and only the first term has the bias.
// CHECK-LABEL: @terms
// CHECK-SAME: (%[[DY:.*]]: tensor<2x8xf32>, %[[W:.*]]: tensor<4x16xf32>, %[[B:.*]]: tensor<16xf32>)
func.func @terms(%dy: tensor<2x8xf32>, %w: tensor<4x16xf32>, %b: tensor<16xf32>) -> tensor<2x16xf32> {
  // CHECK: %[[T0:.*]] = exec.gemm %[[DY]], %{{.*}} bias %[[B]] batch = 1 m = 2 n = 16 k = 4 a = <leading = 8> b = <leading = 16> :
  // CHECK-NEXT: %[[T1:.*]] = exec.gemm %[[DY]], %{{.*}} onto %[[T0]] batch = 1 m = 2 n = 16 k = 4 a = <leading = 8, offset = 4> b = <leading = 16> :
  // CHECK-NEXT: return %[[T1]]
  %0 = exec.collective all_gather %w axes = <{"dp"}> concat_dim = 0 bytes_sent = 256 why = "" : tensor<4x16xf32> -> tensor<8x16xf32>
  %1 = exec.gemm %dy, %0 bias %b batch = 1 m = 2 n = 16 k = 8 a = <leading = 8> b = <leading = 16> : (tensor<2x8xf32>, tensor<8x16xf32>, tensor<16xf32>) -> tensor<2x16xf32>
  return %1 : tensor<2x16xf32>
}

// Operand a transposed and gathered along its columns: m, in blocks of rows, on
// top of what is there.
// CHECK-LABEL: @rows
// CHECK-SAME: (%[[G:.*]]: tensor<16x4xf32>, %[[X:.*]]: tensor<16x4xf32>, %[[ACC:.*]]: tensor<8x4xf32>)
func.func @rows(%g: tensor<16x4xf32>, %x: tensor<16x4xf32>, %acc: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // CHECK: %[[R0:.*]] = exec.gemm %{{.*}}, %[[X]] onto %[[ACC]] batch = 1 m = 4 n = 4 k = 16 a = <leading = 4, transposed = true> b = <leading = 4> c = <leading = 4> :
  // CHECK-NEXT: %[[R1:.*]] = exec.gemm %{{.*}}, %[[X]] onto %[[R0]] batch = 1 m = 4 n = 4 k = 16 a = <leading = 4, transposed = true> b = <leading = 4> c = <leading = 4, offset = 16> :
  // CHECK-NEXT: return %[[R1]]
  %0 = exec.collective all_gather %g axes = <{"dp"}> concat_dim = 1 bytes_sent = 256 why = "" : tensor<16x4xf32> -> tensor<16x8xf32>
  %1 = exec.gemm %0, %x onto %acc batch = 1 m = 8 n = 4 k = 16 a = <leading = 8, transposed = true> b = <leading = 4> : (tensor<16x8xf32>, tensor<16x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  return %1 : tensor<8x4xf32>
}

// A group over a part of an axis and another one: six members, major first.
// CHECK-LABEL: @axes
// CHECK: exec.peer_view %{{.*}} axes = <{"tp":(1)2, "pp"}> member = 5
// CHECK: k = 4 a = <leading = 24, offset = 20>
func.func @axes(%x: tensor<1x24xf32>, %w: tensor<4x16xf32>) -> tensor<1x16xf32> {
  %0 = exec.collective all_gather %w axes = <{"tp":(1)2, "pp"}> concat_dim = 0 bytes_sent = 0 why = "" : tensor<4x16xf32> -> tensor<24x16xf32>
  %1 = exec.gemm %x, %0 batch = 1 m = 1 n = 16 k = 24 a = <leading = 24> b = <leading = 16> : (tensor<1x24xf32>, tensor<24x16xf32>) -> tensor<1x16xf32>
  return %1 : tensor<1x16xf32>
}

// A second gather that feeds the pieces of the first cuts each of them again.
// CHECK-LABEL: @both
// CHECK-COUNT-4: exec.gemm
// CHECK-NOT: exec.gemm
// CHECK: return
func.func @both(%x: tensor<8x32xf32>, %w: tensor<8x32xf32>) -> tensor<16x16xf32> {
  %0 = exec.collective all_gather %x axes = <{"dp"}> concat_dim = 0 bytes_sent = 0 why = "" : tensor<8x32xf32> -> tensor<16x32xf32>
  %1 = exec.collective all_gather %w axes = <{"dp"}> concat_dim = 0 bytes_sent = 0 why = "" : tensor<8x32xf32> -> tensor<16x32xf32>
  %2 = exec.gemm %0, %1 batch = 1 m = 16 n = 16 k = 32 a = <leading = 32> b = <leading = 32, transposed = true> : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x16xf32>
  return %2 : tensor<16x16xf32>
}

// Stays gathered: what pieces would read again is more than the gather copies.
// CHECK-LABEL: @pays_not
// CHECK: exec.collective all_gather
func.func @pays_not(%x: tensor<64x16xf32>, %w: tensor<4x16xf32>) -> tensor<64x8xf32> {
  %0 = exec.collective all_gather %w axes = <{"dp"}> concat_dim = 0 bytes_sent = 256 why = "" : tensor<4x16xf32> -> tensor<8x16xf32>
  %1 = exec.gemm %x, %0 batch = 1 m = 64 n = 8 k = 16 a = <leading = 16> b = <leading = 16, transposed = true> : (tensor<64x16xf32>, tensor<8x16xf32>) -> tensor<64x8xf32>
  return %1 : tensor<64x8xf32>
}

// Stays gathered: somebody else reads it, a product reads it twice, and pieces of
// a dim in the middle are no blocks.
// CHECK-LABEL: @others
// CHECK-COUNT-3: exec.collective all_gather
func.func @others(%x: tensor<4x16xf32>, %w: tensor<4x16xf32>, %v: tensor<2x4x8xf32>)
    -> (tensor<4x8xf32>, tensor<8x16xf32>, tensor<8x8xf32>, tensor<4x16xf32>) {
  %0 = exec.collective all_gather %w axes = <{"dp"}> concat_dim = 0 bytes_sent = 256 why = "" : tensor<4x16xf32> -> tensor<8x16xf32>
  %1 = exec.gemm %x, %0 batch = 1 m = 4 n = 8 k = 16 a = <leading = 16> b = <leading = 16, transposed = true> : (tensor<4x16xf32>, tensor<8x16xf32>) -> tensor<4x8xf32>
  %2 = exec.collective all_gather %w axes = <{"dp"}> concat_dim = 0 bytes_sent = 256 why = "" : tensor<4x16xf32> -> tensor<8x16xf32>
  %3 = exec.gemm %2, %2 batch = 1 m = 8 n = 8 k = 16 a = <leading = 16> b = <leading = 16, transposed = true> : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x8xf32>
  %4 = exec.collective all_gather %v axes = <{"dp"}> concat_dim = 1 bytes_sent = 256 why = "" : tensor<2x4x8xf32> -> tensor<2x8x8xf32>
  %5 = exec.gemm %x, %4 batch = 1 m = 4 n = 8 k = 16 a = <leading = 16> b = <leading = 8> : (tensor<4x16xf32>, tensor<2x8x8xf32>) -> tensor<4x8xf32>
  %6 = fabric.silu %x : tensor<4x16xf32>
  return %1, %0, %3, %6 : tensor<4x8xf32>, tensor<8x16xf32>, tensor<8x8xf32>, tensor<4x16xf32>
}

// A scattered sum: the members' pieces, added in their order.
// CHECK-LABEL: @scattered
// CHECK-SAME: (%[[G:.*]]: tensor<12x2xf32>)
func.func @scattered(%g: tensor<12x2xf32>) -> tensor<4x2xf32> {
  // CHECK-NEXT: %[[P0:.*]] = exec.peer_view %[[G]] axes = <{"pp"}> member = 0 own_piece : tensor<12x2xf32> -> tensor<4x2xf32>
  // CHECK-NEXT: %[[P1:.*]] = exec.peer_view %[[G]] axes = <{"pp"}> member = 1 own_piece
  // CHECK-NEXT: %[[P2:.*]] = exec.peer_view %[[G]] axes = <{"pp"}> member = 2 own_piece
  // CHECK-NEXT: %[[S1:.*]] = fabric.add %[[P0]], %[[P1]]
  // CHECK-NEXT: %[[S2:.*]] = fabric.add %[[S1]], %[[P2]]
  // CHECK-NEXT: fabric.silu %[[S2]]
  %0 = exec.collective reduce_scatter %g by sum axes = <{"pp"}> split_dim = 0 bytes_sent = 0 why = "" : tensor<12x2xf32> -> tensor<4x2xf32>
  %1 = fabric.silu %0 : tensor<4x2xf32>
  return %1 : tensor<4x2xf32>
}

// Stay scattered: other reductions, pieces that are not contiguous, sums that are
// rounded once, and what no kernel reads.
// CHECK-LABEL: @stay
// CHECK-NOT: exec.peer_view
// CHECK-COUNT-4: exec.collective reduce_scatter
func.func @stay(%g: tensor<12x2xf32>, %h: tensor<12x2xbf16>) -> (tensor<4x2xf32>, tensor<12x1xf32>, tensor<4x2xbf16>, tensor<4x2xf32>) {
  %0 = exec.collective reduce_scatter %g by max axes = <{"pp"}> split_dim = 0 bytes_sent = 0 why = "" : tensor<12x2xf32> -> tensor<4x2xf32>
  %1 = fabric.silu %0 : tensor<4x2xf32>
  %2 = exec.collective reduce_scatter %g by sum axes = <{"dp"}> split_dim = 1 bytes_sent = 0 why = "" : tensor<12x2xf32> -> tensor<12x1xf32>
  %3 = fabric.silu %2 : tensor<12x1xf32>
  %4 = exec.collective reduce_scatter %h by sum axes = <{"pp"}> split_dim = 0 bytes_sent = 0 why = "" : tensor<12x2xbf16> -> tensor<4x2xbf16>
  %5 = fabric.silu %4 : tensor<4x2xbf16>
  %6 = exec.collective reduce_scatter %g by sum axes = <{"pp"}> split_dim = 0 bytes_sent = 0 why = "" : tensor<12x2xf32> -> tensor<4x2xf32>
  return %1, %3, %5, %6 : tensor<4x2xf32>, tensor<12x1xf32>, tensor<4x2xbf16>, tensor<4x2xf32>
}
}
