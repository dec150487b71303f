// RUN: fabric-opt %s --schedule-regather="memory=2147483647" | FileCheck %s --check-prefix=KEEP
// RUN: fabric-opt %s --schedule-regather="memory=2272" --schedule-verify | FileCheck %s --check-prefix=LARGEST
// RUN: fabric-opt %s --schedule-regather="memory=2271" --schedule-verify | FileCheck %s --check-prefix=BOTH
// RUN: not fabric-opt %s --schedule-regather="memory=2143" 2>&1 | FileCheck %s --check-prefix=ERROR
// RUN: not fabric-opt %s --schedule-regather="memory=0" 2>&1 | FileCheck %s --check-prefix=ERROR
// RUN: fabric-opt %s --schedule-regather="memory=2144" --schedule-verify | FileCheck %s --check-prefix=BOTH
// RUN: not fabric-opt %s --schedule-regather="memory=lots" 2>&1 | FileCheck %s --check-prefix=SYNTAX
// RUN: not fabric-opt %s --schedule-regather="memory=-5" 2>&1 | FileCheck %s --check-prefix=SYNTAX
// RUN: fabric-check-values %s --pipeline="func.func(schedule-regather{memory=2271})" --integers

// A budget ends stays, the largest at the peak first, until it is kept; the
// message says what would do. ERROR and the smallest budget that works agree.

// ERROR: error: {{.*}}regather-budget.mlir:31:1: does not fit into the memory budget of {{.*}} bytes: one rank needs 2144 bytes
// SYNTAX: error: {{.*}}regather-budget.mlir:31:1: memory must be min, fast or a number of bytes, found

// KEEP-COUNT-3: dist.all_gather
// KEEP-NOT: dist.all_gather

// LARGEST-COUNT-3: dist.all_gather
// LARGEST: dist.all_gather %arg2
// LARGEST-NOT: dist.all_gather

// BOTH-COUNT-3: dist.all_gather
// BOTH: dist.all_gather %arg2
// BOTH: dist.all_gather %arg1
// BOTH-NOT: dist.all_gather

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
func.func @three_layers(%x: tensor<2x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %w1: tensor<4x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %w2: tensor<8x8xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %w3: tensor<8x16xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>})
    -> (tensor<2x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}) {
  %g1 = dist.all_gather %w1 dim = 0 axes = {"dp"} : tensor<4x4xf32> -> tensor<8x4xf32>
  %a = fabric.linear %x, %g1 : (tensor<2x4xf32>, tensor<8x4xf32>) -> tensor<2x8xf32>
  %g2 = dist.all_gather %w2 dim = 0 axes = {"dp"} : tensor<8x8xf32> -> tensor<16x8xf32>
  %b = fabric.linear %a, %g2 : (tensor<2x8xf32>, tensor<16x8xf32>) -> tensor<2x16xf32>
  %g3 = dist.all_gather %w3 dim = 0 axes = {"dp"} : tensor<8x16xf32> -> tensor<16x16xf32>
  %c = fabric.linear %b, %g3 : (tensor<2x16xf32>, tensor<16x16xf32>) -> tensor<2x16xf32>
  %db = fabric.contract %c, %g3 batch = [] x [] contract = [1] x [0] : (tensor<2x16xf32>, tensor<16x16xf32>) -> tensor<2x16xf32>
  %da = fabric.contract %db, %g2 batch = [] x [] contract = [1] x [0] : (tensor<2x16xf32>, tensor<16x8xf32>) -> tensor<2x8xf32>
  %dx = fabric.contract %da, %g1 batch = [] x [] contract = [1] x [0] : (tensor<2x8xf32>, tensor<8x4xf32>) -> tensor<2x4xf32>
  return %dx : tensor<2x4xf32>
}
}
