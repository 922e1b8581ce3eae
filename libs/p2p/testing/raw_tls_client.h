// A TLS client that does what no peer of ours would: no certificate, another key, an old version,
// silence, bytes of another protocol.
//
// Blocking, with limits of ten seconds. Not thread-safe. Tests only.
#ifndef GROAT_P2P_TESTING_RAW_TLS_CLIENT_H_
#define GROAT_P2P_TESTING_RAW_TLS_CLIENT_H_

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "crypto/openssl_handles.h"

namespace groat::p2p::testing {

struct RawTlsOptions {
  // In PEM, the certificate's own first, and its private key. Empty: none is shown.
  std::string certificates_pem = {};
  std::string key_pem = {};
  int max_version = TLS1_3_VERSION;
  std::string protocol = "h2";  // Offered by ALPN; empty: none.
};

class RawTlsClient {
 public:
  // Connects to "127.0.0.1:port" and does nothing more.
  RawTlsClient(const std::string& address, const RawTlsOptions& options);
  ~RawTlsClient();
  RawTlsClient(const RawTlsClient&) = delete;
  RawTlsClient& operator=(const RawTlsClient&) = delete;

  // Whether it ends well for a client, who cannot know yet what the server thinks of him.
  bool Handshake();
  // "TLSv1.3"
  std::string version() const { return SSL_get_version(ssl_.get()); }
  // Under TLS, after the handshake.
  bool Write(std::string_view bytes);
  // Past TLS, at any time.
  bool WriteToSocket(std::string_view bytes);
  // Whether the server ends the connection before it is silent for ten seconds.
  bool WaitForEnd();

 private:
  const int socket_;
  std::unique_ptr<SSL_CTX, OpensslDeleter<&SSL_CTX_free>> context_;
  std::unique_ptr<SSL, OpensslDeleter<&SSL_free>> ssl_;
};

}  // namespace groat::p2p::testing

#endif  // GROAT_P2P_TESTING_RAW_TLS_CLIENT_H_
