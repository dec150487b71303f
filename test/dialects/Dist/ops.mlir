// RUN: fabric-opt %s | fabric-opt | FileCheck %s
// RUN: fabric-opt %s --mlir-print-op-generic | fabric-opt | FileCheck %s

// Every op round-trips, in global view and on local types.

#mesh = #dist.mesh<["dp"=2, "tp"=4]>
module attributes {dist.mesh = #mesh} {

// CHECK-LABEL: func.func @global_view
func.func @global_view(%a: tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>,
    %p: tensor<8x4xf32, #dist.sharding<#mesh, [{}, {}], partial = sum {"tp"}>>) {
  // CHECK: dist.reshard %{{.*}} : tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {}]>> -> tensor<8x4xf32, #dist.sharding<#mesh, [{}, {"dp"}]>>
  %0 = dist.reshard %a : tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {}]>> -> tensor<8x4xf32, #dist.sharding<#mesh, [{}, {"dp"}]>>
  // CHECK: dist.all_gather %{{.*}} dim = 0 axes = {"dp"}
  %1 = dist.all_gather %a dim = 0 axes = {"dp"} : tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {}]>> -> tensor<8x4xf32, #dist.sharding<#mesh, [{}, {}]>>
  // CHECK: dist.all_slice %{{.*}} dim = 1 axes = {"tp":(1)2}
  %2 = dist.all_slice %a dim = 1 axes = {"tp":(1)2} : tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {}]>> -> tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {"tp":(1)2}]>>
  // CHECK: dist.reduce_scatter sum %{{.*}} dim = 0 axes = {"tp"}
  %3 = dist.reduce_scatter sum %p dim = 0 axes = {"tp"} : tensor<8x4xf32, #dist.sharding<#mesh, [{}, {}], partial = sum {"tp"}>> -> tensor<8x4xf32, #dist.sharding<#mesh, [{"tp"}, {}]>>
  // CHECK: dist.all_reduce sum %{{.*}} axes = {"tp"}
  %4 = dist.all_reduce sum %p axes = {"tp"} : tensor<8x4xf32, #dist.sharding<#mesh, [{}, {}], partial = sum {"tp"}>> -> tensor<8x4xf32, #dist.sharding<#mesh, [{}, {}]>>
  // CHECK: dist.all_to_all %{{.*}} split_dim = 1 concat_dim = 0 axes = {"dp"}
  %5 = dist.all_to_all %a split_dim = 1 concat_dim = 0 axes = {"dp"} : tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {}]>> -> tensor<8x4xf32, #dist.sharding<#mesh, [{}, {"dp"}]>>
  // CHECK: dist.constraint %{{.*}} sharding = <#mesh, [{"dp"}, {"tp"}]>
  %6 = dist.constraint %0 sharding = <#mesh, [{"dp"}, {"tp"}]> : tensor<8x4xf32, #dist.sharding<#mesh, [{}, {"dp"}]>>
  return
}

// Any mesh with axes of these names; sizes need not divide.
// CHECK-LABEL: func.func @asked
// CHECK-SAME: tensor<8x3xf32> {dist.sharding = #dist.sharding<#[[ANY:mesh[0-9]*]], [{}, {"tp"}]>}
// CHECK-SAME: {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {"tp"}]>}
func.func @asked(%a: tensor<8x3xf32> {dist.sharding = #dist.sharding<#dist.mesh<["dp", "tp"]>, [{}, {"tp"}]>})
    -> (tensor<8x3xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {"tp"}]>}) {
  // CHECK: dist.constraint %{{.*}} sharding = <#[[ANY]], [{"tp", "dp"}, {}]>
  %0 = dist.constraint %a sharding = <#dist.mesh<["dp", "tp"]>, [{"tp", "dp"}, {}]> : tensor<8x3xf32>
  return %0 : tensor<8x3xf32>
}

// CHECK-LABEL: func.func @local
func.func @local(%a: tensor<4x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}) {
  // CHECK: dist.axis_index {"dp", "tp"} : i64
  %0 = dist.axis_index {"dp", "tp"} : i64
  // CHECK: dist.all_gather %{{.*}} dim = 0 axes = {"dp"} : tensor<4x4xf32> -> tensor<8x4xf32>
  %1 = dist.all_gather %a dim = 0 axes = {"dp"} : tensor<4x4xf32> -> tensor<8x4xf32>
  // CHECK: dist.all_reduce max %{{.*}} axes = {"tp"} : tensor<4x4xf32>
  %2 = dist.all_reduce max %a axes = {"tp"} : tensor<4x4xf32>
  // CHECK: dist.reduce_scatter sum %{{.*}} dim = 1 axes = {"tp"} : tensor<4x4xf32> -> tensor<4x1xf32>
  %3 = dist.reduce_scatter sum %a dim = 1 axes = {"tp"} : tensor<4x4xf32> -> tensor<4x1xf32>
  return
}

// CHECK-LABEL: func.func @async
func.func @async(%a: tensor<8x4xf32>) {
  // CHECK: dist.all_reduce sum %{{.*}} axes = {"tp"} {dist.async} : tensor<8x4xf32>
  %0 = dist.all_reduce sum %a axes = {"tp"} {dist.async} : tensor<8x4xf32>
  return
}
}
