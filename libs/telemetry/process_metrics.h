// What the operating system knows of this process, under Prometheus' customary names.
//
// Thread-safe; reads /proc/self when asked.
#ifndef GROAT_TELEMETRY_PROCESS_METRICS_H_
#define GROAT_TELEMETRY_PROCESS_METRICS_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <optional>
#include <string_view>
#include <vector>

namespace groat::telemetry {

struct ProcessStatistics {
  double resident_memory_bytes = 0;
  double cpu_seconds = 0;  // User and system, all threads.
  double start_after_boot_seconds = 0;
};

// Parses /proc/<pid>/stat; nothing if it has another form. Times there are in clock ticks, memory
// in pages.
std::optional<ProcessStatistics> ParseProcessStat(std::string_view stat, double ticks_per_second,
                                                  double page_bytes);

class ProcessMetrics : public prometheus::Collectable {
 public:
  // Leaves out what cannot be read.
  std::vector<prometheus::MetricFamily> Collect() const override;
};

}  // namespace groat::telemetry

#endif  // GROAT_TELEMETRY_PROCESS_METRICS_H_
