// RUN: fabric-opt %s -split-input-file --dist-localise --dist-verify-partitioned | FileCheck %s
// RUN: fabric-check-values %s --pipeline="dist-localise" --integers

#mesh = #dist.mesh<["dp"=2, "tp"=4]>
!x = tensor<16x128xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
!w = tensor<256x128xf32, #dist.sharding<#mesh, [{"tp"}, {}]>>
!b = tensor<256xf32, #dist.sharding<#mesh, [{"tp"}]>>
!h = tensor<16x256xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
!hg = tensor<16x256xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
// CHECK: module attributes {dist.mesh = #mesh, dist.partitioned}
module attributes {dist.mesh = #mesh} {
// Shapes are one rank's; how arguments and results are cut stays beside them,
// with the attributes that they had.
// CHECK-LABEL: func.func @shapes(
// CHECK-SAME: %[[X:[^:]+]]: tensor<8x128xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>, fabric.input = #fabric.input<"x", batch_dim = 0>}
// CHECK-SAME: %[[W:[^:]+]]: tensor<64x128xf32> {dist.sharding = #dist.sharding<#mesh, [{"tp"}, {}]>, fabric.param = #fabric.param<"w">}
// CHECK-SAME: %[[B:[^:]+]]: tensor<64xf32> {dist.sharding
// CHECK-SAME: -> (tensor<8x256xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>, fabric.result = "y"})
// CHECK-NEXT: %[[L:.+]] = fabric.linear %[[X]], %[[W]] : (tensor<8x128xf32>, tensor<64x128xf32>) -> tensor<8x64xf32>
// CHECK-NEXT: %[[BB:.+]] = fabric.broadcast %[[B]] dims = [1] : tensor<64xf32> -> tensor<8x64xf32>
// CHECK-NEXT: %[[S:.+]] = fabric.add %[[L]], %[[BB]] : tensor<8x64xf32>
// CHECK-NEXT: %[[G:.+]] = dist.all_gather %[[S]] dim = 1 axes = {"tp"} : tensor<8x64xf32> -> tensor<8x256xf32>
// CHECK-NEXT: return %[[G]] : tensor<8x256xf32>
func.func @shapes(%x: !x {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w: !w {fabric.param = #fabric.param<"w">}, %b: !b {fabric.param = #fabric.param<"b">}) -> (!hg {fabric.result = "y"}) {
  %0 = fabric.linear %x, %w : (!x, !w) -> !h
  %1 = fabric.broadcast %b dims = [1] : !b -> !h
  %2 = fabric.add %0, %1 : !h
  %3 = dist.all_gather %2 dim = 1 axes = {"tp"} : !h -> !hg
  return %3 : !hg
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
!v = tensor<4x2xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>>
module attributes {dist.mesh = #mesh} {
// An op localises itself: a splat shrinks, other constants are sliced.
// CHECK-LABEL: func.func @constants
// CHECK: fabric.constant dense<2.000000e+00> : tensor<1x2xf32>
// CHECK: %[[C:.+]] = fabric.constant dense<{{.+}}> : tensor<4x2xf32>
// CHECK: dist.all_slice %[[C]] dim = 0 axes = {"tp", "dp"} : tensor<4x2xf32> -> tensor<1x2xf32>
func.func @constants() -> (!v {fabric.result = "v"}) {
  %0 = fabric.constant dense<2.0> : tensor<4x2xf32> -> !v
  %1 = fabric.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32> -> !v
  %2 = fabric.add %0, %1 : !v
  return %2 : !v
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
!x = tensor<4x6x8xf32, #dist.sharding<#mesh, [{"dp"}, {}, {"tp"}]>>
!m = tensor<24x8xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
!n = tensor<24x2x4xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}, {}]>>
!s = tensor<24x4xf32, #dist.sharding<#mesh, [{"dp"}, {}], partial = sum {"tp"}>>
!t = tensor<24x4xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
module attributes {dist.mesh = #mesh} {
// A merged dim keeps the split of its major part; a reshape and a sum are right
// on blocks.
// CHECK-LABEL: func.func @merged
// CHECK: fabric.reshape %{{.+}} : tensor<2x6x4xf32> -> tensor<12x4xf32>
// CHECK: fabric.reshape %{{.+}} : tensor<12x4xf32> -> tensor<12x1x4xf32>
// CHECK: fabric.sum %{{.+}} dims = [1] : tensor<12x1x4xf32> -> tensor<12x4xf32>
// CHECK: dist.all_reduce sum %{{.+}} axes = {"tp"} : tensor<12x4xf32>
func.func @merged(%x: !x) -> (!t {fabric.result = "t"}) {
  %0 = fabric.reshape %x : !x -> !m
  %1 = fabric.reshape %0 : !m -> !n
  %2 = fabric.sum %1 dims = [1] : !n -> !s
  %3 = dist.all_reduce sum %2 axes = {"tp"} : !s -> !t
  return %3 : !t
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
!x = tensor<4x8xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
!p = tensor<4xf32, #dist.sharding<#mesh, [{"dp"}], partial = sum {"tp"}>>
!r = tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>>
module attributes {dist.mesh = #mesh} {
// Terms flow through linear ops: added to terms, multiplied by what is whole.
// CHECK-LABEL: func.func @terms
func.func @terms(%x: !x, %y: !x, %s: !r) -> (!r {fabric.result = "r"}) {
  %0 = fabric.sum %x dims = [1] : !x -> !p
  %1 = fabric.sum %y dims = [1] : !x -> !p
  %2 = fabric.sub %0, %1 : !p
  %3 = fabric.mul %s, %2 : (!r, !p) -> !p
  %4 = dist.all_reduce sum %3 axes = {"tp"} : !p -> !r
  return %4 : !r
}
}
