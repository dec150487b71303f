// RUN: fabric-opt %s -split-input-file -verify-diagnostics --exec-place-events

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
func.func @no_slot(%w: tensor<8xf32>) -> tensor<16xf32> {
  // expected-error @below {{has no slot for 'tensor<8xf32>'}}
  %a = exec.collective all_gather %w axes = <{"dp"}> concat_dim = 0 bytes_sent = 32 why = "a" async : tensor<8xf32> -> tensor<16xf32>
  return %a : tensor<16xf32>
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
func.func @barrier(%w: tensor<8xf32> {exec.slot = #exec.slot<parameters, 64, parameters>}) -> tensor<16xf32> {
  %a = exec.collective all_gather %w axes = <{"dp"}> concat_dim = 0 bytes_sent = 32 why = "a" async at <workspace, 0, communication> : tensor<8xf32> -> tensor<16xf32>
  // expected-error @below {{cannot order ranks among streams}}
  exec.barrier axes = <{"dp"}>
  return %a : tensor<16xf32>
}
}

// -----

#mesh = #dist.mesh<["dp"=2]>
module attributes {dist.mesh = #mesh} {
func.func @other_ops(%w: tensor<8xf32> {exec.slot = #exec.slot<parameters, 64, parameters>}) -> tensor<8xf32> {
  // expected-error @below {{is not an instruction}}
  %a = fabric.silu %w : tensor<8xf32>
  return %a : tensor<8xf32>
}
}
