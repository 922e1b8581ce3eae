#include "rpc/tls.h"

#include <fcntl.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "base/status_macros.h"
#include "crypto/certificate.h"
#include "crypto/openssl_handles.h"
#include "crypto/sha256.h"

namespace groat::rpc {
namespace {

using grpc::experimental::FileWatcherCertificateProvider;
using StorePtr = std::unique_ptr<X509_STORE, OpensslDeleter<&X509_STORE_free>>;
using StoreContextPtr = std::unique_ptr<X509_STORE_CTX, OpensslDeleter<&X509_STORE_CTX_free>>;

constexpr off_t kMaxFileBytes = 1024 * 1024;

// Debian's Abseil looks for cycles among its locks, at every lock and unlock inside gRPC: a tenth
// of the time of a call. Our own locks are not Abseil's, so it would find nothing of ours.
[[maybe_unused]] const bool kLocksAreNotWatched = [] {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  return true;
}();

// The first queued error of OpenSSL; empties the queue.
std::string OpensslError() {
  char text[256] = "unknown error";
  if (const unsigned long code = ERR_get_error(); code != 0) {
    ERR_error_string_n(code, text, sizeof text);
  }
  ERR_clear_error();
  return text;
}

absl::Status FileError(const char* what, const std::string& path, int error) {
  const std::string message = absl::StrCat(what, " ", path, ": ", std::strerror(error));
  if (error == ENOENT) return absl::NotFoundError(message);
  if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(message);
  return absl::FailedPreconditionError(message);
}

// `what` names the setting. With `secret`, refuses a file that others than its owner may use.
absl::StatusOr<std::string> ReadFile(const char* what, const std::string& path, bool secret) {
  if (path.empty()) return absl::InvalidArgumentError(absl::StrCat(what, " is not set"));
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return FileError(what, path, errno);
  const auto close_file = absl::MakeCleanup([fd] { close(fd); });
  struct stat info;
  if (fstat(fd, &info) != 0) return FileError(what, path, errno);
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(what, " ", path, " is not a regular file"));
  }
  if (secret && (info.st_mode & 0177) != 0) {
    return absl::PermissionDeniedError(absl::StrFormat("%s %s has mode %04o, want 0600 or less",
                                                       what, path, info.st_mode & 07777));
  }
  if (info.st_size > kMaxFileBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " ", path, " is ", info.st_size, " bytes, at most ", kMaxFileBytes));
  }
  std::string text(static_cast<size_t>(info.st_size), '\0');
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t got = read(fd, text.data() + done, text.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError(what, path, errno);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  text.resize(done);
  return text;
}

// Every certificate of a PEM text, at least one.
absl::StatusOr<std::vector<X509Ptr>> ParseCertificates(const char* what, const std::string& path,
                                                       const std::string& pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::vector<X509Ptr> certificates;
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(certificate);
  }
  const unsigned long last = ERR_peek_last_error();
  const bool at_end =
      ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  if (certificates.empty() || !at_end) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " ", path, " is not a list of PEM certificates: ", OpensslError()));
  }
  ERR_clear_error();
  return certificates;
}

absl::Status CheckKey(const TlsConfig& config, X509* certificate) {
  GROAT_ASSIGN_OR_RETURN(std::string pem, ReadFile("key_file", config.key_file, /*secret=*/true));
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // An empty password, or OpenSSL would ask for one on the terminal.
  const PkeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, const_cast<char*>("")));
  Zeroise(std::span<uint8_t>(reinterpret_cast<uint8_t*>(pem.data()), pem.size()));
  if (key == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        "key_file ", config.key_file, " is not an unencrypted PEM private key: ", OpensslError()));
  }
  if (X509_check_private_key(certificate, key.get()) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError(absl::StrCat("key_file ", config.key_file,
                                                   " does not belong to certificate_file ",
                                                   config.certificate_file));
  }
  return absl::OkStatus();
}

absl::Status CheckChain(const TlsConfig& config, const std::vector<X509Ptr>& authorities,
                        const std::vector<X509Ptr>& chain) {
  const StorePtr store(X509_STORE_new());
  for (const X509Ptr& authority : authorities) X509_STORE_add_cert(store.get(), authority.get());
  STACK_OF(X509)* intermediates = sk_X509_new_null();
  const auto free_stack = absl::MakeCleanup([intermediates] { sk_X509_free(intermediates); });
  for (size_t i = 1; i < chain.size(); ++i) sk_X509_push(intermediates, chain[i].get());

  const StoreContextPtr context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), chain[0].get(), intermediates);
  const int verified = X509_verify_cert(context.get());
  const int error = X509_STORE_CTX_get_error(context.get());
  ERR_clear_error();
  if (verified == 1) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "certificate_file ", config.certificate_file, " does not verify against ca_file ",
      config.ca_file, ": ", X509_verify_cert_error_string(error)));
}

std::shared_ptr<FileWatcherCertificateProvider> WatchFiles(const TlsConfig& config) {
  const auto seconds = std::max<int64_t>(1, config.refresh_interval.count());
  return std::make_shared<FileWatcherCertificateProvider>(
      config.key_file, config.certificate_file, config.ca_file, static_cast<unsigned int>(seconds));
}

absl::StatusOr<Peer> ParsePeer(std::string_view pem) {
  absl::StatusOr<CertificateInfo> info = ReadCertificate(pem);
  if (!info.ok()) {
    return absl::UnauthenticatedError(absl::StrCat("peer certificate: ", info.status().message()));
  }
  return Peer{std::move(info->common_name), Sha256(AsBytes(info->public_key_der))};
}

}  // namespace

absl::Status CheckTlsFiles(const TlsConfig& config) {
  if (config.insecure) return absl::OkStatus();
  ERR_clear_error();
  GROAT_ASSIGN_OR_RETURN(const std::string ca_pem, ReadFile("ca_file", config.ca_file, false));
  GROAT_ASSIGN_OR_RETURN(const std::vector<X509Ptr> authorities,
                         ParseCertificates("ca_file", config.ca_file, ca_pem));
  GROAT_ASSIGN_OR_RETURN(const std::string certificate_pem,
                         ReadFile("certificate_file", config.certificate_file, false));
  GROAT_ASSIGN_OR_RETURN(
      const std::vector<X509Ptr> chain,
      ParseCertificates("certificate_file", config.certificate_file, certificate_pem));
  GROAT_RETURN_IF_ERROR(CheckKey(config, chain[0].get()));
  return CheckChain(config, authorities, chain);
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const TlsConfig& config) {
  if (config.insecure) return grpc::InsecureServerCredentials();
  GROAT_RETURN_IF_ERROR(CheckTlsFiles(config));
  grpc::experimental::TlsServerCredentialsOptions options(WatchFiles(config));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  return grpc::experimental::TlsServerCredentials(options);
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(
    const TlsConfig& config) {
  if (config.insecure) return grpc::InsecureChannelCredentials();
  GROAT_RETURN_IF_ERROR(CheckTlsFiles(config));
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(WatchFiles(config));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_verify_server_certs(true);
  return grpc::experimental::TlsCredentials(options);
}

absl::StatusOr<Peer> PeerIdentity(const grpc::ServerContextBase& context) {
  const std::shared_ptr<const grpc::AuthContext> auth = context.auth_context();
  if (auth == nullptr || !auth->IsPeerAuthenticated()) {
    return absl::UnauthenticatedError("the connection is not authenticated");
  }
  const std::vector<grpc::string_ref> pems =
      auth->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (pems.size() != 1) {
    return absl::UnauthenticatedError(
        absl::StrCat("the peer showed ", pems.size(), " certificates, want 1"));
  }
  // Parsing costs far more than the rest of a small call, and a connection makes many calls.
  struct Seen {
    std::string pem;
    Peer peer;
  };
  static thread_local std::array<Seen, 16> cache;
  const std::string_view pem(pems[0].data(), pems[0].size());
  Seen& seen = cache[std::hash<std::string_view>()(pem) % cache.size()];
  if (seen.pem != pem) {
    GROAT_ASSIGN_OR_RETURN(Peer peer, ParsePeer(pem));
    seen = Seen{std::string(pem), std::move(peer)};
  }
  return seen.peer;
}

}  // namespace groat::rpc
