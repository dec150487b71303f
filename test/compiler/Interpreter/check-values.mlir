// RUN: fabric-check-values %s --before=train --pipeline="train,canonicalize" --pipeline="fabric-differentiate,fabric-apply-optimizer" | FileCheck %s
// RUN: not fabric-check-values %s --pipeline=train | FileCheck %s --check-prefix=SIGNATURE
// RUN: not fabric-check-values %s --before=train --pipeline=train --tolerance=-1 | FileCheck %s --check-prefix=DIFFERS
// RUN: not fabric-check-values %s --pipeline=no-such-pass 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not fabric-check-values %s --function=h --pipeline=train 2>&1 | FileCheck %s --check-prefix=FUNCTION

// The tool of value tests: a line a result, for every module and pipeline; a
// result that differs fails.

// CHECK: @f, 1 device, train,canonicalize
// CHECK-NEXT: loss {{.*}} ok
// CHECK-NEXT: update of a {{.*}} ok
// CHECK-NEXT: update of a.exp_avg {{.*}} ok
// CHECK-NEXT: update of a.exp_avg_sq {{.*}} ok
// CHECK: @f, 1 device, fabric-differentiate,fabric-apply-optimizer
// CHECK: @g, 1 device, train,canonicalize
// CHECK-NEXT: loss {{.*}} ok
// CHECK-NEXT: grad.a {{.*}} ok

// SIGNATURE: results differ: expected [loss], found [loss, update of a, update of a.exp_avg, update of a.exp_avg_sq]; see --before
// DIFFERS: loss {{.*}} DIFFERS
// UNKNOWN: 'no-such-pass' does not refer to a registered pass
// FUNCTION: error: 'builtin.module' op has no function h

module attributes {fabric.train = #fabric.train<adamw>} {
func.func @f(%a: tensor<2xf32> {fabric.param = #fabric.param<"a">}) -> (tensor<f32> {fabric.result = "loss"}) {
  %0 = fabric.silu %a : tensor<2xf32>
  %1 = fabric.sum %0 dims = [0] : tensor<2xf32> -> tensor<f32>
  return %1 : tensor<f32>
}
}

// -----

module attributes {fabric.train = #fabric.train<gradients>} {
func.func @g(%a: tensor<2xf32> {fabric.param = #fabric.param<"a">}) -> (tensor<f32> {fabric.result = "loss"}) {
  %0 = fabric.sum %a dims = [0] : tensor<2xf32> -> tensor<f32>
  return %0 : tensor<f32>
}
}
