#include "p2p/token_bucket.h"

#include <gmock/gmock.h>

#include <limits>
#include <random>

namespace groat::p2p {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart = Instant(100s);

TEST(TokenBucketTest, IsFullAtFirst) {
  TokenBucket bucket(10, 2, 1, kStart);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(bucket.Ready(kStart)) << i;
    bucket.Spend(1);
  }
  EXPECT_FALSE(bucket.Ready(kStart));
}

TEST(TokenBucketTest, FillsAtItsRateUpToItsBurst) {
  TokenBucket bucket(10, 2, 1, kStart);
  bucket.Spend(20);
  EXPECT_FALSE(bucket.Ready(kStart + 99ms));
  EXPECT_TRUE(bucket.Ready(kStart + 101ms));
  bucket.Spend(1);
  EXPECT_FALSE(bucket.Ready(kStart + 150ms));
  // An hour later there is a burst, not more.
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(bucket.Ready(kStart + 1h)) << i;
    bucket.Spend(1);
  }
  EXPECT_FALSE(bucket.Ready(kStart + 1h));
}

TEST(TokenBucketTest, ScaleMultipliesTheBurst) {
  TokenBucket bucket(10, 2, 2, kStart);
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(bucket.Ready(kStart)) << i;
    bucket.Spend(1);
  }
  EXPECT_FALSE(bucket.Ready(kStart));
}

// Even where rate x burst is less than one token, a sender's bucket holds one; a receiver's must
// hold twice that, or jitter alone would make honest messages too many.
TEST(TokenBucketTest, ScaleMultipliesTheLeastBurstToo) {
  TokenBucket sender(10, 0.01, 1, kStart);
  TokenBucket receiver(10, 0.01, 2, kStart);
  ASSERT_TRUE(sender.Ready(kStart));
  sender.Spend(1);
  EXPECT_FALSE(sender.Ready(kStart));
  ASSERT_TRUE(receiver.Ready(kStart));
  receiver.Spend(1);
  EXPECT_TRUE(receiver.Ready(kStart));
}

TEST(TokenBucketTest, ADebtIsPaidFirst) {
  TokenBucket bucket(100, 1, 1, kStart);
  ASSERT_TRUE(bucket.Ready(kStart));
  bucket.Spend(1000);  // 900 below zero: 9 s, and 10 ms for the first token.
  EXPECT_FALSE(bucket.Ready(kStart + 9s));
  const Instant at = bucket.ReadyAt(kStart + 9s);
  EXPECT_GE(at, kStart + 9010ms);
  EXPECT_LE(at, kStart + 9010ms + 1us);
  EXPECT_TRUE(bucket.Ready(at));
}

TEST(TokenBucketTest, ReadyAtIsNowIfATokenIsThere) {
  TokenBucket bucket(1, 1, 1, kStart);
  EXPECT_EQ(bucket.ReadyAt(kStart), kStart);
}

TEST(TokenBucketTest, TimeThatStandsOrGoesBackGivesNothing) {
  TokenBucket bucket(10, 1, 1, kStart);
  bucket.Spend(10);
  EXPECT_FALSE(bucket.Ready(kStart));
  EXPECT_FALSE(bucket.Ready(kStart - 50s));
  EXPECT_FALSE(bucket.Ready(kStart + 50ms));
}

// For any rate and debt: ready when ReadyAt says, and not the time of a few millionth tokens
// before.
TEST(TokenBucketTest, ReadyAtIsExact) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> exponent(-2, 7);
  for (int i = 0; i < 2000; ++i) {
    const double rate = std::pow(10, exponent(random));
    TokenBucket bucket(rate, 1, 1, kStart);
    bucket.Spend(std::pow(10, exponent(random)));
    Instant at = bucket.ReadyAt(kStart);
    if (at == kStart || at - kStart > 24h) continue;
    const Duration slack = 1us + Duration(static_cast<int64_t>(3e-6 / rate * 1e9));
    TokenBucket copy = bucket;
    EXPECT_FALSE(copy.Ready(at - slack)) << rate;
    EXPECT_TRUE(bucket.Ready(at)) << rate;
  }
}

// A rate of next to nothing gives a far instant, never one that wrapped round.
TEST(TokenBucketTest, ReadyAtOfTinyRatesIsInTheFuture) {
  for (const double rate : {1e-3, 1e-9, 1e-300, std::numeric_limits<double>::denorm_min()}) {
    TokenBucket bucket(rate, 1, 1, kStart);
    bucket.Spend(64e6);
    EXPECT_GE(bucket.ReadyAt(kStart), kStart + 1h) << rate;
  }
}

TEST(TokenBucketTest, AnInfiniteRateIsAlwaysReady) {
  TokenBucket bucket(std::numeric_limits<double>::infinity(), 1, 1, kStart);
  for (int i = 0; i < 3; ++i) {
    bucket.Spend(1e9);
    EXPECT_TRUE(bucket.Ready(kStart + i * 1s));
    EXPECT_EQ(bucket.ReadyAt(kStart + i * 1s), kStart + i * 1s);
  }
}

TEST(RateMeterTest, BothBucketsMustBeReady) {
  const RateLimit limit{.messages_per_second = 2, .bytes_per_second = 1000, .burst_seconds = 1};
  RateMeter messages(limit, 1, kStart);
  messages.Spend(0);
  messages.Spend(0);
  EXPECT_FALSE(messages.Ready(kStart));
  EXPECT_NEAR(static_cast<double>((messages.ReadyAt(kStart) - kStart).count()), 5e8, 1e3);

  RateMeter bytes(limit, 1, kStart);
  bytes.Spend(4000);
  EXPECT_FALSE(bytes.Ready(kStart + 2s));
  EXPECT_NEAR(static_cast<double>((bytes.ReadyAt(kStart) - kStart).count()), 3.001e9, 1e3);
  EXPECT_TRUE(bytes.Ready(bytes.ReadyAt(kStart)));
}

}  // namespace
}  // namespace groat::p2p
