// RUN: fabric-opt %s --lower-kernel-math=functions --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @expanded
// CHECK-NOT:   math.{{erf|tanh|log|powf|exp}}
// CHECK:       return
func.func @expanded(%x: f32, %y: vector<4xf64>) -> (f32, f32, vector<4xf64>, vector<4xf64>) {
  %0 = math.erf %x : f32
  %1 = math.tanh %0 : f32
  %2 = math.log %y : vector<4xf64>
  %3 = math.powf %2, %y : vector<4xf64>
  return %0, %1, %2, %3 : f32, f32, vector<4xf64>, vector<4xf64>
}

// -----

// There is no library to call.
func.func @unknown(%x: f32) -> f32 {
  // expected-error@+1 {{'math.sin' op has no instructions that compute it on this target}}
  %0 = math.sin %x : f32
  return %0 : f32
}
