//===- KernelTarget.cpp - The processor that kernels are made for ---------===//

#include "passes/Lowering/Kernels/KernelTarget.h"
#include "passes/Lowering/Kernels/Gpu/GpuTarget.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/X86TargetParser.h"

using namespace mlir;
using namespace mlir::lowering;

static constexpr StringRef baselineCpu = "x86-64";

/// What floating-point loops gain from. Sorted.
static constexpr StringRef usefulFeatures[] = {
    "avx",    "avx2", "avx512bw", "avx512dq", "avx512f", "avx512vl",
    "bmi",    "bmi2", "f16c",     "fma",      "lzcnt",   "movbe",
    "popcnt", "sse3", "sse4.1",   "sse4.2",   "ssse3"};

/// All that vectors of 512 bits need to be worth it; without one of them they
/// are not used.
static constexpr StringRef wideFeatures[] = {"avx512bw", "avx512dq", "avx512f",
                                             "avx512vl"};

std::string ResolvedTarget::getFeatureString() const {
  std::string text;
  for (StringRef feature : features)
    text += (text.empty() ? "+" : ",+") + feature.str();
  return text;
}

llvm::Expected<ResolvedTarget>
mlir::lowering::resolveTarget(const KernelTarget &target) {
  ResolvedTarget resolved;
  llvm::StringMap<bool> enabled;
  if (target.cpu == "native") {
    resolved.tuneCpu = llvm::sys::getHostCPUName().str();
    for (const auto &feature : llvm::sys::getHostCPUFeatures())
      enabled[feature.getKey()] = feature.getValue();
  } else {
    SmallVector<StringRef> cpus;
    llvm::X86::fillValidCPUArchList(cpus, /*Only64Bit=*/true);
    if (!llvm::is_contained(cpus, target.cpu))
      return llvm::createStringError("unknown x86-64 CPU '" + target.cpu + "'");
    resolved.tuneCpu = target.cpu;
    SmallVector<StringRef> features;
    llvm::X86::getFeaturesForCPU(target.cpu, features);
    for (StringRef feature : features) {
      enabled[feature] = true;
      llvm::X86::updateImpliedFeatures(feature, true, enabled);
    }
  }
  SmallVector<StringRef> changes;
  StringRef(target.features).split(changes, ',', -1, /*KeepEmpty=*/false);
  for (StringRef change : changes) {
    StringRef name = change.trim();
    bool add = name.consume_front("+");
    if (!add && !name.consume_front("-"))
      return llvm::createStringError(
          "expected '+' or '-' before CPU feature '" + name + "'");
    if (!llvm::is_contained(usefulFeatures, name))
      return llvm::createStringError("kernels do not use CPU feature '" + name +
                                     "'");
    enabled[name] = add;
    llvm::X86::updateImpliedFeatures(name, add, enabled);
  }
  bool wide = llvm::all_of(
      wideFeatures, [&](StringRef name) { return enabled.lookup(name); });
  for (StringRef name : usefulFeatures)
    if (enabled.lookup(name) &&
        (wide || !llvm::is_contained(wideFeatures, name)))
      resolved.features.push_back(name.str());
  return resolved;
}

llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
mlir::lowering::createTargetMachine(const ResolvedTarget &target) {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  std::string error;
  const llvm::Target *registered =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!registered)
    return llvm::createStringError(error);
  std::unique_ptr<llvm::TargetMachine> machine(registered->createTargetMachine(
      triple, baselineCpu, target.getFeatureString(), llvm::TargetOptions(),
      llvm::Reloc::PIC_, std::nullopt, llvm::CodeGenOptLevel::Aggressive));
  if (!machine)
    return llvm::createStringError("this LLVM cannot make x86-64 code");
  return machine;
}

llvm::Error mlir::lowering::checkTarget(const KernelTarget &target) {
  if (!target.gpu.empty())
    return checkGpuArch(target.gpu);
  return resolveTarget(target).takeError();
}

SmallVector<std::string>
mlir::lowering::getRequiredFeatures(const KernelTarget &target) {
  if (!target.gpu.empty())
    return {};
  llvm::Expected<ResolvedTarget> resolved = resolveTarget(target);
  if (!resolved) {
    llvm::consumeError(resolved.takeError());
    return {};
  }
  return resolved->features;
}
