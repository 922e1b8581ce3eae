// Who a peer is: its Ed25519 public key, which its TLS certificate proves.
//
// Pure values.
#ifndef GROAT_P2P_PEER_ID_H_
#define GROAT_P2P_PEER_ID_H_

#include <string>

#include "crypto/ed25519.h"

namespace groat::p2p {

using PeerId = Ed25519PublicKey;  // 32 bytes.

// The first 8 hexadecimal digits: enough for people to tell peers apart in log lines.
inline std::string ShortName(const PeerId& peer) { return peer.Hex().substr(0, 8); }

}  // namespace groat::p2p

#endif  // GROAT_P2P_PEER_ID_H_
