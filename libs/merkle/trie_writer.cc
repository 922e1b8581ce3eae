#include "merkle/trie_writer.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/status_macros.h"

namespace groat::merkle {
namespace {

constexpr HashPlan::Slot kNoSlot = ~HashPlan::Slot{0};
// Descents that run side by side so that their cache misses overlap.
constexpr size_t kDescents = 32;
// Entries hashed together; bounds the plan's memory whatever the slice.
constexpr size_t kHashTogether = 4096;

}  // namespace

absl::Status TrieWriter::Add(TrieStore& store, std::span<const TrieEntry> slice) {
  if (slice.empty()) return absl::OkStatus();
  FindSharedBits(store, slice);
  GROAT_RETURN_IF_ERROR(Validate(store, slice));

  for (size_t first = 0; first < slice.size(); first += kHashTogether) {
    const size_t end = std::min(slice.size(), first + kHashTogether);
    path_.assign(1, Frame{NodeRef(), {kNoSlot, kNoSlot}, 0});
    for (size_t i = first; i < end; ++i) {
      size_t fork_bit = shared_bits_[i];
      if (i > 0) {
        // Among the keys of the slice so far, the one before is the nearest.
        const size_t shared = CommonPrefixBits(slice[i - 1].key, slice[i].key);
        fork_bit = std::max(fork_bit, shared);
        while (path_.size() > 1 && store.fork(path_.back().fork.id()).bit > shared) Pop(store);
      }
      Insert(store, slice[i], fork_bit);
    }
    while (path_.size() > 1) Pop(store);
    StoreResults(store);
  }
  last_key_ = slice.back().key;
  return absl::OkStatus();
}

absl::Status TrieWriter::Validate(const TrieStore& store, std::span<const TrieEntry> slice) {
  if (slice.size() > kMaxLeaves - store.leaf_count()) {
    return absl::ResourceExhaustedError(std::to_string(store.leaf_count()) + " leaves and " +
                                        std::to_string(slice.size()) + " more, at most " +
                                        std::to_string(kMaxLeaves));
  }
  const Bytes32* previous = last_key_ ? &*last_key_ : nullptr;
  for (size_t i = 0; i < slice.size(); ++i) {
    if (previous != nullptr && slice[i].key <= *previous) {
      return absl::InvalidArgumentError("key " + slice[i].key.Hex() + " at index " +
                                        std::to_string(i) + " comes after " + previous->Hex() +
                                        ", want ascending keys");
    }
    if (shared_bits_[i] == kKeyBits) {
      return absl::AlreadyExistsError("key " + slice[i].key.Hex() + " at index " +
                                      std::to_string(i) + " is in the trie");
    }
    previous = &slice[i].key;
  }
  return absl::OkStatus();
}

void TrieWriter::FindSharedBits(const TrieStore& store, std::span<const TrieEntry> slice) {
  shared_bits_.assign(slice.size(), 0);
  if (store.root().empty()) return;
  std::array<NodeRef, kDescents> at;
  for (size_t first = 0; first < slice.size(); first += kDescents) {
    const size_t count = std::min(kDescents, slice.size() - first);
    std::fill_n(at.begin(), count, store.root());
    for (bool moved = true; moved;) {
      moved = false;
      for (size_t i = 0; i < count; ++i) {
        if (!at[i].is_fork()) continue;
        const Fork& fork = store.fork(at[i].id());
        const unsigned side = KeyBit(slice[first + i].key, fork.bit);
        at[i] = fork.child[side];
        store.PrefetchTopology(at[i]);
        // The rehash will read the hash of the other child.
        if (!fork.is_upper()) store.PrefetchHash(fork.child[1 - side]);
        moved = true;
      }
    }
    for (size_t i = 0; i < count; ++i) {
      shared_bits_[first + i] = static_cast<uint16_t>(
          CommonPrefixBits(store.entry(at[i].id()).key, slice[first + i].key));
    }
  }
}

void TrieWriter::Insert(TrieStore& store, const TrieEntry& entry, size_t fork_bit) {
  // Down to the edge on which the new fork lies.
  const auto side_of = [&](const Frame& frame) {
    return frame.fork.empty() ? 0u : KeyBit(entry.key, store.fork(frame.fork.id()).bit);
  };
  const auto child_of = [&](const Frame& frame) {
    return frame.fork.empty() ? store.root() : store.fork(frame.fork.id()).child[side_of(frame)];
  };
  NodeRef below = child_of(path_.back());
  while (below.is_fork() && store.fork(below.id()).bit < fork_bit) {
    path_.push_back({below, {kNoSlot, kNoSlot}, 0});
    below = child_of(path_.back());
  }

  const uint32_t id = store.AppendLeaf(entry);
  const HashPlan::Slot leaf_slot = plan_.Leaf(store.LeafAt(id));
  Frame& above = path_.back();
  const unsigned side_above = side_of(above);
  if (below.empty()) {  // The first leaf of all.
    store.set_root(NodeRef::OfLeaf(id));
    above.child[side_above] = leaf_slot;
    return;
  }

  const unsigned side = KeyBit(entry.key, fork_bit);
  Fork& fork = store.fork(id);
  fork.bit = static_cast<uint8_t>(fork_bit);
  fork.own_side = side & 1u;
  fork.child[side] = NodeRef::OfLeaf(id);
  fork.child[1 - side] = below;
  // Its own new leaf is counted when the frame is popped.
  fork.size = below.is_leaf() ? uint16_t{1} : store.fork(below.id()).size;
  const NodeRef ref = NodeRef::OfFork(id);
  if (above.fork.empty()) {
    store.set_root(ref);
  } else {
    store.fork(above.fork.id()).child[side_above] = ref;
  }
  Frame frame{ref, {kNoSlot, kNoSlot}, 1};
  frame.child[side] = leaf_slot;
  // What was below `above` on that side now is below the new fork.
  frame.child[1 - side] = above.child[side_above];
  above.child[side_above] = kNoSlot;
  path_.push_back(frame);
}

// The last frame has got all its leaves: counts them, and plans its hash or leaves that to Seal.
void TrieWriter::Pop(TrieStore& store) {
  const Frame frame = path_.back();
  path_.pop_back();
  Frame& above = path_.back();
  above.added += frame.added;

  const uint32_t id = frame.fork.id();
  Fork& fork = store.fork(id);
  fork.size =
      static_cast<uint16_t>(std::min<uint32_t>(kHistoryLeaves, uint32_t{fork.size} + frame.added));
  if (fork.is_upper()) {
    fork.dirty = 1;
    return;
  }
  const HashPlan::Slot left = ChildSlot(store, frame, 0);
  const HashPlan::Slot right = ChildSlot(store, frame, 1);
  const HashPlan::Slot slot = plan_.Node(left, right);
  results_.push_back({id, slot});
  // A key of this fork's subtree tells the side, and leaf `id` is one.
  const unsigned side =
      above.fork.empty() ? 0u : KeyBit(store.entry(id).key, store.fork(above.fork.id()).bit);
  above.child[side] = slot;
}

HashPlan::Slot TrieWriter::ChildSlot(const TrieStore& store, const Frame& frame, unsigned side) {
  const Fork& fork = store.fork(frame.fork.id());
  const NodeRef child = fork.child[side];
  const size_t depth = size_t{fork.bit} + 1;
  HashPlan::Slot slot = frame.child[side];
  if (child.is_leaf()) return slot == kNoSlot ? plan_.Leaf(store.LeafAt(child.id())) : slot;
  if (slot == kNoSlot) slot = plan_.Known(store.hash(child.id()));
  return store.Lift(plan_, slot, child.id(), depth);
}

void TrieWriter::StoreResults(TrieStore& store) {
  plan_.Run();
  const uint32_t end = store.leaf_count();
  for (const Result& result : results_) store.SetHash(result.fork_id, plan_[result.slot], end);
  results_.clear();
  plan_.Clear();
}

Hash TrieWriter::Seal(TrieStore& store) {
  const NodeRef root = store.root();
  if (root.empty()) return Hash{};
  HashPlan::Slot slot;
  if (root.is_leaf()) {
    slot = plan_.Leaf(store.LeafAt(root.id()));
  } else {
    const bool dirty = store.fork(root.id()).dirty != 0;
    slot = dirty ? RehashUpper(store, root.id(), false) : plan_.Known(store.hash(root.id()));
    slot = store.Lift(plan_, slot, root.id(), 0);
  }
  plan_.Run();
  const Hash hash = plan_[slot];
  const uint32_t end = store.leaf_count();
  for (const Result& result : results_) {
    if (store.fork(result.fork_id).has_history) {
      store.AddVersion(result.fork_id, plan_[result.slot], end);
    }
  }
  StoreResults(store);
  return hash;
}

// Plans the hash of an upper fork from below; recursion is at most 256 deep.
HashPlan::Slot TrieWriter::RehashUpper(TrieStore& store, uint32_t fork_id,
                                       bool parent_has_history) {
  Fork& fork = store.fork(fork_id);
  fork.dirty = 0;
  if (!parent_has_history) fork.has_history = 1;
  HashPlan::Slot slots[2];
  for (unsigned side = 0; side < 2; ++side) {
    const NodeRef child = fork.child[side];
    if (child.is_leaf()) {
      slots[side] = plan_.Leaf(store.LeafAt(child.id()));
      continue;
    }
    const HashPlan::Slot slot = store.fork(child.id()).dirty
                                    ? RehashUpper(store, child.id(), fork.has_history != 0)
                                    : plan_.Known(store.hash(child.id()));
    slots[side] = store.Lift(plan_, slot, child.id(), size_t{fork.bit} + 1);
  }
  const HashPlan::Slot slot = plan_.Node(slots[0], slots[1]);
  results_.push_back({fork_id, slot});
  return slot;
}

size_t TrieWriter::memory_bytes() const {
  return shared_bits_.capacity() * sizeof(shared_bits_[0]) + path_.capacity() * sizeof(Frame) +
         results_.capacity() * sizeof(Result) + plan_.memory_bytes();
}

}  // namespace groat::merkle
