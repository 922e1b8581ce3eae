// gRPC bidirectional streams under mutual TLS as the mesh's transport: one stream a connection, one
// TCP connection a stream.
//
// Both sides show a self-signed Ed25519 certificate (peer_certificate.h). A dialler insists on the
// key that it expects, a listener asks its Admission, both during the handshake; a listener tells
// an accepted dialler so by the stream's first metadata, since TLS 1.3 lets a client believe that
// it is connected before the server refuses. OpenSSL negotiates TLS 1.3; nothing below it is
// offered by peers of ours, and gRPC 1.51 has no way to forbid TLS 1.2 to others.
//
// A listener has a thread of its own that takes TCP connections (connection_acceptor.h), which
// bounds handshakes under way.
//
// What a connection may hold here for a reader that stalls: kStreamWindowBytes that gRPC has taken
// from the socket, one frame that is handed on, and the system's socket buffers.
//
// Threads and life: live/live_transport.h.
#ifndef GROAT_P2P_GRPC_GRPC_TRANSPORT_H_
#define GROAT_P2P_GRPC_GRPC_TRANSPORT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "crypto/ed25519.h"
#include "p2p/live/live_transport.h"

namespace groat::p2p {

// What gRPC takes from a socket ahead of its reader, for one connection.
inline constexpr size_t kStreamWindowBytes = size_t{1} << 20;

class GrpcTransport final : public LiveTransport {
 public:
  // InvalidArgument for a bad validity or number of threads.
  static absl::StatusOr<std::unique_ptr<GrpcTransport>> Make(const LiveTransportOptions& options,
                                                             const Ed25519PrivateKey& key);
  ~GrpcTransport() override;

  ThreadedExecutor& executor() override;
  uint64_t cut_off_connections() const override;
  uint64_t refused_connections() const override;

  absl::StatusOr<std::string> Listen(const std::string& address, Admission admission,
                                     OnAccept on_accept) override;
  void Dial(const std::string& address, const PeerId& expected, Duration timeout,
            OnDialled done) override;
  void Shutdown() override;

  void StopServer() override;

 private:
  class Impl;
  explicit GrpcTransport(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_GRPC_GRPC_TRANSPORT_H_
