// A Byzantine leader that makes votes in a view that was given up count. Tests only.
//
// It leads view v + 1. Of view v it keeps its own vote back, so that it alone has the certificate
// of that view's block b0 when a replica, the leader of v + 2, has missed b0. It shows its block b1
// on b0 to whoever gives view v + 1 up, just then. If these vote, b1 is certified while a timeout
// certificate of v + 1 lists nothing of b0; the leader of v + 2 rightly builds on an older block.
// The certificate of b1, which commits b0 with two chains, is shown to one replica alone.
// n = 4 and votes to all.
#ifndef GROAT_HOTSTUFF_TESTING_LATE_LEADER_H_
#define GROAT_HOTSTUFF_TESTING_LATE_LEADER_H_

#include <map>
#include <optional>
#include <vector>

#include "hotstuff/leader_schedule.h"
#include "hotstuff/message.h"
#include "hotstuff/testing/mock_scheme.h"

namespace groat::hotstuff::testing {

class LateLeader {
 public:
  LateLeader(ReplicaIndex self, const Genesis& genesis, const CommitRule& rule);

  // To whom, and what.
  struct Order {
    std::optional<ReplicaIndex> to;  // Nothing: everyone.
    MessagePtr message;
  };
  std::vector<Order> OnReceive(ReplicaIndex from, const Message& message);

 private:
  struct Known {
    BlockPtr block;
    LeaderSchedule schedule;
  };
  void OnProposal(const BlockPtr& block);
  void OnVote(const Vote& vote);
  void OnTimeout(ReplicaIndex from, View view);
  Vote MakeVote(const Block& block) const;
  // Of the votes seen and this replica's own. Null if they are too few.
  QcPtr Certify(const Block& block) const;
  // In the view after the parent's.
  BlockPtr Build(const Known& parent, QcPtr justify);

  const size_t n_;
  const MockScheme scheme_;
  const MockSigner signer_;
  const ReplicaIndex self_;
  const CommitRule& rule_;
  std::map<BlockId, Known> known_;
  std::map<BlockId, std::map<ReplicaIndex, Vote>> votes_;
  BlockPtr hidden_;  // b0.
  BlockPtr late_;    // b1.
  std::vector<Order> out_;
};

}  // namespace groat::hotstuff::testing

#endif  // GROAT_HOTSTUFF_TESTING_LATE_LEADER_H_
