// TLS 1.3 on TCP sockets as the mesh's transport: one thread that waits for all of them.
//
// Both sides show a self-signed Ed25519 certificate (live/peer_certificate.h). A dialler insists on
// the key that it expects, a listener asks its Admission, both during the handshake. Handshakes of
// strangers are bounded in number and rate (live/handshake_limit.h). Addresses with names are
// resolved by a second thread.
//
// Bytes and bounds of a connection: tls_connection.h. Threads and life: live/live_transport.h.
#ifndef GROAT_P2P_TLS_TLS_TRANSPORT_H_
#define GROAT_P2P_TLS_TLS_TRANSPORT_H_

#include <memory>

#include "absl/status/statusor.h"
#include "crypto/ed25519.h"
#include "p2p/live/live_transport.h"

namespace groat::p2p {

// InvalidArgument for a bad validity or number of threads.
absl::StatusOr<std::unique_ptr<LiveTransport>> MakeTlsTransport(const LiveTransportOptions& options,
                                                                const Ed25519PrivateKey& key);

}  // namespace groat::p2p

#endif  // GROAT_P2P_TLS_TLS_TRANSPORT_H_
