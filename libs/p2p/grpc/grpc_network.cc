#include "p2p/grpc/grpc_network.h"

#include <utility>

#include "base/status_macros.h"
#include "p2p/grpc/completion_executor.h"

namespace groat::p2p {

absl::StatusOr<std::unique_ptr<GrpcNetwork>> GrpcNetwork::Make(GrpcNetworkOptions options,
                                                               const Ed25519PrivateKey& key) {
  auto network = std::unique_ptr<GrpcNetwork>(new GrpcNetwork());
  GROAT_ASSIGN_OR_RETURN(network->transport_, GrpcTransport::Make(options.transport, key));
  // Before the threads run, so it belongs to nobody else yet.
  GROAT_ASSIGN_OR_RETURN(network->mesh_,
                         Mesh::Make(std::move(options.mesh), key, network->transport_->executor(),
                                    *network->transport_));
  network->transport_->executor().Start();
  return network;
}

GrpcNetwork::~GrpcNetwork() {
  if (mesh_ == nullptr) return;
  RunAndWait([this] { mesh_.reset(); });
  transport_->StopServer();
  transport_->executor().Stop();
}

void GrpcNetwork::RunAndWait(Task task) { transport_->executor().RunAndWait(std::move(task)); }

}  // namespace groat::p2p
