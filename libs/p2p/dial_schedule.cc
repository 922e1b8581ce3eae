#include "p2p/dial_schedule.h"

#include <algorithm>

#include "base/check.h"

namespace groat::p2p {

Duration RedialWait(Duration least, Duration most, uint32_t failures, uint64_t random) {
  Duration wait = least;
  for (uint32_t i = 1; i < failures && wait < most; ++i) wait *= 2;
  wait = std::min(wait, most);
  const auto half = static_cast<uint64_t>(wait.count() / 2);
  return wait - Duration(static_cast<int64_t>(random % (half + 1)));
}

DialSchedule::DialSchedule(Executor& executor, size_t max_at_once,
                           std::function<void(const PeerId&)> dial)
    : executor_(executor), max_at_once_(max_at_once), dial_(std::move(dial)) {}

DialSchedule::~DialSchedule() {
  if (timer_ != 0) executor_.Cancel(timer_);
}

void DialSchedule::Set(const PeerId& peer, Instant when) {
  Forget(peer);
  due_[peer] = when;
  order_.emplace(when, peer);
  Arm();
}

void DialSchedule::Forget(const PeerId& peer) {
  const auto found = due_.find(peer);
  if (found == due_.end()) return;
  order_.erase({found->second, peer});
  due_.erase(found);
}

void DialSchedule::Ended() {
  GROAT_CHECK(under_way_ > 0);
  --under_way_;
  Arm();
}

void DialSchedule::Arm() {
  if (running_ || order_.empty() || under_way_ >= max_at_once_) return;
  const Instant first = order_.begin()->first;
  if (timer_ != 0) {
    if (timer_at_ <= first) return;
    executor_.Cancel(timer_);
  }
  timer_at_ = first;
  timer_ = executor_.PostAt(first, [this] {
    timer_ = 0;
    Run();
  });
}

void DialSchedule::Run() {
  running_ = true;
  const Instant now = executor_.Now();
  while (!order_.empty() && order_.begin()->first <= now && under_way_ < max_at_once_) {
    const PeerId peer = order_.begin()->second;
    Forget(peer);
    ++under_way_;
    dial_(peer);
  }
  running_ = false;
  Arm();
}

}  // namespace groat::p2p
