#include "bls/hash/isogeny.h"

namespace groat::bls {
namespace {

// Coefficients from the lowest degree up; the leading 1 of the denominators is left out.
constexpr Fp2 kXNumerator[4] = {
    Fp2::FromHex("5c759507e8e333ebb5b7a9a47d7ed8532c52d39fd3a042a88b58423c50ae15d5c2638e343d9c71c62"
                 "38aaaaaaaa97d6",
                 "5c759507e8e333ebb5b7a9a47d7ed8532c52d39fd3a042a88b58423c50ae15d5c2638e343d9c71c62"
                 "38aaaaaaaa97d6"),
    Fp2::FromHex("0",
                 "11560bf17baa99bc32126fced787c88f984f87adf7ae0c7f9a208c6b4f20a4181472aaa9cb8d55552"
                 "6a9ffffffffc71a"),
    Fp2::FromHex("11560bf17baa99bc32126fced787c88f984f87adf7ae0c7f9a208c6b4f20a4181472aaa9cb8d55552"
                 "6a9ffffffffc71e",
                 "8ab05f8bdd54cde190937e76bc3e447cc27c3d6fbd7063fcd104635a790520c0a395554e5c6aaaa93"
                 "54ffffffffe38d"),
    Fp2::FromHex("171d6541fa38ccfaed6dea691f5fb614cb14b4e7f4e810aa22d6108f142b85757098e38d0f671c718"
                 "8e2aaaaaaaa5ed1",
                 "0"),
};
constexpr Fp2 kXDenominator[2] = {
    Fp2::FromHex("0",
                 "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb"
                 "9feffffffffaa63"),
    Fp2::FromHex("c",
                 "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb"
                 "9feffffffffaa9f"),
};
constexpr Fp2 kYNumerator[4] = {
    Fp2::FromHex("1530477c7ab4113b59a4c18b076d11930f7da5d4a07f649bf54439d87d27e500fc8c25ebf8c92f681"
                 "2cfc71c71c6d706",
                 "1530477c7ab4113b59a4c18b076d11930f7da5d4a07f649bf54439d87d27e500fc8c25ebf8c92f681"
                 "2cfc71c71c6d706"),
    Fp2::FromHex("0",
                 "5c759507e8e333ebb5b7a9a47d7ed8532c52d39fd3a042a88b58423c50ae15d5c2638e343d9c71c62"
                 "38aaaaaaaa97be"),
    Fp2::FromHex("11560bf17baa99bc32126fced787c88f984f87adf7ae0c7f9a208c6b4f20a4181472aaa9cb8d55552"
                 "6a9ffffffffc71c",
                 "8ab05f8bdd54cde190937e76bc3e447cc27c3d6fbd7063fcd104635a790520c0a395554e5c6aaaa93"
                 "54ffffffffe38f"),
    Fp2::FromHex("124c9ad43b6cf79bfbf7043de3811ad0761b0f37a1e26286b0e977c69aa274524e79097a56dc4bd9e"
                 "1b371c71c718b10",
                 "0"),
};
constexpr Fp2 kYDenominator[3] = {
    Fp2::FromHex("1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb"
                 "9feffffffffa8fb",
                 "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb"
                 "9feffffffffa8fb"),
    Fp2::FromHex("0",
                 "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb"
                 "9feffffffffa9d3"),
    Fp2::FromHex("12",
                 "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb"
                 "9feffffffffaa99"),
};

}  // namespace

G2 MapByIsogeny(const IsogenousPoint& point) {
  if (point.is_infinity) return G2::Infinity();
  const Fp2& x = point.x;
  const Fp2 x2 = x.Square();
  const Fp2 x3 = x2 * x;
  const Fp2 x_numerator =
      kXNumerator[0] + kXNumerator[1] * x + kXNumerator[2] * x2 + kXNumerator[3] * x3;
  const Fp2 x_denominator = kXDenominator[0] + kXDenominator[1] * x + x2;
  const Fp2 y_numerator =
      kYNumerator[0] + kYNumerator[1] * x + kYNumerator[2] * x2 + kYNumerator[3] * x3;
  const Fp2 y_denominator = kYDenominator[0] + kYDenominator[1] * x + kYDenominator[2] * x2 + x3;
  // Jacobian coordinates with z = x_denominator y_denominator: x = X / z^2, y = Y / z^3.
  const Fp2 z = x_denominator * y_denominator;
  const Fp2 z_y = z * y_denominator;
  return {x_numerator * z_y, point.y * y_numerator * z.Square() * x_denominator, z};
}

}  // namespace groat::bls
