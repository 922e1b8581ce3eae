#include "hotstuff/pacemaker.h"

#include <algorithm>

namespace groat::hotstuff {

uint64_t Pacemaker::DurationMs(uint64_t base_ms, uint64_t exponent) {
  uint64_t duration = base_ms;
  for (uint64_t i = 0; i < exponent && duration < kLongestMs; ++i) {
    duration = duration + std::max<uint64_t>(duration / 2, 1);
  }
  return std::min(duration, std::max(kLongestMs, base_ms));
}

void Pacemaker::Enter(View view, View committed, uint64_t now_ms) {
  view_ = view;
  const uint64_t since = view.value() - std::min(view, committed).value();
  duration_ms_ = DurationMs(base_ms_, since > grace_ ? since - grace_ : 0);
  state_ = work_ ? State::kRunning : State::kIdle;
  deadline_ms_.reset();
  if (work_) deadline_ms_ = now_ms + duration_ms_;
}

void Pacemaker::SetWork(bool work, uint64_t now_ms) {
  work_ = work;
  if (state_ == State::kIdle && work) {
    state_ = State::kRunning;
    deadline_ms_ = now_ms + duration_ms_;
  } else if (state_ == State::kRunning && !work) {
    state_ = State::kIdle;
    deadline_ms_.reset();
  }
}

void Pacemaker::GaveUp(uint64_t now_ms) {
  state_ = State::kGivenUp;
  deadline_ms_ = now_ms + duration_ms_;
}

Pacemaker::Alarm Pacemaker::OnTick(uint64_t now_ms) {
  if (!deadline_ms_.has_value() || now_ms < *deadline_ms_) return Alarm::kNone;
  if (state_ == State::kRunning) return Alarm::kGiveUp;
  deadline_ms_ = now_ms + duration_ms_;
  return Alarm::kRetransmit;
}

}  // namespace groat::hotstuff
