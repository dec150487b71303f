// RUN: fabric-opt %s --lower-verify -split-input-file -verify-diagnostics

// L1: partitioned
// expected-error @below {{expects a partitioned module}}
module {
}

// -----

// L1: one function
// expected-error @below {{expects one function, found 2}}
module attributes {dist.partitioned} {
  func.func private @a()
  func.func private @b()
}

// -----

// L2
module attributes {dist.partitioned, exec.arenas = []} {
  func.func @program(%x: tensor<4xf32>) {
    // expected-error @below {{has no instruction that it could become}}
    %0 = fabric.neg %x : tensor<4xf32>
    return
  }
}

// -----

// L3: launched
module attributes {dist.partitioned, exec.arenas = []} {
  module @kernels {
    // expected-error @below {{is a kernel that nobody launches}}
    func.func @kernel_0(%x: tensor<4xf32>) -> tensor<4xf32> {
      %0 = fabric.neg %x : tensor<4xf32>
      return %0 : tensor<4xf32>
    }
  }
  func.func @program() {
    return
  }
}

// -----

// L3: a kernel
module attributes {dist.partitioned, exec.arenas = []} {
  module @kernels {
    func.func @kernel_0(%x: tensor<4x4xf32>) -> tensor<16xf32> {
      // expected-error @below {{cannot be part of a kernel}}
      %0 = fabric.reshape %x : tensor<4x4xf32> -> tensor<16xf32>
      return %0 : tensor<16xf32>
    }
  }
  func.func @program(%x: tensor<4x4xf32>) {
    %0 = exec.launch @kernels::@kernel_0(%x) ties = [-1] : (tensor<4x4xf32>) -> tensor<16xf32>
    return
  }
}

// -----

// L4
// expected-error @below {{expects arenas}}
module attributes {dist.partitioned} {
  func.func @program() {
    return
  }
}
