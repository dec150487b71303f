//===- ExecAttrs.td - Memory and matrices -------------------*- tablegen -*-===//

#ifndef FABRIC_DIALECTS_EXEC_ATTRS_TD
#define FABRIC_DIALECTS_EXEC_ATTRS_TD

include "dialects/Exec/IR/ExecDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class Exec_Attr<string name, string attrMnemonic>
    : AttrDef<Exec_Dialect, name> {
  let mnemonic = attrMnemonic;
}

def Exec_ArenaKind : I32EnumAttr<"ArenaKind", "an allocation of a rank", [
      I32EnumAttrCase<"Parameters", 0, "parameters">,
      I32EnumAttrCase<"Optimizer", 1, "optimizer">,
      I32EnumAttrCase<"IO", 2, "io">,
      I32EnumAttrCase<"Workspace", 3, "workspace">]> {
  let cppNamespace = "::mlir::exec";
  let genSpecializedAttr = 0;
}

def Exec_MemoryClass : I32EnumAttr<"MemoryClass", "what memory is used for", [
      I32EnumAttrCase<"Parameters", 0, "parameters">,
      I32EnumAttrCase<"Optimizer", 1, "optimizer">,
      I32EnumAttrCase<"Gradients", 2, "gradients">,
      I32EnumAttrCase<"Activations", 3, "activations">,
      I32EnumAttrCase<"Communication", 4, "communication">]> {
  let cppNamespace = "::mlir::exec";
  let genSpecializedAttr = 0;
}

def Exec_CollectiveKind : I32EnumAttr<"CollectiveKind", "a collective", [
      I32EnumAttrCase<"AllGather", 0, "all_gather">,
      I32EnumAttrCase<"ReduceScatter", 1, "reduce_scatter">,
      I32EnumAttrCase<"AllReduce", 2, "all_reduce">,
      I32EnumAttrCase<"AllToAll", 3, "all_to_all">,
      I32EnumAttrCase<"AllSlice", 4, "all_slice">]> {
  let cppNamespace = "::mlir::exec";
  let genSpecializedAttr = 0;
}

def Exec_CollectiveKindAttr
    : EnumAttr<Exec_Dialect, Exec_CollectiveKind, "collective_kind"> {
  let assemblyFormat = "`<` $value `>`";
}

def Exec_SlotAttr : Exec_Attr<"Slot", "slot"> {
  let summary = "where a value lives";
  let description = [{
    An arena, the offset in it in bytes, and what the memory is used for, in the
    classes of the memory report.

    Example: `#exec.slot<workspace, 1024, activations>`

    **Constraints**
    * C1: the offset is not negative.
  }];
  let parameters = (ins EnumParameter<Exec_ArenaKind>:$arena,
                        "int64_t":$offset,
                        EnumParameter<Exec_MemoryClass>:$memoryClass);
  let assemblyFormat = "`<` $arena `,` $offset `,` $memoryClass `>`";
  let genVerifyDecl = 1;
}

def Exec_ArenaAttr : Exec_Attr<"Arena", "arena"> {
  let summary = "one allocation of a rank, and its size in bytes";
  let description = [{
    Example: `#exec.arena<workspace, 65536>`

    **Constraints**
    * C1: the size is not negative.
  }];
  let parameters = (ins EnumParameter<Exec_ArenaKind>:$kind,
                        "int64_t":$bytes);
  let assemblyFormat = "`<` $kind `,` $bytes `>`";
  let genVerifyDecl = 1;
}

def Exec_MatrixAttr : Exec_Attr<"Matrix", "matrix"> {
  let summary = "a tensor seen as a batch of row-major matrices";
  let description = [{
    `leading` elements lie between rows as they are stored, `batch_stride` between
    matrices, `offset` before the first. `transposed`: the matrix that is meant is
    the stored one's transpose.

    Example: `#exec.matrix<leading = 128, transposed = true>`

    **Constraints**
    * C1: `leading` is positive, `batch_stride` and `offset` are not negative.
  }];
  let parameters = (ins "int64_t":$leading,
                        DefaultValuedParameter<"int64_t", "0">:$batch_stride,
                        DefaultValuedParameter<"bool", "false">:$transposed,
                        DefaultValuedParameter<"int64_t", "0">:$offset);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

#endif // FABRIC_DIALECTS_EXEC_ATTRS_TD
