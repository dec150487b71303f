// RUN: fabric-opt %s -fabric-name-arguments | FileCheck %s
// RUN: fabric-opt %s -fabric-name-arguments -mlir-print-debuginfo | FileCheck %s --check-prefix=LOC

// Every argument with a role is printed under its name.

// CHECK: func.func @model(%x: {{.*}}, %layers.0.weight: {{.*}}, %layers.0.weight.exp_avg: {{.*}}, %lr: {{.*}})
// LOC-DAG: loc("layers.0.weight"(#{{.*}}))
// LOC-DAG: loc("layers.0.weight.exp_avg"(#{{.*}}))
// LOC-DAG: loc("{{.*}}name-arguments.mlir":{{[0-9]+}}:5)
func.func @model(
    %a: tensor<4xf32> {fabric.input = #fabric.input<"x">},
    %b: tensor<4xf32> {fabric.param = #fabric.param<"layers.0.weight">},
    %c: tensor<4xf32> {fabric.state = #fabric.state<"layers.0.weight", "exp_avg">},
    %d: tensor<f64> {fabric.scalar = #fabric.scalar<"lr", 0.1>}) -> tensor<4xf32> {
  return %a : tensor<4xf32>
}
