// The baseline's connection: messages over TLS 1.3 on a non-blocking TCP socket, by OpenSSL, with
// as little around it as will do.
//
//   message   length u32, big-endian, 1 to kMaxBareMessageBytes ‖ body
//
// What makes it fast: messages that gather are encrypted together, up to a whole record of 16 KiB;
// one read of the socket takes all that has come (read-ahead); a socket is not read again to learn
// that it is empty; large socket buffers; no Nagle delay. Not thread-safe.
#ifndef GROAT_LOADTEST_MESH_TLS_LINK_H_
#define GROAT_LOADTEST_MESH_TLS_LINK_H_

#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "crypto/ed25519.h"
#include "crypto/openssl_handles.h"

namespace groat::load {

inline constexpr size_t kMaxBareMessageBytes = size_t{16} << 20;

using SslContextPtr = std::unique_ptr<SSL_CTX, OpensslDeleter<&SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, OpensslDeleter<&SSL_free>>;

// TLS 1.3 alone, our self-signed certificate for `key`, and from the other side a certificate whose
// key is one of `peers`, which must outlive the context.
SslContextPtr MakeTlsContext(const Ed25519PrivateKey& key,
                             const std::vector<Ed25519PublicKey>& peers);

class TlsLink {
 public:
  using OnMessage = std::function<void(ByteView)>;

  // Takes the connected, or connecting, socket over.
  TlsLink(SSL_CTX& context, int socket, bool dialled);
  ~TlsLink();
  TlsLink(const TlsLink&) = delete;
  TlsLink& operator=(const TlsLink&) = delete;

  int socket() const { return socket_; }
  // Goes on with the handshake; true once it is done.
  bool Handshake();
  // Appends the message, and writes whenever a record is full and the socket takes it.
  void Queue(ByteView message);
  // Writes what waits, up to `budget` bytes; false if some is left.
  bool Flush(size_t budget);
  size_t waiting_bytes() const { return out_.size() - out_begin_; }
  // Whether the socket took less than was there: it must become writable first.
  bool blocked() const { return blocked_; }
  // Hands on the messages that have come, up to about `budget` bytes; true if more are here.
  bool Read(size_t budget, const OnMessage& on_message);

 private:
  bool WriteRecord();
  void HandOn(const OnMessage& on_message);

  const int socket_;
  SslPtr ssl_;
  Bytes in_;
  size_t in_begin_ = 0;
  size_t in_end_ = 0;
  Bytes out_;
  size_t out_begin_ = 0;
  size_t retry_bytes_ = 0;  // OpenSSL wants a write that could not be finished again.
  bool blocked_ = false;
};

}  // namespace groat::load

#endif  // GROAT_LOADTEST_MESH_TLS_LINK_H_
