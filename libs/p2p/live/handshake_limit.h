// How many connections a listener takes in a second, since a handshake costs processor time before
// anybody's key is known.
//
// Each source has an allowance of its own, so that one that floods takes nothing from the others;
// all sources together have one too. A source is an IPv4 address or the first 64 bits of an IPv6
// address, which one host may have to itself.
//
// Pure: time arrives as a value. Single owner; not thread-safe.
#ifndef GROAT_P2P_LIVE_HANDSHAKE_LIMIT_H_
#define GROAT_P2P_LIVE_HANDSHAKE_LIMIT_H_

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <utility>

#include "p2p/executor.h"
#include "p2p/live/tcp_socket.h"
#include "p2p/token_bucket.h"

namespace groat::p2p {

struct HandshakeRates {
  // Connections a second; `burst_seconds` of it may come at once.
  double per_source = 64;
  double in_all = 512;
  double burst_seconds = 4;
};

class HandshakeLimit {
 public:
  HandshakeLimit(const HandshakeRates& rates, Instant now);

  enum class Verdict : uint8_t { kTake, kRefuseSource, kAllBusy };
  // kTake spends one of both allowances. kAllBusy: nobody may come before `in_all_ready_at`.
  Verdict Consider(const Source& source, Instant now);
  Instant in_all_ready_at(Instant now) { return in_all_.ReadyAt(now); }

  // Sources that are remembered; the one that came least recently is forgotten for a new one.
  static constexpr size_t kMaxSources = 1024;
  size_t sources() const { return by_key_.size(); }

 private:
  using Key = std::array<uint8_t, 16>;
  using Recent = std::list<std::pair<Key, TokenBucket>>;
  static Key KeyOf(const Source& source);

  const HandshakeRates rates_;
  TokenBucket in_all_;
  Recent recent_;  // Who came last is first.
  std::map<Key, Recent::iterator> by_key_;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_LIVE_HANDSHAKE_LIMIT_H_
