#include "p2p/tls/tls_stream.h"

#include <openssl/err.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace groat::p2p {
namespace {

// AES-GCM is good for 2^24.5 records under one key.
constexpr uint64_t kRecordsPerKey = uint64_t{1} << 22;
// Memory for output that stays when all of it has left.
constexpr size_t kKeptBytes = size_t{64} << 10;

}  // namespace

int TlsStream::WriteToMemory(BIO* bio, const char* data, size_t size, size_t* written) {
  Bytes& out = static_cast<TlsStream*>(BIO_get_data(bio))->out_;
  // As bytes: characters would be converted one by one.
  const auto* bytes = reinterpret_cast<const uint8_t*>(data);
  out.insert(out.end(), bytes, bytes + size);
  *written = size;
  return 1;
}

int TlsStream::ReadFromSocket(BIO* bio, char* to, size_t size, size_t* got) {
  const auto& stream = *static_cast<const TlsStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const ssize_t result = recv(stream.fd(), to, size, MSG_DONTWAIT);
  if (result > 0) {
    *got = static_cast<size_t>(result);
    return 1;
  }
  if (result < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  return 0;
}

long TlsStream::Control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

// Made once for the process, and never freed.
const BIO_METHOD* TlsStream::SocketMethod() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made =
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "groat mesh socket");
    GROAT_CHECK(made != nullptr && BIO_meth_set_write_ex(made, WriteToMemory) == 1 &&
                BIO_meth_set_read_ex(made, ReadFromSocket) == 1 &&
                BIO_meth_set_ctrl(made, Control) == 1);
    return made;
  }();
  return method;
}

TlsStream::TlsStream(const TlsContext& context, Socket socket, bool dialled, PeerJudge& judge)
    : socket_(std::move(socket)), ssl_(context.NewConnection(dialled, judge)) {
  BIO* bio = BIO_new(SocketMethod());
  GROAT_CHECK(bio != nullptr);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
}

TlsStream::~TlsStream() {
  ERR_clear_error();
  if (established_ && failure_.ok()) SSL_shutdown(ssl_.get());
  Flush();
}

absl::Status TlsStream::TakeError(int result) {
  const int kind = SSL_get_error(ssl_.get(), result);
  const unsigned long error = ERR_peek_error();
  const int reason = ERR_GET_REASON(error);
  if (kind == SSL_ERROR_SSL && reason >= SSL_AD_REASON_OFFSET) {
    failure_ = absl::UnauthenticatedError("the listener refused us");
  } else if (kind == SSL_ERROR_SSL && reason != SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    char text[256];
    ERR_error_string_n(error, text, sizeof(text));
    failure_ = absl::InvalidArgumentError(absl::StrCat("TLS: ", text));
  } else {
    failure_ = absl::UnavailableError("the peer ended the connection");
  }
  ERR_clear_error();
  return failure_;
}

TlsStream::Progress TlsStream::Handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1) {
    const int kind = SSL_get_error(ssl_.get(), result);
    if (kind == SSL_ERROR_WANT_READ) return Progress::kBlocked;
    TakeError(result).IgnoreError();
    return Progress::kFailed;
  }
  const unsigned char* protocol = nullptr;
  unsigned protocol_bytes = 0;
  SSL_get0_alpn_selected(ssl_.get(), &protocol, &protocol_bytes);
  if (protocol_bytes == 0) {
    failure_ = absl::InvalidArgumentError("the other side does not speak the mesh's protocol");
    return Progress::kFailed;
  }
  established_ = true;
  return Progress::kDone;
}

void TlsStream::Encrypt(ByteView plain) {
  if (!failure_.ok()) return;
  records_ += plain.size() / kTlsRecordBytes + 1;
  if (records_ >= kRecordsPerKey) {
    records_ = 0;
    GROAT_CHECK(SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
  }
  size_t written = 0;
  ERR_clear_error();
  const int result = SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written);
  // Memory takes everything; it fails only after the other side broke TLS.
  if (result != 1 || written != plain.size()) TakeError(result).IgnoreError();
}

TlsStream::Progress TlsStream::Flush() {
  while (has_waiting()) {
    const ssize_t sent =
        send(fd(), out_.data() + out_begin_, out_.size() - out_begin_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN ? Progress::kBlocked : Progress::kFailed;
    }
    out_begin_ += static_cast<size_t>(sent);
  }
  out_begin_ = 0;
  if (out_.capacity() > kKeptBytes) {
    Bytes().swap(out_);
  } else {
    out_.clear();
  }
  return Progress::kDone;
}

absl::StatusOr<size_t> TlsStream::Read(uint8_t* to, size_t size) {
  size_t got = 0;
  ERR_clear_error();
  const int result = SSL_read_ex(ssl_.get(), to, size, &got);
  if (result == 1) return got;
  if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ) return size_t{0};
  return TakeError(result);
}

}  // namespace groat::p2p
