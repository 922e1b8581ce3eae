// Which peer to ask next: by how long its answers took, how it failed, and what it has to do.
//
// Pure: randomness arrives as a value. Single owner; not thread-safe.
#ifndef GROAT_P2P_PROTOCOL_PEER_RANKING_H_
#define GROAT_P2P_PROTOCOL_PEER_RANKING_H_

#include <cstdint>
#include <map>
#include <span>

#include "p2p/executor.h"
#include "p2p/peer_id.h"

namespace groat::p2p {

struct PeerRankingOptions {
  Duration timeout;          // After which a peer has failed to answer. Above 0.
  unsigned explore_percent;  // How many of a hundred choices are made blindly: 0 to 100.
};

class PeerRanking {
 public:
  struct Candidate {
    PeerId peer;
    size_t in_flight = 0;  // Requests that it has not answered.
  };

  explicit PeerRanking(PeerRankingOptions options) : options_(options) {}

  // A moving average that each of these moves by a quarter of the difference.
  void Answered(const PeerId& peer, Duration took);
  // An answer that helps nobody counts as kUselessFactor times as slow.
  void AnsweredWithout(const PeerId& peer, Duration took);
  // Each failure in a row doubles what we expect, from the timeout up to kMostTimeouts of them.
  void TimedOut(const PeerId& peer);
  // A peer that lied goes to the end of the line.
  void Lied(const PeerId& peer);
  void Forget(const PeerId& peer) { expected_.erase(peer); }

  // Of a peer that nothing is known of: a quarter of the timeout, so that it is tried before those
  // that are known to be slow.
  Duration Expected(const PeerId& peer) const;
  // How many peers anything is known of.
  size_t size() const { return expected_.size(); }

  // The index of the candidate with the least expected time, multiplied by the requests that it
  // would then have; `random` breaks ties and makes the blind choices. Candidates are not empty.
  size_t Choose(std::span<const Candidate> candidates, uint64_t random) const;

  static constexpr int kUselessFactor = 4;
  static constexpr int kMostTimeouts = 8;

 private:
  void Move(const PeerId& peer, Duration sample);

  const PeerRankingOptions options_;
  std::map<PeerId, Duration> expected_;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_PROTOCOL_PEER_RANKING_H_
