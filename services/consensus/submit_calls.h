// Submissions on their way: unary calls and streams, from request to answer.
//
// Thread-safe; each keeps itself alive until gRPC and the desk are done with it.
#ifndef GROAT_SERVICES_CONSENSUS_SUBMIT_CALLS_H_
#define GROAT_SERVICES_CONSENSUS_SUBMIT_CALLS_H_

#include <deque>
#include <memory>
#include <vector>

#include "groat/consensus/v1/consensus.grpc.pb.h"
#include "rpc/bidi_stream.h"
#include "rpc/unary.h"
#include "services/consensus/replica.h"

namespace groat::consensus_service {

// One Submit call: answered when all its commands are.
class SubmitCall final : public SubmitSink {
 public:
  using Reply = rpc::UnaryReply<consensus::v1::SubmitResponse>;

  // `commands` have rising sequences of one client.
  SubmitCall(Reply reply, const std::vector<hotstuff::Command>& commands);
  void Take(const SubmitAnswer& answer) override;
  void Fail(const absl::Status& status) { reply_.Fail(status); }

 private:
  Reply reply_;
  std::vector<hotstuff::Sequence> sequences_;
  std::vector<Position> positions_;
  size_t missing_;
};

// One SubmitStream call. At most kMaxOpenCommands of it are unanswered, and some more that came in
// one message; until then nothing more is read.
class SubmitStream final : public rpc::BoundedBidiStream<consensus::v1::SubmitStreamRequest,
                                                         consensus::v1::SubmitStreamResponse>,
                           public SubmitSink,
                           public std::enable_shared_from_this<SubmitStream> {
 public:
  static constexpr size_t kMaxOpenCommands = 50'000;

  SubmitStream(grpc::CallbackServerContext* context, const Replica& replica);
  void Take(const SubmitAnswer& answer) override ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using Response = consensus::v1::SubmitStreamResponse;

  void OnMessage(consensus::v1::SubmitStreamRequest request) override ABSL_LOCKS_EXCLUDED(mutex_);
  void OnHalfClose() override ABSL_LOCKS_EXCLUDED(mutex_);
  void OnWritable() override { Flush(); }
  void Refuse(const consensus::v1::SubmitStreamRequest& request, const absl::Status& status);
  void Answer(Response response, size_t commands) ABSL_LOCKS_EXCLUDED(mutex_);
  void Flush() ABSL_LOCKS_EXCLUDED(mutex_);
  void SendAnswers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Replica& replica_;
  Mutex mutex_;
  size_t open_ ABSL_GUARDED_BY(mutex_) = 0;  // Commands without an answer.
  std::deque<Response> answers_ ABSL_GUARDED_BY(mutex_);
  bool flushing_ ABSL_GUARDED_BY(mutex_) = false;
  bool flush_again_ ABSL_GUARDED_BY(mutex_) = false;
  bool half_closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_SUBMIT_CALLS_H_
