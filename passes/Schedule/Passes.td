//===- Passes.td - One order of instructions ---------------*- tablegen -*-===//

#ifndef FABRIC_PASSES_SCHEDULE_PASSES_TD
#define FABRIC_PASSES_SCHEDULE_PASSES_TD

include "mlir/Pass/PassBase.td"

def OrderPass : Pass<"schedule-order", "::mlir::func::FuncOp"> {
  let summary = "Puts the ops of a local program into the order of execution";
  let description = [{
    The program's own order, but for three kinds of ops:

    * what is made from one argument alone (a gathered weight, a cast of it,
      constants) stands right before its first use;
    * what frees more memory than it takes, collectives that take no more than
      they free, and what leads to nothing but updates, run as soon as they can:
      a gradient is scattered when it is complete;
    * an op that updates its operands in place (InPlaceOpInterface) runs as soon as
      nobody reads the old values any more, directly, through views, or through
      copies made from them alone (so that these may be made again).

    Precondition: one block, in any valid SSA order.
    Postcondition: block order is the execution order; every reader of a value that
    is updated in place stands before the update.

    ```mlir
    %0 = dist.all_gather %w1 ...
    %1 = dist.all_gather %w2 ...
    %2 = fabric.linear %x, %0 : ...
    %3 = fabric.linear %2, %1 : ...
    ```
    becomes
    ```mlir
    %0 = dist.all_gather %w1 ...
    %2 = fabric.linear %x, %0 : ...
    %1 = dist.all_gather %w2 ...
    %3 = fabric.linear %2, %1 : ...
    ```
  }];
  let statistics = [
    Statistic<"numMoved", "moved", "Number of ops that follow another op now">];
}

def RegatherPass : Pass<"schedule-regather", "::mlir::func::FuncOp"> {
  let summary = "Makes gathered weights again where keeping them takes too much memory";
  let description = [{
    A value made from one argument alone, in pure ops, is kept from its first to its
    last use, or made again before a later use. Which, `memory` says:

    * `fast`: all are kept;
    * `min`: a gathered value is made again wherever another one is used between two
      of its uses, so that one is held at a time;
    * a number: bytes on one rank. While the estimated peak exceeds them, of the
      values that are alive at the peak without being used there, the largest is
      made again. If none is left, the error says how many bytes are needed.

    The estimate counts arguments, results and every tensor between; lowering, which
    fuses, needs no more. With `scratch` it also counts what libraries of a GPU work
    in: for products, and for collectives but gathers whose pieces lie one after the
    other. Nothing may merge equal ops after this pass.

    Precondition: `schedule-order` has run.
    Postcondition: the same; peak memory has not grown.

    ```mlir
    %0 = dist.all_gather %w1 ...
    %1 = fabric.linear %x, %0 : ...
    %2 = dist.all_gather %w2 ...
    ...
    %9 = fabric.contract %8, %0 ...
    ```
    becomes
    ```mlir
    %0 = dist.all_gather %w1 ...
    %1 = fabric.linear %x, %0 : ...
    %2 = dist.all_gather %w2 ...
    ...
    %0_again = dist.all_gather %w1 ...
    %9 = fabric.contract %8, %0_again ...
    ```
  }];
  let options = [
    Option<"memory", "memory", "std::string", /*default=*/"\"fast\"",
           "min, fast, or a budget in bytes">,
    Option<"scratch", "scratch", "bool", /*default=*/"false",
           "the budget also holds what a GPU's libraries work in">];
  let statistics = [
    Statistic<"numRegathered", "regathered", "Number of values made again">,
    Statistic<"bytesSent", "bytes-sent",
              "Bytes that one rank sends in all collectives">,
    Statistic<"peakBytes", "peak-bytes", "Estimated peak of memory on one rank">];
}

def OverlapPass : Pass<"schedule-overlap", "::mlir::func::FuncOp"> {
  let summary = "Runs collectives beside what computes";
  let description = [{
    For targets where that makes them faster. A collective that sends something gets
    twice the time that it is estimated to take: it starts early, as far as its
    operand is ready, or what only updates or returns what it gives comes later.
    Products and all that lies between them keep their order.

    The collectives over some axes are marked `dist.async` if one of them has work
    beside it: each then runs in the stream of its axes until its result is read, and
    keeps its operand until then. Of one stream, at most two collectives are ahead of
    their readers. `memory` says what that may cost:

    * `min`: nothing; nothing is done;
    * `fast`: what it takes;
    * a number: bytes on one rank, by the estimate of `schedule-regather`. What does
      not fit gets half of its time, then half of that, at last none.

    Precondition: `schedule-order` has run, and `schedule-regather`.
    Postcondition: block order is an execution order.

    ```mlir
    %0 = dist.all_gather %w1 ...
    %1 = fabric.linear %x, %0 : ...
    %2 = fabric.silu %1 : ...
    %3 = dist.all_gather %w2 ...
    %4 = fabric.linear %2, %3 : ...
    ```
    becomes
    ```mlir
    %0 = dist.all_gather %w1 ... {dist.async}
    %3 = dist.all_gather %w2 ... {dist.async}
    %1 = fabric.linear %x, %0 : ...
    %2 = fabric.silu %1 : ...
    %4 = fabric.linear %2, %3 : ...
    ```
  }];
  let options = [
    Option<"memory", "memory", "std::string", /*default=*/"\"fast\"",
           "min, fast, or a budget in bytes">,
    Option<"scratch", "scratch", "bool", /*default=*/"false",
           "the budget also holds what a GPU's libraries work in">];
  let statistics = [
    Statistic<"numAsync", "async", "Number of collectives beside what computes">,
    Statistic<"peakBytes", "peak-bytes", "Estimated peak of memory on one rank">];
}

def VerifySchedulePass : Pass<"schedule-verify", "::mlir::func::FuncOp"> {
  let summary = "Checks that the order of a block may be executed";
  let description = [{
    The function has one block; no op stands after an update in place that reads the
    value from before it; no value is updated twice. Changes nothing.
  }];
}

#endif // FABRIC_PASSES_SCHEDULE_PASSES_TD
