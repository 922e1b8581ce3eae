#include "loadtest/consensus/recovery.h"

#include <gtest/gtest.h>

namespace groat::load {
namespace {

using std::chrono::milliseconds;
using Time = std::chrono::steady_clock::time_point;

constexpr uint64_t kUnixUs = 1'000'000'000;  // At the kill.
const Time kKill{std::chrono::hours(1)};

milliseconds Ms(Recovery::Duration duration) {
  return std::chrono::duration_cast<milliseconds>(duration);
}

// A block of ten commands every 10 ms from 3 s before the kill to 3 s after it, proposed 5 ms
// before it is seen, but for those in a gap (begin, end]; the first one after the gap has what is
// missing.
std::vector<SeenCommit> Commits(int gap_begin_ms, int gap_end_ms, bool catches_up = true) {
  std::vector<SeenCommit> out;
  uint64_t commands = 0;
  for (int ms = -3000; ms <= 3000; ms += 10) {
    if (catches_up || ms <= gap_begin_ms || ms > gap_end_ms) commands += 10;
    if (ms > gap_begin_ms && ms <= gap_end_ms) continue;
    const uint64_t height = out.size() + 1;
    out.push_back({kKill + milliseconds(ms), height, ms > gap_end_ms ? height + 2 : height, 0,
                   static_cast<uint64_t>(static_cast<int64_t>(kUnixUs) + (ms - 5) * 1000),
                   commands});
  }
  return out;
}

TEST(RecoveryTest, NothingHappened) {
  const Recovery recovery =
      MeasureRecovery(Commits(0, 0), {kKill, kUnixUs}, kKill + milliseconds(3000));
  EXPECT_EQ(Ms(recovery.next_block), milliseconds(10));
  EXPECT_EQ(Ms(recovery.longest.length), milliseconds(10));
  EXPECT_EQ(Ms(recovery.throughput_back), milliseconds(0));
}

// The dead replica's turn comes 40 ms after the kill.
TEST(RecoveryTest, GapBeginsLater) {
  const Recovery recovery =
      MeasureRecovery(Commits(40, 300), {kKill, kUnixUs}, kKill + milliseconds(3000));
  EXPECT_EQ(Ms(recovery.next_block), milliseconds(10));
  EXPECT_EQ(Ms(recovery.longest.length), milliseconds(270));
  EXPECT_EQ(Ms(recovery.longest.begin + recovery.longest.length), milliseconds(310));
  EXPECT_EQ(Ms(recovery.longest.begin), milliseconds(40));
  EXPECT_EQ(recovery.longest.view_after - recovery.longest.view_before, 3u);
  ASSERT_EQ(recovery.long_gaps.size(), 1u);
  EXPECT_EQ(Ms(recovery.long_gaps[0].length), milliseconds(270));
  EXPECT_EQ(Ms(recovery.throughput_back), milliseconds(310));
  EXPECT_EQ(Ms(recovery.throughput_settled), milliseconds(310));
}

// What the gap kept back never comes: the window of 250 ms must fill again to 70 %.
TEST(RecoveryTest, WithoutCatchingUpTheWindowFillsSlowly) {
  const Recovery recovery =
      MeasureRecovery(Commits(0, 300, false), {kKill, kUnixUs}, kKill + milliseconds(3000));
  EXPECT_EQ(Ms(recovery.next_block), milliseconds(310));
  EXPECT_EQ(Ms(recovery.longest.begin + recovery.longest.length), milliseconds(310));
  EXPECT_EQ(Ms(recovery.throughput_back), milliseconds(480));
}

// The dead leader is tried again: two gaps, and between them all is well.
TEST(RecoveryTest, SeveralGaps) {
  std::vector<SeenCommit> commits;
  for (const SeenCommit& seen : Commits(0, 200)) {
    const bool second = seen.at > kKill + milliseconds(600) && seen.at <= kKill + milliseconds(900);
    if (!second) commits.push_back(seen);
  }
  const Recovery recovery = MeasureRecovery(commits, {kKill, kUnixUs}, kKill + milliseconds(3000));
  ASSERT_EQ(recovery.long_gaps.size(), 2u);
  EXPECT_EQ(Ms(recovery.long_gaps[1].begin), milliseconds(600));
  EXPECT_EQ(Ms(recovery.longest.length), milliseconds(310));
  EXPECT_EQ(Ms(recovery.throughput_back), milliseconds(210));
  EXPECT_EQ(Ms(recovery.throughput_settled), milliseconds(910));
}

// A block that was proposed before the kill and comes after it is not the next one.
TEST(RecoveryTest, NextBlockIsProposedAfterTheKill) {
  std::vector<SeenCommit> commits = Commits(10, 300);
  for (SeenCommit& seen : commits) {
    if (seen.at > kKill && seen.at <= kKill + milliseconds(10)) seen.timestamp_us = kUnixUs;
  }
  const Recovery recovery = MeasureRecovery(commits, {kKill, kUnixUs}, kKill + milliseconds(3000));
  EXPECT_EQ(Ms(recovery.next_block), milliseconds(310));
}

TEST(RecoveryTest, NeverBack) {
  const Recovery recovery =
      MeasureRecovery(Commits(0, 3000), {kKill, kUnixUs}, kKill + milliseconds(3000));
  EXPECT_EQ(Ms(recovery.next_block), milliseconds(3000));
  EXPECT_EQ(Ms(recovery.longest.length), milliseconds(3000));
  EXPECT_EQ(Ms(recovery.throughput_back), milliseconds(3005));
}

TEST(RecoveryTest, NoCommitsAtAll) {
  const Recovery recovery = MeasureRecovery({}, {kKill, kUnixUs}, kKill + milliseconds(500));
  EXPECT_EQ(Ms(recovery.next_block), milliseconds(500));
  EXPECT_EQ(Ms(recovery.longest.length), milliseconds(500));
}

}  // namespace
}  // namespace groat::load
