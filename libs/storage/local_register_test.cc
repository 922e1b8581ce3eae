// What only the register's local forms promise, and the one that injects faults.
#include <gmock/gmock.h>
#include <rocksdb/db.h>
#include <unistd.h>

#include <filesystem>

#include "base/status_matchers.h"
#include "storage/embedded_register.h"
#include "storage/faulty_register.h"
#include "storage/memory_register.h"
#include "storage/testing/append_workload.h"
#include "storage/testing/watch_log.h"

namespace groat::storage::testing {
namespace {

using ::groat::testing::IsOk;
using ::groat::testing::StatusIs;
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

int64_t MustPut(Register& target, const std::string& key, const std::string& value,
                LeaseId lease = {}) {
  const absl::StatusOr<CommitResult> result = target.Commit({{}, {{key, value, lease}}, {}});
  EXPECT_THAT(result, IsOk());
  return result.ok() ? result->revision : 0;
}

std::string ValueOf(Register& target, const std::string& key) {
  const absl::StatusOr<std::optional<KeyValue>> item = target.Read(key);
  EXPECT_THAT(item, IsOk());
  return item.ok() && item->has_value() ? (*item)->value : "(none)";
}

TEST(MemoryRegisterTest, LeasesExpireInVirtualTime) {
  MemoryRegister subject;
  GROAT_ASSERT_OK_AND_ASSIGN(std::unique_ptr<Lease> lease,
                             subject.GrantLease(absl::Seconds(10), nullptr));
  MustPut(subject, "k", "1", lease->id());
  subject.AdvanceTime(absl::Hours(1));
  EXPECT_EQ(ValueOf(subject, "k"), "1");  // Its holder lives.
  lease.reset();
  subject.AdvanceTime(absl::Seconds(10) - absl::Nanoseconds(1));
  EXPECT_EQ(ValueOf(subject, "k"), "1");
  subject.AdvanceTime(absl::Nanoseconds(1));
  EXPECT_EQ(ValueOf(subject, "k"), "(none)");
}

TEST(MemoryRegisterTest, StalledHoldersLoseTheirLeases) {
  MemoryRegister subject;
  Signal lost;
  std::unique_ptr<Lease> lease;
  GROAT_ASSERT_OK_AND_ASSIGN(lease, subject.GrantLease(absl::Seconds(10), [&] {
    lease.reset();  // Allowed in the callback.
    lost.Raise();
  }));
  MustPut(subject, "k", "1", lease->id());
  subject.ExpireAllLeases();
  EXPECT_TRUE(lost.Wait());
  EXPECT_EQ(ValueOf(subject, "k"), "(none)");
}

TEST(MemoryRegisterTest, RestoresAnOlderState) {
  MemoryRegister subject;
  Signal lost;
  MustPut(subject, "k", "old");
  const RegisterState snapshot = subject.Snapshot();
  GROAT_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Lease> lease,
                             subject.GrantLease(absl::Seconds(10), [&] { lost.Raise(); }));
  const int64_t newer = MustPut(subject, "k", "new");
  subject.Restore(snapshot);
  EXPECT_EQ(ValueOf(subject, "k"), "old");
  EXPECT_TRUE(lost.Wait());
  EXPECT_TRUE(lease->lost());
  // The lost revision is given out again: what a holder of the old history must notice.
  EXPECT_EQ(MustPut(subject, "k", "other"), newer);

  MemoryRegister copy(snapshot);
  EXPECT_EQ(ValueOf(copy, "k"), "old");
}

TEST(FaultyRegisterTest, InjectsEachFault) {
  MemoryRegister inner;
  FaultyRegister subject(&inner);
  const auto put = [&](const std::string& key) {
    return subject.Commit({{{key, 0}}, {{key, "1", {}}}, {}});
  };
  subject.FailCommits({CommitFault::kNone, CommitFault::kUnavailable, CommitFault::kAnswerLost,
                       CommitFault::kRequestLost, CommitFault::kRequestDelayed});
  GROAT_EXPECT_OK(put("none"));
  EXPECT_THAT(put("unavailable"), StatusIs(absl::StatusCode::kUnavailable, _));
  EXPECT_TRUE(IsOutcomeUnknown(put("answer").status()));
  EXPECT_TRUE(IsOutcomeUnknown(put("request").status()));
  EXPECT_TRUE(IsOutcomeUnknown(put("delayed").status()));
  EXPECT_EQ(ValueOf(inner, "none"), "1");
  EXPECT_EQ(ValueOf(inner, "unavailable"), "(none)");
  EXPECT_EQ(ValueOf(inner, "answer"), "1");
  EXPECT_EQ(ValueOf(inner, "request"), "(none)");
  EXPECT_EQ(ValueOf(inner, "delayed"), "(none)");

  // The delayed one loses to a repetition with the same comparison.
  GROAT_ASSERT_OK_AND_ASSIGN(const CommitResult again, put("delayed"));
  EXPECT_TRUE(again.committed);
  const auto released = subject.ReleaseDelayed();
  ASSERT_THAT(released, SizeIs(1));
  EXPECT_FALSE(released[0]->committed);
  EXPECT_EQ(subject.commit_count(), 6);

  subject.SetUnavailable(true);
  EXPECT_THAT(put("x"), StatusIs(absl::StatusCode::kUnavailable, _));
  EXPECT_THAT(subject.Read("none"), StatusIs(absl::StatusCode::kUnavailable, _));
  EXPECT_THAT(subject.Compact(1), StatusIs(absl::StatusCode::kUnavailable, _));
  EXPECT_THAT(subject.GrantLease(absl::Seconds(1), nullptr),
              StatusIs(absl::StatusCode::kUnavailable, _));
  subject.SetUnavailable(false);
  GROAT_EXPECT_OK(put("x"));
}

// The rule for unknown outcomes holds under every fault: nothing is lost or done twice.
TEST(FaultyRegisterTest, HistoryIsLinearizableUnderFaults) {
  MemoryRegister inner;
  std::vector<std::unique_ptr<FaultyRegister>> clients;
  std::vector<Register*> registers;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<FaultyRegister>(&inner));
    std::deque<CommitFault> faults;
    for (int j = 0; j < 200; ++j) faults.push_back(static_cast<CommitFault>((7 * i + 3 * j) % 5));
    clients.back()->FailCommits(faults);
    registers.push_back(clients.back().get());
  }
  AppendHistory history;
  RunAppendWorkload(registers,
                    {.clients = 4,
                     .appends = 50,
                     .on_progress =
                         [&](int count) {
                           if (count % 10 == 0) clients[0]->ReleaseDelayed();
                         }},
                    history);
  EXPECT_EQ(history.FindViolation(), std::nullopt);
}

class EmbeddedRegisterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() / "groat-embedded-XXXXXX";
    ASSERT_NE(mkdtemp(path_.data()), nullptr);
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  std::unique_ptr<EmbeddedRegister> Open() {
    absl::StatusOr<std::unique_ptr<EmbeddedRegister>> out = EmbeddedRegister::Open(path_);
    EXPECT_THAT(out, IsOk());
    return out.ok() ? *std::move(out) : nullptr;
  }
  // Writes one raw record into the closed database.
  void Corrupt(const std::string& key, const std::string& value) {
    rocksdb::DB* db = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open({}, path_, &db).ok());
    EXPECT_TRUE(db->Put({}, key, value).ok());
    delete db;
  }

  std::string path_;
};

TEST_F(EmbeddedRegisterTest, KeepsEverythingAcrossReopening) {
  int64_t first = 0;
  int64_t second = 0;
  {
    const auto subject = Open();
    first = MustPut(*subject, "a", "1");
    MustPut(*subject, "gone", "x");
    second = MustPut(*subject, "a", "2");
    GROAT_ASSERT_OK(subject->Commit({{}, {}, {KeyRange::Single("gone")}}));
    GROAT_ASSERT_OK(subject->Compact(first));
  }
  const auto subject = Open();
  GROAT_ASSERT_OK_AND_ASSIGN(const RangeResult all, subject->ReadRange(KeyRange::Prefix("")));
  EXPECT_THAT(all.items, ElementsAre(KeyValue{"a", "2", first, second}));
  EXPECT_EQ(all.revision, second + 1);
  GROAT_ASSERT_OK_AND_ASSIGN(const CommitResult stale,
                             subject->Commit({{{"a", first}}, {{"a", "3", {}}}, {}}));
  EXPECT_FALSE(stale.committed);
  EXPECT_EQ(MustPut(*subject, "b", "1"), second + 2);

  // The history goes on where it was compacted.
  WatchLog log;
  const auto watch = subject->WatchPrefix("", 1, log.Callback());
  EXPECT_THAT(log.WaitForEvents(4), SizeIs(4));
  EXPECT_EQ(log.WaitUntil([](const auto&) { return true; })[0].kind, WatchUpdate::Kind::kCompacted);
}

TEST_F(EmbeddedRegisterTest, LeasesOfAnEarlierRunRunOut) {
  LeaseId earlier;
  {
    const auto subject = Open();
    GROAT_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Lease> lease,
                               subject->GrantLease(absl::Seconds(1), nullptr));
    earlier = lease->id();
    MustPut(*subject, "k", "1", lease->id());
  }
  const auto subject = Open();
  EXPECT_EQ(ValueOf(*subject, "k"), "1");
  WatchLog log;
  const auto watch = subject->WatchPrefix("k", 1, log.Callback());
  const std::vector<WatchEvent> events = log.WaitForEvents(2);
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(events[1].kind, WatchEvent::Kind::kDelete);
  GROAT_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Lease> next,
                             subject->GrantLease(absl::Seconds(1), nullptr));
  EXPECT_GT(next->id(), earlier);
}

TEST_F(EmbeddedRegisterTest, OpensOnlyOnceAndNamesThePath) {
  const auto subject = Open();
  EXPECT_THAT(EmbeddedRegister::Open(path_),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(path_)));
  EXPECT_THAT(EmbeddedRegister::Open("/proc/none/register"), ::testing::Not(IsOk()));
}

TEST_F(EmbeddedRegisterTest, RefusesWhatItDidNotWrite) {
  const std::pair<std::string, std::string> kRecords[] = {
      {"x", "unknown tag"},
      {"", "no tag"},
      {"kkey", "short"},
      {std::string("h\0\0\0\0\0\0\0\1\0\0\0\0", 13),
       std::string("\0\0\0\0\0\0\0\0\1\0\0\0\xff", 13)},
      {"lshort", std::string(8, '\0')},
      {"m", std::string("\2", 1) + std::string(24, '\0')},
  };
  for (const auto& [key, value] : kRecords) {
    MustPut(*Open(), "k", "1");
    Corrupt(key, value);
    EXPECT_THAT(EmbeddedRegister::Open(path_),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(path_)))
        << key;
    std::filesystem::remove_all(path_);
  }
}

}  // namespace
}  // namespace groat::storage::testing
