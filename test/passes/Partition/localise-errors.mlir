// RUN: fabric-opt %s -split-input-file -verify-diagnostics --dist-localise

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
!a = tensor<4xf32, #dist.sharding<#mesh, [{}]>>
!b = tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>>
module attributes {dist.mesh = #mesh} {
func.func @reshard(%0: !a) -> !b {
  // expected-error @below {{cannot be localised; make collectives first}}
  %1 = dist.reshard %0 : !a -> !b
  return %1 : !b
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
!a = tensor<4xf32, #dist.sharding<#mesh, [{}]>>
module attributes {dist.mesh = #mesh} {
func.func @no_sharding(%0: !a) -> !a {
  // expected-error @below {{has a tensor without a sharding}}
  %1 = fabric.neg %0 : !a -> tensor<4xf32>
  return %0 : !a
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
!p = tensor<4xf32, #dist.sharding<#mesh, [{}], partial = sum {"dp"}>>
module attributes {dist.mesh = #mesh} {
// expected-error @below {{takes argument 0 partial over {"dp"}; reduce it first}}
func.func @partial_argument(%0: !p) {
  return
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
!x = tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>>
!p = tensor<f32, #dist.sharding<#mesh, [], partial = sum {"dp"}>>
module attributes {dist.mesh = #mesh} {
// expected-error @below {{returns result 0 partial over {"dp"}; reduce it first}}
func.func @partial_result(%0: !x) -> !p {
  %1 = fabric.sum %0 dims = [0] : !x -> !p
  return %1 : !p
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
!a = tensor<4xf32, #dist.sharding<#mesh, [{"dp"}]>>
module attributes {dist.mesh = #mesh} {
func.func @no_rule(%0: !a) -> !a {
  // expected-error @below {{cannot be partitioned: it has no sharding rule}}
  %1 = call @no_rule(%0) : (!a) -> !a
  return %1 : !a
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
!a = tensor<4x6xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
!b = tensor<4x6xf32, #dist.sharding<#mesh, [{}, {}]>>
module attributes {dist.mesh = #mesh} {
func.func @disagree(%0: !a, %1: !b) -> !a {
  // expected-error @below {{disagrees with its rule: operand 0 dim 0 of size 4 is split by {"dp"}, and operand 1 dim 0 of size 4, which goes with it, by {}}}
  %2 = fabric.add %0, %1 : (!a, !b) -> !a
  return %2 : !a
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
!a = tensor<4x6xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
!b = tensor<4x6xf32, #dist.sharding<#mesh, [{}, {}]>>
module attributes {dist.mesh = #mesh} {
func.func @result_disagrees(%0: !a) -> !b {
  // expected-error @below {{disagrees with its rule: operand 0 dim 0 of size 4 is split by {"dp"}, and result 0 dim 0 of size 4, which goes with it, by {}}}
  %1 = fabric.silu %0 : !a -> !b
  return %1 : !b
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
!x = tensor<4x8xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
!w = tensor<6x8xf32, #dist.sharding<#mesh, [{}, {"tp"}]>>
!y = tensor<4x6xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
module attributes {dist.mesh = #mesh} {
// The sum over a split dim is a term on every rank: to call it the value is the
// bug that this check is for.
func.func @lost_partial(%0: !x, %1: !w) -> !y {
  // expected-error @below {{makes result 0 partial over {"tp"}, but its type says {}}}
  %2 = fabric.linear %0, %1 : (!x, !w) -> !y
  return %2 : !y
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
!x = tensor<4x8xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
!p = tensor<4x8xf32, #dist.sharding<#mesh, [{"dp"}, {}], partial = sum {"tp"}>>
module attributes {dist.mesh = #mesh} {
func.func @invented_partial(%0: !x) -> !x {
  // expected-error @below {{makes result 0 partial over {}, but its type says {"tp"}}}
  %1 = fabric.neg %0 : !x -> !p
  return %0 : !x
}
}

// -----

#mesh = #dist.mesh<["tp"=2]>
!x = tensor<4xf32, #dist.sharding<#mesh, [{"tp"}]>>
!p = tensor<f32, #dist.sharding<#mesh, [], partial = sum {"tp"}>>
!r = tensor<f32, #dist.sharding<#mesh, []>>
module attributes {dist.mesh = #mesh} {
func.func @not_linear(%0: !x) -> !r {
  %1 = fabric.sum %0 dims = [0] : !x -> !p
  // expected-error @below {{has operand 0 partial over {"tp"}, but is not linear in it alone}}
  %2 = fabric.silu %1 : !p
  %3 = dist.all_reduce sum %2 axes = {"tp"} : !p -> !r
  return %3 : !r
}
}

// -----

#mesh = #dist.mesh<["tp"=2]>
!x = tensor<4xf32, #dist.sharding<#mesh, [{"tp"}]>>
!p = tensor<f32, #dist.sharding<#mesh, [], partial = sum {"tp"}>>
!r = tensor<f32, #dist.sharding<#mesh, []>>
module attributes {dist.mesh = #mesh} {
// A bias would be added once a rank.
func.func @bias(%0: !x, %b: !r) -> !r {
  %1 = fabric.sum %0 dims = [0] : !x -> !p
  // expected-error @below {{has operand 0 partial over {"tp"}, but is not linear in it alone}}
  %2 = fabric.add %1, %b : (!p, !r) -> !p
  %3 = dist.all_reduce sum %2 axes = {"tp"} : !p -> !r
  return %3 : !r
}
}

// -----

#mesh = #dist.mesh<["tp"=2]>
!x = tensor<4xf32, #dist.sharding<#mesh, [{"tp"}]>>
!p = tensor<f32, #dist.sharding<#mesh, [], partial = sum {"tp"}>>
!r = tensor<f32, #dist.sharding<#mesh, []>>
module attributes {dist.mesh = #mesh} {
func.func @square(%0: !x) -> !r {
  %1 = fabric.sum %0 dims = [0] : !x -> !p
  // expected-error @below {{has operand 0, 1 partial over {"tp"}, but is not linear in them alone}}
  %2 = fabric.mul %1, %1 : !p
  %3 = dist.all_reduce sum %2 axes = {"tp"} : !p -> !r
  return %3 : !r
}
}

// -----

#mesh = #dist.mesh<["tp"=2]>
!x = tensor<4xf32, #dist.sharding<#mesh, [{"tp"}]>>
!p = tensor<f32, #dist.sharding<#mesh, [], partial = sum {"tp"}>>
!y = tensor<6xf32, #dist.sharding<#mesh, [{"tp"}]>>
module attributes {dist.mesh = #mesh} {
func.func @terms_into_blocks(%0: !x) -> !y {
  %1 = fabric.sum %0 dims = [0] : !x -> !p
  // expected-error @below {{has operand 0 partial over {"tp"}, by which it is split as well}}
  %2 = fabric.broadcast %1 dims = [] : !p -> !y
  return %2 : !y
}
}

// -----

#mesh = #dist.mesh<["tp"=2]>
!x = tensor<6x4xf32, #dist.sharding<#mesh, [{}, {"tp"}]>>
!y = tensor<4x6xf32, #dist.sharding<#mesh, [{}, {"tp"}]>>
module attributes {dist.mesh = #mesh} {
func.func @whole(%0: !x) -> !y {
  // expected-error @below {{needs operand 0 dim 1 of size 4 whole on every rank, but it is split by {"tp"}}}
  %1 = fabric.reshape %0 : !x -> !y
  return %1 : !y
}
}

// -----

#mesh = #dist.mesh<["tp"=4]>
!x = tensor<2x4xf32, #dist.sharding<#mesh, [{}, {}]>>
!y = tensor<8xf32, #dist.sharding<#mesh, [{"tp"}]>>
module attributes {dist.mesh = #mesh} {
func.func @merged(%0: !x) -> !y {
  // expected-error @below {{disagrees with its rule: operand 0 dim 0 of size 2 is split by {}, and result 0 dim 0 of size 8, which goes with it, by {"tp":(1)2}}}
  %1 = fabric.reshape %0 : !x -> !y
  return %1 : !y
}
}

// -----

#mesh = #dist.mesh<["tp"=2]>
!x = tensor<3x4xf32, #dist.sharding<#mesh, [{}, {}]>>
!y = tensor<12xf32, #dist.sharding<#mesh, [{"tp"}]>>
module attributes {dist.mesh = #mesh} {
func.func @not_contiguous(%0: !x) -> !y {
  // expected-error @below {{cannot be split here: result 0 dim 0 of size 12 is made of parts of 3 x 4, which {"tp"} do not divide in turn}}
  %1 = fabric.reshape %0 : !x -> !y
  return %1 : !y
}
}

// -----

#mesh = #dist.mesh<["tp"=2]>
!x = tensor<4x8xf32, #dist.sharding<#mesh, [{"tp"}, {}]>>
!w = tensor<6x8xf32, #dist.sharding<#mesh, [{"tp"}, {}]>>
!y = tensor<4x6xf32, #dist.sharding<#mesh, [{"tp"}, {}]>>
module attributes {dist.mesh = #mesh} {
func.func @one_axis_two_dims(%0: !x, %1: !w) -> !y {
  // expected-error @below {{disagrees with its rule: operand 1 dim 0 of size 6 is split by {"tp"}, and result 0 dim 1 of size 6, which goes with it, by {}}}
  %2 = fabric.linear %0, %1 : (!x, !w) -> !y
  return %2 : !y
}
}

// -----

#mesh = #dist.mesh<["tp"=2]>
!x = tensor<4xf32, #dist.sharding<#mesh, [{"tp"}]>>
!p = tensor<f32, #dist.sharding<#mesh, [], partial = max {"tp"}>>
!q = tensor<f32, #dist.sharding<#mesh, [], partial = sum {"tp"}>>
!r = tensor<f32, #dist.sharding<#mesh, []>>
module attributes {dist.mesh = #mesh} {
func.func @wrong_reduction(%0: !x) -> !r {
  // expected-error @below {{makes result 0 a partial sum over {"tp"}, but its type says max}}
  %1 = fabric.sum %0 dims = [0] : !x -> !p
  %2 = dist.all_reduce max %1 axes = {"tp"} : !p -> !r
  return %2 : !r
}
}
