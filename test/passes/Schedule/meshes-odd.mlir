// RUN: fabric-check-values %s --before=train --pipeline="shard-2d{dp=1 tp=5},schedule{memory=min}" --pipeline="shard-2d{dp=1 tp=7},schedule{memory=min}" --pipeline="shard-2d{dp=5 tp=1},schedule{memory=min}" --pipeline="shard-2d{dp=7 tp=1},schedule{memory=min}"

// As meshes.mlir, with sizes that five and seven divide.

module attributes {fabric.train = #fabric.train<adamw, lr = 3.0e-3, weight_decay = 1.0e-2, beta1 = 9.0e-1, beta2 = 9.99e-1, eps = 1.0e-3>} {
  func.func @feedforward(
      %x: tensor<35x35xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
      %w1: tensor<70x35xf64> {fabric.param = #fabric.param<"w1">, dist.tp = #dist.tp<colwise>},
      %b1: tensor<70xf64> {fabric.param = #fabric.param<"b1">, dist.tp = #dist.tp<colwise>},
      %w2: tensor<105x70xf64> {fabric.param = #fabric.param<"w2">, dist.tp = #dist.tp<rowwise>},
      %b2: tensor<105xf64> {fabric.param = #fabric.param<"b2">, dist.tp = #dist.tp<rowwise>},
      %w3: tensor<70x35xf64> {fabric.param = #fabric.param<"w3">, dist.tp = #dist.tp<colwise>})
      -> (tensor<f64> {fabric.result = "loss"}, tensor<35x105xf64> {fabric.result = "y"}) {
    %a0 = fabric.linear %x, %w1 : (tensor<35x35xf64>, tensor<70x35xf64>) -> tensor<35x70xf64>
    %b1b = fabric.broadcast %b1 dims = [1] : tensor<70xf64> -> tensor<35x70xf64>
    %a = fabric.add %a0, %b1b : tensor<35x70xf64>
    %b = fabric.silu %a : tensor<35x70xf64>
    %c = fabric.linear %x, %w3 : (tensor<35x35xf64>, tensor<70x35xf64>) -> tensor<35x70xf64>
    %d = fabric.mul %b, %c : tensor<35x70xf64>
    %y0 = fabric.linear %d, %w2 : (tensor<35x70xf64>, tensor<105x70xf64>) -> tensor<35x105xf64>
    %b2b = fabric.broadcast %b2 dims = [1] : tensor<105xf64> -> tensor<35x105xf64>
    %y = fabric.add %y0, %b2b : tensor<35x105xf64>
    %sq = fabric.mul %y, %y : tensor<35x105xf64>
    %loss = fabric.sum %sq dims = [0, 1] : tensor<35x105xf64> -> tensor<f64>
    return %loss, %y : tensor<f64>, tensor<35x105xf64>
  }
}
