// RUN: fabric-opt %s | fabric-opt | FileCheck %s
// RUN: fabric-opt %s --mlir-print-op-generic | fabric-opt | FileCheck %s

// Every op round-trips through its own and the generic form, with and without
// slots.

#mesh = #dist.mesh<["dp"=2, "tp"=4]>
// CHECK: exec.arenas = [#exec.arena<parameters, 512>, #exec.arena<workspace, 4096>]
module attributes {dist.mesh = #mesh, dist.partitioned,
    exec.arenas = [#exec.arena<parameters, 512>, #exec.arena<workspace, 4096>]} {

module @kernels {
  // CHECK: func.func @kernel_0(%{{.*}}: tensor<4x8xf32> {exec.may_alias = array<i64: 0>}
  func.func @kernel_0(%a: tensor<4x8xf32> {exec.may_alias = array<i64: 0>}) -> tensor<4x8xf32> {
    %0 = fabric.silu %a : tensor<4x8xf32>
    return %0 : tensor<4x8xf32>
  }
}

// CHECK-LABEL: func.func @unplanned
func.func @unplanned(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>, %b: tensor<8xf32>) -> tensor<4x8xf32> {
  // CHECK: exec.gemm %{{.*}}, %{{.*}} batch = 1 m = 4 n = 8 k = 8 a = <leading = 8> b = <leading = 8, transposed = true> : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %0 = exec.gemm %x, %w batch = 1 m = 4 n = 8 k = 8 a = <leading = 8> b = <leading = 8, transposed = true>
      : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  // CHECK: exec.gemm %{{.*}}, %{{.*}} bias %{{.*}} onto %{{.*}} batch = 1
  %1 = exec.gemm %x, %w bias %b onto %0 batch = 1 m = 4 n = 8 k = 8 a = <leading = 8> b = <leading = 8, transposed = true>
      : (tensor<4x8xf32>, tensor<8x8xf32>, tensor<8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  // CHECK: exec.gemm %{{.*}}, %{{.*}} batch = 1 m = 4 n = 8 k = 8 a = <leading = 8> b = <leading = 8> tf32 :
  %rounded = exec.gemm %x, %w batch = 1 m = 4 n = 8 k = 8 a = <leading = 8> b = <leading = 8> tf32
      : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  // CHECK: exec.joined_gemm(%{{.*}}) by(%{{.*}}, %{{.*}}) m = 4 n = 8 k = 8 a = <leading = 8> b = <leading = 8, transposed = true> : (tensor<4x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>)
  %joined:2 = exec.joined_gemm(%x) by(%w, %w) m = 4 n = 8 k = 8 a = <leading = 8> b = <leading = 8, transposed = true>
      : (tensor<4x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>)
  // CHECK: exec.joined_gemm(%{{.*}}, %{{.*}}) by(%{{.*}}) m = 4 n = 8 k = 8 a = <leading = 8> b = <leading = 8> tf32 at [#exec.slot<workspace, 0, activations>, #exec.slot<workspace, 128, activations>] :
  %placed:2 = exec.joined_gemm(%x, %0) by(%w) m = 4 n = 8 k = 8 a = <leading = 8> b = <leading = 8> tf32
      at [#exec.slot<workspace, 0, activations>, #exec.slot<workspace, 128, activations>]
      : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<8x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>)
  // CHECK: exec.launch @kernels::@kernel_0(%{{.*}}) ties = [-1] : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = exec.launch @kernels::@kernel_0(%1) ties = [-1] : (tensor<4x8xf32>) -> tensor<4x8xf32>
  // CHECK: exec.collective all_reduce %{{.*}} by sum axes = <{"tp"}> bytes_sent = 192 why = "partial sums" in_place : tensor<4x8xf32> -> tensor<4x8xf32>
  %3 = exec.collective all_reduce %2 by sum axes = <{"tp"}> bytes_sent = 192 why = "partial sums" in_place : tensor<4x8xf32> -> tensor<4x8xf32>
  // CHECK: exec.collective all_to_all %{{.*}} axes = <{"dp"}> concat_dim = 0 split_dim = 1
  %4 = exec.collective all_to_all %3 axes = <{"dp"}> concat_dim = 0 split_dim = 1 bytes_sent = 64 why = "" : tensor<4x8xf32> -> tensor<8x4xf32>
  // CHECK: exec.view %{{.*}} : tensor<8x4xf32> -> tensor<32xf32>
  %5 = exec.view %4 : tensor<8x4xf32> -> tensor<32xf32>
  // CHECK: exec.constant dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
  %6 = exec.constant dense<[1.0, 2.0]> : tensor<2xf32>
  // CHECK: exec.copy %{{.*}} into %{{.*}} : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  %7 = exec.copy %3 into %x : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  return %7 : tensor<4x8xf32>
}

// CHECK-LABEL: func.func @blocks
func.func @blocks(%x: tensor<4x8xf32>, %w: tensor<4x8xf32>, %b: tensor<8xf32>) -> tensor<4x8xf32> {
  // CHECK: %[[Y0:.*]] = exec.gemm %{{.*}}, %{{.*}} bias %{{.*}} batch = 1 m = 4 n = 4 k = 8 a = <leading = 8> b = <leading = 8, transposed = true> c = <leading = 8> :
  %0 = exec.gemm %x, %w bias %b batch = 1 m = 4 n = 4 k = 8 a = <leading = 8> b = <leading = 8, transposed = true> c = <leading = 8>
      : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  // CHECK: %[[Y1:.*]] = exec.gemm %{{.*}}, %{{.*}} bias %{{.*}} from 4 into %[[Y0]] {{.*}} c = <leading = 8, offset = 4> :
  %1 = exec.gemm %x, %w bias %b from 4 into %0 batch = 1 m = 4 n = 4 k = 8 a = <leading = 8> b = <leading = 8, transposed = true> c = <leading = 8, offset = 4>
      : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  // CHECK: exec.gemm %{{.*}}, %{{.*}} onto %[[Y1]] {{.*}} a = <leading = 8, offset = 4> {{.*}} c = <leading = 8> at <workspace, 0, activations> :
  %2 = exec.gemm %x, %w onto %1 batch = 1 m = 4 n = 8 k = 4 a = <leading = 8, offset = 4> b = <leading = 8> c = <leading = 8> at <workspace, 0, activations>
      : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// CHECK-LABEL: func.func @peers
func.func @peers(%w: tensor<4x8xf32>) {
  // CHECK: exec.peer_view %{{.*}} axes = <{"dp"}> member = 1 : tensor<4x8xf32> -> tensor<4x8xf32>
  %0 = exec.peer_view %w axes = <{"dp"}> member = 1 : tensor<4x8xf32> -> tensor<4x8xf32>
  // CHECK: exec.peer_view %{{.*}} axes = <{"tp":(1)2, "dp"}> member = 3 own_piece at <parameters, 0, parameters> : tensor<4x8xf32> -> tensor<1x8xf32>
  %1 = exec.peer_view %w axes = <{"tp":(1)2, "dp"}> member = 3 own_piece at <parameters, 0, parameters> : tensor<4x8xf32> -> tensor<1x8xf32>
  // CHECK: exec.barrier axes = <{"dp", "tp"}>{{$}}
  exec.barrier axes = <{"dp", "tp"}>
  // CHECK: exec.barrier axes = <{"dp"}> released(%{{.*}}, %{{.*}} : tensor<4x8xf32>, tensor<1x8xf32>)
  exec.barrier axes = <{"dp"}> released(%0, %1 : tensor<4x8xf32>, tensor<1x8xf32>)
  return
}

// CHECK-LABEL: func.func @streams
func.func @streams(%w: tensor<4x8xf32>) {
  // CHECK: exec.collective all_reduce %{{.*}} by sum axes = <{"dp"}> bytes_sent = 128 why = "w" in_place async at <parameters, 0, parameters> :
  %0 = exec.collective all_reduce %w by sum axes = <{"dp"}> bytes_sent = 128 why = "w" in_place async at <parameters, 0, parameters> : tensor<4x8xf32> -> tensor<4x8xf32>
  // CHECK: exec.record 0 stream = <{"dp"}>
  exec.record 0 stream = <{"dp"}>
  // CHECK: exec.wait 0{{$}}
  exec.wait 0
  return
}

// CHECK-LABEL: func.func @planned
// CHECK-SAME: exec.slot = #exec.slot<parameters, 0, parameters>
func.func @planned(%w: tensor<4x8xf32> {exec.slot = #exec.slot<parameters, 0, parameters>}) -> tensor<4x8xf32> {
  // CHECK: exec.collective all_gather %{{.*}} why = "gather w" at <workspace, 0, communication>
  %0 = exec.collective all_gather %w axes = <{"dp"}> concat_dim = 0 bytes_sent = 128 why = "gather w" at <workspace, 0, communication> : tensor<4x8xf32> -> tensor<8x8xf32>
  // CHECK: ties = [0] at [#exec.slot<parameters, 0, parameters>]
  %1 = exec.launch @kernels::@kernel_0(%w) ties = [0] at [#exec.slot<parameters, 0, parameters>] : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}
}
