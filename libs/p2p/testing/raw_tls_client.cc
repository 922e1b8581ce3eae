#include "p2p/testing/raw_tls_client.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/numbers.h"
#include "base/check.h"

namespace groat::p2p::testing {
namespace {

constexpr timeval kLimit = {.tv_sec = 10, .tv_usec = 0};

int ConnectTo(const std::string& address) {
  uint32_t port = 0;
  GROAT_CHECK(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port)) << address;
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<uint16_t>(port));
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  GROAT_CHECK(fd >= 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kLimit, sizeof(kLimit));
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kLimit, sizeof(kLimit));
  GROAT_CHECK(connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0) << address;
  return fd;
}

void ShowCertificates(SSL_CTX* context, const RawTlsOptions& options) {
  const BioPtr chain(BIO_new_mem_buf(options.certificates_pem.data(),
                                     static_cast<int>(options.certificates_pem.size())));
  const BioPtr key_text(
      BIO_new_mem_buf(options.key_pem.data(), static_cast<int>(options.key_pem.size())));
  const PkeyPtr key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
  const X509Ptr leaf(PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr));
  GROAT_CHECK(SSL_CTX_use_certificate(context, leaf.get()) == 1);
  GROAT_CHECK(SSL_CTX_use_PrivateKey(context, key.get()) == 1);
  while (X509* more = PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)) {
    GROAT_CHECK(SSL_CTX_add0_chain_cert(context, more) == 1);
  }
  ERR_clear_error();
}

}  // namespace

RawTlsClient::RawTlsClient(const std::string& address, const RawTlsOptions& options)
    : socket_(ConnectTo(address)), context_(SSL_CTX_new(TLS_client_method())) {
  SSL_CTX_set_max_proto_version(context_.get(), options.max_version);
  if (!options.certificates_pem.empty()) ShowCertificates(context_.get(), options);
  ssl_.reset(SSL_new(context_.get()));
  if (!options.protocol.empty()) {
    const std::string offer = static_cast<char>(options.protocol.size()) + options.protocol;
    GROAT_CHECK(SSL_set_alpn_protos(ssl_.get(),
                                    reinterpret_cast<const unsigned char*>(offer.data()),
                                    static_cast<unsigned>(offer.size())) == 0);
  }
  GROAT_CHECK(SSL_set_fd(ssl_.get(), socket_) == 1);
}

RawTlsClient::~RawTlsClient() { close(socket_); }

bool RawTlsClient::Handshake() {
  ERR_clear_error();
  return SSL_connect(ssl_.get()) == 1;
}

bool RawTlsClient::Write(std::string_view bytes) {
  ERR_clear_error();
  return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) ==
         static_cast<int>(bytes.size());
}

bool RawTlsClient::WriteToSocket(std::string_view bytes) {
  return send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(bytes.size());
}

bool RawTlsClient::WaitForEnd() {
  char dropped[4096];
  while (true) {
    const ssize_t got = recv(socket_, dropped, sizeof(dropped), 0);
    if (got == 0) return true;
    if (got < 0) return errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR;
  }
}

}  // namespace groat::p2p::testing
