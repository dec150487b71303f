//===- Passes.td - From a model to a training step ----------*- tablegen -*-===//

#ifndef FABRIC_PASSES_TRAINING_PASSES_TD
#define FABRIC_PASSES_TRAINING_PASSES_TD

include "mlir/Pass/PassBase.td"

def NameArgumentsPass : Pass<"fabric-name-arguments", "::mlir::ModuleOp"> {
  let summary = "Gives the model's arguments locations that carry their names";
  let description = [{
    For people who read the IR: printed with `--mlir-use-nameloc-as-prefix`, which
    `fabric-opt` sets, a parameter is `%w1.weight` after every phase, and what is
    made at its location, such as the gathered weight, is called after it.

    Precondition: one public function, of one block. Postcondition: the location of
    an argument with a role is a NameLoc.
  }];
}

def MixedPrecisionPass : Pass<"fabric-mixed-precision", "::mlir::ModuleOp"> {
  let summary = "Computes the module in bf16, with parameters in f32";
  let description = [{
    Parameters and float inputs are cast where the module uses them first, its ops
    compute in `param-dtype`, and what leaves it is cast back: arguments and results
    keep their types. The module is all that named results of rank 1 or more are
    made from, and all that ops are made from in which data meets a parameter; what
    the loss does with that, it does in f32.

    `reduce-dtype` is only checked here: `fabric-widen-reductions` does it.

    Precondition: global tensors, parameters in f32; one public function, of one
    block; not trained yet, for a cast's derivative is the cast back, which makes
    gradients f32.
    Postcondition: as said. Something does compute in `param-dtype`.

    ```mlir
    %y = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<2x8xf32>) -> tensor<4x2xf32>
    %loss = fabric.sum %y dims = [0, 1] : tensor<4x2xf32> -> tensor<f32>
    ```
    becomes
    ```mlir
    %x_0 = fabric.cast %x : tensor<4x8xf32> -> tensor<4x8xbf16>
    %w_1 = fabric.cast %w : tensor<2x8xf32> -> tensor<2x8xbf16>
    %y = fabric.linear %x_0, %w_1 : (tensor<4x8xbf16>, tensor<2x8xbf16>) -> tensor<4x2xbf16>
    %y_2 = fabric.cast %y : tensor<4x2xbf16> -> tensor<4x2xf32>
    %loss = fabric.sum %y_2 dims = [0, 1] : tensor<4x2xf32> -> tensor<f32>
    ```
  }];
  let options = [
    Option<"paramDtype", "param-dtype", "std::string", /*default=*/"",
           "what the module computes in: bf16">,
    Option<"reduceDtype", "reduce-dtype", "std::string", /*default=*/"\"f32\"",
           "what terms are reduced in: f32 or bf16">];
  let dependentDialects = ["::mlir::fabric::FabricDialect"];
  let statistics = [
    Statistic<"numNarrowed", "narrowed-ops", "Number of ops that compute in it">,
    Statistic<"numCasts", "casts", "Number of values cast to it or back">];
}

def DifferentiatePass : Pass<"fabric-differentiate", "::mlir::ModuleOp"> {
  let summary = "Appends the gradient of the loss for every trainable parameter";
  let description = [{
    Reverse-mode differentiation over DerivativeOpInterface. The loss is the first
    named float result of rank 0. Each trainable parameter (one that is not
    `frozen`) gets a result `grad.<name>` that carries `fabric.gradient_of`; where
    the loss does not depend on it, this is a constant zero. Uses of a tied
    parameter, which is one argument, add up.

    Only what trainable parameters need is computed: no gradients of inputs or of
    frozen parameters. Ops of the backward pass follow the forward pass and carry
    the location of the op that they are the derivative of.

    Precondition: global tensors; one public function, of one block. A module
    without `fabric.train` is left alone.
    Postcondition: as said. With `#fabric.train<gradients>` the attribute becomes
    `fabric.trained`; else it stays for `fabric-apply-optimizer`.

    ```mlir
    func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x">},
        %w: tensor<2x8xf32> {fabric.param = #fabric.param<"w">}) -> (tensor<f32> {fabric.result = "loss"}) {
      %y = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<2x8xf32>) -> tensor<4x2xf32>
      %loss = fabric.sum %y dims = [0, 1] : tensor<4x2xf32> -> tensor<f32>
      return %loss : tensor<f32>
    }
    ```
    becomes
    ```mlir
    func.func @f(%x: ..., %w: ...) -> (tensor<f32> {fabric.result = "loss"},
        tensor<2x8xf32> {fabric.gradient_of = 1 : i64, fabric.result = "grad.w"}) {
      %y = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<2x8xf32>) -> tensor<4x2xf32>
      %loss = fabric.sum %y dims = [0, 1] : tensor<4x2xf32> -> tensor<f32>
      %one = fabric.constant dense<1.0> : tensor<f32>
      %dy = fabric.broadcast %one dims = [] : tensor<f32> -> tensor<4x2xf32>
      %dw = fabric.contract %dy, %x batch = [] x [] contract = [0] x [0]
          : (tensor<4x2xf32>, tensor<4x8xf32>) -> tensor<2x8xf32>
      return %loss, %dw : tensor<f32>, tensor<2x8xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::fabric::FabricDialect"];
  let statistics = [
    Statistic<"numGradients", "gradients",
              "Number of parameters that the loss is differentiated for">,
    Statistic<"numZeroGradients", "zero-gradients",
              "Number of those that the loss does not depend on">,
    Statistic<"numDifferentiated", "differentiated-ops",
              "Number of ops on the way from parameters to the loss">];
}

def WidenReductionsPass : Pass<"fabric-widen-reductions", "::mlir::ModuleOp"> {
  let summary = "Rounds sums to bf16 after they are whole, not their terms";
  let description = [{
    Every op that sums, by its sharding rule, and gives bf16, gives `dtype`, and a
    cast rounds it. Below a cast to a narrower type nothing is partial, so the terms
    that a mesh makes of the sum are reduced in `dtype`. Products take bf16 operands
    all the same; other ops compute on operands cast to `dtype`.

    The rounding moves below ops that are jointly linear in what was rounded for
    them alone: three products that meet in adds are rounded, and reduced, once.
    Rounding that all who read it undo by a cast vanishes, so a gradient of an f32 parameter is what
    its product accumulated.

    Precondition: global tensors; one public function, of one block.
    Postcondition: no op of one result that sums gives a type narrower than `dtype`.

    ```mlir
    %dw = fabric.contract %dy, %x batch = [] x [] contract = [0] x [0]
        : (tensor<4x2xbf16>, tensor<4x8xbf16>) -> tensor<2x8xbf16>
    %dw_0 = fabric.cast %dw : tensor<2x8xbf16> -> tensor<2x8xf32>
    ```
    becomes
    ```mlir
    %dw = fabric.contract %dy, %x batch = [] x [] contract = [0] x [0]
        : (tensor<4x2xbf16>, tensor<4x8xbf16>) -> tensor<2x8xf32>
    ```
  }];
  let options = [
    Option<"dtype", "dtype", "std::string", /*default=*/"\"f32\"",
           "what terms are reduced in: f32, or bf16, which changes nothing">];
  let dependentDialects = ["::mlir::fabric::FabricDialect"];
  let statistics = [
    Statistic<"numWidened", "widened-ops", "Number of ops that give wide sums">,
    Statistic<"numUnrounded", "unrounded-values",
              "Number of values that are not rounded any more">];
}

def ApplyOptimizerPass : Pass<"fabric-apply-optimizer", "::mlir::ModuleOp"> {
  let summary = "Turns gradients into updates of parameters and optimizer state";
  let description = [{
    With `#fabric.train<adamw, ...>`: every parameter with a gradient gets two
    state arguments, `exp_avg` and `exp_avg_sq`, and a `fabric.adamw`, whose
    results are returned as updates of the three arguments. Two scalars, `lr`
    (with the attribute's value for its default) and `step`, which counts from 1,
    are the last arguments. Results without a name, and the gradients, are
    returned no longer; a parameter that is frozen has neither state nor update.

    Precondition: `fabric-differentiate` has run. A module without `fabric.train`
    is left alone.
    Postcondition: the module carries `fabric.trained` instead of `fabric.train`,
    so that a second run changes nothing.

    ```mlir
    func.func @f(%w: tensor<2xf32> {fabric.param = #fabric.param<"w">}) -> (tensor<f32> {fabric.result = "loss"},
        tensor<2xf32> {fabric.gradient_of = 0 : i64, fabric.result = "grad.w"}) {
      ...
      return %loss, %dw : tensor<f32>, tensor<2xf32>
    }
    ```
    becomes
    ```mlir
    func.func @f(%w: tensor<2xf32> {fabric.param = #fabric.param<"w">},
        %m: tensor<2xf32> {fabric.state = #fabric.state<"w", "exp_avg">},
        %v: tensor<2xf32> {fabric.state = #fabric.state<"w", "exp_avg_sq">},
        %lr: tensor<f64> {fabric.scalar = #fabric.scalar<"lr", 0.003>},
        %step: tensor<f64> {fabric.scalar = #fabric.scalar<"step", 1.0>})
        -> (tensor<f32> {fabric.result = "loss"}, tensor<2xf32> {fabric.update_of = 0 : i64},
            tensor<2xf32> {fabric.update_of = 1 : i64}, tensor<2xf32> {fabric.update_of = 2 : i64}) {
      ...
      %w1, %m1, %v1 = fabric.adamw %w, %dw, %m, %v, lr = %lr, step = %step {...} : ...
      return %loss, %w1, %m1, %v1 : ...
    }
    ```
  }];
  let dependentDialects = ["::mlir::fabric::FabricDialect"];
  let statistics = [
    Statistic<"numUpdated", "updated-parameters",
              "Number of parameters that the optimizer updates">];
}

def VerifyTrainedPass : Pass<"fabric-verify-trained", "::mlir::ModuleOp"> {
  let summary = "Checks what the train phase leaves behind";
  let description = [{
    The end of the phase. Changes nothing.
      * T1: no `fabric.train` is left.
      * T2: names of results differ.
      * T3: after AdamW every trainable parameter, and every state, is updated by
        exactly one result of its type, and nothing else is; no gradient is
        returned; `lr` and `step` are arguments.
      * T4: after `gradients` every trainable parameter has exactly one gradient,
        of its type, and nothing is updated.
  }];
}

#endif // FABRIC_PASSES_TRAINING_PASSES_TD
