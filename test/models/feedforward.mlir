// The gated feed-forward with its loss: what it computes on the global batch
// of 16, whatever mesh it is compiled for. It asks to be trained; flags of
// fabric-compile say otherwise:
//
//   fabric-compile feedforward.mlir -o compiled.bin --dp=2 --tp=2 --train=gradients
//
// feedforward.py is the same program in PyTorch, and its parameters have the
// same names. The initialisers are nn.Linear's: uniform within 1/sqrt(fan-in).

module attributes {fabric.train = #fabric.train<adamw, lr = 3.0e-3>} {
  func.func @feedforward(
      %x: tensor<16x128xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
      %w1: tensor<256x128xf32> {fabric.param = #fabric.param<"w1.weight", init = uniform(-0.08838834764831845, 0.08838834764831845)>},
      %w2: tensor<128x256xf32> {fabric.param = #fabric.param<"w2.weight", init = uniform(-0.0625, 0.0625)>},
      %w3: tensor<256x128xf32> {fabric.param = #fabric.param<"w3.weight", init = uniform(-0.08838834764831845, 0.08838834764831845)>})
      -> (tensor<f32> {fabric.result = "loss"}) {
    %a = fabric.linear %x, %w1 : (tensor<16x128xf32>, tensor<256x128xf32>) -> tensor<16x256xf32>
    %b = fabric.silu %a : tensor<16x256xf32>
    %c = fabric.linear %x, %w3 : (tensor<16x128xf32>, tensor<256x128xf32>) -> tensor<16x256xf32>
    %d = fabric.mul %b, %c : tensor<16x256xf32>
    %y = fabric.linear %d, %w2 : (tensor<16x256xf32>, tensor<128x256xf32>) -> tensor<16x128xf32>
    %loss = fabric.sum %y dims = [0, 1] : tensor<16x128xf32> -> tensor<f32>
    return %loss : tensor<f32>
  }
}
