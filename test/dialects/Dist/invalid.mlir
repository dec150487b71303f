// RUN: fabric-opt %s -split-input-file -verify-diagnostics

// mesh C1
// expected-error @+1 {{a mesh needs at least one axis}}
module attributes {dist.mesh = #dist.mesh<[]>} {}

// -----

// mesh C2
// expected-error @+1 {{mesh axis "dp" is declared twice}}
module attributes {dist.mesh = #dist.mesh<["dp"=2, "dp"=2]>} {}

// -----

// mesh C2
// expected-error @+1 {{a mesh axis needs a name}}
module attributes {dist.mesh = #dist.mesh<[""=2]>} {}

// -----

// mesh C3
// expected-error @+1 {{mesh axis "tp" must have a positive size, found 0}}
module attributes {dist.mesh = #dist.mesh<["tp"=0]>} {}

// -----

// mesh C3: sizes for all or for none
// expected-error @+1 {{expects a size for every mesh axis, or for none, but axis "tp" has none}}
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"]>} {}

// -----

// expected-error @+1 {{expects a size for every mesh axis, or for none, but axis "dp" has none}}
module attributes {dist.mesh = #dist.mesh<["dp", "tp"=2]>} {}

// -----

// expected-error @+1 {{the module's mesh needs sizes, found #dist.mesh<["dp", "tp"]>}}
module attributes {dist.mesh = #dist.mesh<["dp", "tp"]>} {}

// -----

// sharding C6
// expected-error @+1 {{the sharding of a type needs a mesh with sizes, found #dist.mesh<["dp"]>}}
func.func private @f(tensor<8xf32, #dist.sharding<#dist.mesh<["dp"]>, [{"dp"}]>>)

// -----

// sharding C6
func.func @f(%a: tensor<8xf32>) {
  // expected-error @+1 {{a sub-axis of "dp" needs a mesh with sizes, found #dist.mesh<["dp"]>}}
  %0 = dist.constraint %a sharding = <#dist.mesh<["dp"]>, [{"dp":(1)2}]> : tensor<8xf32>
  return
}

// -----

// sharding C3, without sizes
func.func @f(%a: tensor<8x8xf32>) {
  // expected-error @+1 {{axis "dp" is used twice}}
  %0 = dist.constraint %a sharding = <#dist.mesh<["dp"]>, [{"dp"}, {"dp"}]> : tensor<8x8xf32>
  return
}

// -----

// A partitioned function is cut over a mesh with sizes.
module attributes {dist.mesh = #dist.mesh<["dp"=2]>, dist.partitioned} {
// expected-error @+1 {{a sharding of a partitioned function needs a mesh with sizes}}
func.func private @f(tensor<8xf32> {dist.sharding = #dist.sharding<#dist.mesh<["dp"]>, [{"dp"}]>})
}

// -----

// The ranks of a mesh are counted without overflow.
// expected-error @+1 {{the mesh has more than 1048576 ranks}}
module attributes {dist.mesh = #dist.mesh<["a"=4611686018427387904, "b"=4]>} {}

// -----

// sharding C1
#mesh = #dist.mesh<["dp"=2, "tp"=4]>
// expected-error @+1 {{a sharding of 1 dims does not fit a tensor of rank 2}}
func.func private @f(tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}]>>)

// -----

// sharding C2
#mesh = #dist.mesh<["dp"=2, "tp"=4]>
// expected-error @+1 {{axis "pp" is not one of the mesh #dist.mesh<["dp"=2, "tp"=4]>}}
func.func private @f(tensor<8x4xf32, #dist.sharding<#mesh, [{"pp"}, {}]>>)

// -----

// sharding C2: a sub-axis that does not divide its axis
#mesh = #dist.mesh<["dp"=2, "tp"=4]>
// expected-error @+1 {{sub-axis (1)3 does not divide axis "tp" of size 4}}
func.func private @f(tensor<12x4xf32, #dist.sharding<#mesh, [{"tp":(1)3}, {}]>>)

// -----

// sharding C3
#mesh = #dist.mesh<["dp"=2, "tp"=4]>
// expected-error @+1 {{axis "tp" is used twice}}
func.func private @f(tensor<8x4xf32, #dist.sharding<#mesh, [{"tp"}, {"tp":(1)2}]>>)

// -----

// sharding C3: split and partial
#mesh = #dist.mesh<["dp"=2, "tp"=4]>
// expected-error @+1 {{axis "tp" is used twice}}
func.func private @f(tensor<8x4xf32, #dist.sharding<#mesh, [{"tp"}, {}], partial = sum {"tp"}>>)

// -----

// sharding C4
#mesh = #dist.mesh<["dp"=2, "tp"=4]>
// expected-error @+1 {{dim 0 of size 6 is not divisible by the 4 parts of axes {"tp"}}}
func.func private @f(tensor<6x4xf32, #dist.sharding<#mesh, [{"tp"}, {}]>>)

// -----

// sharding C5
#mesh = #dist.mesh<["dp"=2, "tp"=4]>
// expected-error @+1 {{a partial value needs a number type, found 'index'}}
func.func private @f(tensor<8x4xindex, #dist.sharding<#mesh, [{}, {}], partial = sum {"tp"}>>)

// -----

// The kind of a partial value is a word that we know.
#mesh = #dist.mesh<["dp"=2]>
// expected-error @+1 {{expected sum, max or min, found avg}}
func.func private @f(tensor<8xf32, #dist.sharding<#mesh, [{}], partial = avg {"dp"}>>)

// -----

// Attributes stand where they mean something.
// expected-error @+1 {{attribute "dist.mesh" belongs on a module}}
func.func private @f() attributes {dist.mesh = #dist.mesh<["dp"=2]>}

// -----

// expected-error @+1 {{attribute "dist.mesh" must be a #dist.mesh, found 3}}
module attributes {dist.mesh = 3 : i64} {}

// -----

// expected-error @+1 {{unknown attribute "dist.mush"}}
module attributes {dist.mush} {}

// -----

// expected-error @+1 {{attribute "dist.fsdp" must be a #dist.fsdp, found "keep"}}
func.func private @f(tensor<8x4xf32> {dist.fsdp = "keep"})

// -----

// C1
// expected-error @+1 {{#dist.fsdp<keep, dim = 2> names no dim of the type 'tensor<8x4xf32>'}}
func.func private @f(tensor<8x4xf32> {dist.fsdp = #dist.fsdp<keep, dim = 2>})

// -----

// expected-error @+1 {{attribute "dist.tp" must be a #dist.tp, found "colwise"}}
func.func private @f(tensor<8x4xf32> {dist.tp = "colwise"})

// -----

#mesh = #dist.mesh<["dp"=2]>
// expected-error @+1 {{a sharding of 1 dims does not fit the type 'tensor<8x4xf32>'}}
func.func private @f(tensor<8x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}]>})

// -----

// reshard C1
#mesh = #dist.mesh<["dp"=2, "tp"=4]>
func.func @f(%a: tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>) {
  // expected-error @+1 {{expects operand and result of one shape and element type}}
  %0 = dist.reshard %a : tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {}]>> -> tensor<4x8xf32, #dist.sharding<#mesh, [{}, {}]>>
  return
}

// -----

// reshard C2
#mesh = #dist.mesh<["dp"=2, "tp"=4]>
func.func @f(%a: tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>) {
  // expected-error @+1 {{expects operand and result to carry shardings, or neither}}
  %0 = dist.reshard %a : tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {}]>> -> tensor<8x4xf32>
  return
}

// -----

// reshard C2: two meshes
#mesh = #dist.mesh<["dp"=2, "tp"=4]>
#other = #dist.mesh<["dp"=2]>
func.func @f(%a: tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>) {
  // expected-error @+1 {{expects one mesh}}
  %0 = dist.reshard %a : tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {}]>> -> tensor<8x4xf32, #dist.sharding<#other, [{}, {}]>>
  return
}

// -----

// reshard C3: terms cannot be made out of a whole
#mesh = #dist.mesh<["dp"=2, "tp"=4]>
func.func @f(%a: tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>) {
  // expected-error @+1 {{cannot make a value partial over {"tp"}}}
  %0 = dist.reshard %a : tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {}]>> -> tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {}], partial = sum {"tp"}>>
  return
}

// -----

// constraint C1
#mesh = #dist.mesh<["dp"=2, "tp"=4]>
func.func @f(%a: tensor<8x6xf32>) {
  // expected-error @+1 {{a sharding of 1 dims does not fit a tensor of rank 2}}
  %0 = dist.constraint %a sharding = <#mesh, [{"dp"}]> : tensor<8x6xf32>
  return
}

// -----

// constraint C2
#mesh = #dist.mesh<["dp"=2, "tp"=4]>
func.func @f(%a: tensor<8x4xf32>) {
  // expected-error @+1 {{cannot ask for a partial sharding}}
  %0 = dist.constraint %a sharding = <#mesh, [{}, {}], partial = sum {"tp"}> : tensor<8x4xf32>
  return
}

// -----

// axis_index C1
module attributes {dist.mesh = #dist.mesh<["dp"=2]>} {
func.func @f() {
  // expected-error @+1 {{axis "tp" is not one of the mesh}}
  %0 = dist.axis_index {"tp"} : i64
  return
}
}

// -----

func.func @f() {
  // expected-error @+1 {{needs a module with a mesh}}
  %0 = dist.axis_index {"tp"} : i64
  return
}

// -----

// all_gather C1
module attributes {dist.mesh = #dist.mesh<["dp"=2]>} {
func.func @f(%a: tensor<8x4xf32>) {
  // expected-error @+1 {{dim 2 is not one of 'tensor<8x4xf32>'}}
  %0 = dist.all_gather %a dim = 2 axes = {"dp"} : tensor<8x4xf32> -> tensor<16x4xf32>
  return
}
}

// -----

// all_gather C2
#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
func.func @f(%a: tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>) {
  // expected-error @+1 {{expects operand and result to carry shardings, or neither}}
  %0 = dist.all_gather %a dim = 0 axes = {"dp"} : tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {}]>> -> tensor<8x4xf32>
  return
}
}

// -----

// all_gather C3: only from the minor end
#mesh = #dist.mesh<["dp"=2, "tp"=2]>
func.func @f(%a: tensor<8x4xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>>) {
  // expected-error @+1 {{expects the sharding of operand dim 0 to end in {"tp"}, found {"tp", "dp"}}}
  %0 = dist.all_gather %a dim = 0 axes = {"tp"} : tensor<8x4xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>> -> tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
  return
}

// -----

// all_gather C3: the rest stays
#mesh = #dist.mesh<["dp"=2, "tp"=2]>
func.func @f(%a: tensor<8x4xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>>) {
  // expected-error @+1 {{expects the result's sharding to be the operand's with {"dp"} moved}}
  %0 = dist.all_gather %a dim = 0 axes = {"dp"} : tensor<8x4xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>> -> tensor<8x4xf32, #dist.sharding<#mesh, [{}, {}]>>
  return
}

// -----

// all_gather C4
module attributes {dist.mesh = #dist.mesh<["dp"=2]>} {
func.func @f(%a: tensor<8x4xf32>) {
  // expected-error @+1 {{expects a result of type 'tensor<16x4xf32>', found 'tensor<24x4xf32>'}}
  %0 = dist.all_gather %a dim = 0 axes = {"dp"} : tensor<8x4xf32> -> tensor<24x4xf32>
  return
}
}

// -----

// Every collective needs an axis.
module attributes {dist.mesh = #dist.mesh<["dp"=2]>} {
func.func @f(%a: tensor<8x4xf32>) {
  // expected-error @+1 {{needs at least one axis}}
  %0 = dist.all_gather %a dim = 0 axes = {} : tensor<8x4xf32> -> tensor<8x4xf32>
  return
}
}

// -----

// all_slice C3
#mesh = #dist.mesh<["dp"=2, "tp"=2]>
func.func @f(%a: tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>) {
  // expected-error @+1 {{expects the result's sharding to be the operand's with {"tp"} moved}}
  %0 = dist.all_slice %a dim = 0 axes = {"tp"} : tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {}]>> -> tensor<8x4xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>>
  return
}

// -----

// all_slice C4
module attributes {dist.mesh = #dist.mesh<["dp"=3]>} {
func.func @f(%a: tensor<8x4xf32>) {
  // expected-error @+1 {{dim 0 of size 8 is not divisible by the 3 parts of axes {"dp"}}}
  %0 = dist.all_slice %a dim = 0 axes = {"dp"} : tensor<8x4xf32> -> tensor<2x4xf32>
  return
}
}

// -----

// reduce_scatter C3: nothing to reduce
#mesh = #dist.mesh<["dp"=2, "tp"=2]>
func.func @f(%a: tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>) {
  // expected-error @+1 {{expects an operand that is a partial sum over {"tp"}}}
  %0 = dist.reduce_scatter sum %a dim = 0 axes = {"tp"} : tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {}]>> -> tensor<8x4xf32, #dist.sharding<#mesh, [{"dp", "tp"}, {}]>>
  return
}

// -----

// reduce_scatter C3: another reduction
#mesh = #dist.mesh<["tp"=2]>
func.func @f(%a: tensor<8xf32, #dist.sharding<#mesh, [{}], partial = sum {"tp"}>>) {
  // expected-error @+1 {{expects an operand that is a partial max over {"tp"}}}
  %0 = dist.reduce_scatter max %a dim = 0 axes = {"tp"} : tensor<8xf32, #dist.sharding<#mesh, [{}], partial = sum {"tp"}>> -> tensor<8xf32, #dist.sharding<#mesh, [{"tp"}]>>
  return
}

// -----

// all_reduce C2: a partial axis that is left must stay
#mesh = #dist.mesh<["dp"=2, "tp"=2]>
func.func @f(%a: tensor<8xf32, #dist.sharding<#mesh, [{}], partial = sum {"dp", "tp"}>>) {
  // expected-error @+1 {{expects the result's sharding to be the operand's with {"tp"} moved}}
  %0 = dist.all_reduce sum %a axes = {"tp"} : tensor<8xf32, #dist.sharding<#mesh, [{}], partial = sum {"dp", "tp"}>> -> tensor<8xf32, #dist.sharding<#mesh, [{}]>>
  return
}

// -----

// all_reduce C3
module attributes {dist.mesh = #dist.mesh<["dp"=2]>} {
func.func @f(%a: tensor<8x4xf32>) {
  // expected-error @+1 {{expects a result of type 'tensor<8x4xf32>', found 'tensor<4x4xf32>'}}
  %0 = dist.all_reduce sum %a axes = {"dp"} : tensor<8x4xf32> -> tensor<4x4xf32>
  return
}
}

// -----

// all_to_all C1
module attributes {dist.mesh = #dist.mesh<["dp"=2]>} {
func.func @f(%a: tensor<8x4xf32>) {
  // expected-error @+1 {{expects different dims, found 0 twice}}
  %0 = dist.all_to_all %a split_dim = 0 concat_dim = 0 axes = {"dp"} : tensor<8x4xf32> -> tensor<8x4xf32>
  return
}
}

// -----

// all_to_all C4
module attributes {dist.mesh = #dist.mesh<["dp"=2]>} {
func.func @f(%a: tensor<8x4xf32>) {
  // expected-error @+1 {{expects a result of type 'tensor<16x2xf32>', found 'tensor<8x4xf32>'}}
  %0 = dist.all_to_all %a split_dim = 1 concat_dim = 0 axes = {"dp"} : tensor<8x4xf32> -> tensor<8x4xf32>
  return
}
}

// -----

// A collective on an axis that the mesh lacks.
module attributes {dist.mesh = #dist.mesh<["dp"=2]>} {
func.func @f(%a: tensor<8x4xf32>) {
  // expected-error @+1 {{axis "tp" is not one of the mesh}}
  %0 = dist.all_reduce sum %a axes = {"tp"} : tensor<8x4xf32>
  return
}
}

// -----

// A collective on local types, in a module without a mesh.
func.func @f(%a: tensor<8x4xf32>) {
  // expected-error @+1 {{on local types needs a module with a mesh}}
  %0 = dist.all_reduce sum %a axes = {"tp"} : tensor<8x4xf32>
  return
}

// -----

// Only collectives can be under way.
module attributes {dist.mesh = #dist.mesh<["dp"=2]>} {
func.func @f() {
  // expected-error @+1 {{attribute "dist.async" is a unit attribute of a collective}}
  %0 = dist.axis_index {"dp"} {dist.async} : i64
  return
}
}

// -----

module attributes {dist.mesh = #dist.mesh<["dp"=2]>} {
func.func @f(%a: tensor<8x4xf32>) {
  // expected-error @+1 {{attribute "dist.async" is a unit attribute of a collective}}
  %0 = dist.all_reduce sum %a axes = {"dp"} {dist.async = 1 : i64} : tensor<8x4xf32>
  return
}
}
