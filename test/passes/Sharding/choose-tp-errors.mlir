// RUN: fabric-opt %s -split-input-file -dist-choose-tp -verify-diagnostics

// expected-error @below {{the module has no mesh; run dist-set-mesh}}
module {
func.func @no_mesh(%w: tensor<8x8xf32> {fabric.param = #fabric.param<"w">}) {
  return
}
}
