#include "bls/bulk/limb52.h"

#include <algorithm>

#include "base/check.h"
#include "bls/bulk/fp_limb52.h"
#include "bls/field/fp12.h"

namespace groat::bls {
namespace {

constexpr uint64_t kMask = (uint64_t{1} << 52) - 1;

Limbs<6> Join(const uint64_t* limbs) {
  Limbs<6> out{};
  for (size_t i = 0; i < 8; ++i) {
    const size_t bit = 52 * i;
    out[bit / 64] |= limbs[i] << (bit % 64);
    if (bit % 64 > 12 && bit / 64 + 1 < 6) out[bit / 64 + 1] |= limbs[i] >> (64 - bit % 64);
  }
  return out;
}

// value * factor / 2^384 for any value below 2^384.
Fp TimesFactor(const Limbs<6>& value, const Limbs<6>& factor) {
  Limbs<6> out;
  MultiplyMontgomery<6>(out.data(), value.data(), factor.data(), FpParams::kModulus.data(),
                        FpParams::kN0);
  return Fp::FromMontgomery(out);
}

constexpr Limbs<6> kFrom416 = PowerOfTwoModulo<6>(384 + 384 - 416, FpParams::kModulus);
constexpr Limbs<6> kTo416 = PowerOfTwoModulo<6>(416, FpParams::kModulus);

}  // namespace

Limbs52Array ToLimbs52(const Fp& x) {
  const Limbs<6> value = TimesFactor(x.montgomery(), kTo416).montgomery();
  Limbs52Array out{};
  for (size_t i = 0; i < 8; ++i) {
    const size_t bit = 52 * i;
    uint64_t limb = value[bit / 64] >> (bit % 64);
    if (bit % 64 > 12 && bit / 64 + 1 < 6) limb |= value[bit / 64 + 1] << (64 - bit % 64);
    out[i] = limb & kMask;
  }
  return out;
}

Fp FromLimbs52(const uint64_t* limbs) { return TimesFactor(Join(limbs), kFrom416); }

Fp FromPlainLimbs52(const uint64_t* limbs) { return TimesFactor(Join(limbs), Fp::kR2); }

void InvertLimbs52(uint64_t* limbs) {
  const Fp value = FromLimbs52(limbs);
  GROAT_CHECK(!value.IsZero().Declassify()) << "the product of the denominators is zero";
  const Limbs52Array inverse = ToLimbs52(value.InverseVariableTime());
  std::copy(inverse.begin(), inverse.end(), limbs);
}

void InvertFp12Limbs52(uint64_t (*c0)[8], uint64_t (*c1)[8]) {
  const auto coefficient = [&](size_t i) { return Fp2{FromLimbs52(c0[i]), FromLimbs52(c1[i])}; };
  const Fp12 value = {{coefficient(0), coefficient(2), coefficient(4)},
                      {coefficient(1), coefficient(3), coefficient(5)}};
  GROAT_CHECK(!value.IsZero().Declassify()) << "zero has no inverse";
  const Fp12 inverse = value.InverseVariableTime();
  const Fp2 coefficients[6] = {inverse.c0.c0, inverse.c1.c0, inverse.c0.c1,
                               inverse.c1.c1, inverse.c0.c2, inverse.c1.c2};
  for (size_t i = 0; i < 6; ++i) {
    std::ranges::copy(ToLimbs52(coefficients[i].c0), c0[i]);
    std::ranges::copy(ToLimbs52(coefficients[i].c1), c1[i]);
  }
}

}  // namespace groat::bls
