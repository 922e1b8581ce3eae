// Where the decorators of one node's network and executor meet: puts records in order, and knows
// whether the protocol itself is at work.
//
// Threads: Record and Inside from any; scopes belong to tasks of the executor.
#ifndef GROAT_P2P_TRACE_TRACE_RECORDER_H_
#define GROAT_P2P_TRACE_TRACE_RECORDER_H_

#include <atomic>
#include <thread>

#include "p2p/executor.h"
#include "p2p/trace/trace_record.h"
#include "p2p/trace/trace_writer.h"

namespace groat::p2p {

class TraceRecorder {
 public:
  // Both must outlive it.
  TraceRecorder(Executor& executor, TraceWriter& writer) : executor_(executor), writer_(writer) {}

  // Whether the calling thread runs one of the protocol's tasks. Everything else that uses the
  // traced network and executor, the application or other threads, is outside: a replay does not
  // have it.
  bool Inside() const {
    return inside_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

  // Sets time and `outside`, and appends.
  void Record(TraceRecord record) {
    record.outside = !Inside();
    record.time = Instant(Duration(time_.load(std::memory_order_relaxed)));
    writer_.Append(record);
  }
  void SetTime(Instant now) {
    time_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }

  // A task of the protocol, from the record that begins it to the scope's end. May stand in
  // another one.
  class TaskScope {
   public:
    TaskScope(TraceRecorder& recorder, const TraceRecord& begin)
        : recorder_(recorder), before_(recorder.inside_.load(std::memory_order_relaxed)) {
      recorder_.inside_.store(std::this_thread::get_id(), std::memory_order_relaxed);
      recorder_.SetTime(recorder_.executor_.Now());
      recorder_.Record(begin);
    }
    ~TaskScope() { recorder_.inside_.store(before_, std::memory_order_relaxed); }
    TaskScope(const TaskScope&) = delete;
    TaskScope& operator=(const TaskScope&) = delete;

   private:
    TraceRecorder& recorder_;
    const std::thread::id before_;
  };

 private:
  Executor& executor_;
  TraceWriter& writer_;
  std::atomic<std::thread::id> inside_{};
  std::atomic<Duration::rep> time_{0};
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_TRACE_TRACE_RECORDER_H_
