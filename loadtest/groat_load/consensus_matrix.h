// Throughput and latency of consensus, cell by cell of what is varied: replicas, rules,
// certificates, block sizes, payloads, loads.
//
// Blocks the caller; starts processes.
#ifndef GROAT_LOADTEST_GROAT_LOAD_CONSENSUS_MATRIX_H_
#define GROAT_LOADTEST_GROAT_LOAD_CONSENSUS_MATRIX_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace groat::load {

struct ConsensusMatrixOptions {
  // Each combination of these is a cluster of its own, with empty folders.
  std::vector<uint32_t> replicas = {4};
  std::vector<std::string> rules = {"two_chain"};       // Or three_chain, with votes to all.
  std::vector<std::string> certificates = {"ed25519"};  // Or bls.
  std::vector<uint32_t> block_commands = {1000};        // Most commands in a block.
  std::vector<size_t> payloads = {128};                 // Bytes of each command.
  // In turn on each cluster: "max" (closed loop), "half" (of what max gave), "idle" (20 a second,
  // one at a time), or commands a second.
  std::vector<std::string> loads = {"max", "half", "idle"};

  double seconds = 10;  // Of each load, after the warm-up.
  double warm_up_seconds = 2;
  size_t request = 100;  // Commands in a request, but no more than in a block.
  size_t window =
      40'000;           // Unanswered commands in closed loop, but no more than 16 blocks of them.
  size_t clients = 64;  // Of each stream.
  uint32_t base_timeout_ms = 500;
  std::string data;  // Folder for the clusters' folders; empty: that for temporary files.
};

// Prints one table. DataLoss if an acknowledged command is not in the chain, is there twice or
// elsewhere than was told; Unavailable if commands were not answered. InvalidArgument names a value
// and what was wanted.
absl::Status RunConsensusMatrix(const ConsensusMatrixOptions& options);

}  // namespace groat::load

#endif  // GROAT_LOADTEST_GROAT_LOAD_CONSENSUS_MATRIX_H_
