// Many signatures as one of 96 bytes.
//
// Sound only for keys whose proofs of possession were verified (bls/proof_of_possession.h). Pure.
// Source: draft-irtf-cfrg-bls-signature, sections 2.8, 2.9 and 3.3.4.
#ifndef GROAT_BLS_AGGREGATE_H_
#define GROAT_BLS_AGGREGATE_H_

#include <span>

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "bls/public_key.h"
#include "bls/signature.h"

namespace groat::bls {

// The sum. InvalidArgument without signatures. Infinity is added like any other point.
absl::StatusOr<Signature> Aggregate(std::span<const Signature> signatures);

// Whether all keys signed the one message. False without keys and if the keys' sum is infinity.
bool FastAggregateVerify(std::span<const PublicKey> keys, ByteView message,
                         const Signature& signature);
// The same where the keys are already added up.
bool FastAggregateVerify(const PublicKeySum& keys, ByteView message, const Signature& signature);

// Whether each key signed the message at its place; messages may repeat. False without keys and if
// there are not as many messages. One Miller loop a key, one final exponentiation in all.
bool AggregateVerify(std::span<const PublicKey> keys, std::span<const ByteView> messages,
                     const Signature& signature);

}  // namespace groat::bls

#endif  // GROAT_BLS_AGGREGATE_H_
