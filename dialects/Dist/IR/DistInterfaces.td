//===- DistInterfaces.td - What an op says about itself ----*- tablegen -*-===//

#ifndef FABRIC_DIALECTS_DIST_INTERFACES_TD
#define FABRIC_DIALECTS_DIST_INTERFACES_TD

include "mlir/IR/OpBase.td"

def ShardingOpInterface : OpInterface<"ShardingOpInterface"> {
  let cppNamespace = "::mlir::dist";
  let description = [{
    How an op may be cut over a mesh. No pass looks at an op's name to find out.
  }];
  let methods = [
    InterfaceMethod<[{
        The factors that dims of operands and results share. Depends on the
        global shapes only; never on encodings.
      }], "::mlir::dist::ShardingRule", "getShardingRule">,
    InterfaceMethod<[{
        Rewrites the op, on global tensors, into simpler ones because a factor
        that it needs whole would better be split: softmax becomes exp, sums and
        a quotient. Fails where there is no such form.
      }], "::llvm::LogicalResult", "decompose",
      (ins "::mlir::RewriterBase &":$rewriter), "",
      [{ return ::mlir::failure(); }]>,
    InterfaceMethod<[{
        Builds one rank's op from local operands. Called on the global-view op,
        whose types still carry their shardings, once every operand and result
        agrees with the rule. The default clones it with local types.
      }], "::llvm::FailureOr<::llvm::SmallVector<::mlir::Value>>", "localise",
      (ins "::mlir::OpBuilder &":$builder,
           "::mlir::ValueRange":$localOperands,
           "::mlir::TypeRange":$localResultTypes), "",
      [{ return ::mlir::dist::cloneLocal($_op, builder, localOperands,
                                         localResultTypes); }]>,
  ];
}

def CollectiveOpInterface : OpInterface<"CollectiveOpInterface"> {
  let cppNamespace = "::mlir::dist";
  let description = [{
    What the collectives have in common: an operand, a result, and the axes whose
    ranks take part.
  }];
  let methods = [
    InterfaceMethod<"The axes whose ranks take part, major first.",
      "::mlir::dist::AxesAttr", "getCollectiveAxes">,
    InterfaceMethod<[{
        The bytes that one rank sends to a group of `numRanks`: (n-1)/n of the
        full tensor for a gather, a scatter or an exchange, twice that for an
        all-reduce, nothing for a slice.
      }], "int64_t", "getBytesSent", (ins "int64_t":$numRanks)>,
  ];
}

#endif // FABRIC_DIALECTS_DIST_INTERFACES_TD
