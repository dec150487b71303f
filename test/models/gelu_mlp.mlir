// Blocks of LayerNorm, linear, GELU, linear and a residual, and a mean squared
// error: what fabric-import makes of gelu_mlp.py:build, without locations.
module {
  func.func @gelumlp(
      %x: tensor<16x48xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
      %target: tensor<16x48xf32> {fabric.input = #fabric.input<"target", batch_dim = 0>},
      %first.norm.weight: tensor<48xf32> {fabric.param = #fabric.param<"first.norm.weight", init = normal(1.0, 0.1)>},
      %first.norm.bias: tensor<48xf32> {fabric.param = #fabric.param<"first.norm.bias", init = normal(0.0, 0.1)>},
      %first.up.weight: tensor<96x48xf32> {fabric.param = #fabric.param<"first.up.weight", init = uniform(-0.14433756729740643, 0.14433756729740643)>},
      %first.up.bias: tensor<96xf32> {fabric.param = #fabric.param<"first.up.bias", init = uniform(-0.14433756729740646, 0.14433756729740646)>},
      %first.down.weight: tensor<48x96xf32> {fabric.param = #fabric.param<"first.down.weight", init = uniform(-0.10206207261596574, 0.10206207261596574)>},
      %first.down.bias: tensor<48xf32> {fabric.param = #fabric.param<"first.down.bias", init = uniform(-0.10206207261596577, 0.10206207261596577)>},
      %second.norm.weight: tensor<48xf32> {fabric.param = #fabric.param<"second.norm.weight", init = normal(1.0, 0.1)>},
      %second.norm.bias: tensor<48xf32> {fabric.param = #fabric.param<"second.norm.bias", init = normal(0.0, 0.1)>},
      %second.up.weight: tensor<96x48xf32> {fabric.param = #fabric.param<"second.up.weight", init = uniform(-0.14433756729740643, 0.14433756729740643)>},
      %second.up.bias: tensor<96xf32> {fabric.param = #fabric.param<"second.up.bias", init = uniform(-0.14433756729740646, 0.14433756729740646)>},
      %second.down.weight: tensor<48x96xf32> {fabric.param = #fabric.param<"second.down.weight", init = uniform(-0.10206207261596574, 0.10206207261596574)>},
      %second.down.bias: tensor<48xf32> {fabric.param = #fabric.param<"second.down.bias", init = uniform(-0.10206207261596577, 0.10206207261596577)>},
      %norm.weight: tensor<48xf32> {fabric.param = #fabric.param<"norm.weight", init = normal(1.0, 0.1)>},
      %norm.bias: tensor<48xf32> {fabric.param = #fabric.param<"norm.bias", init = normal(0.0, 0.1)>})
      -> (tensor<f32> {fabric.result = "loss"}) {
    %layer_norm_layer_norm = fabric.layer_norm %x dims = [1] {eps = 1.0e-05} : tensor<16x48xf32>
    %layer_norm_broadcast = fabric.broadcast %first.norm.weight dims = [1] : tensor<48xf32> -> tensor<16x48xf32>
    %layer_norm_mul = fabric.mul %layer_norm_layer_norm, %layer_norm_broadcast : tensor<16x48xf32>
    %layer_norm_broadcast_1 = fabric.broadcast %first.norm.bias dims = [1] : tensor<48xf32> -> tensor<16x48xf32>
    %layer_norm = fabric.add %layer_norm_mul, %layer_norm_broadcast_1 : tensor<16x48xf32>
    %linear_linear = fabric.linear %layer_norm, %first.up.weight : (tensor<16x48xf32>, tensor<96x48xf32>) -> tensor<16x96xf32>
    %linear_broadcast = fabric.broadcast %first.up.bias dims = [1] : tensor<96xf32> -> tensor<16x96xf32>
    %linear = fabric.add %linear_linear, %linear_broadcast : tensor<16x96xf32>
    %gelu = fabric.gelu %linear : tensor<16x96xf32>
    %linear_1_linear = fabric.linear %gelu, %first.down.weight : (tensor<16x96xf32>, tensor<48x96xf32>) -> tensor<16x48xf32>
    %linear_1_broadcast = fabric.broadcast %first.down.bias dims = [1] : tensor<48xf32> -> tensor<16x48xf32>
    %linear_1 = fabric.add %linear_1_linear, %linear_1_broadcast : tensor<16x48xf32>
    %add = fabric.add %x, %linear_1 : tensor<16x48xf32>
    %layer_norm_1_layer_norm = fabric.layer_norm %add dims = [1] {eps = 1.0e-05} : tensor<16x48xf32>
    %layer_norm_1_broadcast = fabric.broadcast %second.norm.weight dims = [1] : tensor<48xf32> -> tensor<16x48xf32>
    %layer_norm_1_mul = fabric.mul %layer_norm_1_layer_norm, %layer_norm_1_broadcast : tensor<16x48xf32>
    %layer_norm_1_broadcast_1 = fabric.broadcast %second.norm.bias dims = [1] : tensor<48xf32> -> tensor<16x48xf32>
    %layer_norm_1 = fabric.add %layer_norm_1_mul, %layer_norm_1_broadcast_1 : tensor<16x48xf32>
    %linear_2_linear = fabric.linear %layer_norm_1, %second.up.weight : (tensor<16x48xf32>, tensor<96x48xf32>) -> tensor<16x96xf32>
    %linear_2_broadcast = fabric.broadcast %second.up.bias dims = [1] : tensor<96xf32> -> tensor<16x96xf32>
    %linear_2 = fabric.add %linear_2_linear, %linear_2_broadcast : tensor<16x96xf32>
    %gelu_1 = fabric.gelu tanh %linear_2 : tensor<16x96xf32>
    %linear_3_linear = fabric.linear %gelu_1, %second.down.weight : (tensor<16x96xf32>, tensor<48x96xf32>) -> tensor<16x48xf32>
    %linear_3_broadcast = fabric.broadcast %second.down.bias dims = [1] : tensor<48xf32> -> tensor<16x48xf32>
    %linear_3 = fabric.add %linear_3_linear, %linear_3_broadcast : tensor<16x48xf32>
    %add_1 = fabric.add %add, %linear_3 : tensor<16x48xf32>
    %layer_norm_2_layer_norm = fabric.layer_norm %add_1 dims = [1] {eps = 1.0e-05} : tensor<16x48xf32>
    %layer_norm_2_broadcast = fabric.broadcast %norm.weight dims = [1] : tensor<48xf32> -> tensor<16x48xf32>
    %layer_norm_2_mul = fabric.mul %layer_norm_2_layer_norm, %layer_norm_2_broadcast : tensor<16x48xf32>
    %layer_norm_2_broadcast_1 = fabric.broadcast %norm.bias dims = [1] : tensor<48xf32> -> tensor<16x48xf32>
    %layer_norm_2 = fabric.add %layer_norm_2_mul, %layer_norm_2_broadcast_1 : tensor<16x48xf32>
    %mse_loss_sub = fabric.sub %layer_norm_2, %target : tensor<16x48xf32>
    %mse_loss_mul = fabric.mul %mse_loss_sub, %mse_loss_sub : tensor<16x48xf32>
    %mse_loss_sum = fabric.sum %mse_loss_mul dims = [0, 1] : tensor<16x48xf32> -> tensor<f32>
    %cst = fabric.constant dense<0.0013020834> : tensor<f32>
    %loss = fabric.mul %mse_loss_sum, %cst : tensor<f32>
    return %loss : tensor<f32>
  }
}
