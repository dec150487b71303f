//===- GpuTarget.cpp - The GPU that kernels are made for ------------------===//

#include "passes/Lowering/Kernels/Gpu/GpuTarget.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;

/// The oldest with products in bf16, asynchronous copies and 48 KiB of memory
/// that blocks share.
static constexpr unsigned oldest = 80;

static llvm::Triple getTriple() { return llvm::Triple("nvptx64-nvidia-cuda"); }

static llvm::Expected<const llvm::Target *> lookupTarget() {
  LLVMInitializeNVPTXTargetInfo();
  LLVMInitializeNVPTXTarget();
  LLVMInitializeNVPTXTargetMC();
  LLVMInitializeNVPTXAsmPrinter();
  std::string error;
  if (const llvm::Target *target =
          llvm::TargetRegistry::lookupTarget(getTriple(), error))
    return target;
  return llvm::createStringError("this LLVM cannot make PTX: " + error);
}

llvm::Error mlir::lowering::checkGpuArch(StringRef arch) {
  llvm::Expected<const llvm::Target *> target = lookupTarget();
  if (!target)
    return target.takeError();
  StringRef number = arch;
  unsigned capability = 0;
  if (!number.consume_front("sm_") || number.consumeInteger(10, capability))
    return llvm::createStringError("expected a GPU like sm_90, found '" + arch +
                                   "'");
  if (!number.empty())
    return llvm::createStringError(
        "code for " + arch +
        " runs on no other GPU, and kernels gain nothing "
        "from it: use sm_" +
        Twine(capability));
  if (capability < oldest)
    return llvm::createStringError("expected sm_" + Twine(oldest) +
                                   " or newer, found " + arch);
  std::unique_ptr<llvm::MCSubtargetInfo> known(
      (*target)->createMCSubtargetInfo(getTriple(), "", ""));
  if (!known || !known->isCPUStringValid(arch))
    return llvm::createStringError("this LLVM knows no GPU '" + arch + "'");
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
mlir::lowering::createGpuMachine(StringRef arch) {
  if (llvm::Error error = checkGpuArch(arch))
    return error;
  llvm::Expected<const llvm::Target *> target = lookupTarget();
  if (!target)
    return target.takeError();
  // As on the CPU: products and sums are rounded each for itself.
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  return std::unique_ptr<llvm::TargetMachine>((*target)->createTargetMachine(
      getTriple(), arch, "", options, std::nullopt, std::nullopt,
      llvm::CodeGenOptLevel::Aggressive));
}
