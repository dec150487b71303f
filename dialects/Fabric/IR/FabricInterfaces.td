//===- FabricInterfaces.td - What a model op says of itself -*- tablegen -*-===//

#ifndef FABRIC_DIALECTS_FABRIC_INTERFACES_TD
#define FABRIC_DIALECTS_FABRIC_INTERFACES_TD

include "mlir/IR/OpBase.td"

def DerivativeOpInterface : OpInterface<"DerivativeOpInterface"> {
  let cppNamespace = "::mlir::fabric";
  let description = "The reverse-mode derivative of an op, on global tensors.";
  let methods = [
    InterfaceMethod<[{
        Builds, at the builder's insertion point, the vector-Jacobian product.
        `cotangents` holds a gradient for every result (null where it is zero);
        `operandGradients`, one entry an operand, receives what is `needed`, of
        the operand's type; null stands for zero. Fails, with a diagnostic, where
        the op has no derivative.
      }], "::llvm::LogicalResult", "buildVjp",
      (ins "::mlir::OpBuilder &":$builder,
           "::llvm::ArrayRef<::mlir::Value>":$cotangents,
           "::llvm::ArrayRef<bool>":$needed,
           "::llvm::MutableArrayRef<::mlir::Value>":$operandGradients)>,
  ];
}

def CostOpInterface : OpInterface<"CostOpInterface"> {
  let cppNamespace = "::mlir::fabric";
  let description = [{
    What an op costs at the shapes that it has: on global types for the whole
    program, on local types for one rank.
  }];
  let methods = [
    InterfaceMethod<"Floating-point operations; a multiply-add is two.",
                    "int64_t", "getFlops">,
    InterfaceMethod<[{
        Of `getFlops`, those of a matrix product: what tensor parallelism divides
        first. Zero for everything else.
      }], "int64_t", "getContractionFlops", (ins), "", [{ return 0; }]>,
    InterfaceMethod<"Bytes of all operands and results.",
                    "int64_t", "getBytesTouched", (ins), "",
                    [{ return ::mlir::fabric::sumOfOperandAndResultBytes($_op); }]>,
  ];
}

def StructuredOpInterface : OpInterface<"StructuredOpInterface"> {
  let cppNamespace = "::mlir::fabric";
  let description = [{
    An op that is a perfect loop nest, in the sense of linalg: iterators, a
    projected permutation for each operand and result, and a scalar body. The
    sharding rule follows from it, and so does the kernel.
  }];
  let methods = [
    InterfaceMethod<"One entry a loop: parallel or reduction.",
                    "::llvm::SmallVector<::mlir::utils::IteratorType>",
                    "getLoopIterators">,
    InterfaceMethod<"Maps from loops to elements, of operands, then of results.",
                    "::llvm::SmallVector<::mlir::AffineMap>", "getLoopMaps">,
    InterfaceMethod<[{
        Builds the body. `operands` holds an element of every operand, in the type
        that is computed in: f32 for bf16 and f16, else the element type. The
        values returned, one a result, are in that type of the result. Where loops
        reduce, the caller combines them as `getReductionKind` says.
      }], "::llvm::SmallVector<::mlir::Value>", "buildBody",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc,
           "::mlir::ValueRange":$operands)>,
    InterfaceMethod<"How loops that reduce combine what the body gives.",
      "::mlir::dist::ReductionKind", "getReductionKind", (ins), "",
      [{ return ::mlir::dist::ReductionKind::Sum; }]>,
  ];
}

def BoxCopyOpInterface : OpInterface<"BoxCopyOpInterface"> {
  let cppNamespace = "::mlir::fabric";
  let description = [{
    An op that copies boxes of its operands to boxes of its one result, which do
    not overlap. The sharding rule follows from it, and so does the kernel.
  }];
  let methods = [
    InterfaceMethod<"The boxes, at the shapes that the op has.",
      "::llvm::SmallVector<::mlir::fabric::BoxCopy>", "getBoxes">,
    InterfaceMethod<"What is in no box; null where boxes are all.",
      "::mlir::TypedAttr", "getFill", (ins), "", [{ return {}; }]>,
  ];
}

def ContractionOpInterface : OpInterface<"ContractionOpInterface"> {
  let cppNamespace = "::mlir::fabric";
  let description = "A matrix product of two operands, possibly batched.";
  let methods = [
    InterfaceMethod<[{
        Which dims of both operands are paired and summed, and which are paired
        and kept. The result has the batch dims, the free dims of operand 0, and
        the free dims of operand 1, in order.
      }], "::mlir::fabric::ContractionDims", "getContractionDims">,
  ];
}

def InPlaceOpInterface : OpInterface<"InPlaceOpInterface"> {
  let cppNamespace = "::mlir::fabric";
  let description = "An op that updates operands: an optimizer.";
  let methods = [
    InterfaceMethod<[{
        The operand whose buffer result `result` takes over; of the same type.
      }], "unsigned", "getUpdatedOperand", (ins "unsigned":$result)>,
  ];
}

#endif // FABRIC_DIALECTS_FABRIC_INTERFACES_TD
