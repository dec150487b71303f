// RUN: fabric-opt %s -split-input-file -dist-set-mesh="dp=8" -verify-diagnostics

// expected-error@+1 {{--shard-2d on a module already partitioned}}
module attributes {dist.mesh = #dist.mesh<["dp"=2]>, dist.partitioned} {}

// -----

// expected-error@+1 {{option dp=8 names an axis that the module's mesh does not have: #dist.mesh<["tp"=2]>}}
module attributes {dist.mesh = #dist.mesh<["tp"=2]>} {}

// -----

// expected-error@+1 {{the mesh has more than 1048576 ranks}}
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=1000000000]>} {}

// -----

#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module attributes {dist.mesh = #mesh} {
  func.func @constraint(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
    // expected-error@+1 {{constraint: dim 0 of size 4 is not divisible by the 8 parts of axes {"dp"}}}
    %0 = dist.constraint %x sharding = <#mesh, [{"dp"}, {"tp"}]> : tensor<4x4xf32>
    return %0 : tensor<4x4xf32>
  }
}

// -----

#other = #dist.mesh<["a"=2]>
module {
  func.func @constraint(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
    // expected-error@+1 {{constraint over the mesh #dist.mesh<["a"=2]>, but the module's is #dist.mesh<["dp"=8, "tp"=2]>}}
    %0 = dist.constraint %x sharding = <#other, [{"a"}, {}]> : tensor<4x4xf32>
    return %0 : tensor<4x4xf32>
  }
}
