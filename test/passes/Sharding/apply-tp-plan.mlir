// RUN: fabric-opt %s -dist-apply-tp-plan="plan=%S/Inputs/plan.json" | FileCheck %s
// RUN: fabric-opt %s -dist-apply-tp-plan | FileCheck %s --check-prefix=NONE

// Keys name modules, and a module's parameters take its style, or parameters.
// A glob stays between dots. The file overrides the model.

// NONE-COUNT-1: dist.tp =
// NONE-NOT: dist.tp =

module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
// CHECK-LABEL: func.func @globs
func.func @globs(
    // CHECK-SAME: dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"layers.0.feed_forward.w1.weight">
    %0: tensor<8x4xf32> {fabric.param = #fabric.param<"layers.0.feed_forward.w1.weight">},
    // CHECK-SAME: dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"layers.0.feed_forward.w1.bias">
    %1: tensor<8xf32> {fabric.param = #fabric.param<"layers.0.feed_forward.w1.bias">},
    // CHECK-SAME: dist.tp = #dist.tp<rowwise>, fabric.param = #fabric.param<"layers.10.feed_forward.w2.weight">
    %2: tensor<4x8xf32> {fabric.param = #fabric.param<"layers.10.feed_forward.w2.weight">, dist.tp = #dist.tp<colwise>},
    // CHECK-SAME: dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"layers.1.feed_forward.w3.weight">
    %3: tensor<8x4xf32> {fabric.param = #fabric.param<"layers.1.feed_forward.w3.weight">},
    // CHECK-SAME: {fabric.param = #fabric.param<"layers.0.feed_forward.w3.weight">}
    %4: tensor<8x4xf32> {fabric.param = #fabric.param<"layers.0.feed_forward.w3.weight">},
    // CHECK-SAME: dist.tp = #dist.tp<sequence>, fabric.param = #fabric.param<"norm.weight">
    %5: tensor<4xf32> {fabric.param = #fabric.param<"norm.weight">},
    // CHECK-SAME: dist.tp = #dist.tp<replicate>, fabric.param = #fabric.param<"output.weight">
    %6: tensor<8x4xf32> {fabric.param = #fabric.param<"output.weight">},
    // CHECK-SAME: {fabric.param = #fabric.param<"output.bias">}
    %7: tensor<8xf32> {fabric.param = #fabric.param<"output.bias">},
    // CHECK-SAME: {fabric.param = #fabric.param<"layers.0.deeper.feed_forward.w1.weight">}
    %8: tensor<8x4xf32> {fabric.param = #fabric.param<"layers.0.deeper.feed_forward.w1.weight">}) {
  return
}
}
