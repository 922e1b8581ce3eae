// The claims of HotStuff (arXiv:1803.05069) and Jolteon (arXiv:2106.10362) about time, messages and
// who gets into the chain, on whole clusters. The list of all claims and their tests:
// docs/consensus.md.
#include <gtest/gtest.h>

#include <map>

#include "hotstuff/testing/cluster.h"

namespace groat::hotstuff::testing {
namespace {

// What was sent, a message to n replicas counted n times.
struct Sent {
  std::map<View, uint64_t> proposals;
  std::map<View, uint64_t> votes;
  uint64_t timeouts = 0;
  uint64_t advances = 0;
};

void Count(Cluster& cluster, size_t n, Sent& sent) {
  cluster.SetTrace([&sent, n](uint64_t, size_t, const Send& send) {
    const uint64_t copies = send.to.has_value() ? 1 : n - 1;
    if (const auto* proposal = std::get_if<Proposal>(send.message.get())) {
      sent.proposals[proposal->block->view()] += copies;
    } else if (const auto* vote = std::get_if<Vote>(send.message.get())) {
      sent.votes[vote->view] += copies;
    } else if (std::holds_alternative<Timeout>(*send.message)) {
      sent.timeouts += copies;
    } else if (std::holds_alternative<Advance>(*send.message)) {
      sent.advances += copies;
    }
  });
}

ClusterConfig ConfigOf(size_t n, RuleSet rules, VoteSpread votes, uint64_t delay_ms = 1) {
  ClusterConfig config;
  config.n = n;
  config.rules = rules;
  config.votes = votes;
  config.links.min_delay_ms = config.links.max_delay_ms = delay_ms;
  return config;
}

// Commands of replica 0, one each millisecond; each comes in a block of its own.
void RunUnderLoad(Cluster& cluster, uint64_t time_ms) {
  uint64_t sequence = 0;
  while (cluster.now_ms() < time_ms) {
    cluster.Submit(0, 1, ++sequence);
    cluster.RunUntil(cluster.now_ms() + 1);
  }
}

// HotStuff, section 1: communication is linear. Here a proposal to each other replica and a vote of
// each but the collector, whose own vote stays where it is.
TEST(LinearityTest, AViewCostsTwoMessagesForEachOtherReplica) {
  for (const size_t n : {4u, 7u, 16u, 31u}) {
    Cluster cluster(ConfigOf(n, RuleSet::kTwoChain, VoteSpread::kNextLeader));
    Sent sent;
    Count(cluster, n, sent);
    RunUnderLoad(cluster, 200);
    ASSERT_EQ(cluster.problem(), "");
    ASSERT_GT(cluster.HighestView(), 90u);
    for (View view(1); view < View(90); view = view.Next()) {
      EXPECT_EQ(sent.proposals[view], n - 1) << "n = " << n << ", view " << view.value();
      EXPECT_EQ(sent.votes[view], n - 1) << "n = " << n << ", view " << view.value();
    }
    EXPECT_EQ(sent.timeouts, 0u) << "n = " << n;
    EXPECT_EQ(sent.advances, 0u) << "n = " << n;
  }
}

// The price of votes to all, an option: n (n - 1) votes a view.
TEST(LinearityTest, VotesToAllAreQuadratic) {
  for (const size_t n : {4u, 7u, 16u}) {
    Cluster cluster(ConfigOf(n, RuleSet::kThreeChain, VoteSpread::kAll));
    Sent sent;
    Count(cluster, n, sent);
    RunUnderLoad(cluster, 100);
    ASSERT_EQ(cluster.problem(), "");
    ASSERT_GT(cluster.HighestView(), 40u);
    for (View view(1); view < View(40); view = view.Next()) {
      EXPECT_EQ(sent.proposals[view], n - 1) << "n = " << n << ", view " << view.value();
      EXPECT_EQ(sent.votes[view], n * (n - 1)) << "n = " << n << ", view " << view.value();
    }
  }
}

// Jolteon, section 1: a failed view costs O(n^2) messages, where HotStuff claims O(n) and leaves
// open how replicas come to the same view. Here a timeout and a certificate of each to each, and
// answers to the at most f whose timeouts come when the certificate is there.
TEST(LinearityTest, AFailedViewIsQuadratic) {
  for (const size_t n : {4u, 7u, 16u, 31u}) {
    Cluster cluster(ConfigOf(n, RuleSet::kTwoChain, VoteSpread::kNextLeader));
    Sent sent;
    Count(cluster, n, sent);
    cluster.Crash(1);
    ASSERT_TRUE(cluster.Submit(0, 1, 1));
    const auto proposed = [&] { return !sent.proposals.empty(); };
    ASSERT_TRUE(cluster.RunUntil(proposed, 1000));
    cluster.RunUntil(cluster.now_ms() + 1);
    EXPECT_EQ(sent.proposals.begin()->first, View(2));
    EXPECT_EQ(sent.timeouts, (n - 1) * (n - 1)) << "n = " << n;
    EXPECT_LE(sent.advances, (n - 1) * (n - 1 + FaultsOf(n))) << "n = " << n;
  }
}

// From the submission until the last replica has it committed.
uint64_t LatencyMs(Cluster& cluster, size_t node) {
  EXPECT_TRUE(cluster.Submit(node, 1, 1));
  const auto everywhere = [&] {
    for (size_t i = 0; i < cluster.node_count(); ++i) {
      if (cluster.IsUp(i) && !cluster.HasCommitted(i, {ClientId(1), Sequence(1)})) return false;
    }
    return true;
  };
  EXPECT_TRUE(cluster.RunUntil(everywhere, 100'000)) << cluster.problem();
  return cluster.now_ms();
}

// HotStuff, section 1, optimistic responsiveness: decisions take the network's delay, whatever
// bound on it the timeouts assume. A block and a round of votes for each of two or three phases,
// and the news.
TEST(ResponsivenessTest, CommitsTakeTheNetworksDelayWhateverTheTimeout) {
  for (const size_t n : {5u, 16u}) {
    for (const uint32_t timeout_ms : {100u, 1000u, 10'000u}) {
      for (const uint64_t delay_ms : {1u, 5u, 20u}) {
        ClusterConfig config = ConfigOf(n, RuleSet::kTwoChain, VoteSpread::kNextLeader, delay_ms);
        config.base_timeout_ms = timeout_ms;
        Cluster two(config);
        EXPECT_EQ(LatencyMs(two, 1), 5 * delay_ms) << n << " " << timeout_ms << " " << delay_ms;
        config.rules = RuleSet::kThreeChain;
        config.votes = VoteSpread::kAll;
        Cluster three(config);
        EXPECT_EQ(LatencyMs(three, 1), 6 * delay_ms) << n << " " << timeout_ms << " " << delay_ms;
      }
    }
  }
}

// The same after a leader failed, of which one timeout tells: the next one waits for n - f answers,
// and one of four is dead.
TEST(ResponsivenessTest, AfterAFailedViewTheNextLeaderWaitsForNothing) {
  for (const uint32_t timeout_ms : {100u, 1000u, 10'000u}) {
    for (const uint64_t delay_ms : {1u, 5u, 20u}) {
      ClusterConfig config = ConfigOf(4, RuleSet::kTwoChain, VoteSpread::kNextLeader, delay_ms);
      config.base_timeout_ms = timeout_ms;
      Cluster cluster(config);
      cluster.Crash(1);
      EXPECT_EQ(LatencyMs(cluster, 3), timeout_ms + 7 * delay_ms) << timeout_ms << " " << delay_ms;
    }
  }
}

// Leaders rotate (HotStuff, section 5): of the committed blocks, those of Byzantine replicas are no
// more than their share of the views.
TEST(ChainQualityTest, HonestReplicasKeepTheirShareOfTheChain) {
  for (const Behaviour behaviour :
       {Behaviour::kDoubleVote, Behaviour::kSelective, Behaviour::kEquivocate,
        Behaviour::kStaleLeader, Behaviour::kSpam, Behaviour::kFalseTime}) {
    ClusterConfig config = ConfigOf(7, RuleSet::kTwoChain, VoteSpread::kNextLeader);
    config.behaviours = {{2, behaviour}, {5, behaviour}};
    Cluster cluster(config);
    uint64_t honest = 0;
    uint64_t blocks = 0;
    cluster.SetCommitTrace([&](uint64_t, size_t node, const CommittedBlock& committed) {
      if (node != 0) return;
      ++blocks;
      if (cluster.IsHonest(committed.block->header().proposer.value())) ++honest;
    });
    RunUnderLoad(cluster, 3000);
    ASSERT_EQ(cluster.problem(), "");
    EXPECT_GT(blocks, 500u) << static_cast<int>(behaviour);
    EXPECT_GE(honest * 100, blocks * 70)
        << static_cast<int>(behaviour) << ": " << honest << " of " << blocks << ", want 5 of 7";
  }
}

// HotStuff, theorem 4: what a client gave to an honest replica is committed, also if the block that
// had it is abandoned; here once.
TEST(ChainQualityTest, ACommandOfAnAbandonedBlockIsCommittedLater) {
  Cluster cluster(ConfigOf(4, RuleSet::kTwoChain, VoteSpread::kNextLeader));
  std::map<CommandKey, std::vector<View>> views;
  cluster.SetCommitTrace([&](uint64_t, size_t node, const CommittedBlock& committed) {
    if (node != 3) return;
    for (const Command& command : committed.block->commands()) {
      views[command.key].push_back(committed.block->view());
    }
  });
  Sent sent;
  Count(cluster, 4, sent);
  // Only replica 0 sees the block of view 1.
  cluster.Partition({0, 0, 1, 1});
  ASSERT_TRUE(cluster.Submit(1, 1, 1));
  EXPECT_EQ(sent.proposals.count(View(1)), 1u);
  cluster.RunUntil(50);
  cluster.Partition({});
  const CommandKey key{ClientId(1), Sequence(1)};
  ASSERT_TRUE(cluster.RunUntil([&] { return cluster.HasCommitted(3, key); }, 10'000));
  cluster.RunUntil(cluster.now_ms() + 5000);
  ASSERT_EQ(cluster.problem(), "");
  ASSERT_EQ(views[key].size(), 1u);
  EXPECT_GT(views[key][0], View(1));
}

}  // namespace
}  // namespace groat::hotstuff::testing
