#include "p2p/trace/traced_executor.h"

#include <optional>
#include <utility>

namespace groat::p2p {
namespace {

TraceRecord Numbered(TraceKind kind, uint64_t number) {
  TraceRecord record;
  record.kind = kind;
  record.number = number;
  return record;
}

}  // namespace

Instant TracedExecutor::Now() const {
  const Instant now = inner_.Now();
  recorder_.SetTime(now);
  recorder_.Record(
      Numbered(TraceKind::kNow, static_cast<uint64_t>(now.time_since_epoch().count())));
  return now;
}

int64_t TracedExecutor::WallClockUs() const {
  const int64_t now_us = inner_.WallClockUs();
  recorder_.Record(Numbered(TraceKind::kWallClock, static_cast<uint64_t>(now_us)));
  return now_us;
}

uint64_t TracedExecutor::Random() {
  const uint64_t random = inner_.Random();
  recorder_.Record(Numbered(TraceKind::kRandom, random));
  return random;
}

// What comes from outside stays outside: its calls are no more the protocol's than itself.
void TracedExecutor::Run(bool inside, TraceKind kind, uint64_t number, Task& task) {
  if (!inside) return task();
  const TraceRecorder::TaskScope scope(recorder_, Numbered(kind, number));
  task();
}

void TracedExecutor::Post(Task task) {
  const bool inside = recorder_.Inside();
  const uint64_t number = next_task_.fetch_add(1, std::memory_order_relaxed);
  recorder_.Record(Numbered(TraceKind::kPost, number));
  inner_.Post([this, inside, number, task = std::move(task)]() mutable {
    Run(inside, TraceKind::kTaskRan, number, task);
  });
}

TimerId TracedExecutor::PostAt(Instant when, Task task) {
  const bool inside = recorder_.Inside();
  const TimerId timer = next_timer_++;
  TraceRecord record =
      Numbered(TraceKind::kPostAt, static_cast<uint64_t>(when.time_since_epoch().count()));
  record.second_number = timer;
  recorder_.Record(record);
  timers_[timer] = inner_.PostAt(when, [this, inside, timer, task = std::move(task)]() mutable {
    timers_.erase(timer);
    Run(inside, TraceKind::kTimerFired, timer, task);
  });
  return timer;
}

void TracedExecutor::Cancel(TimerId timer) {
  recorder_.Record(Numbered(TraceKind::kCancel, timer));
  const auto found = timers_.find(timer);
  if (found == timers_.end()) return;
  inner_.Cancel(found->second);
  timers_.erase(found);
}

}  // namespace groat::p2p
