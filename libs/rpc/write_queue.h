// The sending half of a stream: a bounded queue and the rules of when gRPC may be called.
//
// gRPC wants at most one write outstanding, exactly one Finish and nothing after it, while messages
// come from any thread and the call may be cancelled at any moment. Every function here changes
// the state under one lock and returns the single step that the caller must then take on the
// reactor, without the lock.
//
//   state    | Push      | End          | WriteDone(ok)        | WriteDone(!ok), Cancel
//   ---------+-----------+--------------+----------------------+------------------------
//   open     | queue     | -> ending    | write the next       | -> ending, queue dropped
//   ending   | kClosed   | no effect    | write the next, then | queue dropped, then
//            |           |              | finish -> finished   | finish -> finished
//   finished | kClosed   | no effect    | (cannot happen)      | no effect
//
// Finish waits for the outstanding write and for every Hold.
//
// Thread-safe.
#ifndef GROAT_RPC_WRITE_QUEUE_H_
#define GROAT_RPC_WRITE_QUEUE_H_

#include <chrono>
#include <deque>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "base/check.h"
#include "base/mutex.h"

namespace groat::rpc {

// What a stream may hold unsent. A message is taken if both bounds hold with it, and in any case
// if nothing is queued.
struct StreamLimits {
  size_t max_messages = 256;
  size_t max_bytes = 4 * 1024 * 1024;
};

enum class PushResult {
  kQueued,  // Will be sent unless the call breaks.
  kFull,    // Not taken: the reader is slow. OnWritable follows once half of the room is free.
  kClosed,  // Not taken: the stream is ending or has ended.
};

// CANCELLED, or DEADLINE_EXCEEDED if the call's deadline has passed.
inline absl::Status CancellationStatus(std::chrono::system_clock::time_point deadline) {
  return std::chrono::system_clock::now() >= deadline
             ? absl::DeadlineExceededError("the deadline passed before the call ended")
             : absl::CancelledError("cancelled by the client or by the end of the connection");
}

template <class Message>
class WriteQueue {
 public:
  // What to do on the reactor; at most one of `write` and `finish` is set.
  struct Step {
    const Message* write = nullptr;  // Valid until WriteDone.
    bool more_follows = false;       // With `write`: another message is already queued.
    std::optional<absl::Status> finish;
    bool writable = false;  // Tell the producer that was refused.
  };

  explicit WriteQueue(StreamLimits limits) : limits_(limits) {}

  // Takes `message` unless the result is kFull or kClosed; then it is untouched.
  PushResult Push(Message&& message, Step& step) {
    const size_t size_bytes = message.ByteSizeLong();
    MutexLock lock(mutex_);
    if (end_.has_value()) return PushResult::kClosed;
    if (!queue_.empty() &&
        (queue_.size() >= limits_.max_messages || queued_bytes_ + size_bytes > limits_.max_bytes)) {
      refused_ = true;
      return PushResult::kFull;
    }
    queue_.push_back({std::move(message), size_bytes});
    queued_bytes_ += size_bytes;
    step = Next();
    return PushResult::kQueued;
  }

  // Ends the stream with `status`; messages that are queued are sent before, or dropped.
  Step End(absl::Status status, bool drop_queue) {
    MutexLock lock(mutex_);
    if (!end_.has_value()) {
      end_ = std::move(status);
      if (drop_queue) DropQueue();
    }
    return Next();
  }

  // The outstanding write ended; `cancelled` is the status to finish with if it failed.
  Step WriteDone(bool ok, absl::Status cancelled) {
    MutexLock lock(mutex_);
    GROAT_CHECK(writing_ && !queue_.empty());
    writing_ = false;
    queued_bytes_ -= queue_.front().size_bytes;
    queue_.pop_front();
    if (!ok) Break(std::move(cancelled));
    Step step = Next();
    if (refused_ && !end_.has_value() && queue_.size() <= limits_.max_messages / 2 &&
        queued_bytes_ <= limits_.max_bytes / 2) {
      refused_ = false;
      step.writable = true;
    }
    return step;
  }

  // The call is gone: nothing more is written. Replaces the status of an End that did not get
  // through.
  Step Cancel(absl::Status status) {
    MutexLock lock(mutex_);
    Break(std::move(status));
    return Next();
  }

  // Keeps the stream from finishing while the caller uses the reactor, e.g. to start a read; false
  // if it has finished or is about to. Every successful Hold needs one Release.
  bool Hold() {
    MutexLock lock(mutex_);
    if (finished_ || end_.has_value()) return false;
    ++holds_;
    return true;
  }
  Step Release() {
    MutexLock lock(mutex_);
    GROAT_CHECK(holds_ > 0);
    --holds_;
    return Next();
  }

  // True once no further message is taken.
  bool closed() const {
    MutexLock lock(mutex_);
    return end_.has_value();
  }
  // The status that the stream ends with; only when closed.
  absl::Status end() const {
    MutexLock lock(mutex_);
    return *end_;
  }

 private:
  struct Entry {
    Message message;
    size_t size_bytes;
  };

  Step Next() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Step step;
    if (writing_ || finished_) return step;
    if (!queue_.empty()) {
      writing_ = true;
      // References into a deque stay valid while others are added or removed at its ends.
      step.write = &queue_.front().message;
      step.more_follows = queue_.size() > 1;
    } else if (end_.has_value() && holds_ == 0) {
      finished_ = true;
      step.finish = end_;
    }
    return step;
  }

  void Break(absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (finished_) return;
    end_ = std::move(status);
    DropQueue();
  }

  // All but the message that gRPC is reading.
  void DropQueue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    while (queue_.size() > (writing_ ? 1 : 0)) {
      queued_bytes_ -= queue_.back().size_bytes;
      queue_.pop_back();
    }
  }

  const StreamLimits limits_;
  mutable Mutex mutex_;
  std::deque<Entry> queue_ ABSL_GUARDED_BY(mutex_);  // Front: being written if writing_.
  size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t holds_ ABSL_GUARDED_BY(mutex_) = 0;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool refused_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace groat::rpc

#endif  // GROAT_RPC_WRITE_QUEUE_H_
