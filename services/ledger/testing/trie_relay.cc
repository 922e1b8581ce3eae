#include "services/ledger/testing/trie_relay.h"

#include <algorithm>

#include "base/check.h"
#include "crypto/sha256.h"

namespace groat::ledger_service::testing {

Bytes32 Filled(uint8_t byte) {
  Bytes32 out;
  out.data_.fill(byte);
  return out;
}

TrieRelay::TrieRelay(uint32_t relay, uint32_t shard, uint64_t period_cycles)
    : name_{record::RelayId(relay), record::Shard(shard)},
      period_cycles_(period_cycles),
      key_(Sha256({ByteWriter().Text("test relay").U32(relay).U32(shard).bytes()})) {}

std::vector<merkle::TrieEntry> TrieRelay::Leaves(record::Cycle cycle, size_t count) const {
  std::vector<merkle::TrieEntry> leaves;
  for (size_t i = 0; i < count; ++i) {
    const Bytes seed = ByteWriter().U64(cycle.value()).U64(i).Take();
    leaves.push_back({Sha256({AsBytes("key"), seed}), Sha256({AsBytes("value"), seed})});
  }
  std::sort(leaves.begin(), leaves.end(),
            [](const auto& a, const auto& b) { return a.key < b.key; });
  return leaves;
}

record::SignedRoot TrieRelay::Next(size_t new_leaves) {
  MutexLock lock(mutex_);
  const record::Cycle cycle = last_.cycle.Next();
  const record::Period period = record::PeriodOf(cycle, period_cycles_);
  merkle::Trie& trie = tries_[period];
  GROAT_CHECK_OK(trie.BeginCycle(cycle.value()));
  GROAT_CHECK_OK(trie.Add(Leaves(cycle, new_leaves)));
  return Close(trie.Seal(), period);
}

std::vector<record::SignedRoot> TrieRelay::Next(size_t cycles, size_t new_leaves) {
  std::vector<record::SignedRoot> out;
  for (size_t i = 0; i < cycles; ++i) out.push_back(Next(new_leaves));
  return out;
}

record::SignedRoot TrieRelay::NextForgetting() {
  MutexLock lock(mutex_);
  const record::Cycle cycle = last_.cycle.Next();
  merkle::Trie other;
  GROAT_CHECK_OK(other.BeginCycle(cycle.value()));
  GROAT_CHECK_OK(other.Add(Leaves(cycle, last_.leaf_count + 1)));
  merkle::TrieSummary summary = other.Seal();
  summary.new_leaf_count = 1;  // The counts look right.
  merkle::Trie& trie = tries_[last_.period];
  GROAT_CHECK_OK(trie.BeginCycle(cycle.value()));
  GROAT_CHECK_OK(trie.Add(Leaves(cycle, 1)));
  trie.Seal();
  return Close(summary, last_.period);
}

record::SignedRoot TrieRelay::Close(const merkle::TrieSummary& summary, record::Period period) {
  last_ = {.relay = name_.relay,
           .shard = name_.shard,
           .period = period,
           .cycle = last_.cycle.Next(),
           .root = summary.root,
           .leaf_count = summary.leaf_count,
           .new_leaf_count = summary.new_leaf_count};
  return Sign(last_);
}

record::SignedRoot TrieRelay::Sign(const record::RootStatement& statement) const {
  return record::SignRoot(statement, key_);
}

Bytes TrieRelay::GrowthProof(record::Cycle cycle) const {
  MutexLock lock(mutex_);
  const merkle::Trie& trie = tries_.at(record::PeriodOf(cycle, period_cycles_));
  absl::StatusOr<merkle::GrowthCursor> cursor = trie.ProveGrowth(cycle.value());
  GROAT_CHECK_OK(cursor.status());
  Bytes proof;
  while (true) {
    const Bytes chunk = trie.NextGrowthChunk(*cursor, 4096);
    if (chunk.empty()) return proof;
    proof.insert(proof.end(), chunk.begin(), chunk.end());
  }
}

void TrieGrowthSource::SetUnavailable(bool unavailable) {
  MutexLock lock(mutex_);
  unavailable_ = unavailable;
}

void TrieGrowthSource::Corrupt(size_t endpoint) {
  MutexLock lock(mutex_);
  corrupt_.insert(endpoint);
}

size_t TrieGrowthSource::EndpointCount(const ledger::RelayShard& name) const {
  return relays_.count(name) == 0 ? 0 : endpoints_;
}

absl::Status TrieGrowthSource::Stream(const record::RootStatement& statement, size_t endpoint,
                                      const GrowthSink& sink, std::optional<record::SignedRoot>*) {
  bool corrupt = false;
  {
    MutexLock lock(mutex_);
    if (unavailable_) return absl::UnavailableError("the test's relay is away");
    corrupt = corrupt_.count(endpoint) != 0;
  }
  Bytes proof = relays_.at(ledger::RelayShard::Of(statement))->GrowthProof(statement.cycle);
  if (corrupt && !proof.empty()) proof.back() ^= 1;
  // In two pieces, cut anywhere.
  const size_t cut = proof.size() / 3;
  const ByteView view(proof);
  if (absl::Status status = sink(view.subspan(0, cut)); !status.ok()) return status;
  return sink(view.subspan(cut));
}

}  // namespace groat::ledger_service::testing
