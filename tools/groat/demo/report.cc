#include "tools/groat/demo/report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/groat/terminal/table.h"

namespace groat::demo {
namespace {

using Json = nlohmann::ordered_json;
using terminal::Grouped;

std::string LatencyText(const telemetry::LatencyHistogram& histogram) {
  if (histogram.count() == 0) return "none measured";
  const auto at = [&histogram](double quantile) {
    return terminal::Duration(
        std::chrono::nanoseconds(static_cast<int64_t>(histogram.Quantile(quantile))));
  };
  return absl::StrCat(
      "p50 ", at(0.5), ", p99 ", at(0.99), ", max ",
      terminal::Duration(std::chrono::nanoseconds(static_cast<int64_t>(histogram.max()))), " (",
      Grouped(histogram.count()), " payments)");
}

Json LatencyJson(const telemetry::LatencyHistogram& histogram) {
  return {{"count", histogram.count()},
          {"p50_ns", histogram.Quantile(0.5)},
          {"p99_ns", histogram.Quantile(0.99)},
          {"max_ns", histogram.max()}};
}

std::string KillText(const KillReport& kill) {
  if (!kill.killed) return "none";
  std::string text = absl::StrCat(kill.name, kill.was_sequencer ? " (the sequencer)" : "",
                                  " with -9 after cycle ", kill.at_cycle);
  absl::StrAppend(&text, kill.served_after.count() < 0
                             ? std::string(", did not serve again")
                             : absl::StrCat(", restarted, served again after ",
                                            terminal::Duration(kill.served_after)));
  absl::StrAppend(&text, kill.caught_up ? ", caught up" : ", did not catch up");
  return text;
}

double Rate(const DemoReport& report) {
  return report.seconds > 0 ? static_cast<double>(report.payments.payments) / report.seconds : 0;
}

std::string Of(uint64_t part, uint64_t whole) {
  return absl::StrCat(Grouped(part), " of ", Grouped(whole));
}

}  // namespace

void RecordLatencies(const std::vector<PaymentResult>& results, DemoReport& report) {
  for (const PaymentResult& result : results) {
    if (result.outcome != Outcome::kTaken) continue;
    const auto latency = static_cast<uint64_t>(std::max<int64_t>(0, result.latency_ns));
    switch (result.wait) {
      case Wait::kAccepted:
        report.accepted.Record(latency);
        break;
      case Wait::kIncluded:
        report.included.Record(latency);
        break;
      case Wait::kAnchored:
        report.anchored.Record(latency);
        break;
    }
    if (result.wait == Wait::kAccepted) continue;
    ++report.answer_proofs;
    if (result.proof_verified) ++report.answer_proofs_verified;
  }
}

uint64_t PeakPerSecond(const std::vector<int64_t>& arrivals_ns) {
  constexpr int64_t kSecondNs = 1'000'000'000;
  size_t first = 0;
  size_t peak = 0;
  for (size_t last = 0; last < arrivals_ns.size(); ++last) {
    while (arrivals_ns[last] - arrivals_ns[first] >= kSecondNs) ++first;
    peak = std::max(peak, last - first + 1);
  }
  return peak;
}

std::string FormatReport(const DemoReport& report) {
  terminal::Table table({{}, {}});
  table.AddRow({"payments", absl::StrCat(Grouped(report.payments.payments), ", ",
                                         Grouped(report.payments.taken), " taken")});
  table.AddRow({"double spends",
                absl::StrCat(Grouped(report.payments.double_spends_attempted), " attempted, ",
                             Grouped(report.payments.double_spends_caught), " caught")});
  table.AddRow({"rate", absl::StrFormat("%s/s over %.1f s, %s/s in the busiest second",
                                        Grouped(static_cast<uint64_t>(Rate(report))),
                                        report.seconds, Grouped(report.peak_payments_per_s))});
  table.AddRow({"cycles", absl::StrCat(Grouped(report.cycles), " of ", report.cycle_time_ms,
                                       " ms in ", report.periods, " periods")});
  table.AddRow({"blocks", absl::StrCat(Grouped(report.blocks), ", the same on ",
                                       report.ledger_nodes, " ledger nodes")});
  table.AddRow({"latency to accepted", LatencyText(report.accepted)});
  table.AddRow({"latency to included", LatencyText(report.included)});
  table.AddRow({"latency to anchored", LatencyText(report.anchored)});
  table.AddRow(
      {"proofs in answers",
       absl::StrCat(Of(report.answer_proofs_verified, report.answer_proofs), " verified")});
  table.AddRow({"proof bundles", absl::StrCat(Of(report.bundles_verified, report.bundles_fetched),
                                              " verified offline, ", report.bundles_around_kill,
                                              " of them around the kill")});
  table.AddRow({"payments found again", Of(report.payments_found, report.payments.taken)});
  table.AddRow({"killed", KillText(report.kill)});
  if (report.reconnects > 0) table.AddRow({"reconnects", Grouped(report.reconnects)});
  std::string text = table.Format();
  if (report.ok()) return text + "\nEverything held.\n";
  absl::StrAppend(&text, "\nFAILED:\n");
  for (const std::string& fault : report.faults) absl::StrAppend(&text, "  ", fault, "\n");
  return text;
}

Json ReportJson(const DemoReport& report) {
  const PaymentCounts& payments = report.payments;
  Json value = {{"ok", report.ok()},
                {"payments", payments.payments},
                {"taken", payments.taken},
                {"double_spends_attempted", payments.double_spends_attempted},
                {"double_spends_caught", payments.double_spends_caught},
                {"unanswered", payments.unanswered},
                {"failed", payments.failed},
                {"seconds", report.seconds},
                {"payments_per_s", Rate(report)},
                {"peak_payments_per_s", report.peak_payments_per_s},
                {"cycle_time_ms", report.cycle_time_ms},
                {"cycles", report.cycles},
                {"periods", report.periods},
                {"blocks", report.blocks},
                {"ledger_nodes", report.ledger_nodes}};
  value["latency_accepted"] = LatencyJson(report.accepted);
  value["latency_included"] = LatencyJson(report.included);
  value["latency_anchored"] = LatencyJson(report.anchored);
  value["answer_proofs"] = report.answer_proofs;
  value["answer_proofs_verified"] = report.answer_proofs_verified;
  value["payments_found"] = report.payments_found;
  value["bundles_fetched"] = report.bundles_fetched;
  value["bundles_verified"] = report.bundles_verified;
  value["bundles_around_kill"] = report.bundles_around_kill;
  value["reconnects"] = report.reconnects;
  value["kill"] = {{"killed", report.kill.killed},
                   {"name", report.kill.name},
                   {"was_sequencer", report.kill.was_sequencer},
                   {"at_cycle", report.kill.at_cycle},
                   {"served_after_ms", report.kill.served_after.count()},
                   {"caught_up", report.kill.caught_up}};
  value["faults"] = report.faults;
  return value;
}

}  // namespace groat::demo
