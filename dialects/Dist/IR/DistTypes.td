//===- DistTypes.td - The limits of tensors -----------------*- tablegen -*-===//

#ifndef FABRIC_DIALECTS_DIST_TYPES_TD
#define FABRIC_DIALECTS_DIST_TYPES_TD

include "mlir/IR/CommonTypeConstraints.td"

/// A type that is a tensor within the limits of every program (Dist.h).
class Dist_SupportedTensor<Type type, string summary>
    : ConfinedType<type, [CPred<"::mlir::dist::isSupportedTensor($_self)">],
                   summary # " in at most 16 dims and 2^43 bytes">;
def Dist_Tensor
    : Dist_SupportedTensor<AnyRankedTensor,
                           "tensor of static sizes of at least 1">;

#endif // FABRIC_DIALECTS_DIST_TYPES_TD
