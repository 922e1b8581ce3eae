// Every metric of a ledger node. Thread-safe.
#ifndef GROAT_SERVICES_LEDGER_METRICS_H_
#define GROAT_SERVICES_LEDGER_METRICS_H_

#include "telemetry/metrics.h"

namespace groat::ledger_service {

struct LedgerMetrics {
  explicit LedgerMetrics(telemetry::Metrics& metrics)
      : head_height(metrics.Gauge("groat_ledger_head_height",
                                  "Highest height known to be in the register.")),
        applied_height(metrics.Gauge("groat_ledger_applied_height",
                                     "Height that this node has verified and stored.")),
        verified_height(metrics.Gauge("groat_ledger_verified_height",
                                      "Height up to which this node has verified growth.")),
        signed_height(metrics.Gauge("groat_ledger_signed_height",
                                    "Highest height that this node has signed.")),
        checkpoint_height(
            metrics.Gauge("groat_ledger_checkpoint_height", "Height of the newest checkpoint.")),
        lag_blocks(metrics.Gauge("groat_ledger_lag_blocks",
                                 "Register head less applied height, when last read.")),
        window_blocks(metrics.Gauge("groat_ledger_window_blocks",
                                    "Blocks that the register keeps, as this node last saw.")),
        appended_blocks(metrics.Counter("groat_ledger_appended_blocks_total",
                                        "Blocks that this node has committed.")),
        append_requests(metrics.Counter("groat_ledger_append_requests_total",
                                        "AppendRoot calls taken by this node.")),
        append_refusals(metrics.Counter("groat_ledger_append_refusals_total",
                                        "AppendRoot calls refused by a rule of the chain.")),
        forwarded_appends(metrics.Counter("groat_ledger_forwarded_appends_total",
                                          "AppendRoot calls sent on to the sequencer.")),
        fallback_appends(
            metrics.Counter("groat_ledger_fallback_appends_total",
                            "AppendRoot calls committed here as the sequencer did not answer.")),
        append_seconds(metrics.Histogram("groat_ledger_append_seconds",
                                         "From the call of AppendRoot to its answer.",
                                         telemetry::LatencyBoundsSeconds())),
        commit_seconds(metrics.Histogram("groat_ledger_commit_seconds",
                                         "One transaction on the register.",
                                         telemetry::LatencyBoundsSeconds())),
        batch_blocks(metrics.Histogram("groat_ledger_batch_blocks", "Blocks in one transaction.",
                                       telemetry::ExponentialBounds(1, 2, 11))),
        lost_races(metrics.Counter("groat_ledger_lost_races_total",
                                   "Transactions refused because another node appended first.")),
        unknown_outcomes(metrics.Counter("groat_ledger_unknown_outcomes_total",
                                         "Transactions whose answer was lost.")),
        register_errors(
            metrics.Counter("groat_ledger_register_errors_total", "Failed calls of the register.")),
        sequencer_held(
            metrics.Gauge("groat_ledger_sequencer_held", "1 while this node is the sequencer.")),
        read_fences(metrics.Counter("groat_ledger_read_fences_total",
                                    "Reads of the head for linearizable calls.")),
        busy_feeds(metrics.Counter("groat_ledger_busy_feeds_total",
                                   "Times that changes came so fast that this node read the "
                                   "register now and then instead of watching it.")),
        growth_seconds(metrics.Histogram("groat_ledger_growth_seconds",
                                         "Fetching and verifying one growth proof.",
                                         telemetry::LatencyBoundsSeconds())),
        growth_bytes(
            metrics.Counter("groat_ledger_growth_bytes_total", "Bytes of growth proofs verified.")),
        growth_retries(metrics.Counter("groat_ledger_growth_retries_total",
                                       "Growth proofs that no endpoint could send.")),
        growth_failures(metrics.Counter("groat_ledger_growth_failures_total",
                                        "Growth proofs that are wrong. Any is an alarm.")),
        checkpoints(metrics.Counter("groat_ledger_formed_checkpoints_total",
                                    "Checkpoints that this node has formed or taken over.")),
        checkpoint_seconds(
            metrics.Histogram("groat_ledger_checkpoint_seconds",
                              "From the storing of a block here to a checkpoint of its height.",
                              telemetry::LatencyBoundsSeconds())),
        wrong_shares(metrics.Counter("groat_ledger_wrong_shares_total",
                                     "Signatures of nodes that did not verify or contradict "
                                     "each other or this node's history.")),
        peer_fetches(metrics.Counter("groat_ledger_peer_fetches_total",
                                     "Pages of blocks fetched from peers, being behind the "
                                     "register's window.")),
        forks(metrics.Counter("groat_ledger_seen_forks_total",
                              "Contradictions between histories for which the node stopped.")) {}

  prometheus::Gauge& head_height;
  prometheus::Gauge& applied_height;
  prometheus::Gauge& verified_height;
  prometheus::Gauge& signed_height;
  prometheus::Gauge& checkpoint_height;
  prometheus::Gauge& lag_blocks;
  prometheus::Gauge& window_blocks;
  prometheus::Counter& appended_blocks;
  prometheus::Counter& append_requests;
  prometheus::Counter& append_refusals;
  prometheus::Counter& forwarded_appends;
  prometheus::Counter& fallback_appends;
  prometheus::Histogram& append_seconds;
  prometheus::Histogram& commit_seconds;
  prometheus::Histogram& batch_blocks;
  prometheus::Counter& lost_races;
  prometheus::Counter& unknown_outcomes;
  prometheus::Counter& register_errors;
  prometheus::Gauge& sequencer_held;
  prometheus::Counter& read_fences;
  prometheus::Counter& busy_feeds;
  prometheus::Histogram& growth_seconds;
  prometheus::Counter& growth_bytes;
  prometheus::Counter& growth_retries;
  prometheus::Counter& growth_failures;
  prometheus::Counter& checkpoints;
  prometheus::Histogram& checkpoint_seconds;
  prometheus::Counter& wrong_shares;
  prometheus::Counter& peer_fetches;
  prometheus::Counter& forks;
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_METRICS_H_
