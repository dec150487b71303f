// RUN: fabric-opt %s -split-input-file -dist-set-mesh | FileCheck %s --check-prefixes=CHECK,OWN
// RUN: fabric-opt %s -split-input-file -dist-set-mesh="dp=4 tp=1" | FileCheck %s --check-prefixes=CHECK,OVER

// A module without a mesh gets the default.
// OWN: #mesh = #dist.mesh<["dp"=2, "tp"=2]>
// OVER: #mesh = #dist.mesh<["dp"=4, "tp"=1]>
// CHECK: module attributes {dist.mesh = #mesh}
module {}

// -----

// Its own mesh is kept, and options override the sizes of axes by name: the
// order and other axes stay.
// OWN: #mesh = #dist.mesh<["tp"=3, "sp"=2, "dp"=1]>
// OVER: #mesh = #dist.mesh<["tp"=1, "sp"=2, "dp"=4]>
// CHECK: module attributes {dist.mesh = #mesh}
module attributes {dist.mesh = #dist.mesh<["tp"=3, "sp"=2, "dp"=1]>} {}

// -----

// Constraints follow to the new mesh.
#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh} {
  // OVER: #mesh = #dist.mesh<["dp"=4, "tp"=1]>
  // CHECK-LABEL: func.func @constraint
  func.func @constraint(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
    // CHECK: dist.constraint %{{.*}} sharding = <#mesh, [{"dp"}, {"tp"}]>
    %0 = dist.constraint %x sharding = <#mesh, [{"dp"}, {"tp"}]> : tensor<8x4xf32>
    return %0 : tensor<8x4xf32>
  }
}

// -----

// So does what is over a mesh without sizes, on arguments and results, too.
module {
  // CHECK-LABEL: func.func @names
  // CHECK-SAME: {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {}]>}
  // CHECK-SAME: -> (tensor<8x4xf32> {dist.sharding = #dist.sharding<#mesh, [{}, {"tp"}]>})
  func.func @names(%x: tensor<8x4xf32> {dist.sharding = #dist.sharding<#dist.mesh<["dp"]>, [{"dp"}, {}]>})
      -> (tensor<8x4xf32> {dist.sharding = #dist.sharding<#dist.mesh<["tp", "dp"]>, [{}, {"tp"}]>}) {
    // CHECK: dist.constraint %{{.*}} sharding = <#mesh, [{"dp"}, {"tp"}]>
    %0 = dist.constraint %x sharding = <#dist.mesh<["tp", "dp"]>, [{"dp"}, {"tp"}]> : tensor<8x4xf32>
    return %0 : tensor<8x4xf32>
  }
}
