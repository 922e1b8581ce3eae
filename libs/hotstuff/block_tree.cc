#include "hotstuff/block_tree.h"

#include <algorithm>

#include "base/check.h"

namespace groat::hotstuff {

BlockTree::BlockTree(BlockPtr root, LeaderSchedule schedule, ApprovedChangePtr change,
                     Epoch epoch) {
  auto node = std::make_unique<BlockNode>();
  if (root->header().epoch == epoch) {
    node->views = {root->view(), root->justify()->view(), View(0)};
  }
  if (!root->commands().empty()) node->payload_height = root->height();
  node->schedule = std::move(schedule);
  node->change = std::move(change);
  node->block = std::move(root);
  root_ = newest_ = node.get();
  nodes_.emplace(node->block->id(), std::move(node));
}

BlockNode* BlockTree::Find(const BlockId& id) const {
  const auto found = nodes_.find(id);
  return found == nodes_.end() ? nullptr : found->second.get();
}

BlockNode* BlockTree::Insert(BlockPtr block, BlockNode* parent, LeaderSchedule schedule,
                             ApprovedChangePtr change) {
  GROAT_CHECK(parent != nullptr && block->parent() == parent->block->id());
  auto node = std::make_unique<BlockNode>();
  node->serial = last_serial_ = last_serial_.Next();
  node->parent = parent;
  node->views = {block->view(), parent->views[0], parent->views[1]};
  node->schedule = std::move(schedule);
  node->payload_height = block->commands().empty() ? parent->payload_height : block->height();
  node->change = std::move(change);
  node->block = std::move(block);
  BlockNode* out = node.get();
  GROAT_CHECK(nodes_.emplace(out->block->id(), std::move(node)).second);
  parent->children.push_back(out);
  if (out->view() >= newest_->view()) newest_ = out;
  return out;
}

std::vector<BlockNode*> BlockTree::PathTo(BlockNode* node) const {
  std::vector<BlockNode*> path;
  for (; node != root_; node = node->parent) path.push_back(node);
  std::reverse(path.begin(), path.end());
  return path;
}

bool BlockTree::Extends(const BlockNode* node, const BlockId& id) const {
  for (; node != nullptr; node = node->parent) {
    if (node->block->id() == id) return true;
  }
  return false;
}

void BlockTree::Erase(BlockNode* node) {
  std::vector<BlockNode*> left = {node};
  while (!left.empty()) {
    BlockNode* next = left.back();
    left.pop_back();
    left.insert(left.end(), next->children.begin(), next->children.end());
    const BlockId id = next->block->id();
    nodes_.erase(id);
  }
}

void BlockTree::Commit(BlockNode* node) {
  const std::vector<BlockNode*> path = PathTo(node);
  BlockNode* below = root_;
  for (BlockNode* step : path) {
    for (BlockNode* child : below->children) {
      if (child != step) Erase(child);
    }
    const BlockId id = below->block->id();
    nodes_.erase(id);
    below = step;
  }
  root_ = node;
  root_->parent = nullptr;
  if (Find(root_->block->id()) == newest_) return;
  FindNewest();
}

void BlockTree::KeepBranch(BlockNode* node) {
  for (BlockNode* child : node->children) Erase(child);
  node->children.clear();
  for (; node != root_; node = node->parent) {
    std::vector<BlockNode*>& siblings = node->parent->children;
    for (BlockNode* sibling : siblings) {
      if (sibling != node) Erase(sibling);
    }
    std::erase_if(siblings, [node](const BlockNode* sibling) { return sibling != node; });
  }
  FindNewest();
}

void BlockTree::FindNewest() {
  newest_ = root_;
  std::vector<BlockNode*> left = {root_};
  while (!left.empty()) {
    BlockNode* next = left.back();
    left.pop_back();
    if (next->view() >= newest_->view()) newest_ = next;
    left.insert(left.end(), next->children.begin(), next->children.end());
  }
}

}  // namespace groat::hotstuff
