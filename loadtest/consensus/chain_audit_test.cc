#include "loadtest/consensus/chain_audit.h"

#include <gmock/gmock.h>

namespace groat::load {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

hotstuff::BlockId Id(uint8_t number) {
  Bytes bytes(32, number);
  return *hotstuff::BlockId::From(bytes, "id");
}

// Two replicas with two blocks and three commands each, all acknowledged.
class ChainAuditTest : public ::testing::Test {
 protected:
  ChainAuditTest() {
    for (SeenChain& chain : chains_) {
      chain.ids = {Id(1), Id(2)};
      chain.places.Set(7, 1, {1, 0});
      chain.places.Set(7, 2, {2, 0});
      chain.places.Set(8, 1, {2, 1});
    }
    acknowledged_.Set(7, 1, {1, 0});
    acknowledged_.Set(7, 2, {0, 0});  // Told without a place.
    acknowledged_.Set(8, 1, {2, 1});
  }
  ChainAudit Run() const { return Compare({&chains_[0], &chains_[1]}, {&acknowledged_}); }

  SeenChain chains_[2];
  Places acknowledged_;
};

TEST_F(ChainAuditTest, AllIsWell) {
  const ChainAudit audit = Run();
  EXPECT_TRUE(audit.ok()) << audit.Text();
  EXPECT_EQ(audit.blocks, 2u);
  EXPECT_EQ(audit.commands, 3u);
  EXPECT_EQ(audit.without_place, 1u);
}

TEST_F(ChainAuditTest, FindsWhatIsLost) {
  acknowledged_.Set(7, 3, {2, 2});
  const ChainAudit audit = Run();
  EXPECT_EQ(audit.lost, 1u);
  EXPECT_THAT(audit.problems, ElementsAre(HasSubstr("command 3 of client 7")));
}

TEST_F(ChainAuditTest, FindsWhatIsLostAtOneReplicaAlone) {
  for (SeenChain& chain : chains_) chain.places.Set(7, 3, {2, 2});
  chains_[0].places.Set(7, 4, {2, 3});
  chains_[1].places.Set(9, 1, {2, 3});
  acknowledged_.Set(7, 4, {2, 3});
  const ChainAudit audit = Run();
  EXPECT_EQ(audit.lost, 1u);
  EXPECT_THAT(audit.problems, ElementsAre(HasSubstr("not in the chain of replica 1")));
}

TEST_F(ChainAuditTest, FindsWhatIsElsewhere) {
  for (SeenChain& chain : chains_) chain.places.Set(7, 3, {2, 2});
  acknowledged_.Set(7, 3, {2, 3});
  const ChainAudit audit = Run();
  EXPECT_EQ(audit.lost, 0u);
  EXPECT_EQ(audit.misplaced, 1u);
  EXPECT_THAT(audit.problems, ElementsAre(HasSubstr("height 2 index 2 of replica 0, told was")));
}

TEST_F(ChainAuditTest, FindsTwoChains) {
  chains_[1].ids[1] = Id(3);
  EXPECT_THAT(Run().problems, ElementsAre(HasSubstr("differ at height 2")));
}

TEST_F(ChainAuditTest, FindsAShorterChain) {
  chains_[1].ids.pop_back();
  EXPECT_THAT(Run().problems, ElementsAre(HasSubstr("replica 1 shows 1")));
}

TEST_F(ChainAuditTest, FindsAnotherEffect) {
  chains_[1].places.Set(9, 1, {2, 2});
  EXPECT_THAT(Run().problems, ElementsAre(HasSubstr("commands in effect")));
}

}  // namespace
}  // namespace groat::load
