// How long consensus stands still when its leader is killed.
//
// Blocks the caller; starts processes.
#ifndef GROAT_LOADTEST_GROAT_LOAD_CONSENSUS_FAILOVER_H_
#define GROAT_LOADTEST_GROAT_LOAD_CONSENSUS_FAILOVER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "loadtest/consensus/leader_kills.h"

namespace groat::load {

struct ConsensusFailoverOptions {
  uint32_t replicas = 4;
  uint32_t base_timeout_ms = 200;
  int kills = 20;
  double commands_per_second = 2000;
  size_t request = 10;  // Commands in a request.
  size_t payload_bytes = 128;
  KillRhythm rhythm;
  std::string data;  // Folder for the cluster's folder; empty: that for temporary files.
};

// Prints one table, and on standard error a line for each kill. DataLoss if an acknowledged command
// is not in every replica's chain, is there twice or elsewhere than was told, or if the chains
// differ; Unavailable if commands were not answered.
absl::Status RunConsensusFailover(const ConsensusFailoverOptions& options);

}  // namespace groat::load

#endif  // GROAT_LOADTEST_GROAT_LOAD_CONSENSUS_FAILOVER_H_
