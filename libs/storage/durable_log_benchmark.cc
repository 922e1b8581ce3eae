// Rate of the durable log on the disk of the system's temporary folder (TMPDIR).
//
//   durable_log_benchmark --benchmark_counters_tabular=true
//
// GroupCommit: one owner appends as fast as it can, a syncer thread makes it durable.
// SyncEach: every record is made durable before the next; the cost of one fdatasync.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>

#include "base/check.h"
#include "storage/durable_log.h"

namespace groat::storage {
namespace {

// A log in a folder of its own, which goes with it.
class TemporaryLog {
 public:
  TemporaryLog()
      : folder_(std::filesystem::temp_directory_path() /
                ("groat_log_benchmark_" + std::to_string(getpid()))) {
    std::filesystem::remove_all(folder_);
    auto log = DurableLog::Open(RealFileSystem(), {.folder = folder_},
                                [](const LogRecord&) { return absl::OkStatus(); });
    GROAT_CHECK_OK(log.status());
    log_ = *std::move(log);
  }
  ~TemporaryLog() { std::filesystem::remove_all(folder_); }
  std::unique_ptr<DurableLog> Take() { return std::move(log_); }

 private:
  const std::filesystem::path folder_;
  std::unique_ptr<DurableLog> log_;
};

void GroupCommit(benchmark::State& state) {
  const Bytes record(static_cast<size_t>(state.range(0)), 7);
  const int64_t appends = state.range(1);
  TemporaryLog temporary;
  std::atomic<uint64_t> commits = 0;
  GroupCommitLog log(temporary.Take(), [&](uint64_t) { ++commits; });
  for (auto _ : state) {
    for (int64_t i = 0; i < appends; ++i) log.Append(record);
    log.Sync();
  }
  state.SetBytesProcessed(state.iterations() * appends * state.range(0));
  state.SetItemsProcessed(state.iterations() * appends);
  state.counters["commits"] =
      benchmark::Counter(static_cast<double>(commits), benchmark::Counter::kIsRate);
}
BENCHMARK(GroupCommit)
    ->ArgNames({"bytes", "appends"})
    ->Args({64, 2'000'000})
    ->Args({64 << 10, 8'000})
    ->MinTime(5)
    ->UseRealTime();

void SyncEach(benchmark::State& state) {
  const Bytes record(static_cast<size_t>(state.range(0)), 7);
  TemporaryLog temporary;
  const std::unique_ptr<DurableLog> log = temporary.Take();
  for (auto _ : state) {
    log->Append(record);
    log->Sync();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(SyncEach)->Arg(64)->Arg(64 << 10)->UseRealTime();

}  // namespace
}  // namespace groat::storage
