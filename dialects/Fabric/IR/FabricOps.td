//===- FabricOps.td - The ops of a model -------------------*- tablegen -*-===//

#ifndef FABRIC_DIALECTS_FABRIC_OPS_TD
#define FABRIC_DIALECTS_FABRIC_OPS_TD

include "dialects/Fabric/IR/ElementwiseOps.td"
include "dialects/Fabric/IR/ReductionOps.td"
include "dialects/Fabric/IR/ShapeOps.td"

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
    [..., n]. Accumulates in f32, or in f64 for f64. Linear in each operand. The
    result of bf16 or f16 may be f32: sums that are not rounded.

    ```mlir
    %1 = fabric.linear %x, %w : (tensor<16x128xf32>, tensor<256x128xf32>) -> tensor<16x256xf32>
    ```

    **Constraints**
    * C1: `x` has at least one dim, the weight two, and both one element type; the
      result has it too, or the type that is accumulated in.
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
    Accumulates in f32, or in f64 for f64. Linear in each operand. The result of
    bf16 or f16 may be f32: sums that are not rounded.

    ```mlir
    // The weight's gradient: sum over the batch of dy^T x.
    %1 = fabric.contract %dy, %x batch = [] x [] contract = [0] x [0]
        : (tensor<16x256xf32>, tensor<16x128xf32>) -> tensor<256x128xf32>
    ```

    **Constraints**
    * C1: paired lists are equally long, and dims exist and are named once.
    * C2: paired dims are of one size.
    * C3: the result has the shape said above. Both operands have one element type;
      the result has it too, or the type that is accumulated in.
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
