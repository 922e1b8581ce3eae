// A secret boolean and its use without branches.
//
// Pure. Nothing here branches or indexes on the value; the compiler is kept from seeing that a mask
// has only two values, from which it could rebuild a branch.
#ifndef GROAT_BLS_FIELD_CHOICE_H_
#define GROAT_BLS_FIELD_CHOICE_H_

#include <cstdint>
#include <type_traits>

#include "bls/field/secrecy.h"

namespace groat::bls {

// Hides the origin of a value from the optimiser.
constexpr uint64_t Opaque(uint64_t value) {
  if (!std::is_constant_evaluated()) {
    asm("" : "+r"(value));
  }
  return value;
}

// True or false as a mask of all ones or of zeros.
class Choice {
 public:
  // `bit` is 0 or 1.
  static constexpr Choice FromBit(uint64_t bit) { return Choice(Opaque(0 - bit)); }
  static constexpr Choice IsZero(uint64_t word) { return FromBit(1 ^ ((word | (0 - word)) >> 63)); }
  static constexpr Choice Equal(uint64_t a, uint64_t b) { return IsZero(a ^ b); }

  constexpr uint64_t mask() const { return mask_; }
  // Lifts the secrecy: the caller may branch on it.
  constexpr bool Declassify() const {
    uint64_t mask = mask_;
    if (!std::is_constant_evaluated()) MarkPublic(&mask, sizeof(mask));
    return mask != 0;
  }

  friend constexpr Choice operator&(Choice a, Choice b) { return Choice(a.mask_ & b.mask_); }
  friend constexpr Choice operator|(Choice a, Choice b) { return Choice(a.mask_ | b.mask_); }
  friend constexpr Choice operator^(Choice a, Choice b) { return Choice(a.mask_ ^ b.mask_); }
  constexpr Choice operator!() const { return Choice(~mask_); }

 private:
  explicit constexpr Choice(uint64_t mask) : mask_(mask) {}
  uint64_t mask_;
};

}  // namespace groat::bls

#endif  // GROAT_BLS_FIELD_CHOICE_H_
