// RUN: fabric-opt %s -split-input-file -dist-apply-shardings -verify-diagnostics

#mesh = #dist.mesh<["dp"=2, "tp"=4]>
module attributes {dist.mesh = #mesh} {
// expected-error@+1 {{sharding of parameter "w": axis "tp" splits dim 2, expected dim 0 or 1}}
func.func @dim(%w: tensor<4x4x4xf32> {fabric.param = #fabric.param<"w">, dist.sharding = #dist.sharding<#mesh, [{}, {}, {"tp"}]>}) {
  return
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=4]>
module attributes {dist.mesh = #mesh} {
// expected-error@+1 {{sharding of parameter "w": a part of axis "tp" splits dim 0, expected the whole axis}}
func.func @part(%w: tensor<4x4xf32> {fabric.param = #fabric.param<"w">, dist.sharding = #dist.sharding<#mesh, [{"tp":(1)2}, {}]>}) {
  return
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=4]>
module attributes {dist.mesh = #mesh} {
// expected-error@+1 {{sharding of parameter "w": disagrees with its style rowwise about axis "tp": #dist.sharding<#dist.mesh<["dp"=2, "tp"=4]>, [{"tp"}, {}]>}}
func.func @style(%w: tensor<4x4xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<rowwise>, dist.sharding = #dist.sharding<#mesh, [{"tp"}, {}]>}) {
  return
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=4]>
module attributes {dist.mesh = #mesh} {
func.func @update(%w: tensor<4x4xf32> {fabric.param = #fabric.param<"w">})
    -> (tensor<4x4xf32> {fabric.update_of = 0, dist.sharding = #dist.sharding<#mesh, [{"tp"}, {}]>}) {
  // expected-error@+1 {{sharding of result 0: it updates an argument, and is stored as that is}}
  %0 = fabric.neg %w : tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}
}
