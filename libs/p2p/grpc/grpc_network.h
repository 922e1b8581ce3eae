// A mesh over gRPC with threads of its own: what a process makes to take part in a network.
//
//   auto network = GrpcNetwork::Make(options, key);   // then register channels on its executor:
//   (*network)->RunAndWait([&] { channel = *(*network)->mesh().Register(...); ... });
//   (*network)->RunAndWait([&] { status = (*network)->mesh().Start(); });
//
// Made and destroyed by a thread of the owner's; the mesh belongs to the executor. Two networks in
// one process share no threads but gRPC's own few.
#ifndef GROAT_P2P_GRPC_GRPC_NETWORK_H_
#define GROAT_P2P_GRPC_GRPC_NETWORK_H_

#include <memory>

#include "absl/status/statusor.h"
#include "crypto/ed25519.h"
#include "p2p/executor.h"
#include "p2p/grpc/grpc_transport.h"
#include "p2p/mesh.h"
#include "p2p/mesh_options.h"

namespace groat::p2p {

class CompletionExecutor;

struct GrpcNetworkOptions {
  MeshOptions mesh = {};
  GrpcTransportOptions transport = {};
};

class GrpcNetwork {
 public:
  // Its executor runs on return. Errors as MeshOptions::Validate and GrpcTransport::Make. `key`
  // must outlive the network.
  static absl::StatusOr<std::unique_ptr<GrpcNetwork>> Make(GrpcNetworkOptions options,
                                                           const Ed25519PrivateKey& key);
  // Closes every connection, and waits for the threads. No callback follows.
  ~GrpcNetwork();
  GrpcNetwork(const GrpcNetwork&) = delete;
  GrpcNetwork& operator=(const GrpcNetwork&) = delete;

  // For tasks of the executor.
  Mesh& mesh() { return *mesh_; }
  CompletionExecutor& executor() { return transport_->executor(); }
  const CompletionExecutor& executor() const { return transport_->executor(); }
  // Runs the task on the executor and waits for its end. From any other thread.
  void RunAndWait(Task task);
  // From any thread.
  MeshStats Stats() const { return mesh_->Stats(); }
  uint64_t cut_off_connections() const { return transport_->cut_off_connections(); }

 private:
  GrpcNetwork() = default;
  std::unique_ptr<GrpcTransport> transport_;
  std::unique_ptr<Mesh> mesh_;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_GRPC_GRPC_NETWORK_H_
