// RUN: fabric-opt %s -split-input-file -dist-verify-sharded -verify-diagnostics

// C1
// expected-error@+1 {{the module has no mesh}}
module {}

// -----

// C1
// expected-error@+1 {{the module is partitioned}}
module attributes {dist.mesh = #dist.mesh<["dp"=2]>, dist.partitioned} {}

// -----

// C2: every tensor carries a sharding ...
module attributes {dist.mesh = #dist.mesh<["dp"=2]>} {
// expected-error@+1 {{a tensor has no sharding: 'tensor<4xf32>'}}
func.func @f(%x: tensor<4xf32>) {
  return
}
}

// -----

// C2: ... over the module's mesh.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
func.func @f() {
  // expected-error@+1 {{a tensor is sharded over another mesh than the module's}}
  %0 = fabric.constant dense<1.0> : tensor<4xf32> -> tensor<4xf32, #dist.sharding<#dist.mesh<["dp"=4]>, [{"dp"}]>>
  return
}
}

// -----

// C3: only ops that say how they shard.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
func.func @f(%x: tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>>) {
  // expected-error@+1 {{'dist.constraint' may not be left by the shard phase}}
  %0 = dist.constraint %x sharding = <#mesh, [{"dp"}]> : tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>>
  return
}
}

// -----

// C3: one list of axes for each factor.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
func.func @f(%x: tensor<4x6xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>, %w: tensor<8x6xf32, #dist.sharding<#mesh, [{}, {}]>>) {
  // expected-error@+1 {{'fabric.linear' disagrees with result 0 about a dim of size 4: {"dp"} and {}}}
  %0 = fabric.linear %x, %w : (tensor<4x6xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>, tensor<8x6xf32, #dist.sharding<#mesh, [{}, {}]>>) -> tensor<4x8xf32, #dist.sharding<#mesh, [{}, {}]>>
  return
}
}

// -----

// C3: the order counts.
#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh} {
func.func @f(%x: tensor<4xf32, #dist.sharding<#mesh, [{"dp", "tp"}]>>) {
  // expected-error@+1 {{'fabric.neg' disagrees with result 0 about a dim of size 4: {"dp", "tp"} and {"tp", "dp"}}}
  %0 = fabric.neg %x : tensor<4xf32, #dist.sharding<#mesh, [{"dp", "tp"}]>> -> tensor<4xf32, #dist.sharding<#mesh, [{"tp", "dp"}]>>
  return
}
}

// -----

// C3: what an op needs whole is whole.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
func.func @f(%x: tensor<2x3xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>) {
  // expected-error@+1 {{'fabric.reshape' needs a dim of size 2 whole, which is split by {"dp"}}}
  %0 = fabric.reshape %x : tensor<2x3xf32, #dist.sharding<#mesh, [{"dp"}, {}]>> -> tensor<3x2xf32, #dist.sharding<#mesh, [{}, {}]>>
  return
}
}

// -----

// C3: a minor part of a dim is split only if the major one is, completely.
#mesh = #dist.mesh<["dp"=2, "tp"=3]>
module attributes {dist.mesh = #mesh} {
func.func @f(%x: tensor<4x3xf32, #dist.sharding<#mesh, [{}, {}]>>) {
  // expected-error@+1 {{'fabric.reshape' cannot be split as result 0 is}}
  %0 = fabric.reshape %x : tensor<4x3xf32, #dist.sharding<#mesh, [{}, {}]>> -> tensor<12xf32, #dist.sharding<#mesh, [{"dp", "tp"}]>>
  return
}
}

// -----

// C4: a split reduction makes terms.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
func.func @f(%x: tensor<4x6xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>) {
  // expected-error@+1 {{result 0 of 'fabric.sum' is a term over axes {"dp"}, but its type is}}
  %0 = fabric.sum %x dims = [0] : tensor<4x6xf32, #dist.sharding<#mesh, [{"dp"}, {}]>> -> tensor<6xf32, #dist.sharding<#mesh, [{}]>>
  return
}
}

// -----

// C4: nothing else does.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
func.func @f(%x: tensor<4x6xf32, #dist.sharding<#mesh, [{}, {}]>>) {
  // expected-error@+1 {{result 0 of 'fabric.sum' is not a term over axes {"dp"}, but its type is}}
  %0 = fabric.sum %x dims = [0] : tensor<4x6xf32, #dist.sharding<#mesh, [{}, {}]>> -> tensor<6xf32, #dist.sharding<#mesh, [{}], partial = sum {"dp"}>>
  return
}
}

// -----

// C4: terms reach only ops that are linear in them. The worst bug of all: half a
// gradient.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
func.func @f(%x: tensor<4xf32, #dist.sharding<#mesh, [{}], partial = sum {"dp"}>>) {
  // expected-error@+1 {{'fabric.silu' is not linear in operand 0, which is partial over {"dp"}}}
  %0 = fabric.silu %x : tensor<4xf32, #dist.sharding<#mesh, [{}], partial = sum {"dp"}>>
  return
}
}

// -----

// C4: a sum of a term and a whole value would count the latter once a rank.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
func.func @f(%x: tensor<4xf32, #dist.sharding<#mesh, [{}], partial = sum {"dp"}>>, %b: tensor<4xf32, #dist.sharding<#mesh, [{}]>>) {
  // expected-error@+1 {{'fabric.add' is not linear in operand 0, which is partial over {"dp"}}}
  %0 = fabric.add %x, %b : (tensor<4xf32, #dist.sharding<#mesh, [{}], partial = sum {"dp"}>>, tensor<4xf32, #dist.sharding<#mesh, [{}]>>) -> tensor<4xf32, #dist.sharding<#mesh, [{}], partial = sum {"dp"}>>
  return
}
}

// -----

// C4: a product of two terms over one axis is no term of the product.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
func.func @f(%x: tensor<4xf32, #dist.sharding<#mesh, [{}], partial = sum {"dp"}>>) {
  // expected-error@+1 {{'fabric.mul' is not linear in operand 0, which is partial over {"dp"}}}
  %0 = fabric.mul %x, %x : tensor<4xf32, #dist.sharding<#mesh, [{}], partial = sum {"dp"}>>
  return
}
}

// -----

// C4: other reductions do not flow through sums.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
func.func @f(%x: tensor<4xf32, #dist.sharding<#mesh, [{}], partial = max {"dp"}>>) {
  // expected-error@+1 {{'fabric.neg' is not linear in operand 0, which is partial over {"dp"}}}
  %0 = fabric.neg %x : tensor<4xf32, #dist.sharding<#mesh, [{}], partial = max {"dp"}>>
  return
}
}

// -----

// C4: a term that is lost is an error too.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
func.func @f(%x: tensor<4xf32, #dist.sharding<#mesh, [{}], partial = sum {"dp"}>>) {
  // expected-error@+1 {{result 0 of 'fabric.neg' is a term over axes {"dp"}, but its type is}}
  %0 = fabric.neg %x : tensor<4xf32, #dist.sharding<#mesh, [{}], partial = sum {"dp"}>> -> tensor<4xf32, #dist.sharding<#mesh, [{}]>>
  return
}
}

// -----

// C5: results are not partial.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
// expected-error@+1 {{result 0 is partial}}
func.func @f(%x: tensor<4xf32, #dist.sharding<#mesh, [{}], partial = sum {"dp"}>>) -> tensor<4xf32, #dist.sharding<#mesh, [{}], partial = sum {"dp"}>> {
  return %x : tensor<4xf32, #dist.sharding<#mesh, [{}], partial = sum {"dp"}>>
}
}

// -----

// C5: an update replaces its argument.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
// expected-error@+1 {{result 0 updates argument 0 of another type}}
func.func @f(%x: tensor<4xf32, #dist.sharding<#mesh, [{}]>>, %y: tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>>) -> (tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>> {fabric.update_of = 0}) {
  return %y : tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>>
}
}

// -----

// C5: a state is stored as its parameter.
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
func.func @f(%p: tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>> {fabric.param = #fabric.param<"w">},
    // expected-error@+1 {{state "exp_avg" is not stored as parameter "w"}}
    %m: tensor<4xf32, #dist.sharding<#mesh, [{}]>> {fabric.state = #fabric.state<"w", "exp_avg">}) {
  return
}
}
