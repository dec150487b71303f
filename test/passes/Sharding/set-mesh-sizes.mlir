// RUN: fabric-opt %s -dist-set-mesh="tp=-2" -verify-diagnostics

// expected-error@+1 {{option tp must be positive, found -2}}
module {}
