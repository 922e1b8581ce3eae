#include "bls/curve/g2.h"

#include <cstring>
#include <new>
#include <vector>

#include "bls/curve/bucket_sum.h"
#include "bls/curve/endomorphism.h"
#include "bls/curve/ifma/g2_kernels.h"
#include "bls/curve/multiply.h"
#include "bls/field/cpu.h"

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

#if defined(__x86_64__)
bool UseIfma() { return UsedCpuLevel() == CpuLevel::kIfma; }

ifma::G2Input ToLanes(const CompletePoint<G2Curve>& p) {
  const Fp coordinates[6] = {p.x.c0, p.x.c1, p.y.c0, p.y.c1, p.z.c0, p.z.c1};
  ifma::G2Input out;
  for (size_t i = 0; i < 6; ++i) {
    std::memcpy(out.limbs[i], coordinates[i].montgomery().data(), sizeof(out.limbs[i]));
  }
  return out;
}

CompletePoint<G2Curve> FromLanes(const ifma::G2Output& out) {
  const auto fp = [&](size_t i) {
    Limbs<6> limbs;
    SubtractOnce<6>(limbs.data(), out.limbs[i], Fp::kModulus.data());
    return Fp::FromMontgomery(limbs);
  };
  return {{fp(0), fp(1)}, {fp(2), fp(3)}, {fp(4), fp(5)}};
}

ifma::G2Digits DigitsOf(const Parts& parts) {
  ifma::G2Digits out;
  for (size_t window = 0; window < ifma::kG2Windows; ++window) {
    for (size_t part = 0; part < 4; ++part) {
      const SignedDigit digit = BoothDigit(parts[part], window, 5);
      out.magnitude[window][part] = digit.magnitude;
      out.negative[window][part] = digit.negative.mask();
    }
  }
  return out;
}
// BucketSum of bucket_sum.h in lanes, for public points.
G2 BucketSumInLanes(std::span<const G2Affine> points, std::span<const uint64_t> factors) {
  std::vector<ifma::G2AffineInput> inputs;
  std::vector<uint64_t> kept;
  inputs.reserve(points.size());
  kept.reserve(points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    if (points[i].IsInfinity().Declassify()) continue;
    const Fp coordinates[4] = {points[i].x.c0, points[i].x.c1, points[i].y.c0, points[i].y.c1};
    ifma::G2AffineInput& input = inputs.emplace_back();
    for (size_t j = 0; j < 4; ++j) {
      std::memcpy(input.limbs[j], coordinates[j].montgomery().data(), sizeof(input.limbs[j]));
    }
    kept.push_back(factors[i]);
  }
  constexpr size_t kBits = 64;
  ifma::G2Sum sum = {};
  sum.points = inputs.data();
  sum.count = inputs.size();
  sum.width = internal::BestWindowWidth(inputs.size(), kBits);
  sum.windows = (kBits + 1 + sum.width - 1) / sum.width;
  std::vector<int16_t> digits(sum.windows * sum.count);
  for (size_t i = 0; i < digits.size(); ++i) {
    const SignedDigit digit = BoothDigit({&kept[i % sum.count], 1}, i / sum.count, sum.width);
    const int magnitude = static_cast<int>(digit.magnitude);
    digits[i] = static_cast<int16_t>(digit.negative.Declassify() ? -magnitude : magnitude);
  }
  sum.digits = digits.data();
  constexpr std::align_val_t kAlignment{64};
  void* const workspace = ::operator new(ifma::SumG2ProductsWorkspaceBytes(sum), kAlignment);
  ifma::G2Output out;
  ifma::SumG2Products(sum, workspace, out);
  ::operator delete(workspace, kAlignment);
  return FromLanes(out).ToJacobian();
}
#else
constexpr bool UseIfma() { return false; }
G2 BucketSumInLanes(std::span<const G2Affine> points, std::span<const uint64_t> factors) {
  return internal::BucketSum<G2Curve>(points, factors);
}
#endif

CompletePoint<G2Curve> MultiplyCompleteSecret(const CompletePoint<G2Curve>& p, const Fr& k) {
  Parts parts = SplitByPsi(k);
  CompletePoint<G2Curve> product;
#if defined(__x86_64__)
  if (UseIfma()) {
    ifma::G2Digits digits = DigitsOf(parts);
    ifma::G2Output out;
    ifma::MultiplyG2(ToLanes(p), digits, out);
    product = FromLanes(out);
    Zeroise({reinterpret_cast<uint8_t*>(&digits), sizeof(digits)});
    Zeroise({reinterpret_cast<uint8_t*>(parts.data()), sizeof(parts)});
    return product;
  }
#endif
  product = internal::MultiplyPartsSecret(p, parts, kApply);
  Zeroise({reinterpret_cast<uint8_t*>(parts.data()), sizeof(parts)});
  return product;
}

// |x| p for any point of the curve.
G2 TimesMinusX(const G2& p) {
#if defined(__x86_64__)
  if (UseIfma()) {
    ifma::G2Output out;
    ifma::MultiplyG2ByMinusX(ToLanes(CompletePoint<G2Curve>::FromJacobian(p)), out);
    return FromLanes(out).ToJacobian();
  }
#endif
  return internal::MultiplyByMinusX(p);
}

}  // namespace

bool IsInSubgroup(const G2Affine& p) {
  const G2 point = G2::FromAffine(p);
  return TimesMinusX(point) == kApply(1, point);
}

// With m = -x: [x^2 - x - 1] P + [x - 1] psi(P) + psi^2(2 P)
//            = m (m P + P - psi(P)) - P - psi(P) + psi^2(2 P).
G2 ClearCofactor(const G2& p) {
#if defined(__x86_64__)
  if (UseIfma()) {
    ifma::G2Output out;
    ifma::ClearG2Cofactor(ToLanes(CompletePoint<G2Curve>::FromJacobian(p)), out);
    return FromLanes(out).ToJacobian();
  }
#endif
  const G2 psi = Psi(p);
  const G2 inner = internal::MultiplyByMinusX(p) + p - psi;
  return internal::MultiplyByMinusX(inner) - p - psi + PsiSquared(p.Double());
}

G2 MultiplyVariableTime(const G2Affine& p, const Fr& k) {
  // Side by side in lanes, what takes a constant time is still the faster.
  if (UseIfma()) return MultiplySecret(p, k);
  return internal::MultiplyPartsVariableTime(G2::FromAffine(p), SplitByPsi(k), kApply);
}

G2 MultiplySecret(const G2Affine& p, const Fr& k) {
  return MultiplyCompleteSecret(CompletePoint<G2Curve>::FromAffine(p), k).ToJacobian();
}
G2 MultiplySecret(const G2& p, const Fr& k) {
  return MultiplyCompleteSecret(CompletePoint<G2Curve>::FromJacobian(p), k).ToJacobian();
}

G2 MultiplyAnyVariableTime(const G2Affine& p, std::span<const uint64_t> k) {
  return internal::MultiplyLimbsVariableTime(G2::FromAffine(p), k);
}

G2 MultiScalarMultiply(std::span<const G2Affine> points, std::span<const Limbs<2>> factors) {
  const auto minus_x_squared = [](const G2Affine& p) { return -PsiSquared(p); };
  const auto sum = [](std::span<const G2Affine> both, std::span<const uint64_t> halves) {
    if (UseIfma()) return BucketSumInLanes(both, halves);
    return internal::SumOf<G2Curve>(both, halves);
  };
  return internal::SumWithFactors<G2Curve>(points, factors, minus_x_squared, sum);
}

}  // namespace groat::bls
