// Every refusal of an append, repetition, and that a plan is all or nothing.
#include "ledger/append_planner.h"

#include <gmock/gmock.h>

#include "ledger/test_chain.h"

namespace groat::ledger {
namespace {

using ::testing::HasSubstr;
using Planned = AppendPlanner::Planned;
using Full = AppendPlanner::Full;
using record::Block;
using record::Cycle;
using record::Height;
using record::SignedRoot;

class AppendPlannerTest : public ::testing::Test {
 protected:
  // Plans on top of what was stored and stores the outcome.
  Planned Append(const std::vector<SignedRoot>& roots, uint64_t now_ms = 1000) {
    AppendPlanner planner = MakePlanner();
    const AppendPlanner::Result result = planner.Add(roots, now_ms);
    EXPECT_TRUE(std::holds_alternative<Planned>(result));
    if (!std::holds_alternative<Planned>(result)) return {};
    head_ = planner.head();
    tips_ = planner.tips();
    for (const Block& block : planner.new_blocks()) stored_.push_back(block);
    return std::get<Planned>(result);
  }
  AppendPlanner MakePlanner(PlanLimits limits = {}) {
    return AppendPlanner(rules_, head_, tips_, standing_, limits);
  }
  Refusal Refused(const std::vector<SignedRoot>& roots) {
    AppendPlanner planner = MakePlanner();
    const AppendPlanner::Result result = planner.Add(roots, 1000);
    EXPECT_TRUE(planner.new_blocks().empty());
    EXPECT_EQ(planner.head(), head_);
    EXPECT_EQ(planner.tips(), tips_);
    EXPECT_TRUE(std::holds_alternative<Refusal>(result));
    return std::holds_alternative<Refusal>(result) ? std::get<Refusal>(result) : Refusal{};
  }

  TestRelay relay_{1};
  TestRelay other_{2};
  RelayRules rules_{{relay_.name(), relay_.rule()}, {other_.name(), other_.rule()}};
  ChainHead head_;
  RelayTips tips_;
  std::vector<Block> stored_;
  BlockOfCycle standing_ = [this](RelayShard name, Cycle cycle) -> std::optional<Block> {
    for (const Block& block : stored_) {
      if (RelayShard::Of(block.root.statement) == name && block.root.statement.cycle == cycle) {
        return block;
      }
    }
    return std::nullopt;
  };
};

TEST_F(AppendPlannerTest, PlansAChainThatEveryNodeTakes) {
  const Planned planned = Append(relay_.Next(3, 1));
  EXPECT_EQ(planned.new_count, 3u);
  Chain chain(rules_, {}, {});
  for (const Block& block : planned.blocks) {
    EXPECT_EQ(chain.Check(block).verdict, BlockVerdict::kExtends) << chain.Check(block).reason;
    chain.Apply(block);
  }
  EXPECT_EQ(chain.head(), head_);
  EXPECT_EQ(chain.tips(), tips_);
}

TEST_F(AppendPlannerTest, TimeNeverGoesBack) {
  EXPECT_EQ(Append({relay_.Next()}, 5000).blocks[0].timestamp_ms, 5000u);
  EXPECT_EQ(Append({relay_.Next()}, 4000).blocks[0].timestamp_ms, 5000u) << "the clock went back";
  EXPECT_EQ(Append({relay_.Next()}, 5001).blocks[0].timestamp_ms, 5001u);
}

TEST_F(AppendPlannerTest, RepeatedRootsAreAnsweredWithTheirBlocks) {
  const std::vector<SignedRoot> roots = relay_.Next(3, 1);
  const Planned first = Append({roots[0], roots[1]});
  const Planned again = Append({roots[0], roots[1]}, 2000);
  EXPECT_EQ(again.new_count, 0u);
  EXPECT_EQ(again.blocks, first.blocks);
  const Planned half = Append({roots[1], roots[2]}, 2000);
  EXPECT_EQ(half.new_count, 1u);
  EXPECT_EQ(half.blocks[0], first.blocks[1]);
  EXPECT_EQ(half.blocks[1].height, Height(3));
}

TEST_F(AppendPlannerTest, RepetitionInsideOnePlan) {
  const SignedRoot root = relay_.Next();
  AppendPlanner planner = MakePlanner();
  const auto first = std::get<Planned>(planner.Add({{root}}, 1000));
  const auto again = std::get<Planned>(planner.Add({{root}}, 1001));
  EXPECT_EQ(again.new_count, 0u);
  EXPECT_EQ(again.blocks, first.blocks);
  EXPECT_EQ(planner.new_blocks().size(), 1u);
}

TEST_F(AppendPlannerTest, RefusesAGap) {
  Append({relay_.Next()});
  relay_.Next();
  const Refusal refusal = Refused({relay_.Next()});
  EXPECT_EQ(refusal.kind, RefusalKind::kGap);
  EXPECT_THAT(refusal.reason, HasSubstr("cycle 3: want cycle 2"));
  other_.Next();
  EXPECT_EQ(Refused({other_.Next()}).kind, RefusalKind::kGap) << "the first cycle is missing";
}

TEST_F(AppendPlannerTest, RefusesARootThatDoesNotFollow) {
  Append({relay_.Next()});
  record::RootStatement shrunk = relay_.Next().statement;
  shrunk.leaf_count = 1;
  const Refusal refusal = Refused({relay_.Sign(shrunk)});
  EXPECT_EQ(refusal.kind, RefusalKind::kDoesNotFollow);
  EXPECT_THAT(refusal.reason, HasSubstr("the cycle before had 1"));
}

TEST_F(AppendPlannerTest, RefusesAnotherRootOfACycleThatHasOne) {
  const SignedRoot root = relay_.Next();
  Append({root});
  record::RootStatement rival = root.statement;
  rival.root[0] ^= 1;
  const Refusal refusal = Refused({relay_.Sign(rival)});
  EXPECT_EQ(refusal.kind, RefusalKind::kOtherRoot);
  EXPECT_THAT(refusal.reason, HasSubstr(root.statement.root.Hex()));
}

TEST_F(AppendPlannerTest, AStandingBlockThatIsNotThereYetIsNotARefusalForGood) {
  const SignedRoot root = relay_.Next();
  Append({root});
  stored_.clear();
  EXPECT_EQ(Refused({root}).kind, RefusalKind::kNotApplied);
}

TEST_F(AppendPlannerTest, OneWrongRootRefusesTheWholeRequest) {
  std::vector<SignedRoot> roots = relay_.Next(3, 1);
  roots[2].statement.leaf_count += 1;
  EXPECT_EQ(Refused(roots).kind, RefusalKind::kDoesNotFollow);
}

TEST_F(AppendPlannerTest, LimitsBoundBlocksAndRelays) {
  AppendPlanner blocks = MakePlanner({.max_blocks = kMaxRootsInAppend, .max_relays = 2});
  EXPECT_TRUE(std::holds_alternative<Planned>(blocks.Add(relay_.Next(256, 1), 1)));
  const std::vector<SignedRoot> more = {relay_.Next()};
  EXPECT_TRUE(std::holds_alternative<Full>(blocks.Add(more, 1)));
  EXPECT_EQ(blocks.new_blocks().size(), 256u);

  TestRelay relay(1);
  AppendPlanner relays = MakePlanner({.max_blocks = 300, .max_relays = 1});
  EXPECT_TRUE(std::holds_alternative<Planned>(relays.Add({{relay.Next()}}, 1)));
  EXPECT_TRUE(std::holds_alternative<Full>(relays.Add({{other_.Next()}}, 1)));
  EXPECT_TRUE(std::holds_alternative<Planned>(relays.Add({{relay.Next()}}, 1)));
  EXPECT_EQ(relays.changed().size(), 1u);
}

TEST_F(AppendPlannerTest, PeriodsStartAnEmptyTrie) {
  TestRelay legacy(3, 1, /*period_cycles=*/1);
  rules_[legacy.name()] = legacy.rule();
  const Planned planned = Append(legacy.Next(3, 2));
  EXPECT_EQ(planned.new_count, 3u);
  EXPECT_EQ(planned.blocks[2].root.statement.period, record::Period(2));
}

TEST_F(AppendPlannerTest, CheckRootsRefusesWhatNeedsNoChain) {
  const std::vector<SignedRoot> good = relay_.Next(3, 1);
  EXPECT_FALSE(CheckRoots(good, rules_).has_value());
  std::vector<SignedRoot> forged = good;
  forged[1].signature[0] ^= 1;
  struct Case {
    const char* name;
    std::vector<SignedRoot> roots;
    RefusalKind kind;
    const char* reason;
  };
  TestRelay unknown(7);
  for (const Case& c :
       {Case{"none", {}, RefusalKind::kMalformed, "0 roots, want 1 to 256"},
        Case{"too many", std::vector<SignedRoot>(257), RefusalKind::kMalformed, "257 roots"},
        Case{"two relays", {good[0], other_.Next()}, RefusalKind::kMalformed, "relay 2 shard 0"},
        Case{"skips", {good[0], good[2]}, RefusalKind::kMalformed, "cycle 3, want 2"},
        Case{"descends", {good[1], good[0]}, RefusalKind::kMalformed, "cycle 1, want 3"},
        Case{"unknown", {unknown.Next()}, RefusalKind::kUnknownRelay, "relay 7 shard 0"},
        Case{"forged", forged, RefusalKind::kWrongSignature, "signature is not"}}) {
    const std::optional<Refusal> refusal = CheckRoots(c.roots, rules_);
    ASSERT_TRUE(refusal.has_value()) << c.name;
    EXPECT_EQ(refusal->kind, c.kind) << c.name;
    EXPECT_THAT(refusal->reason, HasSubstr(c.reason)) << c.name;
  }
}

}  // namespace
}  // namespace groat::ledger
