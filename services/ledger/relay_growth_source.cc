#include "services/ledger/relay_growth_source.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rpc/status.h"
#include "wire/common.h"

namespace groat::ledger_service {
namespace {

// Of one transfer. A cycle of a million new leaves has a proof of about 200 MB.
constexpr std::chrono::milliseconds kTransferTimeout{120'000};

}  // namespace

absl::StatusOr<std::unique_ptr<RelayGrowthSource>> RelayGrowthSource::Make(
    const std::map<ledger::RelayShard, std::vector<std::string>>& endpoints,
    const rpc::TlsConfig& tls, const rpc::ChannelOptions& options) {
  std::unique_ptr<RelayGrowthSource> source(new RelayGrowthSource());
  for (const auto& [name, list] : endpoints) {
    for (const std::string& endpoint : list) {
      GROAT_ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel,
                             rpc::MakeChannel(endpoint, tls, options));
      source->stubs_[name].push_back(relay::v1::RelayService::NewStub(channel));
    }
  }
  return source;
}

size_t RelayGrowthSource::EndpointCount(const ledger::RelayShard& name) const {
  const auto stubs = stubs_.find(name);
  return stubs == stubs_.end() ? 0 : stubs->second.size();
}

absl::Status RelayGrowthSource::Stream(const record::RootStatement& statement, size_t endpoint,
                                       const GrowthSink& sink,
                                       std::optional<record::SignedRoot>* root) {
  rpc::CallContext context(kTransferTimeout);
  const rpc::Cancellation::Scope scope(stopping_, context);
  relay::v1::GetGrowthProofRequest request;
  request.set_cycle(statement.cycle.value());
  Stub& stub = *stubs_.at(ledger::RelayShard::Of(statement))[endpoint];
  const std::unique_ptr<grpc::ClientReader<relay::v1::GetGrowthProofResponse>> reader =
      stub.GetGrowthProof(&context, request);
  relay::v1::GetGrowthProofResponse response;
  absl::Status refused;
  while (refused.ok() && reader->Read(&response)) {
    if (response.has_root() && !root->has_value()) {
      const absl::StatusOr<record::SignedRoot> said = wire::FromProto(response.root());
      if (said.ok()) *root = *said;
    }
    refused = sink(wire::View(response.chunk()));
  }
  if (!refused.ok()) {
    context.TryCancel();
    while (reader->Read(&response)) {
    }
  }
  const grpc::Status status = reader->Finish();
  return refused.ok() ? rpc::FromGrpc(status) : refused;
}

}  // namespace groat::ledger_service
