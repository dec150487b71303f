//===- Sharding.h - Where a rank's shard is, whom it talks to ---*- C++ -*-===//
//
// The mesh is major first: the last axis varies fastest over consecutive ranks.
//
//     mesh ["dp"=2, "tp"=2]          shape [8, 6], sharding [{"tp","dp"}, {}]
//       rank  dp tp                    rank 0: rows 0:2   (tp 0, dp 0)
//        0     0  0                    rank 1: rows 4:6   (tp 1, dp 0)
//        1     0  1                    rank 2: rows 2:4   (tp 0, dp 1)
//        2     1  0                    rank 3: rows 6:8   (tp 1, dp 1)
//        3     1  1
//
// The check functions return the reason in one line. All others require what
// the checks ensure, and a rank of the mesh.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_PLAN_SHARDING_H
#define FABRIC_RUNTIME_PLAN_SHARDING_H

#include "runtime/Plan/Plan.h"
#include "runtime/Support/Box.h"
#include "runtime/Support/Status.h"

#include <string>
#include <vector>

namespace fabric::plan {

/// Limits of a plan; they keep the arithmetic of validated plans exact.
inline constexpr int64_t maxMeshRanks = int64_t(1) << 20;
inline constexpr int64_t maxTensorRank = 16;

/// `"tp"` or `"tp":(1)2`.
std::string toString(const AxisRef &axis);
/// `{"tp", "dp"}`.
std::string toString(const std::vector<AxisRef> &axes);
/// `[{"tp", "dp"}, {}]`.
std::string toString(const Sharding &sharding);
/// `["dp"=2, "tp"=2]`.
std::string toString(const Mesh &mesh);

/// At least one axis, distinct names, sizes from 1, at most maxMeshRanks ranks.
Status checkMesh(const Mesh &mesh);
/// Known axes, sub-axes that divide them, no part of an axis twice.
Status checkAxes(const Mesh &mesh, const std::vector<AxisRef> &axes);
/// As checkAxes over all dims; one list per dim of `shape`, which it divides.
Status checkSharding(const Mesh &mesh, const Sharding &sharding,
                     const Shape &shape);

/// Number of pieces that `axis` makes.
int64_t axisSize(const Mesh &mesh, const AxisRef &axis);
/// Number of pieces that all of `axes` make: the size of a group.
int64_t axesSize(const Mesh &mesh, const std::vector<AxisRef> &axes);
/// Mixed-radix coordinate of `rank` in `axes`, major first.
int64_t axesIndex(const Mesh &mesh, const std::vector<AxisRef> &axes,
                  int64_t rank);

/// The shape of every rank's shard of a tensor of shape `shape`.
Shape localShape(const Mesh &mesh, const Sharding &sharding,
                 const Shape &shape);
/// The part of the global tensor that `rank` holds.
Box localBox(const Mesh &mesh, const Sharding &sharding, const Shape &shape,
             int64_t rank);
/// Of the ranks that hold the same box, exactly the first: the one that writes.
bool isFirstHolder(const Mesh &mesh, const Sharding &sharding, int64_t rank);

/// The ranks that differ from one rank only in some axes.
struct Group {
  /// In the order of their coordinates in those axes, major first.
  std::vector<int64_t> ranks;
  /// Which of them is the one that asked.
  int64_t index = 0;
};
Group groupOf(const Mesh &mesh, const std::vector<AxisRef> &axes, int64_t rank);

} // namespace fabric::plan

#endif // FABRIC_RUNTIME_PLAN_SHARDING_H
