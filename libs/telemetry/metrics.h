// Prometheus metrics of a process, and the HTTP page that shows them.
//
// A service keeps all of its metrics in one struct, made from a Metrics in main:
//
//   prometheus::Counter& updates =
//       metrics.Counter("groat_relay_accepted_updates_total", "Updates acknowledged as durable.");
//
// Thread-safe. What is returned lives as long as the Metrics, and is safe to use from any thread.
#ifndef GROAT_TELEMETRY_METRICS_H_
#define GROAT_TELEMETRY_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace prometheus {
class Exposer;
}  // namespace prometheus

namespace groat::telemetry {

// From small closed sets only: each combination is a time series of its own.
using MetricLabels = std::map<std::string, std::string>;

enum class MetricKind { kCounter, kGauge, kHistogram };

// The naming rule `groat_<service>_<thing>_<unit>[_total]`: lower-case words of letters and digits,
// `_total` at the end of counters and only there, base units (seconds, bytes, ratio) and a plain
// noun for things that are counted. InvalidArgument says what is wrong.
absl::Status CheckMetricName(std::string_view service, std::string_view name, MetricKind kind);

class Metrics {
 public:
  // Process metrics are part of it: process_resident_memory_bytes, process_cpu_seconds_total,
  // process_open_fds, process_start_time_seconds, read when the page is asked for.
  explicit Metrics(std::string service);

  // Stops the process on a name that breaks the rule: a fault of the program. The same name and
  // labels again give the same metric.
  prometheus::Counter& Counter(const std::string& name, const std::string& help,
                               const MetricLabels& labels = {});
  prometheus::Gauge& Gauge(const std::string& name, const std::string& help,
                           const MetricLabels& labels = {});
  // `bounds`: the rising upper ends of the buckets; one more is added for all above.
  prometheus::Histogram& Histogram(const std::string& name, const std::string& help,
                                   const std::vector<double>& bounds,
                                   const MetricLabels& labels = {});

  // Shown on the page beside the registry, as long as it lives. Before MetricsServer::Start.
  void Add(std::shared_ptr<prometheus::Collectable> collectable) {
    collectables_.push_back(std::move(collectable));
  }

  const std::shared_ptr<prometheus::Registry>& registry() const { return registry_; }

 private:
  friend class MetricsServer;
  void CheckName(const std::string& name, MetricKind kind) const;

  const std::string service_;
  const std::shared_ptr<prometheus::Registry> registry_;
  const std::shared_ptr<prometheus::Collectable> process_;
  std::vector<std::shared_ptr<prometheus::Collectable>> collectables_;
};

// Bounds for latencies in seconds: 100 microseconds to 10 seconds in steps of 1, 2.5 and 5.
const std::vector<double>& LatencyBoundsSeconds();
// `count` bounds, the first `start`, each `factor` times the one before.
std::vector<double> ExponentialBounds(double start, double factor, size_t count);

// Serves /metrics over HTTP until destruction.
class MetricsServer {
 public:
  // `address` is "host:port" with a numeric host, e.g. "127.0.0.1:9101", "0.0.0.0:0" or
  // "[::1]:9101"; port 0 takes a free one. `metrics` must outlive the server.
  // InvalidArgument for an address of another form, Unavailable if it cannot be bound.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(const std::string& address,
                                                              const Metrics& metrics);
  ~MetricsServer();

  int port() const { return port_; }

 private:
  MetricsServer(std::unique_ptr<prometheus::Exposer> exposer, std::string host);
  // Connects to itself and hangs up.
  void Knock() const;

  std::unique_ptr<prometheus::Exposer> exposer_;
  const std::string host_;  // Numeric, without brackets.
  const int port_;
};

}  // namespace groat::telemetry

#endif  // GROAT_TELEMETRY_METRICS_H_
