// Verification of independent signatures together, about twice as fast as one by one.
//
// Each signature is multiplied by a random factor of 128 bits that whoever made the signatures
// could not foresee; a batch with a wrong signature passes with probability 2^-128 (without the
// factors, errors in two signatures could cancel out). Nobody learns which one is wrong. Source:
// draft-irtf-cfrg-bls-signature, section 5.1 refers to it; Camenisch, Hohenberger, Pedersen, "Batch
// verification of short signatures" (EUROCRYPT 2007), small exponents test.
#ifndef GROAT_BLS_BATCH_VERIFY_H_
#define GROAT_BLS_BATCH_VERIFY_H_

#include <span>

#include "base/bytes.h"
#include "bls/public_key.h"
#include "bls/signature.h"

namespace groat::bls {

struct SignedMessage {
  PublicKey key;
  ByteView message;
  Signature signature;
};

// A random number that is not zero.
using BatchFactor = FixedBytes<16>;

// Whether all signatures are right. False for an empty batch. Pure: `factors`, as many as there are
// items, come from a source that nobody can foresee; false if a factor is zero or one is missing.
bool BatchVerify(std::span<const SignedMessage> items, std::span<const BatchFactor> factors);

// The same with factors from the operating system's random source; so not pure.
bool BatchVerify(std::span<const SignedMessage> items);

}  // namespace groat::bls

#endif  // GROAT_BLS_BATCH_VERIFY_H_
