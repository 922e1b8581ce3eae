// The disk of one simulated machine: it outlives its processes, loses or tears what was not synced
// when the power goes, fills up, fails, and takes its time.
//
// The files are storage/memory_file_system.h's; this adds time. What a driver waits for on a thread
// of its own in production, it waits for here by SyncLater. Single-threaded but for the files;
// deterministic for its seed and the order of calls.
#ifndef GROAT_SIM_DISK_H_
#define GROAT_SIM_DISK_H_

#include <cstdint>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "p2p/executor.h"
#include "sim/scheduler.h"
#include "sim/split_mix.h"
#include "storage/memory_file_system.h"

namespace groat::sim {

// A sync takes a time drawn evenly from this range, and waits for those before it.
struct DiskLatency {
  Duration least = std::chrono::microseconds(100);
  Duration most = std::chrono::microseconds(300);
};

class Disk {
 public:
  Disk(const Scheduler& scheduler, uint64_t seed)
      : scheduler_(scheduler), random_(seed), files_(random_.Next()) {}
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  // For processes on this machine, and for tests that damage it.
  storage::MemoryFileSystem& files() { return files_; }

  void SetLatency(DiskLatency latency) { latency_ = latency; }

  // Syncs `file` once the disk has come to it; `done` is then called, as a task of the executor.
  // If the process ends first, nothing was synced. `file` lives until then.
  void SyncLater(p2p::Executor& executor, storage::AppendFile& file,
                 absl::AnyInvocable<void(absl::Status)> done);

  // The machine loses power. What was written to files that were open then, and is not written yet,
  // never is.
  void Crash(storage::MemoryFileSystem::Unsynced unsynced);

 private:
  const Scheduler& scheduler_;
  SplitMix64 random_;
  storage::MemoryFileSystem files_;
  DiskLatency latency_;
  Instant busy_until_;
};

}  // namespace groat::sim

#endif  // GROAT_SIM_DISK_H_
