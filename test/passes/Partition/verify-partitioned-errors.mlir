// RUN: fabric-opt %s -split-input-file -verify-diagnostics --dist-verify-partitioned

// expected-error @below {{expects a module with dist.mesh and dist.partitioned}}
module {
}

// -----

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
// expected-error @below {{argument 0 has no dist.sharding}}
func.func @f(%0: tensor<4xf32>) {
  return
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
// expected-error @below {{result 0 is partial over {"dp"}}}
func.func @f(%0: tensor<4xf32> {dist.sharding = #dist.sharding<#mesh, [{}]>})
    -> (tensor<4xf32> {dist.sharding = #dist.sharding<#mesh, [{}], partial = sum {"dp"}>}) {
  return %0 : tensor<4xf32>
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
#other = #dist.mesh<["dp"=4]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
// expected-error @below {{argument 0 is cut over the mesh #dist.mesh<["dp"=4]>, but the module's is #dist.mesh<["dp"=2]>}}
func.func @f(%0: tensor<4xf32> {dist.sharding = #dist.sharding<#other, [{}]>}) {
  return
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
func.func @f(%0: tensor<4xf32> {dist.sharding = #dist.sharding<#mesh, [{}]>}) {
  // expected-error @below {{is left in a partitioned module}}
  %1 = dist.reshard %0 : tensor<4xf32> -> tensor<4xf32>
  return
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
!a = tensor<4xf32, #dist.sharding<#mesh, [{}]>>
module attributes {dist.mesh = #mesh, dist.partitioned} {
func.func @f() {
  // expected-error @below {{has a type with a sharding in a partitioned module}}
  %0 = fabric.constant dense<1.0> : tensor<4xf32> -> !a
  return
}
}
