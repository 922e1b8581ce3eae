// Secret keys: numbers from 1 to r - 1.
//
// A secret key cannot be copied and is zeroised on destruction; no operation on it branches or
// indexes by its bits. Pure but for Generate.
// Source: draft-irtf-cfrg-bls-signature, sections 2.3 (KeyGen) and 2.4 (SkToPk).
#ifndef GROAT_BLS_SECRET_KEY_H_
#define GROAT_BLS_SECRET_KEY_H_

#include <span>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "bls/curve/g2.h"
#include "bls/public_key.h"
#include "bls/secret_scalar.h"

namespace groat::bls {

class SecretKey {
 public:
  static constexpr size_t kSize = 32;
  static constexpr size_t kMinKeyMaterialBytes = 32;

  // KeyGen of the current draft with the salt H("BLS-SIG-KEYGEN-SALT-"), which is the KeyGen of the
  // drafts 3 and 4 and of EIP-2333 as well. `key_material` is secret and uniform, at least
  // kMinKeyMaterialBytes, else InvalidArgument; `key_info` may be empty.
  static absl::StatusOr<SecretKey> KeyGen(ByteView key_material, ByteView key_info = {});
  // KeyGen from the operating system's random source.
  static SecretKey Generate();
  // From 32 bytes, big-endian. InvalidArgument unless the number is from 1 to r - 1; only this
  // verdict leaks.
  static absl::StatusOr<SecretKey> Decode(ByteView bytes);

  // One multiplication in G1, about as long as half a signature; keep the result.
  PublicKey public_key() const;
  // 32 bytes, big-endian. The caller zeroises them.
  void EncodeTo(std::span<uint8_t, kSize> out) const { scalar_.EncodeTo(out); }

  // [secret key] point. For the protocols of this library alone: a key that multiplies points of a
  // stranger's choice signs whatever they want.
  G2Affine Multiply(const G2Affine& point) const { return scalar_.Multiply(point); }

 private:
  explicit SecretKey(SecretScalar scalar) : scalar_(std::move(scalar)) {}
  SecretScalar scalar_;
};

}  // namespace groat::bls

#endif  // GROAT_BLS_SECRET_KEY_H_
