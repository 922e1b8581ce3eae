// Blocks above the last committed one.
//
// Pure; single owner, not thread-safe. Bounded: a node in the tree costs its block. Committing
// makes a new root and drops everything that does not extend it, so whatever is in the tree extends
// the last committed block, and a commit is the walk from the root to a node.
#ifndef GROAT_HOTSTUFF_BLOCK_TREE_H_
#define GROAT_HOTSTUFF_BLOCK_TREE_H_

#include <array>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "hotstuff/block.h"
#include "hotstuff/leader_schedule.h"
#include "hotstuff/validator_change.h"

namespace groat::hotstuff {

struct BlockNode {
  BlockPtr block;
  BlockSerial serial;           // 0 for the first root.
  BlockNode* parent = nullptr;  // Null for the root.
  std::vector<BlockNode*> children;
  // Of the block, its parent and its grandparent, in this epoch: the epoch's root has 0.
  std::array<View, 3> views;
  LeaderSchedule schedule;
  // Height of the nearest block, from this one downwards, that holds commands; 0 if none is known.
  Height payload_height;
  // The validator change that the chain up to here ordered; null without one.
  ApprovedChangePtr change;
  QcPtr certificate;  // Null until one is known.

  View view() const { return views[0]; }
  Height height() const { return block->height(); }
};

class BlockTree {
 public:
  // `epoch` tells whether the root is the epoch's own first block or the end of the one before.
  BlockTree(BlockPtr root, LeaderSchedule schedule, ApprovedChangePtr change, Epoch epoch);

  const BlockNode& root() const { return *root_; }
  BlockNode* Find(const BlockId& id) const;
  // The parent must be in the tree and the block must not, else the process stops.
  BlockNode* Insert(BlockPtr block, BlockNode* parent, LeaderSchedule schedule,
                    ApprovedChangePtr change);
  // From the root's child to the node; empty for the root.
  std::vector<BlockNode*> PathTo(BlockNode* node) const;
  // Whether `id` is the node or below it. True for the root's id.
  bool Extends(const BlockNode* node, const BlockId& id) const;
  // Makes the node the root.
  void Commit(BlockNode* node);
  // Drops every block but the node and those that it extends.
  void KeepBranch(BlockNode* node);

  // The node of the highest view that was inserted, of those that are left.
  BlockNode* newest() const { return newest_; }
  size_t size() const { return nodes_.size(); }

 private:
  void Erase(BlockNode* node);
  void FindNewest();

  absl::flat_hash_map<BlockId, std::unique_ptr<BlockNode>> nodes_;
  BlockNode* root_ = nullptr;
  BlockNode* newest_ = nullptr;
  BlockSerial last_serial_;
};

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_BLOCK_TREE_H_
