//===- DerivativesTest.cpp - Derivatives against finite differences -------===//
//
// Every op of the dialect, at random shapes: its gradients, made by
// fabric-differentiate, against central differences of the op itself. Both run
// in the interpreter, in f64. The loss weights the elements of the result
// randomly, so that every element of the cotangent counts.
//
//===----------------------------------------------------------------------===//

#include "mlir/Pass/PassManager.h"
#include "passes/Training/Passes.h"
#include "test/unit/Compiler/InterpreterFixture.h"

using namespace mlir;
using namespace mlir::fabric::interpreter;

namespace {

using Shape = std::vector<int64_t>;

std::string typeText(const Shape &shape, const std::string &element = "f64") {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += std::to_string(size) + "x";
  return text + element + ">";
}

std::string listText(const Shape &list) {
  std::string text;
  for (int64_t entry : list)
    text += (text.empty() ? "" : ", ") + std::to_string(entry);
  return "[" + text + "]";
}

/// One op: its operands are %p0, %p1..., parameters of f64, its result is %r.
struct Program {
  std::vector<Shape> operands;
  Shape result;
  std::string op;

  /// A model whose loss is the sum of the result's elements, each weighted by
  /// an element of the last argument.
  std::string text() const {
    std::string arguments, dims;
    for (size_t i = 0; i < operands.size(); ++i) {
      std::string number = std::to_string(i);
      arguments += "%p" + number + ": " + typeText(operands[i]) +
                   " {fabric.param = #fabric.param<\"p" + number + "\">}, ";
    }
    for (size_t i = 0; i < result.size(); ++i)
      dims += (i ? ", " : "") + std::to_string(i);
    std::string type = typeText(result);
    return "module attributes {fabric.train = #fabric.train<gradients>} {\n"
           "func.func @f(" +
           arguments + "%weights: " + type +
           " {fabric.input = #fabric.input<\"weights\">}) -> (tensor<f64> "
           "{fabric.result = \"loss\"}) {\n" +
           op + "\n%weighted = fabric.mul %r, %weights : " + type +
           "\n%loss = fabric.sum %weighted dims = [" + dims + "] : " + type +
           " -> tensor<f64>\nreturn %loss : tensor<f64>\n}\n}";
  }
};

class DerivativesTest : public InterpreterFixture {
protected:
  int64_t pick(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(engine);
  }

  Shape shape(int64_t minRank = 0, int64_t maxRank = 3) {
    Shape sizes(pick(minRank, maxRank));
    for (int64_t &size : sizes)
      size = pick(1, 4);
    return sizes;
  }

  Shape permutation(int64_t rank) {
    Shape dims(rank);
    for (int64_t i = 0; i < rank; ++i)
      dims[i] = i;
    std::shuffle(dims.begin(), dims.end(), engine);
    return dims;
  }

  /// The last result of the forward pass.
  double loss(func::FuncOp model, ArrayRef<Tensor> inputs) {
    FailureOr<SmallVector<Tensor>> results = interpret(model, inputs);
    EXPECT_TRUE(succeeded(results)) << diagnostics;
    return succeeded(results) ? results->back().at(0) : 0.0;
  }

  /// Gradients of a model against central differences of its loss.
  void checkModel(const std::string &text, SmallVector<Tensor> inputs) {
    SCOPED_TRACE(text);
    func::FuncOp forward = parse(text);
    ASSERT_TRUE(forward);
    OwningOpRef<ModuleOp> trained = module->clone();
    PassManager passes(&context);
    passes.addPass(training::createDifferentiatePass());
    passes.addPass(training::createVerifyTrainedPass());
    ASSERT_TRUE(succeeded(passes.run(*trained))) << diagnostics;
    func::FuncOp model = *fabric::findModel(*trained);
    FailureOr<SmallVector<Tensor>> results = interpret(model, inputs);
    ASSERT_TRUE(succeeded(results)) << diagnostics;

    unsigned numChecked = 0;
    for (unsigned result = 0; result < model.getNumResults(); ++result) {
      auto argument = model.getResultAttrOfType<IntegerAttr>(
          result, fabric::FabricDialect::kGradientOfAttr);
      if (!argument)
        continue;
      ++numChecked;
      Tensor &input = inputs[argument.getInt()];
      Tensor expected(input.shape, Tensor::Kind::Float);
      constexpr double step = 1e-5;
      for (size_t i = 0; i < input.floats.size(); ++i) {
        double value = input.floats[i];
        input.floats[i] = value + step;
        double above = loss(forward, inputs);
        input.floats[i] = value - step;
        double below = loss(forward, inputs);
        input.floats[i] = value;
        expected.floats[i] = (above - below) / (2 * step);
      }
      EXPECT_LT(relativeError(expected, (*results)[result], 1e-2), 1e-8)
          << "gradient of argument " << argument.getInt();
    }
    EXPECT_GT(numChecked, 0u);
  }

  void check(const Program &program) {
    SmallVector<Tensor> inputs;
    for (const Shape &operand : program.operands)
      inputs.push_back(random(operand));
    inputs.push_back(random(program.result));
    checkModel(program.text(), inputs);
  }

  // Generators: a random program of one op each.

  Program unary(const std::string &name) {
    Shape s = shape();
    return {{s}, s, "%r = " + name + " %p0 : " + typeText(s)};
  }

  Program binary(const std::string &name) {
    Shape s = shape();
    return {{s, s}, s, "%r = " + name + " %p0, %p1 : " + typeText(s)};
  }

  /// Where the function has a derivative: what it takes is exp(%p0).
  Program positive(const std::string &name,
                   const std::string &attributes = "") {
    Shape s = shape();
    return {{s},
            s,
            "%0 = fabric.exp %p0 : " + typeText(s) + "\n%r = " + name + " %0 " +
                attributes + " : " + typeText(s)};
  }

  Program gelu() {
    return unary(pick(0, 1) ? "fabric.gelu" : "fabric.gelu tanh");
  }

  Program pow() {
    static const char *exponents[] = {"-1.5", "-1.0", "0.0", "0.5",
                                      "1.0",  "2.0",  "3.0", "2.7"};
    return positive("fabric.pow",
                    std::string("{exponent = ") + exponents[pick(0, 7)] + "}");
  }

  Program div() {
    Shape s = shape();
    return {{s, s},
            s,
            "%0 = fabric.exp %p1 : " + typeText(s) +
                "\n%r = fabric.div %p0, %0 : " + typeText(s)};
  }

  /// The one has no derivative, the other chooses between two that have.
  Program select() {
    static const char *predicates[] = {"eq", "ne", "lt", "le", "gt", "ge"};
    Shape s = shape();
    std::string type = typeText(s), mask = typeText(s, "i1");
    return {{s, s},
            s,
            std::string("%0 = fabric.compare ") + predicates[pick(0, 5)] +
                " %p0, %p1 : (" + type + ", " + type + ") -> " + mask +
                "\n%r = fabric.select %0, %p0, %p1 : (" + mask + ", " + type +
                ", " + type + ") -> " + type};
  }

  Program cast() {
    Shape s = shape();
    std::string narrow = typeText(s, pick(0, 1) ? "f32" : "bf16");
    return {{s},
            s,
            "%0 = fabric.cast %p0 : " + typeText(s) + " -> " + narrow +
                "\n%r = fabric.cast %0 : " + narrow + " -> " + typeText(s)};
  }

  Program linear() {
    Shape x = shape(1, 4), w = {pick(1, 4), x.back()}, y = x;
    y.back() = w[0];
    return {{x, w},
            y,
            "%r = fabric.linear %p0, %p1 : (" + typeText(x) + ", " +
                typeText(w) + ") -> " + typeText(y)};
  }

  /// Up to two batch dims, two summed ones and two free ones a side, in any
  /// order in both operands, paired in any order.
  Program contract() {
    Shape batch = shape(0, 2), summed = shape(0, 2), lhsFree = shape(0, 2),
          rhsFree = shape(0, 2);
    auto operand = [&](const Shape &free, Shape &batchDims, Shape &summedDims) {
      Shape sizes = batch;
      sizes.insert(sizes.end(), summed.begin(), summed.end());
      sizes.insert(sizes.end(), free.begin(), free.end());
      // Dim `order[i]` of the operand has size i; free dims stay in order.
      Shape order = permutation(sizes.size());
      size_t firstFree = batch.size() + summed.size();
      std::sort(order.begin() + firstFree, order.end());
      Shape shape(sizes.size());
      for (size_t i = 0; i < sizes.size(); ++i)
        shape[order[i]] = sizes[i];
      batchDims.assign(order.begin(), order.begin() + batch.size());
      summedDims.assign(order.begin() + batch.size(),
                        order.begin() + firstFree);
      return shape;
    };
    Shape lhsBatch, rhsBatch, lhsSummed, rhsSummed;
    Shape lhs = operand(lhsFree, lhsBatch, lhsSummed);
    Shape rhs = operand(rhsFree, rhsBatch, rhsSummed);
    Shape result = batch;
    result.insert(result.end(), lhsFree.begin(), lhsFree.end());
    result.insert(result.end(), rhsFree.begin(), rhsFree.end());
    return {{lhs, rhs},
            result,
            "%r = fabric.contract %p0, %p1 batch = " + listText(lhsBatch) +
                " x " + listText(rhsBatch) +
                " contract = " + listText(lhsSummed) + " x " +
                listText(rhsSummed) + " : (" + typeText(lhs) + ", " +
                typeText(rhs) + ") -> " + typeText(result)};
  }

  Program reduction(const std::string &name) {
    Shape s = shape(), dims, kept;
    for (size_t dim = 0; dim < s.size(); ++dim) {
      if (pick(0, 1))
        dims.push_back(dim);
      else
        kept.push_back(s[dim]);
    }
    return {{s},
            kept,
            "%r = " + name + " %p0 dims = " + listText(dims) + " : " +
                typeText(s) + " -> " + typeText(kept)};
  }

  Program softmax() {
    Shape s = shape(1);
    return {{s},
            s,
            "%r = fabric.softmax %p0 dim = " +
                std::to_string(pick(0, s.size() - 1)) + " : " + typeText(s)};
  }

  Program layerNorm() {
    Shape s = shape(), dims;
    for (size_t dim = 0; dim < s.size(); ++dim)
      if (pick(0, 1))
        dims.push_back(dim);
    return {{s},
            s,
            "%r = fabric.layer_norm %p0 dims = " + listText(dims) +
                " {eps = 0.1} : " + typeText(s)};
  }

  /// A part and what it is a part of, and where: for slice and pad.
  struct Part {
    Shape part, whole, dims, offsets, strides;

    std::string text() const {
      return " %p0 dims = " + listText(dims) +
             " offsets = " + listText(offsets) +
             " strides = " + listText(strides);
    }
  };
  Part part() {
    Part result;
    result.part = result.whole = shape();
    for (size_t dim = 0; dim < result.part.size(); ++dim) {
      if (pick(0, 2) == 0)
        continue;
      int64_t offset = pick(0, 2), stride = pick(1, 3);
      result.dims.push_back(dim);
      result.offsets.push_back(offset);
      result.strides.push_back(stride);
      result.whole[dim] =
          offset + (result.part[dim] - 1) * stride + 1 + pick(0, 2);
    }
    return result;
  }

  Program slice() {
    Part p = part();
    return {{p.whole},
            p.part,
            "%r = fabric.slice" + p.text() + " : " + typeText(p.whole) +
                " -> " + typeText(p.part)};
  }

  Program pad() {
    Part p = part();
    return {{p.part},
            p.whole,
            "%r = fabric.pad" + p.text() +
                " value = " + (pick(0, 1) ? "0.0" : "0.75") + " : " +
                typeText(p.part) + " -> " + typeText(p.whole)};
  }

  Program concat() {
    Shape s = shape(1);
    int64_t dim = pick(0, s.size() - 1);
    Program program{{}, s, ""};
    program.result[dim] = 0;
    std::string operands, types;
    for (int64_t i = 0, count = pick(1, 3); i < count; ++i) {
      s[dim] = pick(1, 3);
      program.operands.push_back(s);
      program.result[dim] += s[dim];
      operands += (i ? ", %p" : "%p") + std::to_string(i);
      types += (i ? ", " : "") + typeText(s);
    }
    program.op = "%r = fabric.concat " + operands +
                 " dim = " + std::to_string(dim) + " : (" + types + ") -> " +
                 typeText(program.result);
    return program;
  }

  Program broadcast() {
    Shape result = shape(), dims, s;
    for (size_t dim = 0; dim < result.size(); ++dim)
      if (pick(0, 1)) {
        dims.push_back(dim);
        s.push_back(result[dim]);
      }
    return {{s},
            result,
            "%r = fabric.broadcast %p0 dims = " + listText(dims) + " : " +
                typeText(s) + " -> " + typeText(result)};
  }

  Program transpose() {
    Shape s = shape(), order = permutation(s.size()), result;
    for (int64_t dim : order)
      result.push_back(s[dim]);
    return {{s},
            result,
            "%r = fabric.transpose %p0 permutation = " + listText(order) +
                " : " + typeText(s) + " -> " + typeText(result)};
  }

  /// What is valid is data, and no operand to differentiate by.
  Program mask() {
    Shape s = shape();
    if (s.empty())
      s = {3};
    int64_t dim = pick(0, s.size() - 1);
    std::string valid;
    for (int64_t i = 0; i < s[dim]; ++i)
      valid += (i ? ", " : "") + std::string(pick(0, 1) ? "1.0" : "0.0");
    std::string type = typeText({s[dim]});
    return {
        {s},
        s,
        "%valid = fabric.constant dense<[" + valid + "]> : " + type +
            "\n  %r = fabric.mask %p0, %valid dim = " + std::to_string(dim) +
            " : " + typeText(s) + ", " + type + " -> " + typeText(s)};
  }

  Program reshape() {
    // Merges and splits: [a, b, c] to [a * b, c] or back, or to other factors.
    int64_t a = pick(1, 4), b = pick(1, 4), c = pick(1, 4);
    std::vector<Shape> shapes = {{a, b, c},   {a * b, c}, {a, b * c},
                                 {a * b * c}, {c, a, b},  {1, a * c, b}};
    Shape from = shapes[pick(0, 5)], to = shapes[pick(0, 5)];
    return {{from},
            to,
            "%r = fabric.reshape %p0 : " + typeText(from) + " -> " +
                typeText(to)};
  }

  using Generator = std::function<Program()>;
  std::map<std::string, Generator> generators = {
      {"fabric.add", [this] { return binary("fabric.add"); }},
      {"fabric.sub", [this] { return binary("fabric.sub"); }},
      {"fabric.mul", [this] { return binary("fabric.mul"); }},
      {"fabric.neg", [this] { return unary("fabric.neg"); }},
      {"fabric.sigmoid", [this] { return unary("fabric.sigmoid"); }},
      {"fabric.silu", [this] { return unary("fabric.silu"); }},
      {"fabric.div", [this] { return div(); }},
      {"fabric.maximum", [this] { return binary("fabric.maximum"); }},
      {"fabric.minimum", [this] { return binary("fabric.minimum"); }},
      {"fabric.exp", [this] { return unary("fabric.exp"); }},
      {"fabric.log", [this] { return positive("fabric.log"); }},
      {"fabric.sqrt", [this] { return positive("fabric.sqrt"); }},
      {"fabric.rsqrt", [this] { return positive("fabric.rsqrt"); }},
      {"fabric.abs", [this] { return unary("fabric.abs"); }},
      {"fabric.erf", [this] { return unary("fabric.erf"); }},
      {"fabric.tanh", [this] { return unary("fabric.tanh"); }},
      {"fabric.relu", [this] { return unary("fabric.relu"); }},
      {"fabric.gelu", [this] { return gelu(); }},
      {"fabric.pow", [this] { return pow(); }},
      {"fabric.compare", [this] { return select(); }},
      {"fabric.select", [this] { return select(); }},
      {"fabric.max", [this] { return reduction("fabric.max"); }},
      {"fabric.min", [this] { return reduction("fabric.min"); }},
      {"fabric.softmax", [this] { return softmax(); }},
      {"fabric.layer_norm", [this] { return layerNorm(); }},
      {"fabric.slice", [this] { return slice(); }},
      {"fabric.pad", [this] { return pad(); }},
      {"fabric.concat", [this] { return concat(); }},
      {"fabric.cast", [this] { return cast(); }},
      {"fabric.linear", [this] { return linear(); }},
      {"fabric.contract", [this] { return contract(); }},
      {"fabric.sum", [this] { return reduction("fabric.sum"); }},
      {"fabric.broadcast", [this] { return broadcast(); }},
      {"fabric.transpose", [this] { return transpose(); }},
      {"fabric.mask", [this] { return mask(); }},
      {"fabric.reshape", [this] { return reshape(); }},
  };
};

// A new op needs a generator here.
TEST_F(DerivativesTest, EveryOpIsTested) {
  for (RegisteredOperationName op : context.getRegisteredOperations()) {
    if (op.getDialectNamespace() != "fabric")
      continue;
    EXPECT_TRUE(op.hasInterface<fabric::DerivativeOpInterface>())
        << op.getStringRef().str();
    // A constant has no operands, an update has no derivative, and one op is
    // there to have another than finite differences see.
    if (op.getStringRef() == "fabric.constant" ||
        op.getStringRef() == "fabric.adamw" ||
        op.getStringRef() == "fabric.stop_gradient")
      continue;
    EXPECT_TRUE(generators.count(op.getStringRef().str()))
        << op.getStringRef().str();
  }
}

TEST_F(DerivativesTest, EveryOpAgainstFiniteDifferences) {
  for (const auto &[name, generate] : generators) {
    SCOPED_TRACE(name);
    int repeats = name == "fabric.contract" ? 120 : 25;
    for (int i = 0; i < repeats && !HasFailure(); ++i)
      check(generate());
  }
}

// Operands that are one value: both contributions count.
TEST_F(DerivativesTest, OneValueForBothOperands) {
  check({{{3, 3}}, {3, 3}, "%r = fabric.mul %p0, %p0 : tensor<3x3xf64>"});
  check({{{3, 3}},
         {3, 3},
         "%r = fabric.linear %p0, %p0 : (tensor<3x3xf64>, tensor<3x3xf64>) -> "
         "tensor<3x3xf64>"});
}

// What goes through a stop_gradient does not count: x * stop(x) is as if the
// other factor were a number.
TEST_F(DerivativesTest, StopGradient) {
  func::FuncOp forward = parse(R"(
    module attributes {fabric.train = #fabric.train<gradients>} {
    func.func @f(%p: tensor<3xf64> {fabric.param = #fabric.param<"p">})
        -> (tensor<f64> {fabric.result = "loss"}) {
      %0 = fabric.mul %p, %p : tensor<3xf64>
      %1 = fabric.stop_gradient %0 : tensor<3xf64>
      %2 = fabric.mul %p, %1 : tensor<3xf64>
      %3 = fabric.sum %2 dims = [0] : tensor<3xf64> -> tensor<f64>
      return %3 : tensor<f64>
    }})");
  ASSERT_TRUE(forward);
  PassManager passes(&context);
  passes.addPass(training::createDifferentiatePass());
  ASSERT_TRUE(succeeded(passes.run(*module))) << diagnostics;
  Tensor p = random({3});
  FailureOr<SmallVector<Tensor>> results = interpret(*fabric::findModel(*module), {p});
  ASSERT_TRUE(succeeded(results)) << diagnostics;
  for (int i = 0; i < 3; ++i)
    EXPECT_DOUBLE_EQ((*results)[1].at(i), p.at(i) * p.at(i));
}

// Equals share, as in torch.maximum and torch.amax; kinks count as flat.
TEST_F(DerivativesTest, AtTiesAndKinks) {
  auto gradientsOf = [&](const std::string &op) {
    Program program{{{4}, {4}}, {4}, op};
    func::FuncOp forward = parse(program.text());
    EXPECT_TRUE(forward) << diagnostics;
    PassManager passes(&context);
    passes.addPass(training::createDifferentiatePass());
    EXPECT_TRUE(succeeded(passes.run(*module))) << diagnostics;
    Tensor a({4}, Tensor::Kind::Float), b = a;
    a.floats = {0.0, 1.0, 2.0, 2.0};
    b.floats = {0.0, 1.0, 1.0, 3.0};
    FailureOr<SmallVector<Tensor>> results =
        interpret(*fabric::findModel(*module), {a, b, Tensor::splat({4}, 1.0)});
    EXPECT_TRUE(succeeded(results)) << diagnostics;
    return (*results)[1].floats;
  };
  using Gradient = std::vector<double>;
  std::string type = "tensor<4xf64>";
  EXPECT_EQ(gradientsOf("%r = fabric.maximum %p0, %p1 : " + type),
            (Gradient{0.5, 0.5, 1.0, 0.0}));
  EXPECT_EQ(gradientsOf("%r = fabric.minimum %p0, %p1 : " + type),
            (Gradient{0.5, 0.5, 0.0, 1.0}));
  EXPECT_EQ(gradientsOf("%r = fabric.relu %p0 : " + type),
            (Gradient{0.0, 1.0, 1.0, 1.0}));
  EXPECT_EQ(gradientsOf("%r = fabric.abs %p0 : " + type),
            (Gradient{0.0, 1.0, 1.0, 1.0}));
  EXPECT_EQ(gradientsOf("%0 = fabric.max %p0 dims = [0] : " + type +
                        " -> tensor<f64>\n%r = fabric.broadcast %0 dims = [] "
                        ": tensor<f64> -> " +
                        type),
            (Gradient{0.0, 0.0, 2.0, 2.0}));
}

// Some parameters frozen, one tied, one unused; a bias, a mean, and results
// that are not the loss.
TEST_F(DerivativesTest, WholeModel) {
  checkModel(R"(
    module attributes {fabric.train = #fabric.train<gradients>} {
    func.func @f(%x: tensor<3x4xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>},
        %w: tensor<4x4xf64> {fabric.param = #fabric.param<"w">},
        %b: tensor<4xf64> {fabric.param = #fabric.param<"b">},
        %frozen: tensor<4x4xf64> {fabric.param = #fabric.param<"frozen", frozen>},
        %unused: tensor<2xf64> {fabric.param = #fabric.param<"unused">})
        -> (tensor<3x4xf64> {fabric.result = "y"}, tensor<f64> {fabric.result = "loss"}) {
      %0 = fabric.linear %x, %w : (tensor<3x4xf64>, tensor<4x4xf64>) -> tensor<3x4xf64>
      %1 = fabric.broadcast %b dims = [1] : tensor<4xf64> -> tensor<3x4xf64>
      %2 = fabric.add %0, %1 : tensor<3x4xf64>
      %3 = fabric.silu %2 : tensor<3x4xf64>
      %4 = fabric.linear %3, %frozen : (tensor<3x4xf64>, tensor<4x4xf64>) -> tensor<3x4xf64>
      %5 = fabric.mul %4, %2 : tensor<3x4xf64>
      %6 = fabric.linear %5, %w : (tensor<3x4xf64>, tensor<4x4xf64>) -> tensor<3x4xf64>
      %7 = fabric.sum %6 dims = [0, 1] : tensor<3x4xf64> -> tensor<f64>
      %8 = fabric.constant dense<0.08333333333333333> : tensor<f64>
      %9 = fabric.mul %7, %8 : tensor<f64>
      return %6, %9 : tensor<3x4xf64>, tensor<f64>
    }})",
             {random({3, 4}), random({4, 4}), random({4}), random({4, 4}),
              random({2})});
}

} // namespace
