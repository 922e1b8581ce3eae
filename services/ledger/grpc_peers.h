// The other nodes over gRPC.
//
// Thread-safe.
#ifndef GROAT_SERVICES_LEDGER_GRPC_PEERS_H_
#define GROAT_SERVICES_LEDGER_GRPC_PEERS_H_

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "groat/ledger/v1/ledger.grpc.pb.h"
#include "rpc/channel.h"
#include "services/ledger/peers.h"

namespace groat::ledger_service {

// In the metadata of an AppendRoot that a node sends on: the receiver commits it by itself.
inline constexpr char kSentOnMetadata[] = "groat-sent-on";

class GrpcPeers final : public Peers {
 public:
  // `endpoints` of all nodes by index, "host:port". Errors as rpc::MakeChannel.
  static absl::StatusOr<std::unique_ptr<GrpcPeers>> Make(const std::vector<std::string>& endpoints,
                                                         const rpc::TlsConfig& tls,
                                                         const rpc::ChannelOptions& options);
  ~GrpcPeers() override { Stop(); }

  void ForwardAppend(record::NodeIndex node, const std::vector<record::SignedRoot>& roots,
                     std::chrono::steady_clock::time_point deadline, AppendDone done) override;
  absl::StatusOr<std::vector<record::Block>> FetchBlocks(record::NodeIndex node,
                                                         record::Height first,
                                                         size_t limit) override;
  void Stop() override;

 private:
  using Stub = ledger::v1::LedgerService::Stub;
  GrpcPeers() = default;
  // False once stopped.
  bool Register(grpc::ClientContext* context);
  void Unregister(grpc::ClientContext* context);

  std::vector<std::unique_ptr<Stub>> stubs_;
  Mutex mutex_;
  CondVar ended_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<grpc::ClientContext*> calls_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_GRPC_PEERS_H_
