//===- Profile.cpp - When the instructions of some steps ran --------------===//
//
// What ranks exchange is one list of numbers: how far the system's clock is
// before the steady one, then for every step its number and its spans.
//
//===----------------------------------------------------------------------===//

#include "runtime/Executor/Profile.h"
#include "runtime/Support/Clock.h"

#include <chrono>
#include <cstring>

namespace fabric::runtime {
namespace {

/// Processes of other machines have other steady clocks.
int64_t steadyToSystem() {
  auto system = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(system).count() -
         steadyNanoseconds();
}

void append(std::vector<int64_t> &numbers, const Span &span) {
  numbers.push_back(span.begin);
  numbers.push_back(span.end);
}

/// Reads what append() wrote; its caller has checked how much there is.
class Reader {
public:
  explicit Reader(const std::vector<int64_t> &numbers) : numbers(numbers) {}
  bool done() const { return next == numbers.size(); }
  int64_t number() { return numbers[next++]; }
  Span span(int64_t offset) {
    int64_t begin = number(), end = number();
    return {begin + offset, end + offset};
  }

private:
  const std::vector<int64_t> &numbers;
  size_t next = 0;
};

} // namespace

Status
Profile::start(const std::vector<std::unique_ptr<device::Stream>> &streams) {
  if (watches.empty()) {
    std::vector<size_t> counts(streams.size());
    for (const plan::Instruction &instruction : plan.instructions) {
      auto stream = static_cast<size_t>(instruction.stream);
      places.push_back({stream, counts[stream]++});
    }
    for (size_t i = 0; i < streams.size(); ++i) {
      FABRIC_ASSIGN_OR_RETURN(auto watch,
                              streams[i]->createStopwatch(2 * counts[i]));
      watches.push_back(std::move(watch));
    }
    current.resize(plan.instructions.size());
  }
  for (const auto &watch : watches)
    FABRIC_RETURN_IF_ERROR(watch->start());
  return Status::success();
}

Status Profile::stop() {
  for (size_t i = 0; i < current.size(); ++i) {
    auto [stream, number] = places[i];
    const device::Stopwatch &watch = *watches[stream];
    FABRIC_ASSIGN_OR_RETURN(current[i].begin, watch.at(2 * number));
    FABRIC_ASSIGN_OR_RETURN(current[i].end, watch.at(2 * number + 1));
  }
  return Status::success();
}

void Profile::finish(int64_t step, Span whole, Span inputs) {
  steps.push_back({step, whole, inputs, current});
}

Expected<std::vector<std::vector<StepTimes>>>
Profile::gather(comm::Communicator &communicator) const {
  std::vector<int64_t> mine = {steadyToSystem()};
  for (const StepTimes &times : steps) {
    mine.push_back(times.step);
    append(mine, times.whole);
    append(mine, times.inputs);
    for (const Span &span : times.instructions)
      append(mine, span);
  }
  FABRIC_ASSIGN_OR_RETURN(
      std::vector<std::string> all,
      communicator.exchange({reinterpret_cast<const char *>(mine.data()),
                             mine.size() * sizeof(int64_t)}));
  std::vector<std::vector<StepTimes>> ranks;
  for (const std::string &bytes : all) {
    if (bytes.size() != mine.size() * sizeof(int64_t))
      return Status::error("the ranks have profiled different steps");
    std::vector<int64_t> numbers(mine.size());
    std::memcpy(numbers.data(), bytes.data(), bytes.size());
    Reader reader(numbers);
    int64_t offset = reader.number();
    std::vector<StepTimes> &rank = ranks.emplace_back();
    while (!reader.done()) {
      StepTimes &times = rank.emplace_back();
      times.step = reader.number();
      times.whole = reader.span(offset);
      times.inputs = reader.span(offset);
      for (size_t i = 0; i < plan.instructions.size(); ++i)
        times.instructions.push_back(reader.span(offset));
    }
  }
  return ranks;
}

} // namespace fabric::runtime
