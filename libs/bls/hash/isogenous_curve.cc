#include "bls/hash/isogenous_curve.h"

#include "base/check.h"

namespace groat::bls {
namespace {

// -B' / A' and B' / (Z A'), with Z = -(2 + u).
constexpr Fp2 kMinusBOverA = Fp2::FromHex(
    "83c12791abdd5d2fe2f284f0cc6e5aa9b8c2d3f6f3f792302cf75e62bfc4df1d6834443da498888725d8cccccccb1"
    "c3",
    "11c4ff711ec210c74cec7f673684c72cc8eb1e458445999c64615cbacab4a8324828bbbad70a777747a173333332f8"
    "e8");
constexpr Fp2 kBOverZa = Fp2::FromHex(
    "1a59d4b6bbf912a32d63b43028e2deeebe8d5d97ca64b6d66f64ac7a265a9305e1a40da5edb81b4e3ac4f5c28f5bd"
    "27",
    "15103a07f641331bb298f5ed3ba1230aa0bcc9f87d923077324df24a0f7ffa93045d3d6f94c17ae10efa11eb851e73"
    "36");
// A root of -125. The norm of Z^3 is 125, no square.
constexpr Fp kRootOfMinus125 = Fp::FromHex(
    "810e5a23cbb86fd12ded1af502287a397ed25c1d6fe0444e38c48e9c7ddb3c27cfebdd464e90f201fda0eb6983f25"
    "33");
static_assert(kRootOfMinus125.Square() == -Fp::FromUint64(125));
constexpr Fp kA1 = Fp::FromUint64(240);   // A' = 240 u.
constexpr Fp kB0 = Fp::FromUint64(1012);  // B' = 1012 + 1012 u.

// Z x = -(2 + u) x.
Fp2 MultiplyByZ(const Fp2& x) { return {x.c1 - x.c0.Double(), -(x.c1.Double() + x.c0)}; }

// A root of x, which is a square, given a root of its norm. See Sqrt in bls/field/fp2.cc.
Fp2 SqrtFromNormRoot(const Fp2& x, const Fp& norm_root) {
  Fp d = (x.c0 + norm_root).Half();
  if (d.IsZero().Declassify()) d = x.c0;
  const Fp t = InverseSqrtCandidate(d);
  const Fp root = t * d;
  const Fp half = x.c1.Half() * t;
  if (root.Square() == d) return {root, half};
  return {half, -root};
}

// The point for u, of which z_u2 = Z u^2 and x1 are known. Its x is x1 if that is one of a point,
// else Z u^2 x1, whose right side is (Z u^2)^3 times that of x1.
IsogenousPoint PointFor(const Fp2& u, const Fp2& z_u2, const Fp2& x1) {
  const Fp2 right = IsogenousPoint::RightSide(x1);
  const Fp norm = right.Norm();
  const Fp norm_root = SqrtCandidate(norm);
  IsogenousPoint out;
  if (norm_root.Square() == norm) {
    out.x = x1;
    out.y = SqrtFromNormRoot(right, norm_root);
  } else {
    // norm_root^2 = -norm, so (kRootOfMinus125 norm_root)^2 = 125 norm, the norm of Z^3 right.
    const Fp2 z3_right = MultiplyByZ(MultiplyByZ(MultiplyByZ(right)));
    out.x = z_u2 * x1;
    out.y = SqrtFromNormRoot(z3_right, norm_root * kRootOfMinus125) * u.Square() * u;
  }
  out.y = out.y.NegateIf(out.y.IsOdd() ^ u.IsOdd());
  return out;
}

}  // namespace

Fp2 IsogenousPoint::RightSide(const Fp2& x) {
  const Fp2 slope = x.Square() + Fp2{Fp(), kA1};
  return slope * x + Fp2{kB0, kB0};
}

std::array<IsogenousPoint, 2> MapToIsogenousCurve(const std::array<Fp2, 2>& u) {
  // x1 = (-B' / A') (1 + 1 / (Z^2 u^4 + Z u^2)), or B' / (Z A') where that denominator is zero.
  std::array<Fp2, 2> z_u2, denominator;
  std::array<bool, 2> is_zero;
  for (size_t i = 0; i < 2; ++i) {
    z_u2[i] = MultiplyByZ(u[i].Square());
    denominator[i] = z_u2[i].Square() + z_u2[i];
    is_zero[i] = denominator[i].IsZero().Declassify();
    if (is_zero[i]) denominator[i] = Fp2::One();
  }
  const Fp2 inverse = (denominator[0] * denominator[1]).InverseVariableTime();
  std::array<IsogenousPoint, 2> out;
  for (size_t i = 0; i < 2; ++i) {
    const Fp2 factor = Fp2::One() + inverse * denominator[1 - i];
    out[i] = PointFor(u[i], z_u2[i], is_zero[i] ? kBOverZa : kMinusBOverA * factor);
  }
  return out;
}

IsogenousPoint AddOnIsogenousCurve(const IsogenousPoint& a, const IsogenousPoint& b) {
  if (a.is_infinity) return b;
  if (b.is_infinity) return a;
  Fp2 numerator = b.y - a.y;
  Fp2 denominator = b.x - a.x;
  if (denominator.IsZero().Declassify()) {
    if (!numerator.IsZero().Declassify() || a.y.IsZero().Declassify()) {
      return {Fp2(), Fp2(), /*is_infinity=*/true};
    }
    const Fp2 x_squared = a.x.Square();
    numerator = x_squared.Double() + x_squared + Fp2{Fp(), kA1};
    denominator = a.y.Double();
  }
  const Fp2 slope = numerator * denominator.InverseVariableTime();
  const Fp2 x = slope.Square() - a.x - b.x;
  return {x, slope * (a.x - x) - a.y};
}

}  // namespace groat::bls
