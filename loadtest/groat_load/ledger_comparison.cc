#include "loadtest/groat_load/ledger_comparison.h"

#include <algorithm>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "loadtest/groat_load/bare_etcd.h"
#include "loadtest/groat_load/cpu_time.h"
#include "loadtest/groat_load/ledger_load.h"
#include "loadtest/groat_load/report.h"

namespace groat::load {
namespace {

using std::chrono::milliseconds;
using Work = std::function<absl::StatusOr<LedgerLoadResult>()>;

// Runs pieces of work one after the other and prints a row for each; at last the processor time.
class Comparison {
 public:
  explicit Comparison(const platform::Platform& platform) : platform_(platform) {
    std::cout << "\n| what | rate | p50 ms | p99 ms | max ms |\n|---|---|---|---|---|\n";
  }

  // Roots a second.
  absl::StatusOr<double> Measure(const std::string& name, const Work& work) {
    GROAT_ASSIGN_OR_RETURN(const CpuTimes before, ReadCpuTimes(platform_));
    GROAT_ASSIGN_OR_RETURN(const LedgerLoadResult result, work());
    GROAT_ASSIGN_OR_RETURN(const CpuTimes after, ReadCpuTimes(platform_));
    cpu_.Add(name, before, after, result.appends);
    const double rate = static_cast<double>(result.appends) / result.seconds;
    PrintLatencyRow(name, rate, "roots/s", result.latency);
    std::cout << std::flush;
    return rate;
  }

  absl::Status Turns(const std::string& suffix, int rounds, const Work& bare, const Work& append) {
    std::vector<double> ratios;
    for (int round = 0; round < rounds; ++round) {
      GROAT_ASSIGN_OR_RETURN(const double bare_rate,
                             Measure("bare etcd transaction, 1 block" + suffix, bare));
      GROAT_ASSIGN_OR_RETURN(const double append_rate,
                             Measure("AppendRoot of 1 root" + suffix, append));
      std::cout << absl::StrFormat("| ratio of rates%s, round %d | %.2f | | | |\n", suffix,
                                   round + 1, append_rate / bare_rate);
    }
    return absl::OkStatus();
  }

  void PrintCpu() const { cpu_.Print(); }

 private:
  const platform::Platform& platform_;
  CpuTable cpu_;
};

}  // namespace

absl::Status CompareOneCaller(platform::Platform& platform, milliseconds duration, int rounds) {
  GROAT_ASSIGN_OR_RETURN(const auto ledger, ConnectLedger(platform));
  GROAT_ASSIGN_OR_RETURN(const auto appender, MakeAppender(platform, ledger, record::Shard(0)));
  GROAT_ASSIGN_OR_RETURN(const auto bare, BareEtcd::Connect(platform));
  Comparison comparison(platform);
  GROAT_RETURN_IF_ERROR(comparison.Turns(
      "", rounds, [&] { return bare->Run(duration, 1); },
      [&] { return appender->Run(duration, 1); }));
  GROAT_RETURN_IF_ERROR(
      comparison.Measure("AppendRoot of 64 roots", [&] { return appender->Run(duration, 64); })
          .status());
  comparison.PrintCpu();
  return absl::OkStatus();
}

absl::Status CompareManyCallers(platform::Platform& platform, milliseconds duration, int rounds,
                                const std::vector<size_t>& callers) {
  GROAT_ASSIGN_OR_RETURN(const auto ledger, ConnectLedger(platform));
  std::vector<std::unique_ptr<Appender>> appenders;
  const size_t most = *std::max_element(callers.begin(), callers.end());
  for (size_t i = 0; i < most; ++i) {
    GROAT_ASSIGN_OR_RETURN(auto appender,
                           MakeAppender(platform, ledger, record::Shard(static_cast<uint32_t>(i))));
    appenders.push_back(std::move(appender));
  }
  GROAT_ASSIGN_OR_RETURN(const auto bare, BareEtcd::Connect(platform));
  Comparison comparison(platform);
  for (const size_t count : callers) {
    GROAT_RETURN_IF_ERROR(comparison.Turns(
        absl::StrCat(", ", count, count == 1 ? " caller" : " callers"), rounds,
        [&] { return bare->Run(duration, count); },
        [&] {
          return RunCallers(count, [&](size_t i) { return appenders[i]->Run(duration, 1); });
        }));
  }
  comparison.PrintCpu();
  return absl::OkStatus();
}

}  // namespace groat::load
