#include "storage/testing/append_history.h"

#include <gmock/gmock.h>

namespace groat::storage::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

void Append(AppendHistory& history, uint32_t number,
            AppendHistory::Outcome outcome = AppendHistory::Outcome::kDone) {
  history.EndAppend(history.BeginAppend(number), outcome);
}

void Read(AppendHistory& history, std::vector<uint32_t> list) {
  history.EndRead(history.BeginRead(), std::move(list));
}

TEST(AppendHistoryTest, AcceptsASequence) {
  AppendHistory history;
  Read(history, {});
  Append(history, 1);
  Read(history, {1});
  Append(history, 2);
  Read(history, {1, 2});
  EXPECT_EQ(history.FindViolation(), std::nullopt);
}

TEST(AppendHistoryTest, AcceptsOverlapInEitherOrder) {
  AppendHistory history;
  const auto first = history.BeginAppend(1);
  const auto second = history.BeginAppend(2);
  history.EndAppend(first, AppendHistory::Outcome::kDone);
  history.EndAppend(second, AppendHistory::Outcome::kDone);
  Read(history, {2, 1});
  EXPECT_EQ(history.FindViolation(), std::nullopt);
}

TEST(AppendHistoryTest, AcceptsAnUnknownAppendThatTakesEffectLate) {
  AppendHistory history;
  Append(history, 1, AppendHistory::Outcome::kUnknown);
  Read(history, {});
  Append(history, 2);
  Read(history, {2, 1});
  EXPECT_EQ(history.FindViolation(), std::nullopt);
}

TEST(AppendHistoryTest, FindsAStaleRead) {
  AppendHistory history;
  Append(history, 1);
  Read(history, {});
  Read(history, {1});
  EXPECT_THAT(history.FindViolation(), Optional(HasSubstr("append of 1 ended before read of 0")));
}

TEST(AppendHistoryTest, FindsALostAppend) {
  AppendHistory history;
  Append(history, 1);
  Append(history, 2);
  Read(history, {2});
  EXPECT_THAT(history.FindViolation(), Optional(HasSubstr("append of 1 ended before")));
}

TEST(AppendHistoryTest, FindsReadsThatGoBack) {
  AppendHistory history;
  Append(history, 1, AppendHistory::Outcome::kUnknown);
  Read(history, {1});
  Read(history, {});
  EXPECT_THAT(history.FindViolation(), Optional(HasSubstr("read of 1 numbers ended before")));
}

TEST(AppendHistoryTest, FindsAppendsOutOfOrder) {
  AppendHistory history;
  Append(history, 1);
  Append(history, 2);
  Read(history, {2, 1});
  EXPECT_THAT(history.FindViolation(), Optional(HasSubstr("append of 1 ended before append of 2")));
}

TEST(AppendHistoryTest, FindsForksRepetitionsAndInventions) {
  AppendHistory fork;
  Append(fork, 1);
  Append(fork, 2);
  Read(fork, {1, 2});
  Read(fork, {2});
  EXPECT_THAT(fork.FindViolation(), Optional(HasSubstr("reads disagree")));

  AppendHistory twice;
  Append(twice, 1);
  Read(twice, {1, 1});
  EXPECT_THAT(twice.FindViolation(), Optional(HasSubstr("twice")));

  AppendHistory invented;
  Read(invented, {7});
  EXPECT_THAT(invented.FindViolation(), Optional(HasSubstr("7 was never appended")));

  AppendHistory refused;
  Append(refused, 1, AppendHistory::Outcome::kNotDone);
  Read(refused, {1});
  EXPECT_THAT(refused.FindViolation(), Optional(HasSubstr("1 was refused")));
}

}  // namespace
}  // namespace groat::storage::testing
