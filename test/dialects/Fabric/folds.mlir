// RUN: fabric-opt %s -canonicalize | FileCheck %s

// A cast to the same type is its operand.
// CHECK-LABEL: func.func @same_cast
// CHECK-SAME: (%[[A:.*]]: tensor
// CHECK-NEXT: return %[[A]]
func.func @same_cast(%a: tensor<4xf32>) -> tensor<4xf32> {
  %0 = fabric.cast %a : tensor<4xf32> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// A cast that rounds is not undone by the cast back.
// CHECK-LABEL: func.func @rounding_cast
// CHECK-COUNT-2: fabric.cast
func.func @rounding_cast(%a: tensor<4xf32>) -> tensor<4xf32> {
  %0 = fabric.cast %a : tensor<4xf32> -> tensor<4xbf16>
  %1 = fabric.cast %0 : tensor<4xbf16> -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// A reshape to the same shape is its operand.
// CHECK-LABEL: func.func @same_reshape
// CHECK-SAME: (%[[A:.*]]: tensor
// CHECK-NEXT: return %[[A]]
func.func @same_reshape(%a: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %0 = fabric.reshape %a : tensor<4x2xf32> -> tensor<4x2xf32>
  return %0 : tensor<4x2xf32>
}

// Equal constants are one.
// CHECK-LABEL: func.func @constants
// CHECK-COUNT-1: fabric.constant
// CHECK-NOT: fabric.constant
func.func @constants(%a: tensor<4xf32>) -> tensor<4xf32> {
  %0 = fabric.constant dense<2.0> : tensor<4xf32>
  %1 = fabric.constant dense<2.0> : tensor<4xf32>
  %2 = fabric.mul %a, %0 : tensor<4xf32>
  %3 = fabric.mul %2, %1 : tensor<4xf32>
  return %3 : tensor<4xf32>
}
