//===- FabricOps.td - The ops of a model --------------------*- tablegen -*-===//

#ifndef FABRIC_DIALECTS_FABRIC_OPS_TD
#define FABRIC_DIALECTS_FABRIC_OPS_TD

include "dialects/Dist/IR/DistInterfaces.td"
include "dialects/Dist/IR/DistTypes.td"
include "dialects/Fabric/IR/FabricAttrs.td"
include "dialects/Fabric/IR/FabricInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/ViewLikeInterface.td"

def Fabric_Float : AnyTypeOf<[F32, BF16, F16, F64]>;
def Fabric_Number : AnyTypeOf<[F32, BF16, F16, F64, I8, I32, I64, I1]>;
def Fabric_Tensor
    : Dist_SupportedTensor<StaticShapeTensorOf<[Fabric_Number]>,
          "statically shaped tensor of f32, bf16, f16, f64, i8, i32, i64 or i1, "
          "sizes of at least 1">;
def Fabric_FloatTensor
    : Dist_SupportedTensor<StaticShapeTensorOf<[Fabric_Float]>,
          "statically shaped tensor of f32, bf16, f16 or f64, sizes of at "
          "least 1">;

class Fabric_Op<string mnemonic, list<Trait> traits = []>
    : Op<Fabric_Dialect, mnemonic, traits # [
        Pure,
        DeclareOpInterfaceMethods<ShardingOpInterface>,
        DeclareOpInterfaceMethods<DerivativeOpInterface>,
        DeclareOpInterfaceMethods<CostOpInterface>]>;

/// An op that is a loop nest: the rule follows from its maps.
class Fabric_StructuredOp<string mnemonic, list<Trait> traits = []>
    : Fabric_Op<mnemonic, traits # [
        DeclareOpInterfaceMethods<StructuredOpInterface>]>;

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

class Fabric_UnaryOp<string mnemonic>
    : Fabric_StructuredOp<mnemonic> {
  let arguments = (ins Fabric_FloatTensor:$operand);
  let results = (outs Fabric_FloatTensor:$result);
  let assemblyFormat = [{
    $operand attr-dict `:` custom<UnaryTypes>(type($operand), type($result))
  }];
  let hasVerifier = 1;
}

class Fabric_BinaryOp<string mnemonic>
    : Fabric_StructuredOp<mnemonic> {
  let arguments = (ins Fabric_FloatTensor:$lhs, Fabric_FloatTensor:$rhs);
  let results = (outs Fabric_FloatTensor:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs attr-dict `:`
    custom<BinaryTypes>(type($lhs), type($rhs), type($result))
  }];
  let hasVerifier = 1;
}

def Fabric_AddOp : Fabric_BinaryOp<"add"> {
  let summary = "a + b, elementwise";
  let description = [{
    Jointly linear: a sum of two values that are partial over the same axes is
    partial over them.

    Example: `%2 = fabric.add %0, %1 : tensor<16x256xf32>`

    **Constraints**
    * C1: operands and result have one shape and element type.
  }];
}

def Fabric_SubOp : Fabric_BinaryOp<"sub"> {
  let summary = "a - b, elementwise";
  let description = [{
    Jointly linear, as `add` is.

    Example: `%2 = fabric.sub %0, %1 : tensor<16x256xf32>`

    **Constraints**
    * C1: operands and result have one shape and element type.
  }];
}

def Fabric_MulOp : Fabric_BinaryOp<"mul"> {
  let summary = "a * b, elementwise";
  let description = [{
    Linear in each operand: of the two, one may be partial over an axis.

    Example: `%2 = fabric.mul %0, %1 : tensor<16x256xf32>`

    **Constraints**
    * C1: operands and result have one shape and element type.
  }];
}

def Fabric_NegOp : Fabric_UnaryOp<"neg"> {
  let summary = "-a, elementwise";
  let description = [{
    Linear.

    Example: `%1 = fabric.neg %0 : tensor<16x256xf32>`

    **Constraints**
    * C1: operand and result have one shape and element type.
  }];
}

def Fabric_SigmoidOp : Fabric_UnaryOp<"sigmoid"> {
  let summary = "1 / (1 + exp(-a)), elementwise";
  let description = [{
    Example: `%1 = fabric.sigmoid %0 : tensor<16x256xf32>`

    **Constraints**
    * C1: operand and result have one shape and element type.
  }];
}

def Fabric_SiluOp : Fabric_UnaryOp<"silu"> {
  let summary = "a * sigmoid(a), elementwise";
  let description = [{
    Example: `%1 = fabric.silu %0 : tensor<16x256xf32>`

    **Constraints**
    * C1: operand and result have one shape and element type.
  }];
}

def Fabric_CastOp : Fabric_StructuredOp<"cast"> {
  let summary = "converts the element type";
  let description = [{
    Floats round to nearest even, integers to floats likewise. Between float types
    it is linear up to rounding, and a partial value may flow through a cast to a
    wider type, not to a narrower one.

    Example: `%1 = fabric.cast %0 : tensor<16xf32> -> tensor<16xbf16>`

    **Constraints**
    * C1: operand and result have one shape.
    * C2: the result is of a float type, or the operand is of an integer type.
  }];
  let arguments = (ins Fabric_Tensor:$operand);
  let results = (outs Fabric_Tensor:$result);
  let assemblyFormat =
      "$operand attr-dict `:` type($operand) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

//===----------------------------------------------------------------------===//
// Contraction
//===----------------------------------------------------------------------===//

class Fabric_ContractionOp<string mnemonic>
    : Fabric_StructuredOp<mnemonic, [
        DeclareOpInterfaceMethods<CostOpInterface, ["getContractionFlops"]>,
        DeclareOpInterfaceMethods<ContractionOpInterface>]> {
  let hasVerifier = 1;
}

def Fabric_LinearOp : Fabric_ContractionOp<"linear"> {
  let summary = "x W^T, as a linear layer computes it";
  let description = [{
    `x` is [..., k], the weight [n, k], PyTorch's [out, in]; the result is
    [..., n]. Accumulates in f32, or in f64 for f64. Linear in each operand.

    ```mlir
    %1 = fabric.linear %x, %w : (tensor<16x128xf32>, tensor<256x128xf32>) -> tensor<16x256xf32>
    ```

    **Constraints**
    * C1: `x` has at least one dim, the weight two, and all one element type.
    * C2: the last dims of both are equal.
    * C3: the result is `x` with the weight's dim 0 for its last dim.
  }];
  let arguments = (ins Fabric_FloatTensor:$input, Fabric_FloatTensor:$weight);
  let results = (outs Fabric_FloatTensor:$result);
  let assemblyFormat =
      "$input `,` $weight attr-dict `:` functional-type(operands, results)";
}

def Fabric_ContractOp : Fabric_ContractionOp<"contract"> {
  let summary = "sums products over paired dims";
  let description = [{
    StableHLO's dot_general. Dims of `batch` are paired and kept, dims of
    `contract` are paired and summed over. The result has the batch dims, the other
    dims of the first operand, and the other dims of the second, in order.
    Accumulates in f32, or in f64 for f64. Linear in each operand.

    ```mlir
    // The weight's gradient: sum over the batch of dy^T x.
    %1 = fabric.contract %dy, %x batch = [] x [] contract = [0] x [0]
        : (tensor<16x256xf32>, tensor<16x128xf32>) -> tensor<256x128xf32>
    ```

    **Constraints**
    * C1: paired lists are equally long, and dims exist and are named once.
    * C2: paired dims are of one size.
    * C3: the result has the shape said above, and all have one element type.
  }];
  let arguments = (ins Fabric_FloatTensor:$lhs, Fabric_FloatTensor:$rhs,
                       DenseI64ArrayAttr:$lhs_batch, DenseI64ArrayAttr:$rhs_batch,
                       DenseI64ArrayAttr:$lhs_contract,
                       DenseI64ArrayAttr:$rhs_contract);
  let results = (outs Fabric_FloatTensor:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs `batch` `=` $lhs_batch `x` $rhs_batch
    `contract` `=` $lhs_contract `x` $rhs_contract attr-dict
    `:` functional-type(operands, results)
  }];
}

//===----------------------------------------------------------------------===//
// Reduction and shape
//===----------------------------------------------------------------------===//

def Fabric_SumOp : Fabric_StructuredOp<"sum"> {
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
  let arguments = (ins Fabric_FloatTensor:$operand, DenseI64ArrayAttr:$dims);
  let results = (outs Fabric_FloatTensor:$result);
  let assemblyFormat = [{
    $operand `dims` `=` $dims attr-dict `:` type($operand) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Fabric_BroadcastOp : Fabric_StructuredOp<"broadcast"> {
  let summary = "repeats along new dims";
  let description = [{
    Operand dim i becomes result dim `dims[i]`; the result repeats the operand
    along all other dims. Linear.

    ```mlir
    %1 = fabric.broadcast %bias dims = [1] : tensor<256xf32> -> tensor<16x256xf32>
    ```

    **Constraints**
    * C1: `dims` has an entry for each operand dim; they exist and ascend.
    * C2: an operand dim is as large as its result dim, and of one element type.
  }];
  let arguments = (ins Fabric_Tensor:$operand, DenseI64ArrayAttr:$dims);
  let results = (outs Fabric_Tensor:$result);
  let assemblyFormat = [{
    $operand `dims` `=` $dims attr-dict `:` type($operand) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Fabric_TransposeOp : Fabric_StructuredOp<"transpose"> {
  let summary = "permutes dims";
  let description = [{
    Result dim i is operand dim `permutation[i]`. Linear.

    ```mlir
    %1 = fabric.transpose %0 permutation = [1, 0] : tensor<16x128xf32> -> tensor<128x16xf32>
    ```

    **Constraints**
    * C1: `permutation` is one.
    * C2: the result has the permuted shape, and the operand's element type.
  }];
  let arguments = (ins Fabric_Tensor:$operand, DenseI64ArrayAttr:$permutation);
  let results = (outs Fabric_Tensor:$result);
  let assemblyFormat = [{
    $operand `permutation` `=` $permutation attr-dict
    `:` type($operand) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Fabric_ReshapeOp : Fabric_Op<"reshape", [
    DeclareOpInterfaceMethods<ViewLikeOpInterface>]> {
  let summary = "the same elements in row-major order under another shape";
  let description = [{
    Linear. Dims that both shapes share, in whole or as major parts, may be
    split. A view: on one rank, operand and result are the same bytes.

    Example: `%1 = fabric.reshape %0 : tensor<16x128xf32> -> tensor<4x4x128xf32>`

    **Constraints**
    * C1: operand and result have as many elements, of one type.
  }];
  let arguments = (ins Fabric_Tensor:$operand);
  let results = (outs Fabric_Tensor:$result);
  let assemblyFormat =
      "$operand attr-dict `:` type($operand) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Fabric_ConstantOp : Op<Fabric_Dialect, "constant", [
    Pure, ConstantLike,
    DeclareOpInterfaceMethods<ShardingOpInterface, ["localise"]>,
    DeclareOpInterfaceMethods<DerivativeOpInterface>,
    DeclareOpInterfaceMethods<CostOpInterface>]> {
  let summary = "a constant tensor";
  let description = [{
    On local types a splat shrinks, and other constants are sliced.

    Example: `%0 = fabric.constant dense<0.5> : tensor<16x128xf32>`

    **Constraints**
    * C1: the value has the shape and element type of the result.
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Fabric_Tensor:$result);
  let assemblyFormat = "attr-dict custom<ConstantValue>($value, type($result))";
  let builders = [
    OpBuilder<(ins "::mlir::ElementsAttr":$value), [{
      build($_builder, $_state, value.getType(), value);
    }]>,
    // A splat of a float type.
    OpBuilder<(ins "::mlir::RankedTensorType":$type, "double":$value)>];
  let hasVerifier = 1;
  let hasFolder = 1;
}

//===----------------------------------------------------------------------===//
// Optimizer
//===----------------------------------------------------------------------===//

def Fabric_AdamWOp : Fabric_StructuredOp<"adamw", [
    DeclareOpInterfaceMethods<InPlaceOpInterface>]> {
  let summary = "one step of AdamW, as PyTorch defines it";
  let description = [{
    With decoupled weight decay and bias correction (Loshchilov and Hutter, 2019;
    torch.optim.AdamW):

    ```
    p = p - lr * weight_decay * p
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g^2
    p = p - lr / (1 - beta1^step) * m / (sqrt(v) / sqrt(1 - beta2^step) + eps)
    ```

    `lr` and `step`, which counts from 1, are f64 tensors of rank 0: as in PyTorch,
    what depends only on them is computed in f64 and rounded once (1 - 0.999 has
    five digits in f32). Results take over the buffers of `param`, `exp_avg` and
    `exp_avg_sq`.

    **Constraints**
    * C1: parameter, gradient, moments and results have one shape and element type.
    * C2: `lr` and `step` are f64 tensors of rank 0.
  }];
  let arguments = (ins Fabric_FloatTensor:$param, Fabric_FloatTensor:$gradient,
                       Fabric_FloatTensor:$exp_avg,
                       Fabric_FloatTensor:$exp_avg_sq,
                       Fabric_FloatTensor:$lr, Fabric_FloatTensor:$step,
                       F64Attr:$beta1, F64Attr:$beta2, F64Attr:$eps,
                       F64Attr:$weight_decay);
  let results = (outs Fabric_FloatTensor:$new_param,
                      Fabric_FloatTensor:$new_exp_avg,
                      Fabric_FloatTensor:$new_exp_avg_sq);
  let assemblyFormat = [{
    $param `,` $gradient `,` $exp_avg `,` $exp_avg_sq `,` `lr` `=` $lr `,`
    `step` `=` $step attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif // FABRIC_DIALECTS_FABRIC_OPS_TD
