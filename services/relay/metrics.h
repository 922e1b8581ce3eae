// Every metric of the relay beside those of gRPC and of the process.
//
// Thread-safe.
#ifndef GROAT_SERVICES_RELAY_METRICS_H_
#define GROAT_SERVICES_RELAY_METRICS_H_

#include <array>

#include "relay/relay_core.h"
#include "telemetry/metrics.h"

namespace groat::relay_service {

class Metrics {
 public:
  explicit Metrics(telemetry::Metrics& metrics);

  void CountUpdate(relay::Outcome outcome) { updates_[static_cast<size_t>(outcome)]->Increment(); }

  prometheus::Histogram* cycle_updates;
  prometheus::Counter* cycles_closed;
  prometheus::Histogram* cycle_close_seconds;
  prometheus::Gauge* closed_cycle;
  prometheus::Gauge* anchored_cycle;
  prometheus::Gauge* keys;
  prometheus::Gauge* trie_bytes;
  prometheus::Counter* refused_updates;
  prometheus::Counter* proofs;
  prometheus::Histogram* proof_seconds;
  prometheus::Counter* appended_roots;
  prometheus::Counter* append_failures;
  prometheus::Histogram* append_seconds;
  prometheus::Gauge* worker_queue;

 private:
  std::array<prometheus::Counter*, 3> updates_;
};

}  // namespace groat::relay_service

#endif  // GROAT_SERVICES_RELAY_METRICS_H_
