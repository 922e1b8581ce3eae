// The other nodes of the ledger, as a node calls them.
//
// Thread-safe. Two forms: gRPC (grpc_peers.h), and nodes of the same process (tests).
#ifndef GROAT_SERVICES_LEDGER_PEERS_H_
#define GROAT_SERVICES_LEDGER_PEERS_H_

#include <chrono>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "record/block.h"
#include "record/checkpoint.h"

namespace groat::ledger_service {

using AppendDone = std::function<void(absl::StatusOr<std::vector<record::Block>>)>;

class Peers {
 public:
  virtual ~Peers() = default;

  // Sends an append to `node`, which will not send it on. `done` is called once, on any thread,
  // possibly before this returns; Unavailable or DeadlineExceeded if the node did not answer by
  // `deadline`, and then the roots may have been appended.
  virtual void ForwardAppend(record::NodeIndex node, const std::vector<record::SignedRoot>& roots,
                             std::chrono::steady_clock::time_point deadline, AppendDone done) = 0;

  // Blocks that the node has applied, from `first` on, at most `limit` (1 to 1,000). Blocks for
  // some seconds at most. The answer is not to be trusted: any block may be anything.
  virtual absl::StatusOr<std::vector<record::Block>> FetchBlocks(record::NodeIndex node,
                                                                 record::Height first,
                                                                 size_t limit) = 0;

  // Ends calls under way and refuses later ones, so that no thread is stuck in one.
  virtual void Stop() = 0;
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_PEERS_H_
