//===- KernelGeneric.cpp - A linalg.generic of a kernel -------------------===//

#include "passes/Lowering/Kernels/KernelGeneric.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "passes/Lowering/Kernels/KernelBody.h"
#include "passes/Lowering/Kernels/VectorNest.h"

using namespace mlir;
using namespace mlir::lowering;
using fabric::StructuredOpInterface;

/// How the terms of a reduced value are combined.
static arith::AtomicRMWKind getCombination(Value value) {
  auto op = value.getDefiningOp<StructuredOpInterface>();
  switch (op ? op.getReductionKind() : dist::ReductionKind::Sum) {
  case dist::ReductionKind::Sum:
    break;
  case dist::ReductionKind::Max:
    return arith::AtomicRMWKind::maximumf;
  case dist::ReductionKind::Min:
    return arith::AtomicRMWKind::minimumf;
  }
  return arith::AtomicRMWKind::addf;
}

void mlir::lowering::fillNeutral(KernelLoops &loops, Value value, Value buffer,
                                 Type element) {
  OpBuilder &builder = loops.getBuilder();
  TypedAttr neutral = arith::getIdentityValueAttr(
      getCombination(value), element, builder, loops.getLoc());
  linalg::FillOp::create(
      builder, value.getLoc(),
      Value(arith::ConstantOp::create(builder, loops.getLoc(),
                                      getStoredNumber(neutral))),
      buffer);
}

static bool usesAny(AffineMap map, const llvm::SmallBitVector &dims) {
  return llvm::any_of(dims.set_bits(),
                      [&](unsigned dim) { return map.isFunctionOfDim(dim); });
}

/// A reduction of something that is constant along a loop: linalg reads the
/// loop's size off an operand, so there is one, which is never touched.
static void addShapeOperand(KernelLoops &loops, ArrayRef<GenericOutput> outputs,
                            const llvm::SmallBitVector &dropped, Block *body,
                            SmallVector<Value> &inputs,
                            SmallVector<AffineMap> &maps) {
  OpBuilder &builder = loops.getBuilder();
  size_t numLoops = loops.tileSizes.size();
  SmallVector<AffineMap> all = maps;
  for (const GenericOutput &output : outputs)
    all.push_back(output.map);
  SmallVector<AffineExpr> missing;
  for (unsigned loop = 0; loop < numLoops; ++loop)
    if (!dropped[loop] && llvm::none_of(all, [&](AffineMap map) {
          return map.isFunctionOfDim(loop);
        }))
      missing.push_back(builder.getAffineDimExpr(loop));
  if (missing.empty())
    return;
  AffineMap map = AffineMap::get(numLoops, 0, missing, builder.getContext());
  Type type = builder.getI8Type();
  inputs.push_back(
      loops.makeBuffer(map, loops.tileSizes, type, loops.getLoc()));
  maps.push_back(map);
  body->addArgument(type, loops.getLoc());
}

static void buildBody(ArrayRef<GenericOutput> outputs, KernelBody &scalarBody,
                      ArrayRef<BlockArgument> soFars, Location loc,
                      bool isOfRows) {
  OpBuilder &b = scalarBody.getBuilder();
  SmallVector<Value> yields;
  for (auto [output, soFar] : llvm::zip_equal(outputs, soFars)) {
    Location at = output.value.getLoc();
    Type element = getElementTypeOrSelf(output.value.getType());
    Value computed = scalarBody.getResult(output.value, *output.place);
    if (output.isTotal) {
      if (!computed.getType().isF64())
        computed = arith::ExtFOp::create(b, at, b.getF64Type(), computed);
      yields.push_back(arith::getReductionOp(getCombination(output.value), b,
                                             at, soFar, computed));
      continue;
    }
    if (output.isReduced() && !isOfRows)
      computed =
          arith::getReductionOp(getCombination(output.value), b, at,
                                fromStorage(b, at, soFar, element), computed);
    yields.push_back(toStorage(b, at, computed, element));
  }
  linalg::YieldOp::create(b, loc, yields);
}

/// Moves what uses nothing of the loops before them.
static void hoistInvariants(linalg::GenericOp generic) {
  for (Operation &op :
       llvm::make_early_inc_range(generic.getBody()->without_terminator()))
    if (llvm::all_of(op.getOperands(), [&](Value operand) {
          return operand.getParentBlock() != generic.getBody();
        }))
      op.moveBefore(generic);
}

linalg::GenericOp mlir::lowering::buildGeneric(KernelLoops &loops,
                                               ArrayRef<GenericOutput> outputs,
                                               const GenericInputs &known,
                                               bool isOfRows) {
  const KernelDomain &domain = loops.getDomain();
  OpBuilder &builder = loops.getBuilder();
  Location loc = loops.getLoc();
  llvm::SmallBitVector dropped(loops.tileSizes.size());
  if (isOfRows)
    for (unsigned loop = 0; loop < dropped.size(); ++loop)
      dropped[loop] = !outputs.front().map.isFunctionOfDim(loop);

  auto *body = new Block;
  SmallVector<Value> inputs, buffers;
  SmallVector<AffineMap> maps;
  SmallVector<std::pair<ValueAtMap, Value>> scalars(known.scalars), stored;
  auto addInput = [&](ValueAtMap at, AffineMap map, Value buffer) {
    inputs.push_back(buffer);
    maps.push_back(map);
    stored.emplace_back(
        at,
        body->addArgument(cast<MemRefType>(buffer.getType()).getElementType(),
                          at.first.getLoc()));
  };
  for (const ValueAtMap &read : domain.reads) {
    AffineMap map = loops.getMap(read.second);
    if (map.getNumResults() != 0 && !usesAny(map, dropped))
      addInput(read, map, loops.getArgumentTile(read));
  }
  for (auto [inner, buffer] : llvm::zip(domain.inner, known.inner)) {
    ValueAtMap at{inner.value, inner.map};
    AffineMap map = loops.getMap(inner.map);
    if (map.getNumResults() != 0) {
      addInput(at, map, buffer);
      continue;
    }
    Location loc = inner.value.getLoc();
    Value element = memref::LoadOp::create(builder, loc, buffer, ValueRange());
    scalars.emplace_back(
        at, fromStorage(builder, loc, element, getElementTypeOrSelf(at.first)));
  }
  for (const auto &[at, buffer] : known.kept)
    if (AffineMap map = loops.getMap(at.second); !usesAny(map, dropped))
      addInput(at, map, buffer);
  addShapeOperand(loops, outputs, dropped, body, inputs, maps);

  for (const GenericOutput &output : outputs) {
    buffers.push_back(output.buffer);
    maps.push_back(output.map);
    body->addArgument(
        cast<MemRefType>(output.buffer.getType()).getElementType(),
        output.value.getLoc());
    if (!isOfRows && output.isReduced() && !output.isTotal)
      fillNeutral(loops, output.value, output.buffer,
                  getElementTypeOrSelf(output.value.getType()));
  }
  for (AffineMap &map : maps)
    map = compressDims(map, dropped);

  unsigned numLoops = dropped.size() - dropped.count();
  SmallVector<utils::IteratorType> iterators(numLoops,
                                             utils::IteratorType::parallel);
  for (AffineMap map : ArrayRef(maps).take_back(outputs.size()))
    for (unsigned loop = 0; loop < numLoops; ++loop)
      if (!map.isFunctionOfDim(loop))
        iterators[loop] = utils::IteratorType::reduction;
  auto generic =
      linalg::GenericOp::create(builder, loc, inputs, buffers, maps, iterators);
  generic.getRegion().push_back(body);
  SmallVector<int64_t> streamed;
  for (auto [position, output] : llvm::enumerate(outputs))
    if (output.isStreamed)
      streamed.push_back(position);
  if (!streamed.empty())
    generic->setAttr(VectorNest::streamedAttr,
                     builder.getDenseI64ArrayAttr(streamed));

  KernelBody scalarBody(domain, body, OpBuilder(generic));
  for (auto &[at, value] : scalars)
    scalarBody.set(at, value);
  for (auto &[at, value] : stored)
    scalarBody.setStored(at, value);
  buildBody(outputs, scalarBody, body->getArguments().take_back(outputs.size()),
            loc, isOfRows);
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*body)))
    if (isOpTriviallyDead(&op))
      op.erase();
  hoistInvariants(generic);
  return generic;
}

void mlir::lowering::dropUnusedInputs(linalg::GenericOp generic) {
  SmallVector<AffineMap> maps = generic.getIndexingMapsArray();
  for (int64_t input = generic.getNumDpsInputs() - 1; input >= 0; --input) {
    if (!generic.getBody()->getArgument(input).use_empty())
      continue;
    SmallVector<AffineMap> fewer = maps;
    fewer.erase(fewer.begin() + input);
    // Maps must still name every loop.
    if (!inversePermutation(concatAffineMaps(fewer, generic.getContext())))
      continue;
    maps = std::move(fewer);
    generic.getBody()->eraseArgument(input);
    generic.getInputsMutable().erase(input);
  }
  generic.setIndexingMapsAttr(
      Builder(generic.getContext()).getAffineMapArrayAttr(maps));
}
