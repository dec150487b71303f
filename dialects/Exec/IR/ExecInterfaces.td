//===- ExecInterfaces.td - How instructions use memory -----*- tablegen -*-===//

#ifndef FABRIC_DIALECTS_EXEC_INTERFACES_TD
#define FABRIC_DIALECTS_EXEC_INTERFACES_TD

include "mlir/IR/OpBase.td"

def PlannedOpInterface : OpInterface<"PlannedOpInterface"> {
  let cppNamespace = "::mlir::exec";
  let description = [{
    An instruction whose results live in slots. All that memory planning and its
    verifier know of an op.
  }];
  let methods = [
    InterfaceMethod<"The slot of a result; null until it is planned.",
      "::mlir::exec::SlotAttr", "getSlotOf", (ins "unsigned":$result)>,
    InterfaceMethod<"Plans a result.",
      "void", "setSlotOf",
      (ins "unsigned":$result, "::mlir::exec::SlotAttr":$slot)>,
    InterfaceMethod<[{
        The operand whose slot result `result` takes over, if there is one.
      }], "std::optional<unsigned>", "getTiedOperand",
      (ins "unsigned":$result), "", [{ return std::nullopt; }]>,
    InterfaceMethod<[{
        Whether results are only other names of the operands they are tied to:
        nothing is read or written.
      }], "bool", "isAlias", (ins), "", [{ return false; }]>,
    InterfaceMethod<[{
        The axes over whose groups no rank goes on before all have come; null
        where ranks do not meet.
      }], "::mlir::dist::AxesAttr", "getOrderedAxes", (ins), "",
      [{ return {}; }]>,
    InterfaceMethod<[{
        The axes of the communication stream that the op runs in, beside what
        computes; null where it runs in the order of the block. Of a collective,
        its own: whatever meets over the same axes is in one stream.
      }], "::mlir::dist::AxesAttr", "getStream", (ins), "",
      [{ return {}; }]>,
    InterfaceMethod<[{
        Whether the op may write result `result` over operand `operand`, which
        nobody reads after it.
      }], "bool", "canTie", (ins "unsigned":$result, "unsigned":$operand), "",
      [{ return false; }]>,
    InterfaceMethod<[{
        Operands or results that lie one after the other in one arena, in this
        order and at equal distances, for they are accessed as one.
      }], "::llvm::SmallVector<::mlir::ValueRange>", "getRuns", (ins), "",
      [{ return {}; }]>,
    InterfaceMethod<"Ties a result to an operand for which `canTie` holds.",
      "void", "tie", (ins "unsigned":$result, "unsigned":$operand), "",
      [{ llvm::report_fatal_error("an op that cannot be tied"); }]>,
  ];
}

#endif // FABRIC_DIALECTS_EXEC_INTERFACES_TD
