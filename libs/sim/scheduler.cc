#include "sim/scheduler.h"

#include <algorithm>

#include "base/check.h"

namespace groat::sim {
namespace {

constexpr size_t kChildren = 4;

}  // namespace

void Scheduler::Push(const Entry& entry) {
  size_t at = heap_.size();
  heap_.push_back(entry);
  while (at > 0) {
    const size_t parent = (at - 1) / kChildren;
    if (!entry.Before(heap_[parent])) break;
    heap_[at] = heap_[parent];
    at = parent;
  }
  heap_[at] = entry;
}

Scheduler::Entry Scheduler::Pop() {
  const Entry first = heap_.front();
  const Entry last = heap_.back();
  heap_.pop_back();
  if (heap_.empty()) return first;
  size_t at = 0;
  while (true) {
    const size_t begin = at * kChildren + 1;
    if (begin >= heap_.size()) break;
    const size_t end = std::min(begin + kChildren, heap_.size());
    size_t least = begin;
    for (size_t child = begin + 1; child < end; ++child) {
      if (heap_[child].Before(heap_[least])) least = child;
    }
    if (!heap_[least].Before(last)) break;
    heap_[at] = heap_[least];
    at = least;
  }
  heap_[at] = last;
  return first;
}

EventId Scheduler::At(Instant when, EventHandler& handler, uint64_t argument) {
  uint32_t slot;
  if (free_slots_.empty()) {
    slot = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  slots_[slot].handler = &handler;
  slots_[slot].argument = argument;
  Push({std::max(when, now_).time_since_epoch().count(), ++last_order_, slot});
  return uint64_t{slots_[slot].generation} << 32 | slot;
}

void Scheduler::Cancel(EventId event) {
  const auto slot = static_cast<uint32_t>(event);
  if (event == 0 || slot >= slots_.size() || slots_[slot].generation != event >> 32) return;
  slots_[slot].handler = nullptr;
}

bool Scheduler::Step() {
  while (!heap_.empty()) {
    const Entry entry = Pop();
    Slot& slot = slots_[entry.slot];
    EventHandler* handler = slot.handler;
    const uint64_t argument = slot.argument;
    slot.handler = nullptr;
    ++slot.generation;
    free_slots_.push_back(entry.slot);
    if (handler == nullptr) continue;  // Cancelled.
    now_ = Instant(Duration(entry.time_ns));
    ++events_run_;
    Mix(static_cast<uint64_t>(entry.time_ns));
    handler->OnEvent(argument);
    return true;
  }
  return false;
}

void Scheduler::RunFor(Duration time) {
  const Instant end = now_ + time;
  while (!heap_.empty() && heap_.front().time_ns <= end.time_since_epoch().count()) {
    // A cancelled event at the head must not make Step run one beyond the end.
    if (slots_[heap_.front().slot].handler == nullptr) {
      const Entry cancelled = Pop();
      ++slots_[cancelled.slot].generation;
      free_slots_.push_back(cancelled.slot);
      continue;
    }
    Step();
  }
  now_ = end;
}

bool Scheduler::RunUntil(const std::function<bool()>& done, Duration limit) {
  const Instant end = now_ + limit;
  while (!done()) {
    if (heap_.empty() || heap_.front().time_ns > end.time_since_epoch().count()) {
      now_ = end;
      return done();
    }
    Step();
  }
  return true;
}

}  // namespace groat::sim
