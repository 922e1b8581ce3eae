// The endomorphisms phi of E and psi of E', for affine points and for both projective forms.
//
// Pure, constant time. On G1, phi(P) = [-x^2] P; on G2, psi(P) = [x] P (x is negative).
// Source: Galbraith, Lin, Scott, "Endomorphisms for faster elliptic curve cryptography on a large
// class of curves" (EUROCRYPT 2009).
#ifndef GROAT_BLS_CURVE_ENDOMORPHISM_H_
#define GROAT_BLS_CURVE_ENDOMORPHISM_H_

#include "bls/curve/complete.h"
#include "bls/curve/curves.h"

namespace groat::bls {

// A primitive cube root of one in Fp.
inline constexpr Fp kPhiX =
    Fp::FromHex("5f19672fdf76ce51ba69c6076a0f77eaddb3a93be6f89688de17d813620a00022e01fffffffefffe");
// psi(x, y) = (kPsiX conj(x), kPsiY conj(y)); kPsiX = kPsiXImaginary u.
inline constexpr Fp kPsiXImaginary = Fp::FromHex(
    "1a0111ea397fe699ec02408663d4de85aa0d857d89759ad4897d29650fb85f9b409427eb4f49fffd"
    "8bfd00000000aaad");
inline constexpr Fp2 kPsiY = Fp2::FromHex(
    "135203e60180a68ee2e9c448d77a2cd91c3dedd930b1cf60ef396489f61eb45e304466cf3e67fa0a"
    "f1ee7b04121bdea2",
    "6af0e0437ff400b6831e36d6bd17ffe48395dabc2d3435e77f76e17009241c5ee67992f72ec05f4c"
    "81084fbede3cc09");
// psi^2(x, y) = (kPsiSquaredX x, -y).
inline constexpr Fp kPsiSquaredX = Fp::FromHex(
    "1a0111ea397fe699ec02408663d4de85aa0d857d89759ad4897d29650fb85f9b409427eb4f49fffd"
    "8bfd00000000aaac");

// The forms of a point differ in no way that matters here: phi and psi^2 act on X and Y alone, and
// psi conjugates Z too, which an affine point does not have.
template <typename Point>
Point Phi(const Point& p) {
  Point out = p;
  out.x = p.x * kPhiX;
  return out;
}

template <typename Point>
Point Psi(const Point& p) {
  Point out = p;
  // kPsiXImaginary u (c0 - c1 u) = kPsiXImaginary (c1 + c0 u).
  out.x = Fp2{p.x.c1, p.x.c0} * kPsiXImaginary;
  out.y = p.y.Conjugate() * kPsiY;
  if constexpr (requires { p.z; }) out.z = p.z.Conjugate();
  return out;
}

template <typename Point>
Point PsiSquared(const Point& p) {
  Point out = p;
  out.x = p.x * kPsiSquaredX;
  out.y = -p.y;
  return out;
}

}  // namespace groat::bls

#endif  // GROAT_BLS_CURVE_ENDOMORPHISM_H_
