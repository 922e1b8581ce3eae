// Who leads which view, by the chain below.
#include "hotstuff/leader_schedule.h"

#include <gmock/gmock.h>

#include <set>

#include "base/status_matchers.h"
#include "hotstuff/testing/fixture.h"

namespace groat::hotstuff {
namespace {

using ::groat::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Replica;

// For how many views a failed leader is passed over: for each validator after the first failure if
// it is back, and at most.
constexpr uint64_t kFirstViews = 32;
constexpr uint64_t kLongestViews = 16384;

// The schedule of a chain's newest block. Each block carries a certificate for the one below it.
class ScheduleChain {
 public:
  explicit ScheduleChain(size_t n) : n_(n) {}

  ReplicaIndex LeaderOf(uint64_t view) const { return schedule.LeaderOf(View(view), n_); }
  // Signed by all but the silent ones.
  QcPtr CertificateOf(View view) const {
    Proof proof{bls::SignerSet(n_), {}};
    for (size_t i = 0; i < n_; ++i) {
      if (!silent.contains(i)) proof.signers.Insert(i);
    }
    return QuorumCertificate::Make(Epoch(0), view, BlockId(), std::move(proof));
  }
  // By the leader of the view.
  void Add(uint64_t view) { AddWith(view, *CertificateOf(newest_)); }
  void AddWith(uint64_t view, const QuorumCertificate& justify) {
    BlockHeader header;
    header.view = View(view);
    header.proposer = LeaderOf(view);
    schedule = schedule.Child(header, justify, n_, rule_);
    newest_ = header.view;
  }
  // Blocks in all views from this one on, up to the first that this replica leads, which is
  // returned and has none.
  uint64_t AddUntilLedBy(uint64_t view, ReplicaIndex replica) {
    for (; LeaderOf(view) != replica; ++view) Add(view);
    return view;
  }
  std::set<ReplicaIndex> Leaders(uint64_t from, uint64_t views) const {
    std::set<ReplicaIndex> leaders;
    for (uint64_t view = from; view < from + views; ++view) leaders.insert(LeaderOf(view));
    return leaders;
  }

  LeaderSchedule schedule;
  std::set<size_t> silent;

 private:
  size_t n_;
  View newest_;
  TwoChain rule_;
};

TEST(LeaderScheduleTest, PassesOverWhoFailedInCommittedHistoryOnly) {
  ScheduleChain chain(4);
  EXPECT_EQ(chain.LeaderOf(2), Replica(2));
  chain.Add(1);
  // View 2 fails.
  chain.Add(3);
  EXPECT_THAT(chain.schedule.committed_strikes(), ElementsAre());
  EXPECT_EQ(chain.LeaderOf(6), Replica(2));
  chain.Add(4);  // The block of view 3 commits.
  EXPECT_THAT(chain.schedule.committed_strikes(), ElementsAre(Strike{Replica(2), 1, View(2)}));
  for (uint64_t view = 5; view < 12; ++view) EXPECT_NE(chain.LeaderOf(view), Replica(2)) << view;
  // Far beyond the last commit everyone has a turn.
  EXPECT_EQ(chain.LeaderOf(102), Replica(2));
}

// Certificates of the view that failed and of those before it say nothing of who failed.
TEST(LeaderScheduleTest, SeenIsWhoSignedInALaterView) {
  for (const uint64_t view : {1u, 2u, 3u}) {
    ScheduleChain chain(4);
    chain.Add(1);
    chain.Add(3);
    chain.AddWith(4, *chain.CertificateOf(View(view)));
    chain.silent = {2};
    chain.Add(5);
    EXPECT_THAT(chain.schedule.committed_strikes(),
                ElementsAre(Strike{Replica(2), 1, View(2), view == 3}));
  }
}

TEST(LeaderScheduleTest, PassesOverADeadOneForTheLongestTime) {
  constexpr size_t kN = 4;
  ScheduleChain chain(kN);
  chain.silent = {2};
  chain.Add(1);
  uint64_t failed = 2;
  for (uint16_t strikes = 1; strikes <= 2; ++strikes) {
    const uint64_t tried = chain.AddUntilLedBy(failed + 1, Replica(2));
    EXPECT_GT(tried, failed + kLongestViews);
    EXPECT_LE(tried, failed + kLongestViews + kN);
    EXPECT_THAT(chain.schedule.committed_strikes(),
                ElementsAre(Strike{Replica(2), strikes, View(failed)}));
    failed = tried;
  }
}

// It is seen long after the short exclusion has ended, and leads at once.
TEST(LeaderScheduleTest, TriesOneThatIsBackSoon) {
  constexpr size_t kN = 4;
  ScheduleChain chain(kN);
  chain.silent = {2};
  chain.Add(1);
  for (uint64_t view = 3; view < 1000; ++view) {
    ASSERT_NE(chain.LeaderOf(view), Replica(2)) << view;
    chain.Add(view);
  }
  chain.silent = {};
  chain.Add(1000);  // Its certificate is of view 999.
  chain.silent = {2};
  const uint64_t tried = chain.AddUntilLedBy(1001, Replica(2));
  EXPECT_LE(tried, 1001 + 1 + kN);
  chain.Add(tried);
  chain.Add(tried + 1);
  chain.Add(tried + 2);
  EXPECT_THAT(chain.schedule.committed_strikes(), ElementsAre());
}

TEST(LeaderScheduleTest, EachFailureIsUnseenAndDoublesTheExclusionOnceSeen) {
  constexpr size_t kN = 4;
  ScheduleChain chain(kN);
  chain.Add(1);
  uint64_t failed = 2;
  for (uint16_t strikes = 1; strikes <= 10; ++strikes) {
    chain.silent = {2};
    for (uint64_t view = failed + 1; view <= failed + 5; ++view) chain.Add(view);
    EXPECT_THAT(chain.schedule.committed_strikes(),
                ElementsAre(Strike{Replica(2), strikes, View(failed)}));
    chain.silent = {};
    const uint64_t views = std::min(kFirstViews * kN << (strikes - 1), kLongestViews);
    const uint64_t tried = chain.AddUntilLedBy(failed + 6, Replica(2));
    EXPECT_THAT(chain.schedule.committed_strikes(),
                ElementsAre(Strike{Replica(2), strikes, View(failed), true}));
    EXPECT_GT(tried, failed + views);
    EXPECT_LE(tried, failed + views + kN);
    failed = tried;
  }
}

TEST(LeaderScheduleTest, NeverPassesOverMoreThanF) {
  constexpr size_t kN = 7;
  ScheduleChain chain(kN);
  chain.Add(6);
  chain.Add(7);
  EXPECT_EQ(chain.schedule.committed_strikes().size(), 5u);
  EXPECT_EQ(chain.Leaders(8, 12).size(), kN - FaultsOf(kN));
}

// Of four, one is passed over: who failed just now, not who failed twice before and may be back.
TEST(LeaderScheduleTest, PassesOverWhoFailedLast) {
  constexpr size_t kN = 4;
  ScheduleChain chain(kN);
  // Replica 2 fails, and fails once more when it is tried again.
  chain.Add(1);
  uint64_t view = chain.AddUntilLedBy(3, Replica(2));
  chain.Add(++view);
  chain.Add(++view);
  ASSERT_EQ(chain.schedule.committed_strikes().size(), 1u);
  EXPECT_EQ(chain.schedule.committed_strikes()[0].count, 2u);
  // Another one fails: it is the one that is passed over.
  const ReplicaIndex failed = chain.LeaderOf(++view);
  chain.Add(++view);
  chain.Add(++view);
  const std::set<ReplicaIndex> leaders = chain.Leaders(view + 1, 2 * kN);
  EXPECT_FALSE(leaders.contains(failed));
  EXPECT_TRUE(leaders.contains(Replica(2)));
}

TEST(LeaderScheduleTest, EncodesAndDecodes) {
  ScheduleChain chain(7);
  chain.silent = {2};
  chain.Add(6);
  chain.Add(7);
  chain.Add(8);
  const Bytes bytes = chain.schedule.Encode();
  const auto again = LeaderSchedule::Decode(bytes);
  GROAT_ASSERT_OK(again);
  EXPECT_EQ(again->hash(), chain.schedule.hash());
  EXPECT_EQ(again->Encode(), bytes);
  EXPECT_NE(again->hash(), LeaderSchedule().hash());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(LeaderSchedule::Decode(ByteView(bytes).first(size)).ok()) << size;
  }
}

TEST(LeaderScheduleTest, DecodingNamesWhatIsWrong) {
  ScheduleChain chain(4);
  chain.Add(1);
  chain.Add(3);
  const Bytes bytes = chain.schedule.Encode();
  // view 8, count 2, replica 2, strikes 2, last failed 8, seen 1.
  constexpr size_t kCount = 8 + 2 + 2;
  constexpr size_t kSeen = kCount + 2 + 8;
  ASSERT_EQ(bytes[kCount + 1], 1);
  ASSERT_EQ(bytes[kSeen], 0);
  Bytes seen = bytes;
  seen[kSeen] = 1;
  GROAT_ASSERT_OK(LeaderSchedule::Decode(seen));
  EXPECT_NE(LeaderSchedule::Decode(seen)->hash(), chain.schedule.hash());
  seen[kSeen] = 2;
  EXPECT_THAT(LeaderSchedule::Decode(seen),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("flag 2, want 0 or 1")));
  Bytes none = bytes;
  none[kCount + 1] = 0;
  EXPECT_THAT(LeaderSchedule::Decode(none),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("counts 0")));
}

}  // namespace
}  // namespace groat::hotstuff
