// The seam to time, order and chance: what a network and the protocols on it run on.
//
// Two forms: a network's own threads (live/threaded_executor.h) and a node of the simulator
// (sim/node_executor.h). Code that takes time, timers and random numbers from here alone behaves in
// the simulator as it does in production, and its recorded inputs can be replayed.
//
// An executor runs one task at a time; whatever runs on it needs no locks. Only Post may be called
// from anywhere; the other calls belong to tasks that run on the executor.
#ifndef GROAT_P2P_EXECUTOR_H_
#define GROAT_P2P_EXECUTOR_H_

#include <chrono>
#include <cstdint>

#include "absl/functional/any_invocable.h"

namespace groat::p2p {

// Monotonic time since the executor began; no relation to the clocks of others.
struct ExecutorClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<ExecutorClock>;
  static constexpr bool is_steady = true;
};
using Duration = ExecutorClock::duration;
using Instant = ExecutorClock::time_point;

using Task = absl::AnyInvocable<void()>;

// Names a timer until it has fired or was cancelled. 0 names none.
using TimerId = uint64_t;

class Executor {
 public:
  virtual ~Executor() = default;

  virtual Instant Now() const = 0;
  // Microseconds since 1970 (UTC) by this machine's clock, which may be wrong and may jump.
  virtual int64_t WallClockUs() const = 0;

  // Runs the task after all that were posted before it. From any thread.
  virtual void Post(Task task) = 0;
  // Runs the task when `when` has come; at once, but not inside this call, if it has passed.
  // Timers of the same instant run in the order in which they were set.
  virtual TimerId PostAt(Instant when, Task task) = 0;
  // The task will not run. No effect on a timer that has fired.
  virtual void Cancel(TimerId timer) = 0;

  // Uniform over 64 bits. Not for secrets.
  virtual uint64_t Random() = 0;

  // Whether the caller is a task of this executor.
  virtual bool IsCurrent() const = 0;

  int64_t WallClockMs() const { return WallClockUs() / 1000; }
  TimerId PostAfter(Duration delay, Task task) { return PostAt(Now() + delay, std::move(task)); }
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_EXECUTOR_H_
