//===- DistOps.td - Reshards and collectives ----------------*- tablegen -*-===//

#ifndef FABRIC_DIALECTS_DIST_OPS_TD
#define FABRIC_DIALECTS_DIST_OPS_TD

include "dialects/Dist/IR/DistAttrs.td"
include "dialects/Dist/IR/DistInterfaces.td"
include "dialects/Dist/IR/DistTypes.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Dist_Op<string mnemonic, list<Trait> traits = []>
    : Op<Dist_Dialect, mnemonic, traits> {
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Shardings
//===----------------------------------------------------------------------===//

def Dist_ReshardOp : Dist_Op<"reshard", [Pure]> {
  let summary = "the same global tensor under another sharding";
  let description = [{
    The identity on the value. Made where two ops disagree about the sharding of
    a tensor, and between the storage and the compute sharding of a parameter;
    turned into collectives by `dist-reshard-to-collectives`.

    ```mlir
    %1 = dist.reshard %0 : tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {} ]>>
                        -> tensor<8x4xf32, #dist.sharding<#mesh, [{}, {} ]>>
    ```

    **Constraints**
    * C1: operand and result have the same shape and element type.
    * C2: operand and result carry shardings of the same mesh, or neither carries one.
    * C3: a result that is partial is partial in the operand too.
  }];
  let arguments = (ins Dist_Tensor:$operand);
  let results = (outs Dist_Tensor:$result);
  let assemblyFormat = "$operand attr-dict `:` type($operand) `->` type($result)";
  let hasFolder = 1;
}

def Dist_ConstraintOp : Dist_Op<"constraint", [Pure]> {
  let summary = "a sharding that the user asks for";
  let description = [{
    The identity on the value. Its sharding is honoured by propagation, or refused
    with this location. Lives from the model to the end of propagation, which
    replaces it by what it asked for. The mesh may be named without sizes,
    `#dist.mesh<["dp", "tp"]>`; a dim that the axes do not divide is padded by
    `dist-pad-uneven`. With `chosen` it is the compiler's own, which a later choice
    may refine. `asked_by` says who asks, for errors.

    ```mlir
    %1 = dist.constraint %0 sharding = <#mesh, [{"dp"}, {"tp"} ]> : tensor<8x4xf32>
    ```

    **Constraints**
    * C1: the sharding has a list of axes for each dim of the tensor.
    * C2: the sharding is not partial.
  }];
  let arguments = (ins Dist_Tensor:$operand, Dist_ShardingAttr:$sharding,
                       UnitAttr:$chosen, OptionalAttr<StrAttr>:$asked_by);
  let results = (outs Dist_Tensor:$result);
  let assemblyFormat = [{
    $operand `sharding` `=` $sharding (`chosen` $chosen^)?
    (`asked_by` `=` $asked_by^)? attr-dict `:`
    custom<SameType>(type($operand), type($result))
  }];
  let extraClassDeclaration = [{
    /// "constraint", or "constraint of values key "h"".
    std::string describe();
  }];
}

def Dist_AxisIndexOp : Dist_Op<"axis_index", [Pure]> {
  let summary = "the rank's coordinate along axes";
  let description = [{
    The only source of rank dependence: the mixed-radix coordinate of the rank in
    `axes`, major first. On a mesh ["dp"=2, "tp"=2] and axes {"tp"}:

    ```
    rank     0  1  2  3
    result   0  1  0  1
    ```

    Made by localise, consumed by lowering.

    **Constraints**
    * C1: every axis is one of the module's mesh.
  }];
  let arguments = (ins Dist_AxesAttr:$axes);
  let results = (outs I64:$result);
  let assemblyFormat = "custom<Axes>($axes) attr-dict `:` type($result)";
}

//===----------------------------------------------------------------------===//
// Collectives
//===----------------------------------------------------------------------===//

class Dist_CollectiveOp<string mnemonic, list<Trait> traits = []>
    : Dist_Op<mnemonic, traits # [
        Pure, DeclareOpInterfaceMethods<CollectiveOpInterface>]> {
  let arguments = (ins Dist_Tensor:$operand, Dist_AxesAttr:$axes);
  let results = (outs Dist_Tensor:$result);
}

def Dist_AllGatherOp : Dist_CollectiveOp<"all_gather"> {
  let summary = "joins the blocks along a dim";
  let description = [{
    ```
    axes {"tp"}, dim 0      tp 0    tp 1
    operand                  a       b
    result                   ab      ab
    ```
    Global view: takes `axes`, the last of dim `dim`, from the sharding.

    **Constraints**
    * C1: `dim` is a dim of the tensor.
    * C2: operand and result both carry shardings of one mesh, or neither does.
    * C3: global view: the operand's sharding of `dim` ends in `axes`; without them
      it is the result's; all else is equal.
    * C4: local: the result's `dim` is the operand's times the number of ranks; all
      else is equal.
  }];
  let arguments = (ins Dist_Tensor:$operand, I64Attr:$dim,
                       Dist_AxesAttr:$axes);
  let assemblyFormat = [{
    $operand `dim` `=` $dim `axes` `=` custom<Axes>($axes) attr-dict `:`
    type($operand) `->` type($result)
  }];
}

def Dist_AllSliceOp : Dist_CollectiveOp<"all_slice"> {
  let summary = "keeps the rank's own block along a dim";
  let description = [{
    No traffic.
    ```
    axes {"tp"}, dim 0      tp 0    tp 1
    operand                  ab      ab
    result                   a       b
    ```
    Global view: appends `axes` to the sharding of dim `dim`.

    **Constraints**
    * C1: `dim` is a dim of the tensor.
    * C2: operand and result both carry shardings of one mesh, or neither does.
    * C3: global view: the result's sharding of `dim` is the operand's followed by
      `axes`; all else is equal.
    * C4: local: the operand's `dim` is the result's times the number of ranks; all
      else is equal.
  }];
  let arguments = (ins Dist_Tensor:$operand, I64Attr:$dim,
                       Dist_AxesAttr:$axes);
  let assemblyFormat = [{
    $operand `dim` `=` $dim `axes` `=` custom<Axes>($axes) attr-dict `:`
    type($operand) `->` type($result)
  }];
}

def Dist_ReduceScatterOp : Dist_CollectiveOp<"reduce_scatter"> {
  let summary = "reduces the terms and keeps the rank's own block";
  let description = [{
    ```
    axes {"tp"}, dim 0      tp 0        tp 1
    operand                  ab          cd
    result                   a+c         b+d
    ```
    Global view: takes `axes` from the partial axes and appends them to the
    sharding of dim `dim`.

    **Constraints**
    * C1: `dim` is a dim of the tensor.
    * C2: operand and result both carry shardings of one mesh, or neither does.
    * C3: global view: the operand is partial over `axes`, with this reduction; the
      result's sharding of `dim` is the operand's followed by `axes`; all else is
      equal.
    * C4: local: the operand's `dim` is the result's times the number of ranks; all
      else is equal.
  }];
  let arguments = (ins Dist_ReductionKindAttr:$reduction,
                       Dist_Tensor:$operand, I64Attr:$dim,
                       Dist_AxesAttr:$axes);
  let assemblyFormat = [{
    custom<Reduction>($reduction) $operand `dim` `=` $dim `axes` `=` custom<Axes>($axes) attr-dict
    `:` type($operand) `->` type($result)
  }];
}

def Dist_AllReduceOp : Dist_CollectiveOp<"all_reduce"> {
  let summary = "reduces the terms";
  let description = [{
    ```
    axes {"tp"}             tp 0    tp 1
    operand                  a       b
    result                   a+b     a+b
    ```
    Global view: takes `axes` from the partial axes.

    **Constraints**
    * C1: operand and result both carry shardings of one mesh, or neither does.
    * C2: global view: the operand is partial over `axes`, with this reduction; all
      else is equal.
    * C3: local: operand and result have the same type.
  }];
  let arguments = (ins Dist_ReductionKindAttr:$reduction,
                       Dist_Tensor:$operand, Dist_AxesAttr:$axes);
  let assemblyFormat = [{
    custom<Reduction>($reduction) $operand `axes` `=` custom<Axes>($axes) attr-dict `:`
    custom<SameType>(type($operand), type($result))
  }];
}

def Dist_AllToAllOp : Dist_CollectiveOp<"all_to_all"> {
  let summary = "moves the split from one dim to another";
  let description = [{
    ```
    axes {"tp"}             tp 0        tp 1
    operand (dim 0 split)   a b         c d      rows; each cut in two along dim 1
    result (dim 1 split)    a           b
                            c           d
    ```
    Global view: takes `axes`, the last of dim `concat_dim`, and appends them to the
    sharding of dim `split_dim`.

    **Constraints**
    * C1: `split_dim` and `concat_dim` are different dims of the tensor.
    * C2: operand and result both carry shardings of one mesh, or neither does.
    * C3: global view: the operand's sharding of `concat_dim` ends in `axes`, which the
      result has at the end of `split_dim` instead; all else is equal.
    * C4: local: `split_dim` shrinks and `concat_dim` grows by the number of ranks; all
      else is equal.
  }];
  let arguments = (ins Dist_Tensor:$operand, I64Attr:$split_dim,
                       I64Attr:$concat_dim, Dist_AxesAttr:$axes);
  let assemblyFormat = [{
    $operand `split_dim` `=` $split_dim `concat_dim` `=` $concat_dim `axes` `=`
    custom<Axes>($axes) attr-dict `:` type($operand) `->` type($result)
  }];
}

#endif // FABRIC_DIALECTS_DIST_OPS_TD
