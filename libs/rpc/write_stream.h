// A server-streaming call whose messages come from any thread.
//
//   class BlockStream : public BoundedWriteStream<WatchBlocksResponse> { ... };
//
//   grpc::ServerWriteReactor<WatchBlocksResponse>* WatchBlocks(context, request) override {
//     auto stream = std::make_shared<BlockStream>(context, limits);
//     hub.Add(stream);
//     return StartStream(stream);
//   }
//
// The stream keeps itself alive until gRPC is done with it; producers keep a shared_ptr or a
// weak_ptr. The call ends exactly once: by Finish or Abort, or when the client cancels, the
// deadline passes, the connection breaks or the server stops.
#ifndef GROAT_RPC_WRITE_STREAM_H_
#define GROAT_RPC_WRITE_STREAM_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "rpc/status.h"
#include "rpc/tsan.h"
#include "rpc/write_queue.h"

namespace groat::rpc {

// The sending side of a stream on a reactor of gRPC that has StartWrite and Finish.
template <class ReactorType, class Response>
class BoundedStream : protected ReactorType {
 public:
  using Reactor = ReactorType;

  BoundedStream(grpc::CallbackServerContext* context, StreamLimits limits)
      : context_(context), deadline_(context->deadline()), queue_(limits) {}
  ~BoundedStream() override = default;
  BoundedStream(const BoundedStream&) = delete;
  BoundedStream& operator=(const BoundedStream&) = delete;

  // All four: any thread, also before StartStream.

  // Queues a message behind the earlier ones; see PushResult.
  PushResult Push(Response&& message) {
    Step step;
    const PushResult result = queue_.Push(std::move(message), step);
    Do(step);
    return result;
  }
  // As Push, but a reader too slow for the queue is not waited for: the stream is aborted with
  // RESOURCE_EXHAUSTED. False if it is closed, now or before.
  bool PushOrAbort(Response&& message) {
    const PushResult result = Push(std::move(message));
    if (result == PushResult::kFull) {
      Abort(absl::ResourceExhaustedError("the reader is too slow: the stream's queue is full"));
    }
    return result == PushResult::kQueued;
  }
  // Sends what is queued, then `status`. The first Finish or Abort counts.
  void Finish(absl::Status status) { Do(queue_.End(std::move(status), /*drop_queue=*/false)); }
  // As Finish, but drops what is queued. A message that is already leaving comes first, so a
  // client that reads nothing at all keeps the call open until it is cancelled.
  void Abort(absl::Status status) { Do(queue_.End(std::move(status), /*drop_queue=*/true)); }
  // True once no message is taken any more.
  bool closed() const { return queue_.closed(); }

 protected:
  // After a Push that gave kFull: half of the room is free. Runs on a thread of gRPC, possibly
  // while the refused producer has not yet seen its kFull; must not block.
  virtual void OnWritable() {}
  // The last call, once, whatever ended the stream: the place to unsubscribe. Context and request
  // of the handler are gone soon after. Must not block.
  virtual void OnClosed(const absl::Status& status) { static_cast<void>(status); }

 private:
  using Step = typename WriteQueue<Response>::Step;
  template <class Stream>
  friend typename Stream::Reactor* StartStream(std::shared_ptr<Stream> stream);
  template <class Request, class Reply>
  friend class BoundedBidiStream;

  Reactor* Start(std::shared_ptr<BoundedStream> self) {
    self_ = std::move(self);
    TsanRelease(this);
    return this;
  }

  void Do(const Step& step) {
    if (step.write != nullptr) {
      // With the hint gRPC gathers small messages into larger writes to the socket.
      grpc::WriteOptions options;
      if (step.more_follows) options.set_buffer_hint();
      this->StartWrite(step.write, options);
    } else if (step.finish.has_value()) {
      Reactor::Finish(ToGrpc(*step.finish));
    }
    if (step.writable) OnWritable();
  }
  void Cancelled() { Do(queue_.Cancel(CancellationStatus(deadline_))); }

  void OnWriteDone(bool ok) final {
    TsanAcquire(this);
    Do(queue_.WriteDone(ok, CancellationStatus(deadline_)));
    TsanRelease(this);
  }
  void OnCancel() final {
    TsanAcquire(this);
    Cancelled();
    TsanRelease(this);
  }
  void OnDone() final {
    TsanAcquire(this);
    const std::shared_ptr<BoundedStream> last = std::move(self_);
    OnClosed(queue_.end());
    TsanRelease(&kEndedCalls);
  }

  grpc::CallbackServerContext* const context_;  // Valid until OnDone.
  const std::chrono::system_clock::time_point deadline_;
  WriteQueue<Response> queue_;
  std::shared_ptr<BoundedStream> self_;  // Until OnDone.
};

template <class Response>
using BoundedWriteStream = BoundedStream<grpc::ServerWriteReactor<Response>, Response>;

// Gives a stream to gRPC: the handler returns the result, exactly once.
template <class Stream>
typename Stream::Reactor* StartStream(std::shared_ptr<Stream> stream) {
  Stream* raw = stream.get();
  return raw->Start(std::move(stream));
}

}  // namespace groat::rpc

#endif  // GROAT_RPC_WRITE_STREAM_H_
