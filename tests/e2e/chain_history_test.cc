// The checker itself: it must find what it is there to find.
#include "tests/e2e/chain_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace groat::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

constexpr record::RelayId kRelay{7};

// A chain of `count` blocks with the cycles 1, 2, ...
std::vector<record::Block> Chain(uint64_t count) {
  std::vector<record::Block> chain;
  for (uint64_t height = 1; height <= count; ++height) {
    record::Block block;
    block.height = record::Height(height);
    if (!chain.empty()) block.previous_id = chain.back().Id();
    block.root.statement.relay = kRelay;
    block.root.statement.cycle = record::Cycle(height);
    chain.push_back(block);
  }
  return chain;
}

class ChainHistoryTest : public ::testing::Test {
 protected:
  ChainHistory::Operation BeginAppend(uint64_t cycle) {
    return history_.BeginAppend(kRelay, record::Cycle(cycle));
  }
  void Append(uint64_t cycle) { history_.EndAppend(BeginAppend(cycle), chain_[cycle - 1]); }
  void Read(uint64_t height) { EndRead(history_.BeginRead(), height); }
  void EndRead(ChainHistory::Operation read, uint64_t height) {
    if (height == 0) {
      history_.EndRead(read, std::nullopt);
    } else {
      history_.EndRead(read, chain_[height - 1]);
    }
  }

  const std::vector<record::Block> chain_ = Chain(3);
  ChainHistory history_;
};

TEST_F(ChainHistoryTest, OneAfterTheOtherIsFine) {
  Read(0);
  Append(1);
  Read(1);
  Append(2);
  Append(3);
  Read(3);
  EXPECT_EQ(history_.FindViolation(chain_), std::nullopt);
  EXPECT_EQ(history_.acknowledged_appends(), 3u);
  EXPECT_EQ(history_.reads(), 3u);
}

TEST_F(ChainHistoryTest, OperationsAtOnceMayComeInAnyOrder) {
  const auto third = BeginAppend(3);
  const auto first = BeginAppend(1);
  const auto early = history_.BeginRead();
  const auto late = history_.BeginRead();
  Append(2);
  EndRead(late, 2);
  EndRead(early, 0);
  history_.EndAppend(first, chain_[0]);
  history_.EndAppend(third, chain_[2]);
  EXPECT_EQ(history_.FindViolation(chain_), std::nullopt);
}

TEST_F(ChainHistoryTest, AnUnansweredAppendMayHaveHappenedOrNot) {
  Append(1);
  BeginAppend(2);
  Read(1);
  Read(2);
  BeginAppend(4);
  BeginAppend(3);
  EXPECT_EQ(history_.FindViolation(chain_), std::nullopt);
}

TEST_F(ChainHistoryTest, FindsALostAppend) {
  Append(1);
  Append(2);
  Append(3);
  EXPECT_THAT(history_.FindViolation(Chain(2)), Optional(HasSubstr("not in the chain")));
}

TEST_F(ChainHistoryTest, FindsAStaleRead) {
  Append(1);
  Append(2);
  Read(1);
  BeginAppend(3);
  EXPECT_THAT(history_.FindViolation(chain_), Optional(HasSubstr("read of height 1")));
}

TEST_F(ChainHistoryTest, FindsAReadThatGoesBack) {
  Append(1);
  BeginAppend(2);
  BeginAppend(3);
  Read(2);
  Read(1);
  EXPECT_THAT(history_.FindViolation(chain_), Optional(HasSubstr("began after read of height 2")));
}

TEST_F(ChainHistoryTest, FindsAReadFromTheFuture) {
  Append(1);
  Read(2);
  Append(2);
  BeginAppend(3);
  EXPECT_THAT(history_.FindViolation(chain_), Optional(HasSubstr("append of relay 7 cycle 2")));
}

TEST_F(ChainHistoryTest, FindsAppendsInTheWrongOrder) {
  Append(2);
  Append(1);
  BeginAppend(3);
  EXPECT_THAT(history_.FindViolation(chain_), Optional(HasSubstr("append of relay 7 cycle 1")));
}

TEST_F(ChainHistoryTest, FindsABlockOfAnotherHistory) {
  record::Block other = chain_[0];
  other.timestamp_ms = 5;
  history_.EndAppend(BeginAppend(1), other);
  EXPECT_THAT(history_.FindViolation(chain_), Optional(HasSubstr("not in the chain")));
}

TEST_F(ChainHistoryTest, FindsABlockThatNobodyAppended) {
  Append(1);
  Append(2);
  EXPECT_THAT(history_.FindViolation(chain_), Optional(HasSubstr("nobody appended")));
}

TEST_F(ChainHistoryTest, FindsARootThatIsThereTwice) {
  std::vector<record::Block> twice = Chain(2);
  twice[1].root.statement.cycle = record::Cycle(1);
  Append(1);
  EXPECT_THAT(history_.FindViolation(twice), Optional(HasSubstr("is in blocks 1 and 2")));
}

}  // namespace
}  // namespace groat::e2e
