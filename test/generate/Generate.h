//===- Generate.h - Programs out of seeds -----------------------*- C++ -*-===//
//
// A program is a module with one model: a graph of fabric ops on small f64
// tensors, with inputs, parameters, styles and constraints for the mesh that it
// carries. A seed and a kind make one program, on every machine.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_TEST_GENERATE_GENERATE_H
#define FABRIC_TEST_GENERATE_GENERATE_H

#include "test/generate/ModelBuilder.h"

namespace mlir::fabric::generate {

/// What a test asks of its programs; the seed decides the rest.
struct Kind {
  bool whole = false;
  std::optional<TrainMode> train;
  bool uneven = false;
  bool narrow = false;
  /// Null: drawn, of one to three axes of sizes 1 to 4 and at most 24 ranks.
  dist::MeshAttr mesh;
};

/// The kind of program `seed` of a mixed run: all of them in turn.
Kind getMixedKind(uint64_t seed);

dist::MeshAttr drawMesh(MLIRContext *context, Random &random);

/// How well a program's numbers behave, as its interpretation shows.
struct Fitness {
  double largest = 0.0; ///< Of all values.
  /// Of ops whose value or slope jumps: how far they are from there.
  double margin = std::numeric_limits<double>::infinity();
  double largestResult = 0.0;
  bool runs = false;

  /// Whether two runs of a program that has these can be compared: all whole
  /// numbers are exact, or none is large or near a jump, and results are no
  /// rounding errors.
  bool isMeaningful(bool whole, double largestReal, double leastMargin) const;
};
Fitness measure(ModuleOp program);

struct Program {
  OwningOpRef<ModuleOp> module;
  Settings settings;
  /// Draws before it whose numbers say nothing: they overflow, or a rounding
  /// error decides what is larger.
  unsigned redrawn = 0;
};

constexpr double kLargest = 1e4, kMargin = 1e-6;

/// The program of a seed, which verifies.
Program generate(MLIRContext *context, uint64_t seed, const Kind &kind,
                 double largest = kLargest, double margin = kMargin);

/// Its text, for people and for `fabric-generate --check`.
std::string print(ModuleOp module);

} // namespace mlir::fabric::generate

#endif // FABRIC_TEST_GENERATE_GENERATE_H
