// How far a gather runs ahead is a matter of the budget: twice as long as it
// takes, which is before the second product; a quarter of that, before the third,
// for the second needs all memory; not at all.
// RUN: fabric-opt %s --schedule-overlap="memory=fast" | FileCheck %s --check-prefix=ALL
// RUN: fabric-opt %s --schedule-overlap="memory=8448" | FileCheck %s --check-prefix=ALL
// RUN: fabric-opt %s --schedule-overlap="memory=8447" | FileCheck %s --check-prefix=SOME
// RUN: fabric-opt %s --schedule-overlap="memory=7936" | FileCheck %s --check-prefix=SOME
// RUN: fabric-opt %s --schedule-overlap="memory=7935" 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not fabric-opt %s --schedule-overlap="memory=much" 2>&1 | FileCheck %s --check-prefix=WRONG
// RUN: fabric-opt %s --schedule-overlap 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: fabric-check-values %s --pipeline="func.func(schedule-overlap{memory=7936})" --integers

// WRONG: error: {{.*}} memory must be min, fast or a number of bytes, found "much"
// REMARK: remark: {{.*}} runs beside what computes: sends 256 bytes, with work for as long as 976 bytes take
// NONE: remark: {{.*}} no collective runs beside what computes: the memory budget of 7935 bytes has no room for it

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
// ALL-LABEL: func.func @ahead(
// ALL-NEXT: fabric.linear
// ALL-NEXT: dist.all_gather {{.*}} {dist.async}
// ALL-NEXT: fabric.linear
// SOME-LABEL: func.func @ahead(
// SOME-NEXT: fabric.linear
// SOME-NEXT: fabric.linear
// SOME-NEXT: dist.all_gather {{.*}} {dist.async}
// SOME-NEXT: fabric.linear
// NONE-NOT: dist.async
// NONE-LABEL: func.func @ahead(
// NONE-COUNT-3: fabric.linear
// NONE-NEXT: dist.all_gather
// NONE-NOT: dist.async
func.func @ahead(%x: tensor<8x32xf32>, %w: tensor<8x8xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %k: tensor<32x32xf32>, %l: tensor<4x32xf32>) -> (tensor<16x8xf32>, tensor<8x4xf32>) {
  %a = fabric.linear %x, %k : (tensor<8x32xf32>, tensor<32x32xf32>) -> tensor<8x32xf32>
  %b = fabric.linear %a, %k : (tensor<8x32xf32>, tensor<32x32xf32>) -> tensor<8x32xf32>
  %c = fabric.linear %b, %l : (tensor<8x32xf32>, tensor<4x32xf32>) -> tensor<8x4xf32>
  %g = dist.all_gather %w dim = 0 axes = {"dp"} : tensor<8x8xf32> -> tensor<16x8xf32>
  %s = fabric.add %g, %g : tensor<16x8xf32>
  return %s, %c : tensor<16x8xf32>, tensor<8x4xf32>
}
}
