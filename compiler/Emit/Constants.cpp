//===- Constants.cpp - Section "constants" --------------------------------===//

#include "compiler/Emit/Emit.h"
#include "compiler/Emit/Emitter.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::fabric;
namespace plan = ::fabric::plan;

LogicalResult mlir::fabric::emitConstant(exec::ConstantOp op,
                                         PlanBuffers &buffers,
                                         plan::Plan &plan) {
  auto value = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!value)
    return op.emitOpError() << "expects dense elements";
  FailureOr<plan::BufferId> buffer = buffers.get(op.getResult());
  if (failed(buffer))
    return failure();
  std::vector<std::byte> &section = plan.sections["constants"];
  section.resize(llvm::alignTo(section.size(), 64));
  plan.constants.push_back({*buffer, static_cast<int64_t>(section.size())});

  // Bits of each element, little endian; a bool is a byte.
  int64_t width = plan::byteWidth(plan.buffers[*buffer].dtype);
  auto append = [&](const llvm::APInt &bits) {
    for (int64_t byte = 0; byte < width; ++byte)
      section.push_back(
          static_cast<std::byte>(bits.getZExtValue() >> (8 * byte) & 0xff));
  };
  if (isa<FloatType>(value.getElementType()))
    for (const llvm::APFloat &element : value.getValues<llvm::APFloat>())
      append(element.bitcastToAPInt());
  else
    for (const llvm::APInt &element : value.getValues<llvm::APInt>())
      append(element);
  return success();
}
