// groat.consensus.v1.ConsensusAdminService: consent to and order of changes of validators.
//
// Thread-safe; handlers never block.
#ifndef GROAT_SERVICES_CONSENSUS_ADMIN_SERVICE_H_
#define GROAT_SERVICES_CONSENSUS_ADMIN_SERVICE_H_

#include "groat/consensus/v1/consensus.grpc.pb.h"
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
  absl::Status CheckCaller(const grpc::CallbackServerContext& context) const;

  const Replica& replica_;
};

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_ADMIN_SERVICE_H_
