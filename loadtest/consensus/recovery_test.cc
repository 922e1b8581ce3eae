#include "loadtest/consensus/recovery.h"

#include <gtest/gtest.h>

namespace groat::load {
namespace {

using std::chrono::milliseconds;
using Time = std::chrono::steady_clock::time_point;

constexpr uint64_t kUnixMs = 1'000'000;  // At the kill.
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
    out.push_back({kKill + milliseconds(ms), out.size() + 1,
                   static_cast<uint64_t>(static_cast<int64_t>(kUnixMs) + ms - 5), commands});
  }
  return out;
}

TEST(RecoveryTest, NothingHappened) {
  const Recovery recovery =
      MeasureRecovery(Commits(0, 0), {kKill, kUnixMs}, kKill + milliseconds(3000));
  EXPECT_EQ(Ms(recovery.next_block), milliseconds(10));
  EXPECT_EQ(Ms(recovery.longest_gap), milliseconds(10));
  EXPECT_EQ(Ms(recovery.throughput_back), milliseconds(0));
}

// The dead replica's turn comes 40 ms after the kill.
TEST(RecoveryTest, GapBeginsLater) {
  const Recovery recovery =
      MeasureRecovery(Commits(40, 300), {kKill, kUnixMs}, kKill + milliseconds(3000));
  EXPECT_EQ(Ms(recovery.next_block), milliseconds(10));
  EXPECT_EQ(Ms(recovery.longest_gap), milliseconds(270));
  EXPECT_EQ(Ms(recovery.gap_end), milliseconds(310));
  EXPECT_EQ(Ms(recovery.throughput_back), milliseconds(305));
}

// What the gap kept back never comes: the window of 250 ms must fill again to 70 %.
TEST(RecoveryTest, WithoutCatchingUpTheWindowFillsSlowly) {
  const Recovery recovery =
      MeasureRecovery(Commits(0, 300, false), {kKill, kUnixMs}, kKill + milliseconds(3000));
  EXPECT_EQ(Ms(recovery.next_block), milliseconds(310));
  EXPECT_EQ(Ms(recovery.gap_end), milliseconds(310));
  EXPECT_EQ(Ms(recovery.throughput_back), milliseconds(475));
}

// A block that was proposed before the kill and comes after it is not the next one.
TEST(RecoveryTest, NextBlockIsProposedAfterTheKill) {
  std::vector<SeenCommit> commits = Commits(10, 300);
  for (SeenCommit& seen : commits) {
    if (seen.at > kKill && seen.at <= kKill + milliseconds(10)) seen.timestamp_ms = kUnixMs;
  }
  const Recovery recovery = MeasureRecovery(commits, {kKill, kUnixMs}, kKill + milliseconds(3000));
  EXPECT_EQ(Ms(recovery.next_block), milliseconds(310));
}

TEST(RecoveryTest, NeverBack) {
  const Recovery recovery =
      MeasureRecovery(Commits(0, 3000), {kKill, kUnixMs}, kKill + milliseconds(3000));
  EXPECT_EQ(Ms(recovery.next_block), milliseconds(3000));
  EXPECT_EQ(Ms(recovery.longest_gap), milliseconds(3000));
  EXPECT_EQ(Ms(recovery.throughput_back), milliseconds(3000));
}

TEST(RecoveryTest, NoCommitsAtAll) {
  const Recovery recovery = MeasureRecovery({}, {kKill, kUnixMs}, kKill + milliseconds(500));
  EXPECT_EQ(Ms(recovery.next_block), milliseconds(500));
  EXPECT_EQ(Ms(recovery.longest_gap), milliseconds(500));
}

}  // namespace
}  // namespace groat::load
