//===- Tally.h - What was generated, and what became of it ------*- C++ -*-===//

#ifndef FABRIC_TEST_GENERATE_TALLY_H
#define FABRIC_TEST_GENERATE_TALLY_H

#include "test/generate/Check.h"
#include "test/generate/Generate.h"
#include <map>

namespace mlir::fabric::generate {

class Tally {
public:
  void add(const Program &program, const Outcome &outcome, bool isPlan);
  unsigned getNumBad() const { return numFailed + numDifferent; }
  /// Programs by kind, op and mesh; outcomes.
  void print(llvm::raw_ostream &os) const;

private:
  unsigned numPrograms = 0, numPlans = 0, numRedrawn = 0;
  unsigned numRefused = 0, numFailed = 0, numDifferent = 0;
  std::map<std::string, unsigned> kinds, ops, meshes;
};

} // namespace mlir::fabric::generate

#endif // FABRIC_TEST_GENERATE_TALLY_H
