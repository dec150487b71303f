// RUN: fabric-opt %s -split-input-file --schedule-overlap --schedule-verify | FileCheck %s
// RUN: fabric-opt %s -split-input-file --schedule-overlap="memory=min" | FileCheck %s --check-prefix=MIN
// RUN: fabric-check-values %s --pipeline="func.func(schedule-overlap,schedule-verify)" --integers

// Nothing is marked, and nothing moves, with `min`.
// MIN-NOT: dist.async
// MIN-LABEL: func.func @two_layers(
// MIN: dist.all_gather
// MIN-NEXT: fabric.linear
// MIN-NEXT: fabric.silu
// MIN-NEXT: dist.all_gather
// MIN-NOT: dist.async

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
// The second weight is on its way while the first is used: half of what is sent
// takes longer than what is computed, so that it starts at once, but behind the
// first, which is needed first.
// CHECK-LABEL: func.func @two_layers(
// CHECK-SAME: %[[X:[^:]+]]: {{.+}}, %[[W1:[^:]+]]: {{.+}}, %[[W2:[^:]+]]: tensor
// CHECK-NEXT: %[[G1:.+]] = dist.all_gather %[[W1]] {{.*}} {dist.async}
// CHECK-NEXT: %[[G2:.+]] = dist.all_gather %[[W2]] {{.*}} {dist.async}
// CHECK-NEXT: %[[A:.+]] = fabric.linear %[[X]], %[[G1]]
// CHECK-NEXT: %[[B:.+]] = fabric.silu %[[A]]
// CHECK-NEXT: fabric.linear %[[B]], %[[G2]]
func.func @two_layers(%x: tensor<2x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %w1: tensor<32x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %w2: tensor<32x64xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>})
    -> (tensor<2x64xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}) {
  %g1 = dist.all_gather %w1 dim = 0 axes = {"dp"} : tensor<32x4xf32> -> tensor<64x4xf32>
  %a = fabric.linear %x, %g1 : (tensor<2x4xf32>, tensor<64x4xf32>) -> tensor<2x64xf32>
  %b = fabric.silu %a : tensor<2x64xf32>
  %g2 = dist.all_gather %w2 dim = 0 axes = {"dp"} : tensor<32x64xf32> -> tensor<64x64xf32>
  %c = fabric.linear %b, %g2 : (tensor<2x64xf32>, tensor<64x64xf32>) -> tensor<2x64xf32>
  return %c : tensor<2x64xf32>
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
// A collective starts no earlier than its time asks for: 64 bytes, twice, are
// sent while the last product runs, which touches 6,144 bytes, for as long as 768
// are sent. What it is cast from comes with it, what is made of the result does
// not.
// CHECK-LABEL: func.func @no_earlier_than_needed(
// CHECK-NEXT: fabric.linear
// CHECK-NEXT: fabric.linear
// CHECK-NEXT: %[[C:.+]] = fabric.cast %arg1
// CHECK-NEXT: %[[G:.+]] = dist.all_gather %[[C]] {{.*}} {dist.async}
// CHECK-NEXT: fabric.linear
// CHECK-NEXT: %[[W:.+]] = fabric.cast %[[G]]
// CHECK-NEXT: fabric.add %{{.+}}, %[[W]]
func.func @no_earlier_than_needed(%x: tensor<8x32xf32>, %w: tensor<4x8xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}, %k: tensor<32x32xf32>)
    -> (tensor<8x8xf32>, tensor<8x32xf32>) {
  %a = fabric.linear %x, %k : (tensor<8x32xf32>, tensor<32x32xf32>) -> tensor<8x32xf32>
  %b = fabric.linear %a, %k : (tensor<8x32xf32>, tensor<32x32xf32>) -> tensor<8x32xf32>
  %c = fabric.linear %b, %k : (tensor<8x32xf32>, tensor<32x32xf32>) -> tensor<8x32xf32>
  %n = fabric.cast %w : tensor<4x8xf32> -> tensor<4x8xbf16>
  %g = dist.all_gather %n dim = 0 axes = {"dp"} : tensor<4x8xbf16> -> tensor<8x8xbf16>
  %v = fabric.cast %g : tensor<8x8xbf16> -> tensor<8x8xf32>
  %s = fabric.add %v, %v : tensor<8x8xf32>
  return %s, %c : tensor<8x8xf32>, tensor<8x32xf32>
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
// However slow it is, no more than two of a stream are ahead: the third starts
// when the first is read, the fourth when the second is.
// CHECK-LABEL: func.func @no_more_than_two_ahead(
// CHECK-NEXT: dist.all_gather %arg1
// CHECK-NEXT: dist.all_gather %arg2
// CHECK-NEXT: fabric.linear
// CHECK-NEXT: dist.all_gather %arg3
// CHECK-NEXT: fabric.linear
// CHECK-NEXT: dist.all_gather %arg4
// CHECK-NEXT: fabric.linear
// CHECK-NEXT: fabric.linear
func.func @no_more_than_two_ahead(%x: tensor<2x64xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %w1: tensor<32x64xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}, %w2: tensor<32x64xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>},
    %w3: tensor<32x64xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}, %w4: tensor<32x64xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>})
    -> (tensor<2x64xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}) {
  %g1 = dist.all_gather %w1 dim = 0 axes = {"dp"} : tensor<32x64xf32> -> tensor<64x64xf32>
  %a = fabric.linear %x, %g1 : (tensor<2x64xf32>, tensor<64x64xf32>) -> tensor<2x64xf32>
  %g2 = dist.all_gather %w2 dim = 0 axes = {"dp"} : tensor<32x64xf32> -> tensor<64x64xf32>
  %b = fabric.linear %a, %g2 : (tensor<2x64xf32>, tensor<64x64xf32>) -> tensor<2x64xf32>
  %g3 = dist.all_gather %w3 dim = 0 axes = {"dp"} : tensor<32x64xf32> -> tensor<64x64xf32>
  %c = fabric.linear %b, %g3 : (tensor<2x64xf32>, tensor<64x64xf32>) -> tensor<2x64xf32>
  %g4 = dist.all_gather %w4 dim = 0 axes = {"dp"} : tensor<32x64xf32> -> tensor<64x64xf32>
  %d = fabric.linear %c, %g4 : (tensor<2x64xf32>, tensor<64x64xf32>) -> tensor<2x64xf32>
  return %d : tensor<2x64xf32>
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh, dist.partitioned} {
// What is needed at once gets no stream: the sums over "tp". A slice sends
// nothing.
// CHECK-LABEL: func.func @nothing_beside(
// CHECK-NOT: dist.async
func.func @nothing_beside(%x: tensor<8x8xf32>)
    -> (tensor<4x8xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}) {
  %a = fabric.silu %x : tensor<8x8xf32>
  %b = dist.all_reduce sum %a axes = {"tp"} : tensor<8x8xf32>
  %c = fabric.silu %b : tensor<8x8xf32>
  %d = dist.all_reduce sum %c axes = {"tp"} : tensor<8x8xf32>
  %e = dist.all_slice %d dim = 0 axes = {"dp"} : tensor<8x8xf32> -> tensor<4x8xf32>
  return %e : tensor<4x8xf32>
}
}
