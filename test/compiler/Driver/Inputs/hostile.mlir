// Modules that a user could write and should not. fabric-mutate runs each
// through the compiler and through every phase: success or an error.

// Nothing at all.
// -----
// A module without a function.
module {}
// -----
// A declaration only.
func.func private @f(tensor<4xf32>) -> tensor<4xf32>
// -----
// A public declaration.
func.func @f(tensor<4xf32>) -> tensor<4xf32>
// -----
// No arguments, no results.
module {
  func.func @f() {
    return
  }
}
// -----
// Two public functions.
func.func @f() { return }
func.func @g() { return }
// -----
// A private function beside the model.
module {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<4x8xf32> {fabric.result = "y"}) {
    return %x : tensor<4x8xf32>
  }
}
module @other { func.func private @g(%x: tensor<4xf32>) -> tensor<4xf32> { return %x : tensor<4xf32> } }
// -----
// A call.
module {
  func.func private @g(%x: tensor<4x8xf32>) -> tensor<4x8xf32> { return %x : tensor<4x8xf32> }
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<4x8xf32> {fabric.result = "y"}) {
    %y = func.call @g(%x) : (tensor<4x8xf32>) -> tensor<4x8xf32>
    return %y : tensor<4x8xf32>
  }
}
// -----
// A recursive call.
module {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<4x8xf32> {fabric.result = "y"}) {
    %y = func.call @f(%x) : (tensor<4x8xf32>) -> tensor<4x8xf32>
    return %y : tensor<4x8xf32>
  }
}
// -----
// An argument without a role.
module {
  func.func @f(%x: tensor<4x8xf32>) -> (tensor<4x8xf32> {fabric.result = "y"}) {
    return %x : tensor<4x8xf32>
  }
}
// -----
// An argument with two roles.
module {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x">, fabric.param = #fabric.param<"x">}) -> (tensor<4x8xf32> {fabric.result = "y"}) {
    return %x : tensor<4x8xf32>
  }
}
// -----
// Two parameters of one name.
module {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}, %w: tensor<8x8xf32> {fabric.param = #fabric.param<"w", init = constant(1.0)>}, %v: tensor<8x8xf32> {fabric.param = #fabric.param<"w", init = constant(1.0)>}) -> (tensor<f32> {fabric.result = "loss"}) {
    %a = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %b = fabric.linear %a, %v : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %s = fabric.sum %b dims = [0, 1] : tensor<4x8xf32> -> tensor<f32>
    return %s : tensor<f32>
  }
}
// -----
// Two inputs of one name.
module {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}, %z: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<4x8xf32> {fabric.result = "y"}) {
    %a = fabric.add %x, %z : tensor<4x8xf32>
    return %a : tensor<4x8xf32>
  }
}
// -----
// Two results of one name.
module {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<4x8xf32> {fabric.result = "y"}, tensor<4x8xf32> {fabric.result = "y"}) {
    return %x, %x : tensor<4x8xf32>, tensor<4x8xf32>
  }
}
// -----
// An argument returned twice.
module {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<4x8xf32> {fabric.result = "y"}, tensor<4x8xf32> {fabric.result = "z"}) {
    return %x, %x : tensor<4x8xf32>, tensor<4x8xf32>
  }
}
// -----
// A result without a name.
module {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<4x8xf32>) {
    return %x : tensor<4x8xf32>
  }
}
// -----
// A result whose name is no name of a file.
module {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<4x8xf32> {fabric.result = "../x"}) {
    %a = fabric.neg %x : tensor<4x8xf32>
    return %a : tensor<4x8xf32>
  }
}
// -----
// A result whose name is no name of a file.
module {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<4x8xf32> {fabric.result = "/abs"}) {
    %a = fabric.neg %x : tensor<4x8xf32>
    return %a : tensor<4x8xf32>
  }
}
// -----
// A result whose name is no name of a file.
module {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<4x8xf32> {fabric.result = "a/b"}) {
    %a = fabric.neg %x : tensor<4x8xf32>
    return %a : tensor<4x8xf32>
  }
}
// -----
// A result whose name is no name of a file.
module {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<4x8xf32> {fabric.result = "a\00b"}) {
    %a = fabric.neg %x : tensor<4x8xf32>
    return %a : tensor<4x8xf32>
  }
}
// -----
// A result whose name is no name of a file.
module {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<4x8xf32> {fabric.result = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}) {
    %a = fabric.neg %x : tensor<4x8xf32>
    return %a : tensor<4x8xf32>
  }
}
// -----
// One argument updated twice.
module {
  func.func @f(%w: tensor<8x8xf32> {fabric.param = #fabric.param<"w", init = constant(1.0)>}) -> (tensor<8x8xf32> {fabric.update_of = 0 : i64}, tensor<8x8xf32> {fabric.update_of = 0 : i64}) {
    %a = fabric.neg %w : tensor<8x8xf32>
    %b = fabric.silu %w : tensor<8x8xf32>
    return %a, %b : tensor<8x8xf32>, tensor<8x8xf32>
  }
}
// -----
// An update of another shape.
module {
  func.func @f(%w: tensor<8x8xf32> {fabric.param = #fabric.param<"w", init = constant(1.0)>}, %x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<4x8xf32> {fabric.update_of = 0 : i64}) {
    %a = fabric.neg %x : tensor<4x8xf32>
    return %a : tensor<4x8xf32>
  }
}
// -----
// An update of an input.
module {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<4x8xf32> {fabric.update_of = 0 : i64}) {
    %a = fabric.neg %x : tensor<4x8xf32>
    return %a : tensor<4x8xf32>
  }
}
// -----
// A parameter exchanged with another.
module {
  func.func @f(%w: tensor<8x8xf32> {fabric.param = #fabric.param<"w", init = constant(1.0)>}, %v: tensor<8x8xf32> {fabric.param = #fabric.param<"v", init = constant(1.0)>}) -> (tensor<8x8xf32> {fabric.update_of = 1 : i64}, tensor<8x8xf32> {fabric.update_of = 0 : i64}) {
    return %w, %v : tensor<8x8xf32>, tensor<8x8xf32>
  }
}
// -----
// A scalar that is no scalar.
module {
  func.func @f(%x: tensor<4x8xf32> {fabric.scalar = #fabric.scalar<"lr", 1.0>}) -> (tensor<4x8xf32> {fabric.result = "y"}) {
    %a = fabric.neg %x : tensor<4x8xf32>
    return %a : tensor<4x8xf32>
  }
}
// -----
// A state without its parameter.
module {
  func.func @f(%x: tensor<4x8xf32> {fabric.state = #fabric.state<"nobody", "m">}) -> (tensor<4x8xf32> {fabric.result = "y"}) {
    %a = fabric.neg %x : tensor<4x8xf32>
    return %a : tensor<4x8xf32>
  }
}
// -----
// Numbers that are not finite.
module attributes {fabric.train = #fabric.train<adamw, lr = 1.0e999, beta1 = -1.0, beta2 = 2.0, eps = -1.0>} {
  func.func @f(%w: tensor<8x8xf32> {fabric.param = #fabric.param<"w", init = uniform(1.0e999, -1.0e999)>}, %s: tensor<f64> {fabric.scalar = #fabric.scalar<"lr", 1.0e999>}) -> (tensor<8x8xf32> {fabric.result = "y"}) {
    %a = fabric.neg %w : tensor<8x8xf32>
    return %a : tensor<8x8xf32>
  }
}
// -----
// Ten terabytes.
module {
  func.func @f(%x: tensor<2500000000000xf32> {fabric.input = #fabric.input<"x">}) -> (tensor<2500000000000xf32> {fabric.result = "y"}) {
    %a = fabric.neg %x : tensor<2500000000000xf32>
    return %a : tensor<2500000000000xf32>
  }
}
// -----
// 2^63 bytes and more.
module {
  func.func @f(%x: tensor<4611686018427387904xf32> {fabric.input = #fabric.input<"x">}) -> (tensor<4611686018427387904xf32> {fabric.result = "y"}) {
    %a = fabric.neg %x : tensor<4611686018427387904xf32>
    return %a : tensor<4611686018427387904xf32>
  }
}
// -----
// A size whose product wraps.
module {
  func.func @f(%x: tensor<4294967296x4294967296xf32> {fabric.input = #fabric.input<"x">}) -> (tensor<4294967296x4294967296xf32> {fabric.result = "y"}) {
    %a = fabric.neg %x : tensor<4294967296x4294967296xf32>
    return %a : tensor<4294967296x4294967296xf32>
  }
}
// -----
// The largest size.
module {
  func.func @f(%x: tensor<9223372036854775807xf32> {fabric.input = #fabric.input<"x">}) -> (tensor<9223372036854775807xf32> {fabric.result = "y"}) {
    %a = fabric.neg %x : tensor<9223372036854775807xf32>
    return %a : tensor<9223372036854775807xf32>
  }
}
// -----
// No elements.
module {
  func.func @f(%x: tensor<0x8xf32> {fabric.input = #fabric.input<"x">}) -> (tensor<0x8xf32> {fabric.result = "y"}) {
    %a = fabric.neg %x : tensor<0x8xf32>
    return %a : tensor<0x8xf32>
  }
}
// -----
// A dynamic dim.
module {
  func.func @f(%x: tensor<?x8xf32> {fabric.input = #fabric.input<"x">}) -> (tensor<?x8xf32> {fabric.result = "y"}) {
    %a = fabric.neg %x : tensor<?x8xf32>
    return %a : tensor<?x8xf32>
  }
}
// -----
// No rank.
module {
  func.func @f(%x: tensor<*xf32> {fabric.input = #fabric.input<"x">}) -> (tensor<*xf32> {fabric.result = "y"}) {
    %a = fabric.neg %x : tensor<*xf32>
    return %a : tensor<*xf32>
  }
}
// -----
// Seventeen dims.
module {
  func.func @f(%x: tensor<1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1xf32> {fabric.input = #fabric.input<"x">}) -> (tensor<1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1xf32> {fabric.result = "y"}) {
    %a = fabric.neg %x : tensor<1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1xf32>
    return %a : tensor<1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1xf32>
  }
}
// -----
// Forty dims.
module {
  func.func @f(%x: tensor<2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2xf32> {fabric.input = #fabric.input<"x">}) -> (tensor<2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2xf32> {fabric.result = "y"}) {
    %a = fabric.neg %x : tensor<2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2xf32>
    return %a : tensor<2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2x2xf32>
  }
}
// -----
// An element type.
module {
  func.func @f(%x: tensor<4x8xi1> {fabric.input = #fabric.input<"x">}) -> (tensor<4x8xi1> {fabric.result = "y"}) {
    %a = fabric.neg %x : tensor<4x8xi1>
    return %a : tensor<4x8xi1>
  }
}
// -----
// An element type.
module {
  func.func @f(%x: tensor<4x8xi4> {fabric.input = #fabric.input<"x">}) -> (tensor<4x8xi4> {fabric.result = "y"}) {
    %a = fabric.neg %x : tensor<4x8xi4>
    return %a : tensor<4x8xi4>
  }
}
// -----
// An element type.
module {
  func.func @f(%x: tensor<4x8xi8> {fabric.input = #fabric.input<"x">}) -> (tensor<4x8xi8> {fabric.result = "y"}) {
    %a = fabric.neg %x : tensor<4x8xi8>
    return %a : tensor<4x8xi8>
  }
}
// -----
// An element type.
module {
  func.func @f(%x: tensor<4x8xi64> {fabric.input = #fabric.input<"x">}) -> (tensor<4x8xi64> {fabric.result = "y"}) {
    %a = fabric.neg %x : tensor<4x8xi64>
    return %a : tensor<4x8xi64>
  }
}
// -----
// An element type.
module {
  func.func @f(%x: tensor<4x8xindex> {fabric.input = #fabric.input<"x">}) -> (tensor<4x8xindex> {fabric.result = "y"}) {
    %a = fabric.neg %x : tensor<4x8xindex>
    return %a : tensor<4x8xindex>
  }
}
// -----
// An element type.
module {
  func.func @f(%x: tensor<4x8xf80> {fabric.input = #fabric.input<"x">}) -> (tensor<4x8xf80> {fabric.result = "y"}) {
    %a = fabric.neg %x : tensor<4x8xf80>
    return %a : tensor<4x8xf80>
  }
}
// -----
// An element type.
module {
  func.func @f(%x: tensor<4x8xf8E4M3FN> {fabric.input = #fabric.input<"x">}) -> (tensor<4x8xf8E4M3FN> {fabric.result = "y"}) {
    %a = fabric.neg %x : tensor<4x8xf8E4M3FN>
    return %a : tensor<4x8xf8E4M3FN>
  }
}
// -----
// An element type.
module {
  func.func @f(%x: tensor<4x8xcomplex<f32>> {fabric.input = #fabric.input<"x">}) -> (tensor<4x8xcomplex<f32>> {fabric.result = "y"}) {
    %a = fabric.neg %x : tensor<4x8xcomplex<f32>>
    return %a : tensor<4x8xcomplex<f32>>
  }
}
// -----
// An element type.
module {
  func.func @f(%x: tensor<4x8xvector<4xf32>> {fabric.input = #fabric.input<"x">}) -> (tensor<4x8xvector<4xf32>> {fabric.result = "y"}) {
    %a = fabric.neg %x : tensor<4x8xvector<4xf32>>
    return %a : tensor<4x8xvector<4xf32>>
  }
}
// -----
// A constant of ten terabytes.
module {
  func.func @f() -> (tensor<2500000000000xf32> {fabric.result = "y"}) {
    %a = fabric.constant dense<0.5> : tensor<2500000000000xf32>
    return %a : tensor<2500000000000xf32>
  }
}
// -----
// A constant of a gigabyte that is one number.
module {
  func.func @f() -> (tensor<268435456xf32> {fabric.result = "y"}) {
    %a = fabric.constant dense<0.5> : tensor<268435456xf32>
    return %a : tensor<268435456xf32>
  }
}
// -----
// A constant that lies elsewhere.
module {
  func.func @f() -> (tensor<4xf32> {fabric.result = "y"}) {
    %a = fabric.constant dense_resource<blob> : tensor<4xf32>
    return %a : tensor<4xf32>
  }
}
{-#
  dialect_resources: { builtin: { blob: "0x040000000000803F0000004000004040" } }
#-}
// -----
// A constant that lies nowhere.
module {
  func.func @f() -> (tensor<4xf32> {fabric.result = "y"}) {
    %a = fabric.constant dense_resource<nowhere> : tensor<4xf32>
    return %a : tensor<4xf32>
  }
}
// -----
// A sparse constant.
module {
  func.func @f() -> (tensor<4xf32> {fabric.result = "y"}) {
    %a = fabric.constant sparse<[[0], [2]], [1.0, 2.0]> : tensor<4xf32>
    return %a : tensor<4xf32>
  }
}
// -----
// A constant with an index outside.
module {
  func.func @f() -> (tensor<4xf32> {fabric.result = "y"}) {
    %a = fabric.constant sparse<[[9]], [1.0]> : tensor<4xf32>
    return %a : tensor<4xf32>
  }
}
// -----
// A constant of bools.
module {
  func.func @f() -> (tensor<4xi1> {fabric.result = "y"}) {
    %a = fabric.constant dense<[true, false, true, false]> : tensor<4xi1>
    return %a : tensor<4xi1>
  }
}
// -----
// A constant of four-bit numbers.
module {
  func.func @f() -> (tensor<4xi4> {fabric.result = "y"}) {
    %a = fabric.constant dense<1> : tensor<4xi4>
    return %a : tensor<4xi4>
  }
}
// -----
// A constant of strings.
func.func @f() { %a = fabric.constant dense<"x"> : tensor<4x!fabric.none>
 return }
// -----
// An op of no dialect.
func.func @f() { "nobody.op"() : () -> ()
 return }
// -----
// An op of a dialect of MLIR.
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> { %a = arith.addf %x, %x : tensor<4xf32>
 return %a : tensor<4xf32> }
// -----
// Several blocks.
func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x">}) -> tensor<4x8xf32> {
  "func.return"(%x)[^bb1] : (tensor<4x8xf32>) -> ()
^bb1:
  return %x : tensor<4x8xf32>
}
// -----
// A function in a function.
func.func @f() {
  func.func @g() { return }
  return
}
// -----
// A module in a module.
module { module { func.func @f() { return } } }
// -----
// A result that no float has.
module attributes {fabric.train = #fabric.train<gradients>} {
  func.func @f(%x: tensor<i64> {fabric.input = #fabric.input<"x">}) -> (tensor<i64> {fabric.result = "loss"}) {
    return %x : tensor<i64>
  }
}
// -----
// Training without a loss.
module attributes {fabric.train = #fabric.train<adamw>} {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}, %w: tensor<8x8xf32> {fabric.param = #fabric.param<"w", init = constant(1.0)>}) -> (tensor<4x8xf32> {fabric.result = "y"}) {
    %a = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    return %a : tensor<4x8xf32>
  }
}
// -----
// Training without parameters.
module attributes {fabric.train = #fabric.train<adamw>} {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<f32> {fabric.result = "loss"}) {
    %s = fabric.sum %x dims = [0, 1] : tensor<4x8xf32> -> tensor<f32>
    return %s : tensor<f32>
  }
}
// -----
// A loss that depends on no parameter.
module attributes {fabric.train = #fabric.train<adamw>} {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}, %w: tensor<8x8xf32> {fabric.param = #fabric.param<"w", init = constant(1.0)>}) -> (tensor<f32> {fabric.result = "loss"}) {
    %s = fabric.sum %x dims = [0, 1] : tensor<4x8xf32> -> tensor<f32>
    return %s : tensor<f32>
  }
}
// -----
// A name that training gives, too.
module attributes {fabric.train = #fabric.train<adamw>} {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}, %w: tensor<8x8xf32> {fabric.param = #fabric.param<"w", init = constant(1.0)>}, %lr: tensor<f64> {fabric.scalar = #fabric.scalar<"lr", 1.0>}, %m: tensor<8x8xf32> {fabric.state = #fabric.state<"w", "exp_avg">}) -> (tensor<f32> {fabric.result = "loss"}) {
    %a = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %s = fabric.sum %a dims = [0, 1] : tensor<4x8xf32> -> tensor<f32>
    return %s : tensor<f32>
  }
}
// -----
// A mesh.
module attributes {dist.mesh = #dist.mesh<["dp"=1073741824]>} {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}, %w: tensor<8x8xf32> {fabric.param = #fabric.param<"w", init = constant(1.0)>}) -> (tensor<4x8xf32> {fabric.result = "y"}) {
    %a = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    return %a : tensor<4x8xf32>
  }
}
// -----
// A mesh.
module attributes {dist.mesh = #dist.mesh<["dp"=1048576, "tp"=1024]>} {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}, %w: tensor<8x8xf32> {fabric.param = #fabric.param<"w", init = constant(1.0)>}) -> (tensor<4x8xf32> {fabric.result = "y"}) {
    %a = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    return %a : tensor<4x8xf32>
  }
}
// -----
// A mesh.
module attributes {dist.mesh = #dist.mesh<["x"=2]>} {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}, %w: tensor<8x8xf32> {fabric.param = #fabric.param<"w", init = constant(1.0)>}) -> (tensor<4x8xf32> {fabric.result = "y"}) {
    %a = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    return %a : tensor<4x8xf32>
  }
}
// -----
// A mesh.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2, "pp"=2]>} {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}, %w: tensor<8x8xf32> {fabric.param = #fabric.param<"w", init = constant(1.0)>}) -> (tensor<4x8xf32> {fabric.result = "y"}) {
    %a = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    return %a : tensor<4x8xf32>
  }
}
// -----
// A mesh.
module attributes {dist.mesh = #dist.mesh<["tp"=0]>} {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}, %w: tensor<8x8xf32> {fabric.param = #fabric.param<"w", init = constant(1.0)>}) -> (tensor<4x8xf32> {fabric.result = "y"}) {
    %a = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    return %a : tensor<4x8xf32>
  }
}
// -----
// A mesh.
module attributes {dist.mesh = #dist.mesh<["dp"=9223372036854775807, "tp"=9223372036854775807]>} {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}, %w: tensor<8x8xf32> {fabric.param = #fabric.param<"w", init = constant(1.0)>}) -> (tensor<4x8xf32> {fabric.result = "y"}) {
    %a = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    return %a : tensor<4x8xf32>
  }
}
// -----
// A mesh.
module attributes {dist.mesh = #dist.mesh<[]>} {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}, %w: tensor<8x8xf32> {fabric.param = #fabric.param<"w", init = constant(1.0)>}) -> (tensor<4x8xf32> {fabric.result = "y"}) {
    %a = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    return %a : tensor<4x8xf32>
  }
}
// -----
// A mesh.
module attributes {dist.mesh = #dist.mesh<["dp"=2, "dp"=2]>} {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}, %w: tensor<8x8xf32> {fabric.param = #fabric.param<"w", init = constant(1.0)>}) -> (tensor<4x8xf32> {fabric.result = "y"}) {
    %a = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    return %a : tensor<4x8xf32>
  }
}
// -----
// Module attributes of other types.
module attributes {dist.mesh = "x", fabric.train = 1, dist.partitioned = 2, fabric.trained = unit, fabric.x} { func.func @f() { return } }
// -----
// A module that says it is partitioned.
module attributes {dist.partitioned, dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}, %w: tensor<8x8xf32> {fabric.param = #fabric.param<"w", init = constant(1.0)>}) -> (tensor<4x8xf32> {fabric.result = "y"}) {
    %a = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    return %a : tensor<4x8xf32>
  }
}
// -----
// A module that says it is partitioned, without a mesh.
module attributes {dist.partitioned} {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<4x8xf32> {fabric.result = "y"}) {
    return %x : tensor<4x8xf32>
  }
}
// -----
// Dims that are none.
module {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<f32> {fabric.result = "loss"}) {
    %s = fabric.sum %x dims = [0, 0, -1, 9223372036854775807] : tensor<4x8xf32> -> tensor<f32>
    return %s : tensor<f32>
  }
}
// -----
// A permutation that is none.
module {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<4x8xf32> {fabric.result = "y"}) {
    %s = fabric.transpose %x permutation = [1, 1] : tensor<4x8xf32> -> tensor<8x8xf32>
    return %x : tensor<4x8xf32>
  }
}
// -----
// An encoding that is no sharding.
module {
  func.func @f(%x: tensor<4x8xf32, 5 : i64> {fabric.input = #fabric.input<"x">}) -> (tensor<4x8xf32, 5 : i64> {fabric.result = "y"}) {
    %a = fabric.neg %x : tensor<4x8xf32, 5 : i64>
    return %a : tensor<4x8xf32, 5 : i64>
  }
}
// -----
// Results of a sharding that argues with itself.
#mesh = #dist.mesh<["dp"=2, "tp"=2]>
module {
  func.func @f(%x: tensor<4x8xf32, #dist.sharding<#mesh, [{"dp"}, {"dp"}]>> {fabric.input = #fabric.input<"x">}) -> (tensor<4x8xf32>) {
    return %x : tensor<4x8xf32>
  }
}
// -----
// A dim that its axes do not divide.
#mesh = #dist.mesh<["dp"=3, "tp"=2]>
module attributes {dist.mesh = #mesh} {
  func.func @f(%x: tensor<4x8xf32, #dist.sharding<#mesh, [{"dp"}, {}]>> {fabric.input = #fabric.input<"x">}) -> (tensor<4x8xf32, #dist.sharding<#mesh, [{"dp"}, {}]>> {fabric.result = "y"}) {
    return %x : tensor<4x8xf32, #dist.sharding<#mesh, [{"dp"}, {}]>>
  }
}
// -----
// A result that an op does not have, by far.
module {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>}) -> (tensor<4x8xf32> {fabric.result = "y"}) {
    return %x#2147483647 : tensor<4x8xf32>
  }
}
// -----
// Brackets without end.
module attributes {a = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]} {}
