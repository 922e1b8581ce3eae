// expand_message_xmd with SHA-256: uniform bytes from a message, separated by a domain tag.
//
// Source: RFC 9380, section 5.3.1 and, for long tags, 5.3.3. Pure; for public messages.
#ifndef GROAT_BLS_HASH_EXPAND_MESSAGE_H_
#define GROAT_BLS_HASH_EXPAND_MESSAGE_H_

#include <span>

#include "base/bytes.h"

namespace groat::bls {

inline constexpr size_t kMaxExpandedBytes = 255 * 32;

// Fills `out`, of at most kMaxExpandedBytes. A tag above 255 bytes is hashed first, as the RFC
// says; an empty tag, which the RFC forbids, and a longer output stop the process: both are
// constants of the program, never input.
void ExpandMessageXmd(ByteView message, ByteView domain_tag, std::span<uint8_t> out);

}  // namespace groat::bls

#endif  // GROAT_BLS_HASH_EXPAND_MESSAGE_H_
