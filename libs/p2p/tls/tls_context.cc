#include "p2p/tls/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <chrono>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/status_macros.h"
#include "crypto/key_file.h"
#include "p2p/live/peer_certificate.h"

namespace groat::p2p {
namespace {

// As ALPN has it (RFC 7301): a length, then the name.
constexpr unsigned char kProtocol[] = "\x0cgroat-mesh/1";
constexpr unsigned kProtocolBytes = sizeof(kProtocol) - 1;
// What one read of the socket may take: some records at once.
constexpr size_t kReadAheadBytes = size_t{64} << 10;

int64_t NowSeconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// In place of OpenSSL's check of chains: nobody vouches for anybody. That the key is theirs is
// proven by the handshake itself (RFC 8446, section 4.4.3).
int VerifyPeer(X509_STORE_CTX* chain, void*) {
  const auto* ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto& judge = *static_cast<PeerJudge*>(SSL_get_app_data(ssl));
  const X509* certificate = X509_STORE_CTX_get0_cert(chain);
  if (certificate != nullptr) {
    const absl::StatusOr<PeerId> peer = PeerOfCertificate(*certificate, NowSeconds());
    if (peer.ok() && judge.admits(*peer)) {
      judge.peer = *peer;
      judge.proven = true;
      return 1;
    }
  }
  judge.rejected = true;
  X509_STORE_CTX_set_error(chain, X509_V_ERR_CERT_REJECTED);
  return 0;
}

// Whoever does not offer our protocol is refused.
int SelectProtocol(SSL*, const unsigned char** chosen, unsigned char* chosen_bytes,
                   const unsigned char* offered, unsigned offered_bytes, void*) {
  for (unsigned at = 0; at < offered_bytes; at += 1U + offered[at]) {
    if (offered_bytes - at >= kProtocolBytes &&
        std::memcmp(offered + at, kProtocol, kProtocolBytes) == 0) {
      *chosen = offered + at + 1;
      *chosen_bytes = offered[at];
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TlsContext>> TlsContext::Make(const Ed25519PrivateKey& key,
                                                             CertificateValidity validity) {
  GROAT_ASSIGN_OR_RETURN(const std::string certificate_pem, MakePeerCertificate(key, validity));
  const SecretText key_pem(key.ToPem());
  const BioPtr key_text(
      BIO_new_mem_buf(key_pem.view().data(), static_cast<int>(key_pem.view().size())));
  const BioPtr certificate_text(
      BIO_new_mem_buf(certificate_pem.data(), static_cast<int>(certificate_pem.size())));
  const PkeyPtr private_key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
  const X509Ptr certificate(PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr));
  ContextPtr made(SSL_CTX_new(TLS_method()));
  SSL_CTX* context = made.get();
  GROAT_CHECK(context != nullptr && SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
              SSL_CTX_use_certificate(context, certificate.get()) == 1 &&
              SSL_CTX_use_PrivateKey(context, private_key.get()) == 1 &&
              SSL_CTX_set1_sigalgs_list(context, "ed25519") == 1 &&
              SSL_CTX_set1_groups_list(context, "X25519") == 1 &&
              SSL_CTX_set_alpn_protos(context, kProtocol, kProtocolBytes) == 0);
  SSL_CTX_set_alpn_select_cb(context, SelectProtocol, nullptr);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(context, VerifyPeer, nullptr);
  SSL_CTX_set_max_cert_list(context, kMaxCertificateBytes);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
  // Buffers go back while a connection is idle.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kReadAheadBytes);
  ERR_clear_error();
  return std::unique_ptr<TlsContext>(new TlsContext(std::move(made)));
}

SslPtr TlsContext::NewConnection(bool dialled, PeerJudge& judge) const {
  SslPtr ssl(SSL_new(context_.get()));
  GROAT_CHECK(ssl != nullptr);
  SSL_set_app_data(ssl.get(), &judge);
  if (dialled) {
    SSL_set_connect_state(ssl.get());
  } else {
    SSL_set_accept_state(ssl.get());
  }
  return ssl;
}

}  // namespace groat::p2p
