#include "bls/hash/isogenous_curve.h"

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

// An element on its way onto the curve.
struct Candidate {
  Fp2 z_u2;   // Z u^2.
  Fp2 right;  // The right side of the point's x, so a square.
  Fp2 x;
  bool first;  // Whether x is x1, or else Z u^2 x1.
  Fp norm_root;
  Fp d;  // (right.c0 + norm_root) / 2; see Sqrt in bls/field/fp2.cc.
};

// x1 = (-B' / A') (1 + 1 / (Z^2 u^4 + Z u^2)), or B' / (Z A') where that denominator is zero. All
// share an inversion.
void FindFirstX(std::span<const Fp2> u, std::span<Candidate> out) {
  std::vector<Fp2> denominators(u.size());
  std::vector<Fp2> before(u.size());
  Fp2 product = Fp2::One();
  for (size_t i = 0; i < u.size(); ++i) {
    out[i].z_u2 = MultiplyByZ(u[i].Square());
    denominators[i] = out[i].z_u2.Square() + out[i].z_u2;
    before[i] = product;
    if (!denominators[i].IsZero().Declassify()) product *= denominators[i];
  }
  Fp2 inverse = product.InverseVariableTime();
  for (size_t i = u.size(); i-- > 0;) {
    if (denominators[i].IsZero().Declassify()) {
      out[i].x = kBOverZa;
      continue;
    }
    out[i].x = kMinusBOverA * (Fp2::One() + inverse * before[i]);
    inverse *= denominators[i];
  }
}

// Settles x: x1 if that is one of a point, which the norm of its right side tells; else Z u^2 x1,
// whose right side is (Z u^2)^3 times that of x1. There `right` is left without the factor u^6.
// `power` is norm^((p - 3) / 4).
void ChooseX(Candidate& c, const Fp& norm, const Fp& power) {
  c.norm_root = power * norm;
  c.first = c.norm_root.Square() == norm;
  if (!c.first) {
    // norm_root^2 = -norm, so (kRootOfMinus125 norm_root)^2 = 125 norm, the norm of Z^3 right.
    c.norm_root *= kRootOfMinus125;
    c.right = MultiplyByZ(MultiplyByZ(MultiplyByZ(c.right)));
    c.x = c.z_u2 * c.x;
  }
  c.d = (c.right.c0 + c.norm_root).Half();
  if (c.d.IsZero().Declassify()) c.d = c.right.c0;
}

// A root of the right side, with the sign of u; `power` is d^((p - 3) / 4).
IsogenousPoint Finish(const Candidate& c, const Fp& power, const Fp2& u) {
  const Fp root = power * c.d;
  const Fp half = c.right.c1.Half() * power;
  Fp2 y = root.Square() == c.d ? Fp2{root, half} : Fp2{half, -root};
  if (!c.first) y *= u.Square() * u;
  return {c.x, y.NegateIf(y.IsOdd() ^ u.IsOdd())};
}

}  // namespace

Fp2 IsogenousPoint::RightSide(const Fp2& x) {
  const Fp2 slope = x.Square() + Fp2{Fp(), kA1};
  return slope * x + Fp2{kB0, kB0};
}

std::vector<IsogenousPoint> MapToIsogenousCurve(std::span<const Fp2> u) {
  std::vector<Candidate> candidates(u.size());
  FindFirstX(u, candidates);
  std::vector<Fp> norms(u.size());
  for (size_t i = 0; i < u.size(); ++i) {
    candidates[i].right = IsogenousPoint::RightSide(candidates[i].x);
    norms[i] = candidates[i].right.Norm();
  }
  std::vector<Fp> powers = norms;
  InverseSqrtCandidates(powers);
  for (size_t i = 0; i < u.size(); ++i) ChooseX(candidates[i], norms[i], powers[i]);
  for (size_t i = 0; i < u.size(); ++i) powers[i] = candidates[i].d;
  InverseSqrtCandidates(powers);
  std::vector<IsogenousPoint> out;
  out.reserve(u.size());
  for (size_t i = 0; i < u.size(); ++i) out.push_back(Finish(candidates[i], powers[i], u[i]));
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
