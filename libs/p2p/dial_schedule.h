// When which peer is dialled next, with a bound on how many at once.
//
// Pure but for the executor's timer and random numbers. Belongs to the executor.
#ifndef GROAT_P2P_DIAL_SCHEDULE_H_
#define GROAT_P2P_DIAL_SCHEDULE_H_

#include <functional>
#include <map>
#include <set>
#include <utility>

#include "p2p/executor.h"
#include "p2p/peer_id.h"

namespace groat::p2p {

// Wait after the n-th failure in a row, n from 1: least x 2^(n-1), at most `most`; `random` takes
// up to half of it off, so that peers that failed together do not return together.
Duration RedialWait(Duration least, Duration most, uint32_t failures, uint64_t random);

class DialSchedule {
 public:
  // `dial` is called when a peer's time has come; the owner calls Ended when the attempt is over.
  DialSchedule(Executor& executor, size_t max_at_once, std::function<void(const PeerId&)> dial);
  ~DialSchedule();

  // Sets, or moves, when the peer is dialled.
  void Set(const PeerId& peer, Instant when);
  // The peer is not to be dialled. No effect on an attempt under way.
  void Forget(const PeerId& peer);
  bool IsSet(const PeerId& peer) const { return due_.contains(peer); }
  void Ended();

 private:
  void Arm();
  void Run();

  Executor& executor_;
  const size_t max_at_once_;
  const std::function<void(const PeerId&)> dial_;
  std::map<PeerId, Instant> due_;
  std::set<std::pair<Instant, PeerId>> order_;
  size_t under_way_ = 0;
  TimerId timer_ = 0;
  Instant timer_at_;
  bool running_ = false;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_DIAL_SCHEDULE_H_
