#include "sim/node_executor.h"

#include <utility>

#include "base/check.h"

namespace groat::sim {

NodeExecutor::~NodeExecutor() { Stop(); }

void NodeExecutor::Stop() {
  GROAT_CHECK(!running_);
  stopped_ = true;
  frozen_ = false;
  // What others wait for comes again, and finds that its process is gone.
  for (const auto& [handler, argument] : std::exchange(due_, {})) {
    if (handler != this) scheduler_.At(scheduler_.Now(), *handler, argument);
  }
  for (const Pending& pending : pending_) scheduler_.Cancel(pending.event);
  // Tasks may cancel others as they are destroyed, and so go one by one.
  for (size_t slot = 0; slot < pending_.size(); ++slot) {
    const p2p::Task dropped = std::exchange(pending_[slot].task, nullptr);
    ++pending_[slot].generation;
  }
}

void NodeExecutor::SetWallClock(WallClock clock) {
  clock_ = clock;
  clock_set_ = scheduler_.Now();
}

int64_t NodeExecutor::WallClockUs() const {
  const auto to_us = [](Duration time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
  };
  const int64_t drifting_us = to_us(scheduler_.Now() - clock_set_);
  return kEpochUs + to_us(scheduler_.Now().time_since_epoch()) + to_us(clock_.skew) +
         static_cast<int64_t>(static_cast<double>(drifting_us) * clock_.drift);
}

p2p::TimerId NodeExecutor::Set(Instant when, p2p::Task task) {
  if (stopped_) return 0;
  uint32_t slot;
  if (free_slots_.empty()) {
    slot = static_cast<uint32_t>(pending_.size());
    pending_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  Pending& pending = pending_[slot];
  pending.task = std::move(task);
  pending.event = scheduler_.At(when, *this, slot);
  return uint64_t{pending.generation} << 32 | slot;
}

// The slot is free from then on.
p2p::Task NodeExecutor::Take(uint32_t slot) {
  Pending& pending = pending_[slot];
  p2p::Task task = std::exchange(pending.task, nullptr);
  pending.event = 0;
  ++pending.generation;
  free_slots_.push_back(slot);
  return task;
}

void NodeExecutor::Cancel(p2p::TimerId timer) {
  const auto slot = static_cast<uint32_t>(timer);
  if (timer == 0 || stopped_ || slot >= pending_.size() ||
      pending_[slot].generation != timer >> 32) {
    return;
  }
  scheduler_.Cancel(pending_[slot].event);
  if (frozen_) std::erase(due_, std::pair<EventHandler*, uint64_t>(this, slot));
  // Destroyed last, since what it holds may set or cancel timers as it goes.
  const p2p::Task dropped = Take(slot);
}

void NodeExecutor::OnEvent(uint64_t slot) {
  if (Defer(*this, slot)) return;
  p2p::Task task = Take(static_cast<uint32_t>(slot));
  const Turn turn(*this);
  task();
}

void NodeExecutor::Freeze(bool frozen) {
  if (stopped_) return;
  frozen_ = frozen;
  if (frozen) return;
  for (const auto& [handler, argument] : std::exchange(due_, {})) {
    const EventId event = scheduler_.At(scheduler_.Now(), *handler, argument);
    if (handler == this) pending_[argument].event = event;
  }
}

}  // namespace groat::sim
