// A network's counters for Prometheus, read from it whenever the page is asked for.
//
// Thread-safe. Every label is from a closed set: the network's name and the channels' names are
// the program's, the rest are enumerations.
#ifndef GROAT_P2P_LIVE_MESH_METRICS_H_
#define GROAT_P2P_LIVE_MESH_METRICS_H_

#include <prometheus/collectable.h>

#include <string>
#include <vector>

#include "base/mutex.h"
#include "p2p/live/live_network.h"

namespace groat::p2p {

class MeshMetrics final : public prometheus::Collectable {
 public:
  // `name` is the label `network`. Give it to telemetry::Metrics::Add.
  MeshMetrics(std::string name, const LiveNetwork& network);
  // The network is about to go: from now on there is nothing to tell.
  void Detach() ABSL_LOCKS_EXCLUDED(mutex_);

  std::vector<prometheus::MetricFamily> Collect() const override ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const std::string name_;
  mutable Mutex mutex_;
  const LiveNetwork* network_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_LIVE_MESH_METRICS_H_
