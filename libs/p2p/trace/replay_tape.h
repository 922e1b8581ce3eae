// The recorded run that a replay goes along: gives what a protocol was given, compares what it does
// with what it did, and stops at the first difference.
//
// After a stop there is no more to give, but the protocol is in the middle of a task. Its calls are
// then answered so that it comes to an end: no messages, nobody connected, all is well.
//
// Single owner; not thread-safe.
#ifndef GROAT_P2P_TRACE_REPLAY_TAPE_H_
#define GROAT_P2P_TRACE_REPLAY_TAPE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "p2p/trace/trace_reader.h"
#include "p2p/trace/trace_record.h"

namespace groat::p2p {

struct ReplayStop {
  enum class Reason : uint8_t {
    kEnd,         // Of the recorded run: no difference.
    kDifference,  // The protocol did something else.
    kUnreadable,  // The trace cannot say what came next: a gap, damage.
  };
  Reason reason = Reason::kEnd;
  uint64_t record = 0;    // Number of the record where it stopped; of the last one at the end.
  Instant time = {};      // As that record says.
  std::string want = {};  // With a difference: what was recorded there,
  std::string came = {};  // and what the protocol did instead.
  std::string why = {};   // The first field that differs; or what is wrong with the trace.
};

class ReplayTape {
 public:
  // The reader is to stand before the records that follow the run's kStart.
  explicit ReplayTape(TraceReader reader) : reader_(std::move(reader)) {}

  // The next record, or null once stopped. Valid until the tape moves on.
  const TraceRecord* Peek();
  // Moves over the record that Peek gave, which stays valid until the next call.
  void Advance();

  // The protocol made this call; only its fields that are no answers are filled in. The record with
  // the answer, valid until the next call; null once stopped.
  const TraceRecord* Call(const TraceRecord& call);
  // The same for a call that may begin tasks before it returns: begins them, and gives the status.
  absl::Status CallWithTasks(const TraceRecord& call);
  // Begins the tasks that stand next on the tape.
  void RunTasks();
  // Set once, before the first task: turns to the protocol as the record says, which is valid until
  // its first call of Advance. The function must call that before the protocol.
  void set_run_task(std::function<void(const TraceRecord&)> run_task) {
    run_task_ = std::move(run_task);
  }

  // The record at hand, or the one just passed, cannot have come from what the protocol did.
  void Differ(const TraceRecord& want, std::string came, std::string_view why);
  // The protocol ended its task, where the tape says that it went on.
  void DifferAtEndOfTask();

  bool stopped() const { return stopped_; }
  // Meaningful once stopped.
  const ReplayStop& stop() const { return stop_; }
  uint64_t replayed() const { return replayed_; }  // Records.
  uint64_t tasks() const { return tasks_; }
  uint64_t skipped() const { return skipped_; }  // Of others than the protocol.
  // The last time that the tape gave.
  Instant time() const { return time_; }
  const TraceReader& reader() const { return reader_; }

 private:
  void Stop(ReplayStop stop);

  TraceReader reader_;
  std::function<void(const TraceRecord&)> run_task_;
  TraceRecord record_;
  bool loaded_ = false;
  bool stopped_ = false;
  ReplayStop stop_;
  Instant time_;
  uint64_t replayed_ = 0;
  uint64_t tasks_ = 0;
  uint64_t skipped_ = 0;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_TRACE_REPLAY_TAPE_H_
