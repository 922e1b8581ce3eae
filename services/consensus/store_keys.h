// Keys of a replica's store; block_store.h has the table of them.
//
// Pure.
#ifndef GROAT_SERVICES_CONSENSUS_STORE_KEYS_H_
#define GROAT_SERVICES_CONSENSUS_STORE_KEYS_H_

#include "hotstuff/ids.h"

namespace groat::consensus_service {

inline Bytes KeyOf(char kind) { return Bytes{static_cast<uint8_t>(kind)}; }
inline Bytes KeyOf(char kind, uint64_t number) {
  return ByteWriter().U8(static_cast<uint8_t>(kind)).U64(number).Take();
}
inline Bytes KeyOf(char kind, uint64_t number, uint32_t part) {
  return ByteWriter().U8(static_cast<uint8_t>(kind)).U64(number).U32(part).Take();
}
inline Bytes KeyOf(hotstuff::Height height, const hotstuff::BlockId& id) {
  return ByteWriter().U8('b').U64(height.value()).Raw(id).Take();
}
// Above every key of the kind.
inline Bytes EndOf(char kind) { return Bytes{static_cast<uint8_t>(kind + 1)}; }

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_STORE_KEYS_H_
