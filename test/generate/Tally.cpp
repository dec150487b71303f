//===- Tally.cpp - What was generated, and what became of it --------------===//

#include "test/generate/Tally.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::generate;
using Status = Outcome::Status;

static std::string describe(const Settings &settings) {
  std::string text = settings.whole ? "whole numbers" : "real numbers";
  if (!settings.train)
    text += ", forward";
  else
    text +=
        *settings.train == TrainMode::AdamW ? ", AdamW step" : ", gradients";
  return text + (settings.uneven ? ", uneven" : "");
}

static std::string describe(dist::MeshAttr mesh) {
  SmallVector<int64_t> sizes(mesh.getSizes());
  llvm::sort(sizes);
  std::string text;
  for (int64_t size : sizes)
    text += (text.empty() ? "" : " x ") + std::to_string(size);
  return text;
}

void Tally::add(const Program &program, const Outcome &outcome, bool isPlan) {
  ++numPrograms;
  numPlans += isPlan;
  numRedrawn += program.redrawn;
  ++kinds[describe(program.settings)];
  ++meshes[describe(program.settings.mesh)];
  llvm::StringSet<> seen;
  ModuleOp(*program.module).walk([&](Operation *op) {
    StringRef name = op->getName().getStringRef();
    if (op->getDialect()->getNamespace() != "builtin" &&
        op->getDialect()->getNamespace() != "func" && seen.insert(name).second)
      ++ops[name.str()];
  });
  numRefused += outcome.status == Status::Refused;
  numFailed += outcome.status == Status::Fails;
  numDifferent += outcome.status == Status::Differs;
}

static void printTable(llvm::raw_ostream &os, StringRef title,
                       const std::map<std::string, unsigned> &table) {
  os << title << "\n";
  for (const auto &[name, count] : table)
    os << "  " << name << ": " << count << "\n";
}

void Tally::print(llvm::raw_ostream &os) const {
  printTable(os, "programs by kind", kinds);
  printTable(os, "programs with an op", ops);
  printTable(os, "programs by mesh", meshes);
  os << numPrograms << " programs, " << numPlans << " run as plans; "
     << numRefused << " refused, " << numFailed << " failed, " << numDifferent
     << " mismatches; " << numRedrawn << " redrawn\n";
}
