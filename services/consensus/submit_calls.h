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
#include "services/consensus/submit_desk.h"

namespace groat::consensus_service {

// Where submissions go, and how large a block's commands may be. All of it must outlive the calls.
struct SubmitPath {
  SubmitDesk& desk;
  Metrics& metrics;
  const hotstuff::CommandBounds& block;
};

// One Submit call: answered when all its commands are, or the first one is refused.
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

// Begins a Submit call: the handler returns the result.
grpc::ServerUnaryReactor* StartSubmit(const SubmitPath& path, grpc::CallbackServerContext* context,
                                      const consensus::v1::SubmitRequest& request,
                                      consensus::v1::SubmitResponse* response);

// One SubmitStream call. At most kMaxOpenCommands of it are unanswered, and some more that came in
// one message; until then nothing more is read. Ends when the client has half-closed, or End was
// called, and all commands are answered.
class SubmitStream final : public rpc::BoundedBidiStream<consensus::v1::SubmitStreamRequest,
                                                         consensus::v1::SubmitStreamResponse>,
                           public SubmitSink,
                           public std::enable_shared_from_this<SubmitStream> {
 public:
  static constexpr size_t kMaxOpenCommands = 50'000;

  SubmitStream(grpc::CallbackServerContext* context, const SubmitPath& path);
  void Take(const SubmitAnswer& answer) override ABSL_LOCKS_EXCLUDED(mutex_);
  // Reads no more, and ends with this error once every command is answered. From any thread.
  void End(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using Response = consensus::v1::SubmitStreamResponse;

  void OnMessage(consensus::v1::SubmitStreamRequest request) override ABSL_LOCKS_EXCLUDED(mutex_);
  void OnHalfClose() override ABSL_LOCKS_EXCLUDED(mutex_);
  void OnWritable() override { Flush(); }
  void Refuse(const consensus::v1::SubmitStreamRequest& request, const absl::Status& status);
  void Answer(Response response, size_t commands) ABSL_LOCKS_EXCLUDED(mutex_);
  void Flush() ABSL_LOCKS_EXCLUDED(mutex_);
  void SendAnswers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool MayRead() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const SubmitPath path_;
  Mutex mutex_;
  size_t open_ ABSL_GUARDED_BY(mutex_) = 0;  // Commands without an answer.
  std::deque<Response> answers_ ABSL_GUARDED_BY(mutex_);
  bool flushing_ ABSL_GUARDED_BY(mutex_) = false;
  bool flush_again_ ABSL_GUARDED_BY(mutex_) = false;
  bool half_closed_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status end_ ABSL_GUARDED_BY(mutex_);  // An error once End was called.
};

// The open streams. Thread-safe.
class SubmitStreams {
 public:
  explicit SubmitStreams(const SubmitPath& path) : path_(path) {}

  // The stream is to be started.
  std::shared_ptr<SubmitStream> Open(grpc::CallbackServerContext* context)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Ends all with UNAVAILABLE once their commands are answered, and those that come later too.
  void End() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const SubmitPath path_;
  Mutex mutex_;
  std::vector<std::weak_ptr<SubmitStream>> streams_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_SUBMIT_CALLS_H_
