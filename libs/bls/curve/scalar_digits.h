// Scalars cut up for multiplication: to base |x| for the endomorphisms, and into signed windows.
//
// Pure. What a name calls VariableTime is for public scalars; the rest has no branch or index on
// the scalar.
#ifndef GROAT_BLS_CURVE_SCALAR_DIGITS_H_
#define GROAT_BLS_CURVE_SCALAR_DIGITS_H_

#include <span>
#include <vector>

#include "bls/field/fr.h"

namespace groat::bls {

// k = d0 + d1 |x| + d2 |x|^2 + d3 |x|^3, every digit below |x| < 2^64. Always exact, since
// r < |x|^4. Constant time: long division by multiplication with the reciprocal (Moller and
// Granlund, "Improved division by invariant integers", IEEE Trans. Computers 60, 2011).
std::array<uint64_t, 4> DigitsToBaseX(const Fr& k);

// A window of a scalar, recoded to a digit from -2^(w-1) to 2^(w-1) (Booth).
struct SignedDigit {
  uint64_t magnitude;
  Choice negative;
};

// Window `index` of width `width` (at most 8) of a number of `limbs`; the sum of
// digit_i 2^(i width) over ceil((bits + 1) / width) windows is the number.
SignedDigit BoothDigit(std::span<const uint64_t> limbs, size_t index, size_t width);

// The width-w non-adjacent form, lowest digit first: digits are zero or odd and below 2^(w - 1) in
// magnitude, at most one in w digits is not zero.
std::vector<int8_t> NonAdjacentFormVariableTime(std::span<const uint64_t> limbs, int width);

}  // namespace groat::bls

#endif  // GROAT_BLS_CURVE_SCALAR_DIGITS_H_
