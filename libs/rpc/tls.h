// Transport credentials: mutual TLS by default, plaintext only when asked for by name.
//
// Certificates are checked against one CA file on both sides. Their keys may be of any kind that
// TLS knows; the platform's own are ECDSA on P-256. A client also checks that the server's
// certificate names the host it called (DNS or IP subject alternative name). Files are read again
// while the process runs, so renewed certificates are used for new connections.
//
// Thread-safe. Reads files; the credentials keep a thread that watches them.
#ifndef GROAT_RPC_TLS_H_
#define GROAT_RPC_TLS_H_

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_context.h>

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/bytes.h"

namespace groat::rpc {

struct TlsConfig {
  std::string ca_file = {};           // PEM, one or more CA certificates.
  std::string certificate_file = {};  // PEM, our own certificate first, then intermediates.
  std::string key_file = {};  // PEM, PKCS #8, readable by its owner alone (mode 0600 or less).
  bool insecure = false;      // Plaintext: the files are not looked at.
  // How often the files are looked at for renewed ones. At least 1 s.
  std::chrono::seconds refresh_interval{60};
};

// Checks that every file is there, readable and parses, that the key belongs to the certificate
// and is private to its owner, and that the certificate is valid now and signed by the CA. Errors
// name the file: NotFound, PermissionDenied, InvalidArgument, FailedPrecondition (expired, not yet
// valid or signed by another CA). OK if `insecure`.
absl::Status CheckTlsFiles(const TlsConfig& config);

// For a server that requires a certificate of every client. Errors as CheckTlsFiles.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const TlsConfig& config);

// For a client that shows its certificate. Errors as CheckTlsFiles.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(
    const TlsConfig& config);

// Who is at the other end of a call, from the certificate that the handshake verified.
struct Peer {
  std::string common_name;  // UTF-8, empty if the certificate has none.
  // SHA-256 of the SubjectPublicKeyInfo in DER, so that a key of any kind has it.
  Bytes32 public_key_sha256;
};

// Unauthenticated if the connection is plaintext.
// Costs about a microsecond for a certificate seen before on this thread, else the parsing of one.
absl::StatusOr<Peer> PeerIdentity(const grpc::ServerContextBase& context);

}  // namespace groat::rpc

#endif  // GROAT_RPC_TLS_H_
