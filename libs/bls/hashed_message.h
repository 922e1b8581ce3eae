// A message that was hashed to G2 once, to be verified under several keys or sums of keys.
//
// Pure value. Hashing is about a seventh of a verification.
#ifndef GROAT_BLS_HASHED_MESSAGE_H_
#define GROAT_BLS_HASHED_MESSAGE_H_

#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "bls/curve/curves.h"
#include "bls/public_key.h"
#include "bls/signature.h"

namespace groat::bls {

class HashedMessage {
 public:
  // Domain tags other than that of signatures are for the protocols of this library alone.
  explicit HashedMessage(ByteView message, std::string_view domain_tag = kSignatureTag);

  const G2Affine& point() const { return point_; }

 private:
  friend std::vector<HashedMessage> HashMany(std::span<const ByteView> messages);
  explicit HashedMessage(const G2Affine& point) : point_(point) {}

  G2Affine point_;
};

// Each of the messages with the tag of signatures; quicker than one by one.
std::vector<HashedMessage> HashMany(std::span<const ByteView> messages);

// As Verify and FastAggregateVerify; two Miller loops and one final exponentiation.
bool Verify(const PublicKey& key, const HashedMessage& message, const Signature& signature);
bool FastAggregateVerify(const PublicKeySum& keys, const HashedMessage& message,
                         const Signature& signature);

}  // namespace groat::bls

#endif  // GROAT_BLS_HASHED_MESSAGE_H_
