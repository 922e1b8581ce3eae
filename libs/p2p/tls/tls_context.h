// What all TLS connections of a transport share: our key and certificate, and how others' are
// judged.
//
// TLS 1.3 alone, Ed25519 keys alone, no resumption, no early data; both sides show a self-signed
// certificate (peer_certificate.h), of which only key and validity count. By ALPN both sides say
// that they speak this protocol. One for each process: making it costs OpenSSL a millisecond.
//
// Belongs to the executor.
#ifndef GROAT_P2P_TLS_TLS_CONTEXT_H_
#define GROAT_P2P_TLS_TLS_CONTEXT_H_

#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "crypto/certificate.h"
#include "crypto/ed25519.h"
#include "crypto/openssl_handles.h"
#include "p2p/peer_id.h"

namespace groat::p2p {

using SslPtr = std::unique_ptr<SSL, OpensslDeleter<&SSL_free>>;

// Of one handshake: what is thought of the other side's key, and what came of it.
struct PeerJudge {
  std::function<bool(const PeerId&)> admits;
  PeerId peer = {};
  bool proven = false;    // It showed a sound certificate, which `peer` is from, and was admitted.
  bool rejected = false;  // It showed something else.
};

class TlsContext {
 public:
  // InvalidArgument for an empty validity.
  static absl::StatusOr<std::unique_ptr<TlsContext>> Make(const Ed25519PrivateKey& key,
                                                          CertificateValidity validity);
  // `judge` must outlive the handshake.
  SslPtr NewConnection(bool dialled, PeerJudge& judge) const;

 private:
  using ContextPtr = std::unique_ptr<SSL_CTX, OpensslDeleter<&SSL_CTX_free>>;
  explicit TlsContext(ContextPtr context) : context_(std::move(context)) {}
  const ContextPtr context_;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_TLS_TLS_CONTEXT_H_
