//===- AllPlacements.h - Every placement of a small tensor ------*- C++ -*-===//

#ifndef FABRIC_TEST_UNIT_PASSES_ALLPLACEMENTS_H
#define FABRIC_TEST_UNIT_PASSES_ALLPLACEMENTS_H

#include "passes/Analysis/Placement.h"
#include <vector>

namespace mlir::analysis {

/// The atoms of each dim, then the partial ones, ascending.
using Where = std::vector<std::vector<int>>;

/// Every way to place a tensor: each atom is unused, partial, or at any place
/// of any dim, and dims are divisible.
class AllPlacements {
public:
  AllPlacements(std::vector<int> atomSizes, std::vector<int64_t> shape)
      : atomSizes(std::move(atomSizes)), shape(std::move(shape)) {
    addAtom(0, Where(this->shape.size() + 1));
  }

  const std::vector<Where> &get() const { return all; }

  static Placement toPlacement(const Where &where) {
    Placement placement;
    for (size_t dim = 0; dim + 1 < where.size(); ++dim)
      placement.dims.emplace_back(where[dim].begin(), where[dim].end());
    placement.partial.append(where.back().begin(), where.back().end());
    return placement;
  }

private:
  bool divides(const Where &where) const {
    for (size_t dim = 0; dim < shape.size(); ++dim) {
      int64_t parts = 1;
      for (int atom : where[dim])
        parts *= atomSizes[atom];
      if (shape[dim] % parts)
        return false;
    }
    return true;
  }

  void addAtom(int atom, const Where &where) {
    if (atom == int(atomSizes.size())) {
      if (divides(where))
        all.push_back(where);
      return;
    }
    addAtom(atom + 1, where);
    Where next = where;
    next.back().push_back(atom);
    addAtom(atom + 1, next);
    for (size_t dim = 0; dim < shape.size(); ++dim)
      for (size_t at = 0; at <= where[dim].size(); ++at) {
        next = where;
        next[dim].insert(next[dim].begin() + at, atom);
        addAtom(atom + 1, next);
      }
  }

  std::vector<int> atomSizes;
  std::vector<int64_t> shape;
  std::vector<Where> all;
};

} // namespace mlir::analysis

#endif // FABRIC_TEST_UNIT_PASSES_ALLPLACEMENTS_H
