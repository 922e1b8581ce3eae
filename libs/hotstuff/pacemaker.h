// When to give a view up: timers, back-off, retransmission.
//
// Pure: time arrives as values of a monotonic clock. Single owner; not thread-safe.
//
//   state     event                  next state, alarm
//   idle      work appears           running, deadline = now + duration
//   running   work is done           idle
//   running   deadline passes        running; kGiveUp: the core sends its timeout and calls GaveUp
//   running   GaveUp (also by f+1)   given up, deadline = now + duration
//   given up  deadline passes        given up, deadline += duration; kRetransmit
//   any       Enter                  running if there is work, else idle
//
// duration = base * 1.5^k, at most 10 s; k = views since the last commit beyond a grace of the
// commit's depth and two. Source: HotStuff (arXiv:1803.05069), section 7 leaves the pacemaker open;
// Jolteon (arXiv:2106.10362), section 3. Differences: the timer rests while there is nothing to
// order, so an idle network is silent; timeouts are repeated, as messages may be lost.
#ifndef GROAT_HOTSTUFF_PACEMAKER_H_
#define GROAT_HOTSTUFF_PACEMAKER_H_

#include <cstdint>
#include <optional>

#include "hotstuff/ids.h"

namespace groat::hotstuff {

class Pacemaker {
 public:
  static constexpr uint64_t kLongestMs = 10000;

  Pacemaker(uint64_t base_ms, size_t chain_length) : base_ms_(base_ms), grace_(chain_length + 2) {}

  // `committed` is the view of the last committed block.
  void Enter(View view, View committed, uint64_t now_ms);
  void SetWork(bool work, uint64_t now_ms);
  void GaveUp(uint64_t now_ms);

  enum class Alarm { kNone, kGiveUp, kRetransmit };
  Alarm OnTick(uint64_t now_ms);

  View view() const { return view_; }
  bool given_up() const { return state_ == State::kGivenUp; }
  std::optional<uint64_t> deadline_ms() const { return deadline_ms_; }
  uint64_t duration_ms() const { return duration_ms_; }

  static uint64_t DurationMs(uint64_t base_ms, uint64_t exponent);

 private:
  enum class State { kIdle, kRunning, kGivenUp };

  const uint64_t base_ms_;
  const uint64_t grace_;
  State state_ = State::kIdle;
  bool work_ = false;
  View view_;
  uint64_t duration_ms_ = 0;
  std::optional<uint64_t> deadline_ms_;
};

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_PACEMAKER_H_
