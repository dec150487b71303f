// RUN: fabric-opt %s -split-input-file -dist-set-mesh="dp=2 tp=4" -dist-pad-uneven -dist-assign-storage -dist-propagate -verify-diagnostics

// What cannot be honoured. A dim that an op needs as it is, is not padded.
func.func @input(
    // expected-error@+1 {{sharding of input "x": dim 0 of size 3 is not divided by axes {"tp"} of 4 parts; it cannot be padded}}
    %x: tensor<3x4xf32> {fabric.input = #fabric.input<"x">, dist.sharding = #dist.sharding<#dist.mesh<["tp"]>, [{"tp"}, {}]>})
    -> (tensor<4x3xf32> {fabric.result = "y"}) {
  // expected-note@+1 {{because 'fabric.reshape' needs its size}}
  %0 = fabric.reshape %x : tensor<3x4xf32> -> tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}

// -----

func.func @value(%x: tensor<3x4xf32> {fabric.input = #fabric.input<"x">}) -> (tensor<4x3xf32> {fabric.result = "y"}) {
  // expected-error@+1 {{constraint: dim 0 of size 3 is not divided by axes {"dp", "tp"} of 8 parts; it cannot be padded}}
  %0 = dist.constraint %x sharding = <#dist.mesh<["tp", "dp"]>, [{"dp", "tp"}, {}]> : tensor<3x4xf32>
  // expected-note@+1 {{because 'fabric.reshape' needs its size}}
  %1 = fabric.reshape %0 : tensor<3x4xf32> -> tensor<4x3xf32>
  return %1 : tensor<4x3xf32>
}

// -----

func.func @state(%w: tensor<8x4xf32> {fabric.param = #fabric.param<"w">},
    // expected-error@+1 {{state "exp_avg" is stored as its parameter "w", and cannot ask for another sharding}}
    %m: tensor<8x4xf32> {fabric.state = #fabric.state<"w", "exp_avg">, dist.sharding = #dist.sharding<#dist.mesh<["dp"]>, [{}, {}]>}) {
  return
}
