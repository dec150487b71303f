//===- DistAttrs.td - Meshes and shardings ------------------*- tablegen -*-===//

#ifndef FABRIC_DIALECTS_DIST_ATTRS_TD
#define FABRIC_DIALECTS_DIST_ATTRS_TD

include "dialects/Dist/IR/DistDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/TensorEncoding.td"
include "mlir/IR/EnumAttr.td"

class Dist_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<Dist_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

def Dist_ReductionKind : I32EnumAttr<"ReductionKind",
    "how partial values combine", [
      I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Max", 1, "max">,
      I32EnumAttrCase<"Min", 2, "min">]> {
  let cppNamespace = "::mlir::dist";
  let genSpecializedAttr = 0;
}

def Dist_ReductionKindAttr
    : EnumAttr<Dist_Dialect, Dist_ReductionKind, "reduction"> {
  let assemblyFormat = "`<` $value `>`";
}

def Dist_TpStyle : I32EnumAttr<"TpStyle", "a tensor-parallel style", [
      I32EnumAttrCase<"Colwise", 0, "colwise">,
      I32EnumAttrCase<"Rowwise", 1, "rowwise">,
      I32EnumAttrCase<"Replicate", 2, "replicate">,
      I32EnumAttrCase<"Sequence", 3, "sequence">]> {
  let cppNamespace = "::mlir::dist";
  let genSpecializedAttr = 0;
}

def Dist_TpAttr : EnumAttr<Dist_Dialect, Dist_TpStyle, "tp"> {
  let summary = "the tensor-parallel style of a parameter, in PyTorch's words";
  let description = [{
    `colwise` splits dim 0, the out-features of an `[out, in]` weight (and of its
    bias); `rowwise` splits dim 1, its in-features, and leaves a one-dimensional
    parameter whole; `replicate` and `sequence` leave the parameter whole, the
    latter where activations are split over the sequence.

    Example: `%w1: tensor<256x128xf32> {dist.tp = #dist.tp<colwise>}`
  }];
  let assemblyFormat = "`<` $value `>`";
}

def Dist_FsdpMode : I32EnumAttr<"FsdpMode",
    "what becomes of a parameter's data-parallel shards where it is used", [
      I32EnumAttrCase<"Gather", 0, "gather">,
      I32EnumAttrCase<"Keep", 1, "keep">]> {
  let cppNamespace = "::mlir::dist";
  let genSpecializedAttr = 0;
}

def Dist_FsdpAttr : Dist_Attr<"Fsdp", "fsdp"> {
  let summary = "how a parameter is sharded over the data-parallel axis";
  let description = [{
    `gather` stores the parameter in shards and uses it whole; `keep` uses it in
    its shards, so that activations move and it does not. `dim` is the dim that is
    cut; without it, the first that the axis divides.

    Example: `%w1: tensor<256x128xf32> {dist.fsdp = #dist.fsdp<keep, dim = 0>}`

    **Constraints**
    * C1: `dim` is a dim of the parameter.
  }];
  let parameters = (ins EnumParameter<Dist_FsdpMode>:$mode,
                        OptionalParameter<"std::optional<int64_t>">:$dim);
  let assemblyFormat = "`<` $mode (`,` `dim` `=` $dim^)? `>`";
}

def Dist_MeshAttr : Dist_Attr<"Mesh", "mesh"> {
  let summary = "a mesh of devices with named axes";
  let description = [{
    The axes are major first: the last one varies fastest over consecutive ranks.
    Printed through the alias `#mesh`.

    Example: `#dist.mesh<["dp"=2, "tp"=2]>`: ranks 0 and 1 differ in "tp".

    Without sizes, `#dist.mesh<["dp", "tp"]>`, it is any mesh with axes of these
    names. A model may ask for shardings over such a mesh; the module's mesh and
    those of types have sizes.

    **Constraints**
    * C1: there is at least one axis.
    * C2: axis names are not empty and differ.
    * C3: axis sizes are positive, or no axis has one.
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::StringAttr">:$names,
                        ArrayRefParameter<"int64_t">:$sizes);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The index of the axis of this name, if there is one.
    std::optional<unsigned> lookup(::llvm::StringRef name) const;
    /// The size of the axis of this name; 0 if there is none.
    int64_t getAxisSize(::llvm::StringRef name) const;
    int64_t getNumRanks() const;
    /// False for any mesh with axes of these names; then sizes are 0.
    bool hasSizes() const { return getSizes().front() != 0; }
  }];
}

def Dist_AxisRefAttr : Dist_Attr<"AxisRef", "axis_ref"> {
  let summary = "an axis of a mesh, or a part of one";
  let description = [{
    `"tp"` is the whole axis. `"tp":(2)4`, as in Shardy, is a sub-axis: an axis of
    size n seen as 2 x 4 x n/8, and of that the middle part.
  }];
  let parameters = (ins "::mlir::StringAttr":$name,
                        DefaultValuedParameter<"int64_t", "1">:$preSize,
                        DefaultValuedParameter<"int64_t", "0">:$subSize);
  let builders = [AttrBuilder<(ins "::llvm::StringRef":$name), [{
    return $_get($_ctxt, ::mlir::StringAttr::get($_ctxt, name), 1, 0);
  }]>];
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    bool isSubAxis() const { return getSubSize() != 0; }
    /// Number of parts that this axis cuts a dim into on `mesh`.
    int64_t getSize(MeshAttr mesh) const;
    static ::mlir::FailureOr<AxisRefAttr> parseBare(::mlir::AsmParser &parser);
    void printBare(::llvm::raw_ostream &os) const;
  }];
}

def Dist_AxesAttr : Dist_Attr<"Axes", "axes"> {
  let summary = "a list of axes, major first";
  let description = "Example: `{\"tp\", \"dp\"}`";
  let parameters = (ins OptionalArrayRefParameter<"AxisRefAttr">:$refs);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    bool empty() const { return getRefs().empty(); }
    size_t size() const { return getRefs().size(); }
    /// Number of parts: the product of the axes' sizes.
    int64_t getNumParts(MeshAttr mesh) const;
    static ::mlir::FailureOr<AxesAttr> parseBare(::mlir::AsmParser &parser);
    void printBare(::llvm::raw_ostream &os) const;
    std::string str() const;
  }];
}

def Dist_ShardingAttr : Dist_Attr<"Sharding", "sharding",
    [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "how a global tensor is cut over a mesh";
  let description = [{
    The encoding of a tensor type. A list of axes for every dim, major first: the
    dim is cut into as many equal blocks as the axes have coordinates, and a rank
    holds the block of its coordinate. `partial` names the axes over which the
    ranks hold terms: the true value is their reduction. A tensor is replicated
    over every axis that is not named.

    ```mlir
    // dim 0 cut by "tp", each block of it by "dp"; the true value is the sum
    // over nothing
    tensor<256x128xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {} ]>>
    // every "tp" rank holds a term of the scalar
    tensor<f32, #dist.sharding<#mesh, [], partial = sum {"tp"}>>
    ```

    As an encoding it is part of the type: no rewrite can drop it, it covers block
    arguments, and a partial value that reaches an op that is not linear in it is
    a type error, not a wrong gradient.

    **Constraints**
    * C1: one list of axes for each dim of the tensor.
    * C2: every axis is one of the mesh; a sub-axis divides it.
    * C3: no part of an axis is used twice.
    * C4: the number of parts divides the dim.
    * C5: a partial value is of a float or integer type.
    * C6: the mesh of a type has sizes; over one without, sub-axes do not exist.
  }];
  let parameters = (ins "MeshAttr":$mesh,
                        OptionalArrayRefParameter<"AxesAttr">:$dims,
                        "AxesAttr":$partial,
                        DefaultValuedParameter<"ReductionKind",
                                               "ReductionKind::Sum">:$reduction);
  let builders = [
    AttrBuilderWithInferredContext<(ins "MeshAttr":$mesh,
                                        "::llvm::ArrayRef<AxesAttr>":$dims), [{
      return $_get(mesh.getContext(), mesh, dims,
                   AxesAttr::get(mesh.getContext(), {}), ReductionKind::Sum);
    }]>];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Every rank holds the whole tensor.
    static ShardingAttr getReplicated(MeshAttr mesh, int64_t rank);
    int64_t getRank() const { return getDims().size(); }
    bool isPartial() const { return !getPartial().empty(); }
    bool isReplicated() const;
    /// Number of blocks that dim `dim` is cut into.
    int64_t getNumParts(unsigned dim) const;
    /// The shape of one rank's block.
    ::llvm::SmallVector<int64_t> getLocalShape(::llvm::ArrayRef<int64_t> shape) const;
    /// The same placement, all terms reduced.
    ShardingAttr withoutPartial() const;
  }];
}

#endif // FABRIC_DIALECTS_DIST_ATTRS_TD
