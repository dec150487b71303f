// RUN: fabric-opt %s -dist-apply-shardings | FileCheck %s

// A result is returned through a constraint; a parameter gets the style that
// splits it over "tp" as its storage does. Inputs keep theirs.

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh} {
// CHECK-LABEL: func.func @f
// CHECK-SAME: tensor<8x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"tp"}, {}]>, fabric.input
// CHECK-SAME: {dist.sharding = #dist.sharding<#mesh, [{"tp", "dp"}, {}]>, dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"a">}
// CHECK-SAME: {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {"tp"}]>, dist.tp = #dist.tp<rowwise>, fabric.param = #fabric.param<"b">}
// CHECK-SAME: {dist.sharding = #dist.sharding<#mesh, [{}, {"dp"}]>, dist.tp = #dist.tp<replicate>, fabric.param = #fabric.param<"c">}
// CHECK-SAME: {dist.sharding = #dist.sharding<#mesh, [{}]>, dist.tp = #dist.tp<sequence>, fabric.param = #fabric.param<"d">}
// CHECK-SAME: -> (tensor<8x4xf32> {fabric.result = "y"}, tensor<8x4xf32> {fabric.result = "z"})
func.func @f(
    %x: tensor<8x4xf32> {fabric.input = #fabric.input<"x">, dist.sharding = #dist.sharding<#mesh, [{"tp"}, {}]>},
    %a: tensor<8x4xf32> {fabric.param = #fabric.param<"a">, dist.sharding = #dist.sharding<#mesh, [{"tp", "dp"}, {}]>},
    %b: tensor<8x4xf32> {fabric.param = #fabric.param<"b">, dist.sharding = #dist.sharding<#mesh, [{"dp"}, {"tp"}]>},
    %c: tensor<8x4xf32> {fabric.param = #fabric.param<"c">, dist.sharding = #dist.sharding<#mesh, [{}, {"dp"}]>},
    %d: tensor<4xf32> {fabric.param = #fabric.param<"d">, dist.sharding = #dist.sharding<#mesh, [{}]>, dist.tp = #dist.tp<sequence>})
    -> (tensor<8x4xf32> {fabric.result = "y", dist.sharding = #dist.sharding<#mesh, [{}, {"dp"}]>}, tensor<8x4xf32> {fabric.result = "z"}) {
  // CHECK: %[[Y:.*]] = fabric.silu
  // CHECK: %[[C:.*]] = dist.constraint %[[Y]] sharding = <#mesh, [{}, {"dp"}]>
  // CHECK: return %[[C]], %[[Y]]
  %0 = fabric.silu %x : tensor<8x4xf32>
  return %0, %0 : tensor<8x4xf32>, tensor<8x4xf32>
}
}
