// RUN: fabric-opt %s --exec-plan-memory -split-input-file -verify-diagnostics

// An update before the last read of the old value.
module {
  module @kernels {
    func.func private @f(tensor<16xf32> {exec.may_alias = array<i64: 0>}) -> tensor<16xf32>
    func.func private @g(tensor<16xf32>) -> tensor<16xf32>
  }
  func.func @late_reader(%p: tensor<16xf32>) -> (tensor<16xf32> {fabric.update_of = 0 : i64}, tensor<16xf32>) {
    // expected-error @below {{overwrites a value that is read later}}
    %a = exec.launch @kernels::@f(%p) ties = [0] : (tensor<16xf32>) -> tensor<16xf32>
    // expected-note @below {{the last to read it}}
    %b = exec.launch @kernels::@g(%p) ties = [-1] : (tensor<16xf32>) -> tensor<16xf32>
    return %a, %b : tensor<16xf32>, tensor<16xf32>
  }
}

// -----

// The same without a tie: the new value is copied in the end.
module {
  module @kernels {
    func.func private @f(tensor<16xf32> {exec.may_alias = array<i64: 0>}) -> tensor<16xf32>
    func.func private @g(tensor<16xf32>) -> tensor<16xf32>
  }
  func.func @copied(%p: tensor<16xf32>) -> (tensor<16xf32> {fabric.update_of = 0 : i64}, tensor<16xf32>) {
    // expected-remark @below {{is copied into argument #0, which others read after this is computed}}
    %a = exec.launch @kernels::@f(%p) ties = [-1] : (tensor<16xf32>) -> tensor<16xf32>
    %b = exec.launch @kernels::@g(%p) ties = [-1] : (tensor<16xf32>) -> tensor<16xf32>
    return %a, %b : tensor<16xf32>, tensor<16xf32>
  }
}

// -----

// Two arguments that change places.
// expected-error @below {{cannot update argument #0 by what another argument was before the step}}
func.func @swap(%a: tensor<4xf32>, %b: tensor<4xf32>) -> (tensor<4xf32> {fabric.update_of = 0 : i64}, tensor<4xf32> {fabric.update_of = 1 : i64}) {
  return %b, %a : tensor<4xf32>, tensor<4xf32>
}

// -----

// A new value of another type.
// expected-error @below {{expects result #0 to have the type of argument #0, found 'tensor<5xf32>' and 'tensor<4xf32>'}}
func.func @type(%a: tensor<4xf32>, %b: tensor<5xf32>) -> (tensor<5xf32> {fabric.update_of = 0 : i64}) {
  return %b : tensor<5xf32>
}

// -----

// What is no instruction.
func.func @other(%a: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{is not an instruction}}
  %0 = fabric.neg %a : tensor<4xf32>
  return %0 : tensor<4xf32>
}
