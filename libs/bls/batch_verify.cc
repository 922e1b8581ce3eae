#include "bls/batch_verify.h"

#include <vector>

#include "bls/curve/g1.h"
#include "bls/curve/g2.h"
#include "bls/hashed_message.h"
#include "bls/pairing/pairing.h"
#include "crypto/random.h"

namespace groat::bls {
namespace {

Limbs<2> ToLimbs(const BatchFactor& factor) { return LoadBigEndianLimbs<2>(factor.data()); }

}  // namespace

bool BatchVerify(std::span<const SignedMessage> items, std::span<const BatchFactor> factors) {
  if (items.empty() || factors.size() != items.size()) return false;
  std::vector<G2Affine> signatures;
  std::vector<Limbs<2>> limbs;
  std::vector<G1> keys;
  std::vector<ByteView> texts;
  signatures.reserve(items.size());
  limbs.reserve(items.size());
  keys.reserve(items.size());
  texts.reserve(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    if (factors[i].IsZero()) return false;
    limbs.push_back(ToLimbs(factors[i]));
    signatures.push_back(items[i].signature.point());
    texts.push_back(items[i].message);
    keys.push_back(MultiScalarMultiply({&items[i].key.point(), 1}, {&limbs[i], 1}));
  }
  std::vector<G1Affine> affine_keys(keys.size());
  G1::BatchToAffine(keys, affine_keys);
  // e(g1, sum of c_i signature_i) = product of e(c_i key_i, hash(message_i)).
  std::vector<PairingInput> pairs;
  pairs.reserve(items.size() + 1);
  pairs.push_back(
      {-G1Affine::Generator(), MultiScalarMultiply(signatures, limbs).ToAffineVariableTime()});
  const std::vector<HashedMessage> messages = HashMany(texts);
  for (size_t i = 0; i < items.size(); ++i) {
    pairs.push_back({affine_keys[i], messages[i].point()});
  }
  return PairingsAreOne(pairs);
}

bool BatchVerify(std::span<const SignedMessage> items) {
  std::vector<BatchFactor> factors(items.size());
  for (BatchFactor& factor : factors) {
    do {
      factor = RandomBytes<16>();
    } while (factor.IsZero());
  }
  return BatchVerify(items, factors);
}

}  // namespace groat::bls
