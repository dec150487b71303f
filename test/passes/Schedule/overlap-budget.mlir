// How far a gather runs ahead is a matter of the budget: twice as long as it
// takes, which is before everything; a quarter of that, before the sum, for what
// is before that needs all memory; not at all.
// RUN: fabric-opt %s --schedule-overlap="memory=fast" | FileCheck %s --check-prefix=ALL
// RUN: fabric-opt %s --schedule-overlap="memory=3840" | FileCheck %s --check-prefix=ALL
// RUN: fabric-opt %s --schedule-overlap="memory=3839" | FileCheck %s --check-prefix=SOME
// RUN: fabric-opt %s --schedule-overlap="memory=3328" | FileCheck %s --check-prefix=SOME
// RUN: fabric-opt %s --schedule-overlap="memory=3327" 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not fabric-opt %s --schedule-overlap="memory=much" 2>&1 | FileCheck %s --check-prefix=WRONG
// RUN: fabric-opt %s --schedule-overlap 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: fabric-check-values %s --pipeline="func.func(schedule-overlap{memory=3328})" --integers

// WRONG: error: {{.*}} memory must be min, fast or a number of bytes, found "much"
// REMARK: remark: {{.*}} runs beside what computes: sends 256 bytes, with work for as long as 652 bytes take
// NONE: remark: {{.*}} no collective runs beside what computes: the memory budget of 3327 bytes has no room for it

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
// ALL-LABEL: func.func @ahead(
// ALL-NEXT: dist.all_gather {{.*}} {dist.async}
// ALL-NEXT: fabric.silu
// SOME-LABEL: func.func @ahead(
// SOME-NEXT: fabric.silu
// SOME-NEXT: fabric.silu
// SOME-NEXT: dist.all_gather {{.*}} {dist.async}
// SOME-NEXT: fabric.sum
// NONE-NOT: dist.async
// NONE-LABEL: func.func @ahead(
// NONE-NEXT: fabric.silu
// NONE-NEXT: fabric.silu
// NONE-NEXT: fabric.sum
// NONE-NEXT: fabric.silu
// NONE-NEXT: dist.all_gather
// NONE-NOT: dist.async
func.func @ahead(%x: tensor<8x32xf32>, %w: tensor<8x8xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>})
    -> (tensor<16x8xf32>, tensor<8xf32>) {
  %a = fabric.silu %x : tensor<8x32xf32>
  %b = fabric.silu %a : tensor<8x32xf32>
  %c = fabric.sum %b dims = [1] : tensor<8x32xf32> -> tensor<8xf32>
  %d = fabric.silu %c : tensor<8xf32>
  %g = dist.all_gather %w dim = 0 axes = {"dp"} : tensor<8x8xf32> -> tensor<16x8xf32>
  %s = fabric.add %g, %g : tensor<16x8xf32>
  return %s, %d : tensor<16x8xf32>, tensor<8xf32>
}
}
