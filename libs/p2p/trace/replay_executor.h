// An executor whose time, chance and order of tasks come from a tape.
//
// Single-threaded.
#ifndef GROAT_P2P_TRACE_REPLAY_EXECUTOR_H_
#define GROAT_P2P_TRACE_REPLAY_EXECUTOR_H_

#include <map>

#include "p2p/executor.h"
#include "p2p/trace/replay_tape.h"

namespace groat::p2p {

class ReplayExecutor final : public Executor {
 public:
  // The tape must outlive it.
  explicit ReplayExecutor(ReplayTape& tape) : tape_(tape) {}

  Instant Now() const override;
  int64_t WallClockUs() const override;
  void Post(Task task) override;
  TimerId PostAt(Instant when, Task task) override;
  void Cancel(TimerId timer) override;
  uint64_t Random() override;
  // The protocol runs in tasks alone.
  bool IsCurrent() const override { return true; }

  // Runs what the protocol posted, or set a timer for; stops the tape if it did not. `record` is
  // what Peek gave.
  void RunPosted(const TraceRecord& record);
  void Fire(const TraceRecord& record);

 private:
  void Run(const TraceRecord& record, std::map<uint64_t, Task>& tasks);

  ReplayTape& tape_;
  std::map<uint64_t, Task> posted_;
  std::map<TimerId, Task> timers_;
  // For what runs on after a stop: time passes, chance is not always the same, so that no loop
  // waits for ever.
  mutable Duration past_stop_{0};
  uint64_t random_state_ = 0;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_TRACE_REPLAY_EXECUTOR_H_
