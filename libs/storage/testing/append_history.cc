#include "storage/testing/append_history.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace groat::storage::testing {

AppendHistory::Operation AppendHistory::BeginAppend(uint32_t number) {
  MutexLock lock(mutex_);
  Record& record = records_.emplace_back();
  record.is_append = true;
  record.number = number;
  record.begin = ++tick_;
  return records_.size() - 1;
}

AppendHistory::Operation AppendHistory::BeginRead() {
  MutexLock lock(mutex_);
  records_.emplace_back().begin = ++tick_;
  return records_.size() - 1;
}

void AppendHistory::EndAppend(Operation operation, Outcome outcome) {
  MutexLock lock(mutex_);
  records_[operation].outcome = outcome;
  if (outcome != Outcome::kUnknown) records_[operation].end = ++tick_;
}

void AppendHistory::EndRead(Operation operation, std::vector<uint32_t> list) {
  MutexLock lock(mutex_);
  records_[operation].outcome = Outcome::kDone;
  records_[operation].list = std::move(list);
  records_[operation].end = ++tick_;
}

size_t AppendHistory::size() const {
  MutexLock lock(mutex_);
  return records_.size();
}

std::optional<std::string> AppendHistory::FindViolation() const {
  std::vector<Record> records;
  {
    MutexLock lock(mutex_);
    records = records_;
  }
  // The order of all appends is what the longest read shows; every other read is a start of it.
  std::vector<uint32_t> order;
  for (const Record& record : records) {
    if (record.list.size() > order.size()) order = record.list;
  }
  for (const Record& record : records) {
    if (!std::equal(record.list.begin(), record.list.end(), order.begin())) {
      return absl::StrCat("reads disagree: [", absl::StrJoin(record.list, " "), "] and [",
                          absl::StrJoin(order, " "), "]");
    }
  }
  std::map<uint32_t, Outcome> appended;
  for (const Record& record : records) {
    if (record.is_append) appended[record.number] = record.outcome;
  }
  std::map<uint32_t, int> seen;
  for (uint32_t number : order) {
    const auto found = appended.find(number);
    if (found == appended.end()) return absl::StrCat(number, " was never appended");
    if (found->second == Outcome::kNotDone) return absl::StrCat(number, " was refused, yet read");
    if (++seen[number] > 1) return absl::StrCat(number, " is there twice");
  }
  return FindMisplaced(records, order);
}

// Gives every operation its place (the append that makes the list i long: 2i-1, a read of i
// numbers: 2i) and compares the places with the order in real time.
std::optional<std::string> AppendHistory::FindMisplaced(const std::vector<Record>& records,
                                                        const std::vector<uint32_t>& order) {
  std::map<uint32_t, int64_t> place_of_append;
  for (size_t i = 0; i < order.size(); ++i) {
    place_of_append[order[i]] = static_cast<int64_t>(2 * i + 1);
  }
  struct Placed {
    const Record* record;
    int64_t place;
  };
  std::vector<Placed> placed;
  for (const Record& record : records) {
    if (record.is_append) {
      const auto found = place_of_append.find(record.number);
      // One that no read shows comes after all reads that end before it begins.
      const int64_t place = found == place_of_append.end() ? kNever : found->second;
      if (place == kNever && record.outcome != Outcome::kDone) continue;
      placed.push_back({&record, place});
    } else if (record.outcome == Outcome::kDone) {
      placed.push_back({&record, static_cast<int64_t>(2 * record.list.size())});
    }
  }
  for (const Placed& a : placed) {
    for (const Placed& b : placed) {
      if (a.record->end > b.record->begin || a.place <= b.place) continue;
      const auto describe = [](const Record& record) {
        return record.is_append ? absl::StrCat("append of ", record.number)
                                : absl::StrCat("read of ", record.list.size(), " numbers");
      };
      return absl::StrCat(describe(*a.record), " ended before ", describe(*b.record),
                          " began, yet took effect after it");
    }
  }
  return std::nullopt;
}

}  // namespace groat::storage::testing
