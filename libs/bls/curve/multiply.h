// Scalar multiplication common to G1 and G2: the templates behind g1.h and g2.h.
//
// Pure. The secret ones have no branch or index on scalars or points.
#ifndef GROAT_BLS_CURVE_MULTIPLY_H_
#define GROAT_BLS_CURVE_MULTIPLY_H_

#include <algorithm>

#include "bls/curve/complete.h"
#include "bls/curve/curves.h"
#include "bls/curve/scalar_digits.h"

namespace groat::bls::internal {

// table[index - 1], or infinity for index 0; reads the whole table.
template <typename Point, size_t N>
Point ReadAll(const std::array<Point, N>& table, uint64_t index) {
  Point out = Point::Infinity();
  for (size_t i = 0; i < N; ++i) {
    out = Point::Select(Choice::Equal(index, i + 1), table[i], out);
  }
  return out;
}

// The sum of parts[i] E^i(P) for an endomorphism E with `apply(i, Q)` = E^i(Q). Each part is
// `kWords` words. Windows of 5 bits with signed digits, so a table of 16 multiples; E is applied to
// what was read, which is cheaper than a table for each power.
template <typename Curve, size_t kParts, size_t kWords, typename Apply>
CompletePoint<Curve> MultiplyPartsSecret(
    const CompletePoint<Curve>& p, const std::array<std::array<uint64_t, kWords>, kParts>& parts,
    const Apply& apply) {
  constexpr size_t kWidth = 5;
  constexpr size_t kWindows = (64 * kWords + 1 + kWidth - 1) / kWidth;
  std::array<CompletePoint<Curve>, 1 << (kWidth - 1)> table;
  table[0] = p;
  for (size_t i = 1; i < table.size(); ++i) {
    // Entry i is (i + 1) P.
    table[i] = i % 2 == 1 ? table[i / 2].Double() : table[i - 1] + p;
  }
  CompletePoint<Curve> sum = CompletePoint<Curve>::Infinity();
  for (size_t window = kWindows; window-- > 0;) {
    if (window + 1 != kWindows) {
      for (size_t i = 0; i < kWidth; ++i) sum = sum.Double();
    }
    for (size_t part = 0; part < kParts; ++part) {
      const SignedDigit digit = BoothDigit(parts[part], window, kWidth);
      const CompletePoint<Curve> multiple =
          apply(part, ReadAll(table, digit.magnitude)).NegateIf(digit.negative);
      sum = sum + multiple;
    }
  }
  return sum;
}

// The same sum for public parts; interleaved non-adjacent forms of width 5.
template <typename Curve, size_t kParts, size_t kWords, typename Apply>
JacobianPoint<Curve> MultiplyPartsVariableTime(
    const JacobianPoint<Curve>& p, const std::array<std::array<uint64_t, kWords>, kParts>& parts,
    const Apply& apply) {
  constexpr int kWidth = 5;
  constexpr size_t kOdd = size_t{1} << (kWidth - 2);
  std::array<JacobianPoint<Curve>, kOdd> odd;
  odd[0] = p;
  const JacobianPoint<Curve> twice = p.Double();
  for (size_t i = 1; i < kOdd; ++i) odd[i] = odd[i - 1] + twice;
  std::array<std::vector<int8_t>, kParts> digits;
  std::array<std::array<JacobianPoint<Curve>, kOdd>, kParts> tables;
  size_t length = 0;
  for (size_t part = 0; part < kParts; ++part) {
    digits[part] = NonAdjacentFormVariableTime(parts[part], kWidth);
    length = std::max(length, digits[part].size());
    for (size_t i = 0; i < kOdd; ++i) tables[part][i] = apply(part, odd[i]);
  }
  JacobianPoint<Curve> sum;
  for (size_t i = length; i-- > 0;) {
    sum = sum.Double();
    for (size_t part = 0; part < kParts; ++part) {
      const int digit = i < digits[part].size() ? digits[part][i] : 0;
      if (digit > 0) sum += tables[part][static_cast<size_t>(digit) / 2];
      if (digit < 0) sum += -tables[part][static_cast<size_t>(-digit) / 2];
    }
  }
  return sum;
}

// k P by double-and-add, for any point of the curve and any public k.
template <typename Curve>
JacobianPoint<Curve> MultiplyLimbsVariableTime(const JacobianPoint<Curve>& p,
                                               std::span<const uint64_t> k) {
  JacobianPoint<Curve> sum;
  for (size_t i = 64 * k.size(); i-- > 0;) {
    sum = sum.Double();
    if ((k[i / 64] >> (i % 64)) & 1) sum += p;
  }
  return sum;
}

// |x| P for any point of the curve; |x| has 6 bits set. `p` is affine or Jacobian.
template <typename Curve, typename Point>
JacobianPoint<Curve> MultiplyByMinusX(const JacobianPoint<Curve>& start, const Point& p) {
  JacobianPoint<Curve> sum = start;
  for (int i = 62; i >= 0; --i) {
    sum = sum.Double();
    if ((kMinusX >> i) & 1) sum += p;
  }
  return sum;
}
template <typename Curve>
JacobianPoint<Curve> MultiplyByMinusX(const JacobianPoint<Curve>& p) {
  return MultiplyByMinusX(p, p);
}
template <typename Curve>
JacobianPoint<Curve> MultiplyByMinusX(const AffinePoint<Curve>& p) {
  return MultiplyByMinusX(JacobianPoint<Curve>::FromAffine(p), p);
}

}  // namespace groat::bls::internal

#endif  // GROAT_BLS_CURVE_MULTIPLY_H_
