// Quorums, faulty shares, other histories, and that nodes meet at a common height.
#include "ledger/checkpoint_collector.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "base/status_matchers.h"
#include "bls/testing/test_keys.h"
#include "ledger/test_chain.h"

namespace groat::ledger {
namespace {

using ::groat::testing::StatusIs;
using record::Height;
using record::NodeIndex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using AddResult = CheckpointCollector::AddResult;

const Bytes32 kLedger = Filled(0x77);

struct Nodes {
  explicit Nodes(size_t count) {
    std::vector<bls::Registration> nodes;
    for (size_t i = 0; i < count; ++i) {
      keys.push_back(bls::testing::TestKey(i));
      nodes.push_back(bls::testing::TestRegistration(i));
    }
    node_keys = std::make_unique<record::NodeKeys>(*record::NodeKeys::Create(nodes));
  }
  Share Sign(uint32_t node, const SignMark& point, const Bytes32& ledger = kLedger) const {
    const record::Checkpoint checkpoint{ledger, point.height, point.block_id, point.log_root};
    return {NodeIndex(node), point, record::SignAsNode(keys[node], checkpoint.Encode())};
  }
  std::vector<bls::SecretKey> keys;
  std::unique_ptr<record::NodeKeys> node_keys;
};

SignMark Point(uint64_t height, uint8_t history = 0) {
  return {Height(height), Filled(static_cast<uint8_t>(height + history)), Filled(0x55)};
}
PointAt ChainUpTo(uint64_t head) {
  return [head](Height height) -> std::optional<SignMark> {
    if (height.value() > head) return std::nullopt;
    return Point(height.value());
  };
}

class CheckpointCollectorTest : public ::testing::Test {
 protected:
  Nodes nodes_{3};
  CheckpointCollector collector_{kLedger, *nodes_.node_keys, std::nullopt};
};

TEST_F(CheckpointCollectorTest, AMajorityMakesACheckpointThatVerifies) {
  EXPECT_EQ(collector_.Add(nodes_.Sign(0, Point(4))), AddResult::kAdded);
  EXPECT_FALSE(collector_.TryForm(ChainUpTo(4)).formed) << "one of three";
  EXPECT_EQ(collector_.Add(nodes_.Sign(0, Point(4))), AddResult::kRepeated);
  EXPECT_EQ(collector_.Add(nodes_.Sign(2, Point(4))), AddResult::kAdded);
  EXPECT_TRUE(collector_.TryForm(ChainUpTo(4)).formed);
  ASSERT_TRUE(collector_.newest().has_value());
  const record::SignedCheckpoint& newest = *collector_.newest();
  EXPECT_EQ(newest.checkpoint.height, Height(4));
  GROAT_EXPECT_OK(nodes_.node_keys->VerifyQuorum(newest.checkpoint.Encode(), newest.quorum));
  EXPECT_EQ(collector_.Add(nodes_.Sign(1, Point(4))), AddResult::kPassed);
  EXPECT_EQ(collector_.Add(nodes_.Sign(1, Point(3))), AddResult::kPassed);
}

TEST_F(CheckpointCollectorTest, TakesTheHighestQuorum) {
  for (uint64_t height : {4u, 6u, 5u}) {
    collector_.Add(nodes_.Sign(0, Point(height)));
    collector_.Add(nodes_.Sign(1, Point(height)));
  }
  EXPECT_TRUE(collector_.TryForm(ChainUpTo(5)).formed) << "6 is above our head";
  EXPECT_EQ(collector_.newest_height(), Height(5));
  EXPECT_TRUE(collector_.TryForm(ChainUpTo(6)).formed) << "the kept shares of 6 count now";
  EXPECT_EQ(collector_.newest_height(), Height(6));
  EXPECT_FALSE(collector_.TryForm(ChainUpTo(6)).formed);
}

TEST_F(CheckpointCollectorTest, RefusesSharesThatAreNotTheNodes) {
  Share share = nodes_.Sign(0, Point(4));
  share.node = NodeIndex(1);
  EXPECT_EQ(collector_.Add(share), AddResult::kWrongSignature);
  share.node = NodeIndex(3);
  EXPECT_EQ(collector_.Add(share), AddResult::kWrongSignature) << "no such node";
  EXPECT_EQ(collector_.Add(nodes_.Sign(0, Point(4), Filled(1))), AddResult::kWrongSignature)
      << "another ledger";
  share = nodes_.Sign(0, Point(4));
  share.point.log_root[3] ^= 1;
  EXPECT_EQ(collector_.Add(share), AddResult::kWrongSignature);
}

TEST_F(CheckpointCollectorTest, ANodeThatSignsTwicePointsIsFaulty) {
  collector_.Add(nodes_.Sign(0, Point(4)));
  EXPECT_EQ(collector_.Add(nodes_.Sign(0, Point(4, 1))), AddResult::kEquivocation);
  collector_.Add(nodes_.Sign(1, Point(4)));
  EXPECT_TRUE(collector_.TryForm(ChainUpTo(4)).formed) << "the first share stays";
}

TEST_F(CheckpointCollectorTest, ReportsAnotherHistoryOnceAndAQuorumOfIt) {
  collector_.Add(nodes_.Sign(0, Point(4, 1)));
  CheckpointCollector::Progress one = collector_.TryForm(ChainUpTo(4));
  EXPECT_EQ(one.conflicts.size(), 1u);
  EXPECT_FALSE(one.other_quorum.has_value());
  EXPECT_THAT(collector_.TryForm(ChainUpTo(4)).conflicts, IsEmpty());
  collector_.Add(nodes_.Sign(1, Point(4, 1)));
  CheckpointCollector::Progress two = collector_.TryForm(ChainUpTo(4));
  EXPECT_EQ(two.other_quorum, Point(4, 1));
  EXPECT_FALSE(two.formed);
}

TEST_F(CheckpointCollectorTest, MemoryOfOneNodeIsBounded) {
  for (uint64_t height = 1; height <= kMaxHeightsPerNode + 10; ++height) {
    collector_.Add(nodes_.Sign(0, Point(height)));
  }
  collector_.Add(nodes_.Sign(1, Point(10)));
  EXPECT_FALSE(collector_.TryForm(ChainUpTo(200)).formed) << "height 10 was dropped";
  collector_.Add(nodes_.Sign(1, Point(11)));
  EXPECT_TRUE(collector_.TryForm(ChainUpTo(200)).formed);
}

TEST_F(CheckpointCollectorTest, AdoptsCheckpointsOfPeers) {
  CheckpointCollector other(kLedger, *nodes_.node_keys, std::nullopt);
  other.Add(nodes_.Sign(0, Point(4)));
  other.Add(nodes_.Sign(1, Point(4)));
  ASSERT_TRUE(other.TryForm(ChainUpTo(4)).formed);
  const record::SignedCheckpoint good = *other.newest();

  EXPECT_THAT(collector_.Adopt(good, ChainUpTo(3)),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("height 4")));
  const PointAt rival = [](Height height) { return Point(height.value(), 1); };
  EXPECT_THAT(collector_.Adopt(good, rival),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("covers block")));
  record::SignedCheckpoint forged = good;
  forged.quorum.signature[0] ^= 0x20;  // The negative.
  EXPECT_THAT(collector_.Adopt(forged, ChainUpTo(4)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("signature of the quorum certificate")));
  record::SignedCheckpoint foreign = good;
  foreign.checkpoint.ledger_id[0] ^= 1;
  EXPECT_THAT(collector_.Adopt(foreign, ChainUpTo(4)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("checkpoint of ledger")));
  EXPECT_EQ(collector_.newest_height(), Height(0));
  GROAT_EXPECT_OK(collector_.Adopt(good, ChainUpTo(4)));
  EXPECT_EQ(collector_.newest_height(), Height(4));
}

TEST_F(CheckpointCollectorTest, SignsTheNewestFirstThenWhereOthersWait) {
  EXPECT_THAT(collector_.HeightsToSign(NodeIndex(0), Height(0)), IsEmpty());
  EXPECT_THAT(collector_.HeightsToSign(NodeIndex(0), Height(5)), ElementsAre(Height(5)));
  collector_.Add(nodes_.Sign(0, Point(5)));
  EXPECT_THAT(collector_.HeightsToSign(NodeIndex(0), Height(5)), IsEmpty());
  collector_.Add(nodes_.Sign(1, Point(3)));
  collector_.Add(nodes_.Sign(2, Point(9)));
  EXPECT_THAT(collector_.HeightsToSign(NodeIndex(0), Height(6)), ElementsAre(Height(6), Height(3)))
      << "9 is not verified here";
}

// Liveness: nodes that verified different heights, and verify no more, meet at the highest height
// that a quorum has verified. Method: random heights, everyone follows HeightsToSign in random
// order until nobody has anything to sign.
TEST(CheckpointConvergenceTest, NodesMeetAtTheHighestCommonHeight) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    const size_t count = 1 + random() % 7;
    const Nodes nodes(count);
    std::vector<std::unique_ptr<CheckpointCollector>> collectors;
    std::vector<uint64_t> verified;
    for (size_t i = 0; i < count; ++i) {
      collectors.push_back(
          std::make_unique<CheckpointCollector>(kLedger, *nodes.node_keys, std::nullopt));
      verified.push_back(1 + random() % 30);
    }
    std::vector<uint32_t> order(count);
    std::iota(order.begin(), order.end(), 0);
    for (bool busy = true; busy;) {
      busy = false;
      std::shuffle(order.begin(), order.end(), random);
      for (uint32_t node : order) {
        for (Height height :
             collectors[node]->HeightsToSign(NodeIndex(node), Height(verified[node]))) {
          busy = true;
          const Share share = nodes.Sign(node, Point(height.value()));
          for (auto& collector : collectors) {
            collector->Add(share);
            collector->TryForm(ChainUpTo(40));
          }
        }
      }
    }
    std::vector<uint64_t> sorted = verified;
    std::sort(sorted.rbegin(), sorted.rend());
    const uint64_t want = sorted[nodes.node_keys->quorum() - 1];
    for (auto& collector : collectors) {
      EXPECT_EQ(collector->newest_height(), Height(want)) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace groat::ledger
