//===- ExecDialect.td - The exec dialect -------------------*- tablegen -*-===//

#ifndef FABRIC_DIALECTS_EXEC_DIALECT_TD
#define FABRIC_DIALECTS_EXEC_DIALECT_TD

include "mlir/IR/OpBase.td"

def Exec_Dialect : Dialect {
  let name = "exec";
  let cppNamespace = "::mlir::exec";
  let summary = "The execution plan: instructions on planned memory";
  let description = [{
    What one rank executes, in order: matrix products, kernel launches and
    collectives. Ops still take and give tensors, so that every analysis sees
    values; where a value lives is an attribute beside it, its *slot*: an offset
    in an arena. A result that is *tied* to an operand takes over its slot.

    Attributes of modules and functions:
      * `exec.arenas` on the module: the arenas and their sizes;
      * `exec.slot` on an argument: where it lives.
    Kernels are functions of a nested module, `@kernels`.
  }];
  let dependentDialects = ["::mlir::dist::DistDialect"];
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let extraClassDeclaration = [{
    static constexpr ::llvm::StringLiteral kArenasAttr{"exec.arenas"};
    static constexpr ::llvm::StringLiteral kSlotAttr{"exec.slot"};
    static constexpr ::llvm::StringLiteral kKernelsModule{"kernels"};
    void registerAttributes();
  }];
}

#endif // FABRIC_DIALECTS_EXEC_DIALECT_TD
