//===- RunProgram.cpp - The steps of a program ----------------------------===//
//
// Scalars are written, then the bound instructions run in the order of the
// plan.
//
//===----------------------------------------------------------------------===//

#include "runtime/Executor/Program.h"
#include "runtime/Support/Float.h"

#include <cstring>

namespace fabric::runtime {

namespace {
template <typename T> void put(std::byte *target, T value) {
  std::memcpy(target, &value, sizeof(value));
}

/// Stores `value` as one element; returns its bytes.
int64_t storeNumber(plan::DType dtype, double value, std::byte *target) {
  switch (dtype) {
  case plan::DType::F32:
    put(target, static_cast<float>(value));
    break;
  case plan::DType::F64:
    put(target, value);
    break;
  case plan::DType::BF16:
    put(target, convertFloat<BFloat16>(value));
    break;
  case plan::DType::F16:
    put(target, convertFloat<Float16>(value));
    break;
  case plan::DType::I8:
  case plan::DType::Bool:
    put(target, static_cast<int8_t>(value));
    break;
  case plan::DType::I32:
    put(target, static_cast<int32_t>(value));
    break;
  case plan::DType::I64:
    put(target, static_cast<int64_t>(value));
    break;
  }
  return plan::byteWidth(dtype);
}
} // namespace

Status Program::step(int64_t step, Profile *profile) {
  if (ranges)
    ranges->pushStep(step);
  Status status = runStep(step, profile);
  if (ranges)
    ranges->pop();
  // Collectives that wait for others would hold what they use.
  if (status.failed() && communicator)
    communicator->stop();
  return status;
}

Status Program::runStep(int64_t step, Profile *profile) {
  FABRIC_RETURN_IF_ERROR(writeScalars(step));
  if (profile)
    FABRIC_RETURN_IF_ERROR(profile->start(streams));
  // What is measured is every instruction by itself.
  Status given = Status::success(); // Of an instruction, which it names.
  auto give = [&] { return given = runOps(step, profile); };
  Status done = profile ? give() : replay.run(*stream, give);
  FABRIC_RETURN_IF_ERROR(given);
  if (done.ok())
    done =
        communicator ? communicator->waitFor(*stream) : stream->synchronize();
  if (done.ok() && profile)
    done = profile->stop();
  if (done.failed())
    return Status::error("rank ", self, ": step ", step, ": ", done.message());
  return Status::success();
}

Status Program::runOps(int64_t step, Profile *profile) {
  for (size_t i = 1; i < streams.size(); ++i)
    FABRIC_RETURN_IF_ERROR(follow(*streams[i], *stream));
  for (size_t i = 0; i < ops.size(); ++i) {
    Status status = runOp(i, profile);
    if (status.failed())
      return at(i, status).in("step " + std::to_string(step));
  }
  for (size_t i = 1; i < streams.size(); ++i)
    FABRIC_RETURN_IF_ERROR(follow(*stream, *streams[i]));
  return Status::success();
}

Status Program::runOp(size_t index, Profile *profile) {
  auto dispatch = [&] {
    return std::visit([this](const auto &op) { return run(op); }, ops[index]);
  };
  if (!profile && !ranges)
    return dispatch();
  if (ranges)
    ranges->push(index);
  Status status = profile ? profile->begin(index) : Status::success();
  if (status.ok())
    status = dispatch();
  if (status.ok() && profile)
    status = profile->end(index);
  if (ranges)
    ranges->pop();
  return status;
}

/// What comes next in `stream` runs after what `other` has been given so far.
Status Program::follow(device::Stream &stream, device::Stream &other) {
  FABRIC_RETURN_IF_ERROR(other.record(*joint));
  return stream.wait(*joint);
}

Status Program::writeScalars(int64_t step) {
  for (const BoundScalar &bound : scalars) {
    alignas(8) std::byte number[8];
    double value = bound.isStep ? static_cast<double>(step) : bound.value;
    int64_t bytes = storeNumber(bound.scalar->dtype, value, number);
    FABRIC_RETURN_IF_ERROR(device.copyFromHost(
        *stream, address(bound.scalar->buffer), number, bytes));
  }
  return Status::success();
}

Status Program::run(const GemmOp &op) {
  return op.gemm->run(op.a, op.b, op.bias, op.c, scratchAddress);
}

Status Program::run(const LaunchOp &op) {
  return op.kernel->launch(*stream, op.buffers.data());
}

Status Program::run(const CollectiveOp &op) {
  using Kind = plan::Collective::Kind;
  switch (op.kind) {
  case Kind::AllGather:
    return op.group->allGather(op.dtype, op.concat, op.input, op.output,
                               op.after);
  case Kind::ReduceScatter:
    return op.group->reduceScatter(op.dtype, op.reduction, op.split, op.input,
                                   op.output, op.after);
  case Kind::AllReduce:
    return op.group->allReduce(op.dtype, op.reduction, op.count, op.input,
                               op.output);
  case Kind::AllToAll:
    return op.group->allToAll(op.dtype, op.split, op.concat, op.input,
                              op.output, op.after);
  case Kind::AllSlice:
    return op.group->slice(op.dtype, op.split, op.input, op.output);
  }
  return Status::error("unknown collective");
}

Status Program::run(const CopyOp &op) {
  return op.input == op.output
             ? Status::success()
             : device.copy(*op.stream, op.output, op.input, op.bytes);
}

Status Program::run(const BarrierOp &op) { return op.group->barrier(); }

Status Program::run(const RecordOp &op) { return op.stream->record(*op.event); }

Status Program::run(const WaitOp &op) { return op.stream->wait(*op.event); }

} // namespace fabric::runtime
