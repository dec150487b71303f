//===- ReshardPlanner.cpp - The cheapest way between two shardings --------===//
//
// Dijkstra over placements. The search runs on *tokens*: single atoms where
// there are few, else runs of atoms that stand together in the source and in
// the target, so that an axis of 64 is one token and not six. A state is a
// string: the tokens of every dim, a separator after each, then the partial
// tokens. The plan that always works (reduce in full, gather what differs,
// slice) bounds the search from above; where there are many tokens a hurried
// search improves the bound first, and stands in if the exact one grows too
// large.
//
//===----------------------------------------------------------------------===//

#include "passes/Analysis/ReshardPlanner.h"
#include "llvm/ADT/SmallBitVector.h"
#include <queue>

using namespace mlir;
using namespace mlir::analysis;
using mlir::dist::AtomList;

void ReshardStep::apply(Placement &placement) const {
  if (kind == StepKind::AllGather || kind == StepKind::AllToAll) {
    AtomList &dim = placement.dims[fromDim];
    dim.truncate(dim.size() - atoms.size());
  }
  if (kind == StepKind::ReduceScatter || kind == StepKind::AllReduce)
    llvm::erase_if(placement.partial, [&](unsigned atom) {
      return llvm::is_contained(atoms, atom);
    });
  if (kind != StepKind::AllGather && kind != StepKind::AllReduce)
    llvm::append_range(placement.dims[toDim], atoms);
}

/// The bytes that one rank sends, given the bytes of its operand.
static int64_t getStepBytes(StepKind kind, int64_t operandBytes,
                            int64_t numRanks) {
  switch (kind) {
  case StepKind::AllGather:
    return operandBytes * (numRanks - 1);
  case StepKind::AllSlice:
    return 0;
  case StepKind::ReduceScatter:
    return operandBytes / numRanks * (numRanks - 1);
  case StepKind::AllReduce:
    return 2 * operandBytes * (numRanks - 1) / numRanks;
  case StepKind::AllToAll:
    return operandBytes * (numRanks - 1) / numRanks;
  }
  llvm_unreachable("covered switch");
}

namespace {
using Cost = std::pair<int64_t, int64_t>; // bytes, steps

/// Above this many atoms the search merges them into runs.
constexpr size_t kMaxSingleAtoms = 4;
/// Above this many states it settles for the best plan known.
constexpr size_t kMaxStates = 10000;

class Search {
public:
  Search(const dist::MeshAtoms &atoms, ArrayRef<int64_t> shape,
         int64_t elementBytes, const Placement &from, const Placement &to);

  ReshardPlan run() const;

private:
  using Token = uint8_t;
  using Tokens = SmallVector<Token, 8>;
  static constexpr char kSeparator = '\xff';

  struct State {
    SmallVector<Tokens, 4> dims;
    Tokens partial; // ascending
  };
  struct Move {
    StepKind kind;
    unsigned fromDim, toDim;
    Tokens tokens;
  };
  struct Node {
    Cost cost;
    std::string parent;
    Move move;
    int64_t moveBytes;
    bool done = false;
  };

  void chooseTokens();
  State toState(const Placement &placement) const;
  static std::string encode(const State &state);
  State decode(StringRef key) const;
  int64_t getNumParts(ArrayRef<Token> tokens) const;
  int64_t getLocalBytes(const State &state) const;
  void findSequences(Tokens available, Tokens &prefix,
                     function_ref<void(const Tokens &)> callback) const;
  void forEachMove(const State &state,
                   function_ref<void(const Move &)> callback) const;
  bool apply(const Move &move, State &state) const;
  ReshardPlan getSafePlan() const;
  int64_t countMisplaced(const State &state) const;
  std::optional<ReshardPlan> find(Cost bound, int64_t pull) const;

  const dist::MeshAtoms &atoms;
  ArrayRef<int64_t> shape;
  int64_t elementBytes;
  const Placement &from, &to;

  SmallVector<AtomList> tokenAtoms;
  SmallVector<int64_t> tokenSizes;
  bool anyOrder = true;
  State source, target;
  llvm::SmallBitVector targetTokens; // in a dim of the target
};
} // namespace

Search::Search(const dist::MeshAtoms &atoms, ArrayRef<int64_t> shape,
               int64_t elementBytes, const Placement &from, const Placement &to)
    : atoms(atoms), shape(shape), elementBytes(elementBytes), from(from),
      to(to) {
  chooseTokens();
  source = toState(from);
  target = toState(to);
  targetTokens.resize(tokenAtoms.size());
  for (const Tokens &dim : target.dims)
    for (Token token : dim)
      targetTokens.set(token);
}

/// Tokens cover the atoms that the two placements name, without those that
/// stay partial.
void Search::chooseTokens() {
  // Where an atom is: its dim and position, or none of them.
  struct Spot {
    int dim = -1;
    int position = -1;
    bool partial = false;
    bool isFollowedBy(const Spot &next) const {
      return dim == next.dim && partial == next.partial &&
             (dim < 0 || position + 1 == next.position);
    }
  };
  SmallVector<Spot> inSource(atoms.size()), inTarget(atoms.size());
  SmallVector<unsigned> named;
  auto visit = [&](const Placement &placement, SmallVector<Spot> &spots) {
    for (auto [dim, list] : llvm::enumerate(placement.dims))
      for (auto [position, atom] : llvm::enumerate(list)) {
        spots[atom] = {int(dim), int(position), false};
        named.push_back(atom);
      }
  };
  visit(to, inTarget);
  visit(from, inSource);
  for (unsigned atom : from.partial)
    if (!llvm::is_contained(to.partial, atom)) {
      inSource[atom].partial = true;
      named.push_back(atom);
    }

  llvm::SmallBitVector seen(atoms.size());
  SmallVector<unsigned> order;
  for (unsigned atom : named)
    if (!seen.test(atom)) {
      seen.set(atom);
      order.push_back(atom);
    }
  anyOrder = order.size() <= kMaxSingleAtoms;
  for (unsigned atom : order) {
    unsigned last = tokenAtoms.empty() ? atom : tokenAtoms.back().back();
    bool joins = !anyOrder && !tokenAtoms.empty() &&
                 inSource[last].isFollowedBy(inSource[atom]) &&
                 inTarget[last].isFollowedBy(inTarget[atom]);
    if (!joins)
      tokenAtoms.emplace_back();
    tokenAtoms.back().push_back(atom);
  }
  for (const AtomList &list : tokenAtoms)
    tokenSizes.push_back(atoms.getNumParts(list));
}

Search::State Search::toState(const Placement &placement) const {
  SmallVector<int> tokenOfAtom(atoms.size(), -1);
  for (auto [token, list] : llvm::enumerate(tokenAtoms))
    tokenOfAtom[list.front()] = token;
  State state;
  for (const AtomList &list : placement.dims) {
    Tokens &dim = state.dims.emplace_back();
    for (unsigned atom : list)
      if (tokenOfAtom[atom] >= 0)
        dim.push_back(tokenOfAtom[atom]);
  }
  for (unsigned atom : placement.partial)
    if (tokenOfAtom[atom] >= 0)
      state.partial.push_back(tokenOfAtom[atom]);
  llvm::sort(state.partial);
  return state;
}

std::string Search::encode(const State &state) {
  std::string key;
  for (const Tokens &dim : state.dims) {
    key.append(dim.begin(), dim.end());
    key.push_back(kSeparator);
  }
  key.append(state.partial.begin(), state.partial.end());
  return key;
}

Search::State Search::decode(StringRef key) const {
  State state;
  while (state.dims.size() < shape.size()) {
    auto [dim, rest] = key.split(kSeparator);
    state.dims.emplace_back(dim.begin(), dim.end());
    key = rest;
  }
  state.partial.assign(key.begin(), key.end());
  return state;
}

int64_t Search::getNumParts(ArrayRef<Token> tokens) const {
  int64_t parts = 1;
  for (Token token : tokens)
    parts *= tokenSizes[token];
  return parts;
}

int64_t Search::getLocalBytes(const State &state) const {
  int64_t bytes = elementBytes;
  for (auto [size, dim] : llvm::zip_equal(shape, state.dims))
    bytes *= size / getNumParts(dim);
  return bytes;
}

/// Every list of available tokens that a step may append. With many tokens only
/// single ones and what stands together in the target: a step of any other list
/// is two steps.
void Search::findSequences(Tokens available, Tokens &prefix,
                           function_ref<void(const Tokens &)> callback) const {
  if (anyOrder) {
    for (Token token : available) {
      prefix.push_back(token);
      callback(prefix);
      Tokens rest;
      llvm::copy_if(available, std::back_inserter(rest),
                    [&](Token other) { return other != token; });
      findSequences(rest, prefix, callback);
      prefix.pop_back();
    }
    return;
  }
  auto isAvailable = [&](Token token) {
    return llvm::is_contained(available, token);
  };
  for (const Tokens &dim : target.dims)
    for (size_t begin = 0; begin < dim.size(); ++begin) {
      Tokens run;
      for (size_t end = begin; end < dim.size() && isAvailable(dim[end]);
           ++end) {
        run.push_back(dim[end]);
        callback(run);
      }
    }
  for (Token token : available)
    if (!targetTokens.test(token))
      callback({token});
}

void Search::forEachMove(const State &state,
                         function_ref<void(const Move &)> callback) const {
  unsigned rank = state.dims.size();
  llvm::SmallBitVector used(tokenAtoms.size());
  for (const Tokens &dim : state.dims)
    for (Token token : dim)
      used.set(token);
  for (Token token : state.partial)
    used.set(token);

  Tokens sliceable, prefix;
  for (unsigned token = 0; token < tokenAtoms.size(); ++token)
    if (!used.test(token) && targetTokens.test(token))
      sliceable.push_back(token);
  for (unsigned dim = 0; dim < rank; ++dim)
    findSequences(sliceable, prefix, [&](const Tokens &tokens) {
      callback({StepKind::AllSlice, 0, dim, tokens});
    });

  for (unsigned dim = 0; dim < rank; ++dim)
    findSequences(state.partial, prefix, [&](const Tokens &tokens) {
      callback({StepKind::ReduceScatter, 0, dim, tokens});
    });
  for (unsigned set = 1; set < (1u << state.partial.size()); ++set) {
    Tokens tokens;
    for (auto [index, token] : llvm::enumerate(state.partial))
      if (set & (1u << index))
        tokens.push_back(token);
    callback({StepKind::AllReduce, 0, 0, tokens});
  }

  for (unsigned dim = 0; dim < rank; ++dim)
    for (size_t count = 1; count <= state.dims[dim].size(); ++count) {
      Tokens tokens(ArrayRef<Token>(state.dims[dim]).take_back(count));
      callback({StepKind::AllGather, dim, 0, tokens});
      for (unsigned toDim = 0; toDim < rank; ++toDim)
        if (toDim != dim)
          callback({StepKind::AllToAll, dim, toDim, tokens});
    }
}

/// False where a dim would not divide.
bool Search::apply(const Move &move, State &state) const {
  if (move.kind == StepKind::AllGather || move.kind == StepKind::AllToAll) {
    Tokens &dim = state.dims[move.fromDim];
    dim.truncate(dim.size() - move.tokens.size());
  }
  if (move.kind == StepKind::ReduceScatter || move.kind == StepKind::AllReduce)
    llvm::erase_if(state.partial, [&](Token token) {
      return llvm::is_contained(move.tokens, token);
    });
  if (move.kind == StepKind::AllGather || move.kind == StepKind::AllReduce)
    return true;
  Tokens &dim = state.dims[move.toDim];
  llvm::append_range(dim, move.tokens);
  return shape[move.toDim] % getNumParts(dim) == 0;
}

/// Reduce all that is to be reduced, gather from every dim what differs, slice.
ReshardPlan Search::getSafePlan() const {
  ReshardPlan plan;
  Placement now = from;
  auto add = [&](ReshardStep step) {
    int64_t bytes = elementBytes;
    for (auto [size, list] : llvm::zip_equal(shape, now.dims))
      bytes *= size / atoms.getNumParts(list);
    step.bytes = getStepBytes(step.kind, bytes, atoms.getNumParts(step.atoms));
    step.apply(now);
    plan.bytes += step.bytes;
    plan.steps.push_back(std::move(step));
  };
  AtomList reduced;
  for (unsigned atom : from.partial)
    if (!llvm::is_contained(to.partial, atom))
      reduced.push_back(atom);
  if (!reduced.empty())
    add({StepKind::AllReduce, 0, 0, reduced, 0});
  SmallVector<size_t> common;
  for (auto [fromDim, toDim] : llvm::zip_equal(from.dims, to.dims)) {
    size_t length = 0;
    while (length < std::min(fromDim.size(), toDim.size()) &&
           fromDim[length] == toDim[length])
      ++length;
    common.push_back(length);
  }
  for (auto [dim, length] : llvm::enumerate(common))
    if (from.dims[dim].size() > length)
      add({StepKind::AllGather, unsigned(dim), 0,
           AtomList(ArrayRef<unsigned>(from.dims[dim]).drop_front(length)), 0});
  for (auto [dim, length] : llvm::enumerate(common))
    if (to.dims[dim].size() > length)
      add({StepKind::AllSlice, 0, unsigned(dim),
           AtomList(ArrayRef<unsigned>(to.dims[dim]).drop_front(length)), 0});
  return plan;
}

/// How many tokens are not where the target has them.
int64_t Search::countMisplaced(const State &state) const {
  int64_t count = state.partial.size();
  for (auto [dim, targetDim] : llvm::zip_equal(state.dims, target.dims)) {
    size_t common = 0;
    while (common < std::min(dim.size(), targetDim.size()) &&
           dim[common] == targetDim[common])
      ++common;
    count += dim.size() + targetDim.size() - 2 * common;
  }
  return count;
}

/// The cheapest plan that costs at most `bound`, if the search gets there. With
/// a `pull`, in bytes a misplaced token, it hurries, and finds a good one.
std::optional<ReshardPlan> Search::find(Cost bound, int64_t pull) const {
  std::string start = encode(source), goal = encode(target);
  std::map<std::string, Node> nodes;
  // The key is part of the order: equal costs are taken in the same order
  // everywhere.
  using Entry = std::pair<Cost, std::string>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
  nodes[start].cost = {0, 0};
  queue.push({{0, 0}, start});
  bool found = false;
  while (!queue.empty() && nodes.size() < kMaxStates) {
    std::string key = queue.top().second;
    queue.pop();
    Node &node = nodes[key];
    if (node.done)
      continue;
    node.done = true;
    if (key == goal) {
      found = true;
      break;
    }
    Cost cost = node.cost;
    State state = decode(key);
    int64_t operandBytes = getLocalBytes(state);
    forEachMove(state, [&](const Move &move) {
      State next = state;
      if (!apply(move, next))
        return;
      int64_t bytes =
          getStepBytes(move.kind, operandBytes, getNumParts(move.tokens));
      Cost nextCost(cost.first + bytes, cost.second + 1);
      if (nextCost > bound)
        return;
      std::string nextKey = encode(next);
      auto [it, isNew] = nodes.try_emplace(nextKey);
      if (!isNew && it->second.cost <= nextCost)
        return;
      it->second = {nextCost, key, move, bytes, false};
      int64_t pulled = pull ? pull * countMisplaced(next) : 0;
      queue.push({{nextCost.first + pulled, nextCost.second}, nextKey});
    });
  }
  if (!found)
    return std::nullopt;

  ReshardPlan plan;
  plan.bytes = nodes[goal].cost.first;
  for (std::string key = goal; key != start;) {
    const Node &node = nodes[key];
    ReshardStep step{
        node.move.kind, node.move.fromDim, node.move.toDim, {}, node.moveBytes};
    for (Token token : node.move.tokens)
      llvm::append_range(step.atoms, tokenAtoms[token]);
    plan.steps.push_back(std::move(step));
    key = node.parent;
  }
  std::reverse(plan.steps.begin(), plan.steps.end());
  return plan;
}

ReshardPlan Search::run() const {
  ReshardPlan best = getSafePlan();
  auto improve = [&](int64_t pull) {
    Cost bound(best.bytes, best.steps.size());
    if (std::optional<ReshardPlan> plan = find(bound, pull))
      best = std::move(*plan);
  };
  if (!anyOrder)
    improve(/*pull=*/getLocalBytes(source));
  improve(/*pull=*/0);
  return best;
}

const ReshardPlan &ReshardPlanner::getPlan(ArrayRef<int64_t> shape,
                                           int64_t elementBytes,
                                           const Placement &from,
                                           const Placement &to) {
  std::string key;
  llvm::raw_string_ostream os(key);
  os << elementBytes << ':';
  llvm::interleave(shape, os, "x");
  for (const Placement *placement : {&from, &to}) {
    for (const AtomList &dim : placement->dims) {
      os << '|';
      llvm::interleave(dim, os, ",");
    }
    os << '+';
    llvm::interleave(placement->partial, os, ",");
  }
  auto [it, isNew] = plans.try_emplace(key);
  if (isNew)
    it->second = Search(atoms, shape, elementBytes, from, to).run();
  return it->second;
}

const ReshardPlan &ReshardPlanner::getPlan(RankedTensorType from,
                                           RankedTensorType to) {
  int64_t elementBytes = llvm::divideCeil(from.getElementTypeBitWidth(), 8);
  return getPlan(from.getShape(), elementBytes,
                 Placement::get(atoms, dist::getSharding(from)),
                 Placement::get(atoms, dist::getSharding(to)));
}
