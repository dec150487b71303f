//===- ManifestKeys.h - The keys of the manifest ----------------*- C++ -*-===//
//
// Private to runtime/Plan: for each struct its keys, in the order in which they
// stand in the file, once for the writer and the reader. Either is `keys`,
// which is told of one member after the other:
//
//   keys("name", value)                   always there; of an optional, if set
//   keys("name", value, absent, expected) not there where it is `absent`; the
//                                         reader refuses it, with `expected`
//   keys.oneOf(variant)                   "op", then the keys of what it holds
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_PLAN_MANIFESTKEYS_H
#define FABRIC_RUNTIME_PLAN_MANIFESTKEYS_H

#include "runtime/Plan/Plan.h"

#include <concepts>
#include <type_traits>

namespace fabric::plan {

/// The struct, const where it is written.
template <typename T, typename Struct>
concept Is = std::same_as<std::remove_const_t<T>, Struct>;

//===----------------------------------------------------------------------===//
// Mesh and memory
//===----------------------------------------------------------------------===//

void describe(auto &keys, Is<MeshAxis> auto &axis) {
  keys("name", axis.name);
  keys("size", axis.size);
}

void describe(auto &keys, Is<AxisRef> auto &axis) {
  keys("axis", axis.axis);
  // Both or none: size 0 is the struct's mark for a whole axis.
  if (!keys.hasOptional("size", axis.size != 0))
    return;
  keys("pre_size", axis.preSize);
  keys("size", axis.size);
  keys.require(axis.size != 0, "a sub-axis of at least one piece");
}

void describe(auto &keys, Is<Arena> auto &arena) {
  keys("name", arena.name);
  keys("bytes", arena.bytes);
  keys("alignment", arena.alignment);
}

void describe(auto &keys, Is<PeerView> auto &peer) {
  keys("axes", peer.axes);
  keys("member", peer.member);
  keys("own_piece", peer.ownPiece);
}

void describe(auto &keys, Is<Buffer> auto &buffer) {
  keys("arena", buffer.arena);
  keys("offset", buffer.offset);
  keys("dtype", buffer.dtype);
  keys("shape", buffer.shape);
  keys("peer", buffer.peer);
}

void describe(auto &keys, Is<MemoryReport> auto &memory) {
  keys("peak", memory.peak);
  keys("parameters", memory.parameters);
  keys("optimizer", memory.optimizer);
  keys("gradients", memory.gradients);
  keys("activations", memory.activations);
  keys("communication", memory.communication);
  keys("scratch", memory.scratch, 0, "bytes that libraries work in");
}

void describe(auto &keys, Is<StreamScratch> auto &scratch) {
  keys("stream", scratch.stream);
  keys("arena", scratch.arena);
}

//===----------------------------------------------------------------------===//
// The interface of the program
//===----------------------------------------------------------------------===//

void describe(auto &keys, Is<Initializer> auto &init) {
  keys("kind", init.kind);
  keys("a", init.a);
  keys("b", init.b);
}

void describe(auto &keys, Is<Parameter> auto &parameter) {
  keys("name", parameter.name);
  keys("dtype", parameter.dtype);
  keys("shape", parameter.shape);
  keys("stored_shape", parameter.storedShape);
  keys("sharding", parameter.sharding);
  keys("buffer", parameter.buffer);
  keys("init", parameter.init);
  keys("trainable", parameter.trainable);
  keys("padded_shape", parameter.paddedShape);
}

void describe(auto &keys, Is<State> auto &state) {
  keys("parameter", state.parameter);
  keys("name", state.name);
  keys("dtype", state.dtype);
  keys("shape", state.shape);
  keys("sharding", state.sharding);
  keys("buffer", state.buffer);
  keys("padded_shape", state.paddedShape);
}

void describe(auto &keys, Is<Input> auto &input) {
  keys("name", input.name);
  keys("dtype", input.dtype);
  keys("shape", input.shape);
  keys("sharding", input.sharding);
  keys("buffer", input.buffer);
  keys("batch_dim", input.batchDim);
  keys("padded_shape", input.paddedShape);
}

void describe(auto &keys, Is<Output> auto &output) {
  keys("name", output.name);
  keys("dtype", output.dtype);
  keys("shape", output.shape);
  keys("sharding", output.sharding);
  keys("buffer", output.buffer);
  keys("loss", output.isLoss);
  keys("padded_shape", output.paddedShape);
}

void describe(auto &keys, Is<Scalar> auto &scalar) {
  keys("name", scalar.name);
  keys("dtype", scalar.dtype);
  keys("buffer", scalar.buffer);
  keys("default", scalar.defaultValue);
}

void describe(auto &keys, Is<Constant> auto &constant) {
  keys("buffer", constant.buffer);
  keys("offset", constant.sectionOffset);
}

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

void describe(auto &keys, Is<Matrix> auto &matrix) {
  keys("buffer", matrix.buffer);
  keys("transposed", matrix.transposed);
  keys("leading", matrix.leading);
  keys("batch_stride", matrix.batchStride);
}

void describe(auto &keys, Is<Gemm> auto &gemm) {
  keys("batch", gemm.batch);
  keys("m", gemm.m);
  keys("n", gemm.n);
  keys("k", gemm.k);
  keys("a", gemm.a);
  keys("b", gemm.b);
  keys("c", gemm.c);
  keys("bias", gemm.bias);
  keys("accumulate", gemm.accumulate);
  keys("tf32", gemm.tf32, false, "true");
}

void describe(auto &keys, Is<Grid> auto &grid) {
  keys("blocks", grid.blocks);
  keys("threads", grid.threads);
  keys("shared_bytes", grid.sharedBytes);
}

void describe(auto &keys, Is<Launch> auto &launch) {
  keys("symbol", launch.symbol);
  keys("buffers", launch.buffers);
  keys("written", launch.written);
  keys("grid", launch.grid);
}

void describe(auto &keys, Is<Collective> auto &collective) {
  keys("kind", collective.kind);
  keys("axes", collective.axes);
  keys("input", collective.input);
  keys("output", collective.output);
  keys("concat_dim", collective.concatDim);
  keys("split_dim", collective.splitDim);
  keys("reduction", collective.reduction);
  keys("bytes_sent", collective.bytesSent);
  keys("why", collective.why);
}

void describe(auto &keys, Is<Copy> auto &copy) {
  keys("input", copy.input);
  keys("output", copy.output);
}

void describe(auto &keys, Is<Barrier> auto &barrier) {
  keys("axes", barrier.axes);
}

void describe(auto &keys, Is<Record> auto &record) {
  keys("event", record.event);
}

void describe(auto &keys, Is<Wait> auto &wait) { keys("event", wait.event); }

void describe(auto &keys, Is<Instruction> auto &instruction) {
  keys.oneOf(instruction.op);
  keys("stream", instruction.stream, 0, "another stream than the first");
  keys("loc", instruction.loc);
}

//===----------------------------------------------------------------------===//
// The plan
//===----------------------------------------------------------------------===//

void describe(auto &keys, Is<Target> auto &target) {
  keys("kind", target.kind);
  keys("arch", target.arch);
  keys("features", target.features);
}

void describe(auto &keys, Is<CommFeatures> auto &needs) {
  keys("shared_memory", needs.sharedMemory);
}

/// All but the sections, whose bytes are not in the manifest.
void describe(auto &keys, Is<Plan> auto &plan) {
  keys("mode", plan.mode);
  keys("target", plan.target);
  keys("mesh", plan.mesh.axes);
  keys("options", plan.options);
  keys("fingerprint", plan.fingerprint);
  keys("needs", plan.needs, {}, "a need");
  keys("memory", plan.memory);
  keys("arenas", plan.arenas);
  keys("scratch", plan.scratch, {}, "scratch");
  keys("buffers", plan.buffers);
  keys("parameters", plan.parameters);
  keys("states", plan.states);
  keys("inputs", plan.inputs);
  keys("outputs", plan.outputs);
  keys("scalars", plan.scalars);
  keys("constants", plan.constants);
  keys("streams", plan.streams, {}, "streams");
  keys("instructions", plan.instructions);
}

} // namespace fabric::plan

#endif // FABRIC_RUNTIME_PLAN_MANIFESTKEYS_H
