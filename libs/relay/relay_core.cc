#include "relay/relay_core.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace groat::relay {

using record::Cycle;
using record::PeriodOf;

RelayCore::RelayCore(const Identity& identity)
    : identity_(identity), open_(Cycle(1)), trie_(std::make_shared<merkle::Trie>()) {}

Cycle RelayCore::last_rooted() const { return last_.has_value() ? last_->cycle : Cycle(0); }

std::optional<Cycle> RelayCore::CycleOf(const Hash& key) const {
  if (identity_.period_cycles != 0) return spent_.CycleOf(key);
  const std::optional<merkle::TrieLeaf> leaf = trie_->Find(key);
  return leaf.has_value() ? std::optional(Cycle(leaf->cycle)) : std::nullopt;
}

std::optional<Verdict> RelayCore::Standing(const TrieEntry& entry) const {
  const auto compared = [&](const Bytes32& value, Cycle cycle) {
    if (value == entry.value) return Verdict{Outcome::kRepeated, cycle, std::nullopt};
    return Verdict{Outcome::kDoubleSpend, cycle, value};
  };
  if (const Bytes32* value = open_.Find(entry.key)) return compared(*value, open_.cycle());
  if (sealed_.has_value()) {
    const CycleBuffer& buffer = sealed_->buffer;
    if (const Bytes32* value = buffer.Find(entry.key)) return compared(*value, buffer.cycle());
  }
  if (identity_.period_cycles == 0) {
    const std::optional<merkle::TrieLeaf> leaf = trie_->Find(entry.key);
    if (leaf.has_value()) return compared(leaf->value, Cycle(leaf->cycle));
    return std::nullopt;
  }
  const std::optional<SpentIndex::Spent> spent = spent_.Find(entry.key, entry.value);
  if (!spent.has_value()) return std::nullopt;
  return Verdict{spent->same_value ? Outcome::kRepeated : Outcome::kDoubleSpend, spent->cycle,
                 std::nullopt};
}

SubmitEffects RelayCore::Submit(std::span<const TrieEntry> entries) {
  SubmitEffects effects;
  effects.verdicts.reserve(entries.size());
  std::vector<TrieEntry> fresh;
  fresh.reserve(entries.size());
  for (const TrieEntry& entry : entries) {
    std::optional<Verdict> standing = Standing(entry);
    if (!standing.has_value()) {
      open_.Insert(entry);
      fresh.push_back(entry);
      standing = Verdict{Outcome::kAccepted, open_.cycle(), std::nullopt};
    }
    effects.verdicts.push_back(*standing);
  }
  key_count_ += fresh.size();
  if (!fresh.empty()) effects.persist = EncodeUpdates(fresh);
  return effects;
}

Bytes RelayCore::Seal(uint64_t now_ms) {
  GROAT_CHECK(can_seal()) << "cycle " << sealed_->buffer.cycle() << " is not rooted yet";
  const Cycle cycle = open_.cycle();
  sealed_.emplace(Sealed{std::move(open_), now_ms});
  open_ = CycleBuffer(cycle.Next());
  return Encode(SealedRecord{cycle, now_ms});
}

void RelayCore::StartWork() {
  const Cycle cycle = sealed_->buffer.cycle();
  const bool new_period =
      last_.has_value() && PeriodOf(cycle, identity_.period_cycles) != last_->period;
  if (new_period) trie_ = std::make_shared<merkle::Trie>();
  GROAT_CHECK_OK(trie_->BeginCycle(cycle.value()));
  work_started_ = true;
}

RootedCycle RelayCore::FinishWork() {
  const merkle::TrieSummary summary = trie_->Seal();
  RootedCycle rooted;
  const Cycle cycle = sealed_->buffer.cycle();
  rooted.statement = {.relay = identity_.relay,
                      .shard = identity_.shard,
                      .period = PeriodOf(cycle, identity_.period_cycles),
                      .cycle = cycle,
                      .root = summary.root,
                      .leaf_count = summary.leaf_count,
                      .new_leaf_count = summary.new_leaf_count};
  rooted.sealed_at_ms = sealed_->sealed_at_ms;
  rooted.trie = trie_;
  last_ = rooted.statement;
  sealed_.reset();
  work_started_ = false;
  return rooted;
}

void RelayCore::Reserve(size_t slice) {
  GROAT_CHECK(has_work()) << "no cycle is sealed";
  // The first slice of a period opens a trie of its own, which is small.
  if (work_started_) trie_->Reserve(std::min(slice, sealed_->buffer.size()));
}

std::optional<RootedCycle> RelayCore::Work(size_t slice) {
  GROAT_CHECK(has_work()) << "no cycle is sealed";
  if (!work_started_) StartWork();
  const std::vector<TrieEntry> entries = sealed_->buffer.TakeSlice(slice);
  if (!entries.empty()) GROAT_CHECK_OK(trie_->Add(entries));
  if (identity_.period_cycles != 0) {
    for (const TrieEntry& entry : entries) {
      spent_.Insert(entry.key, entry.value, sealed_->buffer.cycle());
    }
  }
  if (!sealed_->buffer.drained()) return std::nullopt;
  return FinishWork();
}

absl::StatusOr<std::optional<RootedCycle>> RelayCore::Recover(const JournalRecord& record) {
  if (const auto* updates = std::get_if<UpdatesRecord>(&record)) {
    for (const TrieEntry& entry : updates->entries) {
      if (Standing(entry).has_value()) {
        return absl::DataLossError(absl::StrCat("log sets key ", entry.key.Hex(),
                                                " twice, again in cycle ", open_.cycle().value()));
      }
      open_.Insert(entry);
    }
    key_count_ += updates->entries.size();
    return std::nullopt;
  }
  if (const auto* sealed = std::get_if<SealedRecord>(&record)) {
    if (sealed->cycle != open_.cycle()) {
      return absl::DataLossError(absl::StrCat("log seals cycle ", sealed->cycle.value(), ", want ",
                                              open_.cycle().value()));
    }
    Seal(sealed->sealed_at_ms);
    std::optional<RootedCycle> rooted;
    while (!rooted.has_value()) rooted = Work(SIZE_MAX);
    return rooted;
  }
  const record::RootStatement& logged = std::get<RootedRecord>(record).root.statement;
  if (!last_.has_value() || logged != *last_) {
    return absl::DataLossError(absl::StrCat(
        logged.Name(), ": log has root ", logged.root.Hex(), " over ", logged.leaf_count,
        " leaves, its updates give ", last_.has_value() ? last_->root.Hex() : "no root", " over ",
        last_.has_value() ? last_->leaf_count : 0, " leaves at cycle ", last_rooted().value()));
  }
  return std::nullopt;
}

}  // namespace groat::relay
