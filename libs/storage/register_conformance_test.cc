// What every form of the register promises, checked on each of them.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

#include "base/status_matchers.h"
#include "storage/register.h"
#include "storage/testing/append_history.h"
#include "storage/testing/append_workload.h"
#include "storage/testing/register_form.h"
#include "storage/testing/watch_log.h"

namespace groat::storage::testing {
namespace {

using ::groat::testing::IsOk;
using ::groat::testing::StatusIs;
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<std::string> Keys(const std::vector<KeyValue>& items) {
  std::vector<std::string> out;
  for (const KeyValue& item : items) out.push_back(item.key);
  return out;
}

class RegisterConformanceTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<RegisterForm>> form = MakeRegisterForm(GetParam());
    ASSERT_TRUE(form.ok()) << form.status().ToString();
    form_ = *std::move(form);
  }
  Register& subject() { return form_->subject(); }

  // Commits and returns the revision; the transaction must succeed.
  int64_t MustCommit(const Transaction& transaction) {
    const absl::StatusOr<CommitResult> result = subject().Commit(transaction);
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_TRUE(result.ok() && result->committed);
    return result.ok() ? result->revision : 0;
  }
  int64_t MustPut(const std::string& key, const std::string& value) {
    return MustCommit({{}, {{key, value, {}}}, {}});
  }
  std::optional<KeyValue> MustRead(const std::string& key) {
    absl::StatusOr<std::optional<KeyValue>> item = subject().Read(key);
    EXPECT_TRUE(item.ok()) << item.status().ToString();
    return item.ok() ? *item : std::nullopt;
  }
  // Waits until the key is gone; false after 20 s.
  bool WaitUntilGone(const std::string& key) {
    const absl::StatusOr<RangeResult> now = subject().ReadRange(KeyRange::Single(key));
    if (!now.ok()) return false;
    if (now->items.empty()) return true;
    Signal gone;
    const auto watch =
        subject().WatchPrefix(key, now->revision + 1, [&](const WatchUpdate& update) {
          for (const WatchEvent& event : update.events) {
            if (event.kind == WatchEvent::Kind::kDelete) gone.Raise();
          }
        });
    return gone.Wait();
  }

  std::unique_ptr<RegisterForm> form_;
};

TEST_P(RegisterConformanceTest, ComparesAndPuts) {
  GROAT_ASSERT_OK_AND_ASSIGN(const CommitResult created,
                             subject().Commit({{{"head", 0}}, {{"head", "1", {}}}, {}}));
  ASSERT_TRUE(created.committed);
  EXPECT_GT(created.revision, 1);
  EXPECT_EQ(MustRead("head"), (KeyValue{"head", "1", created.revision, created.revision}));

  GROAT_ASSERT_OK_AND_ASSIGN(
      const CommitResult updated,
      subject().Commit({{{"head", created.revision}}, {{"head", "2", {}}}, {}}));
  ASSERT_TRUE(updated.committed);
  EXPECT_GT(updated.revision, created.revision);
  EXPECT_EQ(MustRead("head"), (KeyValue{"head", "2", created.revision, updated.revision}));
}

TEST_P(RegisterConformanceTest, FailedComparisonChangesNothingAndShowsWhatStands) {
  const int64_t a = MustPut("a", "1");
  const int64_t b = MustPut("b", "2");
  GROAT_ASSERT_OK_AND_ASSIGN(
      const CommitResult result,
      subject().Commit({{{"b", b}, {"none", 0}, {"a", b}}, {{"a", "9", {}}}, {}}));
  EXPECT_FALSE(result.committed);
  EXPECT_GE(result.revision, b);
  EXPECT_THAT(result.current, ElementsAre(KeyValue{"b", "2", b, b}, KeyValue{"a", "1", a, a}));
  EXPECT_EQ(MustRead("a")->value, "1");

  // Absent is wanted, and the other way round.
  GROAT_ASSERT_OK_AND_ASSIGN(const CommitResult absent,
                             subject().Commit({{{"a", 0}}, {{"c", "", {}}}, {}}));
  EXPECT_FALSE(absent.committed);
  GROAT_ASSERT_OK_AND_ASSIGN(const CommitResult present,
                             subject().Commit({{{"none", a}}, {{"c", "", {}}}, {}}));
  EXPECT_FALSE(present.committed);
  EXPECT_THAT(present.current, IsEmpty());
  EXPECT_EQ(MustRead("c"), std::nullopt);
}

TEST_P(RegisterConformanceTest, WritesAndDeletesAtOneRevision) {
  MustCommit({{}, {{"block/1", "x", {}}, {"block/2", "y", {}}, {"head", "2", {}}}, {}});
  const int64_t revision = MustCommit({{},
                                       {{"head", "3", {}}, {"block/3", "z", {}}},
                                       {KeyRange::Single("block/1"), {"block/0", "block/3"}}});
  GROAT_ASSERT_OK_AND_ASSIGN(const RangeResult all, subject().ReadRange(KeyRange::Prefix("")));
  EXPECT_THAT(Keys(all.items), ElementsAre("block/3", "head"));
  for (const KeyValue& item : all.items) EXPECT_EQ(item.mod_revision, revision);

  // A key that comes back is a new one.
  const int64_t again = MustPut("block/1", "n");
  EXPECT_EQ(MustRead("block/1"), (KeyValue{"block/1", "n", again, again}));
  // To delete nothing is fine.
  GROAT_EXPECT_OK(subject().Commit({{}, {}, {KeyRange::Single("missing")}}));
}

TEST_P(RegisterConformanceTest, RefusesMalformedTransactions) {
  Transaction too_many;
  for (size_t i = 0; i <= kMaxWrites; ++i) too_many.puts.push_back({std::to_string(i), "", {}});
  Transaction too_many_compares{{}, {{"k", "", {}}}, {}};
  for (size_t i = 0; i <= kMaxCompares; ++i)
    too_many_compares.compares.push_back({std::to_string(i), 0});
  const struct {
    const char* name;
    Transaction transaction;
    const char* message;
  } kCases[] = {
      {"nothing", {{{"a", 0}}, {}, {}}, "writes nothing"},
      {"empty put key", {{}, {{"", "v", {}}}, {}}, "empty key"},
      {"empty compared key", {{{"", 0}}, {{"k", "v", {}}}, {}}, "empty key"},
      {"put twice", {{}, {{"k", "v", {}}, {"k", "w", {}}}, {}}, "twice"},
      {"compared twice", {{{"k", 0}, {"k", 1}}, {{"k", "v", {}}}, {}}, "twice"},
      {"put and deleted", {{}, {{"k", "v", {}}}, {KeyRange::Prefix("k")}}, "put and deleted"},
      {"empty range", {{}, {}, {{"b", "a"}}}, "empty range"},
      {"too many writes", too_many, "128 puts and deletes"},
      {"too many comparisons", too_many_compares, "129 comparisons"},
      {"too big", {{}, {{"k", std::string(kMaxTransactionBytes, 'x'), {}}}, {}}, "bytes"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(subject().Commit(c.transaction),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)))
        << c.name;
  }
}

TEST_P(RegisterConformanceTest, AcceptsTheLargestTransaction) {
  Transaction transaction;
  for (size_t i = 0; i < kMaxWrites; ++i) {
    transaction.puts.push_back({"k" + std::to_string(i), std::string(8000, 'x'), {}});
  }
  for (size_t i = 0; i < kMaxCompares; ++i) {
    transaction.compares.push_back({"k" + std::to_string(i), 0});
  }
  MustCommit(transaction);
  GROAT_ASSERT_OK_AND_ASSIGN(const CommitResult again, subject().Commit(transaction));
  EXPECT_FALSE(again.committed);
  EXPECT_THAT(again.current, SizeIs(kMaxWrites));
}

TEST_P(RegisterConformanceTest, ReadsRangesInOrder) {
  for (const char* key : {"b/2", "a", "b/10", "c", "b/1"}) MustPut(key, key);
  const auto keys = [this](const KeyRange& range, int64_t limit, Consistency consistency) {
    const absl::StatusOr<RangeResult> result = subject().ReadRange(range, limit, consistency);
    EXPECT_THAT(result, IsOk());
    return Keys(result->items);
  };
  for (const Consistency consistency : {Consistency::kLinearizable, Consistency::kStale}) {
    EXPECT_THAT(keys(KeyRange::Prefix("b/"), 0, consistency), ElementsAre("b/1", "b/10", "b/2"));
    EXPECT_THAT(keys({"b/2", ""}, 0, consistency), ElementsAre("b/2", "c"));
    EXPECT_THAT(keys({"", "b/10"}, 0, consistency), ElementsAre("a", "b/1"));
    EXPECT_THAT(keys({"x", ""}, 0, consistency), IsEmpty());
  }
  GROAT_ASSERT_OK_AND_ASSIGN(const RangeResult two, subject().ReadRange(KeyRange::Prefix(""), 2));
  EXPECT_THAT(Keys(two.items), ElementsAre("a", "b/1"));
  EXPECT_TRUE(two.more);
  GROAT_ASSERT_OK_AND_ASSIGN(const RangeResult five, subject().ReadRange(KeyRange::Prefix(""), 5));
  EXPECT_FALSE(five.more);
  EXPECT_EQ(MustRead("missing"), std::nullopt);

  EXPECT_THAT(subject().ReadRanges({}, Consistency::kStale),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("0 ranges")));
  EXPECT_THAT(subject().ReadRange({"b", "a"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("empty range")));
  EXPECT_THAT(subject().ReadRange({"a", "b"}, -1),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("limit -1")));
}

TEST_P(RegisterConformanceTest, KeepsEveryByte) {
  std::string all_bytes;
  for (int i = 0; i < 256; ++i) all_bytes.push_back(static_cast<char>(i));
  const std::string top = "\xff\xff";
  MustPut(all_bytes, all_bytes);
  MustPut(top, "");
  EXPECT_EQ(MustRead(all_bytes)->value, all_bytes);
  GROAT_ASSERT_OK_AND_ASSIGN(const RangeResult result,
                             subject().ReadRange(KeyRange::Prefix("\xff")));
  EXPECT_THAT(Keys(result.items), ElementsAre(top));
}

// One read shows one state: a pair that is always written together is never seen apart.
TEST_P(RegisterConformanceTest, ReadsSeveralRangesOfOneState) {
  MustCommit({{}, {{"a", "0", {}}, {"z", "0", {}}}, {}});
  std::thread writer([this] {
    for (int i = 1; i <= 50; ++i) {
      MustCommit({{}, {{"a", std::to_string(i), {}}, {"z", std::to_string(i), {}}}, {}});
    }
  });
  for (const Consistency consistency : {Consistency::kLinearizable, Consistency::kStale}) {
    for (int i = 0; i < 20; ++i) {
      const auto result = subject().ReadRanges(
          {{KeyRange::Single("a"), 0}, {KeyRange::Single("z"), 0}}, consistency);
      ASSERT_TRUE(result.ok()) << result.status().ToString();
      ASSERT_THAT(result->ranges, SizeIs(2));
      EXPECT_EQ(result->ranges[0].items[0].value, result->ranges[1].items[0].value);
      EXPECT_GE(result->revision, result->ranges[0].items[0].mod_revision);
    }
  }
  writer.join();
}

TEST_P(RegisterConformanceTest, WatchReportsEventsInOrderFromAnyRevision) {
  const int64_t first = MustPut("block/1", "a");
  MustPut("other", "x");
  const int64_t second = MustCommit({{}, {{"block/2", "b", {}}, {"block/3", "c", {}}}, {}});
  WatchLog from_first;
  WatchLog from_second;
  const auto watch_first = subject().WatchPrefix("block/", first, from_first.Callback());
  const auto watch_second = subject().WatchPrefix("block/", second, from_second.Callback());
  const int64_t third = MustCommit({{}, {}, {KeyRange::Single("block/1")}});
  const int64_t fourth = MustPut("block/2", "d");

  const WatchEvent expected[] = {
      {WatchEvent::Kind::kPut, {"block/1", "a", first, first}},
      {WatchEvent::Kind::kPut, {"block/2", "b", second, second}},
      {WatchEvent::Kind::kPut, {"block/3", "c", second, second}},
      {WatchEvent::Kind::kDelete, {"block/1", "", 0, third}},
      {WatchEvent::Kind::kPut, {"block/2", "d", second, fourth}},
  };
  EXPECT_THAT(from_first.WaitForEvents(5), ::testing::ElementsAreArray(expected));
  EXPECT_THAT(from_second.WaitForEvents(4),
              ::testing::ElementsAreArray(expected + 1, expected + 5));
  // The events of one revision come together.
  const auto updates = from_second.WaitUntil([](const auto&) { return true; });
  ASSERT_FALSE(updates.empty());
  EXPECT_GE(updates[0].events.size(), 2u);
  EXPECT_EQ(updates.back().revision, fourth);
}

TEST_P(RegisterConformanceTest, WatchReportsManyEventsOnceEach) {
  constexpr size_t kTransactions = 40;
  constexpr size_t kPuts = 60;
  WatchLog live;
  const auto watch = subject().WatchPrefix("k", 1, live.Callback());
  for (size_t i = 0; i < kTransactions; ++i) {
    Transaction transaction;
    for (size_t j = 0; j < kPuts; ++j) {
      transaction.puts.push_back({"k" + std::to_string(i * kPuts + j), "v", {}});
    }
    MustCommit(transaction);
  }
  WatchLog late;
  const auto late_watch = subject().WatchPrefix("k", 1, late.Callback());
  for (WatchLog* log : {&live, &late}) {
    const std::vector<WatchEvent> events = log->WaitForEvents(kTransactions * kPuts);
    ASSERT_THAT(events, SizeIs(kTransactions * kPuts));
    std::vector<std::string> keys;
    for (const WatchEvent& event : events) keys.push_back(event.item.key);
    std::sort(keys.begin(), keys.end());
    EXPECT_EQ(std::unique(keys.begin(), keys.end()), keys.end());
    EXPECT_TRUE(std::is_sorted(events.begin(), events.end(), [](const auto& a, const auto& b) {
      return a.item.mod_revision < b.item.mod_revision;
    }));
  }
}

TEST_P(RegisterConformanceTest, WatchCanEndItselfAndEndedWatchesStaySilent) {
  std::unique_ptr<Watch> watch;
  int calls = 0;
  Signal stored;
  Signal ended;
  watch = subject().WatchPrefix("k", 1, [&](const WatchUpdate& update) {
    if (!stored.Wait() || update.events.empty()) return;
    ++calls;
    watch.reset();
    ended.Raise();
  });
  stored.Raise();
  MustPut("k", "1");
  ASSERT_TRUE(ended.Wait());

  WatchLog other;
  MustPut("k", "2");
  const auto witness = subject().WatchPrefix("k", 1, other.Callback());
  EXPECT_THAT(other.WaitForEvents(2), SizeIs(2));
  EXPECT_EQ(calls, 1);
}

TEST_P(RegisterConformanceTest, EndingAWatchWaitsForItsCallback) {
  Signal entered;
  Signal release;
  std::atomic<bool> finished = false;
  auto watch = subject().WatchPrefix("k", 1, [&](const WatchUpdate&) {
    entered.Raise();
    release.Wait();
    finished = true;
  });
  MustPut("k", "1");
  ASSERT_TRUE(entered.Wait());
  std::thread releaser([&] { release.Raise(); });
  watch.reset();
  EXPECT_TRUE(finished);
  releaser.join();
}

TEST_P(RegisterConformanceTest, WatchCallbackMayUseTheRegister) {
  Signal done;
  const auto watch = subject().WatchPrefix("in", 1, [&](const WatchUpdate&) {
    EXPECT_THAT(subject().Commit({{}, {{"out", "1", {}}}, {}}), IsOk());
    EXPECT_THAT(subject().Read("in"), IsOk());
    done.Raise();
  });
  MustPut("in", "1");
  ASSERT_TRUE(done.Wait());
  EXPECT_EQ(MustRead("out")->value, "1");
}

TEST_P(RegisterConformanceTest, CompactionIsReportedAndTheWatchGoesOn) {
  const int64_t first = MustPut("k", "1");
  const int64_t second = MustPut("k", "2");
  const int64_t third = MustPut("k", "3");
  GROAT_ASSERT_OK(subject().Compact(second));
  GROAT_EXPECT_OK(subject().Compact(first));
  GROAT_EXPECT_OK(subject().Compact(second));
  EXPECT_THAT(subject().Compact(third + 1000000), StatusIs(absl::StatusCode::kOutOfRange, _));
  EXPECT_EQ(MustRead("k")->value, "3");

  for (const int64_t from : {int64_t{1}, first, second}) {
    WatchLog log;
    const auto watch = subject().WatchPrefix("k", from, log.Callback());
    const auto updates = log.WaitUntil([](const auto& so_far) { return so_far.size() >= 2; });
    ASSERT_THAT(updates, SizeIs(2)) << from;
    EXPECT_EQ(updates[0].kind, WatchUpdate::Kind::kCompacted);
    EXPECT_EQ(updates[0].revision, second);
    EXPECT_THAT(updates[1].events,
                ElementsAre(WatchEvent{WatchEvent::Kind::kPut, {"k", "3", first, third}}));
  }
  // A watch from above the compaction misses nothing.
  WatchLog log;
  const auto watch = subject().WatchPrefix("k", second + 1, log.Callback());
  EXPECT_THAT(log.WaitForEvents(1), SizeIs(1));
}

TEST_P(RegisterConformanceTest, RevokedLeaseTakesItsKeys) {
  GROAT_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Lease> lease,
                             subject().GrantLease(absl::Seconds(30), nullptr));
  EXPECT_FALSE(lease->lost());
  MustCommit(
      {{}, {{"leased", "1", lease->id()}, {"moved", "1", lease->id()}, {"free", "1", {}}}, {}});
  MustPut("moved", "2");  // Leaves the lease.
  GROAT_ASSERT_OK(lease->Revoke());
  EXPECT_TRUE(lease->lost());
  EXPECT_EQ(MustRead("leased"), std::nullopt);
  EXPECT_EQ(MustRead("moved")->value, "2");
  EXPECT_EQ(MustRead("free")->value, "1");
  EXPECT_THAT(lease->Revoke(), StatusIs(absl::StatusCode::kNotFound, _));
  EXPECT_THAT(subject().Commit({{}, {{"k", "v", lease->id()}}, {}}),
              StatusIs(absl::StatusCode::kNotFound, _));
  EXPECT_EQ(MustRead("k"), std::nullopt);
}

TEST_P(RegisterConformanceTest, LeaseRunsOutOnlyWithoutItsHolder) {
  GROAT_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Lease> kept,
                             subject().GrantLease(absl::Seconds(2), nullptr));
  GROAT_ASSERT_OK_AND_ASSIGN(std::unique_ptr<Lease> dropped,
                             subject().GrantLease(absl::Seconds(2), nullptr));
  MustCommit({{}, {{"kept", "1", kept->id()}, {"dropped", "1", dropped->id()}}, {}});
  dropped.reset();
  form_->PassTimeToLive();
  EXPECT_TRUE(WaitUntilGone("dropped"));
  EXPECT_FALSE(kept->lost());
  EXPECT_EQ(MustRead("kept")->value, "1");
}

TEST_P(RegisterConformanceTest, RefusesOddTimesToLive) {
  for (const absl::Duration ttl : {absl::ZeroDuration(), absl::Milliseconds(999),
                                   absl::Milliseconds(1500), -absl::Seconds(1)}) {
    EXPECT_THAT(subject().GrantLease(ttl, nullptr),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("time to live")));
  }
}

TEST_P(RegisterConformanceTest, ConcurrentIncrementsAreNeverLost) {
  constexpr int kThreads = 8;
  constexpr int kIncrements = 12;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this] {
      int64_t seen_revision = 0;
      int value = 0;
      for (int done = 0; done < kIncrements;) {
        const auto result = subject().Commit(
            {{{"counter", seen_revision}}, {{"counter", std::to_string(value + 1), {}}}, {}});
        ASSERT_TRUE(result.ok()) << result.status().ToString();
        if (result->committed) {
          ++done;
          ++value;
          seen_revision = result->revision;
        } else {
          ASSERT_THAT(result->current, SizeIs(1));
          value = std::stoi(result->current[0].value);
          seen_revision = result->current[0].mod_revision;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(MustRead("counter")->value, std::to_string(kThreads * kIncrements));
}

// Safety: appends and linearizable reads of many threads form one order that respects real time.
TEST_P(RegisterConformanceTest, HistoryIsLinearizable) {
  AppendHistory history;
  RunAppendWorkload({&subject()}, {.clients = 6, .appends = 10}, history);
  EXPECT_EQ(history.FindViolation(), std::nullopt);
  EXPECT_EQ(DecodeNumbers(MustRead("list")->value).size(), 60u);
}

INSTANTIATE_TEST_SUITE_P(Forms, RegisterConformanceTest,
                         ::testing::Values("Memory", "Embedded", "Etcd"),
                         [](const auto& param) { return param.param; });

}  // namespace
}  // namespace groat::storage::testing
