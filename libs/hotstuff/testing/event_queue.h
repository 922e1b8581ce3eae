// Events of a simulation, by time, then in the order in which they were put in. Tests only.
#ifndef GROAT_HOTSTUFF_TESTING_EVENT_QUEUE_H_
#define GROAT_HOTSTUFF_TESTING_EVENT_QUEUE_H_

#include <queue>
#include <vector>

#include "hotstuff/effects.h"

namespace groat::hotstuff::testing {

struct SimulatedEvent {
  enum class Kind : uint8_t { kDeliver, kWake, kJob };
  Kind kind = Kind::kWake;
  uint16_t node = 0;
  Epoch epoch;
  ReplicaIndex from;         // In the epoch.
  uint64_t incarnation = 0;  // Of the node, for jobs and wakes.
  MessagePtr message;
  std::shared_ptr<const JobResult> result;
};

class EventQueue {
 public:
  void Push(uint64_t time_ms, SimulatedEvent event) {
    uint32_t slot = 0;
    if (free_.empty()) {
      slot = static_cast<uint32_t>(slots_.size());
      slots_.push_back(std::move(event));
    } else {
      slot = free_.back();
      free_.pop_back();
      slots_[slot] = std::move(event);
    }
    heap_.push({time_ms, next_++, slot});
  }
  bool empty() const { return heap_.empty(); }
  uint64_t next_ms() const { return heap_.top().time_ms; }
  SimulatedEvent Pop() {
    const uint32_t slot = heap_.top().slot;
    heap_.pop();
    free_.push_back(slot);
    return std::move(slots_[slot]);
  }

 private:
  struct Entry {
    uint64_t time_ms;
    uint64_t order;
    uint32_t slot;
    bool operator>(const Entry& other) const {
      return time_ms != other.time_ms ? time_ms > other.time_ms : order > other.order;
    }
  };
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> heap_;
  std::vector<SimulatedEvent> slots_;
  std::vector<uint32_t> free_;
  uint64_t next_ = 0;
};

}  // namespace groat::hotstuff::testing

#endif  // GROAT_HOTSTUFF_TESTING_EVENT_QUEUE_H_
