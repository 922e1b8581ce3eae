#include "p2p/trace/trace_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/status_matchers.h"
#include "p2p/trace/trace_reader.h"
#include "storage/memory_file_system.h"

namespace groat::p2p {
namespace {

using groat::testing::StatusIs;
using storage::MemoryFileSystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
constexpr absl::StatusCode kDataLoss = absl::StatusCode::kDataLoss;
constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TraceRecord Numbered(TraceKind kind, uint64_t number) {
  TraceRecord record;
  record.kind = kind;
  record.number = number;
  record.time = Instant(Duration(static_cast<Duration::rep>(number * 10)));
  return record;
}

TraceRecord Start() {
  TraceRecord record = Numbered(TraceKind::kStart, 1000);
  record.label = "echo";
  return record;
}

// A disk whose writes wait while it is shut.
class SlowFileSystem final : public MemoryFileSystem {
 public:
  void SetShut(bool shut) {
    const MutexLock lock(mutex_);
    shut_ = shut;
    changed_.NotifyAll();
  }
  // Returns when a write waits.
  void AwaitWaiting() {
    const MutexLock lock(mutex_);
    while (!waiting_) changed_.Wait(mutex_);
  }
  absl::StatusOr<std::unique_ptr<storage::AppendFile>> Create(const std::string& path) override {
    {
      const MutexLock lock(mutex_);
      waiting_ = shut_;
      changed_.NotifyAll();
      while (shut_) changed_.Wait(mutex_);
      waiting_ = false;
    }
    return MemoryFileSystem::Create(path);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool shut_ ABSL_GUARDED_BY(mutex_) = false;
  bool waiting_ ABSL_GUARDED_BY(mutex_) = false;
};

class TraceWriterTest : public ::testing::Test {
 protected:
  std::unique_ptr<TraceWriter> Open(TraceFileOptions options = {}) {
    options.folder = "trace";
    auto writer = TraceWriter::Open(disk_, options);
    EXPECT_THAT(writer, testing::IsOk());
    return *std::move(writer);
  }
  // "number/run:kind.value" of every record; the error, or what is torn, at the end.
  std::string Read(std::optional<uint64_t> run = std::nullopt) {
    std::string text;
    auto reader = TraceReader::Open(disk_, "trace", run);
    if (!reader.ok()) return std::string(reader.status().message());
    TraceRecord record;
    while (true) {
      const absl::StatusOr<bool> read = reader->Next(record);
      if (!read.ok()) return absl::StrCat(text, "error: ", read.status().message());
      if (!*read) break;
      const std::string_view name = NameOf(record.kind);
      absl::StrAppend(&text, reader->number(), "/", reader->run(), ":",
                      absl::string_view(name.data(), name.size()), ".", record.number, " ");
    }
    if (reader->torn_bytes() > 0) {
      absl::StrAppend(&text, "torn ", reader->torn_bytes(), " of ", reader->torn_path());
    }
    return text;
  }
  std::vector<std::string> Files() { return *disk_.List("trace"); }

  SlowFileSystem disk_;
};

TEST_F(TraceWriterTest, RunsFollowEachOther) {
  EXPECT_THAT(Read(), HasSubstr("trace"));
  {
    const auto writer = Open();
    EXPECT_EQ(writer->run(), 1u);
    writer->Append(Start());
    writer->Append(Numbered(TraceKind::kRandom, 5));
    writer->Flush();
    EXPECT_EQ(Read(), "1/1:start.1000 2/1:random.5 ");  // While it is being written.
    writer->Append(Numbered(TraceKind::kRandom, 6));
    EXPECT_EQ(writer->Stats().records, 3u);
  }
  {
    const auto empty = Open();  // A run without a record leaves nothing.
    EXPECT_EQ(empty->run(), 2u);
  }
  {
    const auto writer = Open();
    EXPECT_EQ(writer->run(), 2u);
    EXPECT_EQ(writer->torn_bytes(), 0u);
    writer->Append(Numbered(TraceKind::kNow, 7));
  }
  EXPECT_EQ(Read(), "1/1:start.1000 2/1:random.5 3/1:random.6 4/2:now.7 ");
  EXPECT_EQ(Read(1), "1/1:start.1000 2/1:random.5 3/1:random.6 ");
  EXPECT_EQ(Read(2), "4/2:now.7 ");
  EXPECT_THAT(Read(3), HasSubstr("run 3 is not in trace, which holds runs of 1 to 2"));
  GROAT_ASSERT_OK_AND_ASSIGN(const auto runs, TraceReader::Runs(disk_, "trace"));
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[1].number, 2u);
  EXPECT_EQ(runs[1].first_record, 4u);
}

TEST_F(TraceWriterTest, FilesRotateAndTheOldestGo) {
  TraceWriterStats stats;
  {
    const auto writer = Open({.file_bytes = 4096, .max_files = 3});
    writer->Append(Start());
    // Flushed one by one: a burst may exceed no bound, and neither may this.
    for (uint64_t i = 0; i < 1000; ++i) {
      writer->Append(Numbered(TraceKind::kRandom, i));
      writer->Flush();
    }
    stats = writer->Stats();
  }
  EXPECT_EQ(Files().size(), 3u);
  EXPECT_GE(stats.deleted_files, 5u);
  EXPECT_EQ(stats.lost_records, 0u);
  for (const std::string& name : Files()) {
    EXPECT_LT(disk_.Content("trace/" + name).size(), 4096u + 200u) << name;
  }

  GROAT_ASSERT_OK_AND_ASSIGN(TraceReader reader, TraceReader::Open(disk_, "trace"));
  EXPECT_GT(reader.first_number(), 500u);
  TraceRecord record;
  GROAT_ASSERT_OK_AND_ASSIGN(bool read, reader.Next(record));
  // The run's start is gone, and the file says what stood there.
  EXPECT_EQ(record.kind, TraceKind::kContinue);
  EXPECT_EQ(record.label, "echo");
  EXPECT_EQ(record.number, 1000u);
  uint64_t number = reader.number();
  uint64_t last_value = 0;
  size_t continued = 1;
  while (read) {
    read = *reader.Next(record);
    if (!read) break;
    EXPECT_EQ(reader.number(), ++number);
    if (record.kind == TraceKind::kContinue) {
      ++continued;
      EXPECT_EQ(record.time, Instant(Duration(static_cast<Duration::rep>((last_value + 1) * 10))));
    } else {
      last_value = record.number;
    }
  }
  EXPECT_EQ(last_value, 999u);
  EXPECT_EQ(continued, 3u);
}

TEST_F(TraceWriterTest, BoundCountsFilesOfEarlierRuns) {
  for (uint64_t run = 1; run <= 5; ++run) {
    const auto writer = Open({.max_files = 2});
    EXPECT_EQ(writer->run(), run);
    writer->Append(Start());
  }
  EXPECT_EQ(Read(), "4/4:start.1000 5/5:start.1000 ");
}

TEST_F(TraceWriterTest, TornEndIsReportedThenCut) {
  std::string path;
  Bytes whole;  // As the process would leave it that stops after the last write.
  {
    const auto writer = Open();
    writer->Append(Start());
    writer->Append(Numbered(TraceKind::kRandom, 5));
    writer->Append(Numbered(TraceKind::kRandom, 6));
    writer->Flush();
    path = "trace/" + Files()[0];
    whole = disk_.Content(path);
  }
  const size_t record_bytes = storage::kLogFrameBytes + 18;
  for (size_t torn = 1; torn <= record_bytes; ++torn) {
    SCOPED_TRACE(torn);
    disk_.SetContent(path, Bytes(whole.begin(), whole.end() - static_cast<ptrdiff_t>(torn)));
    const std::string want =
        torn == record_bytes ? "" : absl::StrCat("torn ", record_bytes - torn, " of ", path);
    EXPECT_EQ(Read(), "1/1:start.1000 2/1:random.5 " + want);
    {
      const auto writer = Open();
      EXPECT_EQ(writer->torn_bytes(), torn == record_bytes ? 0 : record_bytes - torn);
      EXPECT_EQ(writer->torn_path(), torn == record_bytes ? "" : path);
      EXPECT_EQ(writer->run(), 2u);
      writer->Append(Numbered(TraceKind::kNow, 7));
    }
    EXPECT_EQ(Read(), "1/1:start.1000 2/1:random.5 3/2:now.7 ");
    GROAT_ASSERT_OK(disk_.Remove("trace/" + Files()[1]));
  }
  // Not even a whole header.
  disk_.SetContent(path, Bytes(whole.begin(), whole.begin() + 20));
  EXPECT_EQ(Read(), "torn 20 of " + path);
  EXPECT_EQ(Open()->torn_bytes(), 20u);
}

TEST_F(TraceWriterTest, DamageElsewhereIsAnError) {
  for (int run = 0; run < 2; ++run) {
    const auto writer = Open();
    writer->Append(Start());
    writer->Append(Numbered(TraceKind::kRandom, 5));
  }
  for (const size_t file : {size_t{0}, size_t{1}}) {
    const std::string path = "trace/" + Files()[file];
    const Bytes sound = disk_.Content(path);
    for (size_t at = 0; at + storage::kLogMarkBytes < sound.size(); at += 3) {
      Bytes damaged = sound;
      damaged[at] ^= 0x40;
      disk_.SetContent(path, damaged);
      EXPECT_THAT(Read(), AllOf(HasSubstr("error: " + path), HasSubstr("offset"))) << at;
      if (file == 1) {
        // It is no torn end, and nothing of it is cut.
        EXPECT_THAT(TraceWriter::Open(disk_, {.folder = "trace"}),
                    StatusIs(kDataLoss, HasSubstr(path)));
        EXPECT_EQ(disk_.Content(path), damaged);
      }
    }
    disk_.SetContent(path, sound);
  }
  // A sound frame with a record that no writer writes.
  const std::string path = "trace/" + storage::LogSegmentName(3, 5);
  Bytes content;
  storage::EncodeLogHeader(3, 5, {}, content);
  const size_t offset = content.size();
  storage::EncodeLogRecord(5, Bytes{99, 0}, content);
  GROAT_ASSERT_OK(disk_.Create(path).status());
  disk_.SetContent(path, content);
  EXPECT_THAT(Read(3), AllOf(HasSubstr(absl::StrCat(path, ": record 5, offset ", offset)),
                             HasSubstr("unknown kind 99")));
  // A file that is missing between two others.
  GROAT_ASSERT_OK(disk_.Remove("trace/" + Files()[1]));
  EXPECT_THAT(Read(), HasSubstr("ends before record 3"));
}

TEST_F(TraceWriterTest, FullBufferMakesAGap) {
  TraceWriterStats stats;
  const Bytes payload(1000, 1);
  {
    disk_.SetShut(true);
    const auto writer = Open({.buffer_bytes = 4096});
    writer->Append(Start());
    disk_.AwaitWaiting();  // It is taken, and being written.
    TraceRecord request = Numbered(TraceKind::kRequest, 0);
    request.payload = payload;
    for (int i = 0; i < 10; ++i) writer->Append(request);  // Three fit; nobody waits.
    EXPECT_EQ(writer->Stats().lost_records, 7u);
    EXPECT_EQ(writer->Stats().gaps, 1u);
    disk_.SetShut(false);
    writer->Flush();
    writer->Append(Numbered(TraceKind::kRandom, 5));
    const Bytes longest(5000, 1);  // Longer than the buffer: lost by itself.
    request.payload = longest;
    writer->Append(request);
    stats = writer->Stats();
  }
  EXPECT_EQ(Read(),
            "1/1:start.1000 2/1:request.0 3/1:request.0 4/1:request.0 5/1:gap.7 6/1:random.5 "
            "7/1:gap.1 ");
  EXPECT_EQ(stats.lost_records, 8u);
  EXPECT_EQ(stats.gaps, 2u);
}

TEST_F(TraceWriterTest, GapStandsAtTheEndToo) {
  {
    disk_.SetShut(true);
    const auto writer = Open({.buffer_bytes = 4096});
    writer->Append(Start());
    disk_.AwaitWaiting();
    for (uint64_t i = 0; i < 500; ++i) writer->Append(Numbered(TraceKind::kRandom, i));
    disk_.SetShut(false);
  }
  EXPECT_THAT(Read(), ::testing::EndsWith("187/1:random.185 188/1:gap.314 "));
}

TEST_F(TraceWriterTest, FailingDiskEndsTheTraceAlone) {
  const auto writer = Open();
  writer->Append(Start());
  writer->Flush();
  GROAT_EXPECT_OK(writer->status());
  disk_.FailWrite(1);
  writer->Append(Numbered(TraceKind::kRandom, 5));
  writer->Flush();
  EXPECT_FALSE(writer->status().ok());
  writer->Append(Numbered(TraceKind::kRandom, 6));
  writer->Flush();
  EXPECT_EQ(writer->Stats().records, 1u);
  EXPECT_EQ(writer->Stats().lost_records, 2u);
  EXPECT_EQ(writer->Stats().gaps, 1u);
}

// A record is in the file when Append returns, also where every file is new.
TEST_F(TraceWriterTest, WaitsForTheWriteWhereAsked) {
  const auto writer = Open({.wait_for_write = true});
  std::string want;
  for (uint64_t i = 1; i <= 100; ++i) {
    writer->Append(Numbered(TraceKind::kRandom, i));
    absl::StrAppend(&want, i, "/1:random.", i, " ");
    EXPECT_EQ(Read(), want);
  }
}

// Whatever a machine that stops leaves of what was not synced, what remains is a beginning.
TEST(TraceCrashTest, AfterAnyCrashABeginningIsLeft) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    MemoryFileSystem disk(seed);
    const Bytes payload(2000, 7);
    const auto unsynced =
        seed % 2 == 0 ? MemoryFileSystem::Unsynced::kTear : MemoryFileSystem::Unsynced::kDrop;
    {
      auto writer = TraceWriter::Open(disk, {.folder = "trace", .file_bytes = 20'000});
      GROAT_ASSERT_OK(writer);
      for (uint64_t i = 0; i < 20 + seed; ++i) {
        TraceRecord request = Numbered(TraceKind::kRequest, i);
        request.payload = payload;
        (*writer)->Append(request);
      }
      (*writer)->Flush();
      disk.Crash(unsynced);
    }
    const auto again = TraceWriter::Open(disk, {.folder = "trace"});
    GROAT_ASSERT_OK(again);
    (*again)->Append(Start());
    (*again)->Flush();
    GROAT_ASSERT_OK_AND_ASSIGN(TraceReader reader, TraceReader::Open(disk, "trace"));
    TraceRecord record;
    uint64_t value = 0;
    while (true) {
      GROAT_ASSERT_OK_AND_ASSIGN(const bool read, reader.Next(record));
      ASSERT_TRUE(read);
      if (record.kind == TraceKind::kStart) break;
      EXPECT_EQ(record.number, value++);
    }
    EXPECT_FALSE(*reader.Next(record));
  }
}

TEST_F(TraceWriterTest, TakesRecordsOfManyThreads) {
  constexpr uint64_t kEach = 2000;
  {
    const auto writer = Open({.file_bytes = 16384, .max_files = 1000});
    std::vector<std::thread> threads;
    for (uint64_t thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&writer, thread] {
        for (uint64_t i = 0; i < kEach; ++i) {
          writer->Append(Numbered(TraceKind::kRandom, thread * kEach + i));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  GROAT_ASSERT_OK_AND_ASSIGN(TraceReader reader, TraceReader::Open(disk_, "trace"));
  std::vector<uint64_t> next(4, 0);
  TraceRecord record;
  while (*reader.Next(record)) EXPECT_EQ(record.number % kEach, next[record.number / kEach]++);
  EXPECT_EQ(next, std::vector<uint64_t>(4, kEach));
}

TEST(TraceFileOptionsTest, NamesWhatIsWrong) {
  MemoryFileSystem disk;
  const struct {
    TraceFileOptions options;
    const char* message;
  } cases[] = {
      {{.folder = ""}, "folder"},
      {{.folder = "t", .file_bytes = 100}, "file_bytes is 100"},
      {{.folder = "t", .max_files = 1}, "max_files is 1, want 2"},
      {{.folder = "t", .buffer_bytes = 10}, "buffer_bytes is 10"},
  };
  for (const auto& bad : cases) {
    EXPECT_THAT(TraceWriter::Open(disk, bad.options), StatusIs(kInvalid, HasSubstr(bad.message)));
  }
}

}  // namespace
}  // namespace groat::p2p
