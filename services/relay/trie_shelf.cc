#include "services/relay/trie_shelf.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "relay/journal.h"

namespace groat::relay_service {
namespace {

using record::Cycle;
using record::Period;

// Puts the log's records of old cycles back into one trie a period.
class TrieBuilder {
 public:
  TrieBuilder(uint64_t period_cycles, Cycle first) : period_cycles_(period_cycles), cycle_(first) {}

  absl::Status Visit(const storage::LogRecord& bytes) {
    GROAT_ASSIGN_OR_RETURN(relay::JournalRecord record, relay::DecodeJournalRecord(bytes.bytes));
    if (auto* updates = std::get_if<relay::UpdatesRecord>(&record)) {
      entries_.insert(entries_.end(), updates->entries.begin(), updates->entries.end());
      return absl::OkStatus();
    }
    if (std::holds_alternative<relay::SealedRecord>(record)) return Seal();
    return absl::OkStatus();
  }
  std::map<Period, std::shared_ptr<merkle::Trie>> Take() { return std::move(tries_); }

 private:
  absl::Status Seal() {
    std::sort(entries_.begin(), entries_.end(),
              [](const auto& a, const auto& b) { return a.key < b.key; });
    auto& trie = tries_[record::PeriodOf(cycle_, period_cycles_)];
    if (trie == nullptr) trie = std::make_shared<merkle::Trie>();
    GROAT_RETURN_IF_ERROR(trie->BeginCycle(cycle_.value()));
    GROAT_RETURN_IF_ERROR(trie->Add(entries_));
    trie->Seal();
    entries_.clear();
    cycle_ = cycle_.Next();
    return absl::OkStatus();
  }

  const uint64_t period_cycles_;
  Cycle cycle_;
  std::vector<relay::TrieEntry> entries_;
  std::map<Period, std::shared_ptr<merkle::Trie>> tries_;
};

}  // namespace

TrieShelf::TrieShelf(uint64_t period_cycles, size_t max_bytes, ReplayGroup replay)
    : period_cycles_(period_cycles),
      max_bytes_(max_bytes),
      replay_(std::move(replay)),
      open_(std::make_shared<merkle::Trie>()) {}

void TrieShelf::SetOpen(Period period, TriePtr trie) {
  TriePtr closed;
  Period closed_period;
  open_bytes_ = trie->memory_bytes();
  {
    WriterMutexLock lock(open_mutex_);
    if (trie != open_) {
      closed = std::exchange(open_, std::move(trie));
      closed_period = open_period_;
    }
    open_period_ = period;
  }
  if (closed == nullptr || closed_period == period) return;
  MutexLock lock(old_mutex_);
  Keep(closed_period, std::move(closed));
}

absl::Status TrieShelf::Read(Period period,
                             const std::function<absl::Status(const merkle::Trie&)>& read) {
  {
    ReaderMutexLock lock(open_mutex_);
    if (period == open_period_) return read(*open_);
    if (period > open_period_) {
      return absl::OutOfRangeError(
          absl::StrCat("period ", period.value(), ", the last is ", open_period_.value()));
    }
  }
  GROAT_ASSIGN_OR_RETURN(const TriePtr trie, Old(period));
  return read(*trie);
}

void TrieShelf::Keep(Period period, TriePtr trie) {
  if (old_.contains(period)) return;
  old_bytes_ += trie->memory_bytes();
  old_[period] = std::move(trie);
  used_.push_front(period);
  // The newest stays even if it alone is over the bound: somebody is about to read it.
  while (old_bytes_ > max_bytes_ && used_.size() > 1) {
    const auto oldest = old_.find(used_.back());
    old_bytes_ -= oldest->second->memory_bytes();
    old_.erase(oldest);
    used_.pop_back();
  }
}

absl::StatusOr<TrieShelf::TriePtr> TrieShelf::Old(Period period) {
  const Cycle first = record::FirstCycleOf(period, period_cycles_);
  const uint64_t group = relay::LogGroupOf(first, period_cycles_);
  {
    MutexLock lock(old_mutex_);
    while (true) {
      if (const auto found = old_.find(period); found != old_.end()) {
        used_.remove(period);
        used_.push_front(period);
        return found->second;
      }
      if (building_.insert(group).second) break;
      built_.Wait(old_mutex_);
    }
  }
  absl::StatusOr<std::map<Period, TriePtr>> tries = Build(group);
  TriePtr wanted;
  {
    MutexLock lock(old_mutex_);
    building_.erase(group);
    if (tries.ok()) {
      wanted = (*tries)[period];
      for (auto& [built_period, trie] : *tries) {
        if (trie != nullptr) Keep(built_period, std::move(trie));
      }
    }
  }
  built_.NotifyAll();
  GROAT_RETURN_IF_ERROR(tries.status());
  if (wanted == nullptr) {
    return absl::DataLossError(absl::StrCat("the log has no cycle of period ", period.value()));
  }
  return wanted;
}

absl::StatusOr<std::map<Period, TrieShelf::TriePtr>> TrieShelf::Build(uint64_t group) const {
  TrieBuilder builder(period_cycles_, Cycle(group * relay::GroupCycles(period_cycles_) + 1));
  GROAT_RETURN_IF_ERROR(
      replay_(group, [&](const storage::LogRecord& record) { return builder.Visit(record); }));
  std::map<Period, TriePtr> out;
  Period open_period;
  {
    ReaderMutexLock lock(open_mutex_);
    open_period = open_period_;
  }
  for (auto& [period, trie] : builder.Take()) {
    if (period < open_period) out[period] = std::move(trie);
  }
  return out;
}

}  // namespace groat::relay_service
