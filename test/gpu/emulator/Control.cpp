//===- Control.cpp - Branches, barriers, shuffles -------------------------===//

#include "test/gpu/emulator/Meanings.h"

namespace fabric::emulator {
namespace {

/// The block does the rest, when all have come.
template <Next next> Next stop(const Instruction &, Thread &) { return next; }

Next jump(const Instruction &i, Thread &t) {
  t.next = i.target;
  return Next::Jump;
}

} // namespace

void addControl(Meanings &meanings) {
  OperandForm label{OperandForm::Role::Label}, word = reads(Kind::B32);
  // Uniform: all threads of a warp go there, which changes no result.
  meanings.insert({"bra", {jump, {label}}});
  meanings.insert({"bra.uni", {jump, {label}}});
  meanings.insert({"ret", {stop<Next::Leave>, {}}});
  meanings.insert(
      {"bar.sync", {stop<Next::WaitForBlock>, {{OperandForm::Role::Zero}}}});
  // d, a, lane mask, clamp and segments, members.
  meanings.insert(
      {"shfl.sync.bfly.b32",
       {stop<Next::WaitForWarp>, {writes(Kind::B32), word, word, word, word}}});
}

const Meanings &allMeanings() {
  static const Meanings all = [] {
    Meanings meanings;
    addIntegers(meanings);
    addFloats(meanings);
    addConversions(meanings);
    addMoves(meanings);
    addControl(meanings);
    return meanings;
  }();
  return all;
}

} // namespace fabric::emulator
