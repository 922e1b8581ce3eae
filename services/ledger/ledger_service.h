// groat.ledger.v1.LedgerService over a LedgerNode.
//
// Handlers decode, hand the work to the node and return; answers come from the node's threads.
#ifndef GROAT_SERVICES_LEDGER_LEDGER_SERVICE_H_
#define GROAT_SERVICES_LEDGER_LEDGER_SERVICE_H_

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "groat/ledger/v1/ledger.grpc.pb.h"
#include "services/ledger/ledger_node.h"

namespace groat::ledger_service {

class LedgerServiceImpl final : public ledger::v1::LedgerService::CallbackService {
 public:
  // Watches at once, of blocks and checkpoints together; more end RESOURCE_EXHAUSTED.
  static constexpr int kMaxWatches = 1024;

  // `endpoints` of all nodes by index, "host:port", for the hint in answers to appends; or empty,
  // for none.
  explicit LedgerServiceImpl(LedgerNode& node, std::vector<std::string> endpoints = {})
      : node_(node), endpoints_(std::move(endpoints)) {}

  // Ends all watches UNAVAILABLE, now and later.
  void EndWatches();

  grpc::ServerUnaryReactor* AppendRoot(grpc::CallbackServerContext* context,
                                       const ledger::v1::AppendRootRequest* request,
                                       ledger::v1::AppendRootResponse* response) override;
  grpc::ServerUnaryReactor* GetBlock(grpc::CallbackServerContext* context,
                                     const ledger::v1::GetBlockRequest* request,
                                     ledger::v1::GetBlockResponse* response) override;
  grpc::ServerUnaryReactor* ListBlocks(grpc::CallbackServerContext* context,
                                       const ledger::v1::ListBlocksRequest* request,
                                       ledger::v1::ListBlocksResponse* response) override;
  grpc::ServerWriteReactor<ledger::v1::WatchBlocksResponse>* WatchBlocks(
      grpc::CallbackServerContext* context, const ledger::v1::WatchBlocksRequest* request) override;
  grpc::ServerUnaryReactor* GetHead(grpc::CallbackServerContext* context,
                                    const ledger::v1::GetHeadRequest* request,
                                    ledger::v1::GetHeadResponse* response) override;
  grpc::ServerUnaryReactor* GetInclusionProof(
      grpc::CallbackServerContext* context, const ledger::v1::GetInclusionProofRequest* request,
      ledger::v1::GetInclusionProofResponse* response) override;
  grpc::ServerUnaryReactor* GetConsistencyProof(
      grpc::CallbackServerContext* context, const ledger::v1::GetConsistencyProofRequest* request,
      ledger::v1::GetConsistencyProofResponse* response) override;
  grpc::ServerUnaryReactor* GetCheckpoint(grpc::CallbackServerContext* context,
                                          const ledger::v1::GetCheckpointRequest* request,
                                          ledger::v1::GetCheckpointResponse* response) override;
  grpc::ServerWriteReactor<ledger::v1::WatchCheckpointsResponse>* WatchCheckpoints(
      grpc::CallbackServerContext* context,
      const ledger::v1::WatchCheckpointsRequest* request) override;

 private:
  class BlockWatch;
  class CheckpointWatch;

  template <class Response, class Make>
  grpc::ServerUnaryReactor* Read(grpc::CallbackServerContext* context, Response* response,
                                 bool linearizable, Make make);
  template <class Stream, class Start>
  typename Stream::Reactor* Watch(grpc::CallbackServerContext* context, Start start);
  // Why watches cannot go on; OK if they can.
  absl::Status WatchStatus() const;
  // The size of a log that is asked for: 0 stands for the newest checkpoint's.
  absl::StatusOr<record::Height> LogHeight(uint64_t asked) const;
  // A height above what is applied may be there already: then the read must be linearizable.
  bool NeedsFence(uint64_t height) const { return height > node_.store().applied().value(); }

  // Where another node that is the sequencer is reached; empty if there is none.
  std::string OtherSequencer() const;

  LedgerNode& node_;
  const std::vector<std::string> endpoints_;
  std::atomic<bool> watches_ended_{false};
  std::atomic<int> watch_count_{0};
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_LEDGER_SERVICE_H_
