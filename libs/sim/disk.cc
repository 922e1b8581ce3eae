#include "sim/disk.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace groat::sim {

void Disk::SyncLater(p2p::Executor& executor, storage::AppendFile& file,
                     absl::AnyInvocable<void(absl::Status)> done) {
  GROAT_CHECK(latency_.least <= latency_.most);
  const auto range = static_cast<uint64_t>((latency_.most - latency_.least).count());
  const Duration takes = latency_.least + Duration(static_cast<int64_t>(random_.Below(range + 1)));
  busy_until_ = std::max(busy_until_, scheduler_.Now()) + takes;
  executor.PostAfter(busy_until_ - scheduler_.Now(),
                     [&file, done = std::move(done)]() mutable { done(file.Sync()); });
}

void Disk::Crash(storage::MemoryFileSystem::Unsynced unsynced) {
  busy_until_ = scheduler_.Now();
  files_.Crash(unsynced);
}

}  // namespace groat::sim
