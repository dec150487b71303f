//===- StreamPlans.h - A plan with streams, by hand -------------*- C++ -*-===//

#ifndef FABRIC_TEST_UNIT_RUNTIME_STREAMPLANS_H
#define FABRIC_TEST_UNIT_RUNTIME_STREAMPLANS_H

#include "HandmadePlan.h"
#include "test/unit/Runtime/OtherOrders.h"

namespace fabric::test {

/// Three linear layers y = x w^T, z = y v^T, t = z u^T, trained to shrink
/// sum(t^2): gathers run ahead of the products, scatters behind them, and what
/// is gathered and scattered takes turns in memory. Section "code" is to be
/// added: `square_loss16` and `descend8` of TestKernels.c.
class OverlappedPlan : public HandmadePlan {
public:
  OverlappedPlan() : HandmadePlan({{"dp", 2}, {"tp", 2}}) {
    plan.mode = plan::Mode::Train;
    plan.streams = {"compute", "dp", "dp,tp"};
    plan.sections["code"].resize(1);
    x = input("x", f64, {8, 4}, {{{dp}, {}}});
    plan::Initializer init{plan::Initializer::Kind::Normal, 0.0, 0.5};
    for (Layer *layer : {&w, &v, &u}) {
      layer->weight = parameter(layer->name, f64, {4, 4}, {{{dp}, {}}}, init);
      layer->scattered = buffer(f64, {2, 4});
    }
    lr = scalar("lr", f64, 0.01);
    step = scalar("step", f64, 0);
    loss = buffer(f64, {});
    whole = buffer(f64, {4, 4});
    ahead = buffer(f64, {4, 4});
    gradient = buffer(f64, {4, 4});
    behind = buffer(f64, {4, 4});
    for (plan::BufferId *id : {&y, &z, &t, &gt, &gz, &gy})
      *id = buffer(f64, {4, 4});
    output("loss", loss, {}, {}, true);
    forward();
    backward();
  }

  /// Named, so that tests can move them.
  plan::BufferId x, y, z, t, gt, gz, gy, loss;
  plan::BufferId whole, ahead;     ///< What is gathered takes turns in these.
  plan::BufferId gradient, behind; ///< And what is scattered in these.

private:
  static constexpr plan::DType f64 = plan::DType::F64;
  struct Layer {
    const char *name;
    plan::BufferId weight, scattered;
  };
  enum Stream { Compute, Dp, All };

  void forward() {
    int64_t haveW = gather(w, whole), haveV = gather(v, ahead);
    wait(Compute, haveW);
    gemm(x, false, whole, true, y);
    wait(Dp, record(Compute)); // `whole` is free.
    int64_t haveU = gather(u, whole);
    wait(Compute, haveV);
    gemm(y, false, ahead, true, z);
    wait(Compute, haveU);
    gemm(z, false, whole, true, t);
    launch("square_loss16", {t, loss, gt}, {loss, gt});
    wait(All, record(Compute));
    on(All, [&] { collective(Kind::AllReduce, {dp, tp}, loss, loss, {}, {}); });
  }

  void backward() {
    gemm(gt, true, z, false, gradient);
    int64_t doneU = scatter(u, gradient);
    gemm(gt, false, whole, false, gz);
    gemm(gz, true, y, false, behind);
    int64_t doneV = scatter(v, behind);
    gemm(gz, false, ahead, false, gy);
    update(u, doneU); // `gradient` is free.
    gemm(gy, true, x, false, gradient);
    int64_t doneW = scatter(w, gradient);
    update(v, doneV);
    update(w, doneW);
  }

  template <typename Add> void on(Stream stream, Add add) {
    size_t first = plan.instructions.size();
    add();
    for (; first < plan.instructions.size(); ++first)
      plan.instructions[first].stream = stream;
  }
  int64_t record(Stream stream) {
    on(stream, [&] { add(plan::Record{numEvents}); });
    return numEvents++;
  }
  void wait(Stream stream, int64_t event) {
    on(stream, [&] { add(plan::Wait{event}); });
  }
  int64_t gather(const Layer &layer, plan::BufferId into) {
    on(Dp,
       [&] { collective(Kind::AllGather, {dp}, layer.weight, into, 0, {}); });
    return record(Dp);
  }
  int64_t scatter(const Layer &layer, plan::BufferId from) {
    wait(Dp, record(Compute));
    on(Dp, [&] {
      collective(Kind::ReduceScatter, {dp}, from, layer.scattered, {}, 0);
    });
    return record(Dp);
  }
  void update(const Layer &layer, int64_t event) {
    wait(Compute, event);
    launch("descend8", {layer.weight, layer.scattered, lr, step},
           {layer.weight});
  }

  Layer w{"w", 0, 0}, v{"v", 0, 0}, u{"u", 0, 0};
  plan::BufferId lr, step;
  int64_t numEvents = 0;
};

} // namespace fabric::test

#endif // FABRIC_TEST_UNIT_RUNTIME_STREAMPLANS_H
