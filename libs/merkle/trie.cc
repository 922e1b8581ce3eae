#include "merkle/trie.h"

#include <string>

#include "base/check.h"
#include "base/status_macros.h"
#include "merkle/trie_store.h"
#include "merkle/trie_writer.h"

namespace groat::merkle {

struct Trie::Impl {
  TrieStore store;
  std::unique_ptr<TrieWriter> writer = std::make_unique<TrieWriter>();
  uint64_t last_sealed = 0;
  std::optional<uint64_t> open_cycle;

  absl::Status CheckSealed(uint64_t cycle) const {
    if (cycle <= last_sealed) return absl::OkStatus();
    return absl::OutOfRangeError("cycle " + std::to_string(cycle) + ", last sealed " +
                                 std::to_string(last_sealed));
  }
};

namespace {

// The way down from the root to where `key` is or would be, in the trie of the leaves below `end`.
struct Walk {
  std::optional<TrieLeaf> leaf;          // Where it ends; nullopt in an empty subtree.
  std::vector<HashPlan::Slot> siblings;  // From the root down.
};

Walk WalkTo(const TrieStore& store, HashPlan& plan, const Bytes32& key, uint32_t end) {
  Walk walk;
  if (end == 0) return walk;
  NodeRef node = store.AsOf(store.root(), end);
  size_t depth = 0;
  while (node.is_fork()) {
    const Fork& fork = store.fork(node.id());
    if (fork.bit > depth) {
      // Levels where all leaves lie on one side.
      const size_t shared = CommonPrefixBits(key, store.entry(node.id()).key);
      const size_t empty_until = std::min<size_t>(shared, fork.bit);
      walk.siblings.resize(empty_until, HashPlan::kEmpty);
      if (shared < fork.bit) {
        walk.siblings.push_back(store.HashAt(plan, node, shared + 1, end));
        return walk;
      }
    }
    depth = size_t{fork.bit} + 1;
    const unsigned side = KeyBit(key, fork.bit);
    const NodeRef sibling = store.AsOf(fork.child[1 - side], end);
    walk.siblings.push_back(store.HashAt(plan, sibling, depth, end));
    node = store.AsOf(fork.child[side], end);
  }
  walk.leaf = store.LeafAt(node.id());
  return walk;
}

SiblingPath ReadPath(const HashPlan& plan, const std::vector<HashPlan::Slot>& slots) {
  SiblingPath path;
  path.reserve(slots.size());
  for (const HashPlan::Slot slot : slots) path.push_back(plan[slot]);
  return path;
}

}  // namespace

Trie::Trie() : impl_(std::make_unique<Impl>()) {}
Trie::~Trie() = default;
Trie::Trie(Trie&&) noexcept = default;
Trie& Trie::operator=(Trie&&) noexcept = default;

absl::Status Trie::BeginCycle(uint64_t cycle) {
  if (impl_->open_cycle) {
    return absl::FailedPreconditionError("cycle " + std::to_string(*impl_->open_cycle) +
                                         " is open, cannot open " + std::to_string(cycle));
  }
  if (cycle <= impl_->last_sealed) {
    return absl::InvalidArgumentError("cycle " + std::to_string(cycle) + ", want above " +
                                      std::to_string(impl_->last_sealed));
  }
  impl_->open_cycle = cycle;
  impl_->store.OpenCycle(cycle);
  impl_->writer->BeginCycle();
  return absl::OkStatus();
}

absl::Status Trie::Add(std::span<const TrieEntry> slice) {
  if (!impl_->open_cycle) return absl::FailedPreconditionError("no cycle is open");
  return impl_->writer->Add(impl_->store, slice);
}

void Trie::Reserve(size_t leaves) { impl_->store.Reserve(leaves); }

TrieSummary Trie::Seal() {
  GROAT_CHECK(impl_->open_cycle.has_value()) << "no cycle is open";
  const uint64_t cycle = *impl_->open_cycle;
  impl_->store.CloseCycle(cycle, impl_->writer->Seal(impl_->store));
  impl_->last_sealed = cycle;
  impl_->open_cycle.reset();
  return *At(cycle);
}

uint64_t Trie::LastSealed() const { return impl_->last_sealed; }

std::optional<TrieLeaf> Trie::Find(const Bytes32& key) const {
  const TrieStore& store = impl_->store;
  if (store.root().empty()) return std::nullopt;
  const uint32_t id = store.Nearest(key);
  if (store.entry(id).key != key) return std::nullopt;
  return store.LeafAt(id);
}

absl::StatusOr<TrieSummary> Trie::At(uint64_t cycle) const {
  GROAT_RETURN_IF_ERROR(impl_->CheckSealed(cycle));
  TrieSummary summary;
  summary.root = impl_->store.RootAt(cycle);
  summary.leaf_count = impl_->store.EndOf(cycle);
  summary.new_leaf_count = cycle == 0 ? 0 : summary.leaf_count - impl_->store.EndOf(cycle - 1);
  return summary;
}

absl::StatusOr<InclusionProof> Trie::ProveInclusion(const Bytes32& key, uint64_t cycle) const {
  GROAT_RETURN_IF_ERROR(impl_->CheckSealed(cycle));
  HashPlan plan;
  const Walk walk = WalkTo(impl_->store, plan, key, impl_->store.EndOf(cycle));
  if (!walk.leaf || walk.leaf->key != key) {
    return absl::NotFoundError("key " + key.Hex() + " is not in the trie of cycle " +
                               std::to_string(cycle));
  }
  plan.Run();
  return InclusionProof{*walk.leaf, ReadPath(plan, walk.siblings)};
}

absl::StatusOr<NullProof> Trie::ProveNull(const Bytes32& key, uint64_t cycle) const {
  GROAT_RETURN_IF_ERROR(impl_->CheckSealed(cycle));
  HashPlan plan;
  Walk walk = WalkTo(impl_->store, plan, key, impl_->store.EndOf(cycle));
  if (walk.leaf && walk.leaf->key == key) {
    return absl::AlreadyExistsError("key " + key.Hex() + " is in the trie since cycle " +
                                    std::to_string(walk.leaf->cycle));
  }
  plan.Run();
  return NullProof{key, walk.leaf, ReadPath(plan, walk.siblings)};
}

absl::StatusOr<std::vector<TrieEntry>> Trie::NewLeaves(uint64_t cycle, size_t first,
                                                       size_t max_count) const {
  GROAT_RETURN_IF_ERROR(impl_->CheckSealed(cycle));
  const size_t end = impl_->store.EndOf(cycle);
  const size_t begin = cycle == 0 ? end : impl_->store.EndOf(cycle - 1);
  std::vector<TrieEntry> leaves;
  if (first >= end - begin) return leaves;
  const size_t count = std::min(max_count, end - begin - first);
  leaves.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    leaves.push_back(impl_->store.entry(static_cast<uint32_t>(begin + first + i)));
  }
  return leaves;
}

absl::StatusOr<GrowthCursor> Trie::ProveGrowth(uint64_t cycle) const {
  GROAT_RETURN_IF_ERROR(impl_->CheckSealed(cycle));
  const uint32_t end = impl_->store.EndOf(cycle);
  const uint32_t begin = cycle == 0 ? end : impl_->store.EndOf(cycle - 1);
  return GrowthCursor(impl_->store, begin, end);
}

Bytes Trie::NextGrowthChunk(GrowthCursor& cursor, size_t max_bytes) const {
  return cursor.Next(impl_->store, max_bytes);
}

void Trie::ShrinkToFit() {
  if (!impl_->open_cycle) impl_->writer = std::make_unique<TrieWriter>();
}

size_t Trie::memory_bytes() const {
  return sizeof(Impl) + impl_->store.memory_bytes() + impl_->writer->memory_bytes();
}

}  // namespace groat::merkle
