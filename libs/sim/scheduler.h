// Virtual time: a queue of events that run one after another, each at its instant.
//
// Deterministic: events of the same instant run in the order in which they were scheduled, and
// nothing here depends on addresses, threads or the machine's clock. Everything that runs is mixed
// into one number, the digest, and can be shown to a trace: equal runs have equal digests and equal
// traces, byte for byte.
//
// Single-threaded. An event takes no memory of its own beyond a place in two arrays; scheduling and
// running one takes time in the logarithm of those that wait, and constant time for those that are
// due at once.
#ifndef GROAT_SIM_SCHEDULER_H_
#define GROAT_SIM_SCHEDULER_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "base/bytes.h"
#include "p2p/executor.h"

namespace groat::sim {

using p2p::Duration;
using p2p::Instant;

class Scheduler;

// Runs events that are told apart by a number, without memory of their own.
class EventHandler {
 public:
  // Takes the next source number of the scheduler: handlers are to be made in the same order in
  // every run.
  explicit EventHandler(Scheduler& scheduler);
  virtual ~EventHandler() = default;
  virtual void OnEvent(uint64_t argument) = 0;

  // Names the handler in traces.
  uint32_t source() const { return source_; }

 private:
  const uint32_t source_;
};

// Names an event until it has run or was cancelled; 0 names none.
using EventId = uint64_t;

// One thing that happened: an event (`what` is its argument, `detail` is 0), or what a handler
// observed of its own.
struct TraceRecord {
  static constexpr size_t kBytes = 28;
  Instant when;
  uint32_t source;
  uint64_t what;
  uint64_t detail;

  // time_ns u64 ‖ source u32 ‖ what u64 ‖ detail u64
  void AppendTo(Bytes& out) const;
};
using TraceSink = std::function<void(const TraceRecord&)>;

class Scheduler {
 public:
  // As many events may wait at once.
  static constexpr size_t kMaxWaiting = (size_t{1} << 24) - 1;

  Scheduler() = default;
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  Instant Now() const { return Instant(Duration(now_ns_)); }

  // `when` in the past means now. `handler` must live until the event has run or is cancelled.
  EventId At(Instant when, EventHandler& handler, uint64_t argument);
  // No effect on an event that has run.
  void Cancel(EventId event);

  // Runs the next event. False if there is none.
  bool Step() { return RunNext(std::numeric_limits<int64_t>::max()); }
  // Runs every event of this time; then Now() is at its end.
  void RunFor(Duration time);
  // Runs events until `done`, or until `limit` has passed; returns whether it was done. `done` is
  // asked after every event, or, for an answer that costs much, every `look_every` of virtual time.
  bool RunUntil(const std::function<bool()>& done, Duration limit,
                Duration look_every = Duration(0));

  uint64_t events_run() const { return events_run_; }
  // That are neither run nor cancelled.
  size_t waiting() const { return slots_.size() - free_slots_.size() - cancelled_; }

  // A number over everything that ran, in order: equal for equal runs, different, but for chance,
  // for others.
  uint64_t digest() const { return digest_; }
  // Mixes in, and traces, what a part of the simulation did beyond running its event.
  void Observe(uint32_t source, uint64_t what, uint64_t detail);
  // Shown every record from now on. Null: none.
  void SetTrace(TraceSink sink) { trace_ = std::move(sink); }

 private:
  friend class EventHandler;
  // A place in the heap: time 64 ‖ order 40 ‖ slot 24 bits, so that places compare as numbers. The
  // order counts up for ever; it wraps after 10^12 events.
  using Place = unsigned __int128;
  static constexpr int kSlotBits = 24;
  static int64_t TimeOf(Place place) { return static_cast<int64_t>(place >> 64); }
  static uint32_t SlotOf(Place place) {
    return static_cast<uint32_t>(place) & ((uint32_t{1} << kSlotBits) - 1);
  }

  struct Slot {
    EventHandler* handler = nullptr;  // Null: free, or cancelled and still queued.
    uint64_t argument = 0;
    uint32_t generation = 1;
  };

  bool RunNext(int64_t until_ns);
  uint32_t TakeSlot();
  void Push(Place place);
  Place Pop();
  void SiftUp(size_t at, Place place);
  void SiftDown(size_t at, Place place);
  void DropCancelled();
  void PushReady(uint32_t slot);
  uint32_t PopReady();

  int64_t now_ns_ = 0;
  std::vector<Place> heap_;  // Each place before its four children.
  // Events that are due now, in order: a ring whose size is a power of two.
  std::vector<uint32_t> ready_;
  size_t ready_head_ = 0;
  size_t ready_count_ = 0;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;
  size_t cancelled_ = 0;  // And still queued.
  uint64_t last_order_ = 0;
  uint64_t events_run_ = 0;
  uint64_t digest_ = 0;
  uint32_t last_source_ = 0;
  TraceSink trace_;
};

}  // namespace groat::sim

#endif  // GROAT_SIM_SCHEDULER_H_
