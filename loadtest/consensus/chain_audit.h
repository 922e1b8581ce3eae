// What subscribers of all replicas saw, beside what clients were told.
//
// Compare is pure.
#ifndef GROAT_LOADTEST_CONSENSUS_CHAIN_AUDIT_H_
#define GROAT_LOADTEST_CONSENSUS_CHAIN_AUDIT_H_

#include <string>
#include <vector>

#include "loadtest/consensus/chain_follower.h"
#include "loadtest/consensus/submit_session.h"

namespace groat::load {

struct ChainAudit {
  uint64_t blocks = 0;
  uint64_t commands = 0;       // That took effect.
  uint64_t lost = 0;           // Acknowledged, and at some replica not in the chain.
  uint64_t misplaced = 0;      // Found elsewhere than was told.
  uint64_t without_place = 0;  // Acknowledged without a place.
  // Why the replicas' chains are not one chain, and examples of the above; empty if all is well.
  std::vector<std::string> problems;

  bool ok() const { return problems.empty(); }
  // The problems, one a line.
  std::string Text() const;
};

// Compares the chains that replicas 0, 1, ... showed with the acknowledgements of every load that
// the cluster had.
ChainAudit Compare(const std::vector<const SeenChain*>& chains,
                   const std::vector<const Places*>& acknowledged);

// Waits until all followers, of replicas 0, 1, ..., have seen what the furthest one has, up to
// `patience`, stops them, and compares.
ChainAudit Audit(const std::vector<ChainFollower*>& followers,
                 const std::vector<const Places*>& acknowledged,
                 std::chrono::milliseconds patience);

}  // namespace groat::load

#endif  // GROAT_LOADTEST_CONSENSUS_CHAIN_AUDIT_H_
