// RUN: fabric-opt %s -split-input-file --dist-reshard-to-collectives | FileCheck %s
// RUN: fabric-check-values %s --pipeline="dist-reshard-to-collectives" --integers
// RUN: fabric-check-values %s --pipeline="dist-reshard-to-collectives,dist-localise" --integers
// RUN: fabric-check-values %s --pipeline="partition" --integers

#mesh = #dist.mesh<["dp"=2, "tp"=4]>
!a = tensor<16x8xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>>
!b = tensor<16x8xf32, #dist.sharding<#mesh, [{"tp"}, {}]>>
!c = tensor<16x8xf32, #dist.sharding<#mesh, [{}, {"tp"}]>>
!d = tensor<16x8xf32, #dist.sharding<#mesh, [{"dp", "tp"}, {}]>>
module attributes {dist.mesh = #mesh} {
// From storage to compute: a gather of the minor axis. Rows to columns: an
// exchange. To give up a major axis, what is minor to it moves too.
// CHECK-LABEL: func.func @split_to_split
// CHECK-NEXT: %[[B:.+]] = dist.all_gather %{{.+}} dim = 0 axes = {"dp"} : tensor<16x8xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>> -> tensor<16x8xf32, #dist.sharding<#mesh, [{"tp"}, {}]>>
// CHECK-NEXT: %[[C:.+]] = dist.all_to_all %[[B]] split_dim = 1 concat_dim = 0 axes = {"tp"} : tensor<16x8xf32, #dist.sharding<#mesh, [{"tp"}, {}]>> -> tensor<16x8xf32, #dist.sharding<#mesh, [{}, {"tp"}]>>
// CHECK-NEXT: %[[S:.+]] = dist.all_slice %[[C]] dim = 0 axes = {"dp"}
// CHECK-NEXT: %[[D:.+]] = dist.all_to_all %[[S]] split_dim = 0 concat_dim = 1 axes = {"tp"}
// CHECK-NEXT: return %[[D]]
func.func @split_to_split(%0: !a) -> (!d {fabric.result = "d"}) {
  %1 = dist.reshard %0 : !a -> !b
  %2 = dist.reshard %1 : !b -> !c
  %3 = dist.reshard %2 : !c -> !d
  return %3 : !d
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
!x  = tensor<4x8x6xf32, #dist.sharding<#mesh, [{"dp", "tp"}, {}, {}]>>
!p  = tensor<8x6xf32, #dist.sharding<#mesh, [{}, {}], partial = sum {"dp", "tp"}>>
!q  = tensor<8x6xf32, #dist.sharding<#mesh, [{}, {}], partial = sum {"tp"}>>
!r  = tensor<8x6xf32, #dist.sharding<#mesh, [{}, {}]>>
!s  = tensor<8x6xf32, #dist.sharding<#mesh, [{"tp"}, {"dp"}]>>
module attributes {dist.mesh = #mesh} {
// Terms are reduced in part, in full, and into blocks.
// CHECK-LABEL: func.func @terms
// CHECK-NEXT: %[[P:.+]] = fabric.sum
// CHECK-NEXT: %[[Q:.+]] = dist.all_reduce sum %[[P]] axes = {"dp"} : {{.+}} -> tensor<8x6xf32, #dist.sharding<#mesh, [{}, {}], partial = sum {"tp"}>>
// CHECK-NEXT: %[[R:.+]] = dist.all_reduce sum %[[Q]] axes = {"tp"}
// CHECK-NEXT: %[[S:.+]] = dist.reduce_scatter sum %[[P]] dim = 0 axes = {"tp"}
// CHECK-NEXT: %[[T:.+]] = dist.reduce_scatter sum %[[S]] dim = 1 axes = {"dp"}
// CHECK-NEXT: return %[[R]], %[[T]]
func.func @terms(%x: !x) -> (!r {fabric.result = "r"}, !s {fabric.result = "s"}) {
  %p = fabric.sum %x dims = [0] : !x -> !p
  %q = dist.reshard %p : !p -> !q
  %r = dist.reshard %q : !q -> !r
  %s = dist.reshard %p : !p -> !s
  return %r, %s : !r, !s
}
}

// -----

#mesh = #dist.mesh<["dp"=1, "tp"=4]>
!a = tensor<16x8xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>>
!b = tensor<16x8xf32, #dist.sharding<#mesh, [{"tp"}, {"dp"}]>>
!c = tensor<16x8xf32, #dist.sharding<#mesh, [{"tp":(1)2, "tp":(2)2}, {}]>>
module attributes {dist.mesh = #mesh} {
// Axes of size 1 and other spellings of one placement make no collectives,
// and leave one type.
// CHECK-LABEL: func.func @spellings
// CHECK-SAME: (%[[A:.+]]: tensor<16x8xf32, #dist.sharding<#mesh, [{"tp"}, {}]>>
// CHECK-SAME: -> (tensor<16x8xf32, #dist.sharding<#mesh, [{"tp"}, {}]>>
// CHECK-NEXT: return %[[A]]
func.func @spellings(%0: !a) -> (!c {fabric.result = "c"}) {
  %1 = dist.reshard %0 : !a -> !b
  %2 = dist.reshard %1 : !b -> !c
  return %2 : !c
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=4]>
!a = tensor<8x4xf32, #dist.sharding<#mesh, [{"tp"}, {}]>>
!b = tensor<8x4xf32, #dist.sharding<#mesh, [{"tp":(1)2}, {"tp":(2)2}]>>
module attributes {dist.mesh = #mesh} {
// A part of an axis moves alone.
// CHECK-LABEL: func.func @sub_axis
// CHECK-NEXT: dist.all_to_all %{{.+}} split_dim = 1 concat_dim = 0 axes = {"tp":(2)2}
// CHECK-NEXT: return
func.func @sub_axis(%0: !a) -> (!b {fabric.result = "b"}) {
  %1 = dist.reshard %0 : !a -> !b
  return %1 : !b
}
}

// -----

#mesh = #dist.mesh<["dp"=3, "tp"=2]>
!a = tensor<6x4xf64, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>>
!b = tensor<6x4xf64, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
module attributes {dist.mesh = #mesh} {
// Dim 1 cannot be cut in three: exchanges over "dp" are no option.
// CHECK-LABEL: func.func @odd
// CHECK-NEXT: dist.all_gather %{{.+}} dim = 0 axes = {"dp"}
// CHECK-NEXT: dist.all_to_all %{{.+}} split_dim = 1 concat_dim = 0 axes = {"tp"}
// CHECK-NEXT: dist.all_slice %{{.+}} dim = 0 axes = {"dp"}
func.func @odd(%0: !a) -> (!b {fabric.result = "b"}) {
  %1 = dist.reshard %0 : !a -> !b
  return %1 : !b
}
}
