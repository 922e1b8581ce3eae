#include "telemetry/process_metrics.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace groat::telemetry {
namespace {

std::string ReadAll(const char* path) {
  std::ifstream file(path);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

// Seconds since 1970 at which the machine started; 0 if unknown.
double BootTimeSeconds() {
  for (absl::string_view line : absl::StrSplit(ReadAll("/proc/stat"), '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    double seconds = 0;
    if (words.size() == 2 && words[0] == "btime" && absl::SimpleAtod(words[1], &seconds)) {
      return seconds;
    }
  }
  return 0;
}

std::optional<double> OpenFileCount() {
  std::error_code error;
  double count = 0;
  auto entry = std::filesystem::directory_iterator("/proc/self/fd", error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) ++count;
  if (error) return std::nullopt;
  return count - 1;  // Without the one that lists them.
}

prometheus::MetricFamily Family(const char* name, const char* help, prometheus::MetricType type,
                                double value) {
  prometheus::ClientMetric metric;
  if (type == prometheus::MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  return {name, help, type, {metric}};
}

}  // namespace

std::optional<ProcessStatistics> ParseProcessStat(std::string_view stat, double ticks_per_second,
                                                  double page_bytes) {
  // The second field is the program's name in parentheses, which may hold anything.
  const size_t end = stat.rfind(')');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view rest = stat.substr(end + 1);
  const std::vector<absl::string_view> words =
      absl::StrSplit(absl::string_view(rest.data(), rest.size()), ' ', absl::SkipEmpty());
  // words[0] is field 3 of proc(5).
  constexpr size_t kUserTime = 14 - 3, kSystemTime = 15 - 3, kStart = 22 - 3, kResident = 24 - 3;
  double user = 0, system = 0, start = 0, resident = 0;
  if (words.size() <= kResident || !absl::SimpleAtod(words[kUserTime], &user) ||
      !absl::SimpleAtod(words[kSystemTime], &system) || !absl::SimpleAtod(words[kStart], &start) ||
      !absl::SimpleAtod(words[kResident], &resident)) {
    return std::nullopt;
  }
  return ProcessStatistics{.resident_memory_bytes = resident * page_bytes,
                           .cpu_seconds = (user + system) / ticks_per_second,
                           .start_after_boot_seconds = start / ticks_per_second};
}

std::vector<prometheus::MetricFamily> ProcessMetrics::Collect() const {
  using prometheus::MetricType;
  std::vector<prometheus::MetricFamily> families;
  const std::optional<ProcessStatistics> statistics =
      ParseProcessStat(ReadAll("/proc/self/stat"), static_cast<double>(sysconf(_SC_CLK_TCK)),
                       static_cast<double>(sysconf(_SC_PAGESIZE)));
  if (statistics.has_value()) {
    families.push_back(Family("process_resident_memory_bytes", "Resident memory.",
                              MetricType::Gauge, statistics->resident_memory_bytes));
    families.push_back(Family("process_cpu_seconds_total", "User and system CPU time.",
                              MetricType::Counter, statistics->cpu_seconds));
    families.push_back(Family("process_start_time_seconds", "Start, in seconds since 1970.",
                              MetricType::Gauge,
                              BootTimeSeconds() + statistics->start_after_boot_seconds));
  }
  if (const std::optional<double> count = OpenFileCount()) {
    families.push_back(
        Family("process_open_fds", "Open file descriptors.", MetricType::Gauge, *count));
  }
  return families;
}

}  // namespace groat::telemetry
