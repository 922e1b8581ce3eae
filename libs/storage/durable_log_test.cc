#include "storage/durable_log.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "base/status_matchers.h"
#include "storage/memory_file_system.h"

namespace groat::storage {
namespace {

using ::groat::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::string_view_literals;
using Unsynced = MemoryFileSystem::Unsynced;

constexpr absl::StatusCode kDataLoss = absl::StatusCode::kDataLoss;
constexpr char kFolder[] = "log";
constexpr char kFirstSegment[] = "log/0000000000-00000000000000000001.log";

class DurableLogTest : public ::testing::Test {
 protected:
  // Opens the log and keeps the visited records in `visited_`.
  absl::StatusOr<std::unique_ptr<DurableLog>> Open(DurableLogOptions options = {}) {
    visited_.clear();
    options.folder = kFolder;
    return DurableLog::Open(disk_, options, Collect());
  }
  std::unique_ptr<DurableLog> MustOpen(DurableLogOptions options = {}) {
    auto log = Open(options);
    EXPECT_TRUE(log.ok()) << log.status();
    return *std::move(log);
  }
  LogVisitor Collect() {
    return [this](const LogRecord& record) {
      visited_.push_back(absl::StrCat(record.sequence, ":", ToString(record.bytes)));
      return absl::OkStatus();
    };
  }
  // A closed log with records "a", "b", "c", each synced; all but the last are before a mark.
  void WriteThree() {
    const auto log = MustOpen();
    for (const char* text : {"a", "b", "c"}) {
      log->Append(AsBytes(text));
      log->Sync();
    }
  }
  void Flip(const std::string& path, size_t offset) {
    Bytes content = disk_.Content(path);
    content.at(offset) ^= 1;
    disk_.SetContent(path, content);
  }
  void Cut(const std::string& path, size_t size) {
    Bytes content = disk_.Content(path);
    content.resize(size);
    disk_.SetContent(path, content);
  }

  MemoryFileSystem disk_;
  std::vector<std::string> visited_;
};

TEST(LogFormatTest, GoldenBytes) {
  const LogSalt salt = LogSalt::From(AsBytes("saltsalt"), "salt").value();
  Bytes header, record, empty, mark;
  EncodeLogHeader(3, 42, salt, header);
  EncodeLogRecord(42, AsBytes("groat"), record);
  EncodeLogRecord(43, {}, empty);
  EncodeLogMark(salt, 44, 1000, mark);
  EXPECT_EQ(
      ToHex(header),
      "67726f6174206c6f672076310a0000000000000003000000000000002a73616c7473616c749606ff62066a6ba6");
  EXPECT_EQ(ToHex(record), "00000005da4a3be2011f8dea67726f6174");
  EXPECT_EQ(ToHex(empty), "000000000ac4a4c061c8f4e6");
  EXPECT_EQ(ToHex(mark), "ffffffffd5d66d956a6cd0d9000000000000002c00000000000003e8");
  EXPECT_EQ(header.size(), kLogHeaderBytes);
  EXPECT_EQ(record.size(), kLogFrameBytes + 5);
  EXPECT_EQ(mark.size(), kLogMarkBytes);
  EXPECT_EQ(LogSegmentName(3, 42), "0000000003-00000000000000000042.log");
}

TEST_F(DurableLogTest, ReplaysWhatWasSynced) {
  WriteThree();
  const auto log = MustOpen();
  EXPECT_THAT(visited_, ElementsAre("1:a", "2:b", "3:c"));
  EXPECT_EQ(log->next_sequence(), 4u);
  EXPECT_EQ(log->durable_sequence(), 3u);
  EXPECT_EQ(log->recovery().visited_records, 3u);
  EXPECT_EQ(log->recovery().torn_bytes, 0u);
}

TEST_F(DurableLogTest, AnEmptyLogHasNoFileAndStartsAtOne) {
  {
    const auto log = MustOpen();
    EXPECT_EQ(log->next_sequence(), 1u);
    EXPECT_EQ(log->durable_sequence(), 0u);
    log->Sync();
    log->Roll(5);
    log->Sync();
    EXPECT_THAT(log->Segments(), IsEmpty());
  }
  EXPECT_THAT(*disk_.List(kFolder), IsEmpty());
}

TEST_F(DurableLogTest, AppendsWithoutSyncNeverReachTheDisk) {
  {
    const auto log = MustOpen();
    EXPECT_EQ(log->Append(AsBytes("a")), 1u);
    EXPECT_EQ(log->Append(AsBytes("b")), 2u);
    EXPECT_EQ(log->durable_sequence(), 0u);
  }
  MustOpen();
  EXPECT_THAT(visited_, IsEmpty());
}

TEST_F(DurableLogTest, OneSyncForManyAppends) {
  const auto log = MustOpen();
  log->Append(AsBytes("a"));
  log->Sync();
  const uint64_t before = disk_.sync_count();
  for (int i = 0; i < 1000; ++i) log->Append(AsBytes("record"));
  log->Sync();
  EXPECT_EQ(disk_.sync_count() - before, 1u);
}

TEST_F(DurableLogTest, EmptyAndLargeRecords) {
  const std::string large(3 << 20, 'x');
  {
    const auto log = MustOpen();
    log->Append({});
    log->Append(AsBytes(large));
    log->Append(AsBytes("end"));
    log->Sync();
  }
  MustOpen();
  EXPECT_THAT(visited_, ElementsAre("1:", "2:" + large, "3:end"));
}

TEST_F(DurableLogTest, ARecordAboveTheBoundIsABug) {
  const auto log = MustOpen();
  const Bytes record(kMaxLogRecordBytes + 1);
  EXPECT_DEATH(log->Append(record), "CHECK|check");
}

// Every cut of the last record is repaired; the records before it stay.
TEST_F(DurableLogTest, CutsATornTailAtEveryLength) {
  {
    const auto log = MustOpen();
    log->Append(AsBytes("a"));
    log->Sync();
    log->Append(AsBytes("bcdef"));
    log->Sync();
    disk_.Crash(Unsynced::kDrop);  // So that no mark is written behind.
  }
  const size_t end = disk_.Content(kFirstSegment).size();
  const size_t frame = kLogFrameBytes + 5;
  const Bytes whole = disk_.Content(kFirstSegment);
  for (size_t cut = 1; cut < frame; ++cut) {
    disk_.SetContent(kFirstSegment, whole);
    Cut(kFirstSegment, end - cut);
    const auto log = MustOpen();
    EXPECT_THAT(visited_, ElementsAre("1:a")) << cut;
    EXPECT_EQ(log->recovery().torn_bytes, frame - cut);
    EXPECT_EQ(log->recovery().torn_path, kFirstSegment);
    EXPECT_EQ(log->Append(AsBytes("new")), 2u);
    log->Sync();
    disk_.Crash(Unsynced::kDrop);
    MustOpen();
    EXPECT_THAT(visited_, ElementsAre("1:a", "2:new")) << cut;
    disk_.Crash(Unsynced::kDrop);
  }
}

// A flipped bit behind the last mark cannot be told from a torn write; anywhere before, it is the
// disk's fault and must not be repaired by forgetting.
TEST_F(DurableLogTest, ADamagedByteThatWasDurableIsDataLoss) {
  WriteThree();
  const Bytes whole = disk_.Content(kFirstSegment);
  const size_t last_mark = whole.size() - kLogMarkBytes;
  for (size_t offset = 0; offset < whole.size(); ++offset) {
    disk_.SetContent(kFirstSegment, whole);
    Flip(kFirstSegment, offset);
    const auto log = Open();
    if (offset < last_mark) {
      EXPECT_THAT(log, StatusIs(kDataLoss, AllOf(HasSubstr(kFirstSegment), HasSubstr("offset"))))
          << offset;
      Bytes damaged = whole;
      damaged[offset] ^= 1;
      EXPECT_EQ(disk_.Content(kFirstSegment), damaged) << "changed, though refused";
    } else {
      GROAT_EXPECT_OK(log);
      EXPECT_THAT(visited_, ElementsAre("1:a", "2:b", "3:c")) << offset;
      disk_.Crash(Unsynced::kDrop);
    }
  }
}

TEST_F(DurableLogTest, DataLossNamesFileOffsetAndSequence) {
  WriteThree();
  const size_t second = kLogHeaderBytes + kLogFrameBytes + 1 + kLogMarkBytes;
  Flip(kFirstSegment, second + kLogFrameBytes);
  EXPECT_THAT(Open(), StatusIs(kDataLoss, AllOf(HasSubstr(kFirstSegment),
                                                HasSubstr(absl::StrCat("offset ", second)),
                                                HasSubstr("sequence 2"))));
}

TEST_F(DurableLogTest, ALengthBeyondTheFileIsATornTail) {
  {
    const auto log = MustOpen();
    log->Append(AsBytes("a"));
    log->Sync();
    disk_.Crash(Unsynced::kDrop);
  }
  Bytes content = disk_.Content(kFirstSegment);
  for (const char byte :
       "\x7f\xff\xff\xff"
       "123"sv)
    content.push_back(static_cast<uint8_t>(byte));
  disk_.SetContent(kFirstSegment, content);
  EXPECT_EQ(MustOpen()->recovery().torn_bytes, 7u);
  EXPECT_THAT(visited_, ElementsAre("1:a"));
}

TEST_F(DurableLogTest, AZeroedTailIsTorn) {
  {
    const auto log = MustOpen();
    log->Append(AsBytes("a"));
    log->Sync();
    disk_.Crash(Unsynced::kDrop);
  }
  Bytes content = disk_.Content(kFirstSegment);
  content.resize(content.size() + 4096);
  disk_.SetContent(kFirstSegment, content);
  EXPECT_EQ(MustOpen()->recovery().torn_bytes, 4096u);
}

// The bytes of a real mark, carried inside a record, must not count: the salt differs by log, and
// the offset by place.
TEST_F(DurableLogTest, AMarkInsideARecordDoesNotPassForOne) {
  Bytes forged;
  EncodeLogMark(LogSalt(), 2, kLogHeaderBytes + 2 * kLogFrameBytes + 1, forged);
  {
    const auto log = MustOpen();
    log->Append(AsBytes("a"));
    log->Append(forged);
    log->Sync();
    disk_.Crash(Unsynced::kDrop);
  }
  Flip(kFirstSegment, kLogHeaderBytes + kLogFrameBytes);
  GROAT_EXPECT_OK(Open());
  EXPECT_THAT(visited_, IsEmpty());
}

TEST_F(DurableLogTest, RollKeepsGroupsApartAndReplaysARange) {
  const auto log = MustOpen();
  for (uint64_t period = 0; period < 4; ++period) {
    log->Roll(period);
    log->Append(AsBytes(absl::StrCat("p", period)));
    log->Append(AsBytes(absl::StrCat("q", period)));
    if (period != 2) log->Sync();  // Two groups in one commit as well.
  }
  EXPECT_THAT(
      *disk_.List(kFolder),
      ElementsAre("0000000000-00000000000000000001.log", "0000000001-00000000000000000003.log",
                  "0000000002-00000000000000000005.log", "0000000003-00000000000000000007.log"));
  GROAT_ASSERT_OK(log->Replay(1, 2, Collect()));
  EXPECT_THAT(visited_, ElementsAre("3:p1", "4:q1", "5:p2", "6:q2"));
  visited_.clear();
  GROAT_ASSERT_OK(log->Replay(3, 99, Collect()));
  EXPECT_THAT(visited_, ElementsAre("7:p3", "8:q3"));
  log->Append(AsBytes("not synced"));
  visited_.clear();
  GROAT_ASSERT_OK(log->Replay(3, 3, Collect()));
  EXPECT_THAT(visited_, ElementsAre("7:p3", "8:q3"));
  const std::vector<LogSegment> segments = log->Segments();
  ASSERT_EQ(segments.size(), 4u);
  EXPECT_EQ(segments[1].group, 1u);
  EXPECT_EQ(segments[1].first_sequence, 3u);
  EXPECT_EQ(segments[1].next_sequence, 5u);
  EXPECT_EQ(segments[1].size_bytes, disk_.Content(segments[1].path).size());
}

TEST_F(DurableLogTest, OpensFromAGroupOn) {
  {
    const auto log = MustOpen();
    for (uint64_t period = 0; period < 3; ++period) {
      log->Roll(period);
      log->Append(AsBytes(absl::StrCat("p", period)));
      log->Sync();
    }
  }
  {
    const auto log = MustOpen({.replay_from_group = 2});
    EXPECT_THAT(visited_, ElementsAre("3:p2"));
    EXPECT_EQ(log->next_sequence(), 4u);
    EXPECT_EQ(log->group(), 2u);
  }
  MustOpen({.replay_from_group = 9});
  EXPECT_THAT(visited_, IsEmpty());
}

TEST_F(DurableLogTest, AGroupNeverFalls) {
  const auto log = MustOpen();
  log->Roll(3);
  EXPECT_DEATH(log->Roll(2), "3 vs 2");
}

TEST_F(DurableLogTest, AFullSegmentIsFollowedByANewOneOfTheSameGroup) {
  {
    const auto log = MustOpen({.segment_bytes = 200});
    log->Roll(7);
    for (int i = 0; i < 20; ++i) {
      log->Append(AsBytes("0123456789"));
      log->Sync();
    }
    EXPECT_GT(log->Segments().size(), 3u);
    for (const LogSegment& segment : log->Segments()) EXPECT_EQ(segment.group, 7u);
  }
  MustOpen();
  EXPECT_EQ(visited_.size(), 20u);
}

class DurableLogSegmentsTest : public DurableLogTest {
 protected:
  // Closed segments of groups 0, 1 and 2 with one record each.
  void SetUp() override {
    const auto log = MustOpen();
    for (uint64_t period = 0; period < 3; ++period) {
      log->Roll(period);
      log->Append(AsBytes("record"));
      log->Sync();
      paths_.push_back(log->Segments().back().path);
    }
  }
  std::vector<std::string> paths_;
};

TEST_F(DurableLogSegmentsTest, DamageInAnEarlierSegmentIsDataLoss) {
  const Bytes whole = disk_.Content(paths_[1]);
  for (size_t offset = 0; offset < whole.size(); ++offset) {
    disk_.SetContent(paths_[1], whole);
    Flip(paths_[1], offset);
    EXPECT_THAT(Open(), StatusIs(kDataLoss, HasSubstr(paths_[1]))) << offset;
  }
}

TEST_F(DurableLogSegmentsTest, ATornEarlierSegmentIsDataLoss) {
  const Bytes whole = disk_.Content(paths_[0]);
  for (size_t size = 0; size < whole.size(); ++size) {
    disk_.SetContent(paths_[0], whole);
    Cut(paths_[0], size);
    EXPECT_THAT(Open(), StatusIs(kDataLoss, HasSubstr(paths_[0]))) << size;
  }
}

TEST_F(DurableLogSegmentsTest, AMissingSegmentIsDataLoss) {
  GROAT_ASSERT_OK(disk_.Remove(paths_[1]));
  EXPECT_THAT(Open(), StatusIs(kDataLoss, AllOf(HasSubstr(paths_[0]), HasSubstr("want 3"))));
}

TEST_F(DurableLogSegmentsTest, AMissingFirstSegmentWasArchivedByTheOwner) {
  GROAT_ASSERT_OK(disk_.Remove(paths_[0]));
  MustOpen();
  EXPECT_THAT(visited_, ElementsAre("2:record", "3:record"));
}

TEST_F(DurableLogSegmentsTest, ForeignFilesAreDataLoss) {
  for (const char* name : {"log/notes.txt", "log/0000000009-00000000000000000000.log",
                           "log/000000000x-00000000000000000009.log"}) {
    GROAT_ASSERT_OK(disk_.Create(name));
    EXPECT_THAT(Open(), StatusIs(kDataLoss, HasSubstr("is no log segment"))) << name;
    GROAT_ASSERT_OK(disk_.Remove(name));
  }
}

TEST_F(DurableLogSegmentsTest, SequencesRiseWithGroups) {
  GROAT_ASSERT_OK(disk_.Create("log/0000000005-00000000000000000002.log"));
  EXPECT_THAT(Open(), StatusIs(kDataLoss, HasSubstr("begins at sequence 2, want more than 3")));
}

// A crash while a segment is being started leaves a file without a whole header.
TEST_F(DurableLogSegmentsTest, ATornHeaderOfTheLastSegmentIsRemoved) {
  const std::string next = "log/0000000003-00000000000000000004.log";
  Bytes header;
  EncodeLogHeader(3, 4, LogSalt(), header);
  for (size_t size = 0; size < header.size(); ++size) {
    GROAT_ASSERT_OK(disk_.Create(next));
    disk_.SetContent(next, Bytes(header.begin(), header.begin() + static_cast<ptrdiff_t>(size)));
    {
      const auto log = MustOpen();
      EXPECT_EQ(visited_.size(), 3u);
      EXPECT_EQ(log->group(), 2u);
      EXPECT_EQ(log->next_sequence(), 4u);
      EXPECT_EQ(log->recovery().torn_bytes, size);
      EXPECT_EQ(log->Segments().size(), 3u);
    }
    EXPECT_EQ(disk_.List(kFolder)->size(), 3u);
  }
  const auto log = MustOpen();
  log->Roll(3);
  log->Append(AsBytes("after"));
  log->Sync();
  EXPECT_EQ(log->Segments().back().path, next);
}

TEST_F(DurableLogSegmentsTest, GoesOnAfterATornHeaderWithoutARoll) {
  const std::string next = "log/0000000002-00000000000000000004.log";
  GROAT_ASSERT_OK(disk_.Create(next));
  MustOpen();
  {
    GROAT_ASSERT_OK(disk_.Create(next));
    const auto log = MustOpen();
    log->Append(AsBytes("after"));
    log->Sync();
  }
  MustOpen();
  EXPECT_EQ(visited_.back(), "4:after");
}

TEST_F(DurableLogSegmentsTest, AVisitorCanRefuse) {
  const auto log = DurableLog::Open(disk_, {.folder = kFolder}, [](const LogRecord& record) {
    return record.sequence == 2 ? absl::InternalError("no") : absl::OkStatus();
  });
  EXPECT_THAT(log, StatusIs(absl::StatusCode::kInternal, "no"));
}

TEST_F(DurableLogSegmentsTest, ReplayFindsLaterDamage) {
  const auto log = MustOpen();
  Flip(paths_[0], kLogHeaderBytes);
  EXPECT_THAT(log->Replay(0, 0, Collect()), StatusIs(kDataLoss, HasSubstr("offset 45 of")));
  GROAT_EXPECT_OK(log->Replay(1, 2, Collect()));
}

TEST_F(DurableLogTest, AFailedWriteOrSyncStopsTheProcess) {
  for (uint64_t n = 1; n <= 4; ++n) {
    EXPECT_DEATH(
        {
          const auto log = MustOpen();
          disk_.FailWrite(n);
          for (int i = 0; i < 3; ++i) {
            log->Append(AsBytes("a"));
            log->Sync();
          }
        },
        "no space left")
        << n;
    EXPECT_DEATH(
        {
          const auto log = MustOpen();
          disk_.FailSync(n);
          for (int i = 0; i < 3; ++i) {
            log->Append(AsBytes("a"));
            log->Sync();
          }
        },
        "input/output error")
        << n;
  }
}

TEST_F(DurableLogTest, AFailedSyncWhenOpeningIsAnError) {
  WriteThree();
  disk_.FailSync(1);
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kUnavailable, HasSubstr(kFirstSegment)));
}

// Safety: what Sync made durable survives any crash, in order and unchanged; what it did not may
// be there or not, but never with a gap. Method: random appends, syncs, rolls, crashes of all
// kinds, and reopening, against a list in memory.
TEST(DurableLogCrashTest, LosesNothingDurable) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937_64 random(seed);
    MemoryFileSystem disk(seed);
    std::vector<std::string> appended;  // As far as they were ever seen.
    size_t durable = 0;
    for (int life = 0; life < 8; ++life) {
      std::vector<std::string> found;
      auto log = DurableLog::Open(disk, {.folder = kFolder, .segment_bytes = 2000},
                                  [&](const LogRecord& record) {
                                    EXPECT_EQ(record.sequence, found.size() + 1);
                                    found.push_back(ToString(record.bytes));
                                    return absl::OkStatus();
                                  });
      GROAT_ASSERT_OK(log);
      ASSERT_GE(found.size(), durable);
      ASSERT_LE(found.size(), appended.size());
      appended.resize(found.size());
      ASSERT_EQ(found, appended);
      durable = appended.size();
      const uint64_t syncs = random() % 10;
      for (uint64_t i = 0; i < syncs; ++i) {
        if (random() % 4 == 0) (*log)->Roll((*log)->group() + random() % 2);
        for (uint64_t j = random() % 5; j > 0; --j) {
          appended.push_back(std::string(random() % 700, static_cast<char>('a' + random() % 26)));
          (*log)->Append(AsBytes(appended.back()));
        }
        if (i + 1 < syncs || random() % 2 == 0) {
          (*log)->Sync();
          durable = appended.size();
        }
      }
      if (random() % 4 > 0) {
        disk.Crash(std::array{Unsynced::kDrop, Unsynced::kKeep, Unsynced::kTear}[random() % 3]);
      }
    }
  }
}

// As above, but the crash comes between write and sync of a commit: a failing sync stands for it,
// in a child process whose disk cannot be looked at, so here the frames are laid down by hand.
TEST(DurableLogCrashTest, ACommitThatWasCutShortIsWholeOrTorn) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937_64 random(seed);
    MemoryFileSystem disk(seed);
    const auto ignore = [](const LogRecord&) { return absl::OkStatus(); };
    {
      auto log = DurableLog::Open(disk, {.folder = kFolder}, ignore);
      GROAT_ASSERT_OK(log);
      (*log)->Append(AsBytes("durable"));
      (*log)->Sync();
      disk.Crash(Unsynced::kDrop);
    }
    Bytes frames;
    for (uint64_t sequence = 2; sequence < 12; ++sequence) {
      EncodeLogRecord(sequence, Bytes(random() % 400, 7), frames);
    }
    const auto file = disk.OpenForAppend(kFirstSegment);
    GROAT_ASSERT_OK((*file)->Append(frames));
    disk.Crash(Unsynced::kTear);
    uint64_t visited = 0;
    const auto log = DurableLog::Open(disk, {.folder = kFolder}, [&](const LogRecord& record) {
      EXPECT_EQ(record.sequence, ++visited);
      return absl::OkStatus();
    });
    GROAT_ASSERT_OK(log);
    EXPECT_GE(visited, 1u);
    EXPECT_EQ((*log)->next_sequence(), visited + 1);
  }
}

TEST_F(DurableLogTest, GroupCommitReportsInOrderAndDurably) {
  std::vector<uint64_t> reports;
  {
    GroupCommitLog log(MustOpen(), [&](uint64_t sequence) { reports.push_back(sequence); });
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 500; ++j) log.Append(AsBytes("record"));
      });
    }
    for (std::thread& thread : threads) thread.join();
    log.Sync();
    EXPECT_EQ(log.durable_sequence(), 2000u);
    EXPECT_EQ(log.pending_bytes(), 0u);
    EXPECT_EQ(reports.back(), 2000u);
    EXPECT_TRUE(std::is_sorted(reports.begin(), reports.end()));
    uint64_t replayed = 0;
    GROAT_ASSERT_OK(log.Replay(0, 0, [&](const LogRecord&) {
      ++replayed;
      return absl::OkStatus();
    }));
    EXPECT_EQ(replayed, 2000u);
    log.Roll(1);
    EXPECT_EQ(log.Append(AsBytes("last")), 2001u);
  }
  EXPECT_EQ(reports.back(), 2001u) << "destruction makes everything durable";
  disk_.Crash(Unsynced::kDrop);
  const auto log = MustOpen();
  EXPECT_EQ(visited_.size(), 2001u);
  EXPECT_EQ(log->group(), 1u);
}

// While one commit runs, appends gather and share the next.
TEST_F(DurableLogTest, GroupCommitGathersWhileACommitRuns) {
  absl::Notification first_reported, go_on;
  std::vector<uint64_t> reports;
  GroupCommitLog log(MustOpen(), [&](uint64_t sequence) {
    reports.push_back(sequence);
    if (reports.size() == 1) {
      first_reported.Notify();
      go_on.WaitForNotification();
    }
  });
  log.Append(AsBytes("a"));
  first_reported.WaitForNotification();
  for (int i = 0; i < 99; ++i) log.Append(AsBytes("b"));
  EXPECT_EQ(log.pending_bytes(), 99 * (kLogFrameBytes + 1));
  go_on.Notify();
  log.Sync();
  EXPECT_THAT(reports, ElementsAre(1, 100));
}

TEST_F(DurableLogTest, GroupCommitBoundsWhatWaits) {
  absl::Notification first_reported, go_on;
  std::atomic<int> report_count = 0;
  GroupCommitLog log(
      MustOpen(),
      [&](uint64_t) {
        if (report_count++ == 0) {
          first_reported.Notify();
          go_on.WaitForNotification();
        }
      },
      /*max_pending_bytes=*/100);
  log.Append(AsBytes("a"));
  first_reported.WaitForNotification();
  const Bytes large(200);
  log.Append(large);  // Fits, since nothing waits; from now on the bound is passed.
  std::atomic<bool> appended = false;
  std::thread blocked([&] {
    log.Append(AsBytes("c"));
    appended = true;
  });
  EXPECT_FALSE(appended);
  go_on.Notify();
  blocked.join();
  EXPECT_TRUE(appended);
  log.Sync();
  EXPECT_EQ(log.durable_sequence(), 3u);
}

TEST_F(DurableLogTest, GroupCommitStopsTheProcessOnAFailedSync) {
  EXPECT_DEATH(
      {
        GroupCommitLog log(MustOpen(), [](uint64_t) {});
        disk_.FailSync(2);
        log.Append(AsBytes("a"));
        log.Sync();
      },
      "input/output error");
}

class RealFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "groat_log_" + std::to_string(getpid());
    std::filesystem::remove_all(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST_F(RealFileTest, TheWholeLifeOfALog) {
  const auto ignore = [](const LogRecord&) { return absl::OkStatus(); };
  const Bytes large(70000, 9);
  {
    auto opened = DurableLog::Open(RealFileSystem(), {.folder = folder_}, ignore);
    GROAT_ASSERT_OK(opened);
    GroupCommitLog log(*std::move(opened), [](uint64_t) {});
    log.Append(AsBytes("a"));
    log.Roll(1);
    log.Append(large);
    log.Append(AsBytes("b"));
  }
  const std::string last = folder_ + "/" + LogSegmentName(1, 2);
  const auto size = std::filesystem::file_size(last);
  std::filesystem::resize_file(last, size - kLogMarkBytes - 1);
  uint64_t bytes = 0;
  {
    const auto log =
        DurableLog::Open(RealFileSystem(), {.folder = folder_}, [&](const LogRecord& record) {
          bytes += record.bytes.size();
          return absl::OkStatus();
        });
    GROAT_ASSERT_OK(log);
    EXPECT_EQ((*log)->recovery().torn_bytes, kLogFrameBytes);
    EXPECT_EQ((*log)->next_sequence(), 3u);
  }
  EXPECT_EQ(bytes, 70001u);
}

TEST_F(RealFileTest, ErrorsNameThePath) {
  FileSystem& files = RealFileSystem();
  const std::string missing = folder_ + "/none/file";
  constexpr absl::StatusCode kNotFound = absl::StatusCode::kNotFound;
  EXPECT_THAT(files.Create(missing), StatusIs(kNotFound, HasSubstr(missing)));
  EXPECT_THAT(files.OpenForAppend(missing), StatusIs(kNotFound, HasSubstr(missing)));
  EXPECT_THAT(files.OpenForRead(missing), StatusIs(kNotFound, HasSubstr(missing)));
  EXPECT_THAT(files.Truncate(missing, 0), StatusIs(kNotFound, HasSubstr(missing)));
  EXPECT_THAT(files.Remove(missing), StatusIs(kNotFound, HasSubstr(missing)));
  EXPECT_THAT(files.SyncFolder(missing), StatusIs(kNotFound, HasSubstr(missing)));
  EXPECT_THAT(files.List(missing), StatusIs(kNotFound, HasSubstr(missing)));
  EXPECT_THAT(files.CreateFolder(missing), StatusIs(kNotFound, HasSubstr(missing)));
  GROAT_ASSERT_OK(files.CreateFolder(folder_));
  GROAT_ASSERT_OK(files.CreateFolder(folder_));
  GROAT_ASSERT_OK(files.Create(folder_ + "/file"));
  EXPECT_THAT(files.Create(folder_ + "/file"),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("/file")));
  EXPECT_FALSE(files.CreateFolder(folder_ + "/file").ok());
}

TEST_F(RealFileTest, AFullDiskIsAnError) {
  const auto file = RealFileSystem().OpenForAppend("/dev/full");
  GROAT_ASSERT_OK(file);
  EXPECT_THAT((*file)->Append(AsBytes("a")),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("/dev/full")));
}

}  // namespace
}  // namespace groat::storage
