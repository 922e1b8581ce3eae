// The seam between the mesh and what carries its bytes: authenticated, encrypted connections on
// which frames arrive whole and in order.
//
// Three forms: TLS on sockets (tls/tls_transport.h), gRPC streams under mutual TLS
// (grpc/grpc_transport.h) and simulated links (sim/sim_transport.h), which may also lose, repeat,
// reorder and damage frames. Everything that makes a mesh of connections stands above this seam
// (mesh.h) and runs on all of them.
//
// Every call and every callback is a task of the executor that the transport was made with, but
// for `Admission`.
#ifndef GROAT_P2P_TRANSPORT_H_
#define GROAT_P2P_TRANSPORT_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "p2p/executor.h"
#include "p2p/peer_id.h"

namespace groat::p2p {

// The longest frame that a connection carries. A peer that sends more loses its connection.
inline constexpr size_t kMaxFrameBytes = size_t{320} << 10;

// What happens on a connection. A callback may destroy the connection.
class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;
  // `frame` is 1 to kMaxFrameBytes bytes and valid during the call.
  virtual void OnFrame(ByteView frame) = 0;
  // The frame given to Write has left; the next may be given.
  virtual void OnWritten() = 0;
  // The last callback. `why` is never OK.
  virtual void OnClosed(const absl::Status& why) = 0;
};

// One connection to a peer whose key is proven. Destroying it closes it; no callback follows.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual const PeerId& peer() const = 0;
  // Begins to read. Once, before any other call. `handler` outlives the connection. No callback is
  // made inside this call.
  virtual void Start(ConnectionHandler& handler) = 0;
  // Gives one frame of 1 to kMaxFrameBytes bytes on its way. Not again before OnWritten, which is
  // never called inside this call.
  virtual void Write(Bytes frame) = 0;
  // While paused nothing more is read, so the peer's writes come to a halt. Frames that are already
  // here may still be given to the handler: at most one.
  virtual void PauseReading(bool paused) = 0;
};

// Whether a peer that proved this key may connect. Called from any thread, during the handshake,
// and so must be quick. The peer's connection is refused where it says no.
using Admission = std::function<bool(const PeerId&)>;

class Transport {
 public:
  using OnAccept = std::function<void(std::unique_ptr<Connection>)>;
  using OnDialled = absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Connection>>)>;

  virtual ~Transport() = default;

  // Takes connections at `address`, "host:port", port 0 taking any free one; returns the address
  // with the real port. Once. InvalidArgument for a bad address, Unavailable if it cannot be had.
  virtual absl::StatusOr<std::string> Listen(const std::string& address, Admission admission,
                                             OnAccept on_accept) = 0;
  // Connects to the peer that has the key `expected` at `address`. `done` is called once, never
  // inside this call, and at most about `timeout` later: DeadlineExceeded then, Unavailable if
  // nobody answers, Unauthenticated if somebody else does, or if we are refused.
  virtual void Dial(const std::string& address, const PeerId& expected, Duration timeout,
                    OnDialled done) = 0;
  // Stops listening and dialling: no callback follows. Connections must be destroyed before.
  virtual void Shutdown() = 0;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_TRANSPORT_H_
