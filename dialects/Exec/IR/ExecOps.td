//===- ExecOps.td - The instructions of a plan --------------*- tablegen -*-===//

#ifndef FABRIC_DIALECTS_EXEC_OPS_TD
#define FABRIC_DIALECTS_EXEC_OPS_TD

include "dialects/Dist/IR/DistAttrs.td"
include "dialects/Dist/IR/DistTypes.td"
include "dialects/Exec/IR/ExecAttrs.td"
include "dialects/Exec/IR/ExecInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"

def Exec_Tensor
    : Dist_SupportedTensor<
          StaticShapeTensorOf<[F32, BF16, F16, F64, I8, I32, I64, I1]>,
          "statically shaped tensor of numbers, sizes of at least 1">;

/// An instruction: pure on values, whatever it does to slots.
class Exec_Op<string mnemonic, list<Trait> traits = []>
    : Op<Exec_Dialect, mnemonic, traits # [Pure]> {
  let hasVerifier = 1;
}

/// An instruction with one result and its slot.
class Exec_SingleOp<string mnemonic, list<string> overridden = [],
                    list<Trait> traits = []>
    : Exec_Op<mnemonic, traits # [
          DeclareOpInterfaceMethods<PlannedOpInterface, overridden>]> {
  let extraClassDefinition = [{
    ::mlir::exec::SlotAttr $cppClass::getSlotOf(unsigned) {
      return getSlotAttr();
    }
    void $cppClass::setSlotOf(unsigned, ::mlir::exec::SlotAttr slot) {
      setSlotAttr(slot);
    }
  }];
}

def Exec_GemmOp : Exec_SingleOp<"gemm", ["getTiedOperand"],
                                [AttrSizedOperandSegments]> {
  let summary = "a batch of matrix products";
  let description = [{
    `result[i] = a[i] b[i]`, plus `bias` on every row, plus `accumulator[i]`, for
    `batch` matrices: `a` is m x k, `b` is k x n. How a tensor's elements are those
    matrices says `#exec.matrix`; the result is dense. The slot of the accumulator
    becomes the result's. Accumulates in f32, or in f64 for f64.

    With `c`, the product is a block of the result, which is larger: all else is
    what it was in the accumulator, or in the target that the block is written
    `into`, or undefined where there is neither. `from` is where in the bias the
    block's begins.

    With `tf32` a device may round `a` and `b` to TF32: 10 bits of mantissa.

    Made by `lower-contractions`, blocks by `lower-share-collectives`; becomes a Gemm
    of the plan.

    ```mlir
    // x W^T with a W of [out, in]
    %1 = exec.gemm %x, %w batch = 1 m = 16 n = 256 k = 128
           a = <leading = 128> b = <leading = 128, transposed = true>
           : (tensor<16x128xf32>, tensor<256x128xf32>) -> tensor<16x256xf32>
    // its right half, from the lower half of another W
    %2 = exec.gemm %x, %v into %1 batch = 1 m = 16 n = 128 k = 128
           a = <leading = 128> b = <leading = 128, transposed = true>
           c = <leading = 256, offset = 128>
           : (tensor<16x128xf32>, tensor<128x128xf32>, tensor<16x256xf32>) -> tensor<16x256xf32>
    ```

    **Constraints**
    * C1: `batch`, `m`, `n`, `k` are positive.
    * C2: a and b are of one float element type; the result, and what is added to
      it, are of that, or of f32 where that is bf16 or f16.
    * C3: a matrix's `leading` is at least its stored row, and all matrices lie in
      their tensor.
    * C4: the result has batch x m x n elements; with `c`, the batch is 1 and the
      block is not transposed and lies in the result.
    * C5: the bias has n elements; with `c`, n elements from `from`.
    * C6: the accumulator has the result's type.
    * C7: a target has the result's type, and there is `c`, and no accumulator.
    * C8: only products of f32 are `tf32`.
  }];
  let arguments = (ins Exec_Tensor:$a, Exec_Tensor:$b,
                       Optional<Exec_Tensor>:$bias,
                       Optional<Exec_Tensor>:$accumulator,
                       Optional<Exec_Tensor>:$target,
                       DefaultValuedAttr<I64Attr, "0">:$bias_offset,
                       I64Attr:$batch, I64Attr:$m, I64Attr:$n, I64Attr:$k,
                       Exec_MatrixAttr:$a_matrix, Exec_MatrixAttr:$b_matrix,
                       OptionalAttr<Exec_MatrixAttr>:$c_matrix,
                       OptionalAttr<Exec_SlotAttr>:$slot, UnitAttr:$tf32);
  let results = (outs Exec_Tensor:$result);
  let assemblyFormat = [{
    $a `,` $b (`bias` $bias^ (`from` $bias_offset^)?)? (`onto` $accumulator^)?
    (`into` $target^)? `batch` `=` $batch `m` `=` $m `n` `=` $n `k` `=` $k
    `a` `=` $a_matrix `b` `=` $b_matrix (`c` `=` $c_matrix^)?
    (`tf32` $tf32^)? (`at` $slot^)?
    attr-dict `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    /// Where the product lies in the result, said or not.
    ::mlir::exec::MatrixAttr getResultMatrix();
  }];
}

def Exec_JoinedGemmOp : Exec_Op<"joined_gemm", [
    AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<PlannedOpInterface, ["getRuns"]>]> {
  let summary = "products that share an operand, as one";
  let description = [{
    `result[i] = a[i] b[i]`, where one of `a` and `b` is a single matrix for all
    products. Those of which there are several, and the results, lie one after the
    other in memory: a library that is told how far they are apart makes all of
    them at once.

    ```
        x ----+------------+
        [ w1  |  w3 ]      |      one matrix a, and two b at a distance
           [ x w1 | x w3 ]-+
    ```

    Made by `exec-join-products`, where that is asked for; becomes a Gemm of the
    plan, of a batch.

    ```mlir
    %1:2 = exec.joined_gemm(%x) by(%w1, %w3) m = 16 n = 256 k = 128
             a = <leading = 128> b = <leading = 128, transposed = true>
             : (tensor<16x128xf32>, tensor<256x128xf32>, tensor<256x128xf32>)
             -> (tensor<16x256xf32>, tensor<16x256xf32>)
    ```

    **Constraints**
    * C1: `m`, `n`, `k` are positive.
    * C2: there are two products or more; of one of a and b there is one tensor, of
      the other one for each product.
    * C3: all of a are of one type, and so are all of b, and all results.
    * C4: types are as C2 of `exec.gemm` has them, and only f32 is `tf32`.
    * C5: a matrix lies in its tensor from the first element on; a result has m x n
      elements.
  }];
  let arguments = (ins Variadic<Exec_Tensor>:$a, Variadic<Exec_Tensor>:$b,
                       I64Attr:$m, I64Attr:$n, I64Attr:$k,
                       Exec_MatrixAttr:$a_matrix, Exec_MatrixAttr:$b_matrix,
                       OptionalAttr<TypedArrayAttrBase<Exec_SlotAttr, "slots">>:$slots,
                       UnitAttr:$tf32);
  let results = (outs Variadic<Exec_Tensor>:$products);
  let assemblyFormat = [{
    `(` $a `)` `by` `(` $b `)` `m` `=` $m `n` `=` $n `k` `=` $k
    `a` `=` $a_matrix `b` `=` $b_matrix (`tf32` $tf32^)? (`at` $slots^)?
    attr-dict `:` functional-type(operands, results)
  }];
}

def Exec_LaunchOp : Exec_Op<"launch", [
    DeclareOpInterfaceMethods<SymbolUserOpInterface>,
    DeclareOpInterfaceMethods<PlannedOpInterface,
                              ["getTiedOperand", "canTie", "tie"]>]> {
  let summary = "runs a generated kernel";
  let description = [{
    Calls a function of the module `@kernels`, whose body is structured ops over
    one iteration domain. `ties` has, for each result, the operand that it is
    written over, or -1; the kernel's argument allows it by `exec.may_alias`.

    Made by `lower-form-kernels`; becomes a Launch of the plan.

    ```mlir
    %2 = exec.launch @kernels::@kernel_0(%0, %1) ties = [0]
           : (tensor<16x256xf32>, tensor<16x256xf32>) -> tensor<16x256xf32>
    ```

    **Constraints**
    * C1: the kernel is a function of the enclosing module's `@kernels`.
    * C2: operands and results have the types of the function.
    * C3: `ties` has an entry for each result: -1 or an operand.
    * C4: no operand is tied twice, and an operand and the result tied to it are of
      one type.
    * C5: the tied operand's argument of the function lists the result in
      `exec.may_alias`.
  }];
  let arguments = (ins SymbolRefAttr:$kernel, Variadic<Exec_Tensor>:$inputs,
                       DenseI64ArrayAttr:$ties,
                       OptionalAttr<TypedArrayAttrBase<Exec_SlotAttr, "slots">>:$slots);
  let results = (outs Variadic<Exec_Tensor>:$outputs);
  let assemblyFormat = [{
    $kernel `(` $inputs `)` `ties` `=` $ties (`at` $slots^)? attr-dict `:`
    functional-type(operands, results)
  }];
}

def Exec_CollectiveOp : Exec_SingleOp<"collective",
    ["getTiedOperand", "canTie", "tie", "getOrderedAxes", "getStream"]> {
  let summary = "a collective over axes of the mesh";
  let description = [{
    One instruction for all kinds, with what the plan wants to know: which dim is
    concatenated or split, what one rank sends, and why, for people. `in_place`: the
    result takes over the operand's slot. `async`: it runs in the stream of its axes,
    from here to the first reader of the result, and until then keeps its operand.

    Made by `lower-instructions` from the ops of `dist`; becomes a Collective of the
    plan.

    ```mlir
    %1 = exec.collective all_gather %w axes = <{"dp"}> concat_dim = 0
           bytes_sent = 32768 why = "gather w1 for use"
           : tensor<64x128xf32> -> tensor<128x128xf32>
    ```

    **Constraints**
    * C1: there is at least one axis, and every axis is one of the module's mesh.
    * C2: `concat_dim` stands on all_gather and all_to_all, `split_dim` on
      reduce_scatter, all_to_all and all_slice, `reduction` on all_reduce and
      reduce_scatter, and nowhere else; dims are dims of the tensor.
    * C3: the result is the operand with the split dim divided, and the concatenated
      dim multiplied, by the number of ranks.
    * C4: only an all_reduce is in place.
    * C5: `bytes_sent` is not negative.
    * C6: an all_slice, which needs nobody, is not `async`.
  }];
  let arguments = (ins Exec_CollectiveKindAttr:$kind, Exec_Tensor:$operand,
                       Dist_AxesAttr:$axes,
                       OptionalAttr<Dist_ReductionKindAttr>:$reduction,
                       OptionalAttr<I64Attr>:$concat_dim,
                       OptionalAttr<I64Attr>:$split_dim,
                       I64Attr:$bytes_sent, StrAttr:$why, UnitAttr:$in_place,
                       UnitAttr:$async, OptionalAttr<Exec_SlotAttr>:$slot);
  let results = (outs Exec_Tensor:$result);
  let assemblyFormat = [{
    custom<Kind>($kind) $operand (`by` custom<Reduction>($reduction)^)? `axes` `=` $axes
    (`concat_dim` `=` $concat_dim^)? (`split_dim` `=` $split_dim^)?
    `bytes_sent` `=` $bytes_sent `why` `=` $why (`in_place` $in_place^)?
    (`async` $async^)? (`at` $slot^)? attr-dict `:` type($operand) `->` type($result)
  }];
}

def Exec_PeerViewOp : Exec_SingleOp<"peer_view", ["getTiedOperand", "isAlias"]> {
  let summary = "a value of another rank, where it lies";
  let description = [{
    What the operand is on member `member` of the rank's group over `axes`; with
    `own_piece`, of it the piece along dim 0 that is the reading rank's by its place
    in the group. Costs nothing: the slot is the operand's, in the member's memory.

    ```
        axes = {"dp"}, member = 1           dp 0: its %g     dp 1: its %g
        own_piece: dp 0 reads the first     [ a0 | a1 ]      [ b0 | b1 ]
        half of dp 1's %g, dp 1 the second                     ^dp 0 ^dp 1
    ```

    Made by `lower-share-collectives`, where ranks share memory. When it may be read
    is a matter of barriers; becomes a buffer with a peer in the plan.

    ```mlir
    %1 = exec.peer_view %w axes = <{"dp"}> member = 1 : tensor<64x128xf32> -> tensor<64x128xf32>
    %2 = exec.peer_view %g axes = <{"dp"}> member = 0 own_piece : tensor<128x128xf32> -> tensor<64x128xf32>
    ```

    **Constraints**
    * C1: there is at least one axis, and every axis is one of the module's mesh.
    * C2: the member is one of the group.
    * C3: the result has the operand's type; an own piece has it with dim 0 divided by
      the number of ranks.
  }];
  let arguments = (ins Exec_Tensor:$operand, Dist_AxesAttr:$axes,
                       I64Attr:$member, UnitAttr:$own_piece,
                       OptionalAttr<Exec_SlotAttr>:$slot);
  let results = (outs Exec_Tensor:$result);
  let assemblyFormat = [{
    $operand `axes` `=` $axes `member` `=` $member (`own_piece` $own_piece^)?
    (`at` $slot^)? attr-dict `:` type($operand) `->` type($result)
  }];
}

def Exec_BarrierOp : Op<Exec_Dialect, "barrier", [
    DeclareOpInterfaceMethods<PlannedOpInterface, ["getOrderedAxes"]>,
    MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "ranks meet";
  let description = [{
    No rank of a group over `axes` runs what follows before all have run what comes
    before. `released` are values that peers have read before and do not after it:
    as operands they are alive until here.

    Made by `exec-place-barriers`; becomes a Barrier of the plan.

    ```mlir
    exec.barrier axes = <{"dp"}> released(%g : tensor<128x128xf32>)
    ```

    **Constraints**
    * C1: there is at least one axis, and every axis is one of the module's mesh.
  }];
  let arguments = (ins Dist_AxesAttr:$axes, Variadic<Exec_Tensor>:$released);
  let assemblyFormat = [{
    `axes` `=` $axes (`released` `(` $released^ `:` type($released) `)`)? attr-dict
  }];
  let hasVerifier = 1;
}

/// A mark in the order of a stream: that of all that computes, or that of
/// collectives over `axes`.
class Exec_EventOp<string mnemonic> : Op<Exec_Dialect, mnemonic, [
    DeclareOpInterfaceMethods<PlannedOpInterface, ["getStream"]>,
    MemoryEffects<[MemRead, MemWrite]>]> {
  let arguments = (ins I64Attr:$event, OptionalAttr<Dist_AxesAttr>:$axes);
  let assemblyFormat = "$event (`stream` `=` $axes^)? attr-dict";
  let hasVerifier = 1;
  let extraClassDefinition = [{
    ::mlir::exec::SlotAttr $cppClass::getSlotOf(unsigned) { return {}; }
    void $cppClass::setSlotOf(unsigned, ::mlir::exec::SlotAttr) {}
    ::mlir::dist::AxesAttr $cppClass::getStream() { return getAxesAttr(); }
  }];
}

def Exec_RecordOp : Exec_EventOp<"record"> {
  let summary = "an event: this place in a stream";
  let description = [{
    Made by `exec-place-events`, one for each instruction that another stream waits
    for, right behind it; events are numbered in the order of the block. Becomes a
    Record of the plan.

    ```mlir
    exec.record 0 stream = <{"dp"}>
    ```

    **Constraints**
    * C1: every axis of a stream is one of the module's mesh.
  }];
}

def Exec_WaitOp : Exec_EventOp<"wait"> {
  let summary = "what follows in a stream runs after an event of another one";
  let description = [{
    Made by `exec-place-events`, right before the instruction that needs it; becomes
    a Wait of the plan.

    ```mlir
    exec.wait 0
    ```

    **Constraints**
    * C1: every axis of a stream is one of the module's mesh.
  }];
}

def Exec_ViewOp : Exec_SingleOp<"view", ["getTiedOperand", "isAlias"]> {
  let summary = "the same bytes under another shape";
  let description = [{
    Costs nothing: the result has the operand's slot. Made by `lower-instructions`
    from a reshape; emitting leaves it out.

    ```mlir
    %1 = exec.view %0 : tensor<16x128xf32> -> tensor<4x4x128xf32>
    ```

    **Constraints**
    * C1: operand and result have as many elements, of one type.
  }];
  let arguments = (ins Exec_Tensor:$operand, OptionalAttr<Exec_SlotAttr>:$slot);
  let results = (outs Exec_Tensor:$result);
  let assemblyFormat = [{
    $operand (`at` $slot^)? attr-dict `:` type($operand) `->` type($result)
  }];
}

def Exec_ConstantOp : Exec_SingleOp<"constant", [],
                                    [AllTypesMatch<["value", "result"]>]> {
  let summary = "bytes of the plan's constants";
  let description = [{
    Loaded once, before the first step, and never written. Made by
    `lower-instructions` from constants that are not splats: those are recomputed
    in kernels.

    ```mlir
    %0 = exec.constant dense<[1.0, 2.0]> : tensor<2xf32>
    ```

    **Constraints**
    * C1: the value has the type of the result.
  }];
  let arguments = (ins ElementsAttr:$value, OptionalAttr<Exec_SlotAttr>:$slot);
  let results = (outs Exec_Tensor:$result);
  let assemblyFormat = "$value (`at` $slot^)? attr-dict";
  let hasVerifier = 0;
}

def Exec_CopyOp : Exec_SingleOp<"copy", ["getTiedOperand"]> {
  let summary = "copies a value into another's slot";
  let description = [{
    Made by `exec-plan-memory`, with a remark, only where a value must be in a slot
    that its producer cannot write: the new value of an argument that is another
    argument, for example. Well-made programs need none.

    ```mlir
    %1 = exec.copy %new into %old : tensor<4xf32>
    ```

    **Constraints**
    * C1: source, target and result are of one type.
  }];
  let arguments = (ins Exec_Tensor:$source, Exec_Tensor:$target,
                       OptionalAttr<Exec_SlotAttr>:$slot);
  let results = (outs Exec_Tensor:$result);
  let assemblyFormat = [{
    $source `into` $target (`at` $slot^)? attr-dict `:` type($source) `,`
    type($target) `->` type($result)
  }];
}

#endif // FABRIC_DIALECTS_EXEC_OPS_TD
