// RUN: fabric-opt %s -split-input-file -verify-diagnostics --dist-combine-collectives

// expected-error @below {{expects a module with a mesh, in global view}}
module {
}

// -----

// Local collectives are no identities.
#mesh = #dist.mesh<["dp"=2]>
// expected-error @below {{expects a module with a mesh, in global view}}
module attributes {dist.mesh = #mesh, dist.partitioned} {
}
