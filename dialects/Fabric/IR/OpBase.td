//===- OpBase.td - What definitions of ops share ------------*- tablegen -*-===//

#ifndef FABRIC_DIALECTS_FABRIC_OPBASE_TD
#define FABRIC_DIALECTS_FABRIC_OPBASE_TD

include "dialects/Dist/IR/DistInterfaces.td"
include "dialects/Dist/IR/DistTypes.td"
include "dialects/Fabric/IR/FabricAttrs.td"
include "dialects/Fabric/IR/FabricInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/ViewLikeInterface.td"

def Fabric_Float : AnyTypeOf<[F32, BF16, F16, F64]>;
def Fabric_Number : AnyTypeOf<[F32, BF16, F16, F64, I8, I32, I64, I1]>;
def Fabric_Tensor
    : Dist_SupportedTensor<StaticShapeTensorOf<[Fabric_Number]>,
          "statically shaped tensor of f32, bf16, f16, f64, i8, i32, i64 or i1, "
          "sizes of at least 1">;
def Fabric_FloatTensor
    : Dist_SupportedTensor<StaticShapeTensorOf<[Fabric_Float]>,
          "statically shaped tensor of f32, bf16, f16 or f64, sizes of at "
          "least 1">;

class Fabric_Op<string mnemonic, list<Trait> traits = []>
    : Op<Fabric_Dialect, mnemonic, traits # [
        Pure,
        DeclareOpInterfaceMethods<ShardingOpInterface>,
        DeclareOpInterfaceMethods<DerivativeOpInterface>,
        DeclareOpInterfaceMethods<CostOpInterface>]>;

/// An op that is a loop nest: the rule follows from its maps.
class Fabric_StructuredOp<string mnemonic, list<Trait> traits = []>
    : Fabric_Op<mnemonic, traits # [
        DeclareOpInterfaceMethods<StructuredOpInterface>]>;

#endif // FABRIC_DIALECTS_FABRIC_OPBASE_TD
