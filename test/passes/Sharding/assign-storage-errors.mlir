// RUN: fabric-opt %s -split-input-file -dist-assign-storage -verify-diagnostics

// expected-error@+1 {{the module has no mesh; run dist-set-mesh}}
module {}

// -----

module attributes {dist.mesh = #dist.mesh<["dp"=3, "tp"=2]>} {
// expected-error@+1 {{input "x": batch dim 0 of size 16 is not divided by axis "dp" of size 3}}
func.func @f(%x: tensor<16x4xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) {
  return
}
}

// -----

module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=3]>} {
// expected-error@+1 {{parameter "w": style colwise splits dim 0 of size 256, which axis "tp" of size 3 does not divide}}
func.func @f(%w: tensor<256x128xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<colwise>}) {
  return
}
}

// -----

module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
// expected-error@+1 {{parameter "w": style rowwise fits no dim of a tensor of rank 0}}
func.func @f(%w: tensor<f32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<rowwise>}) {
  return
}
}

// -----

module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
// expected-error@+1 {{argument 0 is not marked as an input, parameter, state or scalar}}
func.func @f(%w: tensor<4xf32>) {
  return
}
}

// -----

module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
// expected-error@+1 {{argument 0 must be a tensor, found 'f32'}}
func.func @f(%w: f32) {
  return
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh} {
// expected-error@+1 {{argument 0 has a sharding already}}
func.func @f(%w: tensor<4xf32, #dist.sharding<#mesh, [{}]>> {fabric.param = #fabric.param<"w">}) {
  return
}
}

// -----

module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
// expected-error@+1 {{two parameters have the name "w"}}
func.func @f(%a: tensor<4xf32> {fabric.param = #fabric.param<"w">}, %b: tensor<4xf32> {fabric.param = #fabric.param<"w">}) {
  return
}
}

// -----

module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
// expected-error@+1 {{state "exp_avg" is of parameter "w", which the function does not have}}
func.func @f(%a: tensor<4xf32> {fabric.state = #fabric.state<"w", "exp_avg">}) {
  return
}
}

// -----

module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
func.func @f(%p: tensor<4xf32> {fabric.param = #fabric.param<"w">},
    // expected-error@+1 {{state "exp_avg" of parameter "w" must have its shape, found 'tensor<8xf32>' and 'tensor<4xf32>'}}
    %a: tensor<8xf32> {fabric.state = #fabric.state<"w", "exp_avg">}) {
  return
}
}

// -----

module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
// expected-error@+1 {{function @f has control flow}}
func.func @f(%p: tensor<4xf32> {fabric.param = #fabric.param<"w">}) {
  return
^bb1:
  return
}
}

// -----

// No error, but never silent: what "dp" does not divide is whole on every rank.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
// expected-remark@+1 {{parameter "w" is replicated over axis "dp" of size 2, which divides none of its dims: 'tensor<3x5xf32>'}}
func.func @f(%p: tensor<3x5xf32> {fabric.param = #fabric.param<"w">}) {
  return
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh} {
// expected-error@+1 {{parameter "w" says how it is stored with dist.sharding, and again with dist.fsdp}}
func.func @f(%w: tensor<8x4xf32> {fabric.param = #fabric.param<"w">, dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>, dist.fsdp = #dist.fsdp<gather>}) {
  return
}
}

// -----

// Kept split is asked for, and cannot be.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
// expected-error@+1 {{parameter "w": #dist.fsdp<keep> finds no dim of 'tensor<3x5xf32>' that axis "dp" of size 2 divides; name one, and it is padded}}
func.func @f(%w: tensor<3x5xf32> {fabric.param = #fabric.param<"w">, dist.fsdp = #dist.fsdp<keep>}) {
  return
}
}
