//===- Passes.td - From a scheduled program to instructions -*- tablegen -*-===//

#ifndef FABRIC_PASSES_LOWERING_PASSES_TD
#define FABRIC_PASSES_LOWERING_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerContractionsPass : Pass<"lower-contractions", "func::FuncOp"> {
  let summary = "makes every contraction a gemm on row-major matrices";
  let description = [{
    Precondition: a local program (`dist.partitioned`); block order is execution
    order.

    Postcondition: no op implements ContractionOpInterface. An operand whose dims
    are no matrix as they lie in memory is transposed before, with a remark. The
    add of a vector over rows to a product that nobody else reads is the gemm's
    bias; the add of another product or of a collective's result that nobody else
    reads is made in place.

    ```mlir
    %0 = fabric.linear %x, %w : (tensor<16x128xf32>, tensor<256x128xf32>) -> tensor<16x256xf32>
    %1 = fabric.broadcast %b dims = [1] : tensor<256xf32> -> tensor<16x256xf32>
    %2 = fabric.add %0, %1 : tensor<16x256xf32>
    ```
    becomes
    ```mlir
    %2 = exec.gemm %x, %w bias %b batch = 1 m = 16 n = 256 k = 128
           a = <leading = 128> b = <leading = 128, transposed = true> : ...
    ```
  }];
  let options = [
    Option<"tf32", "tf32", "bool", "false",
           "products of f32 may be rounded to TF32 where the device can">
  ];
  let statistics = [
    Statistic<"numBiases", "biases", "Adds of a vector taken into a product">,
    Statistic<"numAccumulated", "accumulated", "Adds made in place">
  ];
  let dependentDialects = ["exec::ExecDialect", "fabric::FabricDialect",
                           "arith::ArithDialect"];
}

def DecomposePass : Pass<"lower-decompose", "func::FuncOp"> {
  let summary = "rewrites composite ops as those that they stand for";
  let description = [{
    Precondition: a local program, in which what composites need whole is whole.

    Postcondition: no op is left that knows simpler ones for itself.

    ```mlir
    %1 = fabric.softmax %0 dim = 1 : tensor<16x128xf32>
    ```
    becomes
    ```mlir
    %1 = fabric.max %0 dims = [1] : tensor<16x128xf32> -> tensor<16xf32>
    %2 = fabric.broadcast %1 dims = [0] : tensor<16xf32> -> tensor<16x128xf32>
    %3 = fabric.sub %0, %2 : tensor<16x128xf32>
    %4 = fabric.exp %3 : tensor<16x128xf32>
    ...
    ```
  }];
  let dependentDialects = ["fabric::FabricDialect"];
}

def LowerInstructionsPass : Pass<"lower-instructions", "func::FuncOp"> {
  let summary = "makes collectives, reshapes and constants instructions";
  let description = [{
    Precondition: a local program. Must run before `lower-form-kernels`, which takes
    what is left of `fabric`.

    Postcondition: no collectives of `dist`, no reshapes, no constants but splats.
    A collective says what one rank sends, and why.

    ```mlir
    %0 = dist.all_gather %w1 dim = 0 axes = {"dp"} : tensor<64x128xf32> -> tensor<128x128xf32>
    ```
    becomes
    ```mlir
    %0 = exec.collective all_gather %w1 axes = <{"dp"}> concat_dim = 0
           bytes_sent = 32768 why = "gather w1 for use" : ...
    ```
  }];
  let dependentDialects = ["exec::ExecDialect"];
}

def ShareCollectivesPass : Pass<"lower-share-collectives", "func::FuncOp"> {
  let summary = "reads peers' memory in place of gathers and scattered sums";
  let description = [{
    Precondition: collectives and products are instructions, kernels are not formed;
    the ranks of the run share memory.

    Postcondition: a gather whose every reader is a product, of which its pieces cut
    one of m, n and k, is gone: each of these products is one for every member of the
    group, on the member's shard. That is done where a piece has at least `min-piece`
    rows or columns, which is what a product's innermost loops work on, and where
    the bytes that the smaller products read again (a result, an operand) are fewer
    than those that the gather reads and writes. A sum that is scattered along dim 0
    and read by structured ops only is adds of the members' pieces, in the order of
    the ranks, in f32 and f64; kernels take them in.

    ```mlir
    %1 = exec.collective all_gather %w axes = <{"dp"}> concat_dim = 0 ... : tensor<64x128xf32> -> tensor<128x128xf32>
    %2 = exec.gemm %x, %1 batch = 1 m = 8 n = 128 k = 128 a = <leading = 128> b = <leading = 128, transposed = true> : ...
    ```
    becomes
    ```mlir
    %w0 = exec.peer_view %w axes = <{"dp"}> member = 0 : tensor<64x128xf32> -> tensor<64x128xf32>
    %w1 = exec.peer_view %w axes = <{"dp"}> member = 1 : tensor<64x128xf32> -> tensor<64x128xf32>
    %1 = exec.gemm %x, %w0 batch = 1 m = 8 n = 64 k = 128 a = <leading = 128>
           b = <leading = 128, transposed = true> c = <leading = 128> : ...
    %2 = exec.gemm %x, %w1 into %1 batch = 1 m = 8 n = 64 k = 128 a = <leading = 128>
           b = <leading = 128, transposed = true> c = <leading = 128, offset = 64> : ...
    ```
  }];
  let options = [
    Option<"minPiece", "min-piece", "int64_t", /*default=*/"64",
           "Rows or columns that a piece of a product has at least.">
  ];
  let statistics = [
    Statistic<"numGathers", "gathers", "Gathers that became products on shards">,
    Statistic<"numReduceScatters", "reduce-scatters",
              "Scattered sums that became adds">
  ];
  let dependentDialects = ["exec::ExecDialect", "fabric::FabricDialect"];
}

def JoinPeerReadsPass : Pass<"exec-join-peer-reads", "ModuleOp"> {
  let summary = "lets updates wait until one barrier serves several of them";
  let description = [{
    What reads a peer's value waits for a barrier. An instruction that reads peers'
    values of the workspace and whose results are results of the function, as an
    update's are, moves down to the next of its kind, and so on, until what all of
    them keep alive is more than `join-bytes`, or an instruction stands in the way
    that writes what one of them reads or writes, or reads what it writes.

    Precondition: functions of `exec` ops without barriers.
    Postcondition: the same instructions, in an order that computes the same.

    ```mlir
    %p2 = exec.launch @kernels::@update(%g0, %g1, %p) ...
    %h = exec.gemm ...
    %h0 = exec.peer_view %h ...
    %q2 = exec.launch @kernels::@update(%h0, %h1, %q) ...
    ```
    becomes
    ```mlir
    %h = exec.gemm ...
    %h0 = exec.peer_view %h ...
    %p2 = exec.launch @kernels::@update(%g0, %g1, %p) ...
    %q2 = exec.launch @kernels::@update(%h0, %h1, %q) ...
    ```
  }];
  let options = [
    Option<"joinBytes", "join-bytes", "int64_t", "0",
           "at most so much of a rank's memory waits for it">
  ];
  let statistics = [
    Statistic<"numJoined", "joined", "Instructions that wait for others">
  ];
  let dependentDialects = ["exec::ExecDialect"];
}

def JoinProductsPass : Pass<"exec-join-products", "ModuleOp"> {
  let summary = "makes products that share an operand one instruction";
  let description = [{
    Products of the same sizes and layouts that read one matrix in common, and
    neither have a bias nor are added to anything, become one instruction where they
    can stand together: the later one moves up to the earlier, or the earlier down.
    What they do not share, and their results, are placed side by side.

    A library so sees one product of more blocks. What it costs is memory, for all
    operands are there together and nothing is written over them or the results, and
    some of what could run beside them.

    Precondition: functions of `exec` ops, memory is not planned.
    Postcondition: the same values, bit for bit where a library multiplies the
    matrices of a batch as it does one.

    ```mlir
    %1 = exec.gemm %x, %w1 batch = 1 m = 16 n = 256 k = 128 a = <leading = 128> b = <leading = 128, transposed = true> : ...
    %2 = exec.gemm %x, %w3 batch = 1 m = 16 n = 256 k = 128 a = <leading = 128> b = <leading = 128, transposed = true> : ...
    ```
    becomes
    ```mlir
    %1:2 = exec.joined_gemm(%x) by(%w1, %w3) m = 16 n = 256 k = 128
             a = <leading = 128> b = <leading = 128, transposed = true> : ...
    ```
  }];
  let statistics = [
    Statistic<"numJoined", "joined", "Products that are part of another">
  ];
  let dependentDialects = ["exec::ExecDialect"];
}

def PlaceBarriersPass : Pass<"exec-place-barriers", "ModuleOp"> {
  let summary = "orders reads of peers' memory after writes and before them";
  let description = [{
    Precondition: functions of `exec` ops, whose order does not change any more.

    Postcondition: in every step, whatever is read of a peer has a barrier over its
    axes after it was written and before it is read, and one after it is read and
    before it is written again. Collectives that bring every rank something of every
    other count. What only peers read any more is alive until its barrier.

    ```mlir
    %1 = exec.peer_view %g axes = <{"dp"}> member = 0 own_piece : tensor<8xf32> -> tensor<4xf32>
    %2 = exec.launch @kernels::@kernel_0(%1) ties = [-1] : (tensor<4xf32>) -> tensor<4xf32>
    ```
    becomes
    ```mlir
    %1 = exec.peer_view %g axes = <{"dp"}> member = 0 own_piece : tensor<8xf32> -> tensor<4xf32>
    exec.barrier axes = <{"dp"}>
    %2 = exec.launch @kernels::@kernel_0(%1) ties = [-1] : (tensor<4xf32>) -> tensor<4xf32>
    exec.barrier axes = <{"dp"}> released(%g : tensor<8xf32>)
    ```
  }];
  let options = [
    Option<"joinBytes", "join-bytes", "int64_t", "0",
           "so much of what peers have read waits for the next barrier">
  ];
  let statistics = [
    Statistic<"numBarriers", "barriers", "Barriers that were added">
  ];
  let dependentDialects = ["exec::ExecDialect"];
}

def FormKernelsPass : Pass<"lower-form-kernels", "ModuleOp"> {
  let summary = "fuses structured ops and outlines them as kernels";
  let description = [{
    Precondition: what implements StructuredOpInterface is to be a kernel; all else
    is an instruction, whose order stays.

    Postcondition: no structured ops and no splat constants are left in functions
    but in those of the module `@kernels`. Ops of one iteration domain are one
    kernel where one reads what the other computes, or both read the same, and no
    instruction stands between that needs one of them; also across instructions,
    where that keeps no more memory alive. A kernel may read what it reduces where
    all such reductions keep the same loops, the outer ones: it then works row by
    row.
    An op that copies boxes is a kernel by itself. Splat constants and broadcasts are
    part of each kernel that reads them. What can
    be computed again from what a kernel reads anyway is not stored. Kernels that are
    equal but for locations are one function.

    ```mlir
    %2 = fabric.silu %0 : tensor<16x256xf32>
    %3 = fabric.mul %2, %1 : tensor<16x256xf32>
    ```
    becomes
    ```mlir
    %3 = exec.launch @kernels::@kernel_0(%0, %1) ties = [-1]
           : (tensor<16x256xf32>, tensor<16x256xf32>) -> tensor<16x256xf32>
    ```
  }];
  let dependentDialects = ["exec::ExecDialect", "arith::ArithDialect",
                           "math::MathDialect"];
}

def LaunchesToGpuPass : Pass<"lower-launches-to-gpu", "ModuleOp"> {
  let summary = "makes kernels code of a GPU, and launches of it";
  let description = [{
    Precondition: kernels are formed, memory is not planned.

    Postcondition: every function of `@kernels` is a declaration, whose code is the
    gpu.func of its name in the gpu.module `@kernels::@device`, with the grid that it
    runs on. A kernel may be several launches, one after the other; what they leave
    for each other is results. Numbers that depend on the step alone are computed by
    one launch for all that need them.

    ```mlir
    %1 = exec.launch @kernels::@kernel_0(%0) ties = [-1] : (tensor<4194304xf32>) -> tensor<f32>
    ```
    becomes, where the kernel is a sum,
    ```mlir
    %1 = exec.launch @kernels::@kernel_0(%0) ties = [-1] : (tensor<4194304xf32>) -> tensor<512x1xf64>
    %2 = exec.launch @kernels::@kernel_0_parts_0(%1) ties = [-1] : (tensor<512x1xf64>) -> tensor<f32>
    ```
  }];
  let dependentDialects = ["exec::ExecDialect", "arith::ArithDialect",
                           "gpu::GPUDialect", "linalg::LinalgDialect",
                           "math::MathDialect", "memref::MemRefDialect",
                           "scf::SCFDialect", "vector::VectorDialect"];
}

def PlanMemoryPass : Pass<"exec-plan-memory", "ModuleOp"> {
  let summary = "gives every value a slot in an arena";
  let description = [{
    Precondition: functions of `exec` ops, in the order of execution.

    Postcondition: every argument and result has a slot, the module its arenas.
    Results are tied to operands that die, where ops allow it. The new value of an
    argument (`fabric.update_of`) is in the argument's slot; where its producer
    cannot write it there, a copy is planned, with a remark. An op that came with a
    tie to a value that is read later is an error.

    Parameters, optimizer states and what is read or written between steps keep
    their memory; the workspace is shared by what is not alive together. Each slot
    also says what it is used for, for the memory report: a gradient is what updates
    a parameter, and what that was reduced from; what a collective brings is
    communication; the rest are activations.

    ```mlir
    %1 = exec.launch @kernels::@kernel_0(%0) ties = [-1] : (tensor<16xf32>) -> tensor<16xf32>
    ```
    becomes
    ```mlir
    %1 = exec.launch @kernels::@kernel_0(%0) ties = [0] at [#exec.slot<workspace, 0, activations>]
           : (tensor<16xf32>) -> tensor<16xf32>
    ```
  }];
  let statistics = [
    Statistic<"numCopies", "copies", "Planned copies">,
    Statistic<"workspaceBytes", "workspace-bytes", "Bytes of the workspace">,
    Statistic<"maxLiveBytes", "max-live-bytes",
              "The most bytes of the workspace that are alive at once">
  ];
  let dependentDialects = ["exec::ExecDialect"];
}

def VerifyMemoryPass : Pass<"exec-verify-memory", "ModuleOp"> {
  let summary = "checks that every value is in its slot when it is read";
  let description = [{
    Runs the program on slots, independently of the planner: every operand is still
    whole where it was written, results overlap no operand but the one that they are
    tied to, slots lie in their arenas, what is accessed as one lies one after the
    other, and new values of arguments end in the arguments' slots.
  }];
  let options = [
    Option<"maxCopies", "max-copies", "int64_t", /*default=*/"0",
           "How many planned copies there may be.">
  ];
}

def PlaceEventsPass : Pass<"exec-place-events", "ModuleOp"> {
  let summary = "orders streams where they touch the same bytes";
  let description = [{
    Precondition: every value is in its slot (`exec-verify-memory`); block order is
    right. Without `async` collectives nothing is done.

    Postcondition: two instructions of different streams of which one writes bytes
    that the other touches are in the order of the block, by their streams' own order
    and by records and waits. No wait can be left out.

    ```mlir
    %1 = exec.collective all_gather %w axes = <{"dp"}> ... async at <workspace, 0, communication> : ...
    %2 = exec.gemm %x, %1 ... : ...
    ```
    becomes
    ```mlir
    %1 = exec.collective all_gather %w axes = <{"dp"}> ... async at <workspace, 0, communication> : ...
    exec.record 0 stream = <{"dp"}>
    exec.wait 0
    %2 = exec.gemm %x, %1 ... : ...
    ```
  }];
  let statistics = [
    Statistic<"numWaits", "waits", "Waits of one stream for another">
  ];
  let dependentDialects = ["exec::ExecDialect"];
}

def VerifyPeersPass : Pass<"exec-verify-peers", "ModuleOp"> {
  let summary = "checks that no rank reads what a peer writes";
  let description = [{
    Precondition: every value is in its slot (`exec-verify-memory`).

    Over the axes of each peer view, the instructions that order ranks cut the
    program into segments. No segment writes what it reads of peers; the first and
    the last read nothing of peers. Peers' values are read by products and kernels
    only, and never written.
  }];
}

def VerifyLoweredPass : Pass<"lower-verify", "ModuleOp"> {
  let summary = "states what lowering may leave behind";
  let description = [{
    * L1: the module is partitioned and has one function outside of `@kernels`.
    * L2: it is one block of instructions of `exec`.
    * L3: every function of `@kernels` is a kernel, or stands for code of a GPU, and
      is launched.
    * L4: the module has arenas.
  }];
}

#endif // FABRIC_PASSES_LOWERING_PASSES_TD
