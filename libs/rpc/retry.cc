#include "rpc/retry.h"

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "rpc/channel.h"
#include "rpc/status.h"

namespace groat::rpc {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// From half of `backoff` to all of it, so that clients that failed together come back apart.
milliseconds Jitter(milliseconds backoff) {
  static thread_local std::minstd_rand generator(std::random_device{}());
  return milliseconds(std::uniform_int_distribution<int64_t>((backoff.count() + 1) / 2,
                                                             backoff.count())(generator));
}

bool ShouldRetry(const RetryPolicy& policy, const absl::Status& status) {
  return absl::IsUnavailable(status) ||
         std::find(policy.also_retry.begin(), policy.also_retry.end(), status.code()) !=
             policy.also_retry.end();
}

// `status` with the number of attempts in its message; details stay.
absl::Status AfterAttempts(const absl::Status& status, int attempts) {
  if (status.ok() || attempts == 1) return status;
  absl::Status out(status.code(), absl::StrCat(status.message(), " (", attempts, " attempts)"));
  status.ForEachPayload(
      [&out](absl::string_view url, const absl::Cord& payload) { out.SetPayload(url, payload); });
  return out;
}

}  // namespace

void Cancellation::Cancel() {
  MutexLock lock(mutex_);
  cancelled_ = true;
  // Under the lock, because a Scope's end takes the context away. TryCancel does not wait.
  for (grpc::ClientContext* context : contexts_) context->TryCancel();
  changed_.NotifyAll();
}

bool Cancellation::cancelled() const {
  MutexLock lock(mutex_);
  return cancelled_;
}

bool Cancellation::Sleep(milliseconds duration) {
  const Clock::time_point end = Clock::now() + duration;
  MutexLock lock(mutex_);
  while (!cancelled_) {
    if (!changed_.WaitUntil(mutex_, end)) return !cancelled_;
  }
  return false;
}

Cancellation::Scope::Scope(Cancellation& cancellation, grpc::ClientContext& context)
    : cancellation_(cancellation), context_(context) {
  MutexLock lock(cancellation_.mutex_);
  cancellation_.contexts_.push_back(&context_);
  if (cancellation_.cancelled_) context_.TryCancel();
}

Cancellation::Scope::~Scope() {
  MutexLock lock(cancellation_.mutex_);
  std::erase(cancellation_.contexts_, &context_);
}

absl::Status CallWithRetry(const RetryPolicy& policy, Cancellation& cancellation,
                           const Attempt& attempt) {
  GROAT_CHECK(policy.max_attempts >= 1) << policy.max_attempts;
  const Clock::time_point end = Clock::now() + policy.total_timeout;
  milliseconds backoff = policy.initial_backoff;
  for (int attempts = 1;; ++attempts) {
    const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
    absl::Status status;
    {
      CallContext context(std::max(milliseconds(1), std::min(policy.attempt_timeout, left)));
      const Cancellation::Scope scope(cancellation, context);
      status = FromGrpc(attempt(context));
    }
    if (status.ok()) return status;
    if (cancellation.cancelled()) return absl::CancelledError("the caller gave up");
    if (!ShouldRetry(policy, status) || attempts == policy.max_attempts) {
      return AfterAttempts(status, attempts);
    }
    const milliseconds pause =
        std::max(Jitter(backoff), RetryDelay(status).value_or(milliseconds(0)));
    if (Clock::now() + pause >= end) return AfterAttempts(status, attempts);
    if (!cancellation.Sleep(pause)) return absl::CancelledError("the caller gave up");
    backoff = std::min(backoff * 2, policy.max_backoff);
  }
}

}  // namespace groat::rpc
