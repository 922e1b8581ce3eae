#include "p2p/protocol/peer_ranking.h"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace groat::p2p {
namespace {

using std::chrono::milliseconds;

PeerId Peer(uint8_t number) {
  PeerId peer;
  peer.data()[0] = number;
  return peer;
}

constexpr PeerRankingOptions kOptions = {.timeout = milliseconds(400), .explore_percent = 0};

TEST(PeerRankingTest, AveragesAnswers) {
  PeerRanking ranking(kOptions);
  EXPECT_EQ(ranking.Expected(Peer(1)), milliseconds(100));
  ranking.Answered(Peer(1), milliseconds(20));
  EXPECT_EQ(ranking.Expected(Peer(1)), milliseconds(20));
  ranking.Answered(Peer(1), milliseconds(60));
  EXPECT_EQ(ranking.Expected(Peer(1)), milliseconds(30));
  ranking.AnsweredWithout(Peer(1), milliseconds(20));
  EXPECT_EQ(ranking.Expected(Peer(1)), std::chrono::microseconds(42'500));
  ranking.Forget(Peer(1));
  EXPECT_EQ(ranking.Expected(Peer(1)), milliseconds(100));
}

TEST(PeerRankingTest, FailuresDoubleUpToABound) {
  PeerRanking ranking(kOptions);
  for (const int want : {800, 1600, 3200, 3200}) {
    ranking.TimedOut(Peer(1));
    EXPECT_EQ(ranking.Expected(Peer(1)), milliseconds(want));
  }
  ranking.Lied(Peer(2));
  EXPECT_EQ(ranking.Expected(Peer(2)), milliseconds(3200));
  for (int i = 0; i < 20; ++i) ranking.Answered(Peer(2), milliseconds(10));
  EXPECT_LT(ranking.Expected(Peer(2)), milliseconds(25));  // Forgiven in time.
  ranking.Answered(Peer(3), std::chrono::hours(100));
  EXPECT_EQ(ranking.Expected(Peer(3)), milliseconds(3200));
}

TEST(PeerRankingTest, ChoosesTheSoonestWithItsLoad) {
  PeerRanking ranking(kOptions);
  ranking.Answered(Peer(1), milliseconds(10));
  ranking.Answered(Peer(2), milliseconds(25));
  for (uint64_t random = 0; random < 6; ++random) {
    using Candidates = std::vector<PeerRanking::Candidate>;
    EXPECT_EQ(ranking.Choose(Candidates{{Peer(2), 0}, {Peer(1), 0}}, random), 1u);
    EXPECT_EQ(ranking.Choose(Candidates{{Peer(2), 0}, {Peer(1), 1}}, random), 1u);
    EXPECT_EQ(ranking.Choose(Candidates{{Peer(2), 0}, {Peer(1), 2}}, random), 0u);
    EXPECT_EQ(ranking.Choose(Candidates{{Peer(2), 9}}, random), 0u);
  }
}

TEST(PeerRankingTest, BreaksTiesByChance) {
  PeerRanking ranking(kOptions);
  const std::vector<PeerRanking::Candidate> equal = {{Peer(1), 0}, {Peer(2), 0}, {Peer(3), 0}};
  for (uint64_t random = 0; random < 6; ++random) {
    EXPECT_EQ(ranking.Choose(equal, random), random % 3);
  }
}

TEST(PeerRankingTest, ExploresTheStatedShare) {
  PeerRanking ranking({.timeout = milliseconds(400), .explore_percent = 30});
  ranking.Answered(Peer(1), milliseconds(1));
  ranking.Lied(Peer(2));
  const std::vector<PeerRanking::Candidate> candidates = {{Peer(1), 0}, {Peer(2), 0}};
  int slow = 0;
  for (uint64_t i = 0; i < 100; ++i) {
    // The choice is blind for the first thirty; the lowest bit says whom it takes.
    slow += ranking.Choose(candidates, i << 32 | 1) == 1;
  }
  EXPECT_EQ(slow, 30);
}

}  // namespace
}  // namespace groat::p2p
