//===- FabricAttrs.cpp - What the arguments of a model are ----------------===//

#include "dialects/Fabric/IR/Fabric.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"
#include <charconv>

using namespace mlir;
using namespace mlir::fabric;

#include "dialects/Fabric/IR/FabricEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Fabric/IR/FabricAttrs.cpp.inc"

void FabricDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Fabric/IR/FabricAttrs.cpp.inc"
      >();
}

static ParseResult parseName(AsmParser &parser, StringAttr &name) {
  SMLoc loc = parser.getCurrentLocation();
  std::string text;
  if (parser.parseString(&text))
    return failure();
  if (text.empty())
    return parser.emitError(loc, "expected a name that is not empty");
  name = StringAttr::get(parser.getContext(), text);
  return success();
}

/// Numbers of attributes are f64.
static ParseResult parseNumber(AsmParser &parser, FloatAttr &number) {
  bool negative = succeeded(parser.parseOptionalMinus());
  int64_t integer;
  double value;
  OptionalParseResult asInteger = parser.parseOptionalInteger(integer);
  if (asInteger.has_value()) {
    if (failed(*asInteger))
      return failure();
    value = static_cast<double>(integer);
  } else if (parser.parseFloat(value)) {
    return failure();
  }
  number = FloatAttr::get(Float64Type::get(parser.getContext()),
                          negative ? -value : value);
  return success();
}

/// The shortest text that reads back as the same number: 0.088, 1.0e-08.
static void printNumber(AsmPrinter &printer, FloatAttr number) {
  char buffer[32];
  double value = number.getValueAsDouble();
  auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), value);
  StringRef text(buffer, end - buffer);
  auto [mantissa, exponent] = text.split('e');
  printer << mantissa;
  if (!mantissa.contains('.') && llvm::isDigit(mantissa.back()))
    printer << ".0";
  if (!exponent.empty())
    printer << 'e' << exponent;
}

//===----------------------------------------------------------------------===//
// InputAttr
//===----------------------------------------------------------------------===//

Attribute InputAttr::parse(AsmParser &parser, Type) {
  StringAttr name;
  int64_t batchDim = -1;
  if (parser.parseLess() || parseName(parser, name))
    return {};
  if (succeeded(parser.parseOptionalComma())) {
    if (parser.parseKeyword("batch_dim") || parser.parseEqual())
      return {};
    SMLoc loc = parser.getCurrentLocation();
    if (parser.parseInteger(batchDim))
      return {};
    if (batchDim < 0) {
      parser.emitError(loc, "expected a dim, found ") << batchDim;
      return {};
    }
  }
  if (parser.parseGreater())
    return {};
  return InputAttr::get(parser.getContext(), name, batchDim);
}

void InputAttr::print(AsmPrinter &printer) const {
  printer << '<' << getName();
  if (getBatchDim() >= 0)
    printer << ", batch_dim = " << getBatchDim();
  printer << '>';
}

//===----------------------------------------------------------------------===//
// ParamAttr
//===----------------------------------------------------------------------===//

/// `uniform(low, high)`, `normal(mean, std)` or `constant(value)`
static ParseResult parseInit(AsmParser &parser, InitKind &kind, FloatAttr &a,
                             FloatAttr &b) {
  SMLoc loc = parser.getCurrentLocation();
  StringRef keyword;
  if (parser.parseKeyword(&keyword))
    return failure();
  std::optional<InitKind> parsed = symbolizeInitKind(keyword);
  if (!parsed || *parsed == InitKind::None)
    return parser.emitError(loc, "expected uniform, normal or constant, found ")
           << keyword;
  kind = *parsed;
  if (parser.parseLParen() || parseNumber(parser, a))
    return failure();
  if (kind != InitKind::Constant &&
      (parser.parseComma() || parseNumber(parser, b)))
    return failure();
  return parser.parseRParen();
}

Attribute ParamAttr::parse(AsmParser &parser, Type) {
  StringAttr name;
  InitKind kind = InitKind::None;
  FloatAttr a, b;
  bool frozen = false;
  if (parser.parseLess() || parseName(parser, name))
    return {};
  while (succeeded(parser.parseOptionalComma())) {
    SMLoc loc = parser.getCurrentLocation();
    StringRef keyword;
    if (parser.parseKeyword(&keyword))
      return {};
    if (keyword == "frozen") {
      frozen = true;
    } else if (keyword == "init") {
      if (parser.parseEqual() || parseInit(parser, kind, a, b))
        return {};
    } else {
      parser.emitError(loc, "expected init or frozen, found ") << keyword;
      return {};
    }
  }
  if (parser.parseGreater())
    return {};
  return ParamAttr::get(parser.getContext(), name, kind, a, b, frozen);
}

void ParamAttr::print(AsmPrinter &printer) const {
  printer << '<' << getName();
  if (getInitKind() != InitKind::None) {
    printer << ", init = " << stringifyInitKind(getInitKind()) << '(';
    printNumber(printer, getInitA());
    if (getInitB()) {
      printer << ", ";
      printNumber(printer, getInitB());
    }
    printer << ')';
  }
  if (getFrozen())
    printer << ", frozen";
  printer << '>';
}

//===----------------------------------------------------------------------===//
// StateAttr and ScalarAttr
//===----------------------------------------------------------------------===//

Attribute StateAttr::parse(AsmParser &parser, Type) {
  StringAttr param, name;
  if (parser.parseLess() || parseName(parser, param) || parser.parseComma() ||
      parseName(parser, name) || parser.parseGreater())
    return {};
  return StateAttr::get(parser.getContext(), param, name);
}

void StateAttr::print(AsmPrinter &printer) const {
  printer << '<' << getParam() << ", " << getName() << '>';
}

Attribute ScalarAttr::parse(AsmParser &parser, Type) {
  StringAttr name;
  FloatAttr value;
  if (parser.parseLess() || parseName(parser, name) || parser.parseComma() ||
      parseNumber(parser, value) || parser.parseGreater())
    return {};
  return ScalarAttr::get(parser.getContext(), name, value);
}

void ScalarAttr::print(AsmPrinter &printer) const {
  printer << '<' << getName() << ", ";
  printNumber(printer, getDefaultValue());
  printer << '>';
}

//===----------------------------------------------------------------------===//
// TrainAttr
//===----------------------------------------------------------------------===//

TrainAttr TrainAttr::getDefault(MLIRContext *context, TrainMode mode) {
  Type f64 = Float64Type::get(context);
  auto number = [&](double value) { return FloatAttr::get(f64, value); };
  return TrainAttr::get(context, mode, number(1e-3), number(1e-2), number(0.9),
                        number(0.999), number(1e-8));
}

Attribute TrainAttr::parse(AsmParser &parser, Type) {
  SMLoc loc = parser.getCurrentLocation();
  StringRef keyword;
  if (parser.parseLess() || parser.parseKeyword(&keyword))
    return {};
  std::optional<TrainMode> mode = symbolizeTrainMode(keyword);
  if (!mode) {
    parser.emitError(loc, "expected adamw or gradients, found ") << keyword;
    return {};
  }
  TrainAttr defaults = getDefault(parser.getContext(), *mode);
  FloatAttr lr = defaults.getLr(), decay = defaults.getWeightDecay(),
            beta1 = defaults.getBeta1(), beta2 = defaults.getBeta2(),
            eps = defaults.getEps();
  while (succeeded(parser.parseOptionalComma())) {
    loc = parser.getCurrentLocation();
    if (parser.parseKeyword(&keyword) || parser.parseEqual())
      return {};
    FloatAttr *field = llvm::StringSwitch<FloatAttr *>(keyword)
                           .Case("lr", &lr)
                           .Case("weight_decay", &decay)
                           .Case("beta1", &beta1)
                           .Case("beta2", &beta2)
                           .Case("eps", &eps)
                           .Default(nullptr);
    if (!field) {
      parser.emitError(loc,
                       "expected lr, weight_decay, beta1, beta2 or eps, found ")
          << keyword;
      return {};
    }
    if (parseNumber(parser, *field))
      return {};
  }
  if (parser.parseGreater())
    return {};
  return TrainAttr::get(parser.getContext(), *mode, lr, decay, beta1, beta2,
                        eps);
}

void TrainAttr::print(AsmPrinter &printer) const {
  printer << '<' << stringifyTrainMode(getMode());
  if (getMode() == TrainMode::AdamW) {
    auto field = [&](StringRef name, FloatAttr value) {
      printer << ", " << name << " = ";
      printNumber(printer, value);
    };
    field("lr", getLr());
    field("weight_decay", getWeightDecay());
    field("beta1", getBeta1());
    field("beta2", getBeta2());
    field("eps", getEps());
  }
  printer << '>';
}
