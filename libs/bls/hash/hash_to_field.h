// Two elements of Fp2 from a message, each uniform but for 2^-128.
//
// Pure; for public messages. Source: RFC 9380, section 5.2, with expand_message_xmd SHA-256, L
// = 64.
#ifndef GROAT_BLS_HASH_HASH_TO_FIELD_H_
#define GROAT_BLS_HASH_HASH_TO_FIELD_H_

#include <array>

#include "base/bytes.h"
#include "bls/field/fp2.h"

namespace groat::bls {

// `domain_tag` as in ExpandMessageXmd.
std::array<Fp2, 2> HashToFp2(ByteView message, ByteView domain_tag);

}  // namespace groat::bls

#endif  // GROAT_BLS_HASH_HASH_TO_FIELD_H_
