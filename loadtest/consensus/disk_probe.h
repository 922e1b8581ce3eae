// How long a folder's disk takes to make a small write durable: it decides the latency of a
// consensus that forgets nothing.
#ifndef GROAT_LOADTEST_CONSENSUS_DISK_PROBE_H_
#define GROAT_LOADTEST_CONSENSUS_DISK_PROBE_H_

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"
#include "telemetry/latency_histogram.h"

namespace groat::load {

struct DiskProbe {
  bool in_memory = false;            // tmpfs: nothing is durable there.
  telemetry::LatencyHistogram sync;  // Nanoseconds of 4 KiB appended and fdatasync.

  // "fdatasync of 4 KiB appended in /tmp: p50 3.20 ms, p99 5.11 ms".
  std::string Text(const std::filesystem::path& folder) const;
};

// Up to 500 writes, one after another, for up to a second; the file is gone afterwards. Errors name
// the folder.
absl::StatusOr<DiskProbe> ProbeDisk(const std::filesystem::path& folder);

}  // namespace groat::load

#endif  // GROAT_LOADTEST_CONSENSUS_DISK_PROBE_H_
