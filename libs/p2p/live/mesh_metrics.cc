#include "p2p/live/mesh_metrics.h"

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <prometheus/metric_type.h>

#include <limits>
#include <utility>

#include "p2p/mesh_stats.h"

namespace groat::p2p {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// One family whose metrics all have the label `network`.
class Family {
 public:
  Family(const std::string& network, std::string name, std::string help, MetricType type)
      : network_(network), family_{std::move(name), std::move(help), type, {}} {}

  Family& Add(uint64_t value, std::vector<ClientMetric::Label> labels = {}) {
    return Add(static_cast<double>(value), std::move(labels));
  }
  Family& Add(double value, std::vector<ClientMetric::Label> labels = {}) {
    ClientMetric metric;
    metric.label = {{"network", network_}};
    metric.label.insert(metric.label.end(), labels.begin(), labels.end());
    if (family_.type == MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
    family_.metric.push_back(std::move(metric));
    return *this;
  }
  MetricFamily Take() { return std::move(family_); }

 private:
  const std::string& network_;
  MetricFamily family_;
};

MetricFamily RoundTrips(const std::string& network, const MeshStats& stats) {
  ClientMetric metric;
  metric.label = {{"network", network}};
  metric.histogram.sample_count = stats.round_trips;
  metric.histogram.sample_sum = static_cast<double>(stats.round_trip_us_sum) / 1e6;
  uint64_t below = 0;
  for (size_t i = 0; i < stats.round_trip_buckets.size(); ++i) {
    below += stats.round_trip_buckets[i];
    const double bound = i < kRoundTripBoundsUs.size()
                             ? static_cast<double>(kRoundTripBoundsUs[i]) / 1e6
                             : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({below, bound});
  }
  return {"groat_p2p_round_trip_seconds", "Round trips of pings.", MetricType::Histogram, {metric}};
}

void CollectChannels(const std::string& network, const MeshStats& stats,
                     std::vector<MetricFamily>& out) {
  Family messages(network, "groat_p2p_messages_total", "Messages sent and received.",
                  MetricType::Counter);
  Family bytes(network, "groat_p2p_message_bytes_total", "Payloads, before compression.",
               MetricType::Counter);
  Family drops(network, "groat_p2p_dropped_messages_total", "Messages that went no further.",
               MetricType::Counter);
  Family queues(network, "groat_p2p_queued_messages", "Messages that wait, over all peers.",
                MetricType::Gauge);
  for (const ChannelStats& channel : stats.channels) {
    messages.Add(channel.sent_messages, {{"channel", channel.name}, {"direction", "out"}});
    messages.Add(channel.received_messages, {{"channel", channel.name}, {"direction", "in"}});
    bytes.Add(channel.sent_bytes, {{"channel", channel.name}, {"direction", "out"}});
    bytes.Add(channel.received_bytes, {{"channel", channel.name}, {"direction", "in"}});
    queues.Add(channel.send_queue_messages, {{"channel", channel.name}, {"direction", "out"}});
    queues.Add(channel.receive_queue_messages, {{"channel", channel.name}, {"direction", "in"}});
    for (size_t i = 0; i < kDropCount; ++i) {
      drops.Add(channel.drops[i],
                {{"channel", channel.name}, {"reason", DropName(static_cast<Drop>(i))}});
    }
  }
  out.push_back(messages.Take());
  out.push_back(bytes.Take());
  out.push_back(drops.Take());
  out.push_back(queues.Take());
}

void CollectLinks(const std::string& network, const MeshStats& stats,
                  std::vector<MetricFamily>& out) {
  const auto gauge = [&](const char* name, const char* help, uint64_t value) {
    out.push_back(Family(network, name, help, MetricType::Gauge).Add(value).Take());
  };
  const auto counter = [&](const char* name, const char* help, uint64_t value) {
    out.push_back(Family(network, name, help, MetricType::Counter).Add(value).Take());
  };
  gauge("groat_p2p_connected_peers", "Peers with a link that is up.", stats.connected_peers);
  gauge("groat_p2p_wanted_peers", "Authorized peers of the layout.", stats.wanted_peers);
  gauge("groat_p2p_known_records", "Peers whose address is known.", stats.known_records);
  gauge("groat_p2p_blocked_peers", "Peers blocked for a proven offence.", stats.blocked_peers);
  gauge("groat_p2p_paused_links", "Links not read from, as a receiver is full.",
        stats.paused_links);
  counter("groat_p2p_dials_total", "Dials begun.", stats.dials);
  counter("groat_p2p_connections_total", "Connections that exchanged hellos.",
          stats.connections_made);
  counter("groat_p2p_unknown_channel_messages_total", "Messages on channels nobody registered.",
          stats.unknown_channel_messages);
  Family closures(network, "groat_p2p_closed_connections_total",
                  "Connections that were not taken up, or were closed.", MetricType::Counter);
  for (size_t peer_class = 0; peer_class < kPeerClassCount; ++peer_class) {
    for (size_t i = 0; i < kClosureCount; ++i) {
      closures.Add(stats.closures[peer_class][i],
                   {{"peer_class", PeerClassName(static_cast<PeerClass>(peer_class))},
                    {"reason", ClosureName(static_cast<Closure>(i))}});
    }
  }
  out.push_back(closures.Take());
  out.push_back(
      Family(network, "groat_p2p_records_total", "Address records from peers.", MetricType::Counter)
          .Add(stats.records_accepted, {{"verdict", "accepted"}})
          .Add(stats.records_refused, {{"verdict", "refused"}})
          .Take());
  out.push_back(
      Family(network, "groat_p2p_frames_total", "Frames on connections.", MetricType::Counter)
          .Add(stats.frames_sent, {{"direction", "out"}})
          .Add(stats.frames_received, {{"direction", "in"}})
          .Take());
  out.push_back(Family(network, "groat_p2p_frame_bytes_total", "Bytes of frames, before TLS.",
                       MetricType::Counter)
                    .Add(stats.frame_bytes_sent, {{"direction", "out"}})
                    .Add(stats.frame_bytes_received, {{"direction", "in"}})
                    .Take());
}

}  // namespace

MeshMetrics::MeshMetrics(std::string name, const LiveNetwork& network)
    : name_(std::move(name)), network_(&network) {}

void MeshMetrics::Detach() {
  MutexLock lock(mutex_);
  network_ = nullptr;
}

std::vector<MetricFamily> MeshMetrics::Collect() const {
  std::vector<MetricFamily> out;
  MutexLock lock(mutex_);
  if (network_ == nullptr) return out;
  const MeshStats stats = network_->Stats();
  CollectChannels(name_, stats, out);
  CollectLinks(name_, stats, out);
  out.push_back(RoundTrips(name_, stats));
  Family turned_away(name_, "groat_p2p_turned_away_connections_total",
                     "Connections that ended before anybody's key was known, by reason.",
                     MetricType::Counter);
  turned_away.Add(network_->cut_off_connections(), {{"reason", "no_proof_in_time"}});
  turned_away.Add(network_->refused_connections(), {{"reason", "too_many_a_second"}});
  out.push_back(turned_away.Take());
  const ThreadedExecutor& executor = network_->executor();
  out.push_back(
      Family(name_, "groat_p2p_executor_threads", "Threads of the network.", MetricType::Gauge)
          .Add(static_cast<uint64_t>(executor.threads()))
          .Take());
  out.push_back(Family(name_, "groat_p2p_executor_waiting_tasks", "Tasks posted and not yet run.",
                       MetricType::Gauge)
                    .Add(static_cast<uint64_t>(executor.waiting_tasks()))
                    .Take());
  out.push_back(Family(name_, "groat_p2p_executor_busy_seconds_total",
                       "Time in which tasks of the network ran.", MetricType::Counter)
                    .Add(static_cast<double>(executor.busy_ns()) / 1e9)
                    .Take());
  return out;
}

}  // namespace groat::p2p
