//===- Instructions.cpp - What a rank executes, interpreted ---------------===//
//
// Instructions on values: memory is no matter here. So a plan that computes
// something else than this has its values in wrong places, its kernels are
// compiled wrongly, or the runtime is wrong.
//
//===----------------------------------------------------------------------===//

#include "compiler/Interpreter/OpTable.h"
#include "dialects/Exec/IR/Exec.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace mlir::fabric::interpreter;

/// Where the elements of matrix `index` of a batch are, row by row.
static std::vector<int64_t> matrixOffsets(exec::MatrixAttr matrix,
                                          int64_t index, int64_t rows,
                                          int64_t columns) {
  int64_t leading = matrix.getLeading();
  SmallVector<int64_t> strides = matrix.getTransposed()
                                     ? SmallVector<int64_t>{1, leading}
                                     : SmallVector<int64_t>{leading, 1};
  std::vector<int64_t> offsets = gridOffsets({rows, columns}, strides);
  for (int64_t &offset : offsets)
    offset += matrix.getOffset() + index * matrix.getBatchStride();
  return offsets;
}

/// m x n sums over k, row by row, of the matrices whose elements are at `a` and
/// `b`.
static std::vector<double> multiply(const Tensor &lhs, ArrayRef<int64_t> a,
                                    const Tensor &rhs, ArrayRef<int64_t> b,
                                    int64_t m, int64_t n, int64_t k) {
  std::vector<double> sums(m * n, 0.0);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j)
      for (int64_t l = 0; l < k; ++l)
        sums[i * n + j] += lhs.floats[a[i * k + l]] * rhs.floats[b[l * n + j]];
  return sums;
}

static LogicalResult gemm(Operation *op, ArrayRef<const Tensor *> operands,
                          MutableArrayRef<Tensor> results) {
  auto gemm = cast<exec::GemmOp>(op);
  ArrayRef<const Tensor *> others = operands.drop_front(2);
  auto take = [&](Value operand) -> const Tensor * {
    if (!operand)
      return nullptr;
    const Tensor *tensor = others.front();
    others = others.drop_front();
    return tensor;
  };
  const Tensor *bias = take(gemm.getBias());
  const Tensor *accumulator = take(gemm.getAccumulator());
  const Tensor *target = take(gemm.getTarget());
  int64_t m = gemm.getM(), n = gemm.getN(), k = gemm.getK();
  Tensor &result = results[0];
  if (accumulator || target)
    result.floats = (accumulator ? accumulator : target)->floats;
  auto c = gemm.getCMatrix().value_or(
      exec::MatrixAttr::get(op->getContext(), n, m * n, false, 0));
  for (int64_t index = 0; index < int64_t(gemm.getBatch()); ++index) {
    auto a = matrixOffsets(gemm.getAMatrix(), index, m, k);
    auto b = matrixOffsets(gemm.getBMatrix(), index, k, n);
    auto to = matrixOffsets(c, index, m, n);
    std::vector<double> sums =
        multiply(*operands[0], a, *operands[1], b, m, n, k);
    for (int64_t i = 0; i < m * n; ++i) {
      double sum = sums[i];
      if (bias)
        sum += bias->floats[gemm.getBiasOffset() + i % n];
      double &element = result.floats[to[i]];
      element = accumulator ? element + sum : sum;
    }
  }
  return success();
}

static LogicalResult joinedGemm(Operation *op,
                                ArrayRef<const Tensor *> operands,
                                MutableArrayRef<Tensor> results) {
  auto gemm = cast<exec::JoinedGemmOp>(op);
  int64_t m = gemm.getM(), n = gemm.getN(), k = gemm.getK();
  auto a = matrixOffsets(gemm.getAMatrix(), 0, m, k);
  auto b = matrixOffsets(gemm.getBMatrix(), 0, k, n);
  size_t numA = gemm.getA().size(), numB = gemm.getB().size();
  for (auto [index, result] : llvm::enumerate(results))
    result.floats =
        multiply(*operands[numA == 1 ? 0 : index], a,
                 *operands[numA + (numB == 1 ? 0 : index)], b, m, n, k);
  return success();
}

/// Runs the ops of the kernel.
static LogicalResult launch(Operation *op, ArrayRef<const Tensor *> operands,
                            MutableArrayRef<Tensor> results) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      op, cast<exec::LaunchOp>(op).getKernel());
  if (!kernel || !kernel.getBody().hasOneBlock())
    return op->emitOpError() << "launches no kernel of one block";
  Block &body = kernel.getBody().front();
  llvm::DenseMap<Value, Tensor> values;
  for (auto [argument, tensor] : llvm::zip_equal(body.getArguments(), operands))
    values[argument] = *tensor;
  const OpTable &table = OpTable::get();
  for (Operation &inner : body.without_terminator()) {
    auto function = table.local.find(inner.getName().getStringRef());
    if (function == table.local.end())
      return inner.emitOpError() << "cannot be interpreted in a kernel";
    SmallVector<const Tensor *> read;
    for (Value operand : inner.getOperands())
      read.push_back(&values.find(operand)->second);
    SmallVector<Tensor> made;
    for (Type type : inner.getResultTypes())
      made.push_back(Tensor::zeros(type));
    if (failed(function->second(&inner, read, made)))
      return failure();
    for (auto [value, tensor] : llvm::zip_equal(inner.getResults(), made))
      values[value] = std::move(tensor);
  }
  for (auto [result, value] :
       llvm::zip_equal(results, body.getTerminator()->getOperands()))
    result = values.find(value)->second;
  return success();
}

/// The same elements under the result's shape.
static LogicalResult sameElements(Operation *,
                                  ArrayRef<const Tensor *> operands,
                                  MutableArrayRef<Tensor> results) {
  results[0].floats = operands[0]->floats;
  results[0].integers = operands[0]->integers;
  return success();
}

static LogicalResult constant(Operation *op, ArrayRef<const Tensor *>,
                              MutableArrayRef<Tensor> results) {
  FailureOr<Tensor> value = readElements(cast<exec::ConstantOp>(op).getValue());
  if (failed(value))
    return op->emitOpError() << "has a value that cannot be read";
  results[0] = std::move(*value);
  return success();
}

/// Devices run in lock step, and instructions in the order of the block.
static LogicalResult nothing(Operation *, ArrayRef<const Tensor *>,
                             MutableArrayRef<Tensor>) {
  return success();
}

void mlir::fabric::interpreter::registerInstructions(OpTable &table) {
  table.local[exec::GemmOp::getOperationName()] = gemm;
  table.local[exec::JoinedGemmOp::getOperationName()] = joinedGemm;
  table.local[exec::LaunchOp::getOperationName()] = launch;
  table.local[exec::ViewOp::getOperationName()] = sameElements;
  table.local[exec::CopyOp::getOperationName()] = sameElements;
  table.local[exec::ConstantOp::getOperationName()] = constant;
  table.local[exec::BarrierOp::getOperationName()] = nothing;
  table.local[exec::RecordOp::getOperationName()] = nothing;
  table.local[exec::WaitOp::getOperationName()] = nothing;
}
