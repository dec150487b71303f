//===- PaddingFlow.h - How padding of operands and results corresponds ----===//
//
// Private to the shard phase. A padded dim may be of several parts, of which
// some are padded; what is asked of padding is asked along one part.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_SHARDING_PADDINGFLOW_H
#define FABRIC_PASSES_SHARDING_PADDINGFLOW_H

#include "passes/Analysis/FactorClasses.h"

namespace mlir::sharding {

/// The sizes of all classes, true (as `classes` has them) and padded.
struct PaddedSizes {
  const analysis::FactorClasses &classes;
  SmallVector<int64_t> padded; ///< By class.

  bool isPadded(analysis::FactorClass part) const {
    return padded[part] != classes.getSize(part);
  }
  int64_t getDimSize(Value value, unsigned dim) const;
};

/// A padded part of a dim of a value.
struct Position {
  unsigned dim;
  unsigned part; ///< Of the dim's parts, major first.
};

/// Of a value of the block that has classes.
SmallVector<Position> getPositions(const PaddedSizes &sizes, Value value);

/// For each index along a position's dim, whether it is a true one in the part.
std::vector<bool> getValidIndices(const PaddedSizes &sizes, Value value,
                                  Position position);

/// Where a padded part is in an op's rule; one coordinate for each position of
/// the tensor, in order.
struct Coordinate {
  unsigned factor;
  unsigned part; ///< Of the factor's parts.
  bool operator==(const Coordinate &other) const {
    return factor == other.factor && part == other.part;
  }
};

/// How positions of operands and results of one op correspond.
struct PaddingFlow {
  SmallVector<SmallVector<Coordinate>> operands, results;

  PaddingFlow(const PaddedSizes &sizes, Operation *op);

  static std::optional<unsigned> find(ArrayRef<Coordinate> list,
                                      Coordinate coordinate) {
    const Coordinate *it = llvm::find(list, coordinate);
    if (it == list.end())
      return std::nullopt;
    return it - list.begin();
  }
};

} // namespace mlir::sharding

#endif // FABRIC_PASSES_SHARDING_PADDINGFLOW_H
