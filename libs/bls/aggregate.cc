#include "bls/aggregate.h"

#include <vector>

#include "bls/hashed_message.h"
#include "bls/pairing/pairing.h"

namespace groat::bls {

absl::StatusOr<Signature> Aggregate(std::span<const Signature> signatures) {
  if (signatures.empty()) return absl::InvalidArgumentError("no signatures to aggregate");
  G2 sum;
  for (const Signature& signature : signatures) sum += signature.point();
  return Signature::FromCheckedPoint(sum.ToAffineVariableTime());
}

bool FastAggregateVerify(std::span<const PublicKey> keys, ByteView message,
                         const Signature& signature) {
  return !keys.empty() && FastAggregateVerify(PublicKeySum(keys), message, signature);
}

bool FastAggregateVerify(const PublicKeySum& keys, ByteView message, const Signature& signature) {
  return FastAggregateVerify(keys, HashedMessage(message), signature);
}

bool AggregateVerify(std::span<const PublicKey> keys, std::span<const ByteView> messages,
                     const Signature& signature) {
  if (keys.empty() || keys.size() != messages.size()) return false;
  std::vector<PairingInput> pairs;
  pairs.reserve(keys.size() + 1);
  pairs.push_back({-G1Affine::Generator(), signature.point()});
  const std::vector<HashedMessage> hashed = HashMany(messages);
  for (size_t i = 0; i < keys.size(); ++i) pairs.push_back({keys[i].point(), hashed[i].point()});
  return PairingsAreOne(pairs);
}

}  // namespace groat::bls
