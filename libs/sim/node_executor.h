// One node's executor in the simulator: its tasks, timers, chance and clock.
//
// Destroying it is the end of the node's process: what was posted or set never runs. Freezing it is
// a process that is stopped and goes on later. Single-threaded.
#ifndef GROAT_SIM_NODE_EXECUTOR_H_
#define GROAT_SIM_NODE_EXECUTOR_H_

#include <cstdint>
#include <vector>

#include "p2p/executor.h"
#include "sim/split_mix.h"
#include "sim/scheduler.h"

namespace groat::sim {

// The clock on a node's wall: true time, plus `skew`, plus `drift` for each second that passes.
struct WallClock {
  std::chrono::milliseconds skew{0};
  double drift = 0;  // 1e-4 gains 0.1 ms a second.
};

// What the wall clock of a node without skew shows at the scheduler's beginning: 2026-01-01.
inline constexpr int64_t kEpochMs = 1'767'225'600'000;

class NodeExecutor final : public p2p::Executor, private EventHandler {
 public:
  NodeExecutor(Scheduler& scheduler, uint64_t seed) : scheduler_(scheduler), random_(seed) {}
  ~NodeExecutor() override;
  NodeExecutor(const NodeExecutor&) = delete;
  NodeExecutor& operator=(const NodeExecutor&) = delete;

  void SetWallClock(WallClock clock) { clock_ = clock; }
  // While frozen nothing runs; what was due runs when it thaws.
  void Freeze(bool frozen);
  bool frozen() const { return frozen_; }

  Instant Now() const override { return scheduler_.Now(); }
  int64_t WallClockMs() const override;
  void Post(p2p::Task task) override { PostAt(scheduler_.Now(), std::move(task)); }
  p2p::TimerId PostAt(Instant when, p2p::Task task) override;
  void Cancel(p2p::TimerId timer) override;
  uint64_t Random() override { return random_.Next(); }
  // The simulation has one thread, and everything on it may be called.
  bool IsCurrent() const override { return true; }

 private:
  struct Pending {
    p2p::Task task;
    EventId event = 0;
    uint32_t generation = 1;
  };
  void OnEvent(uint64_t slot) override;

  Scheduler& scheduler_;
  SplitMix64 random_;
  WallClock clock_;
  bool frozen_ = false;
  std::vector<Pending> pending_;
  std::vector<uint32_t> free_slots_;
  std::vector<uint64_t> due_;  // Slots whose time came while frozen.
};

}  // namespace groat::sim

#endif  // GROAT_SIM_NODE_EXECUTOR_H_
