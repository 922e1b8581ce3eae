// Short forms for handlers of unary calls (callback API).
//
//   grpc::ServerUnaryReactor* GetHead(...) override { return FinishUnary(context, status); }
//
//   grpc::ServerUnaryReactor* Submit(context, request, response) override {
//     UnaryReply<SubmitResponse> reply(context, response);
//     grpc::ServerUnaryReactor* reactor = reply.reactor();
//     driver.Enqueue(*request, std::move(reply));  // Later, on any thread: reply.Send(...).
//     return reactor;
//   }
#ifndef GROAT_RPC_UNARY_H_
#define GROAT_RPC_UNARY_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "rpc/status.h"
#include "rpc/tsan.h"
#include "rpc/write_queue.h"

namespace groat::rpc {

// Ends a call at once; the handler returns the result. The response must be filled in before.
inline grpc::ServerUnaryReactor* FinishUnary(grpc::CallbackServerContext* context,
                                             const absl::Status& status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  TsanRelease(&kEndedCalls);
  reactor->Finish(ToGrpc(status));
  return reactor;
}

// The answer that a handler owes, to be given later from any thread.
//
// The call ends exactly once: by the first Send or Fail, or earlier when the client cancels, its
// deadline passes or the server stops; a later Send or Fail then has no effect. A reply that is
// destroyed unanswered ends INTERNAL, so that a forgotten one cannot hang the server's shutdown.
// Move-only; a reply itself belongs to one thread at a time.
template <class Response>
class UnaryReply {
 public:
  // `response` is the handler's argument; it is written only while the call is open.
  UnaryReply(grpc::CallbackServerContext* context, Response* response)
      : call_(new Call(context, response)) {
    call_->KeepUntilDone(call_);
  }
  UnaryReply(UnaryReply&&) noexcept = default;
  UnaryReply& operator=(UnaryReply&& other) noexcept {
    if (this != &other) {
      Drop();
      call_ = std::move(other.call_);
    }
    return *this;
  }
  ~UnaryReply() { Drop(); }

  // What the handler returns to gRPC; it must do so exactly once.
  grpc::ServerUnaryReactor* reactor() const { return call_.get(); }

  // True once the call ended without us: further work for it is wasted.
  bool closed() const { return call_ == nullptr || call_->closed(); }

  // Each gives up the reply. `status` of Fail is an error; OK becomes INTERNAL.
  void Send(Response response) {
    if (call_ != nullptr) std::exchange(call_, nullptr)->Send(std::move(response));
  }
  void Fail(const absl::Status& status) {
    if (call_ == nullptr) return;
    std::exchange(call_, nullptr)
        ->End(status.ok() ? absl::InternalError("failed with an OK status") : status);
  }

 private:
  class Call final : public grpc::ServerUnaryReactor {
   public:
    Call(grpc::CallbackServerContext* context, Response* response)
        : deadline_(context->deadline()), response_(response) {}

    // gRPC does not own reactors: this one lives until OnDone and for as long as there is a reply.
    void KeepUntilDone(std::shared_ptr<Call> self) {
      self_ = std::move(self);
      TsanRelease(this);
    }

    bool closed() const {
      MutexLock lock(mutex_);
      return closed_;
    }
    void Send(Response response) {
      {
        MutexLock lock(mutex_);
        if (closed_) return;
        closed_ = true;
        // After Finish the response belongs to gRPC, so it is filled in under the same lock that
        // decides who finishes.
        *response_ = std::move(response);
      }
      this->Finish(grpc::Status::OK);
    }
    void End(const absl::Status& status) {
      {
        MutexLock lock(mutex_);
        if (closed_) return;
        closed_ = true;
      }
      this->Finish(ToGrpc(status));
    }

   private:
    void OnCancel() override {
      TsanAcquire(this);
      End(CancellationStatus(deadline_));
      TsanRelease(this);
    }
    void OnDone() override {
      TsanAcquire(this);
      const std::shared_ptr<Call> last = std::move(self_);
      TsanRelease(&kEndedCalls);
    }

    const std::chrono::system_clock::time_point deadline_;
    Response* const response_;
    std::shared_ptr<Call> self_;
    mutable Mutex mutex_;
    bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  };

  void Drop() {
    if (call_ != nullptr) call_->End(absl::InternalError("the call was dropped unanswered"));
  }

  std::shared_ptr<Call> call_;
};

}  // namespace groat::rpc

#endif  // GROAT_RPC_UNARY_H_
