#include "services/relay/metrics.h"

namespace groat::relay_service {

Metrics::Metrics(telemetry::Metrics& metrics) {
  const std::string updates = "groat_relay_decided_updates_total";
  const std::string updates_help = "Updates decided, by outcome.";
  updates_ = {&metrics.Counter(updates, updates_help, {{"outcome", "accepted"}}),
              &metrics.Counter(updates, updates_help, {{"outcome", "repeated"}}),
              &metrics.Counter(updates, updates_help, {{"outcome", "double_spend"}})};
  cycle_updates = &metrics.Histogram("groat_relay_cycle_updates", "Updates in a sealed cycle.",
                                     telemetry::ExponentialBounds(1, 4, 11));
  cycles_closed = &metrics.Counter("groat_relay_closed_cycles_total", "Cycles closed.");
  cycle_close_seconds =
      &metrics.Histogram("groat_relay_cycle_close_seconds",
                         "From the end of a cycle's intake until its root is durable.",
                         telemetry::LatencyBoundsSeconds());
  closed_cycle = &metrics.Gauge("groat_relay_closed_cycle", "The last closed cycle.");
  anchored_cycle = &metrics.Gauge("groat_relay_anchored_cycle",
                                  "The last cycle that a ledger checkpoint covers.");
  keys = &metrics.Gauge("groat_relay_set_keys", "Keys set, over all periods.");
  trie_bytes = &metrics.Gauge("groat_relay_trie_bytes", "Memory of the open period's trie.");
  refused_updates = &metrics.Counter("groat_relay_refused_updates_total",
                                     "Updates refused because a bound was reached.");
  proofs = &metrics.Counter("groat_relay_made_proofs_total", "Proofs made, of all kinds.");
  proof_seconds = &metrics.Histogram("groat_relay_proof_seconds", "Time to make one proof.",
                                     telemetry::ExponentialBounds(1e-6, 4, 12));
  appended_roots =
      &metrics.Counter("groat_relay_appended_roots_total", "Cycle roots that the ledger took.");
  append_failures = &metrics.Counter("groat_relay_append_failures_total",
                                     "Calls to the ledger that failed and are tried again.");
  append_seconds = &metrics.Histogram("groat_relay_append_seconds", "Time of one AppendRoot call.",
                                      telemetry::LatencyBoundsSeconds());
  worker_queue = &metrics.Gauge("groat_relay_queued_tasks", "Proofs and answers that wait.");
}

}  // namespace groat::relay_service
