// Growth proofs from the relays over gRPC.
//
// Thread-safe; Stream blocks.
#ifndef GROAT_SERVICES_LEDGER_RELAY_GROWTH_SOURCE_H_
#define GROAT_SERVICES_LEDGER_RELAY_GROWTH_SOURCE_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "groat/relay/v1/relay.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/retry.h"
#include "services/ledger/growth_source.h"

namespace groat::ledger_service {

class RelayGrowthSource final : public GrowthSource {
 public:
  // Errors as rpc::MakeChannel.
  static absl::StatusOr<std::unique_ptr<RelayGrowthSource>> Make(
      const std::map<ledger::RelayShard, std::vector<std::string>>& endpoints,
      const rpc::TlsConfig& tls, const rpc::ChannelOptions& options);

  size_t EndpointCount(const ledger::RelayShard& name) const override;
  absl::Status Stream(const record::RootStatement& statement, size_t endpoint,
                      const GrowthSink& sink, std::optional<record::SignedRoot>* root) override;
  void Stop() override { stopping_.Cancel(); }

 private:
  using Stub = relay::v1::RelayService::Stub;
  RelayGrowthSource() = default;
  std::map<ledger::RelayShard, std::vector<std::unique_ptr<Stub>>> stubs_;
  rpc::Cancellation stopping_;
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_RELAY_GROWTH_SOURCE_H_
