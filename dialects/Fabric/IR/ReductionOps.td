//===- ReductionOps.td - Over dims -------------------------*- tablegen -*-===//

#ifndef FABRIC_DIALECTS_FABRIC_REDUCTIONOPS_TD
#define FABRIC_DIALECTS_FABRIC_REDUCTIONOPS_TD

include "dialects/Fabric/IR/OpBase.td"

class Fabric_ReductionOp<string mnemonic, list<string> methods = []>
    : Fabric_Op<mnemonic, [
        DeclareOpInterfaceMethods<StructuredOpInterface, methods>]> {
  let arguments = (ins Fabric_FloatTensor:$operand, DenseI64ArrayAttr:$dims);
  let results = (outs Fabric_FloatTensor:$result);
  let assemblyFormat = [{
    $operand `dims` `=` $dims attr-dict `:` type($operand) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Fabric_SumOp : Fabric_ReductionOp<"sum"> {
  let summary = "sums over dims";
  let description = [{
    The dims are dropped. Accumulates in f32, or in f64 for f64. Linear: the sum
    of a partial value is partial, so that a loss over tensors that were never
    reduced costs one scalar.

    Example: `%1 = fabric.sum %0 dims = [0, 1] : tensor<16x128xf32> -> tensor<f32>`

    **Constraints**
    * C1: dims exist and are named once, in ascending order.
    * C2: the result is the operand without them.
  }];
}

def Fabric_MaxOp : Fabric_ReductionOp<"max", ["getReductionKind"]> {
  let summary = "the largest element over dims";
  let description = [{
    The dims are dropped. NaN where there is one. Equally large elements
    share the gradient, as in `torch.amax`. Split over ranks, it is partial by max.

    Example: `%1 = fabric.max %0 dims = [1] : tensor<16x128xf32> -> tensor<16xf32>`

    **Constraints**
    * C1: dims exist and are named once, in ascending order.
    * C2: the result is the operand without them.
  }];
}

def Fabric_MinOp : Fabric_ReductionOp<"min", ["getReductionKind"]> {
  let summary = "the smallest element over dims";
  let description = [{
    The dims are dropped. NaN where there is one. Equally small elements
    share the gradient, as in `torch.amin`. Split over ranks, it is partial by min.

    Example: `%1 = fabric.min %0 dims = [1] : tensor<16x128xf32> -> tensor<16xf32>`

    **Constraints**
    * C1: dims exist and are named once, in ascending order.
    * C2: the result is the operand without them.
  }];
}

def Fabric_SoftmaxOp : Fabric_Op<"softmax", [
    DeclareOpInterfaceMethods<ShardingOpInterface, ["decompose"]>]> {
  let summary = "exp(a) over its sum along a dim";
  let description = [{
    Shifted by the largest element first, so that nothing overflows. Decomposes
    where the dim is split, and in any case before kernels are made; what is in
    between is in f32, or in f64 for f64.

    Example: `%1 = fabric.softmax %0 dim = 1 : tensor<16x128xf32>`

    **Constraints**
    * C1: operand and result have one shape and element type.
    * C2: the dim exists.
  }];
  let arguments = (ins Fabric_FloatTensor:$operand, I64Attr:$dim);
  let results = (outs Fabric_FloatTensor:$result);
  let assemblyFormat = [{
    $operand `dim` `=` $dim attr-dict
    `:` custom<UnaryTypes>(type($operand), type($result))
  }];
  let hasVerifier = 1;
}

def Fabric_LayerNormOp : Fabric_Op<"layer_norm", [
    DeclareOpInterfaceMethods<ShardingOpInterface, ["decompose"]>]> {
  let summary = "shifted and scaled to mean 0 and variance 1 over dims";
  let description = [{
    (a - mean) / sqrt(variance + eps), with the variance of all elements (not the
    unbiased estimate). A weight and a bias are a `mul` and an `add` of broadcasts.
    Decomposes where a dim is split, and in any case before kernels are made; what
    is in between is in f32, or in f64 for f64.

    Example: `%1 = fabric.layer_norm %0 dims = [1] {eps = 1.0e-5} : tensor<16x128xf32>`

    **Constraints**
    * C1: operand and result have one shape and element type.
    * C2: dims exist and are named once, in ascending order.
    * C3: eps is not negative.
  }];
  let arguments = (ins Fabric_FloatTensor:$operand, DenseI64ArrayAttr:$dims,
                       F64Attr:$eps);
  let results = (outs Fabric_FloatTensor:$result);
  let assemblyFormat = [{
    $operand `dims` `=` $dims attr-dict
    `:` custom<UnaryTypes>(type($operand), type($result))
  }];
  let hasVerifier = 1;
}

#endif // FABRIC_DIALECTS_FABRIC_REDUCTIONOPS_TD
