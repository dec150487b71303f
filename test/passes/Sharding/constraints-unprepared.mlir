// RUN: fabric-opt %s -split-input-file -dist-assign-storage -dist-propagate -verify-diagnostics

// Without the passes that come before: nothing is padded, no mesh has followed.
#mesh = #dist.mesh<["dp"=2, "tp"=4]>
module attributes {dist.mesh = #mesh} {
// expected-error@+1 {{sharding of input "x": dim 0 of size 6 is not divided by axes {"tp"} of 4 parts}}
func.func @input(%x: tensor<6xf32> {fabric.input = #fabric.input<"x">, dist.sharding = #dist.sharding<#mesh, [{"tp"}]>}) {
  return
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=4]>
module attributes {dist.mesh = #mesh} {
// expected-error@+1 {{sharding of parameter "w": over the mesh #dist.mesh<["tp"]>, but the module's is #dist.mesh<["dp"=2, "tp"=4]>}}
func.func @parameter(%w: tensor<6xf32> {fabric.param = #fabric.param<"w">, dist.sharding = #dist.sharding<#dist.mesh<["tp"]>, [{"tp"}]>}) {
  return
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=4]>
module attributes {dist.mesh = #mesh} {
func.func @value(%x: tensor<6xf32> {fabric.input = #fabric.input<"x">}) {
  // expected-error@+1 {{constraint: dim 0 of size 6 is not divided by axes {"tp"} of 4 parts}}
  %0 = dist.constraint %x sharding = <#mesh, [{"tp"}]> : tensor<6xf32>
  return
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=4]>
module attributes {dist.mesh = #mesh} {
func.func @mesh(%x: tensor<6xf32> {fabric.input = #fabric.input<"x">}) {
  // expected-error@+1 {{constraint: over the mesh #dist.mesh<["tp"]>, but the module's is #dist.mesh<["dp"=2, "tp"=4]>}}
  %0 = dist.constraint %x sharding = <#dist.mesh<["tp"]>, [{"tp"}]> : tensor<6xf32>
  return
}
}
