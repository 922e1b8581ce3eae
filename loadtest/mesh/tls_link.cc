#include "loadtest/mesh/tls_link.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>

#include "base/check.h"
#include "crypto/certificate.h"

namespace groat::load {
namespace {

constexpr size_t kRecordBytes = SSL3_RT_MAX_PLAIN_LENGTH;
constexpr size_t kReadAheadBytes = size_t{256} << 10;
constexpr size_t kCompactBytes = size_t{256} << 10;
constexpr int kSocketBufferBytes = 4 << 20;
constexpr int kLengthBytes = 4;

std::string OpensslError() {
  char text[256];
  ERR_error_string_n(ERR_get_error(), text, sizeof(text));
  return text;
}

// Whether the other side proved a key that is among the authorized ones; the chain means nothing.
int VerifyKey(X509_STORE_CTX* chain, void* peers) {
  X509* certificate = X509_STORE_CTX_get0_cert(chain);
  EVP_PKEY* key = certificate == nullptr ? nullptr : X509_get0_pubkey(certificate);
  Ed25519PublicKey raw;
  size_t size = raw.size();
  if (key == nullptr || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519 ||
      EVP_PKEY_get_raw_public_key(key, raw.data(), &size) != 1) {
    return 0;
  }
  const auto& known = *static_cast<const std::vector<Ed25519PublicKey>*>(peers);
  return std::find(known.begin(), known.end(), raw) != known.end() ? 1 : 0;
}

std::string SelfSigned(const Ed25519PrivateKey& key) {
  absl::StatusOr<CertificateKey> certificate_key = CertificateKey::FromPem(key.ToPem());
  GROAT_CHECK_OK(certificate_key.status());
  const int64_t now = std::time(nullptr);
  const auto authority =
      CertificateAuthority::Create("bare", *std::move(certificate_key),
                                   {.not_before_s = now - 3600, .not_after_s = now + 86400});
  GROAT_CHECK_OK(authority.status());
  return authority->certificate_pem();
}

}  // namespace

SslContextPtr MakeTlsContext(const Ed25519PrivateKey& key,
                             const std::vector<Ed25519PublicKey>& peers) {
  SslContextPtr context(SSL_CTX_new(TLS_method()));
  SSL_CTX* raw = context.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_3_VERSION);
  const std::string key_pem = key.ToPem();
  const std::string certificate_pem = SelfSigned(key);
  const BioPtr key_text(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
  const BioPtr certificate_text(
      BIO_new_mem_buf(certificate_pem.data(), static_cast<int>(certificate_pem.size())));
  const PkeyPtr private_key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
  const X509Ptr certificate(PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr));
  GROAT_CHECK(SSL_CTX_use_certificate(raw, certificate.get()) == 1) << OpensslError();
  GROAT_CHECK(SSL_CTX_use_PrivateKey(raw, private_key.get()) == 1) << OpensslError();
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  // The callback only reads it.
  SSL_CTX_set_cert_verify_callback(raw, VerifyKey,
                                   const_cast<std::vector<Ed25519PublicKey>*>(&peers));
  SSL_CTX_set_num_tickets(raw, 0);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(raw, 1);
  SSL_CTX_set_default_read_buffer_len(raw, kReadAheadBytes);
  return context;
}

TlsLink::TlsLink(SSL_CTX& context, int socket, bool dialled)
    : socket_(socket), ssl_(SSL_new(&context)), in_(2 * kRecordBytes) {
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &kSocketBufferBytes, sizeof(kSocketBufferBytes));
  setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &kSocketBufferBytes, sizeof(kSocketBufferBytes));
  GROAT_CHECK(SSL_set_fd(ssl_.get(), socket) == 1);
  if (dialled) {
    SSL_set_connect_state(ssl_.get());
  } else {
    SSL_set_accept_state(ssl_.get());
  }
}

TlsLink::~TlsLink() { close(socket_); }

bool TlsLink::Handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) return true;
  const int error = SSL_get_error(ssl_.get(), result);
  GROAT_CHECK(error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
      << "handshake: " << error << " " << OpensslError();
  return false;
}

void TlsLink::Queue(ByteView message) {
  GROAT_CHECK(!message.empty() && message.size() <= kMaxBareMessageBytes) << message.size();
  uint8_t length[kLengthBytes];
  StoreBigEndian(message.size(), length, kLengthBytes);
  out_.insert(out_.end(), length, length + kLengthBytes);
  out_.insert(out_.end(), message.begin(), message.end());
  // A long message is left to Flush, which knows how long it may take.
  while (message.size() < kRecordBytes && waiting_bytes() >= kRecordBytes && !blocked_) {
    WriteRecord();
  }
}

// False if the socket is full.
bool TlsLink::WriteRecord() {
  const size_t size = retry_bytes_ > 0 ? retry_bytes_ : std::min(waiting_bytes(), kRecordBytes);
  size_t written = 0;
  ERR_clear_error();
  if (SSL_write_ex(ssl_.get(), out_.data() + out_begin_, size, &written) != 1) {
    const int error = SSL_get_error(ssl_.get(), 0);
    GROAT_CHECK(error == SSL_ERROR_WANT_WRITE) << "write: " << error << " " << OpensslError();
    retry_bytes_ = size;
    blocked_ = true;
    return false;
  }
  retry_bytes_ = 0;
  out_begin_ += written;
  if (out_begin_ == out_.size()) {
    out_.clear();
    out_begin_ = 0;
  } else if (out_begin_ >= std::max(waiting_bytes(), kCompactBytes)) {
    // A buffer that never runs empty must not grow; no more is moved than was written.
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(out_begin_));
    out_begin_ = 0;
  }
  return true;
}

bool TlsLink::Flush(size_t budget) {
  blocked_ = false;
  for (size_t written = 0; waiting_bytes() > 0 && written < budget; written += kRecordBytes) {
    if (!WriteRecord()) return false;
  }
  return waiting_bytes() == 0;
}

bool TlsLink::Read(size_t budget, const OnMessage& on_message) {
  size_t taken = 0;
  do {
    size_t got = 0;
    ERR_clear_error();
    if (SSL_read_ex(ssl_.get(), in_.data() + in_end_, in_.size() - in_end_, &got) != 1) {
      const int error = SSL_get_error(ssl_.get(), 0);
      if (error == SSL_ERROR_WANT_READ) return false;
      // The other side is gone: so is the benchmark's group.
      std::_Exit(0);
    }
    in_end_ += got;
    taken += got;
    HandOn(on_message);
    if (taken >= budget) return SSL_has_pending(ssl_.get()) == 1;
  } while (SSL_has_pending(ssl_.get()) == 1);
  return false;
}

// Leaves room for at least a record behind what is left.
void TlsLink::HandOn(const OnMessage& on_message) {
  size_t wanted = kLengthBytes;
  while (in_end_ - in_begin_ >= kLengthBytes) {
    const auto length = static_cast<size_t>(LoadBigEndian(in_.data() + in_begin_, kLengthBytes));
    GROAT_CHECK(length >= 1 && length <= kMaxBareMessageBytes) << length;
    wanted = kLengthBytes + length;
    if (in_end_ - in_begin_ < wanted) break;
    on_message(ByteView(in_.data() + in_begin_ + kLengthBytes, length));
    in_begin_ += wanted;
    wanted = kLengthBytes;
  }
  if (in_begin_ == in_end_) in_begin_ = in_end_ = 0;
  if (in_.size() - in_begin_ >= wanted + kRecordBytes && in_.size() - in_end_ >= kRecordBytes) {
    return;
  }
  if (in_begin_ > 0) {
    std::memmove(in_.data(), in_.data() + in_begin_, in_end_ - in_begin_);
    in_end_ -= in_begin_;
    in_begin_ = 0;
  }
  if (in_.size() < wanted + kRecordBytes) in_.resize(wanted + kRecordBytes);
}

}  // namespace groat::load
