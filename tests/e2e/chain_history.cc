#include "tests/e2e/chain_history.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace groat::e2e {

using record::Block;
using record::Height;

ChainHistory::Operation ChainHistory::BeginAppend(record::RelayId relay, record::Cycle cycle) {
  MutexLock lock(mutex_);
  Record record;
  record.is_append = true;
  record.root = {relay, cycle};
  record.begin = ++tick_;
  records_.push_back(record);
  return records_.size() - 1;
}

ChainHistory::Operation ChainHistory::BeginRead() {
  MutexLock lock(mutex_);
  Record record;
  record.begin = ++tick_;
  records_.push_back(record);
  return records_.size() - 1;
}

void ChainHistory::End(Operation operation, Height height, const Bytes32& id) {
  MutexLock lock(mutex_);
  Record& record = records_[operation];
  record.height = height;
  record.id = id;
  record.end = ++tick_;
}

void ChainHistory::EndAppend(Operation operation, const Block& block) {
  End(operation, block.height, block.Id());
}

void ChainHistory::EndRead(Operation operation, const std::optional<Block>& head) {
  if (head.has_value()) {
    End(operation, head->height, head->Id());
  } else {
    End(operation, Height(0), Bytes32());
  }
}

std::string ChainHistory::Describe(const Record& record) {
  const std::string what = record.is_append
                               ? absl::StrCat("append of relay ", record.root.first.value(),
                                              " cycle ", record.root.second.value())
                               : std::string("read");
  const std::string end = record.end == kNever ? "unanswered" : absl::StrCat(record.end);
  return absl::StrCat(what, " of height ", record.height.value(), " [", record.begin, ", ", end,
                      "]");
}

std::optional<std::string> ChainHistory::Place(const std::vector<Record>& records,
                                               const std::vector<Block>& chain,
                                               std::vector<Placed>& placed) {
  std::map<RootName, uint64_t> heights;
  for (const Block& block : chain) {
    const record::RootStatement& statement = block.root.statement;
    const auto [position, inserted] =
        heights.try_emplace({statement.relay, statement.cycle}, block.height.value());
    if (!inserted) {
      return absl::StrCat(statement.Name(), " is in blocks ", position->second, " and ",
                          block.height.value());
    }
  }
  std::map<RootName, bool> begun;
  for (const Record& record : records) {
    const bool answered = record.end != kNever;
    if (answered && record.height.value() > 0 &&
        (record.height.value() > chain.size() ||
         chain[record.height.value() - 1].Id() != record.id)) {
      return absl::StrCat(Describe(record), " told block ", record.id.Hex(),
                          ", which is not in the chain of ", chain.size(), " blocks");
    }
    if (!record.is_append) {
      if (answered) placed.push_back({2 * record.height.value() + 1, &record});
      continue;
    }
    begun[record.root] = true;
    const auto height = heights.find(record.root);
    if (height == heights.end()) {
      if (answered) return absl::StrCat(Describe(record), " was acknowledged and is lost");
      continue;
    }
    if (answered && height->second != record.height.value()) {
      return absl::StrCat(Describe(record), " is in block ", height->second);
    }
    placed.push_back({2 * height->second, &record});
  }
  for (const auto& [root, height] : heights) {
    if (begun.count(root) == 0) {
      return absl::StrCat("block ", height, " has relay ", root.first.value(), " cycle ",
                          root.second.value(), ", which nobody appended");
    }
  }
  return std::nullopt;
}

std::optional<std::string> ChainHistory::FindViolation(const std::vector<Block>& chain) const {
  std::vector<Record> records;
  {
    MutexLock lock(mutex_);
    records = records_;
  }
  std::vector<Placed> by_begin;
  if (auto violation = Place(records, chain, by_begin)) return violation;
  std::vector<Placed> by_end = by_begin;
  std::sort(by_begin.begin(), by_begin.end(),
            [](const Placed& a, const Placed& b) { return a.record->begin < b.record->begin; });
  std::sort(by_end.begin(), by_end.end(),
            [](const Placed& a, const Placed& b) { return a.record->end < b.record->end; });
  // The latest place of all operations that had ended before the one looked at began.
  Placed latest;
  size_t ended = 0;
  for (const Placed& next : by_begin) {
    for (; ended < by_end.size() && by_end[ended].record->end < next.record->begin; ++ended) {
      if (latest.record == nullptr || by_end[ended].place > latest.place) latest = by_end[ended];
    }
    if (latest.record != nullptr && next.place < latest.place) {
      return absl::StrCat(Describe(*next.record), " at place ", next.place / 2, " began after ",
                          Describe(*latest.record), " at place ", latest.place / 2, " had ended");
    }
  }
  return std::nullopt;
}

size_t ChainHistory::acknowledged_appends() const {
  MutexLock lock(mutex_);
  return static_cast<size_t>(
      std::count_if(records_.begin(), records_.end(),
                    [](const Record& record) { return record.is_append && record.end != kNever; }));
}

size_t ChainHistory::reads() const {
  MutexLock lock(mutex_);
  return static_cast<size_t>(std::count_if(
      records_.begin(), records_.end(),
      [](const Record& record) { return !record.is_append && record.end != kNever; }));
}

}  // namespace groat::e2e
