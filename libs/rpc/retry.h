// Repeats an idempotent call until it succeeds, fails for good, runs out of attempts or time, or
// is cancelled.
//
// Blocks the calling thread; thread-safe.
#ifndef GROAT_RPC_RETRY_H_
#define GROAT_RPC_RETRY_H_

#include <grpcpp/client_context.h>

#include <chrono>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "base/mutex.h"

namespace groat::rpc {

// Ends waiting and calls in flight, from any thread. Once cancelled it stays so.
class Cancellation {
 public:
  Cancellation() = default;
  Cancellation(const Cancellation&) = delete;
  Cancellation& operator=(const Cancellation&) = delete;

  void Cancel();
  bool cancelled() const;
  // False if cancelled before `duration` passed.
  bool Sleep(std::chrono::milliseconds duration);

  // Cancels `context` when this is cancelled, until the scope ends; at once if it was already.
  class Scope {
   public:
    Scope(Cancellation& cancellation, grpc::ClientContext& context);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Cancellation& cancellation_;
    grpc::ClientContext& context_;
  };

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<grpc::ClientContext*> contexts_ ABSL_GUARDED_BY(mutex_);
};

struct RetryPolicy {
  int max_attempts = 5;                             // At least 1.
  std::chrono::milliseconds attempt_timeout{2000};  // Deadline of each call.
  std::chrono::milliseconds total_timeout{10'000};  // Of all attempts and pauses together.
  std::chrono::milliseconds initial_backoff{100};   // Doubles with each attempt,
  std::chrono::milliseconds max_backoff{1000};      // up to this.
  // UNAVAILABLE is always tried again; these too.
  std::vector<absl::StatusCode> also_retry = {};
};

// One attempt: makes the call with `context` and returns its status.
using Attempt = std::function<grpc::Status(grpc::ClientContext& context)>;

// Only for calls that are safe to repeat. Pauses are random between half of the back-off and all
// of it, or as long as the server asks by google.rpc.RetryInfo if that is longer. Returns the last
// attempt's status, its message saying how many attempts were made if more than one; Cancelled if
// `cancellation` ended it.
absl::Status CallWithRetry(const RetryPolicy& policy, Cancellation& cancellation,
                           const Attempt& attempt);

}  // namespace groat::rpc

#endif  // GROAT_RPC_RETRY_H_
