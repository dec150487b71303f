//===- KernelFuzzTest.cpp - Kernels of many random programs ---------------===//
//
// Programs of every kind of op, over domains of odd shapes, with transposed and
// broadcast operands, several results and sums; and programs that read what
// they reduce. In f64 they are held against the reference interpreter. In
// mixtures of types a kernel must give the same bits as a kernel an op would,
// called one after the other.
//
//===----------------------------------------------------------------------===//

#include "KernelHarness.h"
#include "compiler/Interpreter/Interpreter.h"
#include "mlir/IR/IRMapping.h"
#include <numeric>
#include <random>

using namespace mlir;
using namespace fabric_test;
using mlir::fabric::interpreter::Tensor;

namespace {

enum class Kind { Plain, Rows };

/// Writes one kernel.
class Generator {
public:
  Generator(unsigned seed, bool mixed, Kind kind)
      : random(seed), mixed(mixed), hasRows(kind == Kind::Rows) {}

  std::string run(const std::string &name) {
    do {
      shape.clear();
      for (unsigned rank = hasRows ? 1 + pick(4) : pick(5);
           shape.size() < rank;)
        shape.push_back(
            hasRows ? std::array{1, 3, 7, 33, 70, 150, 200}[pick(7)]
                    : std::array{1, 2, 3, 5, 7, 16, 17, 33, 40}[pick(9)]);
    } while (std::accumulate(shape.begin(), shape.end(), 1,
                             std::multiplies<>()) > 30000);
    for (unsigned dim = 0; dim < shape.size(); ++dim)
      (hasRows && pick(2) ? rowDims : otherDims).push_back(dim);
    Type type = mixed ? anyType() : "f64";
    values = {argument(type)};
    unsigned length = 2 + pick(9);
    for (unsigned i = 0; i < length; ++i)
      step();
    if (hasRows)
      values.push_back(combine(values.back(), reducedInRows(values.back())));
    std::vector<std::string> results, types;
    auto give = [&](const Value &value) {
      results.push_back(value.name);
      types.push_back(tensor(value.shape, value.type));
    };
    give(values.back());
    for (unsigned extra = pick(3); extra > 0; --extra) {
      Value value = values[pick(values.size())];
      if (pick(2))
        value = transposed(value, pickPermutation());
      give(value);
    }
    for (unsigned sums = pick(3); sums > 0; --sums)
      give(sum(values[pick(values.size())]));
    for (const Value &value : ofRows)
      if (pick(2))
        give(value);
    if (!hasRows && shape.size() >= 2 && pick(2)) // Sums alone.
      results.erase(results.begin(), results.end() - 1),
          types.erase(types.begin(), types.end() - 1);
    return "func.func @" + name + "(" + join(arguments) + ") -> (" +
           join(types) + ") {\n" + body + "  return " + join(results) + " : " +
           join(types) + "\n}\n";
  }

private:
  using Shape = std::vector<int>;
  using Type = std::string;
  struct Value {
    std::string name;
    Shape shape;
    Type type;
  };

  unsigned pick(unsigned count) { return random() % count; }
  Type anyType() {
    return std::array{"f32", "f32", "bf16", "f16", "f64"}[pick(5)];
  }

  static std::string join(const std::vector<std::string> &parts) {
    std::string text;
    for (const std::string &part : parts)
      text += (text.empty() ? "" : ", ") + part;
    return text;
  }
  static std::string list(const Shape &dims) {
    std::vector<std::string> parts;
    for (int dim : dims)
      parts.push_back(std::to_string(dim));
    return "[" + join(parts) + "]";
  }
  static std::string tensor(const Shape &shape, const Type &type) {
    std::string text = "tensor<";
    for (int size : shape)
      text += std::to_string(size) + "x";
    return text + type + ">";
  }

  Value argument(const Type &type, Shape of) {
    Value value{"%a" + std::to_string(arguments.size()), of, type};
    arguments.push_back(value.name + ": " + tensor(of, type));
    return value;
  }
  Value argument(const Type &type) { return argument(type, shape); }

  Value emit(const std::string &op, const Shape &of, const Type &type) {
    Value value{"%v" + std::to_string(count++), of, type};
    body += "  " + value.name + " = fabric." + op + "\n";
    return value;
  }
  Value unary(const Value &x) {
    static constexpr std::array names = {"neg", "silu", "sigmoid",   "tanh",
                                         "erf", "relu", "abs",       "gelu",
                                         "neg", "silu", "gelu tanh", "sigmoid"};
    return emit(std::string(names[pick(names.size())]) + " " + x.name + " : " +
                    tensor(x.shape, x.type),
                x.shape, x.type);
  }
  /// x where it is less than y, else y; through a tensor of bools.
  Value smaller(const Value &x, const Value &y) {
    std::string type = tensor(x.shape, x.type), bools = tensor(x.shape, "i1");
    Value condition = emit("compare lt " + x.name + ", " + y.name + " : (" +
                               type + ", " + type + ") -> " + bools,
                           x.shape, "i1");
    return emit("select " + condition.name + ", " + x.name + ", " + y.name +
                    " : (" + bools + ", " + type + ", " + type + ") -> " + type,
                x.shape, x.type);
  }
  Value cast(const Value &x, const Type &type) {
    if (x.type == type)
      return x;
    return emit("cast " + x.name + " : " + tensor(x.shape, x.type) + " -> " +
                    tensor(x.shape, type),
                x.shape, type);
  }
  Shape pickPermutation() {
    Shape permutation(shape.size());
    std::iota(permutation.begin(), permutation.end(), 0);
    std::shuffle(permutation.begin(), permutation.end(), random);
    return permutation;
  }
  Value transposed(const Value &x, const Shape &permutation) {
    Shape to;
    for (int dim : permutation)
      to.push_back(x.shape[dim]);
    return emit("transpose " + x.name + " permutation = " + list(permutation) +
                    " : " + tensor(x.shape, x.type) + " -> " +
                    tensor(to, x.type),
                to, x.type);
  }
  /// An argument of some dims, repeated over the others.
  Value broadcast(const Type &type) {
    Shape dims, of;
    for (unsigned dim = 0; dim < shape.size(); ++dim)
      if (pick(2)) {
        dims.push_back(dim);
        of.push_back(shape[dim]);
      }
    Value small = argument(type, of);
    if (pick(2))
      small = unary(small);
    return emit("broadcast " + small.name + " dims = " + list(dims) + " : " +
                    tensor(of, type) + " -> " + tensor(shape, type),
                shape, type);
  }
  /// An argument of permuted shape, permuted back.
  Value permuted(const Type &type) {
    Shape permutation = pickPermutation(), of(shape.size());
    for (unsigned dim = 0; dim < shape.size(); ++dim)
      of[permutation[dim]] = shape[dim];
    Value stored = argument(type, of);
    if (pick(2))
      stored = unary(stored);
    return transposed(stored, permutation);
  }
  Value sum(const Value &x) {
    Shape dims, rest;
    for (unsigned dim = 0; dim < shape.size(); ++dim)
      if (pick(2))
        dims.push_back(dim);
      else
        rest.push_back(x.shape[dim]);
    return emit(std::string(std::array{"sum", "sum", "max", "min"}[pick(4)]) +
                    " " + x.name + " dims = " + list(dims) + " : " +
                    tensor(x.shape, x.type) + " -> " + tensor(rest, x.type),
                rest, x.type);
  }

  /// What all elements of a row make together, and something of it, repeated
  /// over the row. Sums are exact in neither order of mixed types.
  Value reducedInRows(const Value &x) {
    Shape of;
    for (int dim : rowDims)
      of.push_back(shape[dim]);
    Value reduced =
        emit(std::string(
                 std::array{"max", "min", "sum", "sum"}[pick(mixed ? 2 : 4)]) +
                 " " + x.name + " dims = " + list(otherDims) + " : " +
                 tensor(shape, x.type) + " -> " + tensor(of, x.type),
             of, x.type);
    ofRows.push_back(reduced);
    if (pick(2))
      ofRows.push_back(reduced = emit(
                           std::string(std::array{"sigmoid", "tanh", "neg",
                                                  "abs"}[pick(4)]) +
                               " " + reduced.name + " : " + tensor(of, x.type),
                           of, x.type));
    return emit("broadcast " + reduced.name + " dims = " + list(rowDims) +
                    " : " + tensor(of, x.type) + " -> " + tensor(shape, x.type),
                shape, x.type);
  }
  Value combine(const Value &x, const Value &y) {
    return emit(std::string(std::array{"add", "sub", "mul", "maximum",
                                       "minimum"}[pick(5)]) +
                    " " + x.name + ", " + y.name + " : " +
                    tensor(shape, x.type),
                shape, x.type);
  }

  void step() {
    Value x = values[pick(values.size())];
    Value other = values[pick(values.size())];
    switch (pick(hasRows ? 9 : 7)) {
    case 0:
      values.push_back(unary(x));
      return;
    case 1:
      other = argument(x.type);
      break;
    case 2:
      other = broadcast(x.type);
      break;
    case 3:
      other = permuted(x.type);
      break;
    case 4:
      other = emit("constant dense<0.75> : " + tensor(shape, x.type), shape,
                   x.type);
      break;
    case 5:
      if (mixed)
        x = cast(x, anyType());
      break;
    case 7:
    case 8:
      other = reducedInRows(other);
      break;
    default:
      break;
    }
    other = cast(other, x.type);
    if (!mixed && pick(6) == 0) {
      values.push_back(smaller(x, other));
      return;
    }
    values.push_back(combine(x, other));
  }

  std::mt19937 random;
  bool mixed, hasRows;
  Shape shape;
  Shape rowDims, otherDims; // What reductions that are read keep, and not.
  std::vector<Value> ofRows;
  std::vector<std::string> arguments;
  std::string body;
  std::vector<Value> values; // Of the domain's shape.
  unsigned count = 0;
};

std::string generate(unsigned first, unsigned count, bool mixed, Kind kind) {
  std::string text;
  for (unsigned i = 0; i < count; ++i)
    text +=
        Generator(first + i, mixed, kind).run("kernel_" + std::to_string(i));
  return text;
}

std::vector<AnyBuffer> makeInputs(func::FuncOp kernel) {
  std::vector<AnyBuffer> inputs;
  for (auto [number, type] : llvm::enumerate(kernel.getArgumentTypes())) {
    AnyBuffer &input = inputs.emplace_back(type);
    for (size_t i = 0; i < input.size(); ++i)
      input.set(i, noise(i, number, 2.0));
  }
  return inputs;
}

std::vector<AnyBuffer> call(const Library &library, func::FuncOp kernel,
                            llvm::ArrayRef<void *> inputs) {
  std::vector<AnyBuffer> results;
  llvm::SmallVector<void *> buffers(inputs);
  for (Type type : kernel.getResultTypes())
    results.emplace_back(type);
  for (const AnyBuffer &result : results)
    buffers.push_back(result.get());
  library.call(kernel.getName().str().c_str(), buffers);
  for (const AnyBuffer &result : results)
    EXPECT_TRUE(result.hasIntactEnd()) << [&] {
      std::string t;
      llvm::raw_string_ostream o(t);
      kernel.print(o);
      return t;
    }();
  return results;
}

llvm::SmallVector<void *> addresses(const std::vector<AnyBuffer> &buffers) {
  llvm::SmallVector<void *> all;
  for (const AnyBuffer &buffer : buffers)
    all.push_back(buffer.get());
  return all;
}

constexpr unsigned batches = 6;

class KernelFuzz : public ::testing::TestWithParam<std::tuple<unsigned, Kind>> {
protected:
  unsigned getBatch() const { return std::get<0>(GetParam()); }
  std::string getCpu() const { return getBatch() % 2 ? "x86-64-v3" : "native"; }
  std::string generate(unsigned first, bool mixed) const {
    Kind kind = std::get<1>(GetParam());
    unsigned count = kind == Kind::Rows ? 12 : 40;
    return ::generate(first + getBatch() * count, count, mixed, kind);
  }
};
INSTANTIATE_TEST_SUITE_P(Plain, KernelFuzz,
                         ::testing::Combine(::testing::Range(0u, batches),
                                            ::testing::Values(Kind::Plain)));
INSTANTIATE_TEST_SUITE_P(Rows, KernelFuzz,
                         ::testing::Combine(::testing::Range(0u, batches),
                                            ::testing::Values(Kind::Rows)));

TEST_P(KernelFuzz, AgreesWithTheInterpreter) {
  Compiler compiler(getCpu());
  std::string text = generate(0, /*mixed=*/false);
  auto library = compiler.load(text);
  auto module = compiler.parse(text);
  for (auto kernel : module->getOps<func::FuncOp>()) {
    std::vector<AnyBuffer> inputs = makeInputs(kernel);
    std::vector<AnyBuffer> results = call(*library, kernel, addresses(inputs));
    llvm::SmallVector<Tensor> tensors;
    for (auto [input, type] : llvm::zip(inputs, kernel.getArgumentTypes())) {
      Tensor &tensor = tensors.emplace_back(Tensor::zeros(type));
      for (size_t i = 0; i < input.size(); ++i)
        tensor.floats[i] = input.at(i);
    }
    auto expected = mlir::fabric::interpreter::interpret(kernel, tensors);
    ASSERT_TRUE(succeeded(expected));
    for (auto [number, result] : llvm::enumerate(results)) {
      Tensor actual((*expected)[number].shape, Tensor::Kind::Float);
      for (size_t i = 0; i < result.size(); ++i)
        actual.floats[i] = result.at(i);
      // A sum may cancel: then against the size of its terms.
      EXPECT_LE(relativeError((*expected)[number], actual, 1e-3), 1e-12)
          << "result " << number << " of\n"
          << text.substr(text.find("@" + kernel.getName().str() + "("), 3000);
    }
  }
}

/// A kernel for each op of `kernel` but constants, which go along.
void addKernelsOfOps(func::FuncOp kernel, OpBuilder &builder) {
  unsigned number = 0;
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    ++number;
    if (op.getNumOperands() == 0)
      continue;
    auto single = func::FuncOp::create(
        builder, op.getLoc(),
        (kernel.getName() + "_" + std::to_string(number)).str(),
        builder.getFunctionType(op.getOperandTypes(), op.getResultTypes()));
    OpBuilder inside(single.getContext());
    inside.setInsertionPointToStart(single.addEntryBlock());
    IRMapping mapping;
    for (auto [index, operand] : llvm::enumerate(op.getOperands())) {
      Operation *definition = operand.getDefiningOp();
      if (definition && definition->getNumOperands() == 0)
        inside.clone(*definition, mapping);
      else
        mapping.map(operand, single.getArgument(index));
    }
    Operation *clone = inside.clone(op, mapping);
    func::ReturnOp::create(inside, op.getLoc(), clone->getResults());
  }
}

TEST_P(KernelFuzz, FusedIsAsUnfused) {
  Compiler compiler(getCpu());
  std::string text = generate(1000, /*mixed=*/true);
  auto module = compiler.parse(text);
  auto fused = compiler.load(text);
  OwningOpRef<ModuleOp> singles =
      ModuleOp::create(UnknownLoc::get(&compiler.getContext()));
  OpBuilder builder = OpBuilder::atBlockEnd(singles->getBody());
  for (auto kernel : module->getOps<func::FuncOp>())
    addKernelsOfOps(kernel, builder);
  auto unfused = compiler.load(*singles);
  ASSERT_TRUE(unfused);

  for (auto kernel : module->getOps<func::FuncOp>()) {
    std::vector<AnyBuffer> inputs = makeInputs(kernel);
    std::vector<AnyBuffer> results = call(*fused, kernel, addresses(inputs));
    llvm::DenseMap<Value, void *> known;
    for (auto [value, input] : llvm::zip(kernel.getArguments(), inputs))
      known[value] = input.get();
    std::vector<std::vector<AnyBuffer>> owned;
    unsigned number = 0;
    Operation *terminator = kernel.getBody().front().getTerminator();
    for (Operation &op : kernel.getBody().front().without_terminator()) {
      std::string name =
          (kernel.getName() + "_" + std::to_string(++number)).str();
      auto single = singles->lookupSymbol<func::FuncOp>(name);
      if (!single)
        continue;
      llvm::SmallVector<void *> operands;
      for (Value operand : op.getOperands())
        operands.push_back(known.lookup(operand)); // Null for constants.
      owned.push_back(call(*unfused, single, operands));
      for (auto [value, buffer] : llvm::zip(op.getResults(), owned.back()))
        known[value] = buffer.get();
    }
    for (auto [value, result] : llvm::zip(terminator->getOperands(), results)) {
      void *expected = known.lookup(value);
      if (!expected || !value.getDefiningOp())
        continue;
      std::string where =
          text.substr(text.find("@" + kernel.getName().str() + "("), 3000);
      AnyBuffer other(value.getType());
      size_t width =
          getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth() / 8;
      std::memcpy(other.get(), expected, result.size() * width);
      if (!isa<mlir::fabric::SumOp>(value.getDefiningOp())) {
        EXPECT_TRUE(result.hasSameBits(other)) << where;
        continue;
      }
      // In another order, and rounded once from f64.
      for (size_t i = 0; i < result.size(); ++i)
        EXPECT_NEAR(result.at(i), other.at(i),
                    std::ldexp(std::fabs(other.at(i)) + 1e-3, width == 8 ? -44
                                                              : width == 4
                                                                  ? -22
                                                                  : -6))
            << where;
    }
  }
}

} // namespace
