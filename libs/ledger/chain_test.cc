// Every reason for which a node does not take a block, and that only the head moves.
#include "ledger/chain.h"

#include <gmock/gmock.h>

#include "ledger/test_chain.h"

namespace groat::ledger {
namespace {

using record::Block;
using record::Height;
using ::testing::HasSubstr;

class ChainTest : public ::testing::Test {
 protected:
  Block NextBlock(const record::SignedRoot& root, uint64_t timestamp_ms = 1000) const {
    return {chain_.head().height.Next(), chain_.head().id, timestamp_ms, root};
  }
  void ApplyNext() {
    const Block block = NextBlock(relay_.Next());
    ASSERT_EQ(chain_.Check(block).verdict, BlockVerdict::kExtends);
    chain_.Apply(block);
  }

  TestRelay relay_{1};
  TestRelay stranger_{2};
  RelayRules rules_{{relay_.name(), relay_.rule()}};
  Chain chain_{rules_, {}, {}};
};

TEST_F(ChainTest, TakesBlocksThatExtendIt) {
  ApplyNext();
  ApplyNext();
  EXPECT_EQ(chain_.head().height, Height(2));
  EXPECT_EQ(chain_.tips().at(relay_.name()).height, Height(2));
  EXPECT_EQ(chain_.tips().at(relay_.name()).statement.cycle, record::Cycle(2));
}

TEST_F(ChainTest, KnownHeightsAndGapsAreToldApart) {
  const Block first = NextBlock(relay_.Next());
  chain_.Apply(first);
  EXPECT_EQ(chain_.Check(first).verdict, BlockVerdict::kKnownHeight);
  Block ahead = NextBlock(relay_.Next());
  ahead.height = Height(3);
  const BlockCheck check = chain_.Check(ahead);
  EXPECT_EQ(check.verdict, BlockVerdict::kAhead);
  EXPECT_THAT(check.reason, HasSubstr("height 3, want 2"));
}

TEST_F(ChainTest, AnotherPreviousIdIsAnotherHistory) {
  ApplyNext();
  Block block = NextBlock(relay_.Next());
  block.previous_id[0] ^= 1;
  EXPECT_EQ(chain_.Check(block).verdict, BlockVerdict::kOtherHistory);
}

TEST_F(ChainTest, RefusesBlocksThatBreakARule) {
  ApplyNext();
  const record::SignedRoot good = relay_.Next();
  struct Case {
    const char* name;
    Block block;
    const char* reason;
  };
  Block early = NextBlock(good, 999);
  Block forged = NextBlock(good);
  forged.root.signature[5] ^= 1;
  record::RootStatement skipped = good.statement;
  skipped.cycle = record::Cycle(5);
  record::RootStatement shrunk = good.statement;
  shrunk.leaf_count = 1;
  record::RootStatement period = good.statement;
  period.period = record::Period(1);
  for (const Case& c :
       {Case{"time goes back", early, "has time 999 ms, want 1000 ms or later"},
        Case{"unknown relay", NextBlock(stranger_.Next()), "not among this node's relays"},
        Case{"wrong signature", forged, "signature is not that of the relay's key"},
        Case{"gap of cycles", NextBlock(relay_.Sign(skipped)), "want cycle 2"},
        Case{"leaves vanish", NextBlock(relay_.Sign(shrunk)), "the cycle before had 1"},
        Case{"another period", NextBlock(relay_.Sign(period)), "period 1, want 0"}}) {
    const BlockCheck check = chain_.Check(c.block);
    EXPECT_EQ(check.verdict, BlockVerdict::kWrong) << c.name;
    EXPECT_THAT(check.reason, HasSubstr(c.reason)) << c.name;
  }
  EXPECT_EQ(chain_.Check(NextBlock(good)).verdict, BlockVerdict::kExtends);
}

TEST_F(ChainTest, OnlyTheSignatureIsPassedOverIfItWasChecked) {
  const record::SignedRoot good = relay_.Next();
  Block block = NextBlock(good);
  block.root.signature[5] ^= 1;
  EXPECT_EQ(chain_.Check(block, RootSignature::kChecked).verdict, BlockVerdict::kExtends);
  record::RootStatement skipped = good.statement;
  skipped.cycle = record::Cycle(5);
  for (const Block& wrong : {NextBlock(relay_.Sign(skipped)), NextBlock(stranger_.Next())}) {
    EXPECT_EQ(chain_.Check(wrong, RootSignature::kChecked).verdict, BlockVerdict::kWrong);
  }
}

TEST_F(ChainTest, GoesOnFromStoredHeadAndTips) {
  ApplyNext();
  Chain again(rules_, chain_.head(), chain_.tips());
  const Block block = NextBlock(relay_.Next());
  EXPECT_EQ(again.Check(block).verdict, BlockVerdict::kExtends);
}

}  // namespace
}  // namespace groat::ledger
