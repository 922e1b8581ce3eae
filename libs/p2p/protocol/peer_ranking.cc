#include "p2p/protocol/peer_ranking.h"

#include <algorithm>

namespace groat::p2p {

void PeerRanking::Answered(const PeerId& peer, Duration took) { Move(peer, took); }

void PeerRanking::AnsweredWithout(const PeerId& peer, Duration took) {
  Move(peer, took * kUselessFactor);
}

void PeerRanking::TimedOut(const PeerId& peer) {
  expected_[peer] =
      std::min(2 * std::max(Expected(peer), options_.timeout), options_.timeout * kMostTimeouts);
}

void PeerRanking::Lied(const PeerId& peer) { expected_[peer] = options_.timeout * kMostTimeouts; }

Duration PeerRanking::Expected(const PeerId& peer) const {
  const auto found = expected_.find(peer);
  return found == expected_.end() ? options_.timeout / 4 : found->second;
}

size_t PeerRanking::Choose(std::span<const Candidate> candidates, uint64_t random) const {
  const size_t start = static_cast<size_t>(random % candidates.size());
  if ((random >> 32) % 100 < options_.explore_percent) return start;
  const auto cost = [&](size_t index) {
    const Candidate& candidate = candidates[index];
    return Expected(candidate.peer) * static_cast<int64_t>(candidate.in_flight + 1);
  };
  size_t best = start;
  for (size_t i = 1; i < candidates.size(); ++i) {
    const size_t index = (start + i) % candidates.size();
    if (cost(index) < cost(best)) best = index;
  }
  return best;
}

void PeerRanking::Move(const PeerId& peer, Duration sample) {
  const Duration bounded =
      std::clamp(sample, Duration(1), options_.timeout * Duration::rep{kMostTimeouts});
  const auto [entry, is_new] = expected_.try_emplace(peer, bounded);
  if (!is_new) entry->second += (bounded - entry->second) / 4;
}

}  // namespace groat::p2p
