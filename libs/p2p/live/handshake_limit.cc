#include "p2p/live/handshake_limit.h"

#include <algorithm>

namespace groat::p2p {

HandshakeLimit::HandshakeLimit(const HandshakeRates& rates, Instant now)
    : rates_(rates), in_all_(rates.in_all, rates.burst_seconds, 1.0, now) {}

HandshakeLimit::Key HandshakeLimit::KeyOf(const Source& source) {
  constexpr Key kMappedIpv4 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  Key key = source.host;
  const bool ipv4 = std::equal(key.begin(), key.begin() + 12, kMappedIpv4.begin());
  if (!ipv4) std::fill(key.begin() + 8, key.end(), 0);
  return key;
}

HandshakeLimit::Verdict HandshakeLimit::Consider(const Source& source, Instant now) {
  const Key key = KeyOf(source);
  auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    if (by_key_.size() >= kMaxSources) {
      by_key_.erase(recent_.back().first);
      recent_.pop_back();
    }
    recent_.emplace_front(key, TokenBucket(rates_.per_source, rates_.burst_seconds, 1.0, now));
    found = by_key_.emplace(key, recent_.begin()).first;
  } else {
    recent_.splice(recent_.begin(), recent_, found->second);
  }
  TokenBucket& own = found->second->second;
  if (!own.Ready(now)) return Verdict::kRefuseSource;
  if (!in_all_.Ready(now)) return Verdict::kAllBusy;
  own.Spend(1);
  in_all_.Spend(1);
  return Verdict::kTake;
}

}  // namespace groat::p2p
