// The gated feed-forward without a loss: y = w2(silu(w1(x)) * w3(x)) on the
// global batch of 16. Partitioned for dp=2 tp=2 it shows the all-reduce over
// "tp" after w2; feedforward.mlir is the same model with its loss.

module {
  func.func @feedforward(
      %x: tensor<16x128xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
      %w1: tensor<256x128xf32> {fabric.param = #fabric.param<"w1.weight", init = uniform(-0.08838834764831845, 0.08838834764831845)>},
      %w2: tensor<128x256xf32> {fabric.param = #fabric.param<"w2.weight", init = uniform(-0.0625, 0.0625)>},
      %w3: tensor<256x128xf32> {fabric.param = #fabric.param<"w3.weight", init = uniform(-0.08838834764831845, 0.08838834764831845)>})
      -> (tensor<16x128xf32> {fabric.result = "output"}) {
    %a = fabric.linear %x, %w1 : (tensor<16x128xf32>, tensor<256x128xf32>) -> tensor<16x256xf32>
    %b = fabric.silu %a : tensor<16x256xf32>
    %c = fabric.linear %x, %w3 : (tensor<16x128xf32>, tensor<256x128xf32>) -> tensor<16x256xf32>
    %d = fabric.mul %b, %c : tensor<16x256xf32>
    %y = fabric.linear %d, %w2 : (tensor<16x256xf32>, tensor<128x256xf32>) -> tensor<16x128xf32>
    return %y : tensor<16x128xf32>
  }
}
