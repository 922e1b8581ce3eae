// TLS on a non-blocking socket: bytes in, bytes out, no callbacks.
//
// OpenSSL writes to memory, so encrypting never blocks; what it wrote waits here until the socket
// takes it. It reads the socket itself, several records at once.
//
// Belongs to the executor.
#ifndef GROAT_P2P_TLS_TLS_STREAM_H_
#define GROAT_P2P_TLS_TLS_STREAM_H_

#include <string>

#include "base/bytes.h"
#include "p2p/live/tcp_socket.h"
#include "p2p/tls/tls_context.h"

namespace groat::p2p {

// The longest plaintext of a record (RFC 8446, section 5.1).
inline constexpr size_t kTlsRecordBytes = size_t{16} << 10;

class TlsStream {
 public:
  // `judge` must outlive it.
  TlsStream(const TlsContext& context, Socket socket, bool dialled, PeerJudge& judge);
  // Tells the other side of the end, if the socket takes that.
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  enum class Progress : uint8_t { kDone, kBlocked, kFailed };

  // Goes on with the handshake. A failure has an alert for the other side among what it wrote.
  Progress Handshake();
  // The keys change after so many records, before the cipher's limit (RFC 8446, section 5.5).
  void Encrypt(ByteView plain);
  // Gives the socket what waits for it.
  Progress Flush();
  bool has_waiting() const { return out_begin_ < out_.size(); }
  // Decrypts up to `size` bytes into `to`; 0 if none are here. Unavailable if the other side has
  // ended, Unauthenticated if it refused us, InvalidArgument for what is no TLS.
  absl::StatusOr<size_t> Read(uint8_t* to, size_t size);
  // Whether Read may give something that the socket will not tell of.
  bool has_buffered() const { return SSL_has_pending(ssl_.get()) == 1; }
  // Why the handshake failed, as Read says it.
  const absl::Status& failure() const { return failure_; }
  int fd() const { return socket_.fd(); }

 private:
  static const BIO_METHOD* SocketMethod();
  static int WriteToMemory(BIO* bio, const char* data, size_t size, size_t* written);
  static int ReadFromSocket(BIO* bio, char* to, size_t size, size_t* got);
  static long Control(BIO* bio, int command, long, void*);
  absl::Status TakeError(int result);

  Socket socket_;
  const SslPtr ssl_;
  Bytes out_;
  size_t out_begin_ = 0;
  uint64_t records_ = 0;  // Since the last change of keys.
  bool established_ = false;
  absl::Status failure_;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_TLS_TLS_STREAM_H_
