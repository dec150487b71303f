//===- Generate.cpp - Programs out of seeds -------------------------------===//

#include "test/generate/Generate.h"
#include "compiler/Interpreter/Comparison.h"
#include "compiler/Interpreter/Interpreter.h"
#include "compiler/Pipelines.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "test/generate/OpMakers.h"

using namespace mlir;
using namespace mlir::fabric;
using namespace mlir::fabric::generate;
using interpreter::Tensor;

Kind mlir::fabric::generate::getMixedKind(uint64_t seed) {
  Kind kind;
  kind.uneven = seed % 2;
  switch (seed / 2 % 6) {
  case 0:
    kind.narrow = true;
    break;
  case 1:
    kind.whole = true;
    break;
  case 2:
    kind.whole = true;
    kind.train = TrainMode::Gradients;
    break;
  case 3:
  case 4:
    kind.train = TrainMode::Gradients;
    kind.narrow = seed % 4 == 0;
    break;
  case 5:
    kind.train = TrainMode::AdamW;
    break;
  }
  return kind;
}

dist::MeshAttr mlir::fabric::generate::drawMesh(MLIRContext *context,
                                                Random &random) {
  for (;;) {
    SmallVector<StringRef> names = {"dp", "tp", "sp"};
    if (random.chance(10))
      names = {"a", "b", "tp"};
    random.shuffle(MutableArrayRef(names));
    // Most meshes have both axes that passes know.
    unsigned count = 1 + random.below(3);
    if (count == 2 && random.chance(70))
      llvm::erase(names, "sp");
    SmallVector<StringAttr> attrs;
    SmallVector<int64_t> sizes;
    for (StringRef name : ArrayRef(names).take_front(count)) {
      attrs.push_back(StringAttr::get(context, name));
      sizes.push_back(random.chance(15) ? 1 : 2 + random.below(3));
    }
    auto mesh = dist::MeshAttr::get(context, attrs, sizes);
    if (mesh.getNumRanks() <= 24)
      return mesh;
  }
}

/// As many ops as asked for, of those that the settings allow.
static OwningOpRef<ModuleOp> draw(MLIRContext *context,
                                  const Settings &settings, uint64_t seed) {
  SmallVector<const OpMaker *> choices;
  for (const OpMaker &maker : getOpMakers()) {
    bool fits = !settings.whole || maker.whole == Whole::Always ||
                (maker.whole == Whole::Forward && !settings.train);
    if (fits)
      choices.append(maker.weight, &maker);
  }
  ModelBuilder builder(context, settings, seed);
  for (unsigned i = 0; i < settings.numOps; ++i)
    builder.random.pick(ArrayRef(choices))->make(builder);
  return builder.finish();
}

Fitness mlir::fabric::generate::measure(ModuleOp program) {
  Fitness fitness;
  OwningOpRef<ModuleOp> trained = program.clone();
  auto pm = PassManager::on<ModuleOp>(program.getContext());
  buildTrainPipeline(pm);
  if (failed(pm.run(*trained)))
    return fitness;
  auto observe = [&](Value, const Tensor &tensor) {
    for (double x : tensor.floats)
      fitness.largest = std::isfinite(x)
                            ? std::max(fitness.largest, std::abs(x))
                            : std::numeric_limits<double>::infinity();
  };
  // Jumps are of the forward pass: where the derivative asks which element was
  // the largest, equality is meant.
  llvm::DenseMap<Value, Tensor> values;
  interpreter::Options options;
  auto run = [&](ModuleOp module) {
    auto function = *module.getOps<func::FuncOp>().begin();
    return interpreter::interpret(
        function, interpreter::makeRandomInputs(function, 0), options);
  };
  options.observer = [&](int64_t, Value value, const Tensor &tensor) {
    values[value] = tensor;
  };
  FailureOr<SmallVector<Tensor>> results = run(program);
  if (failed(results))
    return fitness;
  for (const Tensor &result : *results)
    for (double x : result.floats)
      fitness.largestResult = std::max(fitness.largestResult, std::abs(x));
  program.walk([&](Operation *op) {
    Margin margin = getMargin(op->getName().getStringRef());
    if (!margin)
      return;
    SmallVector<const Tensor *> operands;
    for (Value operand : op->getOperands())
      operands.push_back(&values[operand]);
    fitness.margin = std::min(fitness.margin, margin(op, operands));
  });
  options.observer = [&](int64_t, Value value, const Tensor &tensor) {
    observe(value, tensor);
  };
  fitness.runs = succeeded(run(*trained));
  return fitness;
}

bool Fitness::isMeaningful(bool whole, double largestReal,
                           double leastMargin) const {
  // Sums of whole numbers below 2^53 are exact in any order; of these, 2^12
  // products are.
  if (whole)
    return runs && largest <= 0x1p20;
  return runs && largest <= largestReal && margin >= leastMargin &&
         largestResult >= leastMargin;
}

Program mlir::fabric::generate::generate(MLIRContext *context, uint64_t seed,
                                         const Kind &kind, double largest,
                                         double margin) {
  Random random(seed);
  Program program;
  Settings &settings = program.settings;
  settings.mesh = kind.mesh ? kind.mesh : drawMesh(context, random);
  settings.whole = kind.whole;
  settings.train = kind.train;
  settings.uneven = kind.uneven;
  settings.narrow = kind.narrow;
  for (;; ++program.redrawn) {
    settings.numOps = 3 + random.below(16);
    uint64_t own =
        (uint64_t(random.below(1u << 31)) << 31) + random.below(1u << 31);
    program.module = draw(context, settings, own);
    if (failed(verify(*program.module)))
      llvm::report_fatal_error("a generated program does not verify");
    if (measure(*program.module).isMeaningful(settings.whole, largest, margin))
      return program;
  }
}

std::string mlir::fabric::generate::print(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  module.print(os, OpPrintingFlags().printLargeElementsAttrWithHex(-1));
  return text;
}
