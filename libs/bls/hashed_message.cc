#include "bls/hashed_message.h"

#include "bls/hash/hash_to_g2.h"
#include "bls/pairing/pairing.h"

namespace groat::bls {

HashedMessage::HashedMessage(ByteView message, std::string_view domain_tag)
    : point_(HashToG2(message, AsBytes(domain_tag)).ToAffineVariableTime()) {}

std::vector<HashedMessage> HashMany(std::span<const ByteView> messages) {
  const std::vector<G2> points = HashManyToG2(messages, AsBytes(kSignatureTag));
  std::vector<G2Affine> affine(points.size());
  G2::BatchToAffine(points, affine);
  std::vector<HashedMessage> out;
  out.reserve(affine.size());
  for (const G2Affine& point : affine) out.push_back(HashedMessage(point));
  return out;
}

bool Verify(const PublicKey& key, const HashedMessage& message, const Signature& signature) {
  const PairingInput pairs[] = {{key.point(), message.point()},
                                {-G1Affine::Generator(), signature.point()}};
  return PairingsAreOne(pairs);
}

bool FastAggregateVerify(const PublicKeySum& keys, const HashedMessage& message,
                         const Signature& signature) {
  const absl::StatusOr<PublicKey> key = keys.ToPublicKey();
  return key.ok() && Verify(*key, message, signature);
}

}  // namespace groat::bls
