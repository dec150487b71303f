//===- KernelMath.cpp - Expands math into instructions --------------------===//
//
// exp(x) = 2^n exp(r), where n is the integer nearest to x / ln 2 and r = x - n
// ln 2 is computed with ln 2 in two parts, the first of them short enough that
// its product with n is exact. exp(r) is a polynomial; 2^n is made as two
// factors of about half the exponent each, so that results may be denormal or
// overflow to infinity by themselves. The error is below 1.2e-7 in f32 and
// below 3e-16 in f64. Scalars get the same code as vectors, and so the same
// bits.
//
// bf16 is the upper half of an f32.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Lowering/Kernels/KernelFunctions.h"
#include "passes/Lowering/Kernels/Passes.h"

namespace mlir::lowering {
#define GEN_PASS_DEF_KERNELMATHPASS
#include "passes/Lowering/Kernels/Passes.h.inc"
} // namespace mlir::lowering

using namespace mlir;
using namespace mlir::lowering;

namespace {

/// What exp's expansion needs of a format.
struct ExpFormat {
  unsigned mantissaBits, bias;
  double lowest, highest; ///< exp is 0 below, and infinite above.
  double ln2High, ln2Low; ///< Added, they are ln 2 to the format's square.
  /// Of exp(r) for |r| up to ln(2) / 2, from the highest power to r^2; what
  /// remains is r + 1.
  ArrayRef<double> coefficients;
};

/// From Cephes (Moshier).
constexpr double f32Coefficients[] = {1.9875691500e-4, 1.3981999507e-3,
                                      8.3334519073e-3, 4.1665795894e-2,
                                      1.6666665459e-1, 5.0000001201e-1};
/// 1/13! to 1/2!: the rest is below 5e-18.
constexpr double f64Coefficients[] = {
    1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800,
    1.0 / 362880,     1.0 / 40320,     1.0 / 5040,     1.0 / 720,
    1.0 / 120,        1.0 / 24,        1.0 / 6,        1.0 / 2};

const ExpFormat f32Format = {23,
                             127,
                             -104.0,
                             89.0,
                             0.693359375,
                             -2.12194440054690583e-4,
                             f32Coefficients};
const ExpFormat f64Format = {52,
                             1023,
                             -746.0,
                             710.0,
                             6.93147180369123816490e-1,
                             1.90821492927058770002e-10,
                             f64Coefficients};

class ExpandExp : public OpRewritePattern<math::ExpOp> {
public:
  ExpandExp(MLIRContext *context, bool fused)
      : OpRewritePattern(context), fused(fused) {}

  LogicalResult matchAndRewrite(math::ExpOp op,
                                PatternRewriter &rewriter) const override {
    auto type = cast<FloatType>(getElementTypeOrSelf(op.getType()));
    if (!type.isF32() && !type.isF64())
      return rewriter.notifyMatchFailure(op, "expects f32 or f64");
    const ExpFormat &format = type.isF32() ? f32Format : f64Format;
    ShapedBuilder b(op.getLoc(), rewriter, op.getType());
    auto bits = rewriter.getIntegerType(type.getWidth());
    auto number = [&](double value) { return b.constant(type, value); };
    auto integer = [&](int64_t value) { return b.constant(bits, value); };

    // NaN is on neither side, and stays.
    Value x = op.getOperand();
    x = clamp(b, x, arith::CmpFPredicate::OLT, number(format.lowest));
    x = clamp(b, x, arith::CmpFPredicate::OGT, number(format.highest));

    // Added to a number whose last bit is worth one, x / ln 2 is rounded.
    double shift = std::ldexp(1.5, format.mantissaBits);
    Value shifted = mulAdd(b, x, number(1.4426950408889634), number(shift));
    Value n = arith::SubFOp::create(b, shifted, number(shift));
    Value r = mulAdd(b, n, number(-format.ln2High), x);
    r = mulAdd(b, n, number(-format.ln2Low), r);

    Value y = number(format.coefficients.front());
    for (double coefficient : format.coefficients.drop_front())
      y = mulAdd(b, y, r, number(coefficient));
    Value square = arith::MulFOp::create(b, r, r);
    y = mulAdd(b, y, square, r);
    y = arith::AddFOp::create(b, y, number(1.0));

    // The sum of both factors' biased exponents: n plus twice the bias.
    APFloat shiftValue(shift);
    bool exact;
    shiftValue.convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                       &exact);
    int64_t shiftBits = shiftValue.bitcastToAPInt().getSExtValue();
    Value sum = arith::SubIOp::create(b, b.bitcast(bits, shifted),
                                      integer(shiftBits - 2 * format.bias));
    Value half = arith::ShRUIOp::create(b, sum, integer(1));
    for (Value exponent : {half, Value(arith::SubIOp::create(b, sum, half))}) {
      Value factor =
          arith::ShLIOp::create(b, exponent, integer(format.mantissaBits));
      y = arith::MulFOp::create(b, y, b.bitcast(type, factor));
    }
    rewriter.replaceOp(op, y);
    return success();
  }

private:
  static Value clamp(ShapedBuilder &b, Value x, arith::CmpFPredicate beyond,
                     Value limit) {
    Value isBeyond = arith::CmpFOp::create(b, beyond, x, limit);
    return arith::SelectOp::create(b, isBeyond, limit, x);
  }

  /// x y + z
  Value mulAdd(ShapedBuilder &b, Value x, Value y, Value z) const {
    if (fused)
      return math::FmaOp::create(b, x, y, z);
    return arith::AddFOp::create(b, arith::MulFOp::create(b, x, y), z);
  }

  bool fused;
};

/// Rounds to nearest even by adding what carries into the upper half. NaN, from
/// which a carry could lead elsewhere, is made quiet instead.
struct ExpandTruncToBF16 : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::TruncFOp op,
                                PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isBF16() ||
        !getElementTypeOrSelf(op.getIn().getType()).isF32())
      return rewriter.notifyMatchFailure(op, "expects f32 to bf16");
    ShapedBuilder b(op.getLoc(), rewriter, op.getType());
    auto i32 = rewriter.getI32Type();
    auto integer = [&](int64_t value) { return b.constant(i32, value); };
    Value isNaN = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO,
                                        op.getIn(), op.getIn());
    Value bits = b.bitcast(i32, op.getIn());
    Value last = arith::AndIOp::create(
        b, arith::ShRUIOp::create(b, bits, integer(16)), integer(1));
    Value carry = arith::AddIOp::create(b, last, integer(0x7fff));
    Value rounded = arith::AddIOp::create(b, bits, carry);
    Value quiet = arith::OrIOp::create(b, bits, integer(0x400000));
    Value result = arith::SelectOp::create(b, isNaN, quiet, rounded);
    Value upper =
        arith::TruncIOp::create(b, b.shaped(rewriter.getI16Type()),
                                arith::ShRUIOp::create(b, result, integer(16)));
    rewriter.replaceOp(op, b.bitcast(rewriter.getBF16Type(), upper));
    return success();
  }
};

struct ExpandExtFromBF16 : OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::ExtFOp op,
                                PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getIn().getType()).isBF16() ||
        !getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "expects bf16 to f32");
    ShapedBuilder b(op.getLoc(), rewriter, op.getType());
    auto i32 = rewriter.getI32Type();
    Value bits = arith::ExtUIOp::create(
        b, b.shaped(i32), b.bitcast(rewriter.getI16Type(), op.getIn()));
    Value upper = arith::ShLIOp::create(b, bits, b.constant(i32, 16));
    rewriter.replaceOp(op, b.bitcast(rewriter.getF32Type(), upper));
    return success();
  }
};

class KernelMathPass
    : public lowering::impl::KernelMathPassBase<KernelMathPass> {
  using KernelMathPassBase::KernelMathPassBase;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ExpandExp>(&getContext(), fma);
    patterns.add<ExpandTruncToBF16, ExpandExtFromBF16>(&getContext());
    if (functions)
      populateKernelFunctionPatterns(patterns, fma);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))) ||
        (functions && failed(verifyKernelFunctions(getOperation()))))
      signalPassFailure();
  }
};

} // namespace
