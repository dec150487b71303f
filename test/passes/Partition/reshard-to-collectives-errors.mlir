// RUN: fabric-opt %s -split-input-file -verify-diagnostics --dist-reshard-to-collectives

#mesh = #dist.mesh<["dp"=2]>
// expected-error @below {{the module is partitioned already}}
module attributes {dist.mesh = #mesh, dist.partitioned} {
}

// -----

// expected-error @below {{the module has no mesh}}
module {
}

// -----

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
// expected-error @below {{has a tensor without a sharding: 'tensor<4xf32>'}}
func.func @f(%0: tensor<4xf32>) {
  return
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
!a = tensor<4xf32, #dist.sharding<#mesh, [{}]>>
module attributes {dist.mesh = #mesh} {
func.func @f(%0: !a) -> !a {
  // expected-error @below {{has a tensor without a sharding: 'tensor<4xf32>'}}
  %1 = fabric.neg %0 : !a -> tensor<4xf32>
  %2 = fabric.neg %1 : tensor<4xf32> -> !a
  return %2 : !a
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
#other = #dist.mesh<["dp"=4]>
module attributes {dist.mesh = #mesh} {
// expected-error @below {{has a tensor on the mesh #dist.mesh<["dp"=4]>, but the module's is #dist.mesh<["dp"=2]>}}
func.func @f(%0: tensor<4xf32, #dist.sharding<#other, [{}]>>) {
  return
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
!a = tensor<4xf32, #dist.sharding<#mesh, [{}]>>
module attributes {dist.mesh = #mesh} {
func.func @f(%0: !a) -> !a {
  // expected-error @below {{is left; propagate shardings first}}
  %1 = dist.constraint %0 sharding = <#mesh, [{"dp"}]> : !a
  return %1 : !a
}
}
