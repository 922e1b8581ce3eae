// Self-signed X.509 certificates that carry a peer's Ed25519 key into TLS, and back out of it.
//
// The certificate's names say nothing: who a peer is, is its key, and whether it may connect is
// decided by the authorized sets. Pure; times are given as values.
// Source: RFC 8410 (Ed25519 keys in certificates).
#ifndef GROAT_P2P_LIVE_PEER_CERTIFICATE_H_
#define GROAT_P2P_LIVE_PEER_CERTIFICATE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "crypto/certificate.h"
#include "crypto/ed25519.h"
#include "p2p/peer_id.h"

struct x509_st;  // OpenSSL's X509.

namespace groat::p2p {

// The name in every certificate, which dialled peers are asked for: gRPC's server warns of any
// other name that a client asks for.
inline constexpr char kPeerCertificateName[] = "peer.groat.invalid";

// In PEM. InvalidArgument for an empty validity.
absl::StatusOr<std::string> MakePeerCertificate(const Ed25519PrivateKey& key,
                                                CertificateValidity validity);

// The key of the first certificate of a PEM text of at most kMaxCertificateBytes. Its signature
// is not checked: TLS proves the key, and nobody vouches for it. Unauthenticated says what is
// wrong: longer, no certificate, another kind of key, expired, not yet valid.
absl::StatusOr<PeerId> ReadPeerCertificate(std::string_view pem, int64_t now_s);

// The same of a certificate that OpenSSL has read.
absl::StatusOr<PeerId> PeerOfCertificate(const x509_st& certificate, int64_t now_s);

inline constexpr size_t kMaxCertificateBytes = 8192;

}  // namespace groat::p2p

#endif  // GROAT_P2P_LIVE_PEER_CERTIFICATE_H_
