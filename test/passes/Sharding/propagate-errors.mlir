// RUN: fabric-opt %s -split-input-file -dist-propagate -verify-diagnostics

// expected-error@+1 {{the module has no mesh; run dist-set-mesh}}
module {}

// -----

module attributes {dist.mesh = #dist.mesh<["dp"=2]>} {
// expected-error@+1 {{argument 0 needs a sharding over the module's mesh, found 'tensor<4xf32>'}}
func.func @f(%x: tensor<4xf32>) {
  return
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
#other = #dist.mesh<["dp"=4]>
module attributes {dist.mesh = #mesh} {
// expected-error@+1 {{argument 0 needs a sharding over the module's mesh, found}}
func.func @f(%x: tensor<4xf32, #dist.sharding<#other, [{"dp"}]>>) {
  return
}
}

// -----

// An op that does not say how it shards cannot be partitioned.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
func.func @f(%x: tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>>) {
  // expected-error@+1 {{'func.call' does not say how it shards}}
  call @f(%x) : (tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>>) -> ()
  return
}
}

// -----

// Neither do collectives, before the partition phase makes them.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
func.func @f(%x: tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>>) {
  // expected-error@+1 {{'dist.all_gather' does not say how it shards}}
  %0 = dist.all_gather %x dim = 0 axes = {"dp"} : tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>> -> tensor<4xf32, #dist.sharding<#mesh, [{}]>>
  return
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
func.func @f(%x: tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>>) {
  %c = fabric.constant dense<1.0> : tensor<4xf32>
  // expected-error@+1 {{'dist.reshard' needs types with shardings}}
  %0 = dist.reshard %c : tensor<4xf32> -> tensor<4xf32>
  return
}
}

// -----

// Only arguments, reshards and updates of arguments are sharded before.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
func.func @f(%x: tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>>) {
  // expected-error@+1 {{result 0 of 'fabric.neg' is sharded before propagation: 'tensor<4xf32, #dist.sharding}}
  %0 = fabric.neg %x : tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>>
  return
}
}

// -----

// What is updated together is stored alike.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
func.func @f(%p: tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>>, %m: tensor<4xf32, #dist.sharding<#mesh, [{}]>>, %s: tensor<f64, #dist.sharding<#mesh, []>>) {
  // expected-error@+1 {{'fabric.adamw' updates values that are stored differently: result 1 is}}
  %0:3 = fabric.adamw %p, %p, %m, %m, lr = %s, step = %s {beta1 = 0.9, beta2 = 0.999, eps = 1.0e-8, weight_decay = 0.0}
    : (tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>>, tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>>, tensor<4xf32, #dist.sharding<#mesh, [{}]>>, tensor<4xf32, #dist.sharding<#mesh, [{}]>>, tensor<f64, #dist.sharding<#mesh, []>>, tensor<f64, #dist.sharding<#mesh, []>>)
    -> (tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>>, tensor<4xf32, #dist.sharding<#mesh, [{}]>>, tensor<4xf32, #dist.sharding<#mesh, [{}]>>)
  return
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
// expected-error@+1 {{function @f has control flow}}
func.func @f(%x: tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>>) {
  return
^bb1:
  return
}
}
