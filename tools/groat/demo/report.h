// What a demo run came to, for people and for programs.
//
// Pure values.
#ifndef GROAT_TOOLS_GROAT_DEMO_REPORT_H_
#define GROAT_TOOLS_GROAT_DEMO_REPORT_H_

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "telemetry/latency_histogram.h"
#include "tools/groat/demo/payment_log.h"

namespace groat::demo {

// The ledger node that was killed half way.
struct KillReport {
  bool killed = false;
  std::string name;
  bool was_sequencer = false;
  uint64_t at_cycle = 0;                       // The relay's last closed cycle at that time.
  std::chrono::milliseconds served_after{-1};  // From the kill until it served again.
  bool caught_up = false;                      // Had every block in the end.
};

struct DemoReport {
  PaymentCounts payments;
  double seconds = 0;                // From the first to the last intended arrival.
  uint64_t peak_payments_per_s = 0;  // Of the intended arrivals.
  uint64_t cycles = 0;
  uint64_t periods = 0;
  uint64_t blocks = 0;
  uint64_t ledger_nodes = 0;
  uint64_t cycle_time_ms = 0;
  // Nanoseconds from the intended arrival, of payments that were taken.
  telemetry::LatencyHistogram accepted;
  telemetry::LatencyHistogram included;
  telemetry::LatencyHistogram anchored;
  uint64_t answer_proofs = 0;  // Proofs in the answers of those that waited; verified.
  uint64_t answer_proofs_verified = 0;
  uint64_t payments_found = 0;  // Of those taken, found in the trie with their value.
  uint64_t bundles_fetched = 0;
  uint64_t bundles_verified = 0;
  uint64_t bundles_around_kill = 0;
  uint32_t reconnects = 0;
  KillReport kill;
  std::vector<std::string> faults;  // Empty: everything held.

  bool ok() const { return faults.empty(); }
};

// Fills in the latencies by what each payment's call waited for.
void RecordLatencies(const std::vector<PaymentResult>& results, DemoReport& report);

// The most payments that fall into one second.
uint64_t PeakPerSecond(const std::vector<int64_t>& arrivals_ns);

std::string FormatReport(const DemoReport& report);
nlohmann::ordered_json ReportJson(const DemoReport& report);

}  // namespace groat::demo

#endif  // GROAT_TOOLS_GROAT_DEMO_REPORT_H_
