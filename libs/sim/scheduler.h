// Virtual time: a queue of events that run one after another, each at its instant.
//
// Deterministic: events of the same instant run in the order in which they were scheduled, and
// nothing here depends on addresses, threads or the machine's clock. Single-threaded.
#ifndef GROAT_SIM_SCHEDULER_H_
#define GROAT_SIM_SCHEDULER_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "p2p/executor.h"

namespace groat::sim {

using p2p::Duration;
using p2p::Instant;

// Runs events that are told apart by a number, without memory of their own.
class EventHandler {
 public:
  virtual ~EventHandler() = default;
  virtual void OnEvent(uint64_t argument) = 0;
};

// Names an event until it has run or was cancelled; 0 names none.
using EventId = uint64_t;

class Scheduler {
 public:
  Instant Now() const { return now_; }

  // `when` in the past means now. `handler` must live until the event has run or is cancelled.
  EventId At(Instant when, EventHandler& handler, uint64_t argument);
  // No effect on an event that has run.
  void Cancel(EventId event);

  // Runs the next event. False if there is none.
  bool Step();
  // Runs every event of this time; then Now() is at its end.
  void RunFor(Duration time);
  // Runs events until `done`, which is asked after each, or until `limit` has passed. Returns
  // whether it was done.
  bool RunUntil(const std::function<bool()>& done, Duration limit);

  uint64_t events_run() const { return events_run_; }
  size_t waiting() const { return heap_.size(); }

  // A number over everything that ran, in order: equal for equal runs, different, but for chance,
  // for others. Parts of a simulation mix in what they do.
  uint64_t digest() const { return digest_; }
  void Mix(uint64_t value) {
    // The finaliser of SplitMix64 over a running sum: cheap, and every bit counts.
    uint64_t x = digest_ + value + 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    digest_ = x ^ (x >> 31);
  }

 private:
  struct Entry {
    int64_t time_ns;
    uint64_t order;
    uint32_t slot;
    bool Before(const Entry& other) const {
      return time_ns != other.time_ns ? time_ns < other.time_ns : order < other.order;
    }
  };
  struct Slot {
    EventHandler* handler = nullptr;  // Null: free, or cancelled and still in the heap.
    uint64_t argument = 0;
    uint32_t generation = 1;
  };

  void Push(const Entry& entry);
  Entry Pop();

  Instant now_;
  std::vector<Entry> heap_;  // Each entry before its four children.
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;
  uint64_t last_order_ = 0;
  uint64_t events_run_ = 0;
  uint64_t digest_ = 0;
};

}  // namespace groat::sim

#endif  // GROAT_SIM_SCHEDULER_H_
