// RUN: fabric-check-values %s --before=train --pipeline="shard-2d,schedule{memory=min}"

// Meshes of three axes, by value, in any order of axes; an axis that is neither
// dp nor tp leaves everything whole.

module attributes {dist.mesh = #dist.mesh<["pp"=2, "dp"=2, "tp"=2]>, fabric.train = #fabric.train<adamw, lr = 3.0e-3, weight_decay = 1.0e-2, beta1 = 9.0e-1, beta2 = 9.99e-1, eps = 1.0e-3>} {
  func.func @feedforward(
      %x: tensor<12x6xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
      %w1: tensor<12x6xf64> {fabric.param = #fabric.param<"w1">, dist.tp = #dist.tp<colwise>},
      %b1: tensor<12xf64> {fabric.param = #fabric.param<"b1">, dist.tp = #dist.tp<colwise>},
      %w2: tensor<18x12xf64> {fabric.param = #fabric.param<"w2">, dist.tp = #dist.tp<rowwise>},
      %b2: tensor<18xf64> {fabric.param = #fabric.param<"b2">, dist.tp = #dist.tp<rowwise>},
      %w3: tensor<12x6xf64> {fabric.param = #fabric.param<"w3">, dist.tp = #dist.tp<colwise>})
      -> (tensor<f64> {fabric.result = "loss"}, tensor<12x18xf64> {fabric.result = "y"}) {
    %a0 = fabric.linear %x, %w1 : (tensor<12x6xf64>, tensor<12x6xf64>) -> tensor<12x12xf64>
    %b1b = fabric.broadcast %b1 dims = [1] : tensor<12xf64> -> tensor<12x12xf64>
    %a = fabric.add %a0, %b1b : tensor<12x12xf64>
    %b = fabric.silu %a : tensor<12x12xf64>
    %c = fabric.linear %x, %w3 : (tensor<12x6xf64>, tensor<12x6xf64>) -> tensor<12x12xf64>
    %d = fabric.mul %b, %c : tensor<12x12xf64>
    %y0 = fabric.linear %d, %w2 : (tensor<12x12xf64>, tensor<18x12xf64>) -> tensor<12x18xf64>
    %b2b = fabric.broadcast %b2 dims = [1] : tensor<18xf64> -> tensor<12x18xf64>
    %y = fabric.add %y0, %b2b : tensor<12x18xf64>
    %sq = fabric.mul %y, %y : tensor<12x18xf64>
    %loss = fabric.sum %sq dims = [0, 1] : tensor<12x18xf64> -> tensor<f64>
    return %loss, %y : tensor<f64>, tensor<12x18xf64>
  }
}

// -----

module attributes {dist.mesh = #dist.mesh<["dp"=1, "pp"=2, "tp"=2]>, fabric.train = #fabric.train<adamw, lr = 3.0e-3, weight_decay = 1.0e-2, beta1 = 9.0e-1, beta2 = 9.99e-1, eps = 1.0e-3>} {
  func.func @feedforward(
      %x: tensor<12x6xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
      %w1: tensor<12x6xf64> {fabric.param = #fabric.param<"w1">, dist.tp = #dist.tp<colwise>},
      %b1: tensor<12xf64> {fabric.param = #fabric.param<"b1">, dist.tp = #dist.tp<colwise>},
      %w2: tensor<18x12xf64> {fabric.param = #fabric.param<"w2">, dist.tp = #dist.tp<rowwise>},
      %b2: tensor<18xf64> {fabric.param = #fabric.param<"b2">, dist.tp = #dist.tp<rowwise>},
      %w3: tensor<12x6xf64> {fabric.param = #fabric.param<"w3">, dist.tp = #dist.tp<colwise>})
      -> (tensor<f64> {fabric.result = "loss"}, tensor<12x18xf64> {fabric.result = "y"}) {
    %a0 = fabric.linear %x, %w1 : (tensor<12x6xf64>, tensor<12x6xf64>) -> tensor<12x12xf64>
    %b1b = fabric.broadcast %b1 dims = [1] : tensor<12xf64> -> tensor<12x12xf64>
    %a = fabric.add %a0, %b1b : tensor<12x12xf64>
    %b = fabric.silu %a : tensor<12x12xf64>
    %c = fabric.linear %x, %w3 : (tensor<12x6xf64>, tensor<12x6xf64>) -> tensor<12x12xf64>
    %d = fabric.mul %b, %c : tensor<12x12xf64>
    %y0 = fabric.linear %d, %w2 : (tensor<12x12xf64>, tensor<18x12xf64>) -> tensor<12x18xf64>
    %b2b = fabric.broadcast %b2 dims = [1] : tensor<18xf64> -> tensor<12x18xf64>
    %y = fabric.add %y0, %b2b : tensor<12x18xf64>
    %sq = fabric.mul %y, %y : tensor<12x18xf64>
    %loss = fabric.sum %sq dims = [0, 1] : tensor<12x18xf64> -> tensor<f64>
    return %loss, %y : tensor<f64>, tensor<12x18xf64>
  }
}

// -----

module attributes {dist.mesh = #dist.mesh<["tp"=2, "dp"=1, "pp"=2]>, fabric.train = #fabric.train<adamw, lr = 3.0e-3, weight_decay = 1.0e-2, beta1 = 9.0e-1, beta2 = 9.99e-1, eps = 1.0e-3>} {
  func.func @feedforward(
      %x: tensor<12x6xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
      %w1: tensor<12x6xf64> {fabric.param = #fabric.param<"w1">, dist.tp = #dist.tp<colwise>},
      %b1: tensor<12xf64> {fabric.param = #fabric.param<"b1">, dist.tp = #dist.tp<colwise>},
      %w2: tensor<18x12xf64> {fabric.param = #fabric.param<"w2">, dist.tp = #dist.tp<rowwise>},
      %b2: tensor<18xf64> {fabric.param = #fabric.param<"b2">, dist.tp = #dist.tp<rowwise>},
      %w3: tensor<12x6xf64> {fabric.param = #fabric.param<"w3">, dist.tp = #dist.tp<colwise>})
      -> (tensor<f64> {fabric.result = "loss"}, tensor<12x18xf64> {fabric.result = "y"}) {
    %a0 = fabric.linear %x, %w1 : (tensor<12x6xf64>, tensor<12x6xf64>) -> tensor<12x12xf64>
    %b1b = fabric.broadcast %b1 dims = [1] : tensor<12xf64> -> tensor<12x12xf64>
    %a = fabric.add %a0, %b1b : tensor<12x12xf64>
    %b = fabric.silu %a : tensor<12x12xf64>
    %c = fabric.linear %x, %w3 : (tensor<12x6xf64>, tensor<12x6xf64>) -> tensor<12x12xf64>
    %d = fabric.mul %b, %c : tensor<12x12xf64>
    %y0 = fabric.linear %d, %w2 : (tensor<12x12xf64>, tensor<18x12xf64>) -> tensor<12x18xf64>
    %b2b = fabric.broadcast %b2 dims = [1] : tensor<18xf64> -> tensor<12x18xf64>
    %y = fabric.add %y0, %b2b : tensor<12x18xf64>
    %sq = fabric.mul %y, %y : tensor<12x18xf64>
    %loss = fabric.sum %sq dims = [0, 1] : tensor<12x18xf64> -> tensor<f64>
    return %loss, %y : tensor<f64>, tensor<12x18xf64>
  }
}

// -----

module attributes {dist.mesh = #dist.mesh<["pp"=2, "dp"=2, "tp"=1]>, fabric.train = #fabric.train<adamw, lr = 3.0e-3, weight_decay = 1.0e-2, beta1 = 9.0e-1, beta2 = 9.99e-1, eps = 1.0e-3>} {
  func.func @feedforward(
      %x: tensor<12x6xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
      %w1: tensor<12x6xf64> {fabric.param = #fabric.param<"w1">, dist.tp = #dist.tp<colwise>},
      %b1: tensor<12xf64> {fabric.param = #fabric.param<"b1">, dist.tp = #dist.tp<colwise>},
      %w2: tensor<18x12xf64> {fabric.param = #fabric.param<"w2">, dist.tp = #dist.tp<rowwise>},
      %b2: tensor<18xf64> {fabric.param = #fabric.param<"b2">, dist.tp = #dist.tp<rowwise>},
      %w3: tensor<12x6xf64> {fabric.param = #fabric.param<"w3">, dist.tp = #dist.tp<colwise>})
      -> (tensor<f64> {fabric.result = "loss"}, tensor<12x18xf64> {fabric.result = "y"}) {
    %a0 = fabric.linear %x, %w1 : (tensor<12x6xf64>, tensor<12x6xf64>) -> tensor<12x12xf64>
    %b1b = fabric.broadcast %b1 dims = [1] : tensor<12xf64> -> tensor<12x12xf64>
    %a = fabric.add %a0, %b1b : tensor<12x12xf64>
    %b = fabric.silu %a : tensor<12x12xf64>
    %c = fabric.linear %x, %w3 : (tensor<12x6xf64>, tensor<12x6xf64>) -> tensor<12x12xf64>
    %d = fabric.mul %b, %c : tensor<12x12xf64>
    %y0 = fabric.linear %d, %w2 : (tensor<12x12xf64>, tensor<18x12xf64>) -> tensor<12x18xf64>
    %b2b = fabric.broadcast %b2 dims = [1] : tensor<18xf64> -> tensor<12x18xf64>
    %y = fabric.add %y0, %b2b : tensor<12x18xf64>
    %sq = fabric.mul %y, %y : tensor<12x18xf64>
    %loss = fabric.sum %sq dims = [0, 1] : tensor<12x18xf64> -> tensor<f64>
    return %loss, %y : tensor<f64>, tensor<12x18xf64>
  }
}

// -----

module attributes {dist.mesh = #dist.mesh<["dp"=1, "pp"=1, "tp"=1]>, fabric.train = #fabric.train<adamw, lr = 3.0e-3, weight_decay = 1.0e-2, beta1 = 9.0e-1, beta2 = 9.99e-1, eps = 1.0e-3>} {
  func.func @feedforward(
      %x: tensor<12x6xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
      %w1: tensor<12x6xf64> {fabric.param = #fabric.param<"w1">, dist.tp = #dist.tp<colwise>},
      %b1: tensor<12xf64> {fabric.param = #fabric.param<"b1">, dist.tp = #dist.tp<colwise>},
      %w2: tensor<18x12xf64> {fabric.param = #fabric.param<"w2">, dist.tp = #dist.tp<rowwise>},
      %b2: tensor<18xf64> {fabric.param = #fabric.param<"b2">, dist.tp = #dist.tp<rowwise>},
      %w3: tensor<12x6xf64> {fabric.param = #fabric.param<"w3">, dist.tp = #dist.tp<colwise>})
      -> (tensor<f64> {fabric.result = "loss"}, tensor<12x18xf64> {fabric.result = "y"}) {
    %a0 = fabric.linear %x, %w1 : (tensor<12x6xf64>, tensor<12x6xf64>) -> tensor<12x12xf64>
    %b1b = fabric.broadcast %b1 dims = [1] : tensor<12xf64> -> tensor<12x12xf64>
    %a = fabric.add %a0, %b1b : tensor<12x12xf64>
    %b = fabric.silu %a : tensor<12x12xf64>
    %c = fabric.linear %x, %w3 : (tensor<12x6xf64>, tensor<12x6xf64>) -> tensor<12x12xf64>
    %d = fabric.mul %b, %c : tensor<12x12xf64>
    %y0 = fabric.linear %d, %w2 : (tensor<12x12xf64>, tensor<18x12xf64>) -> tensor<12x18xf64>
    %b2b = fabric.broadcast %b2 dims = [1] : tensor<18xf64> -> tensor<12x18xf64>
    %y = fabric.add %y0, %b2b : tensor<12x18xf64>
    %sq = fabric.mul %y, %y : tensor<12x18xf64>
    %loss = fabric.sum %sq dims = [0, 1] : tensor<12x18xf64> -> tensor<f64>
    return %loss, %y : tensor<f64>, tensor<12x18xf64>
  }
}

// -----

module attributes {dist.mesh = #dist.mesh<["tp"=3, "dp"=1, "pp"=2]>, fabric.train = #fabric.train<adamw, lr = 3.0e-3, weight_decay = 1.0e-2, beta1 = 9.0e-1, beta2 = 9.99e-1, eps = 1.0e-3>} {
  func.func @feedforward(
      %x: tensor<12x6xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
      %w1: tensor<12x6xf64> {fabric.param = #fabric.param<"w1">, dist.tp = #dist.tp<colwise>},
      %b1: tensor<12xf64> {fabric.param = #fabric.param<"b1">, dist.tp = #dist.tp<colwise>},
      %w2: tensor<18x12xf64> {fabric.param = #fabric.param<"w2">, dist.tp = #dist.tp<rowwise>},
      %b2: tensor<18xf64> {fabric.param = #fabric.param<"b2">, dist.tp = #dist.tp<rowwise>},
      %w3: tensor<12x6xf64> {fabric.param = #fabric.param<"w3">, dist.tp = #dist.tp<colwise>})
      -> (tensor<f64> {fabric.result = "loss"}, tensor<12x18xf64> {fabric.result = "y"}) {
    %a0 = fabric.linear %x, %w1 : (tensor<12x6xf64>, tensor<12x6xf64>) -> tensor<12x12xf64>
    %b1b = fabric.broadcast %b1 dims = [1] : tensor<12xf64> -> tensor<12x12xf64>
    %a = fabric.add %a0, %b1b : tensor<12x12xf64>
    %b = fabric.silu %a : tensor<12x12xf64>
    %c = fabric.linear %x, %w3 : (tensor<12x6xf64>, tensor<12x6xf64>) -> tensor<12x12xf64>
    %d = fabric.mul %b, %c : tensor<12x12xf64>
    %y0 = fabric.linear %d, %w2 : (tensor<12x12xf64>, tensor<18x12xf64>) -> tensor<12x18xf64>
    %b2b = fabric.broadcast %b2 dims = [1] : tensor<18xf64> -> tensor<12x18xf64>
    %y = fabric.add %y0, %b2b : tensor<12x18xf64>
    %sq = fabric.mul %y, %y : tensor<12x18xf64>
    %loss = fabric.sum %sq dims = [0, 1] : tensor<12x18xf64> -> tensor<f64>
    return %loss, %y : tensor<f64>, tensor<12x18xf64>
  }
}

// -----

module attributes {dist.mesh = #dist.mesh<["pp"=2, "dp"=3, "tp"=1]>, fabric.train = #fabric.train<adamw, lr = 3.0e-3, weight_decay = 1.0e-2, beta1 = 9.0e-1, beta2 = 9.99e-1, eps = 1.0e-3>} {
  func.func @feedforward(
      %x: tensor<12x6xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
      %w1: tensor<12x6xf64> {fabric.param = #fabric.param<"w1">, dist.tp = #dist.tp<colwise>},
      %b1: tensor<12xf64> {fabric.param = #fabric.param<"b1">, dist.tp = #dist.tp<colwise>},
      %w2: tensor<18x12xf64> {fabric.param = #fabric.param<"w2">, dist.tp = #dist.tp<rowwise>},
      %b2: tensor<18xf64> {fabric.param = #fabric.param<"b2">, dist.tp = #dist.tp<rowwise>},
      %w3: tensor<12x6xf64> {fabric.param = #fabric.param<"w3">, dist.tp = #dist.tp<colwise>})
      -> (tensor<f64> {fabric.result = "loss"}, tensor<12x18xf64> {fabric.result = "y"}) {
    %a0 = fabric.linear %x, %w1 : (tensor<12x6xf64>, tensor<12x6xf64>) -> tensor<12x12xf64>
    %b1b = fabric.broadcast %b1 dims = [1] : tensor<12xf64> -> tensor<12x12xf64>
    %a = fabric.add %a0, %b1b : tensor<12x12xf64>
    %b = fabric.silu %a : tensor<12x12xf64>
    %c = fabric.linear %x, %w3 : (tensor<12x6xf64>, tensor<12x6xf64>) -> tensor<12x12xf64>
    %d = fabric.mul %b, %c : tensor<12x12xf64>
    %y0 = fabric.linear %d, %w2 : (tensor<12x12xf64>, tensor<18x12xf64>) -> tensor<12x18xf64>
    %b2b = fabric.broadcast %b2 dims = [1] : tensor<18xf64> -> tensor<12x18xf64>
    %y = fabric.add %y0, %b2b : tensor<12x18xf64>
    %sq = fabric.mul %y, %y : tensor<12x18xf64>
    %loss = fabric.sum %sq dims = [0, 1] : tensor<12x18xf64> -> tensor<f64>
    return %loss, %y : tensor<f64>, tensor<12x18xf64>
  }
}
