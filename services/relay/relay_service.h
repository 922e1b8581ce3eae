// groat.relay.v1.RelayService: decodes and bounds requests, hands them to the engine or to a worker
// and sends what they answer.
//
// Thread-safe; handlers never block.
#ifndef GROAT_SERVICES_RELAY_RELAY_SERVICE_H_
#define GROAT_SERVICES_RELAY_RELAY_SERVICE_H_

#include "groat/relay/v1/relay.grpc.pb.h"
#include "services/relay/answers.h"
#include "services/relay/config.h"
#include "services/relay/engine.h"
#include "services/relay/worker_pool.h"

namespace groat::relay_service {

// The parts of a running relay that calls reach.
struct Relay {
  const Config& config;
  Ed25519PublicKey public_key;
  Engine& engine;
  CycleStore& cycles;
  Answers& answers;
  const Anchor& anchor;
  WorkerPool& workers;
  Metrics& metrics;
};

class RelayService final : public relay::v1::RelayService::CallbackService {
 public:
  explicit RelayService(const Relay& relay) : relay_(relay) {}

  grpc::ServerUnaryReactor* SubmitUpdates(grpc::CallbackServerContext* context,
                                          const relay::v1::SubmitUpdatesRequest* request,
                                          relay::v1::SubmitUpdatesResponse* response) override;
  grpc::ServerBidiReactor<relay::v1::StreamUpdatesRequest, relay::v1::StreamUpdatesResponse>*
  StreamUpdates(grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* GetProof(grpc::CallbackServerContext* context,
                                     const relay::v1::GetProofRequest* request,
                                     relay::v1::GetProofResponse* response) override;
  grpc::ServerUnaryReactor* GetProofs(grpc::CallbackServerContext* context,
                                      const relay::v1::GetProofsRequest* request,
                                      relay::v1::GetProofsResponse* response) override;
  grpc::ServerUnaryReactor* GetCycle(grpc::CallbackServerContext* context,
                                     const relay::v1::GetCycleRequest* request,
                                     relay::v1::GetCycleResponse* response) override;
  grpc::ServerUnaryReactor* ListCycles(grpc::CallbackServerContext* context,
                                       const relay::v1::ListCyclesRequest* request,
                                       relay::v1::ListCyclesResponse* response) override;
  grpc::ServerWriteReactor<relay::v1::WatchCyclesResponse>* WatchCycles(
      grpc::CallbackServerContext* context, const relay::v1::WatchCyclesRequest* request) override;
  grpc::ServerWriteReactor<relay::v1::GetGrowthProofResponse>* GetGrowthProof(
      grpc::CallbackServerContext* context,
      const relay::v1::GetGrowthProofRequest* request) override;
  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context,
                                      const relay::v1::GetStatusRequest* request,
                                      relay::v1::GetStatusResponse* response) override;

 private:
  Relay relay_;
};

}  // namespace groat::relay_service

#endif  // GROAT_SERVICES_RELAY_RELAY_SERVICE_H_
