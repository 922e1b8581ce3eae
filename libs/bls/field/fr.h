// The scalar field of BLS12-381: integers modulo the 255-bit order r of G1, G2 and GT, in 4 limbs
// of 64 bits, Montgomery form with R = 2^256. See prime_field.h for the operations.
//
// Pure values, constant time except where a name says VariableTime. Who holds a secret zeroises it.
#ifndef GROAT_BLS_FIELD_FR_H_
#define GROAT_BLS_FIELD_FR_H_

#include "bls/field/prime_field.h"

namespace groat::bls {

struct FrParams {
  static constexpr size_t kLimbs = 4;
  static constexpr const char* kName = "scalar";
  static constexpr Limbs<4> kModulus =
      LimbsFromHex<4>("73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001");
  static constexpr uint64_t kN0 = NegativeInverse64(kModulus[0]);

  static constexpr void Add(Limbs<4>& out, const Limbs<4>& a, const Limbs<4>& b) {
    AddModulo<4>(out.data(), a.data(), b.data(), kModulus.data());
  }
  static constexpr void Subtract(Limbs<4>& out, const Limbs<4>& a, const Limbs<4>& b) {
    SubModulo<4>(out.data(), a.data(), b.data(), kModulus.data());
  }
  static constexpr void Multiply(Limbs<4>& out, const Limbs<4>& a, const Limbs<4>& b) {
    MultiplyMontgomery<4>(out.data(), a.data(), b.data(), kModulus.data(), kN0);
  }
  static constexpr void Square(Limbs<4>& out, const Limbs<4>& a) { Multiply(out, a, a); }
  static constexpr void Reduce(Limbs<4>& out, const Limbs<8>& a) {
    ReduceMontgomery<4>(out.data(), a.data(), kModulus.data(), kN0);
  }
};

// FromWideBytes(48 bytes) is the reduction of KeyGen (draft-irtf-cfrg-bls-signature, section 2.3).
using Fr = PrimeField<FrParams>;

}  // namespace groat::bls

#endif  // GROAT_BLS_FIELD_FR_H_
