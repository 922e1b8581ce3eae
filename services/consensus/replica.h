// The parts of a running replica that calls reach.
#ifndef GROAT_SERVICES_CONSENSUS_REPLICA_H_
#define GROAT_SERVICES_CONSENSUS_REPLICA_H_

#include <set>
#include <string>

#include "services/consensus/submit_desk.h"
#include "services/consensus/thread_offload.h"

namespace groat::consensus_service {

struct Replica {
  const hotstuff::Genesis& genesis;
  hotstuff::ChainId chain;
  const hotstuff::Signer& signer;
  p2p::Network& network;
  p2p::Executor& executor;
  ReplicaDriver& driver;  // Of the executor's tasks.
  const BlockStore& store;
  SubmitDesk& desk;
  ThreadOffload& readers;
  Metrics& metrics;
  size_t max_subscribers = 256;
  std::set<std::string> admins;   // Common names.
  bool anybody_is_admin = false;  // Without TLS.
};

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_REPLICA_H_
