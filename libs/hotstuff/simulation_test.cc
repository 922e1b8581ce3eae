// Seeded schedules of whole clusters. Longer runs: hotstuff_simulation.
#include <gtest/gtest.h>

#include <iostream>

#include "hotstuff/testing/mutants.h"
#include "hotstuff/two_chain.h"
#include "sim/testing/seeds.h"

namespace groat::hotstuff::testing {
namespace {

struct Load {
  Profile profile;
  uint64_t schedules;
};

class SimulationTest : public ::testing::TestWithParam<Load> {};

// Safety after every step, liveness after healing within ViewsToHealBound.
TEST_P(SimulationTest, IsSafeAlwaysAndLiveAfterHealing) {
  ScheduleSettings settings;
  settings.profile = GetParam().profile;
  sim::testing::ForEachSeed(GetParam().schedules, [&settings](uint64_t seed) {
    const Verdict verdict = RunSchedule(seed, settings);
    ASSERT_TRUE(verdict.ok()) << verdict.problem << "\n  again: hotstuff_simulation --profile="
                              << NameOf(settings.profile) << " --seed=" << seed << " --schedules=1";
    ASSERT_GT(verdict.blocks, 0u) << seed;
  });
}

INSTANTIATE_TEST_SUITE_P(
    Profiles, SimulationTest,
    ::testing::Values(Load{Profile::kMixed, 150}, Load{Profile::kTwins, 600},
                      Load{Profile::kCrash, 100}, Load{Profile::kByzantine, 200},
                      Load{Profile::kLagging, 100}, Load{Profile::kDeadLeaders, 50},
                      Load{Profile::kStorm, 300}, Load{Profile::kLateLeader, 100},
                      Load{Profile::kClocks, 200}),
    [](const auto& item) {
      std::string name(NameOf(item.param.profile));
      std::erase(name, '-');
      return name;
    });

TEST(SimulationTest, TwentyTwinsOfLargerClusters) {
  ScheduleSettings settings;
  settings.profile = Profile::kTwins;
  settings.n = 7;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const Verdict verdict = RunSchedule(seed, settings);
    ASSERT_TRUE(verdict.ok()) << "seed " << seed << ": " << verdict.problem;
  }
}

// Three chains. Two of the three honest replicas commit by a certificate of a block that nobody
// builds on, and have nothing more to order; the third one alone would need some 60 views, and
// minutes, for three certificates of consecutive views.
TEST(SimulationTest, WhoMissesTheCertificateThatCommittedIsNotLeftAlone) {
  ScheduleSettings settings;
  settings.profile = Profile::kTwins;
  for (const uint64_t seed : {7539u, 9044u, 19391u}) {
    const Verdict verdict = RunSchedule(seed, settings);
    ASSERT_TRUE(verdict.ok()) << "seed " << seed << ": " << verdict.problem;
    EXPECT_LE(verdict.views_to_heal, 16u) << "seed " << seed;
  }
}

TEST(SimulationTest, ThirtyOneReplicasWithAllKindsOfFaults) {
  ScheduleSettings settings;
  settings.n = 31;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    const Verdict verdict = RunSchedule(seed, settings);
    ASSERT_TRUE(verdict.ok()) << "seed " << seed << ": " << verdict.problem;
  }
}

// Same events, same effects: two runs of one seed commit the same blocks in the same steps.
TEST(SimulationTest, IsDeterministic) {
  const auto run = [] {
    ClusterConfig config;
    config.seed = 5;
    config.links.max_delay_ms = 20;
    config.links.loss_percent = 5;
    config.links.duplicate_percent = 5;
    config.links.max_job_delay_ms = 3;
    Cluster cluster(config);
    for (uint64_t i = 1; i <= 50; ++i) {
      cluster.Submit(i % 4, i % 4 + 1, i);
      cluster.RunUntil(i * 20);
    }
    return std::pair(cluster.checker().chain(), cluster.steps());
  };
  const auto first = run();
  EXPECT_GT(first.first.size(), 10u);
  EXPECT_EQ(first, run());
}

// Two leaders of one view, by different high certificates: the commands of the one that lost are
// proposed again, though the one that won is of the same view.
TEST(SimulationTest, CommandsOfAnotherBlockOfTheSameViewAreNotTakenForIncluded) {
  ScheduleSettings settings;
  settings.profile = Profile::kMixed;
  const Verdict verdict = RunSchedule(502003, settings);
  EXPECT_TRUE(verdict.ok()) << verdict.problem;
}

class MutantTest : public ::testing::TestWithParam<size_t> {};

TEST_P(MutantTest, IsCaughtWhereTheRightRulesPass) {
  const Mutant& mutant = Mutants()[GetParam()];
  const MutantResult result = RunMutant(mutant, 1, 20'000);
  ASSERT_TRUE(result.caught) << mutant.name << " passes " << result.schedules << " schedules";
  std::cout << mutant.name << ": caught after " << result.schedules
            << " schedules: " << result.problem << "\n";
  const MutantResult control = RunControl(mutant, 1, result.schedules);
  EXPECT_FALSE(control.caught) << mutant.name << ", without it: " << control.problem;
}

INSTANTIATE_TEST_SUITE_P(All, MutantTest, ::testing::Range(size_t{0}, Mutants().size()),
                         [](const auto& item) { return Mutants()[item.param].name; });

// Times grow by a microsecond at least, so they stay with the clocks up to a million blocks a
// second.
TEST(BlockTimeTest, ThousandsOfBlocksASecondStayWithinTheDrift) {
  ClusterConfig config;
  config.max_clock_drift_ms = 50;
  config.block = {1, 1000};
  config.links.min_delay_ms = config.links.max_delay_ms = 0;
  Cluster cluster(config);
  uint64_t furthest_us = 0;
  cluster.SetCommitTrace([&](uint64_t, size_t, const CommittedBlock& committed) {
    const uint64_t time_us = committed.block->header().timestamp_us;
    if (time_us > cluster.unix_us()) {
      furthest_us = std::max(furthest_us, time_us - cluster.unix_us());
    }
  });
  uint64_t sequence = 0;
  for (uint64_t time_ms = 1; time_ms <= 2000; ++time_ms) {
    for (int i = 0; i < 4; ++i) cluster.Submit(0, 1, ++sequence);
    cluster.RunUntil(time_ms);
  }
  ASSERT_EQ(cluster.problem(), "");
  EXPECT_GE(cluster.checker().height(), 8000u);
  EXPECT_LT(furthest_us, 100u);
  for (size_t node = 0; node < 4; ++node) {
    EXPECT_EQ(cluster.core(node).counters().of(Refusal::kClock), 0u) << "node " << node;
  }
}

// Four replicas, a command each millisecond, and who led the views whose blocks are committed.
class ReputationTest : public ::testing::Test {
 protected:
  ReputationTest() {
    cluster_.SetCommitTrace([this](uint64_t, size_t, const CommittedBlock& committed) {
      const BlockHeader& header = committed.block->header();
      last_led_[header.proposer] = header.view;
    });
  }
  void RunToView(uint64_t view) {
    while (cluster_.HighestView() < view && cluster_.problem().empty()) {
      cluster_.Submit(0, 1, ++sequence_);
      cluster_.RunUntil(cluster_.now_ms() + 1);
    }
    ASSERT_EQ(cluster_.problem(), "");
  }
  uint64_t views_given_up() const { return cluster_.core(0).counters().views_given_up; }

  static ClusterConfig Config() {
    ClusterConfig config;
    config.links.max_delay_ms = 3;  // So that each is among the first three to vote at times.
    return config;
  }
  Cluster cluster_{Config()};
  std::map<ReplicaIndex, View> last_led_;  // Of each that led, the newest view.
  uint64_t sequence_ = 0;
};

// One crashed replica of four costs two views at first, and one when it is tried again after
// 16,384.
TEST_F(ReputationTest, ADeadReplicaIsTriedOnceInManyViews) {
  cluster_.Crash(2);
  ASSERT_NO_FATAL_FAILURE(RunToView(16'000));
  EXPECT_LE(views_given_up(), 2u);
  ASSERT_NO_FATAL_FAILURE(RunToView(32'000));
  EXPECT_LE(views_given_up(), 3u);
  EXPECT_FALSE(last_led_.contains(ReplicaIndex(2)));
}

TEST_F(ReputationTest, ARestartedReplicaLeadsAgainSoon) {
  cluster_.Crash(2);
  ASSERT_NO_FATAL_FAILURE(RunToView(1'000));
  cluster_.Restart(2);
  ASSERT_NO_FATAL_FAILURE(RunToView(1'100));
  EXPECT_GT(last_led_[ReplicaIndex(2)], View(1'050));
  EXPECT_LE(views_given_up(), 2u);
}

// Floods of commands by one replica leave room for the others'.
TEST(FloodTest, AReplicaCannotFillTheOthersPools) {
  ClusterConfig config;
  config.options.mempool = {100, 100000};
  config.block = {1, 1000};
  config.links.min_delay_ms = config.links.max_delay_ms = 50;
  Cluster cluster(config);
  for (uint64_t i = 1; i <= 100; ++i) cluster.Submit(1, 2, i);
  ASSERT_TRUE(cluster.Submit(0, 1, 1));
  cluster.RunUntil(60);
  EXPECT_GT(cluster.core(0).counters().of(Refusal::kFlood), 0u);
  EXPECT_LE(cluster.core(0).status().mempool_count, 51u);
  EXPECT_TRUE(cluster.RunUntil(
      [&] {
        return cluster.HasCommitted(3, {ClientId(1), Sequence(1)});
      },
      60000));
}

Command ApprovedByAQuorum(const ValidatorChange& change, const Verifier& verifier) {
  const Hash digest = ChangeDigest(change, verifier.chain);
  std::vector<SignedShare> shares;
  for (uint16_t i = 0; i < QuorumOf(verifier.replicas); ++i) {
    const ReplicaIndex replica(i);
    shares.push_back({replica, digest, MockSigner(replica).SignShare(digest)});
  }
  const auto command = MakeChangeCommand(change, shares, verifier);
  GROAT_CHECK_OK(command.status());
  return *command;
}

// Another validator set: ordered as a command, in force after a block of known height, with a
// proof.
TEST(ValidatorChangeTest, EndsTheEpochAtItsHeightAndTheNextOneGoesOn) {
  ClusterConfig config;
  Cluster cluster(config);
  const Verifier verifier = cluster.core(0).verifier();
  const ValidatorChange change{Epoch(1), Height(15), MockValidators(5, 9)};
  const Command command = ApprovedByAQuorum(change, verifier);
  ASSERT_TRUE(cluster.Submit(1, 2, 1));
  ASSERT_TRUE(cluster.SubmitCommand(0, command));
  const auto ended = [&] {
    for (size_t i = 0; i < 4; ++i) {
      if (!cluster.epoch_end(i).has_value()) return false;
    }
    return true;
  };
  ASSERT_TRUE(cluster.RunUntil(ended, 60000)) << cluster.problem();
  for (size_t i = 0; i < 4; ++i) {
    const EpochEnd& end = *cluster.epoch_end(i);
    EXPECT_EQ(end.last->height(), Height(15));
    const absl::Status status = VerifyHandover(end.proof, cluster.genesis(), TwoChain(), verifier);
    EXPECT_TRUE(status.ok()) << status;
    HandoverProof wrong = end.proof;
    wrong.approved.change.last_height = Height(14);
    EXPECT_FALSE(VerifyHandover(wrong, cluster.genesis(), TwoChain(), verifier).ok());
  }
  // The old epoch commits nothing more.
  cluster.Submit(2, 3, 1);
  cluster.RunUntil(cluster.now_ms() + 5000);
  EXPECT_EQ(cluster.checker().height(), 15u);

  const MockScheme scheme(5);
  const MockSigner signer(ReplicaIndex(1));
  CoreConfig next;
  next.genesis = cluster.genesis();
  next.epoch = Epoch(1);
  next.replicas = 5;
  next.self = ReplicaIndex(1);
  Restored restored;
  restored.root = cluster.epoch_end(0)->last;
  const Now now{0, restored.root->header().timestamp_us + 5000};
  auto core = Core::Create(next, &scheme, &signer, restored, now);
  ASSERT_TRUE(core.ok()) << core.status();
  const Effects effects = (*core)->Step(Submitted{{Command{{ClientId(3), Sequence(1)}, {}}}}, now);
  std::vector<BlockPtr> proposed;
  for (const Send& send : effects.sends) {
    if (const auto* proposal = std::get_if<Proposal>(send.message.get())) {
      proposed.push_back(proposal->block);
    }
  }
  ASSERT_EQ(proposed.size(), 1u);
  EXPECT_EQ(proposed[0]->height(), Height(16));
  EXPECT_EQ(proposed[0]->view(), View(1));
  EXPECT_EQ(proposed[0]->header().epoch, Epoch(1));
  EXPECT_EQ(proposed[0]->parent(), restored.root->id());
}

// Node 4 becomes a validator, then node 0 ceases to be one. Node 3 is cut off from the first change
// and finds its way into the next epoch with the help of the others' past cores.
class EpochsTest : public ::testing::TestWithParam<uint64_t> {
 protected:
  static ClusterConfig Config(uint64_t seed) {
    ClusterConfig config;
    config.seed = seed;
    config.spares = 1;
    config.next_epochs = true;
    config.links = {1, 10, 5, 5, 0, seed % 2 == 0 ? 0u : 3u};
    return config;
  }
  // Orders the change and lets commands come until all these nodes are in its epoch.
  void ChangeTo(uint64_t epoch, std::vector<Validator> validators, std::vector<size_t> nodes) {
    const Height last(cluster_.checker().height() + 20);
    ASSERT_TRUE(
        cluster_.SubmitCommand(1, ApprovedByAQuorum({Epoch(epoch), last, std::move(validators)},
                                                    cluster_.core(1).verifier())));
    const auto all_there = [&] {
      return std::all_of(nodes.begin(), nodes.end(),
                         [&](size_t node) { return cluster_.epoch(node) == Epoch(epoch); });
    };
    for (int i = 0; i < 500 && !all_there(); ++i) {
      cluster_.Submit(1, 2, ++sequence_);
      cluster_.RunUntil(cluster_.now_ms() + 20);
    }
    ASSERT_EQ(cluster_.problem(), "");
    ASSERT_TRUE(all_there());
    EXPECT_GE(cluster_.checker().height(), last.value());
  }
  // A command of each of these nodes is committed by all of them.
  void ExpectService(const std::vector<size_t>& nodes) {
    std::vector<CommandKey> keys;
    for (const size_t node : nodes) {
      keys.push_back({ClientId(100 + node), Sequence(++sequence_)});
      ASSERT_TRUE(cluster_.Submit(node, 100 + node, sequence_));
    }
    const auto served = [&] {
      for (const size_t node : nodes) {
        for (const CommandKey& key : keys) {
          if (!cluster_.HasCommitted(node, key)) return false;
        }
      }
      return true;
    };
    EXPECT_TRUE(cluster_.RunUntil(served, cluster_.now_ms() + 60000)) << cluster_.problem();
  }

  Cluster cluster_{Config(GetParam())};
  uint64_t sequence_ = 0;
};

TEST_P(EpochsTest, TheClusterGoesOnWithAValidatorMoreAndThenOneLess) {
  ExpectService({0, 1, 2, 3});
  cluster_.Partition({0, 0, 0, 1, 0});
  ASSERT_NO_FATAL_FAILURE(ChangeTo(1, MockValidators(5), {0, 1, 2, 4}));
  EXPECT_EQ(cluster_.epoch(3), Epoch(0));
  ExpectService({0, 1, 2, 4});
  cluster_.Partition({});
  const auto there = [this] { return cluster_.epoch(3) == Epoch(1); };
  EXPECT_TRUE(cluster_.RunUntil(there, cluster_.now_ms() + 20000)) << cluster_.problem();
  ExpectService({0, 1, 2, 3, 4});

  cluster_.Crash(2);
  cluster_.RunUntil(cluster_.now_ms() + 500);
  cluster_.Restart(2);
  ExpectService({0, 1, 2, 3, 4});

  std::vector<Validator> fewer = MockValidators(5);
  fewer.erase(fewer.begin());
  ASSERT_NO_FATAL_FAILURE(ChangeTo(2, fewer, {1, 2, 3, 4}));
  EXPECT_EQ(cluster_.epoch(0), Epoch(1));
  for (int i = 0; i < 12; ++i) ExpectService({1, 2, 3, 4});
  for (size_t node = 1; node <= 4; ++node) {
    EXPECT_EQ(cluster_.core(node).verifier().replicas, 4u);
    EXPECT_GT(cluster_.core(node).counters().proposals, 0u) << "node " << node << " never led";
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, EpochsTest, ::testing::Range<uint64_t>(1, 21));

}  // namespace
}  // namespace groat::hotstuff::testing
