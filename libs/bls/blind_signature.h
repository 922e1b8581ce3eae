// Blind signatures: a signer signs a message that it does not see and cannot recognise later.
//
//   user:   blinded   = [r] hash(message)              r a fresh random number from 1 to r - 1
//   signer: signature = [key] blinded
//   user:   unblinded = [1/r] signature = [key] hash(message), an ordinary signature
//
// Blindness is unconditional: hash(message) is a generator of G2 (infinity but with negligible
// probability) and r is uniform, so `blinded` is a uniform element whatever the message.
//
// Limits. The signer cannot know what it signs: a key that signs blindly must sign nothing else,
// and what its signature is worth must lie in the key (one key a denomination). Each use is one
// multiplication of a stranger's point by the key, which makes the signer a static Diffie-Hellman
// oracle; after q queries a discrete logarithm costs about sqrt(r / q) (Brown and Gallant, Cheon),
// so keys are to be replaced long before 2^40 uses. Only one signature comes out of each query
// under the one-more (chosen-target) co-CDH assumption, which the proof of this scheme needs beyond
// that of plain BLS. Keys that sign blindly must not be in aggregates, and a proof of possession
// must never be blindly signed: since the signer cannot tell, such a key must not be registered in
// any directory that asks for proofs. Source: Boldyreva, "Threshold signatures, multisignatures and
// blind signatures based on the gap-Diffie-Hellman-group signature scheme" (PKC 2003), section 5.
//
// Pure but for BlindingFactor::Generate. The blinding factor is treated like a secret key.
#ifndef GROAT_BLS_BLIND_SIGNATURE_H_
#define GROAT_BLS_BLIND_SIGNATURE_H_

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "bls/public_key.h"
#include "bls/secret_key.h"
#include "bls/secret_scalar.h"
#include "bls/signature.h"

namespace groat::bls {

// A number from 1 to r - 1, for one message; used twice, the two can be linked.
class BlindingFactor {
 public:
  static constexpr size_t kSize = 32;

  // Uniform, from the operating system's random source.
  static BlindingFactor Generate();
  // From 32 bytes, big-endian; InvalidArgument unless the number is from 1 to r - 1.
  static absl::StatusOr<BlindingFactor> Decode(ByteView bytes);
  // 32 bytes, for a wallet that must survive a restart between its two steps. The caller zeroises
  // them.
  void EncodeTo(std::span<uint8_t, kSize> out) const { scalar_.EncodeTo(out); }

 private:
  friend class BlindedMessage;
  friend absl::StatusOr<Signature> Unblind(const class BlindSignature&, const BlindingFactor&,
                                           const PublicKey&, ByteView);
  explicit BlindingFactor(SecretScalar scalar) : scalar_(std::move(scalar)) {}
  SecretScalar scalar_;
};

// What the user sends: a point of G2's subgroup, not infinity.
class BlindedMessage {
 public:
  static constexpr size_t kSize = 96;

  static BlindedMessage Blind(ByteView message, const BlindingFactor& factor);
  // InvalidArgument for infinity and for whatever Signature::Decode refuses: multiplying a point
  // out of the subgroup would give away the key modulo small primes.
  static absl::StatusOr<BlindedMessage> Decode(ByteView bytes);
  FixedBytes<kSize> Encode() const;
  const G2Affine& point() const { return point_; }

 private:
  explicit BlindedMessage(const G2Affine& point) : point_(point) {}
  G2Affine point_;
};

// What the signer answers: a point of G2's subgroup.
class BlindSignature {
 public:
  static constexpr size_t kSize = 96;

  // [key] message, in constant time.
  static BlindSignature Sign(const SecretKey& key, const BlindedMessage& message);
  static absl::StatusOr<BlindSignature> Decode(ByteView bytes);
  FixedBytes<kSize> Encode() const { return signature_.Encode(); }
  const G2Affine& point() const { return signature_.point(); }

 private:
  explicit BlindSignature(const Signature& signature) : signature_(signature) {}
  Signature signature_;
};

// The signature of `key` over `message`, for bls/signature.h's Verify. InvalidArgument if the
// signer's answer was wrong: the result is verified before it is returned.
absl::StatusOr<Signature> Unblind(const BlindSignature& answer, const BlindingFactor& factor,
                                  const PublicKey& key, ByteView message);

}  // namespace groat::bls

#endif  // GROAT_BLS_BLIND_SIGNATURE_H_
