// A reshape that mixes the batch with another dim leaves no place for padding.
module {
  func.func @f(%x: tensor<3x4xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>})
      -> (tensor<4x3xf32> {fabric.result = "y"}) {
    %0 = fabric.reshape %x : tensor<3x4xf32> -> tensor<4x3xf32>
    return %0 : tensor<4x3xf32>
  }
}
