// A mesh between real processes, with threads of its own: what a process makes to take part in a
// network.
//
//   auto network = LiveNetwork::Make(options, key);   // then register channels on its executor:
//   (*network)->RunAndWait([&] { channel = *(*network)->mesh().Register(...); ... });
//   (*network)->RunAndWait([&] { status = (*network)->mesh().Start(); });
//
// Made and destroyed by a thread of the owner's; the mesh belongs to the executor. Two networks in
// one process share no threads but gRPC's own few.
#ifndef GROAT_P2P_LIVE_LIVE_NETWORK_H_
#define GROAT_P2P_LIVE_LIVE_NETWORK_H_

#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "crypto/ed25519.h"
#include "p2p/live/live_transport.h"
#include "p2p/mesh.h"
#include "p2p/mesh_options.h"

namespace groat::p2p {

// What carries the mesh. All members of a network use the same.
enum class Carrier : uint8_t {
  kTls,   // TLS 1.3 on sockets: the faster by far.
  kGrpc,  // gRPC streams, for where HTTP/2 is wanted on the wire.
};
// "tls" or "grpc". InvalidArgument names the text.
absl::StatusOr<Carrier> CarrierOfName(std::string_view name);

struct LiveNetworkOptions {
  MeshOptions mesh = {};
  Carrier carrier = Carrier::kTls;
  LiveTransportOptions transport = {};
};

class LiveNetwork {
 public:
  // Its executor runs on return. Errors as MeshOptions::Validate and those of the transports. `key`
  // must outlive the network.
  static absl::StatusOr<std::unique_ptr<LiveNetwork>> Make(LiveNetworkOptions options,
                                                           const Ed25519PrivateKey& key);
  // Closes every connection, and waits for the threads. No callback follows.
  ~LiveNetwork();
  LiveNetwork(const LiveNetwork&) = delete;
  LiveNetwork& operator=(const LiveNetwork&) = delete;

  // For tasks of the executor.
  Mesh& mesh() { return *mesh_; }
  ThreadedExecutor& executor() { return transport_->executor(); }
  // Runs the task on the executor and waits for its end. From any other thread.
  void RunAndWait(Task task) { executor().RunAndWait(std::move(task)); }

  // From any thread.
  const ThreadedExecutor& executor() const { return transport_->executor(); }
  MeshStats Stats() const { return mesh_->Stats(); }
  // As LiveTransport says.
  uint64_t cut_off_connections() const { return transport_->cut_off_connections(); }
  uint64_t refused_connections() const { return transport_->refused_connections(); }

 private:
  LiveNetwork() = default;
  std::unique_ptr<LiveTransport> transport_;
  std::unique_ptr<Mesh> mesh_;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_LIVE_LIVE_NETWORK_H_
