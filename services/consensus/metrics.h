// Every metric of a replica beside those of gRPC, of the mesh and of the process.
//
// Thread-safe, but for Update, which has one caller.
#ifndef GROAT_SERVICES_CONSENSUS_METRICS_H_
#define GROAT_SERVICES_CONSENSUS_METRICS_H_

#include <array>
#include <memory>
#include <vector>

#include "services/consensus/replica_driver.h"
#include "telemetry/metrics.h"

namespace groat::consensus_service {

class Metrics {
 public:
  explicit Metrics(telemetry::Metrics& metrics);

  // Takes counters and gauges of the driver and its store over. A task of the driver's executor.
  void Update(const ReplicaDriver& driver, const BlockStore& store);

  prometheus::Histogram* certificate_seconds;
  prometheus::Histogram* block_commands;
  prometheus::Gauge* waiting_commands;
  prometheus::Gauge* subscribers;
  prometheus::Counter* refused_commands;
  prometheus::Counter* answered_commands;

 private:
  // What the driver counts.
  struct Counted {
    prometheus::Counter* counter = nullptr;
    uint64_t seen = 0;
    void Set(uint64_t value);
  };
  class ReplicaLag;

  prometheus::Gauge* view_;
  prometheus::Gauge* epoch_gauge_;
  prometheus::Gauge* committed_height_;
  prometheus::Gauge* pool_commands_;
  prometheus::Gauge* pool_bytes_;
  prometheus::Gauge* batch_limit_;
  prometheus::Gauge* tree_blocks_;
  prometheus::Gauge* votes_allowed_;
  prometheus::Gauge* first_height_;
  prometheus::Gauge* snapshot_height_;
  prometheus::Gauge* fetched_snapshot_bytes_;
  Counted views_;
  Counted given_up_;
  Counted timeout_certificates_;
  Counted proposals_;
  Counted votes_;
  Counted blocks_;
  Counted commands_;
  Counted repeated_;
  Counted evidence_;
  Counted writes_;
  Counted installed_;
  std::array<Counted, static_cast<size_t>(hotstuff::Refusal::kCount)> refused_;
  std::shared_ptr<ReplicaLag> lag_;
};

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_METRICS_H_
