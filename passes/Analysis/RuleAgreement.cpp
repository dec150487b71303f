//===- RuleAgreement.cpp - Does an op agree with its rule? ----------------===//
//
// Three questions, in order. Which atoms split each factor? Every dim that the
// factor is part of must answer alike. Over which atoms are the results terms
// because a summed factor is split? And over which because operands are: for
// each such atom the partial operands must be one of the op's linear groups,
// all of it and nothing else. Both together are what the results must say.
//
//===----------------------------------------------------------------------===//

#include "passes/Analysis/RuleAgreement.h"
#include "passes/Analysis/Placement.h"
#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;
using namespace mlir::analysis;
using dist::AtomList;
using dist::Factor;

FailureOr<SmallVector<AtomList>> mlir::analysis::splitAmongFactors(
    const dist::MeshAtoms &atoms, const dist::ShardingRule &rule,
    const dist::DimFactors &factors, ArrayRef<unsigned> list) {
  SmallVector<AtomList> split(factors.size());
  for (auto [position, factor] : llvm::enumerate(factors)) {
    int64_t rest = rule.factors[factor].size;
    while (!list.empty() && rest % atoms.getSize(list.front()) == 0) {
      rest /= atoms.getSize(list.front());
      split[position].push_back(list.front());
      list = list.drop_front();
    }
    // The next factor may be split only if this one is split completely.
    if (rest != 1)
      break;
  }
  if (!list.empty())
    return failure();
  return split;
}

namespace {
/// A dim of an operand or a result, for diagnostics.
struct Place {
  bool isResult;
  unsigned index, dim;
};

class Check {
public:
  Check(const dist::MeshAtoms &atoms, Operation *op)
      : atoms(atoms), op(op),
        rule(cast<dist::ShardingOpInterface>(op).getShardingRule()),
        factorAtoms(rule.factors.size()), factorPlace(rule.factors.size()) {
    for (Value operand : op->getOperands())
      operands.push_back(Placement::get(atoms, dist::getSharding(operand)));
    for (Value result : op->getResults())
      results.push_back(Placement::get(atoms, dist::getSharding(result)));
  }

  LogicalResult run() {
    for (auto [index, operand] : llvm::enumerate(operands))
      if (failed(assignFactors(operand, rule.operands[index], false, index)))
        return failure();
    for (auto [index, result] : llvm::enumerate(results))
      if (failed(assignFactors(result, rule.results[index], true, index)))
        return failure();
    if (failed(findReduced()) || failed(findPassedThrough()))
      return failure();
    return checkResults();
  }

private:
  std::string axes(ArrayRef<unsigned> list) const {
    return atoms.getAxes(list).str();
  }
  std::string describe(Place place) const {
    Value value = place.isResult ? Value(op->getResult(place.index))
                                 : op->getOperand(place.index);
    int64_t size =
        cast<RankedTensorType>(value.getType()).getDimSize(place.dim);
    return (Twine(place.isResult ? "result " : "operand ") +
            Twine(place.index) + " dim " + Twine(place.dim) + " of size " +
            Twine(size))
        .str();
  }

  LogicalResult assignFactors(const Placement &placement,
                              const dist::TensorFactors &dims, bool isResult,
                              unsigned index) {
    for (auto [dim, factors] : llvm::enumerate(dims)) {
      Place place{isResult, index, unsigned(dim)};
      FailureOr<SmallVector<AtomList>> split =
          splitAmongFactors(atoms, rule, factors, placement.dims[dim]);
      if (failed(split)) {
        InFlightDiagnostic error =
            op->emitOpError() << "cannot be split here: " << describe(place)
                              << " is made of parts of ";
        llvm::interleave(
            factors, error,
            [&](unsigned factor) { error << rule.factors[factor].size; },
            " x ");
        return error << ", which " << axes(placement.dims[dim])
                     << " do not divide in turn";
      }
      for (auto [factor, list] : llvm::zip_equal(factors, *split))
        if (failed(assign(factor, list, place)))
          return failure();
    }
    return success();
  }

  LogicalResult assign(unsigned factor, const AtomList &list, Place place) {
    if (rule.factors[factor].kind == Factor::Kind::Whole && !list.empty())
      return op->emitOpError()
             << "needs " << describe(place) << " whole on every rank, but it "
             << "is split by " << axes(list);
    std::optional<Place> &first = factorPlace[factor];
    if (!first) {
      first = place;
      factorAtoms[factor] = list;
      return success();
    }
    if (factorAtoms[factor] == list)
      return success();
    return op->emitOpError()
           << "disagrees with its rule: " << describe(*first) << " is split by "
           << axes(factorAtoms[factor]) << ", and " << describe(place)
           << ", which goes with it, by " << axes(list);
  }

  /// No rank may own a block of two factors by the same coordinate.
  LogicalResult findReduced() {
    llvm::SmallBitVector used(atoms.size());
    for (auto [factor, list] : llvm::zip_equal(rule.factors, factorAtoms))
      for (unsigned atom : list) {
        if (used.test(atom))
          return op->emitOpError()
                 << "disagrees with its rule: " << axes({atom})
                 << " splits two of its dims";
        used.set(atom);
        if (factor.kind != Factor::Kind::Reduction)
          continue;
        expected.push_back(atom);
        reductions.push_back(factor.reduction);
      }
    split = used;
    return success();
  }

  LogicalResult findPassedThrough() {
    for (unsigned atom = 0; atom < atoms.size(); ++atom) {
      SmallVector<unsigned> partial;
      for (auto [index, operand] : llvm::enumerate(operands))
        if (llvm::is_contained(operand.partial, atom))
          partial.push_back(index);
      if (partial.empty())
        continue;
      bool linear = llvm::any_of(rule.linearGroups, [&](auto group) {
        llvm::sort(group);
        return ArrayRef<unsigned>(group) == ArrayRef<unsigned>(partial);
      });
      if (!linear || split.test(atom)) {
        InFlightDiagnostic error = op->emitOpError() << "has operand ";
        llvm::interleaveComma(partial, error);
        error << " partial over " << axes({atom});
        if (split.test(atom))
          return error << ", by which it is split as well";
        return error << ", but is not linear in "
                     << (partial.size() == 1 ? "it" : "them") << " alone";
      }
      for (unsigned index : partial)
        if (dist::getSharding(op->getOperand(index)).getReduction() !=
            dist::ReductionKind::Sum)
          return op->emitOpError()
                 << "has operand " << index << " partial over " << axes({atom})
                 << ", but only a sum passes through a linear op";
      expected.push_back(atom);
      reductions.push_back(dist::ReductionKind::Sum);
    }
    return success();
  }

  LogicalResult checkResults() {
    llvm::sort(expected);
    for (auto [index, result] : llvm::enumerate(results)) {
      if (result.partial != expected)
        return op->emitOpError()
               << "makes result " << index << " partial over " << axes(expected)
               << ", but its type says " << axes(result.partial);
      for (dist::ReductionKind kind : reductions)
        if (dist::getSharding(op->getResult(index)).getReduction() != kind)
          return op->emitOpError()
                 << "makes result " << index << " a partial "
                 << stringifyReductionKind(kind) << " over " << axes(expected)
                 << ", but its type says "
                 << stringifyReductionKind(
                        dist::getSharding(op->getResult(index)).getReduction());
    }
    return success();
  }

  const dist::MeshAtoms &atoms;
  Operation *op;
  dist::ShardingRule rule;
  SmallVector<Placement> operands, results;
  SmallVector<AtomList> factorAtoms;
  SmallVector<std::optional<Place>> factorPlace;
  llvm::SmallBitVector split;
  /// The atoms that the results must be partial over, and how.
  AtomList expected;
  SmallVector<dist::ReductionKind> reductions;
};
} // namespace

LogicalResult mlir::analysis::verifyAgreesWithRule(const dist::MeshAtoms &atoms,
                                                   Operation *op) {
  return Check(atoms, op).run();
}
