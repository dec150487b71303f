// RUN: fabric-opt %s -verify-diagnostics --fabric-widen-reductions="dtype=f64"

// expected-error@+1 {{dtype must be f32 or bf16, found f64}}
func.func @f(%a: tensor<2xf32>) -> tensor<2xf32> {
  return %a : tensor<2xf32>
}
