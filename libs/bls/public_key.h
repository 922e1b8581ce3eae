// Public keys, and sums of them.
//
// Pure values. A PublicKey is always valid: on the curve, in the subgroup of order r, and not
// infinity. A key is safe in aggregates only once its owner has proven possession of the secret key
// (bls/proof_of_possession.h): the type does not say so, a directory of keys does
// (bls/key_directory.h).
// Source: draft-irtf-cfrg-bls-signature, sections 2.5 (KeyValidate) and 2.8 (Aggregate).
#ifndef GROAT_BLS_PUBLIC_KEY_H_
#define GROAT_BLS_PUBLIC_KEY_H_

#include <ostream>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "bls/curve/curves.h"

namespace groat::bls {

class PublicKey {
 public:
  static constexpr size_t kSize = 48;

  // From the compressed encoding (ZCash format). InvalidArgument for another size, an encoding that
  // is not canonical, a point off the curve or out of the subgroup, and for infinity.
  static absl::StatusOr<PublicKey> Decode(ByteView bytes);
  // From a point that the caller has checked to be in the subgroup. InvalidArgument for infinity.
  static absl::StatusOr<PublicKey> FromCheckedPoint(const G1Affine& point);

  // 48 bytes, compressed.
  FixedBytes<kSize> Encode() const;
  const G1Affine& point() const { return point_; }

  friend bool operator==(const PublicKey& a, const PublicKey& b) { return a.point_ == b.point_; }
  friend std::ostream& operator<<(std::ostream& out, const PublicKey& key) {
    return out << key.Encode();
  }

 private:
  explicit PublicKey(const G1Affine& point) : point_(point) {}
  G1Affine point_;
};

// The sum of any number of points of G1. Infinity, which the empty sum is, is allowed here: keys
// can cancel each other. Verification under a sum that is infinity is refused.
class PublicKeySum {
 public:
  PublicKeySum() = default;
  explicit PublicKeySum(const G1& point) : point_(point) {}
  explicit PublicKeySum(std::span<const PublicKey> keys);

  // As PublicKey::Decode, but infinity is a point like any other.
  static absl::StatusOr<PublicKeySum> Decode(ByteView bytes);
  FixedBytes<PublicKey::kSize> Encode() const;

  void Add(const PublicKey& key);
  void Add(const PublicKeySum& sum);
  void Subtract(const PublicKey& key);

  // InvalidArgument if the sum is infinity.
  absl::StatusOr<PublicKey> ToPublicKey() const;
  const G1& point() const { return point_; }

 private:
  G1 point_;  // Infinity.
};

}  // namespace groat::bls

#endif  // GROAT_BLS_PUBLIC_KEY_H_
