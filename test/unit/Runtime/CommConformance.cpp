//===- CommConformance.cpp - What every communicator must do --------------===//
//
// Every rank knows what every other rank puts in, so each checks its own result
// against plain loops. Groups are taken from meshes of up to three axes, in
// both orders of the axes, so that they are neither all ranks nor in rank
// order.
//
//===----------------------------------------------------------------------===//

#include "CommHarness.h"

#include "runtime/Plan/Sharding.h"
#include "runtime/Support/Float.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <utility>

using namespace fabric;
using namespace fabric::comm;
namespace test = fabric::test;
using fabric::test::onAllRanks;
using fabric::test::worldSizes;
using plan::Shape;

namespace {

const DType allTypes[] = {DType::F32, DType::BF16, DType::F16, DType::F64,
                          DType::I8,  DType::I32,  DType::I64, DType::Bool};
const DType reducible[] = {DType::F32, DType::F64, DType::BF16, DType::F16,
                           DType::I8,  DType::I32, DType::I64};

void store(DType dtype, std::byte *at, double value) {
  auto put = [at](auto v) { std::memcpy(at, &v, sizeof(v)); };
  switch (dtype) {
  case DType::F32:
    return put(static_cast<float>(value));
  case DType::F64:
    return put(value);
  case DType::BF16:
    return put(toBFloat16(static_cast<float>(value)));
  case DType::F16:
    return put(toFloat16(static_cast<float>(value)));
  case DType::I8:
  case DType::Bool:
    return put(static_cast<int8_t>(value));
  case DType::I32:
    return put(static_cast<int32_t>(value));
  case DType::I64:
    return put(static_cast<int64_t>(value));
  }
}

double load(DType dtype, const std::byte *at) {
  auto get = [at](auto v) {
    std::memcpy(&v, at, sizeof(v));
    return v;
  };
  switch (dtype) {
  case DType::F32:
    return get(0.0f);
  case DType::F64:
    return get(0.0);
  case DType::BF16:
    return toFloat(get(BFloat16{}));
  case DType::F16:
    return toFloat(get(Float16{}));
  case DType::I8:
  case DType::Bool:
    return get(int8_t{});
  case DType::I32:
    return get(int32_t{});
  case DType::I64:
    return static_cast<double>(get(int64_t{}));
  }
  return 0;
}

/// A typed tensor on its own; elements start out as a value never sent. It is
/// seen here in the host's memory, and by collectives where the harness wants
/// it.
class Tensor {
public:
  Tensor(DType dtype, int64_t count)
      : dtype(dtype), count(count), width(plan::byteWidth(dtype)),
        storage((count + 1) * width) {
    for (int64_t i = 0; i <= count; ++i)
      set(i, 99);
  }
  void set(int64_t i, double value) {
    store(dtype, bytes() + i * width, value);
  }
  double at(int64_t i) { return load(dtype, bytes() + i * width); }
  /// In the host's memory.
  std::byte *bytes() {
    if (place && std::exchange(away, false))
      move(place->device.copyToHost(place->stream, storage.data(),
                                    memory->data(), size()));
    return storage.data();
  }
  /// For collectives.
  void *data() {
    if (!place || away)
      return place ? memory->data() : storage.data();
    if (!memory)
      allocate();
    move(place->device.copyFromHost(place->stream, memory->data(),
                                    storage.data(), size()));
    away = true;
    return memory->data();
  }
  /// The element past the end, which nobody may touch.
  bool guardIntact() { return at(count) == 99; }

  const DType dtype;
  const int64_t count;

private:
  int64_t size() const { return static_cast<int64_t>(storage.size()); }
  void allocate() {
    auto allocated = place->device.allocate(size(), 16);
    ASSERT_TRUE(allocated.ok()) << allocated.message();
    memory = std::move(*allocated);
  }
  static void move(const Status &status) {
    ASSERT_TRUE(status.ok()) << status.message();
  }

  int64_t width;
  std::vector<std::byte> storage;
  const test::Place *place = test::place();
  std::unique_ptr<device::Memory> memory;
  bool away = false; ///< Whether what counts is in `memory`.
};

/// What rank `rank` puts at element `i`: small integers, exact in every dtype.
double element(int rank, int64_t i) {
  return static_cast<double>((rank * 31 + i * 7) % 13 - 6);
}

Tensor filled(DType dtype, int64_t count, int rank) {
  Tensor tensor(dtype, count);
  for (int64_t i = 0; i < count; ++i)
    tensor.set(i, element(rank, i));
  return tensor;
}

int64_t volume(const Shape &shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

std::vector<int64_t> coordinates(const Shape &shape, int64_t linear) {
  std::vector<int64_t> result(shape.size());
  for (size_t d = shape.size(); d-- > 0;) {
    result[d] = linear % shape[d];
    linear /= shape[d];
  }
  return result;
}

int64_t linearIndex(const Shape &shape, const std::vector<int64_t> &at) {
  int64_t linear = 0;
  for (size_t d = 0; d < shape.size(); ++d)
    linear = linear * shape[d] + at[d];
  return linear;
}

/// The groups that a rank is in: every list of axes of some meshes of `size`.
std::vector<GroupSpec> groupsOf(int rank, int size) {
  std::vector<plan::Mesh> meshes = {{{{"x", size}}}};
  for (int a = 2; a < size; ++a)
    if (size % a == 0)
      meshes.push_back({{{"x", a}, {"y", size / a}}});
  if (size == 8)
    meshes.push_back({{{"x", 2}, {"y", 2}, {"z", 2}}});
  std::vector<GroupSpec> specs;
  for (const plan::Mesh &mesh : meshes) {
    std::vector<std::vector<plan::AxisRef>> lists = {{}};
    for (const plan::MeshAxis &axis : mesh.axes)
      lists.push_back({{axis.name}});
    if (mesh.axes.size() == 2)
      lists.push_back({{"y"}, {"x"}});
    if (mesh.axes.size() == 3) {
      lists.push_back({{"x"}, {"z"}});
      lists.push_back({{"z"}, {"y"}});
    }
    if (mesh.axes.size() == 1 && size % 2 == 0)
      lists.push_back({{"x", size / 2, 2}});
    for (const std::vector<plan::AxisRef> &axes : lists) {
      GroupSpec spec;
      for (int64_t member : plan::groupOf(mesh, axes, rank).ranks)
        spec.ranks.push_back(static_cast<int>(member));
      spec.axes = plan::toString(axes);
      specs.push_back(spec);
    }
  }
  return specs;
}

/// Runs `body` for every group of every rank of every world.
void forEachGroup(const std::function<void(Group &, int)> &body) {
  for (int size : worldSizes())
    onAllRanks(size, [&](Communicator &communicator) {
      for (const GroupSpec &spec :
           groupsOf(communicator.rank(), communicator.size())) {
        auto group = communicator.createGroup(
            spec, test::place() ? &test::place()->stream : nullptr);
        ASSERT_TRUE(group.ok()) << group.message();
        body(**group, communicator.rank());
      }
    });
}

#define ASSERT_SUCCESS(expr)                                                   \
  do {                                                                         \
    Status status = (expr);                                                    \
    ASSERT_TRUE(status.ok()) << status.message();                              \
  } while (false)

class CommConformance : public testing::Test {
protected:
  void SetUp() override {
    if (std::optional<std::string> reason = test::whyNot())
      GTEST_SKIP() << *reason;
  }
};

//===----------------------------------------------------------------------===//
// Moves
//===----------------------------------------------------------------------===//

TEST_F(CommConformance, AllGather) {
  forEachGroup([](Group &group, int rank) {
    for (DType dtype : allTypes)
      for (int64_t dim = 0; dim < 3; ++dim) {
        Shape piece = {3, 5, 7}, whole = piece;
        whole[dim] *= group.size();
        Tensor in = filled(dtype, volume(piece), rank);
        Tensor out(dtype, volume(whole));
        auto pieces = piecesAlong(whole, dim, group.size());
        ASSERT_TRUE(pieces.ok());
        ASSERT_SUCCESS(group.allGather(dtype, *pieces, in.data(), out.data()));
        for (int64_t i = 0; i < out.count; ++i) {
          std::vector<int64_t> at = coordinates(whole, i);
          int from = group.ranks()[at[dim] / piece[dim]];
          at[dim] %= piece[dim];
          ASSERT_EQ(out.at(i), element(from, linearIndex(piece, at)))
              << plan::toString(dtype) << " dim " << dim << " element " << i;
        }
        ASSERT_TRUE(out.guardIntact());
      }
  });
}

TEST_F(CommConformance, AllGatherOfNothing) {
  forEachGroup([](Group &group, int) {
    Tensor in(DType::F32, 0), out(DType::F32, 0);
    ASSERT_SUCCESS(
        group.allGather(DType::F32, Pieces{3, 0}, in.data(), out.data()));
    ASSERT_TRUE(out.guardIntact());
  });
}

TEST_F(CommConformance, AllToAllOverEveryPairOfDims) {
  forEachGroup([](Group &group, int rank) {
    int n = group.size();
    for (DType dtype : allTypes)
      for (int64_t split = 0; split < 3; ++split)
        for (int64_t concat = 0; concat < 3; ++concat) {
          Shape inShape = {3, 2, 5};
          inShape[split] *= n;
          Shape piece = inShape;
          piece[split] /= n;
          Shape outShape = piece;
          outShape[concat] *= n;
          Tensor in = filled(dtype, volume(inShape), rank);
          Tensor out(dtype, volume(outShape));
          ASSERT_SUCCESS(group.allToAll(dtype, *piecesAlong(inShape, split, n),
                                        *piecesAlong(outShape, concat, n),
                                        in.data(), out.data()));
          for (int64_t i = 0; i < out.count; ++i) {
            std::vector<int64_t> at = coordinates(outShape, i);
            int from = group.ranks()[at[concat] / piece[concat]];
            at[concat] %= piece[concat];
            at[split] += group.index() * piece[split];
            ASSERT_EQ(out.at(i), element(from, linearIndex(inShape, at)))
                << plan::toString(dtype) << " split " << split << " concat "
                << concat << " element " << i;
          }
          ASSERT_TRUE(out.guardIntact());
        }
  });
}

TEST_F(CommConformance, Slice) {
  forEachGroup([](Group &group, int rank) {
    for (int64_t dim = 0; dim < 3; ++dim) {
      Shape piece = {2, 3, 5}, whole = piece;
      whole[dim] *= group.size();
      Tensor in = filled(DType::I32, volume(whole), rank);
      Tensor out(DType::I32, volume(piece));
      ASSERT_SUCCESS(group.slice(DType::I32,
                                 *piecesAlong(whole, dim, group.size()),
                                 in.data(), out.data()));
      for (int64_t i = 0; i < out.count; ++i) {
        std::vector<int64_t> at = coordinates(piece, i);
        at[dim] += group.index() * piece[dim];
        ASSERT_EQ(out.at(i), element(rank, linearIndex(whole, at)));
      }
      ASSERT_TRUE(out.guardIntact());
    }
  });
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

double reduced(Reduction reduction, const Group &group, int64_t i) {
  double value = element(group.ranks()[0], i);
  for (int peer = 1; peer < group.size(); ++peer) {
    double next = element(group.ranks()[peer], i);
    value = reduction == Reduction::Sum   ? value + next
            : reduction == Reduction::Max ? std::max(value, next)
                                          : std::min(value, next);
  }
  return value;
}

const Reduction reductions[] = {Reduction::Sum, Reduction::Max, Reduction::Min};

TEST_F(CommConformance, AllReduceInAndOutOfPlace) {
  forEachGroup([](Group &group, int rank) {
    for (DType dtype : reducible)
      for (Reduction reduction : reductions)
        for (int64_t count : {0, 1, 7, 1023, 5001})
          for (bool inPlace : {false, true}) {
            Tensor in = filled(dtype, count, rank), separate(dtype, count);
            Tensor &out = inPlace ? in : separate;
            ASSERT_SUCCESS(group.allReduce(dtype, reduction, count, in.data(),
                                           out.data()));
            for (int64_t i = 0; i < count; ++i)
              ASSERT_EQ(out.at(i), reduced(reduction, group, i))
                  << plan::toString(dtype) << " count " << count;
            ASSERT_TRUE(out.guardIntact());
          }
  });
}

TEST_F(CommConformance, AllReduceOfMoreThanAnyScratchBuffer) {
  forEachGroup([](Group &group, int rank) {
    int64_t count = 300001;
    for (bool inPlace : {false, true}) {
      Tensor in = filled(DType::F64, count, rank), separate(DType::F64, count);
      Tensor &out = inPlace ? in : separate;
      ASSERT_SUCCESS(group.allReduce(DType::F64, Reduction::Sum, count,
                                     in.data(), out.data()));
      for (int64_t i = 0; i < count; ++i)
        ASSERT_EQ(out.at(i), reduced(Reduction::Sum, group, i)) << i;
    }
  });
}

void checkReduceScatter(Group &group, int rank, DType dtype,
                        Reduction reduction, Shape piece, int64_t dim) {
  Shape whole = piece;
  whole[dim] *= group.size();
  Tensor in = filled(dtype, volume(whole), rank);
  Tensor out(dtype, volume(piece));
  ASSERT_SUCCESS(group.reduceScatter(dtype, reduction,
                                     *piecesAlong(whole, dim, group.size()),
                                     in.data(), out.data()));
  for (int64_t i = 0; i < out.count; ++i) {
    std::vector<int64_t> at = coordinates(piece, i);
    at[dim] += group.index() * piece[dim];
    ASSERT_EQ(out.at(i), reduced(reduction, group, linearIndex(whole, at)))
        << plan::toString(dtype) << " dim " << dim << " element " << i;
  }
  ASSERT_TRUE(out.guardIntact());
}

TEST_F(CommConformance, ReduceScatter) {
  forEachGroup([](Group &group, int rank) {
    for (DType dtype : reducible)
      for (Reduction reduction : reductions)
        for (int64_t dim = 0; dim < 3; ++dim)
          checkReduceScatter(group, rank, dtype, reduction, {3, 5, 7}, dim);
  });
}

TEST_F(CommConformance, ReduceScatterOfMoreThanAnyScratchBuffer) {
  forEachGroup([](Group &group, int rank) {
    checkReduceScatter(group, rank, DType::F32, Reduction::Sum, {3, 111, 301},
                       1);
  });
}

/// Numbers whose sum depends on the order of the additions.
float awkward(int rank, int64_t i) {
  int64_t key = i * 37 + rank * 101;
  return std::ldexp(1.0f / static_cast<float>(key % 127 + 3),
                    static_cast<int>(key % 23) - 8) *
         (key % 2 ? 1.0f : -1.0f);
}

TEST_F(CommConformance, SumsRunInGroupOrder) {
  forEachGroup([](Group &group, int rank) {
    for (DType dtype : {DType::F32, DType::BF16, DType::F16}) {
      for (int64_t count : {77, 9001}) {
        Tensor in(dtype, count), out(dtype, count), expected(dtype, count);
        for (int64_t i = 0; i < count; ++i) {
          in.set(i, awkward(rank, i));
          Tensor one(dtype, 1);
          float sum = 0;
          for (int peer = 0; peer < group.size(); ++peer) {
            one.set(0, awkward(group.ranks()[peer], i));
            float value = static_cast<float>(one.at(0));
            sum = peer == 0 ? value : sum + value;
          }
          expected.set(i, sum);
        }
        ASSERT_SUCCESS(group.allReduce(dtype, Reduction::Sum, count, in.data(),
                                       out.data()));
        ASSERT_EQ(std::memcmp(out.bytes(), expected.bytes(),
                              count * plan::byteWidth(dtype)),
                  0)
            << plan::toString(dtype) << " over " << group.axes();
      }
    }
  });
}

TEST_F(CommConformance, IntegersWrapAndNaNsStay) {
  forEachGroup([](Group &group, int rank) {
    Tensor top(DType::I32, 1);
    top.set(0, std::numeric_limits<int32_t>::max());
    ASSERT_SUCCESS(
        group.allReduce(DType::I32, Reduction::Sum, 1, top.data(), top.data()));
    uint32_t wrapped =
        static_cast<uint32_t>(std::numeric_limits<int32_t>::max());
    EXPECT_EQ(static_cast<uint32_t>(static_cast<int32_t>(top.at(0))),
              wrapped * group.size());

    bool first = group.ranks()[0] == rank, last = group.ranks().back() == rank;
    for (bool mine : {first, last})
      for (Reduction reduction : {Reduction::Max, Reduction::Min}) {
        Tensor value(DType::F32, 1);
        value.set(0, mine ? std::nan("") : 1.0);
        ASSERT_SUCCESS(group.allReduce(DType::F32, reduction, 1, value.data(),
                                       value.data()));
        EXPECT_TRUE(std::isnan(value.at(0)));
      }
  });
}

//===----------------------------------------------------------------------===//
// Agreement and refusals
//===----------------------------------------------------------------------===//

TEST_F(CommConformance, ExchangeIsInRankOrder) {
  for (int size : worldSizes())
    onAllRanks(size, [](Communicator &communicator) {
      for (int round = 0; round < 3; ++round) {
        std::string mine(communicator.rank() + round,
                         static_cast<char>('a' + communicator.rank()));
        auto all = communicator.exchange(mine);
        ASSERT_TRUE(all.ok()) << all.message();
        ASSERT_EQ(static_cast<int>(all->size()), communicator.size());
        for (int rank = 0; rank < communicator.size(); ++rank)
          EXPECT_EQ((*all)[rank],
                    std::string(rank + round, static_cast<char>('a' + rank)));
      }
    });
}

TEST_F(CommConformance, AllRanksLearnOfTheLowestFailure) {
  for (int size : worldSizes())
    onAllRanks(size, [](Communicator &communicator) {
      ASSERT_SUCCESS(communicator.agree(Status::success()));
      int rank = communicator.rank(), last = communicator.size() - 1;
      bool fails = rank == last || rank == last - 1;
      Status agreed = communicator.agree(
          fails ? Status::error("rank ", rank, " lost it") : Status::success());
      ASSERT_TRUE(agreed.failed());
      EXPECT_EQ(agreed.message(),
                "rank " + std::to_string(std::max(0, last - 1)) + " lost it");
      // An agreed failure is no fault of the communicator.
      ASSERT_SUCCESS(communicator.agree(Status::success()));
    });
}

TEST_F(CommConformance, Refusals) {
  forEachGroup([](Group &group, int) {
    int8_t bytes[16] = {};
    EXPECT_TRUE(
        group.allReduce(DType::Bool, Reduction::Sum, 1, bytes, bytes).failed());
    EXPECT_TRUE(group
                    .reduceScatter(DType::Bool, Reduction::Max, Pieces{1, 1},
                                   bytes, bytes + 8)
                    .failed());
    EXPECT_TRUE(
        group.allToAll(DType::I8, Pieces{1, 1}, Pieces{1, 2}, bytes, bytes + 8)
            .failed());
    if (group.size() > 1) {
      EXPECT_TRUE(
          group.allGather(DType::I8, Pieces{1, 1}, bytes, bytes).failed());
    }
    ASSERT_SUCCESS(group.barrier());
  });
  EXPECT_EQ(piecesAlong({4, 6}, 1, 4).message(),
            "dim 1 of size 6 does not divide into 4 pieces");
  EXPECT_TRUE(piecesAlong({4, 6}, 2, 2).failed());
}

TEST_F(CommConformance, GroupsHoldTheirCaller) {
  for (int size : worldSizes())
    onAllRanks(size, [](Communicator &communicator) {
      int other = (communicator.rank() + 1) % communicator.size();
      EXPECT_TRUE(communicator.createGroup({{-1}, "x"}).failed());
      EXPECT_TRUE(
          communicator.createGroup({{communicator.size()}, "x"}).failed());
      EXPECT_TRUE(
          communicator
              .createGroup({{communicator.rank(), communicator.rank()}, "x"})
              .failed());
      if (other != communicator.rank()) {
        EXPECT_TRUE(communicator.createGroup({{other}, "x"}).failed());
      }
    });
}

} // namespace
