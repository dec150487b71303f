// RUN: fabric-opt %s -dist-apply-tp-plan="plan=%S/Inputs/sections.json" --mlir-print-local-scope | FileCheck %s

// Sections: shardings of inputs, results and values beside the styles, over any
// mesh with the module's axes; what "dp" does with parameters. The file overrides
// the model.

module {
// CHECK-LABEL: func.func @model
// CHECK-SAME: %[[X:[^:]*]]: tensor<8x4xf32> {dist.sharding = #dist.sharding<#dist.mesh<["dp", "tp"]>, [{"dp", "tp"}, {}]>, fabric.input
// CHECK-SAME: {dist.fsdp = #dist.fsdp<keep, dim = 1>, dist.tp = #dist.tp<colwise>, fabric.param = #fabric.param<"layers.0.w1.weight">}
// CHECK-SAME: {dist.sharding = #dist.sharding<#dist.mesh<["dp", "tp"]>, [{"dp"}, {"tp"}]>, fabric.param = #fabric.param<"layers.0.w2.weight">}
// CHECK-SAME: {dist.fsdp = #dist.fsdp<gather>, fabric.param = #fabric.param<"layers.1.norm.weight">}
// CHECK-SAME: -> (tensor<8x4xf32> {dist.sharding = #dist.sharding<#dist.mesh<["dp", "tp"]>, [{"dp"}, {}]>, fabric.result = "output"})
func.func @model(
    %x: tensor<8x4xf32> {fabric.input = #fabric.input<"x">},
    %w1: tensor<4x4xf32> {fabric.param = #fabric.param<"layers.0.w1.weight">},
    %w2: tensor<4x4xf32> {fabric.param = #fabric.param<"layers.0.w2.weight">, dist.tp = #dist.tp<colwise>, dist.fsdp = #dist.fsdp<keep>},
    %norm: tensor<4xf32> {fabric.param = #fabric.param<"layers.1.norm.weight">, dist.fsdp = #dist.fsdp<keep>})
    -> (tensor<8x4xf32> {fabric.result = "output"}) {
  // What leaves the ops of layers.0.w1: not the product, which only its own bias
  // reads.
  // CHECK: %[[A:.*]] = fabric.linear %[[X]]
  // CHECK-NEXT: %[[B:.*]] = fabric.neg %[[A]]
  // CHECK-NEXT: %[[C:.*]] = dist.constraint %[[B]] sharding = <#dist.mesh<["dp", "tp"]>, [{"dp"}, {"tp"}]> asked_by = "values key \22layers.0.w1\22"
  %0 = fabric.linear %x, %w1 : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32> loc("layers.0.w1"("model.py":1:1))
  %1 = fabric.neg %0 : tensor<8x4xf32> loc("layers.0.w1"("model.py":2:1))
  // CHECK-NEXT: %[[D:.*]] = fabric.silu %[[C]]
  %2 = fabric.silu %1 : tensor<8x4xf32> loc("layers.0"("model.py":3:1))
  // layers.0 ends in layers.0.w2, and what it uses itself is not constrained.
  // CHECK-NEXT: %[[E:.*]] = fabric.linear %[[D]]
  // CHECK-NEXT: %[[F:.*]] = dist.constraint %[[E]] sharding = <#dist.mesh<["dp", "tp"]>, [{}, {"dp"}]>
  // CHECK-NEXT: fabric.neg %[[E]]
  // CHECK-NEXT: return %[[F]]
  %3 = fabric.linear %2, %w2 : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32> loc("layers.0.w2"("model.py":4:1))
  %4 = fabric.neg %3 : tensor<8x4xf32> loc("layers.0"("model.py":5:1))
  return %3 : tensor<8x4xf32>
}
}
