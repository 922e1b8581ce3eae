// A secret number from 1 to r - 1: what secret keys and blinding factors are made of.
//
// Cannot be copied and is zeroised on destruction; no operation on it branches or indexes by its
// bits. Pure but for Generate.
#ifndef GROAT_BLS_SECRET_SCALAR_H_
#define GROAT_BLS_SECRET_SCALAR_H_

#include <span>

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "bls/curve/g1.h"
#include "bls/curve/g2.h"
#include "bls/field/fr.h"

namespace groat::bls {

class SecretScalar {
 public:
  static constexpr size_t kSize = 32;
  // Uniform bytes that are reduced to a number; the result is uniform but for 2^-128.
  static constexpr size_t kUniformBytes = 48;

  // From kUniformBytes bytes, big-endian, reduced. InvalidArgument if that is zero, with a
  // probability of 2^-255.
  static absl::StatusOr<SecretScalar> FromUniformBytes(ByteView bytes);
  // From 32 bytes, big-endian. InvalidArgument names `what` unless the number is from 1 to r - 1;
  // only this verdict leaks.
  static absl::StatusOr<SecretScalar> Decode(ByteView bytes, std::string_view what);
  // From the operating system's random source.
  static SecretScalar Generate();

  ~SecretScalar() { Clear(); }
  SecretScalar(SecretScalar&& other) noexcept : scalar_(other.scalar_) { other.Clear(); }
  SecretScalar& operator=(SecretScalar&& other) noexcept;
  SecretScalar(const SecretScalar&) = delete;
  SecretScalar& operator=(const SecretScalar&) = delete;

  // 32 bytes, big-endian. The caller zeroises them.
  void EncodeTo(std::span<uint8_t, kSize> out) const;
  // 1 / scalar.
  SecretScalar Inverse() const;

  // In constant time, up to the affine coordinates of the result, which is public.
  G1Affine MultiplyG1Generator() const;
  G2Affine Multiply(const G2Affine& point) const;

 private:
  explicit SecretScalar(const Fr& scalar) : scalar_(scalar) {}
  void Clear();
  // Stops the process if the scalar was moved from.
  void CheckUsable() const;
  Fr scalar_;  // Zero once moved from.
};

}  // namespace groat::bls

#endif  // GROAT_BLS_SECRET_SCALAR_H_
