// RUN: fabric-opt %s --lower-kernel-math | FileCheck %s
// RUN: fabric-opt %s --lower-kernel-math=fma=false | FileCheck %s --check-prefix=PLAIN

// Two factors of about half the exponent: no result overflows or vanishes early.

// CHECK-LABEL: func.func @exp(
// CHECK-NOT: math.exp
// CHECK: math.fma
// CHECK: %[[SUM:.*]] = arith.subi
// CHECK: %[[HALF:.*]] = arith.shrui %[[SUM]]
// CHECK: %[[REST:.*]] = arith.subi %[[SUM]], %[[HALF]]
// PLAIN-LABEL: func.func @exp(
// PLAIN-NOT: math.
func.func @exp(%x: vector<16xf32>) -> vector<16xf32> {
  %0 = math.exp %x : vector<16xf32>
  return %0 : vector<16xf32>
}

// Scalars give the same bits as vectors.

// CHECK-LABEL: func.func @scalar(
// CHECK-NOT: math.exp
func.func @scalar(%x: f64) -> f64 {
  %0 = math.exp %x : f64
  return %0 : f64
}

// CHECK-LABEL: func.func @bf16(
// CHECK-NOT: truncf
// CHECK-NOT: extf
// CHECK: arith.cmpf uno
// CHECK: return
func.func @bf16(%x: vector<16xf32>) -> vector<16xf32> {
  %0 = arith.truncf %x : vector<16xf32> to vector<16xbf16>
  %1 = arith.extf %0 : vector<16xbf16> to vector<16xf32>
  return %1 : vector<16xf32>
}
