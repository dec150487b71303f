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

#other = #dist.mesh<["a"=2]>
module {
  func.func @constraint(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
    // expected-error@+1 {{constraint: over the mesh #dist.mesh<["a"=2]>, but the module's is #dist.mesh<["dp"=8, "tp"=2]>}}
    %0 = dist.constraint %x sharding = <#other, [{"a"}, {}]> : tensor<4x4xf32>
    return %0 : tensor<4x4xf32>
  }
}

// -----

// Without sizes: the names must be the mesh's.
module {
  func.func @constraint(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
    // expected-error@+1 {{constraint: names axis "sp", which the module's mesh does not have: #dist.mesh<["dp"=8, "tp"=2]>}}
    %0 = dist.constraint %x sharding = <#dist.mesh<["dp", "sp"]>, [{"dp"}, {}]> : tensor<4x4xf32>
    return %0 : tensor<4x4xf32>
  }
}

// -----

module {
  // expected-error@+1 {{sharding of input "x": over the mesh #dist.mesh<["dp"=4, "tp"=4]>, but the module's is #dist.mesh<["dp"=8, "tp"=2]>}}
  func.func @input(%x: tensor<4x4xf32> {fabric.input = #fabric.input<"x">, dist.sharding = #dist.sharding<#dist.mesh<["dp"=4, "tp"=4]>, [{"dp"}, {}]>}) {
    return
  }
}

// -----

module {
  // expected-error@+1 {{sharding of parameter "w": cannot ask for a partial sharding}}
  func.func @parameter(%w: tensor<4x4xf32> {fabric.param = #fabric.param<"w">, dist.sharding = #dist.sharding<#dist.mesh<["dp", "tp"]>, [{}, {}], partial = sum {"dp"}>}) {
    return
  }
}

// -----

module {
  // expected-error@+1 {{sharding of result "y": names axis "sp"}}
  func.func @result(%x: tensor<4xf32>) -> (tensor<4xf32> {fabric.result = "y", dist.sharding = #dist.sharding<#dist.mesh<["sp"]>, [{"sp"}]>}) {
    return %x : tensor<4xf32>
  }
}

// -----

module {
  // expected-error@+1 {{sharding of argument 0: names axis "sp"}}
  func.func private @external(tensor<4xf32> {dist.sharding = #dist.sharding<#dist.mesh<["sp"]>, [{"sp"}]>})
}
