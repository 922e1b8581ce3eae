#include "bls/field/fp.h"

#include <algorithm>
#include <cstring>

#include "bls/field/cpu.h"
#include "bls/field/ifma/fp_power.h"

namespace groat::bls {
namespace {

constexpr Limbs<6> kOne = {1};

constexpr Limbs<6> ShiftRight(Limbs<6> x, unsigned bits) {
  for (size_t i = 0; i < 6; ++i) x[i] = x[i] >> bits | (i < 5 ? x[i + 1] << (64 - bits) : 0);
  return x;
}
// (p - 1) / 2 and (p - 3) / 4; p = 3 mod 4.
constexpr Limbs<6> kHalf = ShiftRight(FpParams::kModulus, 1);
constexpr Limbs<6> kQuarter = ShiftRight(FpParams::kModulus, 2);

}  // namespace

Fp InverseSqrtCandidate(const Fp& x) { return x.Pow(kQuarter); }

void InverseSqrtCandidates(std::span<Fp> x) {
#if defined(__x86_64__)
  // One alone is faster without lanes.
  if (UsedCpuLevel() == CpuLevel::kIfma && x.size() > 1) {
    constexpr size_t kAtOnce = 16;
    uint64_t numbers[kAtOnce][6];
    for (size_t start = 0; start < x.size(); start += kAtOnce) {
      const std::span<Fp> some = x.subspan(start, std::min(kAtOnce, x.size() - start));
      for (size_t i = 0; i < some.size(); ++i) {
        std::memcpy(numbers[i], some[i].montgomery().data(), sizeof(numbers[i]));
      }
      ifma::RaiseToInverseSqrt(numbers, some.size());
      for (size_t i = 0; i < some.size(); ++i) {
        Limbs<6> limbs;
        SubtractOnce<6>(limbs.data(), numbers[i], Fp::kModulus.data());
        some[i] = Fp::FromMontgomery(limbs);
      }
    }
    return;
  }
#endif
  for (Fp& one : x) one = InverseSqrtCandidate(one);
}

Fp SqrtCandidate(const Fp& x) { return InverseSqrtCandidate(x) * x; }

std::optional<Fp> Sqrt(const Fp& x) {
  const Fp root = SqrtCandidate(x);
  if (!root.Square().Equals(x).Declassify()) return std::nullopt;
  return root;
}

Choice IsSquare(const Fp& x) { return x.IsZero() | x.Pow(kHalf).Equals(Fp::One()); }

bool IsSquareVariableTime(const Fp& x) {
  // x R is a square exactly if x is, for R = 2^384 is one.
  const int symbol = LegendreVariableTime<6>(x.montgomery(), Fp::kModulus);
  return symbol == 2 ? IsSquare(x).Declassify() : symbol >= 0;
}

Choice IsLexicographicallyLargest(const Fp& x) {
  // x >= (p + 1) / 2, where (p + 1) / 2 = (p - 1) / 2 + 1.
  static constexpr Limbs<6> kBound = [] {
    Limbs<6> bound{};
    AddLimbs<6>(bound.data(), kHalf.data(), kOne.data());
    return bound;
  }();
  return LimbsAtLeast<6>(x.ToLimbs(), kBound);
}

}  // namespace groat::bls
