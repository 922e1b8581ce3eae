#include "bls/field/fp2.h"

namespace groat::bls {

Fp2 Fp2::Pow(std::span<const uint64_t> exponent) const {
  Fp2 result = One();
  for (size_t i = 64 * exponent.size(); i-- > 0;) {
    result = result.Square();
    if ((exponent[i / 64] >> (i % 64)) & 1) result *= *this;
  }
  return result;
}

// Let x = a + b u with norm n = a^2 + b^2, s a root of n and d = (a + s) / 2, so that
// d (a - s) / 2 = -(b / 2)^2. With t = d^((p - 3) / 4) and r = t d:
// - d is a square: r^2 = d and t = 1 / r, so (r + b t / 2 u)^2 = d - b^2 / (4 d) + b u = x;
// - it is not: r^2 = -d and t = -1 / r, and (b t / 2 - r u)^2 = -b^2 / (4 d) + d + b u = x.
// d = 0 only where b = 0 and s = -a; then d = a - d = a serves as well.
std::optional<Fp2> Sqrt(const Fp2& x) {
  const Fp norm = x.Norm();
  const Fp s = SqrtCandidate(norm);
  if (!s.Square().Equals(norm).Declassify()) return std::nullopt;
  Fp d = (x.c0 + s).Half();
  d = Fp::Select(d.IsZero(), x.c0, d);
  const Fp t = InverseSqrtCandidate(d);
  const Fp r = t * d;
  const Fp half = x.c1.Half() * t;
  const Choice square = r.Square().Equals(d);
  return Fp2{Fp::Select(square, r, half), Fp::Select(square, half, -r)};
}

Choice IsSquare(const Fp2& x) { return IsSquare(x.Norm()); }
bool IsSquareVariableTime(const Fp2& x) { return IsSquareVariableTime(x.Norm()); }

Choice IsLexicographicallyLargest(const Fp2& x) {
  return IsLexicographicallyLargest(x.c1) | (x.c1.IsZero() & IsLexicographicallyLargest(x.c0));
}

}  // namespace groat::bls
