//===- ChooseTpFacts.h - What strategies are made of ------------*- C++ -*-===//
//
// What the layout search has to know of an op and of its tensors before it can
// say what a way to split it costs.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_PASSES_SHARDING_CHOOSETPFACTS_H
#define FABRIC_PASSES_SHARDING_CHOOSETPFACTS_H

#include "dialects/Dist/IR/Dist.h"
#include "passes/Sharding/Strategies.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallBitVector.h"

namespace mlir::sharding {

/// Marks of the dims of values.
class DimMarks {
public:
  bool has(Value value, unsigned dim) const {
    auto it = marks.find(value);
    return it != marks.end() && it->second.test(dim);
  }
  bool hasAny(Value value) const {
    auto it = marks.find(value);
    return it != marks.end() && it->second.any();
  }
  /// True if it is new.
  bool set(Value value, unsigned dim) {
    llvm::SmallBitVector &bits = marks[value];
    bits.resize(cast<RankedTensorType>(value.getType()).getRank());
    bool isNew = !bits.test(dim);
    bits.set(dim);
    return isNew;
  }

private:
  DenseMap<Value, llvm::SmallBitVector> marks;
};

/// What an op says about itself, with the tensors in one list.
struct OpInfo {
  Operation *op = nullptr;
  dist::ShardingRule rule;
  SmallVector<Value, 6> values;
  SmallVector<dist::TensorFactors, 6> tensors;
  unsigned numOperands = 0;

  static OpInfo get(Operation *op);
  /// The factor whose blocks are blocks of the dim.
  std::optional<unsigned> getMajorFactor(const dist::DimFactors &dim) const;
  /// The state of every tensor if an axis splits the factor; nothing if that is
  /// no layout of them all. Does not ask whether the op can be split so.
  std::optional<LayoutStates> splitBy(unsigned factor) const;
};

/// Which dims are of the batch, and what follows for sizes and costs.
class BatchFacts {
public:
  BatchFacts(int64_t axisSize, int64_t dataSize)
      : axisSize(axisSize), dataSize(dataSize) {}

  bool mark(Value value, unsigned dim) { return batch.set(value, dim); }
  bool isMarked(Value value, unsigned dim) const {
    return batch.has(value, dim);
  }
  /// One factor of the batch makes all dims that it leads dims of the batch.
  /// True if that is new.
  bool mark(const OpInfo &info);
  bool isOfBatch(const OpInfo &info, unsigned factor) const;

  /// The dim that data parallelism splits.
  std::optional<unsigned> getBatchDim(Value value) const;
  /// Of one rank, were the tensor not split over the axis.
  int64_t getBytes(Value value) const;
  /// Of the op itself, without what its tensors send.
  analysis::LayoutCost getCost(const OpInfo &info,
                               ArrayRef<analysis::LayoutState> states,
                               bool isSplit) const;
  int64_t getAxisSize() const { return axisSize; }
  /// Of the same mesh, with nothing marked.
  BatchFacts getEmpty() const { return {axisSize, dataSize}; }

private:
  int64_t axisSize, dataSize;
  DimMarks batch;
};

} // namespace mlir::sharding

#endif // FABRIC_PASSES_SHARDING_CHOOSETPFACTS_H
