//===- DistAttrs.cpp - Meshes and shardings -------------------------------===//

#include "dialects/Dist/IR/Axes.h"
#include "dialects/Dist/IR/Dist.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/SmallBitVector.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::dist;

#include "dialects/Dist/IR/DistEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Dist/IR/DistAttrs.cpp.inc"

void DistDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Dist/IR/DistAttrs.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// MeshAttr
//===----------------------------------------------------------------------===//

std::optional<unsigned> MeshAttr::lookup(StringRef name) const {
  for (auto [index, axis] : llvm::enumerate(getNames()))
    if (axis.getValue() == name)
      return index;
  return std::nullopt;
}

int64_t MeshAttr::getAxisSize(StringRef name) const {
  std::optional<unsigned> index = lookup(name);
  return index ? getSizes()[*index] : 0;
}

int64_t MeshAttr::getNumRanks() const {
  int64_t ranks = 1;
  for (int64_t size : getSizes())
    ranks *= size;
  return ranks;
}

LogicalResult MeshAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               ArrayRef<StringAttr> names,
                               ArrayRef<int64_t> sizes) {
  if (names.empty())
    return emitError() << "a mesh needs at least one axis";
  llvm::StringSet<> seen;
  int64_t ranks = 1;
  for (auto [name, size] : llvm::zip_equal(names, sizes)) {
    if (name.getValue().empty())
      return emitError() << "a mesh axis needs a name";
    if (!seen.insert(name.getValue()).second)
      return emitError() << "mesh axis " << name << " is declared twice";
    if ((size == 0) != (sizes.front() == 0))
      return emitError() << "expects a size for every mesh axis, or for none, "
                            "but axis "
                         << (size == 0 ? name : names.front()) << " has none";
    if (size < 0)
      return emitError() << "mesh axis " << name
                         << " must have a positive size, found " << size;
    if (llvm::MulOverflow(ranks, size, ranks) || ranks > kMaxMeshRanks)
      return emitError() << "the mesh has more than " << kMaxMeshRanks
                         << " ranks";
  }
  return success();
}

Attribute MeshAttr::parse(AsmParser &parser, Type) {
  SmallVector<StringAttr> names;
  SmallVector<int64_t> sizes;
  SMLoc loc = parser.getCurrentLocation();
  auto parseAxis = [&]() -> ParseResult {
    std::string name;
    int64_t size = 0;
    SMLoc axisLoc = parser.getCurrentLocation();
    if (parser.parseString(&name))
      return failure();
    if (succeeded(parser.parseOptionalEqual())) {
      if (parser.parseInteger(size))
        return failure();
      if (size <= 0)
        return parser.emitError(axisLoc, "mesh axis \"")
               << name << "\" must have a positive size, found " << size;
    }
    names.push_back(StringAttr::get(parser.getContext(), name));
    sizes.push_back(size);
    return success();
  };
  if (parser.parseLess() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseAxis) ||
      parser.parseGreater())
    return {};
  return parser.getChecked<MeshAttr>(loc, parser.getContext(), names, sizes);
}

void MeshAttr::print(AsmPrinter &printer) const {
  printer << "<[";
  llvm::interleaveComma(llvm::zip_equal(getNames(), getSizes()),
                        printer.getStream(), [&](auto axis) {
                          auto [name, size] = axis;
                          printer << '"' << name.getValue() << '"';
                          if (size != 0)
                            printer << '=' << size;
                        });
  printer << "]>";
}

//===----------------------------------------------------------------------===//
// AxisRefAttr and AxesAttr
//===----------------------------------------------------------------------===//

int64_t AxisRefAttr::getSize(MeshAttr mesh) const {
  return isSubAxis() ? getSubSize() : mesh.getAxisSize(getName().getValue());
}

FailureOr<AxisRefAttr> AxisRefAttr::parseBare(AsmParser &parser) {
  std::string name;
  int64_t preSize = 1, size = 0;
  if (parser.parseString(&name))
    return failure();
  if (succeeded(parser.parseOptionalColon())) {
    SMLoc loc = parser.getCurrentLocation();
    if (parser.parseLParen() || parser.parseInteger(preSize) ||
        parser.parseRParen() || parser.parseInteger(size))
      return failure();
    if (preSize < 1 || size < 2)
      return parser.emitError(loc, "a sub-axis `(pre)size` needs a positive "
                                   "pre-size and a size of at least 2");
  }
  MLIRContext *context = parser.getContext();
  return AxisRefAttr::get(context, StringAttr::get(context, name), preSize,
                          size);
}

void AxisRefAttr::printBare(raw_ostream &os) const {
  os << '"' << getName().getValue() << '"';
  if (isSubAxis())
    os << ":(" << getPreSize() << ')' << getSubSize();
}

Attribute AxisRefAttr::parse(AsmParser &parser, Type) {
  if (parser.parseLess())
    return {};
  FailureOr<AxisRefAttr> ref = parseBare(parser);
  if (failed(ref) || parser.parseGreater())
    return {};
  return *ref;
}

void AxisRefAttr::print(AsmPrinter &printer) const {
  printer << '<';
  printBare(printer.getStream());
  printer << '>';
}

int64_t AxesAttr::getNumParts(MeshAttr mesh) const {
  int64_t parts = 1;
  for (AxisRefAttr ref : getRefs())
    parts *= ref.getSize(mesh);
  return parts;
}

FailureOr<AxesAttr> AxesAttr::parseBare(AsmParser &parser) {
  SmallVector<AxisRefAttr> refs;
  auto parseRef = [&]() -> ParseResult {
    FailureOr<AxisRefAttr> ref = AxisRefAttr::parseBare(parser);
    if (failed(ref))
      return failure();
    refs.push_back(*ref);
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Braces, parseRef))
    return failure();
  return AxesAttr::get(parser.getContext(), refs);
}

void AxesAttr::printBare(raw_ostream &os) const {
  os << '{';
  llvm::interleaveComma(getRefs(), os,
                        [&](AxisRefAttr ref) { ref.printBare(os); });
  os << '}';
}

std::string AxesAttr::str() const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  printBare(stream);
  return text;
}

Attribute AxesAttr::parse(AsmParser &parser, Type) {
  if (parser.parseLess())
    return {};
  FailureOr<AxesAttr> axes = parseBare(parser);
  if (failed(axes) || parser.parseGreater())
    return {};
  return *axes;
}

void AxesAttr::print(AsmPrinter &printer) const {
  printer << '<';
  printBare(printer.getStream());
  printer << '>';
}

//===----------------------------------------------------------------------===//
// ShardingAttr
//===----------------------------------------------------------------------===//

ShardingAttr ShardingAttr::getReplicated(MeshAttr mesh, int64_t rank) {
  SmallVector<AxesAttr> dims(rank, AxesAttr::get(mesh.getContext(), {}));
  return ShardingAttr::get(mesh, dims);
}

bool ShardingAttr::isReplicated() const {
  return !isPartial() &&
         llvm::all_of(getDims(), [](AxesAttr axes) { return axes.empty(); });
}

int64_t ShardingAttr::getNumParts(unsigned dim) const {
  return getDims()[dim].getNumParts(getMesh());
}

SmallVector<int64_t>
ShardingAttr::getLocalShape(ArrayRef<int64_t> shape) const {
  SmallVector<int64_t> local;
  for (auto [dim, size] : llvm::enumerate(shape))
    local.push_back(size / getNumParts(dim));
  return local;
}

ShardingAttr ShardingAttr::withoutPartial() const {
  return ShardingAttr::get(getMesh(), getDims());
}

/// C2: the axis is one of the mesh, and a sub-axis is made of whole atoms.
static LogicalResult verifyAxis(function_ref<InFlightDiagnostic()> emitError,
                                MeshAttr mesh, const MeshAtoms &atoms,
                                AxisRefAttr ref) {
  if (!mesh.lookup(ref.getName().getValue()))
    return emitError() << "axis " << ref.getName() << " is not one of the mesh "
                       << mesh;
  if (ref.isSubAxis() && !mesh.hasSizes())
    return emitError() << "a sub-axis of " << ref.getName()
                       << " needs a mesh with sizes, found " << mesh;
  int64_t size = mesh.getAxisSize(ref.getName().getValue());
  if (ref.isSubAxis() &&
      atoms.getNumParts(atoms.getAtoms(ref)) != ref.getSubSize())
    return emitError() << "sub-axis (" << ref.getPreSize() << ")"
                       << ref.getSubSize() << " does not divide axis "
                       << ref.getName() << " of size " << size
                       << " into its prime factors in ascending order";
  return success();
}

LogicalResult ShardingAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                   MeshAttr mesh, ArrayRef<AxesAttr> dims,
                                   AxesAttr partial, ReductionKind) {
  MeshAtoms atoms(mesh);
  llvm::SmallBitVector used(atoms.size());
  auto verifyAxes = [&](AxesAttr axes) -> LogicalResult {
    for (AxisRefAttr ref : axes.getRefs()) {
      if (failed(verifyAxis(emitError, mesh, atoms, ref)))
        return failure();
      for (unsigned atom : atoms.getAtoms(ref)) {
        if (used.test(atom))
          return emitError() << "axis " << ref.getName() << " is used twice";
        used.set(atom);
      }
    }
    return success();
  };
  for (AxesAttr axes : dims)
    if (failed(verifyAxes(axes)))
      return failure();
  return verifyAxes(partial);
}

LogicalResult ShardingAttr::verifyEncoding(
    ArrayRef<int64_t> shape, Type elementType,
    function_ref<InFlightDiagnostic()> emitError) const {
  if (static_cast<int64_t>(shape.size()) != getRank())
    return emitError() << "a sharding of " << getRank()
                       << " dims does not fit a tensor of rank "
                       << shape.size();
  if (!getMesh().hasSizes())
    return emitError() << "the sharding of a type needs a mesh with sizes, "
                          "found "
                       << getMesh();
  for (auto [dim, size] : llvm::enumerate(shape)) {
    int64_t parts = getNumParts(dim);
    if (ShapedType::isDynamic(size) || size % parts != 0)
      return emitError() << "dim " << dim << " of size " << size
                         << " is not divisible by the " << parts
                         << " parts of axes " << getDims()[dim].str();
  }
  if (isPartial() && !elementType.isIntOrFloat())
    return emitError() << "a partial value needs a number type, found "
                       << elementType;
  return success();
}

Attribute ShardingAttr::parse(AsmParser &parser, Type) {
  SMLoc loc = parser.getCurrentLocation();
  MLIRContext *context = parser.getContext();
  MeshAttr mesh;
  SmallVector<AxesAttr> dims;
  AxesAttr partial = AxesAttr::get(context, {});
  ReductionKind reduction = ReductionKind::Sum;
  auto parseDim = [&]() -> ParseResult {
    FailureOr<AxesAttr> axes = AxesAttr::parseBare(parser);
    if (failed(axes))
      return failure();
    dims.push_back(*axes);
    return success();
  };
  if (parser.parseLess() || parser.parseAttribute(mesh) ||
      parser.parseComma() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseDim))
    return {};
  if (succeeded(parser.parseOptionalComma())) {
    StringRef keyword;
    SMLoc kindLoc;
    if (parser.parseKeyword("partial") || parser.parseEqual())
      return {};
    kindLoc = parser.getCurrentLocation();
    if (parser.parseKeyword(&keyword))
      return {};
    std::optional<ReductionKind> kind = symbolizeReductionKind(keyword);
    if (!kind) {
      parser.emitError(kindLoc, "expected sum, max or min, found ") << keyword;
      return {};
    }
    reduction = *kind;
    FailureOr<AxesAttr> axes = AxesAttr::parseBare(parser);
    if (failed(axes))
      return {};
    partial = *axes;
  }
  if (parser.parseGreater())
    return {};
  return parser.getChecked<ShardingAttr>(loc, context, mesh, dims, partial,
                                         reduction);
}

void ShardingAttr::print(AsmPrinter &printer) const {
  printer << '<';
  // Through the printer, so that the mesh appears as its alias.
  printer.printAttribute(getMesh());
  printer << ", [";
  llvm::interleaveComma(getDims(), printer.getStream(), [&](AxesAttr axes) {
    axes.printBare(printer.getStream());
  });
  printer << ']';
  if (isPartial()) {
    printer << ", partial = " << stringifyReductionKind(getReduction()) << ' ';
    getPartial().printBare(printer.getStream());
  }
  printer << '>';
}
