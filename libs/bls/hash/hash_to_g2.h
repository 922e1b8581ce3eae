// Messages hashed to the subgroup G2, as by a random oracle.
//
// Suite BLS12381G2_XMD:SHA-256_SSWU_RO_. Pure; not constant time, for public messages.
// Source: RFC 9380, sections 3 and 8.8.2; the cofactor is cleared as in appendix G.3.
#ifndef GROAT_BLS_HASH_HASH_TO_G2_H_
#define GROAT_BLS_HASH_HASH_TO_G2_H_

#include <span>
#include <vector>

#include "base/bytes.h"
#include "bls/curve/curves.h"

namespace groat::bls {

// `domain_tag` as in ExpandMessageXmd. Never infinity but with a probability of about 2^-255.
//
// Deviation from the RFC: both field elements' points are added on the isogenous curve, so that the
// isogeny, a homomorphism, is computed once. The result is the same.
G2 HashToG2(ByteView message, ByteView domain_tag);
// The same for each of many messages, which is quicker than one by one.
std::vector<G2> HashManyToG2(std::span<const ByteView> messages, ByteView domain_tag);

}  // namespace groat::bls

#endif  // GROAT_BLS_HASH_HASH_TO_G2_H_
