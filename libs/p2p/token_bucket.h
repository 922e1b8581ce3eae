// A token bucket for each of messages and bytes.
//
// Pure: time arrives as a value. Single owner; not thread-safe.
#ifndef GROAT_P2P_TOKEN_BUCKET_H_
#define GROAT_P2P_TOKEN_BUCKET_H_

#include <algorithm>
#include <chrono>
#include <cmath>

#include "p2p/channel.h"
#include "p2p/executor.h"

namespace groat::p2p {

// Full at first. Spending may overdraw it, so that one message larger than the burst can pass; the
// debt is paid before the next.
class TokenBucket {
 public:
  // `scale` multiplies the burst, which is at least one token, not the rate.
  TokenBucket(double per_second, double burst_seconds, double scale, Instant now)
      : per_second_(per_second),
        capacity_(scale * std::max(1.0, per_second * burst_seconds)),
        tokens_(capacity_),
        filled_(now) {}

  // Whether at least one token is there.
  bool Ready(Instant now) {
    Fill(now);
    return tokens_ >= kOneToken;
  }
  void Spend(double tokens) { tokens_ -= tokens; }
  // When Ready turns true, if nothing is spent meanwhile; at most a year from now.
  Instant ReadyAt(Instant now) {
    Fill(now);
    if (tokens_ >= kOneToken) return now;
    // A tiny rate would give an instant beyond what a clock can hold.
    const double seconds = std::min((1 - tokens_) / per_second_, kYearSeconds);
    // One nanosecond more, since the fraction is cut off.
    return filled_ + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)) +
           Duration(1);
  }

 private:
  void Fill(Instant now) {
    if (now <= filled_) return;
    const double seconds = std::chrono::duration<double>(now - filled_).count();
    tokens_ = std::min(capacity_, tokens_ + seconds * per_second_);
    filled_ = now;
  }

  // Sums of fractions may end just below what they should be.
  static constexpr double kOneToken = 1 - 1e-6;
  static constexpr double kYearSeconds = 365.0 * 24 * 3600;

  double per_second_;
  double capacity_;
  double tokens_;
  Instant filled_;
};

// What a channel's RateLimit allows one peer in one direction.
class RateMeter {
 public:
  RateMeter(const RateLimit& limit, double scale, Instant now)
      : messages_(limit.messages_per_second, limit.burst_seconds, scale, now),
        bytes_(limit.bytes_per_second, limit.burst_seconds, scale, now) {}

  bool Ready(Instant now) { return messages_.Ready(now) && bytes_.Ready(now); }
  void Spend(size_t payload_bytes) {
    messages_.Spend(1);
    bytes_.Spend(static_cast<double>(payload_bytes));
  }
  Instant ReadyAt(Instant now) { return std::max(messages_.ReadyAt(now), bytes_.ReadyAt(now)); }

 private:
  TokenBucket messages_;
  TokenBucket bytes_;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_TOKEN_BUCKET_H_
