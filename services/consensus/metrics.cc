#include "services/consensus/metrics.h"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/mutex.h"

namespace groat::consensus_service {

void Metrics::Counted::Set(uint64_t value) {
  counter->Increment(static_cast<double>(value - seen));
  seen = value;
}

// A gauge for each validator of the current epoch; those that leave are not shown any more.
class Metrics::ReplicaLag final : public prometheus::Collectable {
 public:
  void Set(std::vector<double> views) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    views_ = std::move(views);
  }
  std::vector<prometheus::MetricFamily> Collect() const override ABSL_LOCKS_EXCLUDED(mutex_) {
    prometheus::MetricFamily family;
    family.name = "groat_consensus_replica_lag_views";
    family.help = "Views that a validator was last heard of behind this replica.";
    family.type = prometheus::MetricType::Gauge;
    MutexLock lock(mutex_);
    for (size_t i = 0; i < views_.size(); ++i) {
      prometheus::ClientMetric metric;
      metric.label = {{"replica", std::to_string(i)}};
      metric.gauge.value = views_[i];
      family.metric.push_back(std::move(metric));
    }
    return {std::move(family)};
  }

 private:
  mutable Mutex mutex_;
  std::vector<double> views_ ABSL_GUARDED_BY(mutex_);
};

Metrics::Metrics(telemetry::Metrics& metrics) : lag_(std::make_shared<ReplicaLag>()) {
  metrics.Add(lag_);
  const auto count = [&](Counted& out, const std::string& name, const std::string& help) {
    out.counter = &metrics.Counter("groat_consensus_" + name + "_total", help);
  };
  const auto gauge = [&](const std::string& name, const std::string& help) {
    return &metrics.Gauge("groat_consensus_" + name, help);
  };
  certificate_seconds = &metrics.Histogram("groat_consensus_certificate_seconds",
                                           "Time to verify shares and make a certificate of them.",
                                           telemetry::LatencyBoundsSeconds());
  block_commands =
      &metrics.Histogram("groat_consensus_block_commands", "Commands in a committed block.",
                         telemetry::ExponentialBounds(1, 4, 9));
  waiting_commands = gauge("waiting_commands", "Commands of clients that wait for an answer.");
  subscribers = gauge("open_subscribers", "Subscriptions that are open.");
  refused_commands = &metrics.Counter("groat_consensus_refused_commands_total",
                                      "Commands of clients that were not taken.");
  answered_commands = &metrics.Counter("groat_consensus_answered_commands_total",
                                       "Commands of clients that were told to be committed.");
  view_ = gauge("current_view", "The current view.");
  epoch_gauge_ = gauge("current_epoch", "The current epoch.");
  committed_height_ = gauge("committed_height", "Height of the last committed block.");
  pool_commands_ = gauge("pool_commands", "Commands in the pool.");
  pool_bytes_ = gauge("pool_bytes", "Bytes of the commands in the pool.");
  batch_limit_ = gauge("batch_limit_commands",
                       "Most commands that a block of this replica's has just now: less than the "
                       "genesis' bound after views that failed.");
  tree_blocks_ = gauge("tree_blocks", "Blocks that are not committed, and the last one that is.");
  votes_allowed_ = gauge("voting_replica", "1 if this replica votes, else 0.");
  first_height_ = gauge("first_height", "The lowest height whose block is kept.");
  snapshot_height_ = gauge("snapshot_height", "Height of the newest snapshot that is offered.");
  fetched_snapshot_bytes_ =
      gauge("fetched_snapshot_bytes", "What has come of a snapshot that is being fetched.");
  count(installed_, "installed_snapshots", "Snapshots of others that took the place of blocks.");
  count(views_, "entered_views", "Views entered.");
  count(given_up_, "given_up_views", "Views given up.");
  count(timeout_certificates_, "timeout_certificates", "Timeout certificates made here.");
  count(proposals_, "made_proposals", "Blocks proposed.");
  count(votes_, "sent_votes", "Votes for blocks.");
  count(blocks_, "committed_blocks", "Blocks committed.");
  count(commands_, "committed_commands", "Commands that took effect.");
  count(repeated_, "repeated_commands",
        "Commands in blocks that had no effect, as those that were committed before.");
  count(evidence_, "found_evidence",
        "Proofs that a validator broke the rules, since the data folder began.");
  count(writes_, "disk_writes", "Turns that were written.");
  for (size_t i = 0; i < refused_.size(); ++i) {
    std::string reason(hotstuff::NameOf(static_cast<hotstuff::Refusal>(i)));
    std::replace(reason.begin(), reason.end(), ' ', '_');
    refused_[i].counter =
        &metrics.Counter("groat_consensus_refused_messages_total",
                         "Messages of replicas without effect, by reason.", {{"reason", reason}});
  }
}

void Metrics::Update(const ReplicaDriver& driver, const BlockStore& store) {
  const hotstuff::CoreStatus status = driver.core().status();
  const hotstuff::Counters counters = driver.counters();
  view_->Set(static_cast<double>(status.view.value()));
  epoch_gauge_->Set(static_cast<double>(status.epoch.value()));
  committed_height_->Set(static_cast<double>(status.committed_height.value()));
  pool_commands_->Set(static_cast<double>(status.mempool_count));
  pool_bytes_->Set(static_cast<double>(status.mempool_bytes));
  batch_limit_->Set(static_cast<double>(status.batch_limit));
  tree_blocks_->Set(static_cast<double>(status.tree_blocks));
  votes_allowed_->Set(status.may_vote ? 1 : 0);
  first_height_->Set(static_cast<double>(store.first().value()));
  const std::vector<hotstuff::SnapshotName> snapshots = store.snapshots().Offered();
  snapshot_height_->Set(snapshots.empty() ? 0
                                          : static_cast<double>(snapshots.back().height.value()));
  const auto progress = driver.transfer().progress();
  fetched_snapshot_bytes_->Set(progress.has_value() ? static_cast<double>(progress->bytes) : 0);
  installed_.Set(driver.installed_snapshots());
  views_.Set(counters.views_entered);
  given_up_.Set(counters.views_given_up);
  timeout_certificates_.Set(counters.timeout_certificates);
  proposals_.Set(counters.proposals);
  votes_.Set(counters.votes);
  blocks_.Set(counters.blocks_committed);
  commands_.Set(counters.commands_committed);
  repeated_.Set(counters.commands_repeated);
  evidence_.Set(driver.core().evidence().total());
  writes_.Set(driver.writes());
  for (size_t i = 0; i < refused_.size(); ++i) refused_[i].Set(counters.refused[i]);
  std::vector<double> lag;
  for (size_t i = 0; i < driver.heard().size(); ++i) {
    const uint64_t heard = driver.heard()[i].value();
    const bool ahead = driver.self().value() == i || heard >= status.view.value();
    lag.push_back(ahead ? 0 : static_cast<double>(status.view.value() - heard));
  }
  lag_->Set(std::move(lag));
}

}  // namespace groat::consensus_service
