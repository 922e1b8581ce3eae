// What Byzantine replicas do with the messages of their cores. Tests only.
#ifndef GROAT_HOTSTUFF_TESTING_ADVERSARY_H_
#define GROAT_HOTSTUFF_TESTING_ADVERSARY_H_

#include "hotstuff/testing/cluster.h"

namespace groat::hotstuff::testing {

class Adversary {
 public:
  explicit Adversary(Cluster& cluster) : cluster_(cluster) {}

  // Sends in place of the node's core.
  void OnSend(Cluster::Node& node, const hotstuff::Send& send);
  // A message arrived at the node. True if the core must not see it.
  bool OnReceive(Cluster::Node& node, ReplicaIndex from, const MessagePtr& message);

 private:
  void ToAll(Cluster::Node& node, const MessagePtr& message);
  void Pass(Cluster::Node& node, const hotstuff::Send& send);
  // The same block by another proposer, at another time or in another view.
  BlockPtr Vary(Cluster::Node& node, const Block& block, uint64_t timestamp_us, View view) const;
  // The block just after itself, as another one.
  BlockPtr VaryLater(Cluster::Node& node, const Block& block, View view) const {
    return Vary(node, block, block.header().timestamp_us + 1, view);
  }
  // A time that is no good for a block on this parent, or just good enough.
  uint64_t FalseTimeUs(const Cluster::Node& node, const BlockId& parent) const;
  void Equivocate(Cluster::Node& node, const BlockPtr& block);
  // Remembers the block and what it gives.
  void Learn(Cluster::Node& node, const BlockPtr& block);
  // A block of the same view on an ancestor of its parent. Null if none is known.
  BlockPtr BuildOnOlder(Cluster::Node& node, const Block& block);
  void VoteFor(Cluster::Node& node, const Block& block);
  void Forge(Cluster::Node& node, const Block& base);
  QcPtr FakeQc(const Block& block) const;
  void Spam(Cluster::Node& node, const Block& block);

  Cluster& cluster_;
};

}  // namespace groat::hotstuff::testing

#endif  // GROAT_HOTSTUFF_TESTING_ADVERSARY_H_
