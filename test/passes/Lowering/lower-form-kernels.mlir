// RUN: fabric-opt %s --lower-form-kernels -split-input-file | FileCheck %s

// A chain is one kernel: nothing in between is stored. The function gets what it
// reads and gives what others need.
// CHECK-LABEL: func.func @kernel_0
// CHECK-SAME: (%[[A:.*]]: tensor<8x4xf32> {exec.may_alias = array<i64: 0>}, %[[B:.*]]: tensor<8x4xf32> {exec.may_alias = array<i64: 0>}) -> tensor<8x4xf32>
// CHECK: fabric.silu %[[A]]
// CHECK: fabric.mul
// CHECK-LABEL: func.func @chain
// CHECK-NEXT: %[[R:.*]] = exec.launch @kernels::@kernel_0(%arg0, %arg1) ties = [-1]
// CHECK-NEXT: return %[[R]]
func.func @chain(%a: tensor<8x4xf32>, %b: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %0 = fabric.silu %a : tensor<8x4xf32>
  %1 = fabric.mul %0, %b : tensor<8x4xf32>
  return %1 : tensor<8x4xf32>
}

// -----

// The gated SiLU's backward, as differentiation writes it, with a bias and casts
// in the way: one kernel, though the products of its first result come first.
// CHECK-COUNT-1: func.func @kernel_
// CHECK-LABEL: func.func @gated_silu_backward
// CHECK: %[[K:.*]]:2 = exec.launch @kernels::@kernel_0
// CHECK-NOT: exec.launch
// CHECK: exec.gemm %[[K]]#0
// CHECK: exec.gemm %[[K]]#1
// CHECK-NOT: exec.launch
// CHECK: return
func.func @gated_silu_backward(%x: tensor<8x4xbf16>, %a0: tensor<8x4xbf16>, %bias: tensor<4xbf16>, %c: tensor<8x4xbf16>, %dd: tensor<8x4xbf16>) -> (tensor<4x4xbf16>, tensor<4x4xbf16>) {
  %row = fabric.broadcast %bias dims = [1] : tensor<4xbf16> -> tensor<8x4xbf16>
  %a1 = fabric.add %a0, %row : tensor<8x4xbf16>
  %a = fabric.cast %a1 : tensor<8x4xbf16> -> tensor<8x4xf32>
  %b32 = fabric.silu %a : tensor<8x4xf32>
  %b = fabric.cast %b32 : tensor<8x4xf32> -> tensor<8x4xbf16>
  %db = fabric.mul %dd, %c : tensor<8x4xbf16>
  %dc = fabric.mul %dd, %b : tensor<8x4xbf16>
  %gw3 = exec.gemm %dc, %x batch = 1 m = 4 n = 4 k = 8 a = <leading = 4, transposed = true> b = <leading = 4> : (tensor<8x4xbf16>, tensor<8x4xbf16>) -> tensor<4x4xbf16>
  %s = fabric.sigmoid %a : tensor<8x4xf32>
  %ones = fabric.constant dense<1.0> : tensor<8x4xf32>
  %rest = fabric.sub %ones, %s : tensor<8x4xf32>
  %as = fabric.mul %a, %s : tensor<8x4xf32>
  %curve = fabric.mul %as, %rest : tensor<8x4xf32>
  %slope = fabric.add %s, %curve : tensor<8x4xf32>
  %db32 = fabric.cast %db : tensor<8x4xbf16> -> tensor<8x4xf32>
  %da32 = fabric.mul %db32, %slope : tensor<8x4xf32>
  %da = fabric.cast %da32 : tensor<8x4xf32> -> tensor<8x4xbf16>
  %gw1 = exec.gemm %da, %x batch = 1 m = 4 n = 4 k = 8 a = <leading = 4, transposed = true> b = <leading = 4> : (tensor<8x4xbf16>, tensor<8x4xbf16>) -> tensor<4x4xbf16>
  return %gw3, %gw1 : tensor<4x4xbf16>, tensor<4x4xbf16>
}

// -----

// An op cannot run past an instruction that needs it and before one that it
// needs: two kernels.
// CHECK-LABEL: func.func @across
// CHECK: %[[A:.*]] = exec.launch @kernels::@kernel_0
// CHECK: %[[B:.*]] = exec.gemm %[[A]]
// CHECK: exec.launch @kernels::@kernel_1(%[[A]], %[[B]])
func.func @across(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = fabric.silu %a : tensor<4x4xf32>
  %1 = exec.gemm %0, %0 batch = 1 m = 4 n = 4 k = 4 a = <leading = 4> b = <leading = 4> : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = fabric.mul %0, %1 : tensor<4x4xf32>
  return %2 : tensor<4x4xf32>
}

// -----

// Across an instruction, a kernel is not moved where that keeps more alive: the
// sum of two products is taken before the third, not after.
// CHECK-LABEL: func.func @memory
// CHECK: exec.gemm
// CHECK: exec.gemm
// CHECK: exec.launch
// CHECK: exec.gemm
// CHECK: exec.launch
func.func @memory(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = exec.gemm %a, %a batch = 1 m = 4 n = 4 k = 4 a = <leading = 4> b = <leading = 4> : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = exec.gemm %a, %0 batch = 1 m = 4 n = 4 k = 4 a = <leading = 4> b = <leading = 4> : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = fabric.mul %0, %1 : tensor<4x4xf32>
  %3 = exec.gemm %a, %a batch = 1 m = 4 n = 4 k = 4 a = <leading = 4> b = <leading = 4> : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %4 = fabric.mul %2, %3 : tensor<4x4xf32>
  return %4 : tensor<4x4xf32>
}

// -----

// What a later kernel can compute from what it reads anyway is not kept for it.
// CHECK-LABEL: func.func @kernel_0
// CHECK-SAME: -> tensor<4x4xf32> {
// CHECK: fabric.silu
// CHECK-LABEL: func.func @kernel_1
// CHECK: fabric.silu
// CHECK-LABEL: func.func @recompute
// CHECK: exec.launch @kernels::@kernel_0(%arg0, %arg1)
// CHECK: %[[G:.*]] = exec.gemm
// CHECK: exec.launch @kernels::@kernel_1(%arg0, %[[G]])
func.func @recompute(%a: tensor<4x4xf32>, %c: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = fabric.silu %a : tensor<4x4xf32>
  %1 = fabric.mul %0, %c : tensor<4x4xf32>
  %2 = exec.gemm %1, %1 batch = 1 m = 4 n = 4 k = 4 a = <leading = 4> b = <leading = 4> : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %3 = fabric.sigmoid %a : tensor<4x4xf32>
  %4 = fabric.mul %0, %3 : tensor<4x4xf32>
  %5 = fabric.mul %4, %2 : tensor<4x4xf32>
  return %5 : tensor<4x4xf32>
}

// -----

// A sum is the last op of its producer's kernel; what reads the sum is another.
// The producer's result may still be written over its operand, a sum never.
// CHECK-LABEL: func.func @kernel_0
// CHECK-SAME: (%{{.*}}: tensor<4x4xf32> {exec.may_alias = array<i64: 0>}) -> (tensor<4x4xf32>, tensor<4xf32>)
// CHECK: fabric.silu
// CHECK: fabric.sum
// CHECK-LABEL: func.func @kernel_1
// CHECK: fabric.neg
// CHECK-LABEL: func.func @sums
// CHECK-COUNT-2: exec.launch
func.func @sums(%a: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4xf32>) {
  %0 = fabric.silu %a : tensor<4x4xf32>
  %1 = fabric.sum %0 dims = [0] : tensor<4x4xf32> -> tensor<4xf32>
  %2 = fabric.neg %1 : tensor<4xf32>
  return %0, %2 : tensor<4x4xf32>, tensor<4xf32>
}

// -----

// A scalar that only a broadcast reads is computed in the broadcast's kernel.
// CHECK-LABEL: func.func @kernel_0
// CHECK-SAME: (%[[S:.*]]: tensor<f32>, %{{.*}}: tensor<4x4xf32> {exec.may_alias = array<i64: 0>}) -> tensor<4x4xf32>
// CHECK: fabric.mul %[[S]]
// CHECK: fabric.broadcast
// CHECK-LABEL: func.func @scalar
// CHECK-COUNT-1: exec.launch
func.func @scalar(%s: tensor<f32>, %a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %half = fabric.constant dense<0.5> : tensor<f32>
  %0 = fabric.mul %s, %half : tensor<f32>
  %1 = fabric.broadcast %0 dims = [] : tensor<f32> -> tensor<4x4xf32>
  %2 = fabric.mul %a, %1 : tensor<4x4xf32>
  return %2 : tensor<4x4xf32>
}

// -----

// Broadcasts and splats are stored only for those who cannot compute them.
// CHECK-LABEL: func.func @kernel_0
// CHECK-SAME: () -> tensor<4x4xf32>
// CHECK-LABEL: func.func @kernel_1
// CHECK: fabric.constant
// CHECK-LABEL: func.func @splat
// CHECK: %[[ONES:.*]] = exec.launch @kernels::@kernel_0()
// CHECK: exec.gemm %[[ONES]], %arg0
// CHECK: exec.launch @kernels::@kernel_1(%arg0)
func.func @splat(%a: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  %one = fabric.constant dense<1.0> : tensor<f32>
  %ones = fabric.broadcast %one dims = [] : tensor<f32> -> tensor<4x4xf32>
  %0 = exec.gemm %ones, %a batch = 1 m = 4 n = 4 k = 4 a = <leading = 4> b = <leading = 4> : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = fabric.add %a, %ones : tensor<4x4xf32>
  return %0, %1 : tensor<4x4xf32>, tensor<4x4xf32>
}

// -----

// A splat of the full shape that a product reads is filled by a kernel, too.
// CHECK-LABEL: func.func @full_splat
// CHECK: %[[ONES:.*]] = exec.launch @kernels::@kernel_0() ties = [-1] : () -> tensor<4x4xf32>
// CHECK: exec.gemm %[[ONES]], %arg0
func.func @full_splat(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %ones = fabric.constant dense<1.0> : tensor<4x4xf32>
  %0 = exec.gemm %ones, %a batch = 1 m = 4 n = 4 k = 4 a = <leading = 4> b = <leading = 4> : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----

// x + x^T reads every element at two places: no result may be written over it.
// CHECK-LABEL: func.func @kernel_0
// CHECK-SAME: (%{{[^:]*}}: tensor<4x4xf32>) -> tensor<4x4xf32>
func.func @two_places(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = fabric.transpose %a permutation = [1, 0] : tensor<4x4xf32> -> tensor<4x4xf32>
  %1 = fabric.add %a, %0 : tensor<4x4xf32>
  return %1 : tensor<4x4xf32>
}

// -----

// Two parameters of one shape: one function, launched twice, in place; two
// updates that share nothing but scalars are not one kernel.
// CHECK-COUNT-1: fabric.adamw
// CHECK-LABEL: func.func @updates
// CHECK: exec.launch @kernels::@kernel_0(%arg0, %arg1, %arg2, %arg3, %arg8, %arg9) ties = [0, 2, 3]
// CHECK: exec.launch @kernels::@kernel_0(%arg4, %arg5, %arg6, %arg7, %arg8, %arg9) ties = [0, 2, 3]
func.func @updates(%p: tensor<4xf32>, %g: tensor<4xf32>, %m: tensor<4xf32>, %v: tensor<4xf32>,
    %p2: tensor<4xf32>, %g2: tensor<4xf32>, %m2: tensor<4xf32>, %v2: tensor<4xf32>, %lr: tensor<f64>, %step: tensor<f64>)
    -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %0:3 = fabric.adamw %p, %g, %m, %v, lr = %lr, step = %step {beta1 = 0.9, beta2 = 0.999, eps = 1.0e-8, weight_decay = 0.01}
    : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<f64>, tensor<f64>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  %1:3 = fabric.adamw %p2, %g2, %m2, %v2, lr = %lr, step = %step {beta1 = 0.9, beta2 = 0.999, eps = 1.0e-8, weight_decay = 0.01}
    : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<f64>, tensor<f64>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  return %0#0, %0#1, %0#2, %1#0, %1#1, %1#2 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// A reader of a parameter may be part of its update, but is not moved past it,
// not even to the kernel that is its only user.
// CHECK-LABEL: func.func @hazard
// CHECK: %[[K:.*]]:4 = exec.launch @kernels::@kernel_0(%arg0, %arg1, %arg2, %arg3, %arg4, %arg5) ties = [-1, 0, 2, 3]
// CHECK: %[[G:.*]] = exec.gemm
// CHECK: exec.launch @kernels::@kernel_1(%[[K]]#0, %[[G]])
func.func @hazard(%p: tensor<4x4xf32>, %g: tensor<4x4xf32>, %m: tensor<4x4xf32>, %v: tensor<4x4xf32>, %lr: tensor<f64>, %step: tensor<f64>)
    -> (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) {
  %0 = fabric.neg %p : tensor<4x4xf32>
  %1:3 = fabric.adamw %p, %g, %m, %v, lr = %lr, step = %step {beta1 = 0.9, beta2 = 0.999, eps = 1.0e-8, weight_decay = 0.01}
    : (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<f64>, tensor<f64>) -> (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>)
  %2 = exec.gemm %1#0, %1#0 batch = 1 m = 4 n = 4 k = 4 a = <leading = 4> b = <leading = 4> : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %3 = fabric.mul %0, %2 : tensor<4x4xf32>
  return %1#0, %1#1, %1#2, %3 : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>
}

// -----

// An op that copies boxes is a kernel by itself, with an argument for each operand.
// CHECK-LABEL: func.func @kernel_0
// CHECK-SAME: (%[[A:.*]]: tensor<2x3xf32>, %[[B:.*]]: tensor<2x3xf32>) -> tensor<2x6xf32>
// CHECK-NEXT: fabric.concat %[[A]], %[[B]] dim = 1
// CHECK-NEXT: return
// CHECK-LABEL: func.func @parts
// CHECK: %[[S:.*]] = exec.launch @kernels::@kernel_1
// CHECK: exec.launch @kernels::@kernel_0(%[[S]], %[[S]]) ties = [-1]
// CHECK-NOT: fabric.slice
func.func @parts(%a: tensor<2x3xf32>) -> tensor<2x6xf32> {
  %0 = fabric.silu %a : tensor<2x3xf32>
  %1 = fabric.concat %0, %0 dim = 1 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x6xf32>
  return %1 : tensor<2x6xf32>
}

// -----

// The last kernel computes the product of the one before again. What both make
// it from still comes before both.
// CHECK-LABEL: func.func @copies_read_too
// CHECK: %[[S:.*]] = exec.launch @kernels::@kernel_0(%arg0)
// CHECK: exec.launch @kernels::@kernel_1(%[[S]])
// CHECK-COUNT-2: exec.gemm
// CHECK: exec.launch @kernels::@kernel_2(%[[S]], %{{.*}})
func.func @copies_read_too(%a: tensor<6xf32>, %c: tensor<4x6xf32>) -> (tensor<6x4xf32>, tensor<6x6xf32>) {
  %half = fabric.constant dense<5.000000e-01> : tensor<6x6xf32>
  %s = fabric.sub %a, %a : tensor<6xf32>
  %b = fabric.broadcast %s dims = [0] : tensor<6xf32> -> tensor<6x6xf32>
  %m = fabric.mul %b, %b : tensor<6x6xf32>
  %p = fabric.add %m, %half : tensor<6x6xf32>
  %q = fabric.pow %p {exponent = 2.500000e+00 : f64} : tensor<6x6xf32>
  %g = exec.gemm %q, %c batch = 1 m = 6 n = 4 k = 6 a = <leading = 6> b = <leading = 6, transposed = true> : (tensor<6x6xf32>, tensor<4x6xf32>) -> tensor<6x4xf32>
  %h = exec.gemm %g, %c batch = 1 m = 6 n = 6 k = 4 a = <leading = 4> b = <leading = 6> : (tensor<6x4xf32>, tensor<4x6xf32>) -> tensor<6x6xf32>
  %r = fabric.pow %p {exponent = 1.500000e+00 : f64} : tensor<6x6xf32>
  %t = fabric.mul %h, %r : tensor<6x6xf32>
  %u = fabric.mul %t, %b : tensor<6x6xf32>
  return %g, %u : tensor<6x4xf32>, tensor<6x6xf32>
}

// -----

// What reads the sums of a row is in the kernel that makes them, over and over;
// what there is one of for each row may be needed outside, too.
// CHECK-LABEL: func.func @kernel_0
// CHECK-SAME: -> (tensor<8xf32>, tensor<8x4xf32>, tensor<4xf32>)
// CHECK: fabric.sum {{.*}} dims = [1]
// CHECK: fabric.sum {{.*}} dims = [1]
// CHECK: fabric.sum {{.*}} dims = [0]
// CHECK-NOT: func.func @kernel_1
// CHECK-LABEL: func.func @rows
// CHECK-NEXT: %[[R:.*]]:3 = exec.launch @kernels::@kernel_0(%arg0, %arg1)
// CHECK-NEXT: return %[[R]]#1, %[[R]]#0, %[[R]]#2
func.func @rows(%x: tensor<8x4xf32>, %dy: tensor<8x4xf32>) -> (tensor<8x4xf32>, tensor<8xf32>, tensor<4xf32>) {
  %n = fabric.constant dense<0.25> : tensor<8xf32>
  %0 = fabric.sum %x dims = [1] : tensor<8x4xf32> -> tensor<8xf32>
  %mean = fabric.mul %0, %n : tensor<8xf32>
  %1 = fabric.broadcast %mean dims = [0] : tensor<8xf32> -> tensor<8x4xf32>
  %2 = fabric.sub %x, %1 : tensor<8x4xf32>
  %3 = fabric.mul %2, %2 : tensor<8x4xf32>
  %4 = fabric.sum %3 dims = [1] : tensor<8x4xf32> -> tensor<8xf32>
  %5 = fabric.rsqrt %4 : tensor<8xf32>
  %6 = fabric.broadcast %5 dims = [0] : tensor<8xf32> -> tensor<8x4xf32>
  %7 = fabric.mul %2, %6 : tensor<8x4xf32>
  %8 = fabric.mul %7, %dy : tensor<8x4xf32>
  %9 = fabric.sum %8 dims = [0] : tensor<8x4xf32> -> tensor<4xf32>
  return %7, %mean, %9 : tensor<8x4xf32>, tensor<8xf32>, tensor<4xf32>
}

// -----

// Columns do not lie in one piece: their sums are another kernel's.
// CHECK-LABEL: func.func @columns
// CHECK-COUNT-2: exec.launch
func.func @columns(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %0 = fabric.sum %x dims = [0] : tensor<8x4xf32> -> tensor<4xf32>
  %1 = fabric.broadcast %0 dims = [1] : tensor<4xf32> -> tensor<8x4xf32>
  %2 = fabric.sub %x, %1 : tensor<8x4xf32>
  return %2 : tensor<8x4xf32>
}

// -----

// The numbers of rows alone, of another tensor, are nothing to read it again for.
// CHECK-LABEL: func.func @nothing_shared
// CHECK-COUNT-2: exec.launch
func.func @nothing_shared(%x: tensor<8x4xf32>, %y: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %0 = fabric.sum %x dims = [1] : tensor<8x4xf32> -> tensor<8xf32>
  %1 = fabric.broadcast %0 dims = [0] : tensor<8xf32> -> tensor<8x4xf32>
  %2 = fabric.sub %y, %1 : tensor<8x4xf32>
  return %2 : tensor<8x4xf32>
}

// -----

// Sums over rows whose totals are too many for the stack.
// CHECK-LABEL: func.func @long_rows
// CHECK-COUNT-2: exec.launch
func.func @long_rows(%x: tensor<2x20000xf32>) -> tensor<20000xf32> {
  %0 = fabric.sum %x dims = [1] : tensor<2x20000xf32> -> tensor<2xf32>
  %1 = fabric.broadcast %0 dims = [0] : tensor<2xf32> -> tensor<2x20000xf32>
  %2 = fabric.sub %x, %1 : tensor<2x20000xf32>
  %3 = fabric.sum %2 dims = [0] : tensor<2x20000xf32> -> tensor<20000xf32>
  return %3 : tensor<20000xf32>
}
