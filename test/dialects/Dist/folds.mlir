// RUN: fabric-opt %s -canonicalize | FileCheck %s

#mesh = #dist.mesh<["dp"=2]>

// A reshard that changes nothing is its operand.
// CHECK-LABEL: func.func @nothing
// CHECK-SAME: (%[[A:.*]]: tensor
// CHECK-NEXT: return %[[A]]
func.func @nothing(%a: tensor<8xf32, #dist.sharding<#mesh, [{"dp"}]>>) -> tensor<8xf32, #dist.sharding<#mesh, [{"dp"}]>> {
  %0 = dist.reshard %a : tensor<8xf32, #dist.sharding<#mesh, [{"dp"}]>> -> tensor<8xf32, #dist.sharding<#mesh, [{"dp"}]>>
  return %0 : tensor<8xf32, #dist.sharding<#mesh, [{"dp"}]>>
}

// A collective that is used stays; one that is not goes.
// CHECK-LABEL: func.func @used
// CHECK-NEXT: %[[R:.*]] = dist.all_gather
// CHECK-NEXT: return %[[R]]
func.func @used(%a: tensor<8xf32, #dist.sharding<#mesh, [{"dp"}]>>) -> tensor<8xf32, #dist.sharding<#mesh, [{}]>> {
  %0 = dist.all_gather %a dim = 0 axes = {"dp"} : tensor<8xf32, #dist.sharding<#mesh, [{"dp"}]>> -> tensor<8xf32, #dist.sharding<#mesh, [{}]>>
  %1 = dist.all_gather %a dim = 0 axes = {"dp"} : tensor<8xf32, #dist.sharding<#mesh, [{"dp"}]>> -> tensor<8xf32, #dist.sharding<#mesh, [{}]>>
  return %0 : tensor<8xf32, #dist.sharding<#mesh, [{}]>>
}
