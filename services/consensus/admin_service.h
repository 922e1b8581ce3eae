// groat.consensus.v1.ConsensusAdminService: consent to and order of changes of validators.
//
// What is about the change alone, such as the proofs of possession, is checked on the readers'
// threads; what is about the chain on consensus' executor.
//
// Thread-safe; handlers never block.
#ifndef GROAT_SERVICES_CONSENSUS_ADMIN_SERVICE_H_
#define GROAT_SERVICES_CONSENSUS_ADMIN_SERVICE_H_

#include <memory>

#include "groat/consensus/v1/consensus.grpc.pb.h"
#include "rpc/unary.h"
#include "services/consensus/replica.h"

namespace groat::consensus_service {

class AdminServiceImpl final : public consensus::v1::ConsensusAdminService::CallbackService {
 public:
  // `replica` must outlive the service.
  explicit AdminServiceImpl(const Replica& replica) : replica_(replica) {}

  grpc::ServerUnaryReactor* ApproveChange(grpc::CallbackServerContext* context,
                                          const consensus::v1::ApproveChangeRequest* request,
                                          consensus::v1::ApproveChangeResponse* response) override;
  grpc::ServerUnaryReactor* ChangeValidators(
      grpc::CallbackServerContext* context, const consensus::v1::ChangeValidatorsRequest* request,
      consensus::v1::ChangeValidatorsResponse* response) override;

 private:
  class ChangeCall;
  using ApproveReply = rpc::UnaryReply<consensus::v1::ApproveChangeResponse>;

  absl::Status CheckCaller(const grpc::CallbackServerContext& context) const;
  // Of this epoch's chain; both are tasks of the executor.
  void Approve(const hotstuff::ValidatorChange& change, ApproveReply reply) const;
  void Order(const std::shared_ptr<ChangeCall>& call,
             const std::vector<hotstuff::SignedShare>& shares) const;
  // Answers with the place of a change that the chain has ordered.
  void AnswerStanding(const std::shared_ptr<ChangeCall>& call) const;

  const Replica& replica_;
};

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_ADMIN_SERVICE_H_
