#include "sim/disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/status_matchers.h"
#include "sim/node_executor.h"

namespace groat::sim {
namespace {

using ::groat::testing::StatusIs;
using std::chrono::milliseconds;
using storage::MemoryFileSystem;
using ::testing::HasSubstr;

class DiskTest : public ::testing::Test {
 protected:
  DiskTest() : executor_(std::make_unique<NodeExecutor>(scheduler_, 1)), disk_(scheduler_, 1) {
    GROAT_EXPECT_OK(disk_.files().CreateFolder("/data"));
    file_ = *disk_.files().Create("/data/log");
    GROAT_EXPECT_OK(disk_.files().SyncFolder("/data"));
    disk_.SetLatency({.least = milliseconds(2), .most = milliseconds(4)});
  }
  std::string Content() { return ToString(disk_.files().Content("/data/log")); }

  Scheduler scheduler_;
  std::unique_ptr<NodeExecutor> executor_;
  Disk disk_;
  std::unique_ptr<storage::AppendFile> file_;
};

TEST_F(DiskTest, SyncsTakeTheirTimeOneAfterAnother) {
  std::vector<Instant> times;
  for (int i = 0; i < 50; ++i) {
    disk_.SyncLater(*executor_, *file_, [&](absl::Status status) {
      GROAT_EXPECT_OK(status);
      EXPECT_TRUE(executor_->IsCurrent());
      times.push_back(scheduler_.Now());
    });
  }
  EXPECT_TRUE(times.empty());
  scheduler_.RunFor(milliseconds(200));
  ASSERT_EQ(times.size(), 50);
  Instant before;
  std::set<Duration> different;
  for (const Instant time : times) {
    EXPECT_GE(time - before, milliseconds(2));
    EXPECT_LE(time - before, milliseconds(4));
    different.insert(time - before);
    before = time;
  }
  EXPECT_GT(different.size(), 40);
}

TEST_F(DiskTest, WhatWasNotSyncedIsLostWithThePower) {
  GROAT_EXPECT_OK(file_->Append(AsBytes("one ")));
  bool synced = false;
  disk_.SyncLater(*executor_, *file_, [&](absl::Status) { synced = true; });
  scheduler_.RunFor(milliseconds(5));
  EXPECT_TRUE(synced);
  GROAT_EXPECT_OK(file_->Append(AsBytes("two ")));
  disk_.SyncLater(*executor_, *file_, [&](absl::Status) { FAIL() << "the process has ended"; });
  scheduler_.RunFor(milliseconds(1));
  executor_.reset();
  disk_.Crash(MemoryFileSystem::Unsynced::kDrop);
  scheduler_.RunFor(milliseconds(5));
  EXPECT_EQ(Content(), "one ");
  // The next process finds it, and a disk that is not busy.
  executor_ = std::make_unique<NodeExecutor>(scheduler_, 2);
  file_ = *disk_.files().OpenForAppend("/data/log");
  GROAT_EXPECT_OK(file_->Append(AsBytes("three")));
  std::optional<Instant> done;
  const Instant began = scheduler_.Now();
  disk_.SyncLater(*executor_, *file_, [&](absl::Status) { done = scheduler_.Now(); });
  scheduler_.RunFor(milliseconds(10));
  ASSERT_TRUE(done.has_value());
  EXPECT_LE(*done - began, milliseconds(4));
  disk_.Crash(MemoryFileSystem::Unsynced::kDrop);
  EXPECT_EQ(Content(), "one three");
}

TEST_F(DiskTest, FailedSyncsAreTold) {
  disk_.files().FailSync(1);
  std::optional<absl::Status> told;
  disk_.SyncLater(*executor_, *file_, [&](absl::Status status) { told = status; });
  scheduler_.RunFor(milliseconds(5));
  ASSERT_TRUE(told.has_value());
  EXPECT_THAT(*told, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("/data/log")));
}

TEST_F(DiskTest, AFullDiskTakesNoMoreUntilSomethingGoes) {
  disk_.files().SetCapacity(10);
  GROAT_EXPECT_OK(file_->Append(AsBytes("12345678")));
  EXPECT_THAT(file_->Append(AsBytes("9abc")),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("no space left")));
  EXPECT_EQ(Content(), "123456789a") << "what fits is written";
  GROAT_EXPECT_OK(disk_.files().Truncate("/data/log", 2));
  GROAT_EXPECT_OK(file_->Append(AsBytes("9abc")));
  EXPECT_EQ(Content(), "129abc");
  disk_.files().SetCapacity(std::nullopt);
  GROAT_EXPECT_OK(file_->Append(Bytes(100, 'x')));
}

TEST_F(DiskTest, TornWritesDependOnTheSeed) {
  const auto torn = [](uint64_t seed) {
    Scheduler scheduler;
    Disk disk(scheduler, seed);
    GROAT_EXPECT_OK(disk.files().CreateFolder("/data"));
    const auto file = *disk.files().Create("/data/log");
    GROAT_EXPECT_OK(disk.files().SyncFolder("/data"));
    GROAT_EXPECT_OK(file->Append(Bytes(100'000, 1)));
    disk.Crash(MemoryFileSystem::Unsynced::kTear);
    return disk.files().Content("/data/log");
  };
  EXPECT_EQ(torn(1), torn(1));
  EXPECT_NE(torn(1), torn(2));
}

}  // namespace
}  // namespace groat::sim
