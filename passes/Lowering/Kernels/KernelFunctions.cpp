//===- KernelFunctions.cpp - Functions as instructions --------------------===//
//
// For targets that have no library of functions. All are written on top of exp
// (KernelMath.cpp), without branches: what is of another range is computed too
// and not taken.
//
//   log   f = m - 1 for a mantissa m near 1, s = f / (2 + f), and a polynomial
//         in s^2 (fdlibm)
//   tanh  an odd rational below 0.625 (Cephes), else 1 - 2 / (exp(2|x|) + 1)
//   erf   four rationals, the outer two times exp(-x^2) (fdlibm)
//   pow   exp(y log |x|), and the sign: the error of a result r is that of y
//         log |x|, so |log r| times that of log
//
// The others are off by at most 2 units in the last place, in f32 and in f64
// (KernelOpsTest, in GpuKernelsTest).
//
//===----------------------------------------------------------------------===//

#include "passes/Lowering/Kernels/KernelFunctions.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::lowering;

namespace {

/// A function in few words.
class Formula {
public:
  Formula(Operation *op, PatternRewriter &rewriter, bool fused)
      : b(op->getLoc(), rewriter, op->getResult(0).getType()), fused(fused),
        type(cast<FloatType>(getElementTypeOrSelf(op->getResult(0).getType()))),
        bits(rewriter.getIntegerType(type.getWidth())) {}

  bool isF32() const { return type.isF32(); }
  Value number(double value) { return b.constant(type, value); }
  Value integer(int64_t value) { return b.constant(bits, value); }
  Value add(Value l, Value r) { return arith::AddFOp::create(b, l, r); }
  Value sub(Value l, Value r) { return arith::SubFOp::create(b, l, r); }
  Value mul(Value l, Value r) { return arith::MulFOp::create(b, l, r); }
  Value div(Value l, Value r) { return arith::DivFOp::create(b, l, r); }
  Value abs(Value x) { return math::AbsFOp::create(b, x); }
  Value neg(Value x) { return arith::NegFOp::create(b, x); }
  Value exp(Value x) { return math::ExpOp::create(b, x); }
  Value floor(Value x) { return math::FloorOp::create(b, x); }
  Value withSignOf(Value x, Value sign) {
    return math::CopySignOp::create(b, x, sign);
  }
  /// x y + z
  Value mulAdd(Value x, Value y, Value z) {
    if (fused)
      return math::FmaOp::create(b, x, y, z);
    return add(mul(x, y), z);
  }
  Value is(arith::CmpFPredicate predicate, Value l, Value r) {
    return arith::CmpFOp::create(b, predicate, l, r);
  }
  Value isBelow(Value x, double limit) {
    return is(arith::CmpFPredicate::OLT, x, number(limit));
  }
  Value select(Value condition, Value l, Value r) {
    return arith::SelectOp::create(b, condition, l, r);
  }
  /// From the highest power to the lowest.
  Value polynomial(Value x, ArrayRef<double> coefficients) {
    Value y = number(coefficients.front());
    for (double coefficient : coefficients.drop_front())
      y = mulAdd(y, x, number(coefficient));
    return y;
  }

  Value log(Value x);

  ShapedBuilder b;

private:
  bool fused;
  FloatType type;
  IntegerType bits;
};

Value Formula::log(Value x) {
  int64_t mantissaBits = isF32() ? 23 : 52;
  double denormalScale = std::ldexp(1.0, mantissaBits + 2);
  double smallest = isF32() ? 0x1p-126 : 0x1p-1022;
  // Denormal numbers get a whole mantissa.
  Value isDenormal = isBelow(x, smallest);
  Value scaled = select(isDenormal, mul(x, number(denormalScale)), x);
  Value k = select(isDenormal, number(-(mantissaBits + 2.0)), number(0.0));

  // x = 2^k m, m from sqrt(1/2) to sqrt(2).
  Value pattern = b.bitcast(bits, scaled);
  int64_t rootHalf = isF32() ? 0x3f3504f3 : 0x3fe6a09e667f3bcd;
  Value offset = arith::SubIOp::create(b, pattern, integer(rootHalf));
  Value shift = integer(mantissaBits);
  Value exponent = arith::ShRSIOp::create(b, offset, shift);
  Value mantissa = arith::SubIOp::create(
      b, pattern, arith::ShLIOp::create(b, exponent, shift));
  k = add(k, arith::SIToFPOp::create(b, b.shaped(type), exponent));
  Value f = sub(b.bitcast(type, mantissa), number(1.0));

  Value s = div(f, add(number(2.0), f)), z = mul(s, s);
  Value r =
      isF32()
          ? polynomial(
                z, {0.24279078841, 0.28498786688, 0.40000972152, 0.66666662693})
          : polynomial(z, {1.479819860511658591e-01, 1.531383769920937332e-01,
                           1.818357216161805012e-01, 2.222219843214978396e-01,
                           2.857142874366239149e-01, 3.999999999940941908e-01,
                           6.666666666666735130e-01});
  r = mul(r, z);
  Value halfSquare = mul(mul(number(0.5), f), f);
  double ln2High = isF32() ? 6.9313812256e-01 : 6.93147180369123816490e-01;
  double ln2Low = isF32() ? 9.0580006145e-06 : 1.90821492927058770002e-10;
  Value low = mulAdd(s, add(halfSquare, r), mul(k, number(ln2Low)));
  Value result = mulAdd(k, number(ln2High), sub(f, sub(halfSquare, low)));

  // Of no number, and of what is no number's power.
  double infinity = std::numeric_limits<double>::infinity();
  result =
      select(is(arith::CmpFPredicate::OEQ, x, number(infinity)), x, result);
  result = select(is(arith::CmpFPredicate::OEQ, x, number(0.0)),
                  number(-infinity), result);
  Value isNone = is(arith::CmpFPredicate::ULT, x, number(0.0));
  return select(isNone, number(std::numeric_limits<double>::quiet_NaN()),
                result);
}

template <typename Op> class Expand : public OpRewritePattern<Op> {
public:
  Expand(MLIRContext *context, bool fused)
      : OpRewritePattern<Op>(context), fused(fused) {}

  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    Type type = getElementTypeOrSelf(op.getType());
    if (!type.isF32() && !type.isF64())
      return rewriter.notifyMatchFailure(op, "expects f32 or f64");
    Formula formula(op, rewriter, fused);
    rewriter.replaceOp(op, expand(op, formula));
    return success();
  }

private:
  static Value expand(Op op, Formula &f);
  bool fused;
};

template <> Value Expand<math::LogOp>::expand(math::LogOp op, Formula &f) {
  return f.log(op.getOperand());
}

template <> Value Expand<math::TanhOp>::expand(math::TanhOp op, Formula &f) {
  Value x = op.getOperand(), size = f.abs(x), z = f.mul(x, x);
  Value small;
  if (f.isF32()) {
    Value p =
        f.polynomial(z, {-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2,
                         1.33314422036e-1, -3.33332819422e-1});
    small = f.mulAdd(f.mul(p, z), x, x);
  } else {
    Value p =
        f.polynomial(z, {-9.64399179425052238628e-1, -9.92877231001918586564e1,
                         -1.61468768441708447952e3});
    Value q =
        f.polynomial(z, {1.0, 1.12811678491632931402e2,
                         2.23548839060100448583e3, 4.84406305325125486048e3});
    small = f.mulAdd(f.mul(f.div(p, q), z), x, x);
  }
  Value e = f.exp(f.add(size, size));
  Value large =
      f.sub(f.number(1.0), f.div(f.number(2.0), f.add(e, f.number(1.0))));
  return f.select(f.isBelow(size, 0.625), small, f.withSignOf(large, x));
}

template <> Value Expand<math::ErfOp>::expand(math::ErfOp op, Formula &f) {
  Value x = op.getOperand(), size = f.abs(x), z = f.mul(x, x);
  Value one = f.number(1.0);
  auto ratio = [&](Value at, ArrayRef<double> p, ArrayRef<double> q) {
    return f.div(f.polynomial(at, p), f.polynomial(at, q));
  };
  // Below 0.84375.
  Value near = ratio(z,
                     {-2.37630166566501626084e-05, -5.77027029648944159157e-03,
                      -2.84817495755985104766e-02, -3.25042107247001499370e-01,
                      1.28379167095512558561e-01},
                     {-3.96022827877536812320e-06, 1.32494738004321644526e-04,
                      5.08130628187576562776e-03, 6.50222499887672944485e-02,
                      3.97917223959155352819e-01, 1.0});
  near = f.mulAdd(x, near, x);
  // Below 1.25.
  Value s = f.sub(size, one);
  Value middle =
      ratio(s,
            {-2.16637559486879084300e-03, 3.54783043256182359371e-02,
             -1.10894694282396677476e-01, 3.18346619901161753674e-01,
             -3.72207876035701323847e-01, 4.14856118683748331666e-01,
             -2.36211856075265944077e-03},
            {1.19844998467991074170e-02, 1.36370839120290507362e-02,
             1.26171219808761642112e-01, 7.18286544141962662868e-02,
             5.40397917702171048937e-01, 1.06420880400844228286e-01, 1.0});
  middle = f.add(f.number(8.45062911510467529297e-01), middle);
  // Beyond: 1 - exp(-x^2 - 0.5625 + r(1 / x^2)) / x.
  Value t = f.div(one, z);
  Value outer =
      ratio(t,
            {-9.81432934416914548592e+00, -8.12874355063065934246e+01,
             -1.84605092906711035994e+02, -1.62396669462573470355e+02,
             -6.23753324503260060396e+01, -1.05586262253232909814e+01,
             -6.93858572707181764372e-01, -9.86494403484714822705e-03},
            {-6.04244152148580987438e-02, 6.57024977031928170135e+00,
             1.08635005541779435134e+02, 4.29008140027567833386e+02,
             6.45387271733267880336e+02, 4.34565877475229228821e+02,
             1.37657754143519042600e+02, 1.96512716674392571292e+01, 1.0});
  Value far = ratio(t,
                    {-4.83519191608651397019e+02, -1.02509513161107724954e+03,
                     -6.37566443368389627722e+02, -1.60636384855821916062e+02,
                     -1.77579549177547519889e+01, -7.99283237680523006574e-01,
                     -9.86494292470009928597e-03},
                    {-2.24409524465858183362e+01, 4.74528541206955367215e+02,
                     2.55305040643316442583e+03, 3.19985821950859553908e+03,
                     1.53672958608443695994e+03, 3.25792512996573918826e+02,
                     3.03380607434824582924e+01, 1.0});
  Value r = f.select(f.isBelow(size, 1.0 / 0.35), outer, far);
  Value tail = f.div(f.exp(f.add(f.sub(f.number(-0.5625), z), r)), size);
  Value beyond = f.select(f.isBelow(size, 6.0), f.sub(one, tail), one);

  Value result = f.select(f.isBelow(size, 1.25), middle, beyond);
  result = f.select(f.isBelow(size, 0.84375), near, f.withSignOf(result, x));
  return f.select(f.is(arith::CmpFPredicate::UNO, x, x), x, result);
}

template <> Value Expand<math::PowFOp>::expand(math::PowFOp op, Formula &f) {
  Value x = op.getLhs(), y = op.getRhs(), one = f.number(1.0);
  Value size = f.exp(f.mul(y, f.log(f.abs(x))));
  // Of a negative number, whole powers only.
  auto isWhole = [&](Value value) {
    return f.is(arith::CmpFPredicate::OEQ, f.floor(value), value);
  };
  Value isEven = isWhole(f.mul(y, f.number(0.5)));
  Value none = f.number(std::numeric_limits<double>::quiet_NaN());
  Value negative =
      f.select(isEven, size, f.select(isWhole(y), f.neg(size), none));
  Value result = f.select(f.isBelow(x, 0.0), negative, size);
  Value isOne = arith::OrIOp::create(
      f.b, f.is(arith::CmpFPredicate::OEQ, y, f.number(0.0)),
      f.is(arith::CmpFPredicate::OEQ, x, one));
  return f.select(isOne, one, result);
}

} // namespace

void mlir::lowering::populateKernelFunctionPatterns(RewritePatternSet &patterns,
                                                    bool fused) {
  patterns.add<Expand<math::ErfOp>, Expand<math::LogOp>, Expand<math::PowFOp>,
               Expand<math::TanhOp>>(patterns.getContext(), fused);
}

LogicalResult mlir::lowering::verifyKernelFunctions(Operation *root) {
  WalkResult result = root->walk([](Operation *op) {
    if (!isa<math::MathDialect>(op->getDialect()) ||
        isa<math::AbsFOp, math::CopySignOp, math::FloorOp, math::FmaOp,
            math::RsqrtOp, math::SqrtOp>(op))
      return WalkResult::advance();
    op->emitOpError() << "has no instructions that compute it on this target";
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}
