// BLS signatures: keys in G1, signatures in G2, so a signature is 96 bytes and a key 48.
//
// Suite BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_ (minimal public key size, proof of possession).
// Pure. Signing takes the same time for every key; verifying is for public values.
// Source: draft-irtf-cfrg-bls-signature, sections 2.6 (CoreSign), 2.7 (CoreVerify), 4.2.3.
#ifndef GROAT_BLS_SIGNATURE_H_
#define GROAT_BLS_SIGNATURE_H_

#include <ostream>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "bls/curve/curves.h"
#include "bls/public_key.h"
#include "bls/secret_key.h"

namespace groat::bls {

// The domain tag of the suite's signatures. Within it, each use of the platform begins its messages
// with a prefix of its own, so that no signature means two things.
inline constexpr std::string_view kSignatureTag = "BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

// A point of the subgroup of G2; infinity is one, which verifies for no key.
class Signature {
 public:
  static constexpr size_t kSize = 96;

  // From the compressed encoding (ZCash format). InvalidArgument for another size, an encoding that
  // is not canonical, a point off the curve or out of the subgroup.
  static absl::StatusOr<Signature> Decode(ByteView bytes);
  // From a point that the caller has checked to be in the subgroup.
  static Signature FromCheckedPoint(const G2Affine& point) { return Signature(point); }

  // 96 bytes, compressed.
  FixedBytes<kSize> Encode() const;
  const G2Affine& point() const { return point_; }

  friend bool operator==(const Signature& a, const Signature& b) { return a.point_ == b.point_; }
  friend std::ostream& operator<<(std::ostream& out, const Signature& signature) {
    return out << signature.Encode();
  }

 private:
  explicit Signature(const G2Affine& point) : point_(point) {}
  G2Affine point_;
};

// [key] hash(message); the message may have any length.
Signature Sign(const SecretKey& key, ByteView message);

// Whether the key's owner signed the message: e(key, hash(message)) = e(g1, signature).
bool Verify(const PublicKey& key, ByteView message, const Signature& signature);

}  // namespace groat::bls

#endif  // GROAT_BLS_SIGNATURE_H_
