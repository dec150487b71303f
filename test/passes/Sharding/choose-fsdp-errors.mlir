// RUN: fabric-opt %s -split-input-file -dist-choose-fsdp -dist-assign-storage -verify-diagnostics
// RUN: not fabric-opt %s --shard="fsdp=never" 2>&1 | FileCheck %s

// CHECK: for the --fsdp option: Cannot find option named 'never'!

// expected-error@+1 {{the module has no mesh; run dist-set-mesh}}
module {}

// -----

module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
// expected-error@+1 {{parameter "w": #dist.fsdp<keep, dim = 0> splits dim 0 of 'tensor<6x4xf32>', which axis "dp" of size 2 does not divide}}
func.func @f(%w: tensor<6x4xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<colwise>, dist.fsdp = #dist.fsdp<keep, dim = 0>}) {
  return
}
}
