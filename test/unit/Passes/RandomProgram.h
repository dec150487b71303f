//===- RandomProgram.h - Programs for tests by value ------------*- C++ -*-===//
//
// Makes a model out of a seed: a DAG of fabric ops on small f64 tensors whose
// dims have factors of 2 and 3, with inputs, parameters of every style and
// constraints that fit the mesh. The same seed makes the same program.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_TEST_UNIT_PASSES_RANDOMPROGRAM_H
#define FABRIC_TEST_UNIT_PASSES_RANDOMPROGRAM_H

#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include <random>

namespace mlir::fabric::test {

class RandomProgram {
public:
  struct Options {
    unsigned numOps = 12;
    /// Only ops that small whole numbers go through exactly.
    bool linear = false;
    /// A scalar loss over all results, to be differentiated.
    bool loss = false;
    /// Also what lowering fuses: layers with a bias, sums of products.
    bool layers = false;
    /// Batch dims and styles also where the mesh does not divide the dim.
    bool uneven = false;
  };

  RandomProgram(dist::MeshAttr mesh, unsigned seed, Options options)
      : mesh(mesh), options(options), random(seed), builder(mesh.getContext()) {
  }

  OwningOpRef<ModuleOp> make() {
    Location loc = builder.getUnknownLoc();
    OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
    (*module)->setAttr("dist.mesh", mesh);
    builder.setInsertionPointToEnd(module->getBody());
    function = func::FuncOp::create(builder, loc, "model",
                                    builder.getFunctionType({}, {}));
    body = function.addEntryBlock();
    builder.setInsertionPointToEnd(body);
    for (unsigned i = 0, count = 1 + draw(3); i < count; ++i)
      values.push_back(addInput());
    if (options.loss)
      values.push_back(addParameter(drawShape()));
    while (numMade < options.numOps)
      addOp();
    finish();
    return module;
  }

private:
  using Shape = SmallVector<int64_t>;

  unsigned draw(unsigned below) { return random() % below; }
  bool chance(unsigned percent) { return draw(100) < percent; }
  int64_t drawSize() {
    static constexpr int64_t sizes[] = {1, 2, 3, 4, 4, 6, 6, 8, 12, 12, 24};
    return sizes[draw(std::size(sizes))];
  }
  Shape drawShape() {
    Shape shape;
    for (unsigned dim = 0, rank = 1 + draw(3); dim < rank; ++dim)
      shape.push_back(drawSize());
    return shape;
  }
  static RankedTensorType typeOf(Value value) {
    return cast<RankedTensorType>(value.getType());
  }
  RankedTensorType type(ArrayRef<int64_t> shape) {
    return RankedTensorType::get(shape, builder.getF64Type());
  }
  /// Recent values more often.
  Value drawValue() {
    unsigned back = std::min(draw(values.size()), draw(values.size()));
    return values[values.size() - 1 - back];
  }
  void push(Value value) {
    // Nothing may explode.
    if (typeOf(value).getNumElements() <= 4096)
      values.push_back(value);
    ++numMade;
  }
  template <typename OpT, typename... Args> Value build(Args &&...args) {
    return OpT::create(builder, builder.getUnknownLoc(),
                       std::forward<Args>(args)...);
  }

  //===--------------------------------------------------------------------===//
  // Arguments
  //===--------------------------------------------------------------------===//

  Value addArgument(Type ofType, StringRef name, Attribute attr) {
    argumentAttrs.push_back({{builder.getNamedAttr(name, attr)}});
    return body->addArgument(ofType, builder.getUnknownLoc());
  }

  Value addInput() {
    Shape shape = drawShape();
    int64_t batch = draw(shape.size());
    int64_t data = mesh.getAxisSize("dp");
    if (chance(20) || (!options.uneven && data > 0 && shape[batch] % data != 0))
      batch = -1;
    auto name = builder.getStringAttr("x" + Twine(argumentAttrs.size()));
    return addArgument(type(shape), "fabric.input",
                       InputAttr::get(builder.getContext(), name, batch));
  }

  Value addParameter(ArrayRef<int64_t> shape) {
    auto name = builder.getStringAttr("w" + Twine(argumentAttrs.size()));
    Value value = addArgument(type(shape), "fabric.param",
                              ParamAttr::get(builder.getContext(), name,
                                             InitKind::None, {}, {}, false));
    int64_t tensor = mesh.getAxisSize("tp");
    auto style = static_cast<dist::TpStyle>(draw(4));
    int64_t dim = style == dist::TpStyle::Colwise   ? 0
                  : style == dist::TpStyle::Rowwise ? 1
                                                    : -1;
    bool fits = dim < 0 || dim >= static_cast<int64_t>(shape.size()) ||
                tensor == 0 || options.uneven || shape[dim] % tensor == 0;
    if (chance(85) && fits && !shape.empty())
      argumentAttrs.back().push_back(builder.getNamedAttr(
          "dist.tp", dist::TpStyleAttr::get(builder.getContext(), style)));
    return value;
  }

  /// Another value, or a parameter, of this shape.
  Value drawOfShape(ArrayRef<int64_t> shape) {
    SmallVector<Value> fitting;
    for (Value value : values)
      if (typeOf(value).getShape() == shape)
        fitting.push_back(value);
    if (!fitting.empty() && chance(75))
      return fitting[draw(fitting.size())];
    if (chance(30))
      return constant(shape);
    Value parameter = addParameter(shape);
    if (chance(50))
      values.push_back(parameter); // Used again: tied.
    return parameter;
  }

  Value constant(ArrayRef<int64_t> shape) {
    if (chance(50))
      return build<ConstantOp>(type(shape), double(1 + draw(3)));
    SmallVector<double> elements;
    for (int64_t i = 0; i < type(shape).getNumElements(); ++i)
      elements.push_back(double(draw(7)) - 3);
    return build<ConstantOp>(
        DenseElementsAttr::get(type(shape), ArrayRef<double>(elements)));
  }

  //===--------------------------------------------------------------------===//
  // Ops
  //===--------------------------------------------------------------------===//

  void addOp() {
    if (options.layers && chance(45))
      return addLayer();
    switch (draw(12)) {
    case 0:
    case 1:
      return addUnary();
    case 2:
    case 3:
    case 4:
      return addBinary();
    case 5:
    case 6:
      return addLinear();
    case 7:
      return addContract();
    case 8:
      return chance(50) ? addSum() : addBroadcast();
    case 9:
      return addReshape();
    case 10:
      return addTranspose();
    case 11:
      return addConstraint();
    }
  }

  void addUnary() {
    Value value = drawValue();
    Type result = value.getType();
    if (options.linear || chance(40))
      return push(build<NegOp>(result, value));
    push(chance(50) ? build<SiluOp>(result, value)
                    : build<SigmoidOp>(result, value));
  }

  void addBinary() {
    Value lhs = drawValue();
    Value rhs = drawOfShape(typeOf(lhs).getShape());
    Type result = lhs.getType();
    if (!options.linear && chance(40))
      return push(build<MulOp>(result, lhs, rhs));
    push(chance(70) ? build<AddOp>(result, lhs, rhs)
                    : build<SubOp>(result, rhs, lhs));
  }

  void addLinear() {
    Value x = drawValue();
    if (typeOf(x).getRank() == 0)
      return;
    Shape shape(typeOf(x).getShape());
    Value w = drawOfShape({drawSize(), shape.back()});
    shape.back() = typeOf(w).getDimSize(0);
    push(build<LinearOp>(type(shape), x, w));
  }

  /// A product, plus a vector along one dim or another product, through a gate.
  void addLayer() {
    Value x = drawValue();
    if (typeOf(x).getRank() == 0)
      return;
    Shape shape(typeOf(x).getShape());
    // Often square, so that rows and columns could be mistaken.
    int64_t size = chance(50) ? shape.front() : drawSize();
    Shape weight = {size, shape.back()};
    shape.back() = size;
    Value y = build<LinearOp>(type(shape), x, drawOfShape(weight));
    Value other;
    if (chance(30)) {
      other = build<LinearOp>(type(shape), x, drawOfShape(weight));
    } else {
      int64_t dim = chance(60) ? shape.size() - 1 : draw(shape.size());
      other = build<BroadcastOp>(type(shape), drawOfShape({shape[dim]}),
                                 ArrayRef<int64_t>{dim});
    }
    y = chance(50) ? build<AddOp>(type(shape), y, other)
                   : build<AddOp>(type(shape), other, y);
    if (!options.linear && chance(50))
      y = build<MulOp>(type(shape), build<SiluOp>(type(shape), y),
                       drawOfShape(shape));
    push(y);
  }

  void addContract() {
    Value lhs = drawValue(), rhs = drawValue();
    ArrayRef<int64_t> left = typeOf(lhs).getShape();
    ArrayRef<int64_t> right = typeOf(rhs).getShape();
    Shape batch[2], contract[2];
    SmallVector<bool> used(right.size());
    for (auto [l, size] : llvm::enumerate(left))
      for (auto [r, other] : llvm::enumerate(right)) {
        if (size != other || used[r] || chance(20))
          continue;
        used[r] = true;
        Shape *pair = chance(30) ? batch : contract;
        pair[0].push_back(l);
        pair[1].push_back(r);
        break;
      }
    Shape shape;
    for (int64_t dim : batch[0])
      shape.push_back(left[dim]);
    auto addFree = [&](ArrayRef<int64_t> sizes, unsigned side) {
      for (auto [dim, size] : llvm::enumerate(sizes))
        if (!llvm::is_contained(batch[side], dim) &&
            !llvm::is_contained(contract[side], dim))
          shape.push_back(size);
    };
    addFree(left, 0);
    addFree(right, 1);
    if (shape.size() > 4)
      return;
    push(build<ContractOp>(type(shape), lhs, rhs, batch[0], batch[1],
                           contract[0], contract[1]));
  }

  void addSum() {
    Value value = drawValue();
    Shape dims, shape;
    for (auto [dim, size] : llvm::enumerate(typeOf(value).getShape())) {
      if (chance(40))
        dims.push_back(dim);
      else
        shape.push_back(size);
    }
    push(build<SumOp>(type(shape), value, dims));
  }

  void addBroadcast() {
    Value value = drawValue();
    Shape dims, shape;
    for (int64_t size : typeOf(value).getShape()) {
      if (chance(30))
        shape.push_back(drawSize());
      dims.push_back(shape.size());
      shape.push_back(size);
    }
    if (chance(50) || shape.empty())
      shape.push_back(drawSize());
    if (shape.size() > 4)
      return;
    push(build<BroadcastOp>(type(shape), value, dims));
  }

  /// Merges neighbours and cuts dims.
  void addReshape() {
    Value value = drawValue();
    Shape merged, shape;
    for (int64_t size : typeOf(value).getShape()) {
      if (!merged.empty() && chance(50))
        merged.back() *= size;
      else
        merged.push_back(size);
    }
    for (int64_t size : merged) {
      int64_t part = drawSize();
      if (chance(50) && size % part == 0) {
        shape.push_back(part);
        size /= part;
      }
      shape.push_back(size);
    }
    if (shape.size() > 4)
      return;
    push(build<ReshapeOp>(type(shape), value));
  }

  void addTranspose() {
    Value value = drawValue();
    Shape permutation =
        llvm::to_vector(llvm::seq<int64_t>(0, typeOf(value).getRank()));
    std::shuffle(permutation.begin(), permutation.end(), random);
    Shape shape;
    for (int64_t dim : permutation)
      shape.push_back(typeOf(value).getDimSize(dim));
    push(build<TransposeOp>(type(shape), value, permutation));
  }

  void addConstraint() {
    Value value = drawValue();
    MLIRContext *context = builder.getContext();
    SmallVector<SmallVector<dist::AxisRefAttr>> dims(typeOf(value).getRank());
    Shape rest(typeOf(value).getShape());
    for (auto [name, size] : llvm::zip(mesh.getNames(), mesh.getSizes())) {
      if (dims.empty() || chance(40))
        continue;
      unsigned dim = draw(dims.size());
      if (rest[dim] % size != 0)
        continue;
      rest[dim] /= size;
      dims[dim].push_back(dist::AxisRefAttr::get(context, name.getValue()));
    }
    SmallVector<dist::AxesAttr> axes;
    for (ArrayRef<dist::AxisRefAttr> refs : dims)
      axes.push_back(dist::AxesAttr::get(context, refs));
    push(build<dist::ConstraintOp>(value.getType(), value,
                                   dist::ShardingAttr::get(mesh, axes)));
  }

  //===--------------------------------------------------------------------===//
  // Results
  //===--------------------------------------------------------------------===//

  void finish() {
    SmallVector<Value> results;
    for (Value value : values)
      if (value.use_empty() || chance(10))
        results.push_back(value);
    if (options.loss)
      results.insert(results.begin(), makeLoss(results));
    func::ReturnOp::create(builder, builder.getUnknownLoc(), results);
    SmallVector<Type> types;
    for (Value result : results)
      types.push_back(result.getType());
    function.setType(builder.getFunctionType(body->getArgumentTypes(), types));
    for (auto [index, attrs] : llvm::enumerate(argumentAttrs))
      function.setArgAttrs(index, builder.getDictionaryAttr(attrs));
    for (unsigned index = 0; index < results.size(); ++index)
      function.setResultAttr(index, "fabric.result",
                             builder.getStringAttr("r" + Twine(index)));
  }

  Value makeLoss(ArrayRef<Value> results) {
    Value loss;
    for (Value value : results) {
      Shape dims =
          llvm::to_vector(llvm::seq<int64_t>(0, typeOf(value).getRank()));
      Value sum = build<SumOp>(type({}), value, dims);
      loss = loss ? build<AddOp>(type({}), loss, sum) : sum;
    }
    return loss;
  }

  dist::MeshAttr mesh;
  Options options;
  std::mt19937 random;
  OpBuilder builder;
  func::FuncOp function;
  Block *body = nullptr;
  unsigned numMade = 0;
  SmallVector<Value> values;
  SmallVector<SmallVector<NamedAttribute>> argumentAttrs;
};

} // namespace mlir::fabric::test

#endif // FABRIC_TEST_UNIT_PASSES_RANDOMPROGRAM_H
