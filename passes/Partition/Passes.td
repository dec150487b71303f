//===- Passes.td - From shardings to one rank's program -----*- tablegen -*-===//

#ifndef FABRIC_PASSES_PARTITION_PASSES_TD
#define FABRIC_PASSES_PARTITION_PASSES_TD

include "mlir/Pass/PassBase.td"

def ReshardToCollectivesPass
    : Pass<"dist-reshard-to-collectives", "::mlir::ModuleOp"> {
  let summary = "Turns every reshard into the cheapest collectives";
  let description = [{
    Each `dist.reshard` becomes the steps of analysis::ReshardPlanner, in global
    view: types keep their shardings, and every step is the identity on the value.
    Shardings are normalised on the way: axes of size 1 vanish, parts of an axis
    that stand together are spelled as one.

    Precondition: every tensor type carries a sharding of the module's mesh; no
    `dist.constraint` is left.
    Postcondition: no `dist.reshard` is left.

    ```mlir
    %1 = dist.reshard %0 : tensor<8x4xf32, #dist.sharding<#mesh, [{}, {} ], partial = sum {"dp"}>>
                        -> tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {} ]>>
    ```
    becomes
    ```mlir
    %1 = dist.reduce_scatter sum %0 dim = 0 axes = {"dp"}
        : tensor<8x4xf32, #dist.sharding<#mesh, [{}, {} ], partial = sum {"dp"}>>
       -> tensor<8x4xf32, #dist.sharding<#mesh, [{"dp"}, {} ]>>
    ```
  }];
  let dependentDialects = ["::mlir::dist::DistDialect"];
  let statistics = [
    Statistic<"numReshards", "reshards", "Number of reshards planned">,
    Statistic<"numCollectives", "collectives", "Number of collectives made">,
    Statistic<"bytesSent", "bytes-sent", "Bytes that one rank sends in them">];
}

def CombineCollectivesPass
    : Pass<"dist-combine-collectives", "::mlir::ModuleOp"> {
  let summary = "Algebra on collectives while each is an identity";
  let description = [{
    Three rewrites, each only where it saves bytes, or a collective at equal bytes,
    until none applies:

    * a chain of collectives is a reshard from its first operand to its last
      result, and is planned anew: an all-reduce and a slice become a
      reduce-scatter, a gather and a slice of it vanish, a slice and a gather of it
      as well;
    * a linear op whose operands were all just reduced alike is computed on the
      terms, and its result reduced: `add` of two all-reduces has one, `sum` of an
      all-reduce reduces a scalar;
    * the same collective of the same value is made once.

    Precondition: global view, no `dist.reshard`.
    Postcondition: the same; what one rank sends has not grown.

    ```mlir
    %2 = dist.all_reduce sum %0 axes = {"tp"} : ...
    %3 = dist.all_reduce sum %1 axes = {"tp"} : ...
    %4 = fabric.add %2, %3 : tensor<8x4xf32, #dist.sharding<#mesh, [{}, {} ]>>
    ```
    becomes
    ```mlir
    %2 = fabric.add %0, %1 : tensor<8x4xf32, #dist.sharding<#mesh, [{}, {} ], partial = sum {"tp"}>>
    %4 = dist.all_reduce sum %2 axes = {"tp"} : ...
    ```
  }];
  let dependentDialects = ["::mlir::dist::DistDialect"];
  let statistics = [
    Statistic<"numReplanned", "chains-replanned", "Number of chains planned anew">,
    Statistic<"numTermsCombined", "terms-combined",
              "Number of linear ops moved before their operands' reductions">,
    Statistic<"numRepeated", "repeated", "Number of repeated collectives removed">,
    Statistic<"numCollectives", "collectives", "Number of collectives left">,
    Statistic<"bytesSent", "bytes-sent", "Bytes that one rank sends in them">];
}

def LocalisePass : Pass<"dist-localise", "::mlir::ModuleOp"> {
  let summary = "Makes the program of one rank";
  let description = [{
    Types become local: the shape of one rank's block, no sharding. How a block is
    cut from the global tensor stays on arguments and results, as `dist.sharding`;
    the module is `dist.partitioned`. Each op builds its own local form
    (ShardingOpInterface::localise).

    Before anything is rewritten, every op is checked against its sharding rule. An
    op that disagrees is an error at its location: it would compute something else
    on blocks than it does on the whole.

    Precondition: global view, no `dist.reshard` and no `dist.constraint`; results
    of functions are not partial.
    Postcondition: no type carries a sharding.

    ```mlir
    func.func @f(%x: tensor<16x128xf32, #dist.sharding<#mesh, [{"dp"}, {} ]>>) -> tensor<16x128xf32, #dist.sharding<#mesh, [{"dp"}, {} ]>> {
      %0 = fabric.silu %x : tensor<16x128xf32, #dist.sharding<#mesh, [{"dp"}, {} ]>>
      return %0 : tensor<16x128xf32, #dist.sharding<#mesh, [{"dp"}, {} ]>>
    }
    ```
    becomes
    ```mlir
    func.func @f(%x: tensor<8x128xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {} ]>})
        -> (tensor<8x128xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {} ]>}) {
      %0 = fabric.silu %x : tensor<8x128xf32>
      return %0 : tensor<8x128xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::dist::DistDialect"];
  let statistics = [
    Statistic<"numCollectives", "collectives", "Number of collectives">,
    Statistic<"bytesSent", "bytes-sent", "Bytes that one rank sends in them">];
}

def FoldRoundingPass : Pass<"dist-fold-rounding", "::mlir::ModuleOp"> {
  let summary = "Gives products that are only rounded a rounded result";
  let description = [{
    `fabric-widen-reductions` has products give f32, for a mesh may leave terms of
    them. Where it has not, a product of bf16 whose one user is a cast back to bf16
    has a bf16 result: it accumulates in f32 and rounds once either way.

    Precondition: local tensors, where nothing is reduced between two ops without a
    collective.

    ```mlir
    %1 = fabric.linear %x, %w : (tensor<4x8xbf16>, tensor<2x8xbf16>) -> tensor<4x2xf32>
    %2 = fabric.cast %1 : tensor<4x2xf32> -> tensor<4x2xbf16>
    ```
    becomes
    ```mlir
    %2 = fabric.linear %x, %w : (tensor<4x8xbf16>, tensor<2x8xbf16>) -> tensor<4x2xbf16>
    ```
  }];
  let statistics = [
    Statistic<"numFolded", "folded", "Number of casts that are part of a product">];
}

def VerifyPartitionedPass
    : Pass<"dist-verify-partitioned", "::mlir::ModuleOp"> {
  let summary = "Checks what partition leaves";
  let description = [{
    The module has a mesh and is `dist.partitioned`; every tensor argument and
    result of a function says by `dist.sharding` how it is cut, by whole blocks of
    nothing partial; no type carries a sharding; `dist.reshard` and
    `dist.constraint` are gone. Changes nothing.
  }];
}

#endif // FABRIC_PASSES_PARTITION_PASSES_TD
