#include "merkle/trie_store.h"

namespace groat::merkle {

TrieLeaf TrieStore::LeafAt(uint32_t id) const {
  const size_t block = id / kCycleBlock;
  const auto begin = cycle_ends_.begin() + block_cycles_[block];
  const auto end = block + 1 < block_cycles_.size() ? cycle_ends_.begin() + block_cycles_[block + 1]
                                                    : cycle_ends_.end();
  // An end that is at most `id` belongs to an earlier cycle.
  const auto found = std::upper_bound(begin, end, id);
  const uint64_t cycle = found == cycle_ends_.end()
                             ? open_cycle_
                             : cycles_[static_cast<size_t>(found - cycle_ends_.begin())].cycle;
  const TrieEntry& stored = entries_[id];
  return {stored.key, stored.value, cycle};
}

uint32_t TrieStore::EndOf(uint64_t cycle) const {
  const auto after =
      std::upper_bound(cycles_.begin(), cycles_.end(), cycle,
                       [](uint64_t c, const CycleRecord& record) { return c < record.cycle; });
  if (after == cycles_.begin()) return 0;
  return cycle_ends_[static_cast<size_t>(after - cycles_.begin()) - 1];
}

Hash TrieStore::RootAt(uint64_t cycle) const {
  const auto after =
      std::upper_bound(cycles_.begin(), cycles_.end(), cycle,
                       [](uint64_t c, const CycleRecord& record) { return c < record.cycle; });
  return after == cycles_.begin() ? Hash{} : std::prev(after)->root;
}

NodeRef TrieStore::AsOf(NodeRef node, uint32_t end) const {
  while (node.is_fork() && node.id() >= end) {
    const Fork& later = forks_[node.id()];
    node = later.child[1 - later.own_side];
  }
  return node;
}

HashPlan::Slot TrieStore::HashAt(HashPlan& plan, NodeRef node, size_t depth, uint32_t end) const {
  if (node.empty()) return HashPlan::kEmpty;
  if (node.is_leaf()) return plan.Leaf(LeafAt(node.id()));
  const Hash* kept = KeptHash(node.id(), end);
  const HashPlan::Slot slot = kept != nullptr ? plan.Known(*kept) : RehashAt(plan, node.id(), end);
  return Lift(plan, slot, node.id(), depth);
}

const Hash* TrieStore::KeptHash(uint32_t fork_id, uint32_t end) const {
  const Fork& fork = forks_[fork_id];
  if (fork.hashed_end <= end) return &hashes_[fork_id];
  return fork.has_history ? FindVersion(fork_id, end) : nullptr;
}

// Level by level rather than depth first: a node's memory is asked for when its parent is visited
// and has arrived when its own turn comes, so hundreds of cache misses overlap.
HashPlan::Slot TrieStore::RehashAt(HashPlan& plan, uint32_t fork_id, uint32_t end) const {
  struct Step {
    NodeRef node;
    uint32_t above;  // Index of the fork above in `steps`.
    uint8_t side;
    HashPlan::Slot slot = HashPlan::kEmpty;
    HashPlan::Slot child[2] = {HashPlan::kEmpty, HashPlan::kEmpty};
  };
  std::vector<Step> steps = {{NodeRef::OfFork(fork_id), 0, 0}};
  for (uint32_t i = 0; i < steps.size(); ++i) {
    const NodeRef node = steps[i].node;
    if (node.is_leaf()) continue;
    const Fork& fork = forks_[node.id()];
    if (node.id() >= end) {  // As in AsOf: the other side takes its place.
      const NodeRef older = fork.child[1 - fork.own_side];
      PrefetchNode(older);
      steps.push_back({older, steps[i].above, steps[i].side});
      steps[i].node = NodeRef();
      continue;
    }
    if (const Hash* kept = KeptHash(node.id(), end)) {
      steps[i].slot = plan.Known(*kept);
      continue;
    }
    for (uint8_t side = 0; side < 2; ++side) {
      PrefetchNode(fork.child[side]);
      steps.push_back({fork.child[side], i, side});
    }
  }
  for (size_t i = steps.size(); i-- > 0;) {
    Step& step = steps[i];
    if (step.node.empty()) continue;
    if (step.node.is_leaf()) {
      step.slot = plan.Leaf(LeafAt(step.node.id()));
    } else if (step.slot == HashPlan::kEmpty) {
      step.slot = plan.Node(step.child[0], step.child[1]);
    }
    if (i == 0) break;
    Step& above = steps[step.above];
    above.child[step.side] = step.node.is_leaf() ? step.slot
                                                 : Lift(plan, step.slot, step.node.id(),
                                                        size_t{forks_[above.node.id()].bit} + 1);
  }
  return steps[0].slot;
}

const Hash* TrieStore::FindVersion(uint32_t fork_id, uint32_t end) const {
  const auto found = history_.find(fork_id);
  GROAT_CHECK(found != history_.end()) << "fork " << fork_id << " has no history";
  const std::vector<Version>& versions = found->second;
  const auto after =
      std::upper_bound(versions.begin(), versions.end(), end,
                       [](uint32_t e, const Version& version) { return e < version.end; });
  return after == versions.begin() ? nullptr : &std::prev(after)->hash;
}

HashPlan::Slot TrieStore::Lift(HashPlan& plan, HashPlan::Slot slot, uint32_t fork_id,
                               size_t depth) const {
  const Fork& fork = forks_[fork_id];
  for (size_t at = fork.bit; at > depth; --at) {
    const size_t above = fork.bit - at;
    const unsigned turn =
        above < Fork::kTurnBits ? fork.turns >> above & 1u : KeyBit(entries_[fork_id].key, at - 1);
    slot = turn == 0 ? plan.Node(slot, HashPlan::kEmpty) : plan.Node(HashPlan::kEmpty, slot);
  }
  return slot;
}

uint32_t TrieStore::Nearest(const Bytes32& key) const {
  NodeRef node = root_;
  while (node.is_fork()) {
    const Fork& at = forks_[node.id()];
    node = at.child[KeyBit(key, at.bit)];
  }
  return node.id();
}

uint32_t TrieStore::AppendLeaf(const TrieEntry& entry) {
  const uint32_t id = leaf_count();
  if (id % kCycleBlock == 0) block_cycles_.push_back(static_cast<uint32_t>(cycles_.size()));
  entries_.push_back(entry);
  forks_.push_back(Fork{});
  hashes_.push_back(Hash{});
  return id;
}

void TrieStore::Reserve(size_t leaves) {
  entries_.Reserve(leaves);
  forks_.Reserve(leaves);
  hashes_.Reserve(leaves);
}

void TrieStore::SetHash(uint32_t fork_id, const Hash& hash, uint32_t end) {
  hashes_[fork_id] = hash;
  Fork& fork = forks_[fork_id];
  fork.hashed_end = end;
  if (fork.has_history) AddVersion(fork_id, hash, end);
}

void TrieStore::AddVersion(uint32_t fork_id, const Hash& hash, uint32_t end) {
  std::vector<Version>& versions = history_[fork_id];
  // A quarter more at a time: doubling would leave a third of all history memory unused.
  if (versions.size() == versions.capacity()) {
    versions.reserve(versions.size() + std::max<size_t>(4, versions.size() / 4));
  }
  versions.push_back({end, hash});
}

void TrieStore::CloseCycle(uint64_t cycle, const Hash& root) {
  const uint32_t before = cycle_ends_.empty() ? 0 : cycle_ends_.back();
  if (leaf_count() == before) return;
  cycles_.push_back({cycle, root});
  cycle_ends_.push_back(leaf_count());
}

size_t TrieStore::memory_bytes() const {
  size_t versions = 0;
  for (const auto& [id, list] : history_) versions += list.capacity();
  return entries_.memory_bytes() + forks_.memory_bytes() + hashes_.memory_bytes() +
         versions * sizeof(Version) +
         history_.capacity() * (sizeof(decltype(history_)::value_type) + 1) +
         cycles_.capacity() * sizeof(CycleRecord) +
         (cycle_ends_.capacity() + block_cycles_.capacity()) * sizeof(uint32_t);
}

}  // namespace groat::merkle
