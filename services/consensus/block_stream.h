// One Subscribe call: reads committed blocks from the store at its client's pace, and waits for the
// next ones at the end.
//
// Schedule may be called from any thread and any number of times; reading happens on the readers'
// threads, never twice at once, and at least once after every Schedule.
#ifndef GROAT_SERVICES_CONSENSUS_BLOCK_STREAM_H_
#define GROAT_SERVICES_CONSENSUS_BLOCK_STREAM_H_

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "groat/consensus/v1/consensus.grpc.pb.h"
#include "rpc/write_stream.h"
#include "services/consensus/replica.h"

namespace groat::consensus_service {

void ToProto(const StoredBlock& stored, consensus::v1::Block* out);

class BlockStream final : public rpc::BoundedWriteStream<consensus::v1::SubscribeResponse>,
                          public std::enable_shared_from_this<BlockStream> {
 public:
  BlockStream(grpc::CallbackServerContext* context, const Replica& replica, Height from,
              std::function<void()> on_closed);
  void Schedule() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using Response = consensus::v1::SubscribeResponse;

  void OnWritable() override { Schedule(); }
  void OnClosed(const absl::Status&) override { on_closed_(); }
  void Pump() ABSL_LOCKS_EXCLUDED(mutex_);
  void PumpSome();
  // The blocks from next_ on that fit into one response, at most up to the last one of a commit.
  absl::StatusOr<Response> Read();

  const Replica& replica_;
  const std::function<void()> on_closed_;
  Mutex mutex_;
  bool pumping_ ABSL_GUARDED_BY(mutex_) = false;
  bool again_ ABSL_GUARDED_BY(mutex_) = false;
  // Of the pump.
  Height next_;
  std::optional<Response> refused_;
};

// The open subscriptions. Thread-safe.
class Subscriptions {
 public:
  explicit Subscriptions(const Replica& replica) : replica_(replica) {}

  // ResourceExhausted if there are too many, Unavailable after End. The stream is to be started.
  absl::StatusOr<std::shared_ptr<BlockStream>> Open(grpc::CallbackServerContext* context,
                                                    Height from) ABSL_LOCKS_EXCLUDED(mutex_);
  // There are new blocks.
  void Wake() ABSL_LOCKS_EXCLUDED(mutex_);
  // Ends all with UNAVAILABLE.
  void End() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  std::vector<std::shared_ptr<BlockStream>> Streams() ABSL_LOCKS_EXCLUDED(mutex_);

  const Replica& replica_;
  Mutex mutex_;
  std::vector<std::weak_ptr<BlockStream>> streams_ ABSL_GUARDED_BY(mutex_);
  size_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_BLOCK_STREAM_H_
