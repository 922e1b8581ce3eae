// Elements of a prime field in Montgomery form: what the base field Fp and the scalar field Fr
// have in common.
//
// Pure values. Every function takes the same time for all elements, except those named
// VariableTime; Pow's time depends on the exponent.
#ifndef GROAT_BLS_FIELD_PRIME_FIELD_H_
#define GROAT_BLS_FIELD_PRIME_FIELD_H_

#include <ostream>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "base/check.h"
#include "bls/field/choice.h"
#include "bls/field/inverse.h"
#include "bls/field/limbs.h"

namespace groat::bls {

// Names the constructor that leaves an element unset.
struct Unset {};

// `Params` gives kLimbs, kModulus (odd, its top bit clear), kName, and the operations Multiply,
// Square, Add, Subtract, Reduce on limbs in Montgomery form below the modulus (the result may
// overlap the operands).
template <typename Params>
class PrimeField {
 public:
  static constexpr size_t kLimbs = Params::kLimbs;
  static constexpr size_t kBytes = 8 * kLimbs;
  using LimbArray = Limbs<kLimbs>;

  static constexpr LimbArray kModulus = Params::kModulus;
  static constexpr uint64_t kN0 = NegativeInverse64(kModulus[0]);
  // R = 2^(64 kLimbs) and its powers modulo the field's order.
  static constexpr LimbArray kR = PowerOfTwoModulo<kLimbs>(64 * kLimbs, kModulus);
  static constexpr LimbArray kR2 = PowerOfTwoModulo<kLimbs>(128 * kLimbs, kModulus);
  static constexpr LimbArray kR3 = PowerOfTwoModulo<kLimbs>(192 * kLimbs, kModulus);

  // Zero.
  constexpr PrimeField() : limbs_{} {}
  // For results that are written next: no time is spent on zeros.
  explicit constexpr PrimeField(Unset) {
    if (std::is_constant_evaluated()) limbs_ = {};
  }
  // Copies limb by limb. A compiler's copy moves 16 bytes at a time, which the CPU cannot take from
  // the kernels' 8-byte stores still under way: each such copy would wait some 8 ns.
  constexpr PrimeField(const PrimeField& other) { *this = other; }
  constexpr PrimeField& operator=(const PrimeField& other) {
#pragma GCC unroll 8
    for (size_t i = 0; i < kLimbs; ++i) limbs_[i] = Opaque(other.limbs_[i]);
    return *this;
  }
  ~PrimeField() = default;
  static constexpr PrimeField Zero() { return PrimeField(); }
  static constexpr PrimeField One() { return FromMontgomery(kR); }
  static constexpr PrimeField FromUint64(uint64_t value) { return FromLimbs(LimbArray{value}); }
  // A constant of the source; a number at or above the modulus does not compile.
  static constexpr PrimeField FromHex(std::string_view hex) {
    const LimbArray value = LimbsFromHex<kLimbs>(hex);
    if (CompareVariableTime<kLimbs>(value, kModulus) >= 0) throw "not below the modulus";
    return FromLimbs(value);
  }
  // From a number below the modulus, not in Montgomery form.
  static constexpr PrimeField FromLimbs(const LimbArray& value) {
    return FromMontgomery(value) * FromMontgomery(kR2);
  }
  // From value * R mod the modulus. The limbs must be below the modulus.
  static constexpr PrimeField FromMontgomery(const LimbArray& limbs) {
    PrimeField element{Unset{}};
    element.limbs_ = limbs;
    return element;
  }
  // From kBytes bytes, big-endian. InvalidArgument for another length or a number at or above the
  // modulus.
  static absl::StatusOr<PrimeField> FromBytes(ByteView bytes) {
    if (bytes.size() != kBytes) {
      return absl::InvalidArgumentError(std::string(Params::kName) + " is " +
                                        std::to_string(bytes.size()) + " bytes, want " +
                                        std::to_string(kBytes));
    }
    const LimbArray value = LoadBigEndianLimbs<kLimbs>(bytes.data());
    if (LimbsAtLeast<kLimbs>(value, kModulus).Declassify()) {
      return absl::InvalidArgumentError(std::string(Params::kName) + " is not below the modulus");
    }
    return FromLimbs(value);
  }
  // Any big-endian number of at most 2 * kBytes bytes (more stops the process), reduced. From
  // uniform bytes the result is uniform within 2^(bits of the modulus - 8 size).
  static PrimeField FromWideBytes(ByteView bytes);

  constexpr const LimbArray& montgomery() const { return limbs_; }
  // The number itself, below the modulus.
  constexpr LimbArray ToLimbs() const {
    Limbs<2 * kLimbs> wide{};
    for (size_t i = 0; i < kLimbs; ++i) wide[i] = limbs_[i];
    LimbArray out{};
    Params::Reduce(out, wide);
    return out;
  }
  // kBytes bytes, big-endian.
  FixedBytes<kBytes> ToBytes() const {
    FixedBytes<kBytes> out;
    StoreBigEndianLimbs<kLimbs>(ToLimbs(), out.data());
    return out;
  }

  friend constexpr PrimeField operator+(const PrimeField& a, const PrimeField& b) {
    PrimeField out{Unset{}};
    Params::Add(out.limbs_, a.limbs_, b.limbs_);
    return out;
  }
  friend constexpr PrimeField operator-(const PrimeField& a, const PrimeField& b) {
    PrimeField out{Unset{}};
    Params::Subtract(out.limbs_, a.limbs_, b.limbs_);
    return out;
  }
  friend constexpr PrimeField operator*(const PrimeField& a, const PrimeField& b) {
    PrimeField out{Unset{}};
    Params::Multiply(out.limbs_, a.limbs_, b.limbs_);
    return out;
  }
  constexpr PrimeField operator-() const { return PrimeField() - *this; }
  constexpr PrimeField& operator+=(const PrimeField& b) {
    Params::Add(limbs_, limbs_, b.limbs_);
    return *this;
  }
  constexpr PrimeField& operator-=(const PrimeField& b) {
    Params::Subtract(limbs_, limbs_, b.limbs_);
    return *this;
  }
  constexpr PrimeField& operator*=(const PrimeField& b) {
    Params::Multiply(limbs_, limbs_, b.limbs_);
    return *this;
  }
  constexpr PrimeField Double() const { return *this + *this; }
  constexpr PrimeField Square() const {
    PrimeField out{Unset{}};
    Params::Square(out.limbs_, limbs_);
    return out;
  }
  // Half of the element: x / 2.
  constexpr PrimeField Half() const {
    // Adds the (odd) modulus to an odd number, then shifts; no carry leaves the top limb.
    const uint64_t odd = Opaque(0 - (limbs_[0] & 1));
    LimbArray sum{};
    for (size_t i = 0; i < kLimbs; ++i) sum[i] = kModulus[i] & odd;
    AddLimbs<kLimbs>(sum.data(), sum.data(), limbs_.data());
    PrimeField out;
    for (size_t i = 0; i + 1 < kLimbs; ++i) out.limbs_[i] = sum[i] >> 1 | sum[i + 1] << 63;
    out.limbs_[kLimbs - 1] = sum[kLimbs - 1] >> 1;
    return out;
  }

  // 1 / x; zero for zero.
  PrimeField Inverse() const {
    // The inverse of x R is x^-1 R^-1; two more factors R each cost one multiplication by R^3.
    return FromMontgomery(InvertModulo<kLimbs>(limbs_, kModulus)) * FromMontgomery(kR3);
  }
  // The same, faster, for public elements.
  PrimeField InverseVariableTime() const {
    return FromMontgomery(InvertModuloVariableTime<kLimbs>(limbs_, kModulus)) * FromMontgomery(kR3);
  }
  // x^exponent; the exponent's limbs are lowest first, its value is public.
  PrimeField Pow(std::span<const uint64_t> exponent) const;

  constexpr Choice IsZero() const { return LimbsAreZero<kLimbs>(limbs_); }
  constexpr Choice Equals(const PrimeField& b) const {
    return LimbsEqual<kLimbs>(limbs_, b.limbs_);
  }
  friend constexpr bool operator==(const PrimeField& a, const PrimeField& b) {
    return a.Equals(b).Declassify();
  }
  // sgn0 of RFC 9380, section 4.1: the number's lowest bit.
  constexpr Choice IsOdd() const { return Choice::FromBit(ToLimbs()[0] & 1); }

  // choice ? a : b.
  static constexpr PrimeField Select(Choice choice, const PrimeField& a, const PrimeField& b) {
    PrimeField out{Unset{}};
    SelectLimbs<kLimbs>(out.limbs_.data(), choice, a.limbs_.data(), b.limbs_.data());
    return out;
  }
  constexpr PrimeField NegateIf(Choice choice) const { return Select(choice, -*this, *this); }
  static constexpr void SwapIf(Choice choice, PrimeField& a, PrimeField& b) {
    const PrimeField old_a = a;
    a = Select(choice, b, a);
    b = Select(choice, old_a, b);
  }

  friend std::ostream& operator<<(std::ostream& out, const PrimeField& x) {
    return out << "0x" << x.ToBytes().Hex();
  }

 private:
  LimbArray limbs_;
};

template <typename Params>
PrimeField<Params> PrimeField<Params>::FromWideBytes(ByteView bytes) {
  uint8_t padded[2 * kBytes] = {};
  GROAT_CHECK_LE(bytes.size(), sizeof(padded));
  const size_t skip = sizeof(padded) - bytes.size();
  for (size_t i = 0; i < bytes.size(); ++i) padded[skip + i] = bytes[i];
  const LimbArray high = LoadBigEndianLimbs<kLimbs>(padded);
  const LimbArray low = LoadBigEndianLimbs<kLimbs>(padded + kBytes);
  // Both halves may be at or above the modulus; the portable product allows any operand below R
  // beside one below the modulus, and gives a result below the modulus.
  PrimeField a;
  PrimeField b;
  MultiplyMontgomery<kLimbs>(a.limbs_.data(), high.data(), kR3.data(), kModulus.data(), kN0);
  MultiplyMontgomery<kLimbs>(b.limbs_.data(), low.data(), kR2.data(), kModulus.data(), kN0);
  Zeroise(padded);
  return a + b;
}

template <typename Params>
PrimeField<Params> PrimeField<Params>::Pow(std::span<const uint64_t> exponent) const {
  // Sliding window of 5 bits over a table of the odd powers.
  constexpr size_t kWindow = 5;
  PrimeField odd_powers[size_t{1} << (kWindow - 1)];
  odd_powers[0] = *this;
  const PrimeField squared = Square();
  for (size_t i = 1; i < std::size(odd_powers); ++i) odd_powers[i] = odd_powers[i - 1] * squared;

  const auto bit = [&](size_t i) { return (exponent[i / 64] >> (i % 64)) & 1; };
  PrimeField result = One();
  bool started = false;  // Squaring one at the start is skipped.
  size_t left = 64 * exponent.size();
  while (left > 0) {
    if (bit(left - 1) == 0) {
      if (started) Params::Square(result.limbs_, result.limbs_);
      --left;
      continue;
    }
    size_t low = left > kWindow ? left - kWindow : 0;
    while (bit(low) == 0) ++low;
    size_t digit = 0;
    for (size_t i = left; i-- > low;) {
      digit = 2 * digit + bit(i);
      if (started) Params::Square(result.limbs_, result.limbs_);
    }
    if (started) {
      result *= odd_powers[digit / 2];
    } else {
      result = odd_powers[digit / 2];
    }
    started = true;
    left = low;
  }
  return result;
}

}  // namespace groat::bls

#endif  // GROAT_BLS_FIELD_PRIME_FIELD_H_
