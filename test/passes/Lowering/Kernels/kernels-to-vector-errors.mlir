// RUN: fabric-opt %s -split-input-file -verify-diagnostics --lower-kernels-to-vector

#id = affine_map<(d0) -> (d0)>
func.func @dynamic(%a: memref<?xf32>, %y: memref<?xf32>) {
  // expected-error @+1 {{'linalg.generic' op expects loops of static size}}
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%a : memref<?xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  }
  return
}

// -----

#id = affine_map<(d0) -> (d0)>
#none = affine_map<(d0) -> ()>
func.func @product(%a: memref<8xf32>, %y: memref<f32>) {
  // expected-error @+1 {{'linalg.generic' op expects output 0, which loops reduce, to be a sum or an extreme of floats}}
  linalg.generic {indexing_maps = [#id, #none], iterator_types = ["reduction"]}
      ins(%a : memref<8xf32>) outs(%y : memref<f32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.mulf %out, %in : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

#id = affine_map<(d0) -> (d0)>
func.func @index(%y: memref<8xindex>) {
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel"]} outs(%y : memref<8xindex>) {
  ^bb0(%out: index):
    // expected-error @+1 {{'linalg.index' op cannot be vectorised in a kernel}}
    %0 = linalg.index 0 : index
    linalg.yield %0 : index
  }
  return
}
