// Runs what a trace recorded of one node against the protocol's code as it is now.
#ifndef GROAT_P2P_TRACE_REPLAY_H_
#define GROAT_P2P_TRACE_REPLAY_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "p2p/peer_id.h"
#include "p2p/trace/protocol_registry.h"
#include "p2p/trace/replay_tape.h"
#include "storage/file_system.h"

namespace groat::p2p {

struct ReplayResult {
  std::string protocol;
  std::string recorded_version;  // Of the software that wrote the trace; ours may be another.
  PeerId self;
  uint64_t run = 0;
  int64_t wall_clock_ms = 0;  // When the run began,
  Instant began;              // by the executor of then.
  ReplayStop stop;
  uint64_t records = 0;  // Replayed without a difference.
  uint64_t tasks = 0;
  uint64_t skipped = 0;     // Records of what others than the protocol did with its network.
  uint64_t torn_bytes = 0;  // Behind the last record, when the process stopped as it wrote.
};

// Replays one run, by default the last. NotFound if there is no trace, run or protocol of that
// name; FailedPrecondition if the run's start was deleted, or not recorded. Once it has begun, what
// ends it is in the result.
absl::StatusOr<ReplayResult> ReplayTrace(storage::FileSystem& files, const std::string& folder,
                                         const ProtocolRegistry& registry,
                                         std::optional<uint64_t> run = std::nullopt);

}  // namespace groat::p2p

#endif  // GROAT_P2P_TRACE_REPLAY_H_
