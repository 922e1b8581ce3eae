#include "merkle/trie_writer.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/status_macros.h"

namespace groat::merkle {
namespace {

// Descents that run side by side so that their cache misses overlap.
constexpr size_t kDescents = 64;
// Hashes planned together; bounds the plan's memory whatever the slice.
constexpr size_t kPlanSlots = size_t{1} << 16;
// Entries whose memory is asked for before they are inserted; little enough for the cache.
constexpr size_t kPrefetchTogether = 128;

// Bit i is the key's bit i + 1 places above `bit`.
unsigned TurnsAbove(const Bytes32& key, size_t bit) {
  unsigned turns = 0;
  for (size_t i = 0; i < std::min(bit, Fork::kTurnBits); ++i)
    turns |= KeyBit(key, bit - 1 - i) << i;
  return turns;
}

// The leaves at which the descents along up to kDescents ascending keys end; the trie is not empty.
// Calls at_fork(fork, side taken) on the way.
template <typename AtFork>
std::array<NodeRef, kDescents> Descend(const TrieStore& store, std::span<const TrieEntry> keys,
                                       AtFork at_fork) {
  // All go the same way down to where the first and the last key part, or nearly.
  const size_t shared = CommonPrefixBits(keys.front().key, keys.back().key);
  NodeRef start = store.root();
  while (start.is_fork() && store.fork(start.id()).bit < shared) {
    const Fork& fork = store.fork(start.id());
    const unsigned side = KeyBit(keys.front().key, fork.bit);
    at_fork(fork, side);
    start = fork.child[side];
  }
  std::array<NodeRef, kDescents> at;
  std::fill_n(at.begin(), keys.size(), start);
  for (bool moved = true; moved;) {
    moved = false;
    for (size_t i = 0; i < keys.size(); ++i) {
      if (!at[i].is_fork()) continue;
      const Fork& fork = store.fork(at[i].id());
      const unsigned side = KeyBit(keys[i].key, fork.bit);
      at[i] = fork.child[side];
      store.PrefetchNode(at[i]);
      at_fork(fork, side);
      moved = true;
    }
  }
  return at;
}

}  // namespace

void TrieWriter::BeginCycle() {
  last_key_.reset();
  path_.assign(1, Frame{});
}

absl::Status TrieWriter::Add(TrieStore& store, std::span<const TrieEntry> slice) {
  FindSharedBits(store, slice);
  GROAT_RETURN_IF_ERROR(Validate(store, slice));
  for (size_t i = 0; i < slice.size(); ++i) {
    if (i % kPrefetchTogether == 0) {
      PrefetchRehash(store, slice.subspan(i, std::min(kPrefetchTogether, slice.size() - i)));
    }
    size_t fork_bit = shared_bits_[i];
    if (last_key_) {
      // Among the keys of the cycle so far, the last one is the nearest.
      const size_t shared = CommonPrefixBits(*last_key_, slice[i].key);
      fork_bit = std::max(fork_bit, shared);
      while (path_.size() > 1 && store.fork(path_.back().fork.id()).bit > shared) Pop(store);
    }
    Insert(store, slice[i], fork_bit);
    last_key_ = slice[i].key;
    if (plan_.size() >= kPlanSlots) RunPlan(store);
  }
  RunPlan(store);
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
  for (size_t first = 0; first < slice.size(); first += kDescents) {
    const auto keys = slice.subspan(first, std::min(kDescents, slice.size() - first));
    const std::array<NodeRef, kDescents> leaves =
        Descend(store, keys, [](const Fork&, unsigned) {});
    for (size_t i = 0; i < keys.size(); ++i) {
      shared_bits_[first + i] =
          static_cast<uint16_t>(CommonPrefixBits(store.entry(leaves[i].id()).key, keys[i].key));
    }
  }
}

void TrieWriter::PrefetchRehash(const TrieStore& store, std::span<const TrieEntry> keys) {
  if (store.root().empty()) return;
  for (size_t first = 0; first < keys.size(); first += kDescents) {
    Descend(store, keys.subspan(first, std::min(kDescents, keys.size() - first)),
            [&](const Fork& fork, unsigned side) {
              store.PrefetchHash(fork.child[side]);
              store.PrefetchHash(fork.child[1 - side]);
              store.PrefetchNode(fork.child[1 - side]);
            });
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
    path_.push_back({below, {kNoSlot, kNoSlot}, side_of(path_.back()), 0});
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
  fork.turns = TurnsAbove(entry.key, fork_bit) & Fork::kTurnsMask;
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
  Frame frame{ref, {kNoSlot, kNoSlot}, side_above, 1};
  frame.child[side] = leaf_slot;
  // What was below `above` on that side now is below the new fork.
  frame.child[1 - side] = above.child[side_above];
  above.child[side_above] = kNoSlot;
  path_.push_back(frame);
}

// The last frame has got all its leaves of this cycle: counts them and plans its hash.
void TrieWriter::Pop(TrieStore& store) {
  const Frame frame = path_.back();
  path_.pop_back();
  Frame& above = path_.back();
  above.added += frame.added;

  const uint32_t id = frame.fork.id();
  Fork& fork = store.fork(id);
  fork.size =
      static_cast<uint16_t>(std::min<uint32_t>(kHistoryLeaves, uint32_t{fork.size} + frame.added));
  if (fork.is_upper() && !HistoryBelow(store, fork)) fork.has_history = 1;

  const HashPlan::Slot left = ChildSlot(store, frame, 0);
  const HashPlan::Slot right = ChildSlot(store, frame, 1);
  const HashPlan::Slot slot = plan_.Node(left, right);
  results_.push_back({id, slot});
  above.child[frame.side] = slot;
}

// Whether an upper fork can do without a history of its own.
bool TrieWriter::HistoryBelow(const TrieStore& store, const Fork& fork) {
  bool below = false;
  for (const NodeRef child : fork.child) {
    if (!child.is_fork() || !store.fork(child.id()).is_upper()) continue;
    if (!store.fork(child.id()).has_history) return false;
    below = true;
  }
  return below;
}

HashPlan::Slot TrieWriter::ChildSlot(const TrieStore& store, const Frame& frame, unsigned side) {
  const Fork& fork = store.fork(frame.fork.id());
  const NodeRef child = fork.child[side];
  HashPlan::Slot slot = frame.child[side];
  if (child.is_leaf()) return slot == kNoSlot ? plan_.Leaf(store.LeafAt(child.id())) : slot;
  if (slot == kNoSlot) slot = plan_.Known(store.hash(child.id()));
  return store.Lift(plan_, slot, child.id(), size_t{fork.bit} + 1);
}

void TrieWriter::RunPlan(TrieStore& store) {
  plan_.Run();
  const uint32_t end = store.leaf_count();
  for (const Result& result : results_) store.SetHash(result.fork_id, plan_[result.slot], end);
  results_.clear();
  plan_.Clear();
  // What the path still needs is in the store now.
  for (Frame& frame : path_) frame.child[0] = frame.child[1] = kNoSlot;
}

Hash TrieWriter::Seal(TrieStore& store) {
  while (path_.size() > 1) Pop(store);
  RunPlan(store);
  const NodeRef root = store.root();
  if (root.empty()) return Hash{};
  HashPlan::Slot slot;
  if (root.is_leaf()) {
    slot = plan_.Leaf(store.LeafAt(root.id()));
  } else {
    slot = store.Lift(plan_, plan_.Known(store.hash(root.id())), root.id(), 0);
  }
  plan_.Run();
  const Hash hash = plan_[slot];
  plan_.Clear();
  return hash;
}

size_t TrieWriter::memory_bytes() const {
  return shared_bits_.capacity() * sizeof(shared_bits_[0]) + path_.capacity() * sizeof(Frame) +
         results_.capacity() * sizeof(Result) + plan_.memory_bytes();
}

}  // namespace groat::merkle
