//===- FabricAttrs.td - What the arguments of a model are ---*- tablegen -*-===//

#ifndef FABRIC_DIALECTS_FABRIC_ATTRS_TD
#define FABRIC_DIALECTS_FABRIC_ATTRS_TD

include "dialects/Fabric/IR/FabricDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class Fabric_Attr<string name, string attrMnemonic>
    : AttrDef<Fabric_Dialect, name> {
  let mnemonic = attrMnemonic;
  let hasCustomAssemblyFormat = 1;
}

def Fabric_InitKind : I32EnumAttr<"InitKind", "a distribution", [
      I32EnumAttrCase<"None", 0, "none">,
      I32EnumAttrCase<"Uniform", 1, "uniform">,
      I32EnumAttrCase<"Normal", 2, "normal">,
      I32EnumAttrCase<"Constant", 3, "constant">]> {
  let cppNamespace = "::mlir::fabric";
  let genSpecializedAttr = 0;
}

def Fabric_InputAttr : Fabric_Attr<"Input", "input"> {
  let summary = "an argument that is data";
  let description = [{
    `batch_dim` is the dim that data parallelism splits; without one the input is
    replicated.

    Example: `#fabric.input<"x", batch_dim = 0>`
  }];
  let parameters = (ins "::mlir::StringAttr":$name,
                        DefaultValuedParameter<"int64_t", "-1">:$batchDim);
}

def Fabric_ParamAttr : Fabric_Attr<"Param", "param"> {
  let summary = "an argument that is a parameter of the model";
  let description = [{
    Its name in the weights file, the distribution that its initial values are
    drawn from where no weights are given, and whether it is `frozen`.

    Example: `#fabric.param<"w1", init = uniform(-0.1, 0.1)>`,
    `#fabric.param<"norm.weight", init = constant(1.0), frozen>`
  }];
  let parameters = (ins "::mlir::StringAttr":$name,
                        DefaultValuedParameter<"InitKind", "InitKind::None">:$initKind,
                        OptionalParameter<"::mlir::FloatAttr">:$initA,
                        OptionalParameter<"::mlir::FloatAttr">:$initB,
                        DefaultValuedParameter<"bool", "false">:$frozen);
}

def Fabric_StateAttr : Fabric_Attr<"State", "state"> {
  let summary = "an argument that is optimizer state of a parameter";
  let description = [{
    Starts at zero. Example: `#fabric.state<"w1", "exp_avg">`
  }];
  let parameters = (ins "::mlir::StringAttr":$param, "::mlir::StringAttr":$name);
}

def Fabric_ScalarAttr : Fabric_Attr<"Scalar", "scalar"> {
  let summary = "an argument that the run sets before every step";
  let description = [{
    "step" counts from 1. Example: `#fabric.scalar<"lr", 3.0e-3>`
  }];
  let parameters = (ins "::mlir::StringAttr":$name,
                        "::mlir::FloatAttr":$defaultValue);
}

def Fabric_TrainMode : I32EnumAttr<"TrainMode", "what training makes", [
      I32EnumAttrCase<"AdamW", 0, "adamw">,
      I32EnumAttrCase<"Gradients", 1, "gradients">]> {
  let cppNamespace = "::mlir::fabric";
  let genSpecializedAttr = 0;
}

def Fabric_TrainAttr : Fabric_Attr<"Train", "train"> {
  let summary = "how the module is trained";
  let description = [{
    `adamw` makes a training step with PyTorch's AdamW; what is left out has
    PyTorch's default. `gradients` makes the loss and every gradient results.

    Example: `#fabric.train<adamw, lr = 3.0e-3, weight_decay = 1.0e-2>`,
    `#fabric.train<gradients>`
  }];
  let parameters = (ins "TrainMode":$mode,
                        "::mlir::FloatAttr":$lr,
                        "::mlir::FloatAttr":$weightDecay,
                        "::mlir::FloatAttr":$beta1,
                        "::mlir::FloatAttr":$beta2,
                        "::mlir::FloatAttr":$eps);
  let extraClassDeclaration = [{
    /// PyTorch's defaults: lr 1e-3, weight decay 1e-2, betas (0.9, 0.999), eps 1e-8.
    static TrainAttr getDefault(::mlir::MLIRContext *context, TrainMode mode);
  }];
}

def Fabric_Predicate : I32EnumAttr<"Predicate", "how two numbers are compared", [
    I32EnumAttrCase<"Eq", 0, "eq">, I32EnumAttrCase<"Ne", 1, "ne">,
    I32EnumAttrCase<"Lt", 2, "lt">, I32EnumAttrCase<"Le", 3, "le">,
    I32EnumAttrCase<"Gt", 4, "gt">, I32EnumAttrCase<"Ge", 5, "ge">]> {
  let cppNamespace = "::mlir::fabric";
  let genSpecializedAttr = 0;
}
def Fabric_PredicateAttr
    : EnumAttr<Fabric_Dialect, Fabric_Predicate, "predicate"> {
  let assemblyFormat = "$value";
}

#endif // FABRIC_DIALECTS_FABRIC_ATTRS_TD
