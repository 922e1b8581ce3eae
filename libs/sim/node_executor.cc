#include "sim/node_executor.h"

#include <utility>

#include "base/check.h"

namespace groat::sim {

NodeExecutor::~NodeExecutor() {
  for (const Pending& pending : pending_) scheduler_.Cancel(pending.event);
}

int64_t NodeExecutor::WallClockMs() const {
  const Duration passed = scheduler_.Now().time_since_epoch();
  const auto passed_ms = std::chrono::duration_cast<std::chrono::milliseconds>(passed).count();
  return kEpochMs + passed_ms + clock_.skew.count() +
         static_cast<int64_t>(static_cast<double>(passed_ms) * clock_.drift);
}

p2p::TimerId NodeExecutor::PostAt(Instant when, p2p::Task task) {
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

void NodeExecutor::Cancel(p2p::TimerId timer) {
  const auto slot = static_cast<uint32_t>(timer);
  if (timer == 0 || slot >= pending_.size() || pending_[slot].generation != timer >> 32) return;
  Pending& pending = pending_[slot];
  scheduler_.Cancel(std::exchange(pending.event, 0));
  std::erase(due_, slot);
  ++pending.generation;
  free_slots_.push_back(slot);
  // Last, since what the task holds may set or cancel timers as it goes.
  const p2p::Task dropped = std::exchange(pending.task, nullptr);
}

void NodeExecutor::OnEvent(uint64_t slot) {
  Pending& pending = pending_[slot];
  pending.event = 0;
  if (frozen_) {
    due_.push_back(slot);
    return;
  }
  p2p::Task task = std::exchange(pending.task, nullptr);
  ++pending.generation;
  free_slots_.push_back(static_cast<uint32_t>(slot));
  task();
}

void NodeExecutor::Freeze(bool frozen) {
  frozen_ = frozen;
  if (frozen) return;
  for (const uint64_t slot : std::exchange(due_, {})) {
    pending_[slot].event = scheduler_.At(scheduler_.Now(), *this, slot);
  }
}

}  // namespace groat::sim
