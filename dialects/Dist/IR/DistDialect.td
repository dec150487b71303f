//===- DistDialect.td - The dist dialect -------------------*- tablegen -*-===//

#ifndef FABRIC_DIALECTS_DIST_DIALECT_TD
#define FABRIC_DIALECTS_DIST_DIALECT_TD

include "mlir/IR/OpBase.td"

def Dist_Dialect : Dialect {
  let name = "dist";
  let cppNamespace = "::mlir::dist";
  let summary = "Meshes, shardings, and the collectives between them";
  let description = [{
    Says where the pieces of a global tensor are. A mesh names its axes; a
    sharding, the encoding of a tensor type, says which axes split which dim and
    over which axes the value is still a partial sum; `dist.reshard` changes one
    into another, and the collectives are the steps that it is made of.

    Until the localise pass, all of it is *global view*: values are whole
    tensors, shardings only place them, and every op of this dialect is the
    identity on the value. After it, types are one rank's local shapes and the
    collectives are what a rank executes.

    Attributes of modules and functions:
      * `dist.mesh` on the module: the mesh that everything below runs on;
      * `dist.partitioned` on the module: the functions are local;
      * `dist.async` on a collective of a scheduled program: it is under way from
        where it stands to the first op that reads its result, beside all that
        stands between;
      * `dist.tp` on an argument: the tensor-parallel style of a parameter;
      * `dist.fsdp` on an argument: whether a parameter's data-parallel shards are
        gathered for use, or used as they are;
      * `dist.sharding` on arguments and results: in a model, what the user asks
        for, perhaps over a mesh without sizes; of a partitioned function, how
        the local tensor is cut from the global one;
      * `dist.logical_shape` on arguments and results: the global shape that the
        user knows, where the tensor is padded behind it, with zeros in arguments
        and with anything in results.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
  let extraClassDeclaration = [{
    static constexpr ::llvm::StringLiteral kMeshAttr{"dist.mesh"};
    static constexpr ::llvm::StringLiteral kPartitionedAttr{"dist.partitioned"};
    static constexpr ::llvm::StringLiteral kAsyncAttr{"dist.async"};
    static constexpr ::llvm::StringLiteral kTpAttr{"dist.tp"};
    static constexpr ::llvm::StringLiteral kFsdpAttr{"dist.fsdp"};
    static constexpr ::llvm::StringLiteral kShardingAttr{"dist.sharding"};
    static constexpr ::llvm::StringLiteral kLogicalShapeAttr{
        "dist.logical_shape"};
    void registerAttributes();
  }];
}

#endif // FABRIC_DIALECTS_DIST_DIALECT_TD
