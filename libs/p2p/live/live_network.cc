#include "p2p/live/live_network.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "p2p/grpc/grpc_transport.h"
#include "p2p/tls/tls_transport.h"

namespace groat::p2p {
namespace {

absl::StatusOr<std::unique_ptr<LiveTransport>> MakeTransport(const LiveNetworkOptions& options,
                                                             const Ed25519PrivateKey& key) {
  if (options.carrier == Carrier::kTls) return MakeTlsTransport(options.transport, key);
  return GrpcTransport::Make(options.transport, key);
}

}  // namespace

absl::StatusOr<Carrier> CarrierOfName(std::string_view name) {
  if (name == "tls") return Carrier::kTls;
  if (name == "grpc") return Carrier::kGrpc;
  return absl::InvalidArgumentError(
      absl::StrCat("the mesh's carrier is `", std::string(name), "`, want `tls` or `grpc`"));
}

absl::StatusOr<std::unique_ptr<LiveNetwork>> LiveNetwork::Make(LiveNetworkOptions options,
                                                               const Ed25519PrivateKey& key) {
  auto network = std::unique_ptr<LiveNetwork>(new LiveNetwork());
  GROAT_ASSIGN_OR_RETURN(network->transport_, MakeTransport(options, key));
  // Before the threads run, so it belongs to nobody else yet.
  GROAT_ASSIGN_OR_RETURN(network->mesh_,
                         Mesh::Make(std::move(options.mesh), key, network->transport_->executor(),
                                    *network->transport_));
  network->transport_->executor().Start();
  return network;
}

LiveNetwork::~LiveNetwork() {
  if (mesh_ == nullptr) return;
  RunAndWait([this] { mesh_.reset(); });
  transport_->StopServer();
  transport_->executor().Stop();
}

}  // namespace groat::p2p
