// The seam to threads for work that would hold up a replica's own: disk writes, signatures.
//
// Two forms: threads (thread_offload.h) and, in the simulation, tasks of the executor itself
// (testing/inline_offload.h).
#ifndef GROAT_SERVICES_CONSENSUS_OFFLOAD_H_
#define GROAT_SERVICES_CONSENSUS_OFFLOAD_H_

#include "p2p/executor.h"

namespace groat::consensus_service {

class Offload {
 public:
  virtual ~Offload() = default;
  // Runs `work` somewhere, begun in the order of the calls, and then `then` as a task of the
  // executor. Neither runs if the process ends first. From any thread.
  virtual void Run(p2p::Task work, p2p::Task then) = 0;
};

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_OFFLOAD_H_
