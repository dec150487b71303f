//===- FabricDialect.td - The fabric dialect ----------------*- tablegen -*-===//

#ifndef FABRIC_DIALECTS_FABRIC_DIALECT_TD
#define FABRIC_DIALECTS_FABRIC_DIALECT_TD

include "mlir/IR/OpBase.td"

def Fabric_Dialect : Dialect {
  let name = "fabric";
  let cppNamespace = "::mlir::fabric";
  let summary = "Models and training steps on global tensors";
  let description = [{
    The model: a function of static ranked tensors. Ops are pure, broadcast
    nothing by themselves, and say through interfaces how they shard, how they
    are differentiated and what they cost.

    Every argument of the model's function carries exactly one of
      * `fabric.input = #fabric.input<"x", batch_dim = 0>`: data;
      * `fabric.param = #fabric.param<"w1", init = uniform(-0.1, 0.1)>`;
      * `fabric.state = #fabric.state<"w1", "exp_avg">`: of the optimizer;
      * `fabric.scalar = #fabric.scalar<"lr", 3.0e-3>`: a number that the run sets.
    A result carries `fabric.result = "loss"`, its name, or `fabric.update_of = 3`:
    it is the new value of argument 3, in place; a named result may carry
    `fabric.gradient_of = 1` too: it is the loss's gradient for argument 1. The
    loss is the first named float result of rank 0.

    A module may carry `fabric.train = #fabric.train<adamw, ...>`: it is then
    differentiated and trained, and carries `fabric.trained` afterwards.
  }];
  let dependentDialects = ["::mlir::dist::DistDialect"];
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
  let extraClassDeclaration = [{
    static constexpr ::llvm::StringLiteral kInputAttr{"fabric.input"};
    static constexpr ::llvm::StringLiteral kParamAttr{"fabric.param"};
    static constexpr ::llvm::StringLiteral kStateAttr{"fabric.state"};
    static constexpr ::llvm::StringLiteral kScalarAttr{"fabric.scalar"};
    static constexpr ::llvm::StringLiteral kResultAttr{"fabric.result"};
    static constexpr ::llvm::StringLiteral kUpdateOfAttr{"fabric.update_of"};
    static constexpr ::llvm::StringLiteral kGradientOfAttr{"fabric.gradient_of"};
    static constexpr ::llvm::StringLiteral kTrainAttr{"fabric.train"};
    static constexpr ::llvm::StringLiteral kTrainedAttr{"fabric.trained"};
    void registerAttributes();
  }];
}

#endif // FABRIC_DIALECTS_FABRIC_DIALECT_TD
