// Signed, timestamped address records: where a peer can be dialled, in its own words.
//
//   record      peer 32 ‖ timestamp_ms u64 ‖ address length u8 ‖ address ‖ signature 64
//   signed      "groat peer record v1\n" ‖ namespace hash 32 ‖ peer 32 ‖ timestamp_ms u64 ‖ address
//
// The namespace hash keeps a record from being shown in another network; the timestamp lets a
// newer address win over an older one, and only that: it is the signer's clock.
//
// Thread-safe; pure but for a bounded memory of signatures that were found good.
#ifndef GROAT_P2P_PEER_RECORD_H_
#define GROAT_P2P_PEER_RECORD_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "crypto/blake3.h"
#include "crypto/ed25519.h"
#include "p2p/peer_id.h"

namespace groat::p2p {

inline constexpr size_t kMaxAddressBytes = 255;
inline constexpr size_t kMaxRecordBytes = 32 + 8 + 1 + kMaxAddressBytes + 64;

// H("groat 2026 mesh namespace v1", name): 32 bytes that stand for a network's name.
Hash NamespaceHash(std::string_view namespace_name);

// "host:port" with a host of letters, digits, '.', '-', or an IPv6 address in brackets, and a port
// of 1 to 65535 (0 as well with `allow_port_0`) without leading zeros. InvalidArgument names the
// address.
absl::Status CheckAddress(std::string_view address, bool allow_port_0 = false);

struct PeerRecord {
  PeerId peer;
  uint64_t timestamp_ms = 0;
  std::string address;
  Ed25519Signature signature;

  Bytes Encode() const;
  // InvalidArgument for any other form or a bad address. The signature is not checked.
  static absl::StatusOr<PeerRecord> Decode(ByteView bytes);
};

// `address` must pass CheckAddress.
PeerRecord SignPeerRecord(const Ed25519PrivateKey& key, const Hash& namespace_hash,
                          uint64_t timestamp_ms, std::string address);

// Whether the record's peer signed it for this namespace. A record that was found good before is
// not verified again.
bool VerifyPeerRecord(const PeerRecord& record, const Hash& namespace_hash);

}  // namespace groat::p2p

#endif  // GROAT_P2P_PEER_RECORD_H_
