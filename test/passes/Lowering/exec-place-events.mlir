// RUN: fabric-opt %s --exec-place-events | FileCheck %s

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh, exec.arenas = [#exec.arena<parameters, 128>, #exec.arena<workspace, 512>]} {
module @kernels {
  func.func private @f(tensor<16xf32>) -> tensor<16xf32>
  func.func private @g(tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
}
// What is gathered has an event, for which its reader waits; what wrote before
// where it lies had to be read first, and so on. Nothing waits for the first
// gather's operand, which is there from the start.
// CHECK-LABEL: func.func @in_and_out(
// CHECK-NEXT: %[[A:.+]] = exec.collective all_gather %{{.*}} async at <workspace, 0
// CHECK-NEXT: exec.record 0 stream = <{"dp"}>
// CHECK-NEXT: %[[B:.+]] = exec.launch @kernels::@f(%arg0)
// CHECK-NEXT: exec.wait 0{{$}}
// CHECK-NEXT: %[[C:.+]] = exec.launch @kernels::@g(%[[A]], %[[B]])
// CHECK-NEXT: exec.record 1{{$}}
// CHECK-NEXT: exec.wait 1 stream = <{"dp"}>
// CHECK-NEXT: exec.collective all_gather %{{.*}} async at <workspace, 0
// CHECK-NEXT: return
func.func @in_and_out(%x: tensor<16xf32> {exec.slot = #exec.slot<parameters, 0, parameters>},
    %w: tensor<8xf32> {exec.slot = #exec.slot<parameters, 64, parameters>}) -> (tensor<16xf32>, tensor<16xf32>) {
  %a = exec.collective all_gather %w axes = <{"dp"}> concat_dim = 0 bytes_sent = 32 why = "a" async at <workspace, 0, communication> : tensor<8xf32> -> tensor<16xf32>
  %b = exec.launch @kernels::@f(%x) ties = [-1] at [#exec.slot<workspace, 64, activations>] : (tensor<16xf32>) -> tensor<16xf32>
  %c = exec.launch @kernels::@g(%a, %b) ties = [-1] at [#exec.slot<workspace, 128, activations>] : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  %d = exec.collective all_gather %w axes = <{"dp"}> concat_dim = 0 bytes_sent = 32 why = "d" async at <workspace, 0, communication> : tensor<8xf32> -> tensor<16xf32>
  return %c, %d : tensor<16xf32>, tensor<16xf32>
}

// One wait for the last of several; none for what another wait, or another
// stream's, has waited for.
// CHECK-LABEL: func.func @no_more_than_needed(
// CHECK-NEXT: exec.collective all_gather %{{.*}} async
// CHECK-NEXT: exec.collective all_gather %{{.*}} async
// CHECK-NEXT: exec.record 0 stream = <{"dp"}>
// CHECK-NEXT: exec.wait 0 stream = <{"tp"}>
// CHECK-NEXT: exec.collective all_reduce %{{.*}} axes = <{"tp"}>
// CHECK-NEXT: exec.record 1 stream = <{"tp"}>
// CHECK-NEXT: exec.wait 1{{$}}
// CHECK-NEXT: exec.launch @kernels::@g
// CHECK-NEXT: exec.launch @kernels::@g
// CHECK-NEXT: return
func.func @no_more_than_needed(%w: tensor<8xf32> {exec.slot = #exec.slot<parameters, 64, parameters>}) -> tensor<16xf32> {
  %a = exec.collective all_gather %w axes = <{"dp"}> concat_dim = 0 bytes_sent = 32 why = "a" async at <workspace, 0, communication> : tensor<8xf32> -> tensor<16xf32>
  %b = exec.collective all_gather %w axes = <{"dp"}> concat_dim = 0 bytes_sent = 32 why = "b" async at <workspace, 64, communication> : tensor<8xf32> -> tensor<16xf32>
  %c = exec.collective all_reduce %b by sum axes = <{"tp"}> bytes_sent = 64 why = "c" in_place async at <workspace, 64, communication> : tensor<16xf32> -> tensor<16xf32>
  %d = exec.launch @kernels::@g(%a, %c) ties = [-1] at [#exec.slot<workspace, 128, activations>] : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  %e = exec.launch @kernels::@g(%d, %a) ties = [-1] at [#exec.slot<workspace, 192, activations>] : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  return %e : tensor<16xf32>
}

// Two streams at once. A value that is written over while another stream may
// read it waits, although nobody reads it any more.
// CHECK-LABEL: func.func @written_over(
// CHECK-NEXT: %[[A:.+]] = exec.launch @kernels::@f
// CHECK-NEXT: exec.record 0{{$}}
// CHECK-NEXT: exec.wait 0 stream = <{"dp"}>
// CHECK-NEXT: exec.collective reduce_scatter
// CHECK-NEXT: exec.record 1 stream = <{"dp"}>
// CHECK-NEXT: exec.wait 0 stream = <{"tp"}>
// CHECK-NEXT: exec.collective reduce_scatter
// CHECK-NEXT: exec.record 2 stream = <{"tp"}>
// CHECK-NEXT: exec.wait 1{{$}}
// CHECK-NEXT: exec.wait 2{{$}}
// CHECK-NEXT: exec.launch @kernels::@f
func.func @written_over(%x: tensor<16xf32> {exec.slot = #exec.slot<parameters, 0, parameters>}) -> (tensor<8xf32>, tensor<8xf32>, tensor<16xf32>) {
  %a = exec.launch @kernels::@f(%x) ties = [-1] at [#exec.slot<workspace, 0, activations>] : (tensor<16xf32>) -> tensor<16xf32>
  %b = exec.collective reduce_scatter %a by sum axes = <{"dp"}> split_dim = 0 bytes_sent = 32 why = "b" async at <workspace, 64, communication> : tensor<16xf32> -> tensor<8xf32>
  %c = exec.collective reduce_scatter %a by sum axes = <{"tp"}> split_dim = 0 bytes_sent = 32 why = "c" async at <workspace, 128, communication> : tensor<16xf32> -> tensor<8xf32>
  %d = exec.launch @kernels::@f(%x) ties = [-1] at [#exec.slot<workspace, 0, activations>] : (tensor<16xf32>) -> tensor<16xf32>
  return %b, %c, %d : tensor<8xf32>, tensor<8xf32>, tensor<16xf32>
}

// One stream needs no events.
// CHECK-LABEL: func.func @one_stream(
// CHECK-NOT: exec.record
// CHECK-NOT: exec.wait
func.func @one_stream(%w: tensor<8xf32> {exec.slot = #exec.slot<parameters, 64, parameters>}) -> tensor<16xf32> {
  %a = exec.collective all_gather %w axes = <{"dp"}> concat_dim = 0 bytes_sent = 32 why = "a" at <workspace, 0, communication> : tensor<8xf32> -> tensor<16xf32>
  %b = exec.launch @kernels::@f(%a) ties = [-1] at [#exec.slot<workspace, 64, activations>] : (tensor<16xf32>) -> tensor<16xf32>
  return %b : tensor<16xf32>
}
}
