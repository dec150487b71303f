//===- ShapeOps.td - Changes of shape ----------------------*- tablegen -*-===//

#ifndef FABRIC_DIALECTS_FABRIC_SHAPEOPS_TD
#define FABRIC_DIALECTS_FABRIC_SHAPEOPS_TD

include "dialects/Fabric/IR/OpBase.td"

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

def Fabric_MaskOp : Fabric_StructuredOp<"mask"> {
  let summary = "elements along a dim that are valid, and a constant elsewhere";
  let description = [{
    Keeps an element where `valid`, at its index along dim `dim`, is not zero, and
    puts `fill` in place of the others, whatever they were: a NaN does not get
    through. Linear where `fill` is zero.

    Made by `dist-pad-uneven`, where a padded dim is reduced. What is valid is data,
    not a bound, so that each rank's part follows from the sharding like any other.

    ```mlir
    %valid = fabric.constant dense<[1.0, 1.0, 1.0, 0.0]> : tensor<4xf32>
    %1 = fabric.mask %0, %valid dim = 1 : tensor<2x4xf32>, tensor<4xf32> -> tensor<2x4xf32>
    ```

    **Constraints**
    * C1: `dim` is a dim of the operand.
    * C2: `valid` has one dim, of the size of dim `dim`.
    * C3: operand, `valid` and result have one element type; operand and result one
      shape.
  }];
  let arguments = (ins Fabric_FloatTensor:$operand, Fabric_FloatTensor:$valid,
                       I64Attr:$dim,
                       DefaultValuedAttr<F64Attr, "0.0">:$fill);
  let results = (outs Fabric_FloatTensor:$result);
  let assemblyFormat = [{
    $operand `,` $valid `dim` `=` $dim (`fill` `=` $fill^)? attr-dict `:`
    type($operand) `,` type($valid) `->` type($result)
  }];
  let hasVerifier = 1;
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
// Parts
//===----------------------------------------------------------------------===//

/// An op that copies boxes. Dims that it does not name keep their size, and may
/// be split; those that it names are whole on every rank.
class Fabric_BoxCopyOp<string mnemonic, list<string> methods = []>
    : Fabric_Op<mnemonic, [
        DeclareOpInterfaceMethods<BoxCopyOpInterface, methods>]> {
  let hasVerifier = 1;
}

def Fabric_SliceOp : Fabric_BoxCopyOp<"slice"> {
  let summary = "every n-th element of a range of some dims";
  let description = [{
    Along `dims[i]`, element j of the result is element
    `offsets[i] + j * strides[i]` of the operand. Linear.

    ```mlir
    %1 = fabric.slice %0 dims = [1] offsets = [2] strides = [1]
        : tensor<16x128xf32> -> tensor<16x64xf32>
    ```

    **Constraints**
    * C1: dims exist and are named once, in ascending order, each with an offset
      that is not negative and a positive stride.
    * C2: other dims are as large in the result; the element types are one.
    * C3: all elements of the result are elements of the operand.
  }];
  let arguments = (ins Fabric_Tensor:$operand, DenseI64ArrayAttr:$dims,
                       DenseI64ArrayAttr:$offsets, DenseI64ArrayAttr:$strides);
  let results = (outs Fabric_Tensor:$result);
  let assemblyFormat = [{
    $operand `dims` `=` $dims `offsets` `=` $offsets `strides` `=` $strides
    attr-dict `:` type($operand) `->` type($result)
  }];
}

def Fabric_PadOp : Fabric_BoxCopyOp<"pad", ["getFill"]> {
  let summary = "a tensor in a larger one of a constant";
  let description = [{
    The reverse of `slice`: along `dims[i]`, element j of the operand is element
    `offsets[i] + j * strides[i]` of the result; all others are `value`. Linear
    where that is 0.

    ```mlir
    %1 = fabric.pad %0 dims = [1] offsets = [2] strides = [1] value = 0.0
        : tensor<16x64xf32> -> tensor<16x128xf32>
    ```

    **Constraints**
    * C1: dims exist and are named once, in ascending order, each with an offset
      that is not negative and a positive stride.
    * C2: other dims are as large in the result; the element types are one.
    * C3: all elements of the operand are elements of the result.
  }];
  let arguments = (ins Fabric_FloatTensor:$operand, DenseI64ArrayAttr:$dims,
                       DenseI64ArrayAttr:$offsets, DenseI64ArrayAttr:$strides,
                       F64Attr:$value);
  let results = (outs Fabric_FloatTensor:$result);
  let assemblyFormat = [{
    $operand `dims` `=` $dims `offsets` `=` $offsets `strides` `=` $strides
    `value` `=` $value attr-dict `:` type($operand) `->` type($result)
  }];
}

def Fabric_ConcatOp : Fabric_BoxCopyOp<"concat"> {
  let summary = "tensors one after the other along a dim";
  let description = [{
    Jointly linear.

    ```mlir
    %2 = fabric.concat %0, %1 dim = 1
        : (tensor<16x64xf32>, tensor<16x32xf32>) -> tensor<16x96xf32>
    ```

    **Constraints**
    * C1: there are operands, and the dim exists.
    * C2: the result is as large as all operands together along the dim, and as
      large as each along the others; the element types are one.
  }];
  let arguments = (ins Variadic<Fabric_Tensor>:$operands, I64Attr:$dim);
  let results = (outs Fabric_Tensor:$result);
  let assemblyFormat = [{
    $operands `dim` `=` $dim attr-dict `:` functional-type(operands, results)
  }];
}

#endif // FABRIC_DIALECTS_FABRIC_SHAPEOPS_TD
