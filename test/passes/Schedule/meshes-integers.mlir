// RUN: fabric-check-values %s --before=train --integers --pipeline="shard-2d{dp=1 tp=1},schedule{memory=min}" --pipeline="shard-2d{dp=1 tp=2},schedule{memory=min}" --pipeline="shard-2d{dp=1 tp=3},schedule{memory=min}" --pipeline="shard-2d{dp=1 tp=4},schedule{memory=min}" --pipeline="shard-2d{dp=1 tp=6},schedule{memory=min}" --pipeline="shard-2d{dp=1 tp=8},schedule{memory=min}"
// RUN: fabric-check-values %s --before=train --integers --pipeline="shard-2d{dp=2 tp=1},schedule{memory=min}" --pipeline="shard-2d{dp=2 tp=2},schedule{memory=min}" --pipeline="shard-2d{dp=2 tp=3},schedule{memory=min}" --pipeline="shard-2d{dp=2 tp=4},schedule{memory=min}" --pipeline="shard-2d{dp=3 tp=1},schedule{memory=min}" --pipeline="shard-2d{dp=3 tp=2},schedule{memory=min}"
// RUN: fabric-check-values %s --before=train --integers --pipeline="shard-2d{dp=4 tp=1},schedule{memory=min}" --pipeline="shard-2d{dp=4 tp=2},schedule{memory=min}" --pipeline="shard-2d{dp=6 tp=1},schedule{memory=min}" --pipeline="shard-2d{dp=8 tp=1},schedule{memory=min}"

// A program of linear ops on small whole numbers: loss, result and every
// gradient agree bit by bit on every mesh.

module attributes {fabric.train = #fabric.train<gradients>} {
  func.func @feedforward(
      %x: tensor<48x24xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
      %w1: tensor<72x24xf64> {fabric.param = #fabric.param<"w1">, dist.tp = #dist.tp<colwise>},
      %b1: tensor<72xf64> {fabric.param = #fabric.param<"b1">, dist.tp = #dist.tp<colwise>},
      %w2: tensor<48x72xf64> {fabric.param = #fabric.param<"w2">, dist.tp = #dist.tp<rowwise>},
      %b2: tensor<48xf64> {fabric.param = #fabric.param<"b2">, dist.tp = #dist.tp<rowwise>},
      %w3: tensor<72x24xf64> {fabric.param = #fabric.param<"w3">, dist.tp = #dist.tp<colwise>})
      -> (tensor<f64> {fabric.result = "loss"}, tensor<48x48xf64> {fabric.result = "y"}) {
    %a0 = fabric.linear %x, %w1 : (tensor<48x24xf64>, tensor<72x24xf64>) -> tensor<48x72xf64>
    %b1b = fabric.broadcast %b1 dims = [1] : tensor<72xf64> -> tensor<48x72xf64>
    %a = fabric.add %a0, %b1b : tensor<48x72xf64>
    %c = fabric.linear %x, %w3 : (tensor<48x24xf64>, tensor<72x24xf64>) -> tensor<48x72xf64>
    %d = fabric.sub %a, %c : tensor<48x72xf64>
    %y0 = fabric.linear %d, %w2 : (tensor<48x72xf64>, tensor<48x72xf64>) -> tensor<48x48xf64>
    %b2b = fabric.broadcast %b2 dims = [1] : tensor<48xf64> -> tensor<48x48xf64>
    %y = fabric.add %y0, %b2b : tensor<48x48xf64>
    %loss = fabric.sum %y dims = [0, 1] : tensor<48x48xf64> -> tensor<f64>
    return %loss, %y : tensor<f64>, tensor<48x48xf64>
  }
}
