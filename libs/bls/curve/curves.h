// The two curves of BLS12-381: E: y^2 = x^3 + 4 over Fp and its twist E': y^2 = x^3 + 4 (1 + u)
// over Fp2, with the generators of their subgroups G1 and G2 of order r.
//
// Constants alone. Source: draft-irtf-cfrg-pairing-friendly-curves, section 4.2.1.
#ifndef GROAT_BLS_CURVE_CURVES_H_
#define GROAT_BLS_CURVE_CURVES_H_

#include "bls/curve/jacobian.h"
#include "bls/field/fp2.h"

namespace groat::bls {

// The curve's parameter is x = -kMinusX; r = x^4 - x^2 + 1.
inline constexpr uint64_t kMinusX = 0xd201000000010000;

struct G1Curve {
  using Field = Fp;
  static constexpr const char* kName = "G1";
  static constexpr Fp kB = Fp::FromUint64(4);
  static const AffinePoint<G1Curve> kGenerator;
  static Fp MultiplyBy3B(const Fp& x) {
    const Fp fourfold = x.Double().Double();
    return fourfold.Double() + fourfold;
  }
};

struct G2Curve {
  using Field = Fp2;
  static constexpr const char* kName = "G2";
  static constexpr Fp2 kB = {Fp::FromUint64(4), Fp::FromUint64(4)};
  static const AffinePoint<G2Curve> kGenerator;
  static Fp2 MultiplyBy3B(const Fp2& x) {
    const Fp2 fourfold = x.MultiplyByXi().Double().Double();
    return fourfold.Double() + fourfold;
  }
};

using G1Affine = AffinePoint<G1Curve>;
using G1 = JacobianPoint<G1Curve>;
using G2Affine = AffinePoint<G2Curve>;
using G2 = JacobianPoint<G2Curve>;

inline constexpr G1Affine G1Curve::kGenerator = {
    Fp::FromHex("17f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aef"
                "fb3af00adb22c6bb"),
    Fp::FromHex("8b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40"
                "caa232946c5e7e1")};

inline constexpr G2Affine G2Curve::kGenerator = {
    Fp2::FromHex("24aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd"
                 "48056c8c121bdb8",
                 "13e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57"
                 "e5ac7d055d042b7e"),
    Fp2::FromHex("ce5d527727d6e118cc9cdc6da2e351aadfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e"
                 "193548608b82801",
                 "606c4a02ea734cc32acd2b02bc28b99cb3e287e85a763af267492ab572e99ab3f370d275cec1da1a"
                 "aa9075ff05f79be")};

}  // namespace groat::bls

#endif  // GROAT_BLS_CURVE_CURVES_H_
