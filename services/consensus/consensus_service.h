// groat.consensus.v1.ConsensusService: decodes and bounds requests, hands them to the desk, the
// executor or the readers, and sends what they answer.
//
// Thread-safe; handlers never block.
#ifndef GROAT_SERVICES_CONSENSUS_CONSENSUS_SERVICE_H_
#define GROAT_SERVICES_CONSENSUS_CONSENSUS_SERVICE_H_

#include "groat/consensus/v1/consensus.grpc.pb.h"
#include "services/consensus/block_stream.h"
#include "services/consensus/replica.h"
#include "services/consensus/status_board.h"
#include "services/consensus/submit_calls.h"

namespace groat::consensus_service {

class ConsensusServiceImpl final : public consensus::v1::ConsensusService::CallbackService {
 public:
  // `replica` must outlive the service.
  explicit ConsensusServiceImpl(const Replica& replica)
      : replica_(replica),
        path_{replica.desk, replica.metrics, replica.genesis.block},
        board_(replica),
        subscriptions_(replica),
        submissions_(path_) {}

  // A task of the executor, a few times a second: what GetStatus and GetEvidence answer.
  void PublishStatus() { board_.Publish(); }
  // There are new blocks.
  void WakeSubscribers() { subscriptions_.Wake(); }
  // Ends subscriptions and streams of submissions, now and from now on, with UNAVAILABLE.
  void EndStreams() {
    subscriptions_.End();
    submissions_.End();
  }

  grpc::ServerUnaryReactor* Submit(grpc::CallbackServerContext* context,
                                   const consensus::v1::SubmitRequest* request,
                                   consensus::v1::SubmitResponse* response) override;
  grpc::ServerBidiReactor<consensus::v1::SubmitStreamRequest, consensus::v1::SubmitStreamResponse>*
  SubmitStream(grpc::CallbackServerContext* context) override;
  grpc::ServerWriteReactor<consensus::v1::SubscribeResponse>* Subscribe(
      grpc::CallbackServerContext* context,
      const consensus::v1::SubscribeRequest* request) override;
  grpc::ServerUnaryReactor* GetBlock(grpc::CallbackServerContext* context,
                                     const consensus::v1::GetBlockRequest* request,
                                     consensus::v1::GetBlockResponse* response) override;
  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context,
                                      const consensus::v1::GetStatusRequest* request,
                                      consensus::v1::GetStatusResponse* response) override;
  grpc::ServerUnaryReactor* GetEvidence(grpc::CallbackServerContext* context,
                                        const consensus::v1::GetEvidenceRequest* request,
                                        consensus::v1::GetEvidenceResponse* response) override;
  grpc::ServerUnaryReactor* GetHandover(grpc::CallbackServerContext* context,
                                        const consensus::v1::GetHandoverRequest* request,
                                        consensus::v1::GetHandoverResponse* response) override;

 private:
  const Replica& replica_;
  const SubmitPath path_;
  StatusBoard board_;
  Subscriptions subscriptions_;
  SubmitStreams submissions_;
};

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_CONSENSUS_SERVICE_H_
