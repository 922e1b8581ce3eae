#include "p2p/live/handshake_limit.h"

#include <gtest/gtest.h>

#include <chrono>

namespace groat::p2p {
namespace {

using Verdict = HandshakeLimit::Verdict;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr HandshakeRates kRates = {.per_source = 2, .in_all = 5, .burst_seconds = 1};
constexpr Instant kStart{};

Source Ipv4(uint8_t last, uint16_t port = 1) {
  Source source;
  source.host[10] = source.host[11] = 0xff;
  source.host[12] = 10;
  source.host[15] = last;
  source.port = port;
  return source;
}

Source Ipv6(uint8_t network, uint8_t host) {
  Source source;
  source.host[0] = 0x20;
  source.host[7] = network;
  source.host[15] = host;
  return source;
}

TEST(HandshakeLimitTest, ASourceThatFloodsTakesNothingFromOthers) {
  HandshakeLimit limit(kRates, kStart);
  for (uint16_t port = 0; port < 100; ++port) {
    EXPECT_EQ(limit.Consider(Ipv4(1, port), kStart),
              port < 2 ? Verdict::kTake : Verdict::kRefuseSource);
  }
  EXPECT_EQ(limit.Consider(Ipv4(2), kStart), Verdict::kTake);
  EXPECT_EQ(limit.Consider(Ipv4(1), kStart + milliseconds(501)), Verdict::kTake);
  EXPECT_EQ(limit.Consider(Ipv4(1), kStart + milliseconds(501)), Verdict::kRefuseSource);
}

TEST(HandshakeLimitTest, AllTogetherHaveALimit) {
  HandshakeLimit limit(kRates, kStart);
  for (uint8_t host = 0; host < 5; ++host) {
    EXPECT_EQ(limit.Consider(Ipv4(host), kStart), Verdict::kTake);
  }
  EXPECT_EQ(limit.Consider(Ipv4(99), kStart), Verdict::kAllBusy);
  const Instant ready = limit.in_all_ready_at(kStart);
  EXPECT_GT(ready, kStart);
  EXPECT_LE(ready, kStart + milliseconds(201));
  EXPECT_EQ(limit.Consider(Ipv4(99), ready), Verdict::kTake);
}

// One host may have 2^64 addresses.
TEST(HandshakeLimitTest, AnIpv6NetworkIsOneSource) {
  HandshakeLimit limit(kRates, kStart);
  EXPECT_EQ(limit.Consider(Ipv6(1, 1), kStart), Verdict::kTake);
  EXPECT_EQ(limit.Consider(Ipv6(1, 2), kStart), Verdict::kTake);
  EXPECT_EQ(limit.Consider(Ipv6(1, 3), kStart), Verdict::kRefuseSource);
  EXPECT_EQ(limit.Consider(Ipv6(2, 1), kStart), Verdict::kTake);
}

TEST(HandshakeLimitTest, RemembersABoundedNumberOfSources) {
  HandshakeLimit limit({.per_source = 1, .in_all = 1e6, .burst_seconds = 1}, kStart);
  EXPECT_EQ(limit.Consider(Ipv4(7), kStart), Verdict::kTake);
  for (size_t i = 0; i < 3 * HandshakeLimit::kMaxSources; ++i) {
    Source source = Ipv4(8);
    source.host[13] = static_cast<uint8_t>(i >> 8);
    source.host[14] = static_cast<uint8_t>(i);
    EXPECT_EQ(limit.Consider(source, kStart), Verdict::kTake);
    // Who keeps coming is not forgotten.
    EXPECT_EQ(limit.Consider(Ipv4(7), kStart), Verdict::kRefuseSource);
  }
  EXPECT_EQ(limit.sources(), HandshakeLimit::kMaxSources);
}

}  // namespace
}  // namespace groat::p2p
