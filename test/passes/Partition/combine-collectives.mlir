// RUN: fabric-opt %s -split-input-file --dist-combine-collectives | FileCheck %s
// RUN: fabric-check-values %s --integers --pipeline="dist-combine-collectives" --pipeline="dist-localise" --pipeline="dist-combine-collectives,dist-localise"

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
!x  = tensor<4x8x6xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}, {}]>>
!p  = tensor<8x6xf32, #dist.sharding<#mesh, [{}, {}], partial = sum {"dp", "tp"}>>
!q  = tensor<8x6xf32, #dist.sharding<#mesh, [{}, {}], partial = sum {"tp"}>>
!r  = tensor<8x6xf32, #dist.sharding<#mesh, [{}, {}]>>
!s  = tensor<8x6xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
module attributes {dist.mesh = #mesh} {
// An all-reduce of which a slice is used is a reduce-scatter; what else it
// reduces, it reduces on the block.
// CHECK-LABEL: func.func @slice_of_all_reduce
// CHECK-NEXT: %[[P:.+]] = fabric.sum
// CHECK-NEXT: %[[S:.+]] = dist.reduce_scatter sum %[[P]] dim = 0 axes = {"dp"}
// CHECK-NEXT: %[[R:.+]] = dist.all_reduce sum %[[S]] axes = {"tp"}
// CHECK-NEXT: return %[[R]]
func.func @slice_of_all_reduce(%x: !x) -> (!s {fabric.result = "s"}) {
  %0 = fabric.sum %x dims = [0] : !x -> !p
  %1 = dist.all_reduce sum %0 axes = {"dp", "tp"} : !p -> !r
  %2 = dist.all_slice %1 dim = 0 axes = {"dp"} : !r -> !s
  return %2 : !s
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
!x  = tensor<2x8x6xf32, #dist.sharding<#mesh, [{"dp"}, {}, {}]>>
!p  = tensor<8x6xf32, #dist.sharding<#mesh, [{}, {}], partial = sum {"dp"}>>
!r  = tensor<8x6xf32, #dist.sharding<#mesh, [{}, {}]>>
!s  = tensor<8x6xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
module attributes {dist.mesh = #mesh} {
// Where all of it is needed as well, the slice is free.
// CHECK-LABEL: func.func @all_reduce_with_other_users
// CHECK: %[[R:.+]] = dist.all_reduce sum
// CHECK-NEXT: %[[S:.+]] = dist.all_slice %[[R]]
// CHECK-NEXT: return %[[R]], %[[S]]
func.func @all_reduce_with_other_users(%x: !x) -> (!r {fabric.result = "r"}, !s {fabric.result = "s"}) {
  %0 = fabric.sum %x dims = [0] : !x -> !p
  %1 = dist.all_reduce sum %0 axes = {"dp"} : !p -> !r
  %2 = dist.all_slice %1 dim = 0 axes = {"dp"} : !r -> !s
  return %1, %2 : !r, !s
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
!b  = tensor<8x6xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>>
!t  = tensor<8x6xf32, #dist.sharding<#mesh, [{"tp"}, {}]>>
!r  = tensor<8x6xf32, #dist.sharding<#mesh, [{}, {}]>>
module attributes {dist.mesh = #mesh} {
// A slice of a gather is the block that was there before, in whole or with less
// of it gathered; also where the gather has other users.
// CHECK-LABEL: func.func @slice_of_gather
// CHECK-SAME: (%[[B:.+]]: tensor
// CHECK-NEXT: %[[R:.+]] = dist.all_gather %[[B]] dim = 0 axes = {"tp", "dp"}
// CHECK-NEXT: %[[N:.+]] = fabric.neg %[[B]]
// CHECK-NEXT: return %[[R]], %[[N]]
func.func @slice_of_gather(%b: !b) -> (!r {fabric.result = "r"}, !b {fabric.result = "b"}) {
  %0 = dist.all_gather %b dim = 0 axes = {"tp", "dp"} : !b -> !r
  %1 = dist.all_slice %0 dim = 0 axes = {"tp", "dp"} : !r -> !b
  %2 = fabric.neg %1 : !b
  return %0, %2 : !r, !b
}
// CHECK-LABEL: func.func private @smaller_gather
// CHECK-NEXT: %[[T:.+]] = dist.all_gather %{{.+}} dim = 0 axes = {"dp"}
// CHECK-NEXT: return %[[T]]
func.func private @smaller_gather(%b: !b) -> (!t {fabric.result = "t"}) {
  %0 = dist.all_gather %b dim = 0 axes = {"tp", "dp"} : !b -> !r
  %1 = dist.all_slice %0 dim = 0 axes = {"tp"} : !r -> !t
  return %1 : !t
}
// CHECK-LABEL: func.func private @gather_of_slice
// CHECK-SAME: (%[[T:.+]]: tensor
// CHECK-NEXT: return %[[T]]
func.func private @gather_of_slice(%t: !t) -> (!t {fabric.result = "t"}) {
  %0 = dist.all_slice %t dim = 0 axes = {"dp"} : !t -> !b
  %1 = dist.all_gather %0 dim = 0 axes = {"dp"} : !b -> !t
  return %1 : !t
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
!a  = tensor<8x6xf32, #dist.sharding<#mesh, [{"tp"}, {}]>>
!b  = tensor<8x6xf32, #dist.sharding<#mesh, [{}, {"tp"}]>>
!c  = tensor<8x6xf32, #dist.sharding<#mesh, [{}, {}]>>
module attributes {dist.mesh = #mesh} {
// Gather and slice of another dim are an exchange; there and back is nothing.
// CHECK-LABEL: func.func @long_chain
// CHECK-SAME: (%[[A:.+]]: tensor
// CHECK-NEXT: return %[[A]]
func.func @long_chain(%a: !a) -> (!a {fabric.result = "a"}) {
  %0 = dist.all_gather %a dim = 0 axes = {"tp"} : !a -> !c
  %1 = dist.all_slice %0 dim = 1 axes = {"tp"} : !c -> !b
  %2 = dist.all_to_all %1 split_dim = 0 concat_dim = 1 axes = {"tp"} : !b -> !a
  return %2 : !a
}
// CHECK-LABEL: func.func private @exchange
// CHECK-NEXT: dist.all_to_all %{{.+}} split_dim = 1 concat_dim = 0 axes = {"tp"}
// CHECK-NEXT: return
func.func private @exchange(%a: !a) -> (!b {fabric.result = "b"}) {
  %0 = dist.all_gather %a dim = 0 axes = {"tp"} : !a -> !c
  %1 = dist.all_slice %0 dim = 1 axes = {"tp"} : !c -> !b
  return %1 : !b
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
!x  = tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"}]>>
!p  = tensor<8xf32, #dist.sharding<#mesh, [{"dp"}], partial = sum {"tp"}>>
!r  = tensor<8xf32, #dist.sharding<#mesh, [{"dp"}]>>
module attributes {dist.mesh = #mesh} {
// Three terms that meet in adds are reduced once.
// CHECK-LABEL: func.func @add_terms_first
// CHECK-COUNT-3: fabric.sum
// CHECK-NEXT: %[[A:.+]] = fabric.add
// CHECK-NEXT: %[[B:.+]] = fabric.sub %[[A]]
// CHECK-NEXT: %[[R:.+]] = dist.all_reduce sum %[[B]] axes = {"tp"}
// CHECK-NEXT: return %[[R]]
func.func @add_terms_first(%x: !x, %y: !x, %z: !x) -> (!r {fabric.result = "r"}) {
  %0 = fabric.sum %x dims = [1] : !x -> !p
  %1 = fabric.sum %y dims = [1] : !x -> !p
  %2 = fabric.sum %z dims = [1] : !x -> !p
  %3 = dist.all_reduce sum %0 axes = {"tp"} : !p -> !r
  %4 = dist.all_reduce sum %1 axes = {"tp"} : !p -> !r
  %5 = dist.all_reduce sum %2 axes = {"tp"} : !p -> !r
  %6 = fabric.add %3, %4 : !r
  %7 = fabric.sub %6, %5 : !r
  return %7 : !r
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
!x  = tensor<8x4xf32, #dist.sharding<#mesh, [{}, {"tp"}]>>
!p  = tensor<8xf32, #dist.sharding<#mesh, [{}], partial = sum {"tp"}>>
!r  = tensor<8xf32, #dist.sharding<#mesh, [{"tp"}]>>
module attributes {dist.mesh = #mesh} {
// The same with reduce-scatters: the sum of blocks is a block of the sum.
// CHECK-LABEL: func.func @add_before_scatter
// CHECK: %[[A:.+]] = fabric.add %{{.+}} : tensor<8xf32, #dist.sharding<#mesh, [{}], partial = sum {"tp"}>>
// CHECK-NEXT: %[[R:.+]] = dist.reduce_scatter sum %[[A]] dim = 0 axes = {"tp"}
// CHECK-NEXT: return %[[R]]
func.func @add_before_scatter(%x: !x, %y: !x) -> (!r {fabric.result = "r"}) {
  %0 = fabric.sum %x dims = [1] : !x -> !p
  %1 = fabric.sum %y dims = [1] : !x -> !p
  %2 = dist.reduce_scatter sum %0 dim = 0 axes = {"tp"} : !p -> !r
  %3 = dist.reduce_scatter sum %1 dim = 0 axes = {"tp"} : !p -> !r
  %4 = fabric.add %2, %3 : !r
  return %4 : !r
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
!x  = tensor<8x4xf32, #dist.sharding<#mesh, [{}, {"tp"}]>>
!p  = tensor<8xf32, #dist.sharding<#mesh, [{}], partial = sum {"tp"}>>
!s  = tensor<8xf32, #dist.sharding<#mesh, [{"tp"}]>>
!t  = tensor<f32, #dist.sharding<#mesh, [], partial = sum {"tp"}>>
!r  = tensor<f32, #dist.sharding<#mesh, []>>
module attributes {dist.mesh = #mesh} {
// The sum of terms is a term: a scalar is reduced. A scatter over a dim that is
// then summed is not needed at all.
// CHECK-LABEL: func.func @sum_of_scattered
// CHECK-NEXT: fabric.sum
// CHECK-NEXT: fabric.sum %{{.+}} -> tensor<f32, #dist.sharding<#mesh, [], partial = sum {"tp"}>>
// CHECK-NEXT: dist.all_reduce sum %{{.+}} axes = {"tp"}
// CHECK-NEXT: return
func.func @sum_of_scattered(%x: !x) -> (!r {fabric.result = "r"}) {
  %0 = fabric.sum %x dims = [1] : !x -> !p
  %1 = dist.reduce_scatter sum %0 dim = 0 axes = {"tp"} : !p -> !s
  %2 = fabric.sum %1 dims = [0] : !s -> !t
  %3 = dist.all_reduce sum %2 axes = {"tp"} : !t -> !r
  return %3 : !r
}
}

// -----

#mesh = #dist.mesh<["dp"=1, "tp"=2]>
!x  = tensor<2x4xf32, #dist.sharding<#mesh, [{"tp"}, {}]>>
!p  = tensor<4xf32, #dist.sharding<#mesh, [{}], partial = sum {"tp"}>>
!r  = tensor<4xf32, #dist.sharding<#mesh, [{}]>>
module attributes {dist.mesh = #mesh} {
// A broadcast that is split by the axis of the reduction cannot take terms: no
// sharding splits by an axis that it is partial over.
// CHECK-LABEL: func.func @split_broadcast
// CHECK: %[[R:.+]] = dist.all_reduce
// CHECK-NEXT: fabric.broadcast %[[R]]
func.func @split_broadcast(%x: !x) -> (!x {fabric.result = "b"}) {
  %0 = fabric.sum %x dims = [0] : !x -> !p
  %r = dist.all_reduce sum %0 axes = {"tp"} : !p -> !r
  %b = fabric.broadcast %r dims = [1] : !r -> !x
  return %b : !x
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
!x  = tensor<8x4xf32, #dist.sharding<#mesh, [{}, {"tp"}]>>
!p  = tensor<8xf32, #dist.sharding<#mesh, [{}], partial = sum {"tp"}>>
!r  = tensor<8xf32, #dist.sharding<#mesh, [{}]>>
!m  = tensor<64x8xf32, #dist.sharding<#mesh, [{}, {}]>>
module attributes {dist.mesh = #mesh} {
// What stays where it is: an op that is not linear, one that would have to
// reduce more, one whose other operand is no term, one that gains nothing.
// CHECK-LABEL: func.func @reduce_before
// CHECK: %[[R:.+]] = dist.all_reduce
// CHECK-NEXT: fabric.silu %[[R]]
// CHECK: %[[S:.+]] = dist.all_reduce
// CHECK-NEXT: fabric.broadcast %[[S]]
// CHECK: %[[T:.+]] = dist.all_reduce
// CHECK-NEXT: fabric.add %[[T]]
// CHECK: %[[U:.+]] = dist.all_reduce
// CHECK-NEXT: fabric.neg %[[U]]
func.func @reduce_before(%x: !x, %y: !r) -> (!r {fabric.result = "a"}, !m {fabric.result = "b"}, !r {fabric.result = "c"}, !r {fabric.result = "d"}) {
  %0 = fabric.sum %x dims = [1] : !x -> !p
  %r = dist.all_reduce sum %0 axes = {"tp"} : !p -> !r
  %a = fabric.silu %r : !r
  %1 = fabric.neg %0 : !p
  %s = dist.all_reduce sum %1 axes = {"tp"} : !p -> !r
  %b = fabric.broadcast %s dims = [1] : !r -> !m
  %2 = fabric.neg %1 : !p
  %t = dist.all_reduce sum %2 axes = {"tp"} : !p -> !r
  %c = fabric.add %t, %y : !r
  %3 = fabric.neg %2 : !p
  %u = dist.all_reduce sum %3 axes = {"tp"} : !p -> !r
  %d = fabric.neg %u : !r
  return %a, %b, %c, %d : !r, !m, !r, !r
}
}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
!x  = tensor<8x4xf32, #dist.sharding<#mesh, [{}, {"tp"}]>>
!p  = tensor<8xf32, #dist.sharding<#mesh, [{}], partial = sum {"tp"}>>
!r  = tensor<8xf32, #dist.sharding<#mesh, [{}]>>
!b  = tensor<8x6xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>>
!t  = tensor<8x6xf32, #dist.sharding<#mesh, [{"tp"}, {}]>>
module attributes {dist.mesh = #mesh} {
// The same gathered or reduced twice is sent once.
// CHECK-LABEL: func.func @twice
// CHECK-NEXT: %[[T:.+]] = dist.all_gather
// CHECK-NEXT: fabric.silu %[[T]]
// CHECK-NEXT: fabric.sigmoid %[[T]]
// CHECK-NEXT: fabric.sum
// CHECK-NEXT: %[[R:.+]] = dist.all_reduce
// CHECK-NEXT: fabric.silu %[[R]]
// CHECK-NEXT: fabric.sigmoid %[[R]]
// CHECK-NEXT: return
func.func @twice(%b: !b, %x: !x) -> (!t {fabric.result = "a"}, !t {fabric.result = "b"}, !r {fabric.result = "c"}, !r {fabric.result = "d"}) {
  %0 = dist.all_gather %b dim = 0 axes = {"dp"} : !b -> !t
  %1 = fabric.silu %0 : !t
  %2 = dist.all_gather %b dim = 0 axes = {"dp"} : !b -> !t
  %3 = fabric.sigmoid %2 : !t
  %4 = fabric.sum %x dims = [1] : !x -> !p
  %5 = dist.all_reduce sum %4 axes = {"tp"} : !p -> !r
  %6 = dist.all_reduce sum %4 axes = {"tp"} : !p -> !r
  %7 = fabric.silu %5 : !r
  %8 = fabric.sigmoid %6 : !r
  return %1, %3, %7, %8 : !t, !t, !r, !r
}
}

// -----

#mesh = #dist.mesh<["tp"=2]>
!x  = tensor<8x4xf32, #dist.sharding<#mesh, [{}, {"tp"}]>>
!p  = tensor<8xf32, #dist.sharding<#mesh, [{}], partial = sum {"tp"}>>
!r  = tensor<8xf32, #dist.sharding<#mesh, [{}]>>
module attributes {dist.mesh = #mesh} {
// A product of two values of terms is not the sum of the terms' products: one
// is reduced before.
// CHECK-LABEL: func.func @product_of_terms
// CHECK: %[[R:.+]] = dist.all_reduce
// CHECK-NEXT: fabric.mul %[[R]]
func.func @product_of_terms(%x: !x, %y: !x) -> (!r {fabric.result = "r"}) {
  %0 = fabric.sum %x dims = [1] : !x -> !p
  %1 = fabric.sum %y dims = [1] : !x -> !p
  %2 = dist.all_reduce sum %0 axes = {"tp"} : !p -> !r
  %3 = fabric.mul %2, %1 : (!r, !p) -> !p
  %4 = dist.all_reduce sum %3 axes = {"tp"} : !p -> !r
  return %4 : !r
}
}
