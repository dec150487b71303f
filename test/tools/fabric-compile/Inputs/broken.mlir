func.func @broken(%x: tensor<4xf32> {fabric.input = #fabric.input<"x">}) -> (tensor<4xf32> {fabric.result = "y"}) {
  return %nothing : tensor<4xf32>
}
