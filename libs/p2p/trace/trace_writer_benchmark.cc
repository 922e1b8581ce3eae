// What recording costs the thread that records: one record a message, the disk being whatever holds
// the folder for temporary files.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/check.h"
#include "p2p/trace/trace_writer.h"

namespace groat::p2p {
namespace {

void BM_Append(benchmark::State& state) {
  std::string folder = std::filesystem::temp_directory_path() / "groat_traceXXXXXX";
  GROAT_CHECK(mkdtemp(folder.data()) != nullptr);
  TraceWriterStats stats;
  {
    const auto writer =
        TraceWriter::Open(storage::RealFileSystem(), {.folder = folder, .max_files = 4});
    GROAT_CHECK_OK(writer.status());
    const Bytes payload(static_cast<size_t>(state.range(0)), 0x5a);
    TraceRecord record;
    record.kind = TraceKind::kPoll;
    record.has_message = true;
    record.payload = payload;
    for (auto _ : state) (*writer)->Append(record);
    stats = (*writer)->Stats();
  }
  std::filesystem::remove_all(folder);
  state.SetItemsProcessed(state.iterations());
  state.counters["lost"] = static_cast<double>(stats.lost_records) /
                           static_cast<double>(stats.lost_records + stats.records);
}
BENCHMARK(BM_Append)->Arg(0)->Arg(500)->Arg(65536)->UseRealTime();

}  // namespace
}  // namespace groat::p2p
