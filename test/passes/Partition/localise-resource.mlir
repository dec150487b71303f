// RUN: fabric-opt %s --dist-localise --dist-verify-partitioned | FileCheck %s

// Elements that stand outside of the text are sliced like others, though nobody
// reads them.
#mesh = #dist.mesh<["dp"=1, "tp"=2]>
!v = tensor<4x2xf32, #dist.sharding<#mesh, [{"tp"}, {}]>>
module attributes {dist.mesh = #mesh} {
// CHECK-LABEL: func.func @resource
// CHECK: %[[C:.+]] = fabric.constant dense_resource<numbers> : tensor<4x2xf32>
// CHECK: dist.all_slice %[[C]] dim = 0 axes = {"tp"} : tensor<4x2xf32> -> tensor<2x2xf32>
func.func @resource() -> (!v {fabric.result = "v"}) {
  %0 = fabric.constant dense_resource<numbers> : tensor<4x2xf32> -> !v
  return %0 : !v
}
}
{-#
  dialect_resources: {
    builtin: {
      numbers: "0x040000000000803F0000004000004040000080400000A0400000C0400000E04000000041"
    }
  }
#-}
