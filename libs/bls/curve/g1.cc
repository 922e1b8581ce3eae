#include "bls/curve/g1.h"

#include "bls/curve/bucket_sum.h"
#include "bls/curve/endomorphism.h"
#include "bls/curve/multiply.h"

namespace groat::bls {
namespace {

constexpr size_t kWidth = 4;
constexpr size_t kWindows = (255 + 1 + kWidth - 1) / kWidth;
using Window = std::array<G1Affine, 1 << (kWidth - 1)>;

// Entry j of window i is (j + 1) 2^(4 i) times the generator.
std::array<Window, kWindows> MakeGeneratorTable() {
  std::vector<G1> points;
  G1 base = G1::Generator();
  for (size_t i = 0; i < kWindows; ++i) {
    G1 multiple = base;
    for (size_t j = 0; j < Window().size(); ++j) {
      points.push_back(multiple);
      if (j + 1 < Window().size()) multiple += base;
    }
    base = multiple.Double();
  }
  std::vector<G1Affine> affine(points.size());
  G1::BatchToAffine(points, affine);
  std::array<Window, kWindows> table;
  for (size_t i = 0; i < affine.size(); ++i)
    table[i / Window().size()][i % Window().size()] = affine[i];
  return table;
}

// k = a + b x^2 with a and b below x^2 < 2^128.
std::array<Limbs<2>, 2> SplitByPhi(const Fr& k) {
  const std::array<uint64_t, 4> digits = DigitsToBaseX(k);
  std::array<Limbs<2>, 2> halves;
  for (size_t i = 0; i < 2; ++i) {
    const Uint128 half = Uint128{digits[2 * i + 1]} * kMinusX + digits[2 * i];
    halves[i] = {static_cast<uint64_t>(half), static_cast<uint64_t>(half >> 64)};
  }
  return halves;
}

// x^2 P = -phi(P).
constexpr auto kApply = [](size_t power, const auto& p) {
  if (power == 0) return p;
  auto out = Phi(p);
  out.y = -out.y;
  return out;
};

}  // namespace

bool IsInSubgroup(const G1Affine& p) {
  const G1 minus_phi = kApply(1, G1::FromAffine(p));
  return internal::MultiplyByMinusX(internal::MultiplyByMinusX(p)) == minus_phi;
}

G1 MultiplyVariableTime(const G1Affine& p, const Fr& k) {
  return internal::MultiplyPartsVariableTime(G1::FromAffine(p), SplitByPhi(k), kApply);
}

G1 MultiplySecret(const G1Affine& p, const Fr& k) {
  std::array<Limbs<2>, 2> parts = SplitByPhi(k);
  const auto product =
      internal::MultiplyPartsSecret(CompletePoint<G1Curve>::FromAffine(p), parts, kApply);
  Zeroise({reinterpret_cast<uint8_t*>(parts.data()), sizeof(parts)});
  return product.ToJacobian();
}

G1 MultiplyGeneratorSecret(const Fr& k) {
  static const auto* const table =
      new std::array<Window, kWindows>(MakeGeneratorTable());  // Lives as long as the process.
  Limbs<4> limbs = k.ToLimbs();
  auto sum = CompletePoint<G1Curve>::Infinity();
  for (size_t i = 0; i < kWindows; ++i) {
    const SignedDigit digit = BoothDigit(limbs, i, kWidth);
    sum = sum + internal::ReadAll((*table)[i], digit.magnitude).NegateIf(digit.negative);
  }
  Zeroise({reinterpret_cast<uint8_t*>(limbs.data()), sizeof(limbs)});
  return sum.ToJacobian();
}

G1 MultiplyAnyVariableTime(const G1Affine& p, std::span<const uint64_t> k) {
  return internal::MultiplyLimbsVariableTime(G1::FromAffine(p), k);
}

G1 MultiScalarMultiply(std::span<const G1Affine> points, std::span<const Limbs<2>> factors) {
  return internal::SumWithFactors<G1Curve>(points, factors, Phi<G1Affine>,
                                           internal::SumOf<G1Curve>);
}

}  // namespace groat::bls
