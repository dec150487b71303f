//===- Communicator.cpp - Collectives over groups of ranks ----------------===//

#include "runtime/Comm/Communicator.h"
#include "runtime/Comm/Mover.h"
#include "runtime/Comm/Reduce.h"

#include <algorithm>
#include <set>

namespace fabric::comm {
namespace {

Status checkReducible(DType dtype, Reduction reduction, const char *op) {
  if (!reduceFunction(dtype, reduction))
    return Status::error(op, " cannot reduce ", plan::toString(dtype), " by ",
                         toString(reduction));
  return Status::success();
}

Status checkDistinct(const char *op, int64_t bytes, const void *input,
                     const void *output) {
  auto in = reinterpret_cast<uintptr_t>(input);
  auto out = reinterpret_cast<uintptr_t>(output);
  if (bytes > 0 && in == out)
    return Status::error(op, " cannot work in place");
  return Status::success();
}

} // namespace

std::string_view toString(Reduction reduction) {
  switch (reduction) {
  case Reduction::Sum:
    return "sum";
  case Reduction::Max:
    return "max";
  case Reduction::Min:
    return "min";
  }
  return "?";
}

Expected<Pieces> piecesAlong(const plan::Shape &whole, int64_t dim, int64_t n) {
  if (dim < 0 || dim >= static_cast<int64_t>(whole.size()))
    return Status::error("dim ", dim, " is not one of a tensor of rank ",
                         whole.size());
  if (n < 1 || whole[dim] % n != 0)
    return Status::error("dim ", dim, " of size ", whole[dim],
                         " does not divide into ", n, " pieces");
  Pieces pieces{1, whole[dim] / n};
  for (int64_t d = 0; d < dim; ++d)
    pieces.outer *= whole[d];
  for (size_t d = dim + 1; d < whole.size(); ++d)
    pieces.row *= whole[d];
  return pieces;
}

//===----------------------------------------------------------------------===//
// Group: the checks that every communicator shares
//===----------------------------------------------------------------------===//

Group::Group(GroupSpec spec, int self, std::shared_ptr<Mover> mover)
    : spec(std::move(spec)), self(self), moves(std::move(mover)) {}

Group::~Group() = default;

Status Group::allGather(DType dtype, Pieces pieces, const void *input,
                        void *output, Input after) {
  if (size() > 1)
    FABRIC_RETURN_IF_ERROR(
        checkDistinct("all_gather", pieces.count(), input, output));
  this->after = after;
  return doAllGather(dtype, pieces, input, output);
}

Status Group::reduceScatter(DType dtype, Reduction reduction, Pieces pieces,
                            const void *input, void *output, Input after) {
  FABRIC_RETURN_IF_ERROR(checkReducible(dtype, reduction, "reduce_scatter"));
  if (size() > 1)
    FABRIC_RETURN_IF_ERROR(
        checkDistinct("reduce_scatter", pieces.count(), input, output));
  this->after = after;
  return doReduceScatter(dtype, reduction, pieces, input, output);
}

Status Group::allReduce(DType dtype, Reduction reduction, int64_t count,
                        const void *input, void *output) {
  FABRIC_RETURN_IF_ERROR(checkReducible(dtype, reduction, "all_reduce"));
  after = Input::Free;
  return doAllReduce(dtype, reduction, count, input, output);
}

Status Group::allToAll(DType dtype, Pieces split, Pieces concat,
                       const void *input, void *output, Input after) {
  if (split.count() != concat.count())
    return Status::error("all_to_all sends pieces of ", split.count(),
                         " elements and expects pieces of ", concat.count());
  if (size() > 1)
    FABRIC_RETURN_IF_ERROR(
        checkDistinct("all_to_all", split.count(), input, output));
  this->after = after;
  return doAllToAll(dtype, split, concat, input, output);
}

Status Group::slice(DType dtype, Pieces pieces, const void *input,
                    void *output) {
  if (size() > 1)
    FABRIC_RETURN_IF_ERROR(
        checkDistinct("all_slice", pieces.count(), input, output));
  if (input == output)
    return Status::success();
  int64_t width = plan::byteWidth(dtype);
  return moves->copyRows(static_cast<const std::byte *>(input) +
                             pieceOffset(pieces, index(), width),
                         rowsOf(pieces, size(), width),
                         static_cast<std::byte *>(output),
                         denseRows(pieces, width));
}

Status Group::barrier() { return doBarrier(); }

//===----------------------------------------------------------------------===//
// Communicator
//===----------------------------------------------------------------------===//

Expected<std::unique_ptr<Group>>
Communicator::createGroup(GroupSpec spec, device::Stream *stream) {
  std::set<int> distinct(spec.ranks.begin(), spec.ranks.end());
  if (spec.ranks.empty() || distinct.size() != spec.ranks.size() ||
      *distinct.begin() < 0 || *distinct.rbegin() >= size())
    return Status::error("a group over ", spec.axes,
                         " must hold distinct ranks below ", size());
  auto self = std::find(spec.ranks.begin(), spec.ranks.end(), rank());
  if (self == spec.ranks.end())
    return Status::error("rank ", rank(), " is not in its group over ",
                         spec.axes);
  int index = static_cast<int>(self - spec.ranks.begin());
  FABRIC_ASSIGN_OR_RETURN(std::shared_ptr<Mover> mover, createMover(stream));
  return doCreateGroup(std::move(spec), index, std::move(mover), stream);
}

Expected<std::vector<std::shared_ptr<const std::byte>>>
Communicator::shareMemory(const std::shared_ptr<const std::byte> &) {
  return Status::error("ranks of ", name(), " do not share memory");
}

Status Communicator::agree(const Status &status) {
  // A leading byte tells an empty message from success.
  std::string mine = status.ok() ? "" : "!" + status.message();
  agreed = false;
  FABRIC_ASSIGN_OR_RETURN(std::vector<std::string> all, exchange(mine));
  for (const std::string &text : all)
    if (!text.empty()) {
      agreed = true;
      return Status::error(text.substr(1));
    }
  return Status::success();
}

} // namespace fabric::comm
