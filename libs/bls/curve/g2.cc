#include "bls/curve/g2.h"

#include "bls/curve/bucket_sum.h"
#include "bls/curve/endomorphism.h"
#include "bls/curve/multiply.h"

namespace groat::bls {
namespace {

using Parts = std::array<Limbs<1>, 4>;

Parts SplitByPsi(const Fr& k) {
  const std::array<uint64_t, 4> digits = DigitsToBaseX(k);
  return {{{digits[0]}, {digits[1]}, {digits[2]}, {digits[3]}}};
}

// |x|^i P = (-psi)^i(P).
constexpr auto kApply = [](size_t power, const auto& p) {
  auto out = p;
  if (power >= 2) out = PsiSquared(out);
  if (power % 2 == 1) {
    out = Psi(out);
    out.y = -out.y;
  }
  return out;
};

G2 MultiplyCompleteSecret(const CompletePoint<G2Curve>& p, const Fr& k) {
  Parts parts = SplitByPsi(k);
  const auto product = internal::MultiplyPartsSecret(p, parts, kApply);
  Zeroise({reinterpret_cast<uint8_t*>(parts.data()), sizeof(parts)});
  return product.ToJacobian();
}

}  // namespace

bool IsInSubgroup(const G2Affine& p) {
  return internal::MultiplyByMinusX(p) == kApply(1, G2::FromAffine(p));
}

// With m = -x: [x^2 - x - 1] P + [x - 1] psi(P) + psi^2(2 P)
//            = m (m P + P - psi(P)) - P - psi(P) + psi^2(2 P).
G2 ClearCofactor(const G2& p) {
  const G2 psi = Psi(p);
  const G2 inner = internal::MultiplyByMinusX(p) + p - psi;
  return internal::MultiplyByMinusX(inner) - p - psi + PsiSquared(p.Double());
}

G2 MultiplyVariableTime(const G2Affine& p, const Fr& k) {
  return internal::MultiplyPartsVariableTime(G2::FromAffine(p), SplitByPsi(k), kApply);
}

G2 MultiplySecret(const G2Affine& p, const Fr& k) {
  return MultiplyCompleteSecret(CompletePoint<G2Curve>::FromAffine(p), k);
}
G2 MultiplySecret(const G2& p, const Fr& k) {
  return MultiplyCompleteSecret(CompletePoint<G2Curve>::FromJacobian(p), k);
}

G2 MultiplyAnyVariableTime(const G2Affine& p, std::span<const uint64_t> k) {
  return internal::MultiplyLimbsVariableTime(G2::FromAffine(p), k);
}

G2 MultiScalarMultiply(std::span<const G2Affine> points, std::span<const Limbs<2>> factors) {
  return internal::BucketSum<G2Curve>(points, factors);
}

}  // namespace groat::bls
