// RUN: fabric-opt %s -split-input-file -dist-choose-fsdp -verify-diagnostics | FileCheck %s
// RUN: fabric-opt %s -split-input-file -dist-choose-fsdp -dist-assign-storage -dist-propagate -dist-verify-sharded 2>/dev/null | FileCheck %s --check-prefix=SHARD

// The gated feed-forward with 16 samples: x is gathered, and no weight. All that
// is sent is half of x, 4096 bytes, and the loss, 2 (n-1)/n of a float over four
// ranks. Gathered, half of what "tp" leaves of each weight, 32768 bytes, is sent.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
// CHECK-LABEL: func.func @feedforward(
// CHECK-SAME: %[[X:[^:]*]]: tensor<16x128xf32> {fabric.input
// CHECK-SAME: tensor<256x128xf32> {dist.fsdp = #dist.fsdp<keep, dim = 0>
// CHECK-SAME: tensor<128x256xf32> {dist.fsdp = #dist.fsdp<keep, dim = 1>
// CHECK-SAME: tensor<256x128xf32> {dist.fsdp = #dist.fsdp<keep, dim = 0>
// CHECK: %[[WHOLE:.*]] = dist.constraint %[[X]] sharding = <#mesh, [{}, {}]> chosen
// CHECK: fabric.linear %[[WHOLE]],
// CHECK: fabric.linear %[[WHOLE]],
// SHARD-LABEL: func.func @feedforward(
// SHARD-SAME: tensor<256x128xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {}]>>
// SHARD-SAME: tensor<128x256xf32, #dist.sharding<#mesh, [{}, {"tp", "dp"}]>>
// SHARD: %[[WHOLE:.*]] = dist.reshard %{{.*}} -> tensor<16x128xf32, #dist.sharding<#mesh, [{}, {}]>>
// SHARD-NOT: dist.reshard
// SHARD: fabric.sum
// SHARD: dist.reshard %{{.*}} -> tensor<f32, #dist.sharding<#mesh, []>>
// SHARD-NEXT: return
// expected-remark @below {{3 of 3 parameters are kept split over axis "dp" of size 2: a rank sends 4102 bytes instead of 98310}}
func.func @feedforward(
    %x: tensor<16x128xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    // expected-remark @below {{parameter "w1": kept split on dim 0 over axis "dp" of size 2: the activations around it send 4096 bytes a rank; gathered, it and its gradient would send 32768}}
    %w1: tensor<256x128xf32> {fabric.param = #fabric.param<"w1">, dist.tp = #dist.tp<colwise>},
    // expected-remark @below {{parameter "w2": kept split on dim 1 over axis "dp" of size 2: the activations around it send 0 bytes a rank}}
    %w2: tensor<128x256xf32> {fabric.param = #fabric.param<"w2">, dist.tp = #dist.tp<rowwise>},
    // expected-remark @below {{parameter "w3": kept}}
    %w3: tensor<256x128xf32> {fabric.param = #fabric.param<"w3">, dist.tp = #dist.tp<colwise>})
    -> (tensor<f32> {fabric.result = "loss"}) {
  %a = fabric.linear %x, %w1 : (tensor<16x128xf32>, tensor<256x128xf32>) -> tensor<16x256xf32>
  %b = fabric.silu %a : tensor<16x256xf32>
  %c = fabric.linear %x, %w3 : (tensor<16x128xf32>, tensor<256x128xf32>) -> tensor<16x256xf32>
  %d = fabric.mul %b, %c : tensor<16x256xf32>
  %y = fabric.linear %d, %w2 : (tensor<16x256xf32>, tensor<128x256xf32>) -> tensor<16x128xf32>
  %z = fabric.sum %y dims = [0, 1] : tensor<16x128xf32> -> tensor<f32>
  return %z : tensor<f32>
}
}

// -----

// Many samples and a small weight: 8 x 8 floats are gathered, (n-1)/n of 256
// bytes, not 4096 samples.
module attributes {dist.mesh = #dist.mesh<["dp"=4, "tp"=1]>} {
// CHECK-LABEL: func.func @many(
// CHECK-SAME: tensor<8x8xf32> {dist.fsdp = #dist.fsdp<gather, dim = 0>
// CHECK-NOT: dist.constraint
func.func @many(
    %x: tensor<4096x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    // expected-remark @below {{parameter "w": gathered over axis "dp" of size 4: it and its gradient send 192 bytes a rank}}
    %w: tensor<8x8xf32> {fabric.param = #fabric.param<"w">})
    -> (tensor<4096x8xf32> {fabric.result = "y"}) {
  %y = fabric.linear %x, %w : (tensor<4096x8xf32>, tensor<8x8xf32>) -> tensor<4096x8xf32>
  return %y : tensor<4096x8xf32>
}
}

// -----

// One of each in one program: the wide weight is kept, the bias that is added to
// its split result with it; the small one, met with many samples, is gathered.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=1]>} {
// CHECK-LABEL: func.func @mixed(
// CHECK-SAME: tensor<1024x512xf32> {dist.fsdp = #dist.fsdp<keep, dim = 0>
// CHECK-SAME: tensor<1024xf32> {dist.fsdp = #dist.fsdp<keep, dim = 0>
// CHECK-SAME: tensor<4x4xf32> {dist.fsdp = #dist.fsdp<gather, dim = 0>
// expected-remark @below {{2 of 3 parameters are kept split over axis "dp" of size 2}}
func.func @mixed(
    %x: tensor<2x512xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %u: tensor<1024x4xf32> {fabric.input = #fabric.input<"u", batch_dim = 0>},
    // expected-remark @below {{parameter "wide": kept split on dim 0}}
    %wide: tensor<1024x512xf32> {fabric.param = #fabric.param<"wide">},
    // expected-remark @below {{parameter "bias": kept split on dim 0}}
    %bias: tensor<1024xf32> {fabric.param = #fabric.param<"bias">},
    // expected-remark @below {{parameter "small": gathered}}
    %small: tensor<4x4xf32> {fabric.param = #fabric.param<"small">})
    -> (tensor<f32> {fabric.result = "a"}, tensor<1024x4xf32> {fabric.result = "b"}) {
  %0 = fabric.linear %x, %wide : (tensor<2x512xf32>, tensor<1024x512xf32>) -> tensor<2x1024xf32>
  %1 = fabric.broadcast %bias dims = [1] : tensor<1024xf32> -> tensor<2x1024xf32>
  %2 = fabric.add %0, %1 : tensor<2x1024xf32>
  %3 = fabric.sum %2 dims = [0, 1] : tensor<2x1024xf32> -> tensor<f32>
  %4 = fabric.linear %u, %small : (tensor<1024x4xf32>, tensor<4x4xf32>) -> tensor<1024x4xf32>
  return %3, %4 : tensor<f32>, tensor<1024x4xf32>
}
}

// -----

// What is given stays, and the others are chosen around it.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=1]>} {
// CHECK-LABEL: func.func @given(
// CHECK-SAME: tensor<256x128xf32> {dist.fsdp = #dist.fsdp<gather>
// CHECK-SAME: tensor<128x256xf32> {dist.fsdp = #dist.fsdp<keep, dim = 0>
// SHARD-LABEL: func.func @given(
// SHARD-SAME: tensor<256x128xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
// SHARD-SAME: tensor<128x256xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
// SHARD: dist.reshard %{{.*}} -> tensor<256x128xf32, #dist.sharding<#mesh, [{}, {}]>>
func.func @given(
    %x: tensor<4x128xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %w1: tensor<256x128xf32> {fabric.param = #fabric.param<"w1">, dist.fsdp = #dist.fsdp<gather>},
    %w2: tensor<128x256xf32> {fabric.param = #fabric.param<"w2">, dist.fsdp = #dist.fsdp<keep, dim = 0>})
    -> (tensor<4x128xf32> {fabric.result = "y"}) {
  %0 = fabric.linear %x, %w1 : (tensor<4x128xf32>, tensor<256x128xf32>) -> tensor<4x256xf32>
  %1 = fabric.linear %0, %w2 : (tensor<4x256xf32>, tensor<128x256xf32>) -> tensor<4x128xf32>
  return %1 : tensor<4x128xf32>
}
}

// -----

// To keep it would send as much: half of the parameter is gathered, or its sum
// reduced, which is twice half of a float. Then it is gathered.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=1]>} {
// CHECK-LABEL: func.func @tie(
// CHECK-SAME: tensor<2xf32> {dist.fsdp = #dist.fsdp<gather, dim = 0>
// CHECK-NOT: dist.constraint
// SHARD-LABEL: func.func @tie(
// SHARD: dist.reshard %{{.*}} -> tensor<2xf32, #dist.sharding<#mesh, [{}]>>
// expected-remark @below {{all parameters are gathered over axis "dp" of size 2, which sends 4 bytes a rank; to keep 1 of them split would send 4}}
func.func @tie(
    %x: tensor<4xf32> {fabric.input = #fabric.input<"x">},
    // expected-remark @below {{parameter "w": gathered over axis "dp" of size 2: it and its gradient send 4 bytes a rank}}
    %w: tensor<2xf32> {fabric.param = #fabric.param<"w">})
    -> (tensor<f32> {fabric.result = "y"}) {
  %0 = fabric.sum %x dims = [0] : tensor<4xf32> -> tensor<f32>
  %1 = fabric.sum %w dims = [0] : tensor<2xf32> -> tensor<f32>
  %2 = fabric.add %0, %1 : tensor<f32>
  return %2 : tensor<f32>
}
}

// -----

// A parameter that is stored in half as many blocks as "dp" would make is updated
// in these, which is no layout over all of "dp": nothing is chosen, and it says so.
module attributes {dist.mesh = #dist.mesh<["dp"=4, "tp"=1]>} {
// CHECK-LABEL: func.func @fewer_blocks(
// CHECK-NOT: dist.fsdp
// SHARD-LABEL: func.func @fewer_blocks(
// SHARD: dist.reshard %{{.*}} -> tensor<8x8xf32, #dist.sharding<#mesh, [{}, {}]>>
func.func @fewer_blocks(
    %x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
    %u: tensor<8x8xf32> {fabric.param = #fabric.param<"u">},
    %w: tensor<6x6xf32> {fabric.param = #fabric.param<"w">, dist.sharding = #dist.sharding<#dist.mesh<["dp"=4, "tp"=1]>, [{"dp":(1)2}, {}]>},
    %g: tensor<6x6xf32> {fabric.input = #fabric.input<"g">},
    %m: tensor<6x6xf32> {fabric.state = #fabric.state<"w", "exp_avg">},
    %v: tensor<6x6xf32> {fabric.state = #fabric.state<"w", "exp_avg_sq">},
    %lr: tensor<f64> {fabric.scalar = #fabric.scalar<"lr", 1.0e-3>},
    %step: tensor<f64> {fabric.scalar = #fabric.scalar<"step", 1.0>})
    -> (tensor<4x8xf32> {fabric.result = "y"}, tensor<6x6xf32> {fabric.update_of = 2},
        tensor<6x6xf32> {fabric.update_of = 4}, tensor<6x6xf32> {fabric.update_of = 5}) {
  %y = fabric.linear %x, %u : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  // expected-remark @below {{all parameters are gathered over axis "dp", for no layout serves all ops: operand 0 is needed whole and can only be left split on dim 0}}
  %0:3 = fabric.adamw %w, %g, %m, %v, lr = %lr, step = %step {beta1 = 0.9, beta2 = 0.999, eps = 1.0e-8, weight_decay = 0.0}
    : (tensor<6x6xf32>, tensor<6x6xf32>, tensor<6x6xf32>, tensor<6x6xf32>, tensor<f64>, tensor<f64>) -> (tensor<6x6xf32>, tensor<6x6xf32>, tensor<6x6xf32>)
  return %y, %0#0, %0#1, %0#2 : tensor<4x8xf32>, tensor<6x6xf32>, tensor<6x6xf32>, tensor<6x6xf32>
}
}

// -----

// An axis of one rank: nothing to say.
module attributes {dist.mesh = #dist.mesh<["dp"=1, "tp"=4]>} {
// CHECK-LABEL: func.func @one(
// CHECK-NOT: dist.fsdp
func.func @one(%w: tensor<8x8xf32> {fabric.param = #fabric.param<"w">}) {
  return
}
}
