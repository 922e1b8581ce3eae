// One node's executor in the simulator: its tasks, timers, chance and clock.
//
// Stopping or destroying it is the end of the node's process: what was posted or set never runs.
// Freezing it is a process that is stopped and goes on later. Single-threaded. A timer is set and
// cancelled in constant time, but for the scheduler's logarithm.
#ifndef GROAT_SIM_NODE_EXECUTOR_H_
#define GROAT_SIM_NODE_EXECUTOR_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "p2p/executor.h"
#include "sim/scheduler.h"
#include "sim/split_mix.h"

namespace groat::sim {

// The clock on a node's wall: true time, plus `skew`, plus `drift` for each second that passes.
struct WallClock {
  std::chrono::milliseconds skew{0};
  double drift = 0;  // 1e-4 gains 0.1 ms a second.
};

// What the wall clock of a node without skew shows at the scheduler's beginning: 2026-01-01.
inline constexpr int64_t kEpochMs = 1'767'225'600'000;
inline constexpr int64_t kEpochUs = kEpochMs * 1000;

class NodeExecutor final : public p2p::Executor, private EventHandler {
 public:
  NodeExecutor(Scheduler& scheduler, uint64_t seed)
      : EventHandler(scheduler), scheduler_(scheduler), began_(scheduler.Now()), random_(seed) {}
  ~NodeExecutor() override;
  NodeExecutor(const NodeExecutor&) = delete;
  NodeExecutor& operator=(const NodeExecutor&) = delete;

  // The clock jumps to the new skew; its drift counts from now on.
  void SetWallClock(WallClock clock);

  // While frozen nothing runs; what was due runs when it thaws, in order.
  void Freeze(bool frozen);
  bool frozen() const { return frozen_; }
  // Destroys every task and timer; those that come later are dropped too. Not from its own tasks.
  void Stop();

  // Runs `task` now, as a task of this executor. Returns what it returns.
  template <typename Callable>
  auto Run(Callable&& task) {
    const Turn turn(*this);
    return std::forward<Callable>(task)();
  }
  // For other handlers of events that happen to this node: whether the event has to wait, because
  // the node is frozen. If so it comes again when the node thaws or is gone.
  bool Defer(EventHandler& handler, uint64_t argument) {
    if (!frozen_) return false;
    due_.emplace_back(&handler, argument);
    return true;
  }

  Instant Now() const override { return Instant(scheduler_.Now() - began_); }
  int64_t WallClockUs() const override;
  void Post(p2p::Task task) override { Set(scheduler_.Now(), std::move(task)); }
  p2p::TimerId PostAt(Instant when, p2p::Task task) override {
    return Set(began_ + when.time_since_epoch(), std::move(task));
  }
  void Cancel(p2p::TimerId timer) override;
  uint64_t Random() override { return random_.Next(); }
  bool IsCurrent() const override { return running_; }

 private:
  // While it lives the node's code runs.
  class Turn {
   public:
    explicit Turn(NodeExecutor& executor)
        : executor_(executor), before_(std::exchange(executor.running_, true)) {}
    ~Turn() { executor_.running_ = before_; }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    NodeExecutor& executor_;
    const bool before_;
  };
  struct Pending {
    p2p::Task task;
    EventId event = 0;
    uint32_t generation = 1;
  };

  p2p::TimerId Set(Instant when, p2p::Task task);
  p2p::Task Take(uint32_t slot);
  void OnEvent(uint64_t slot) override;

  Scheduler& scheduler_;
  const Instant began_;
  SplitMix64 random_;
  WallClock clock_;
  Instant clock_set_;
  bool frozen_ = false;
  bool stopped_ = false;
  bool running_ = false;
  std::vector<Pending> pending_;
  std::vector<uint32_t> free_slots_;
  std::vector<std::pair<EventHandler*, uint64_t>> due_;  // What came while frozen.
};

}  // namespace groat::sim

#endif  // GROAT_SIM_NODE_EXECUTOR_H_
