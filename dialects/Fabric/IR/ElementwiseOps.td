//===- ElementwiseOps.td - On corresponding elements -------*- tablegen -*-===//

#ifndef FABRIC_DIALECTS_FABRIC_ELEMENTWISEOPS_TD
#define FABRIC_DIALECTS_FABRIC_ELEMENTWISEOPS_TD

include "dialects/Fabric/IR/OpBase.td"

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

def Fabric_DivOp : Fabric_BinaryOp<"div"> {
  let summary = "a / b, elementwise";
  let description = [{
    Linear in the first operand.

    Example: `%2 = fabric.div %0, %1 : tensor<16x256xf32>`

    **Constraints**
    * C1: operands and result have one shape and element type.
  }];
}

def Fabric_MaximumOp : Fabric_BinaryOp<"maximum"> {
  let summary = "the larger of a and b, elementwise";
  let description = [{
    NaN where one of them is. Where they are equal, each gets half of the gradient.

    Example: `%2 = fabric.maximum %0, %1 : tensor<16x256xf32>`

    **Constraints**
    * C1: operands and result have one shape and element type.
  }];
}

def Fabric_MinimumOp : Fabric_BinaryOp<"minimum"> {
  let summary = "the smaller of a and b, elementwise";
  let description = [{
    NaN where one of them is. Where they are equal, each gets half of the gradient.

    Example: `%2 = fabric.minimum %0, %1 : tensor<16x256xf32>`

    **Constraints**
    * C1: operands and result have one shape and element type.
  }];
}

def Fabric_ExpOp : Fabric_UnaryOp<"exp"> {
  let summary = "e to the power of a, elementwise";
  let description = [{
    Example: `%1 = fabric.exp %0 : tensor<16x256xf32>`

    **Constraints**
    * C1: operand and result have one shape and element type.
  }];
}

def Fabric_LogOp : Fabric_UnaryOp<"log"> {
  let summary = "the natural logarithm, elementwise";
  let description = [{
    Example: `%1 = fabric.log %0 : tensor<16x256xf32>`

    **Constraints**
    * C1: operand and result have one shape and element type.
  }];
}

def Fabric_SqrtOp : Fabric_UnaryOp<"sqrt"> {
  let summary = "the square root, elementwise";
  let description = [{
    Example: `%1 = fabric.sqrt %0 : tensor<16x256xf32>`

    **Constraints**
    * C1: operand and result have one shape and element type.
  }];
}

def Fabric_RsqrtOp : Fabric_UnaryOp<"rsqrt"> {
  let summary = "1 / sqrt(a), elementwise";
  let description = [{
    Example: `%1 = fabric.rsqrt %0 : tensor<16x256xf32>`

    **Constraints**
    * C1: operand and result have one shape and element type.
  }];
}

def Fabric_AbsOp : Fabric_UnaryOp<"abs"> {
  let summary = "|a|, elementwise";
  let description = [{
    The gradient at 0 is 0.

    Example: `%1 = fabric.abs %0 : tensor<16x256xf32>`

    **Constraints**
    * C1: operand and result have one shape and element type.
  }];
}

def Fabric_ErfOp : Fabric_UnaryOp<"erf"> {
  let summary = "the error function, elementwise";
  let description = [{
    Example: `%1 = fabric.erf %0 : tensor<16x256xf32>`

    **Constraints**
    * C1: operand and result have one shape and element type.
  }];
}

def Fabric_TanhOp : Fabric_UnaryOp<"tanh"> {
  let summary = "the hyperbolic tangent, elementwise";
  let description = [{
    Example: `%1 = fabric.tanh %0 : tensor<16x256xf32>`

    **Constraints**
    * C1: operand and result have one shape and element type.
  }];
}

def Fabric_ReluOp : Fabric_UnaryOp<"relu"> {
  let summary = "max(a, 0), elementwise";
  let description = [{
    The gradient at 0 is 0.

    Example: `%1 = fabric.relu %0 : tensor<16x256xf32>`

    **Constraints**
    * C1: operand and result have one shape and element type.
  }];
}

def Fabric_PowOp : Fabric_UnaryOp<"pow"> {
  let summary = "a to a constant power, elementwise";
  let description = [{
    As C's `pow`: NaN for negative numbers where the exponent is no integer.

    Example: `%1 = fabric.pow %0 {exponent = 1.5} : tensor<16x256xf32>`

    **Constraints**
    * C1: operand and result have one shape and element type.
  }];
  let arguments = (ins Fabric_FloatTensor:$operand, F64Attr:$exponent);
}

def Fabric_GeluOp : Fabric_UnaryOp<"gelu"> {
  let summary = "a times the normal distribution's probability of less than a";
  let description = [{
    a (1 + erf(a / sqrt(2))) / 2; or, with `tanh`, PyTorch's approximation
    a (1 + tanh(sqrt(2 / pi) (a + 0.044715 a^3))) / 2.

    Example: `%1 = fabric.gelu tanh %0 : tensor<16x256xf32>`

    **Constraints**
    * C1: operand and result have one shape and element type.
  }];
  let arguments = (ins Fabric_FloatTensor:$operand, UnitAttr:$tanh);
  let assemblyFormat = [{
    (`tanh` $tanh^)? $operand attr-dict
    `:` custom<UnaryTypes>(type($operand), type($result))
  }];
}

def Fabric_StopGradientOp : Fabric_StructuredOp<"stop_gradient"> {
  let summary = "the value, with no derivative";
  let description = [{
    The identity; no gradient flows back through it. PyTorch's `detach`. Linear.

    Example: `%1 = fabric.stop_gradient %0 : tensor<16x256xf32>`

    **Constraints**
    * C1: operand and result have one shape and element type.
  }];
  let arguments = (ins Fabric_Tensor:$operand);
  let results = (outs Fabric_Tensor:$result);
  let assemblyFormat = [{
    $operand attr-dict `:` custom<UnaryTypes>(type($operand), type($result))
  }];
  let hasVerifier = 1;
}

def Fabric_CompareOp : Fabric_StructuredOp<"compare"> {
  let summary = "compares elementwise";
  let description = [{
    `eq`, `ne`, `lt`, `le`, `gt` or `ge`. With a NaN only `ne` holds, as in PyTorch.
    It has no derivative.

    ```mlir
    %2 = fabric.compare lt %0, %1 : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xi1>
    ```

    **Constraints**
    * C1: the operands have one shape and element type.
    * C2: the result has that shape, of i1.
  }];
  let arguments = (ins Fabric_PredicateAttr:$predicate, Fabric_Tensor:$lhs,
                       Fabric_Tensor:$rhs);
  let results = (outs Fabric_Tensor:$result);
  let assemblyFormat = [{
    $predicate $lhs `,` $rhs attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Fabric_SelectOp : Fabric_StructuredOp<"select"> {
  let summary = "one of two values, elementwise";
  let description = [{
    The element of the second operand where the first is true, else that of the
    third. Jointly linear in the two. What is not chosen has a gradient of 0.

    ```mlir
    %3 = fabric.select %0, %1, %2
        : (tensor<16xi1>, tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
    ```

    **Constraints**
    * C1: the condition is of i1 and of the result's shape.
    * C2: the others and the result have one shape and element type.
  }];
  let arguments = (ins Fabric_Tensor:$condition, Fabric_Tensor:$on_true,
                       Fabric_Tensor:$on_false);
  let results = (outs Fabric_Tensor:$result);
  let assemblyFormat = [{
    $condition `,` $on_true `,` $on_false attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
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

#endif // FABRIC_DIALECTS_FABRIC_ELEMENTWISEOPS_TD
