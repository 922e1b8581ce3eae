// An executor that runs a protocol's tasks on another one and records them.
//
// Threads as executor.h says.
#ifndef GROAT_P2P_TRACE_TRACED_EXECUTOR_H_
#define GROAT_P2P_TRACE_TRACED_EXECUTOR_H_

#include <atomic>
#include <map>

#include "p2p/executor.h"
#include "p2p/trace/trace_recorder.h"

namespace groat::p2p {

class TracedExecutor final : public Executor {
 public:
  // Both must outlive every task given to `inner`, and so must this.
  TracedExecutor(Executor& inner, TraceRecorder& recorder) : inner_(inner), recorder_(recorder) {}

  Instant Now() const override;
  int64_t WallClockUs() const override;
  void Post(Task task) override;
  TimerId PostAt(Instant when, Task task) override;
  void Cancel(TimerId timer) override;
  uint64_t Random() override;
  bool IsCurrent() const override { return inner_.IsCurrent(); }

 private:
  void Run(bool inside, TraceKind kind, uint64_t number, Task& task);

  Executor& inner_;
  TraceRecorder& recorder_;
  std::atomic<uint64_t> next_task_{1};
  // Numbers of ours, since a replay gives the same ones only if they depend on the protocol alone.
  TimerId next_timer_ = 1;
  std::map<TimerId, TimerId> timers_;  // Those that have not fired: ours to the inner one's.
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_TRACE_TRACED_EXECUTOR_H_
