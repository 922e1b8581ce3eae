// Calls to replicas of consensus, changing to another one when one fails.
//
// Blocks the caller; thread-safe. Every call but those of operators is repeated as long as
// `RetryPolicy` allows; errors are those of the contract (proto/groat/consensus/v1). What comes
// back is not verified: that is chain_verifier.h's.
#ifndef GROAT_TOOLS_GROAT_CLIENT_CONSENSUS_CLIENT_H_
#define GROAT_TOOLS_GROAT_CLIENT_CONSENSUS_CLIENT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "groat/consensus/v1/consensus.grpc.pb.h"
#include "hotstuff/validator_change.h"
#include "rpc/channel.h"
#include "rpc/retry.h"
#include "rpc/tls.h"

namespace groat::client {

class ConsensusClient {
 public:
  // At least one endpoint. Errors as rpc::MakeChannel.
  static absl::StatusOr<std::unique_ptr<ConsensusClient>> Make(
      const std::vector<std::string>& endpoints, const rpc::TlsConfig& tls,
      rpc::Cancellation& cancellation);

  // For all calls to come.
  void set_policy(const rpc::RetryPolicy& policy) { policy_ = policy; }

  absl::StatusOr<consensus::v1::SubmitResponse> Submit(
      const consensus::v1::SubmitRequest& request) const;
  absl::StatusOr<consensus::v1::GetStatusResponse> GetStatus() const;
  absl::StatusOr<consensus::v1::GetEvidenceResponse> GetEvidence() const;
  // Decoded. OutOfRange for an epoch that has not ended.
  absl::StatusOr<hotstuff::HandoverProof> GetHandover(hotstuff::Epoch epoch,
                                                      const hotstuff::ChainId& chain) const;

  // Takes a response; the next height that is wanted, or an error, with which Subscribe ends.
  // Cancelled ends it with OK.
  using OnBlocks =
      std::function<absl::StatusOr<uint64_t>(const consensus::v1::SubscribeResponse& response)>;
  // Every committed block from height `from` (1 or more) on. Goes on at another replica when a
  // stream breaks, until `on_blocks` ends it or the client is cancelled (Cancelled).
  absl::Status Subscribe(uint64_t from, const OnBlocks& on_blocks) const;

  // For operators; one attempt at one replica, the first one.
  absl::StatusOr<consensus::v1::ApproveChangeResponse> ApproveChange(
      const hotstuff::ValidatorChange& change) const;
  // Safe to repeat, and so repeated.
  absl::StatusOr<consensus::v1::ChangeValidatorsResponse> ChangeValidators(
      const consensus::v1::ChangeValidatorsRequest& request) const;

 private:
  ConsensusClient(std::unique_ptr<rpc::ChannelGroup> group, rpc::Cancellation& cancellation)
      : group_(std::move(group)), cancellation_(cancellation) {}
  template <class Service, class Request, class Response>
  absl::StatusOr<Response> Call(grpc::Status (Service::Stub::*method)(grpc::ClientContext*,
                                                                      const Request&, Response*),
                                const Request& request) const;

  const std::unique_ptr<rpc::ChannelGroup> group_;
  rpc::Cancellation& cancellation_;
  rpc::RetryPolicy policy_;
};

}  // namespace groat::client

#endif  // GROAT_TOOLS_GROAT_CLIENT_CONSENSUS_CLIENT_H_
