#include "storage/register_transaction.h"

#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::storage {
namespace {

absl::Status AddUnique(const std::string& key, absl::string_view role,
                       std::set<std::string_view>& seen) {
  if (key.empty()) return absl::InvalidArgumentError(absl::StrCat(role, " of an empty key"));
  if (!seen.insert(key).second) {
    return absl::InvalidArgumentError(
        absl::StrCat(role, " of key \"", absl::CHexEscape(key), "\" twice"));
  }
  return absl::OkStatus();
}

absl::Status ValidateRange(const KeyRange& range, absl::string_view role) {
  if (!range.end.empty() && range.begin >= range.end) {
    return absl::InvalidArgumentError(absl::StrCat(role, " of an empty range from \"",
                                                   absl::CHexEscape(range.begin), "\" to \"",
                                                   absl::CHexEscape(range.end), "\""));
  }
  return absl::OkStatus();
}

absl::Status ValidateDeletes(const Transaction& transaction) {
  for (const KeyRange& range : transaction.deletes) {
    GROAT_RETURN_IF_ERROR(ValidateRange(range, "delete"));
    for (const Put& put : transaction.puts) {
      if (!range.Contains(put.key)) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("key \"", absl::CHexEscape(put.key), "\" is put and deleted"));
    }
  }
  return absl::OkStatus();
}

size_t SizeBytes(const Transaction& transaction) {
  size_t size = 0;
  for (const Compare& compare : transaction.compares) size += compare.key.size();
  for (const Put& put : transaction.puts) size += put.key.size() + put.value.size();
  for (const KeyRange& range : transaction.deletes) size += range.begin.size() + range.end.size();
  return size;
}

}  // namespace

absl::Status ValidateTransaction(const Transaction& transaction) {
  const size_t writes = transaction.puts.size() + transaction.deletes.size();
  if (writes == 0) return absl::InvalidArgumentError("a transaction writes nothing");
  if (writes > kMaxWrites) {
    return absl::InvalidArgumentError(
        absl::StrCat(writes, " puts and deletes in a transaction, want at most ", kMaxWrites));
  }
  if (transaction.compares.size() > kMaxCompares) {
    return absl::InvalidArgumentError(absl::StrCat(
        transaction.compares.size(), " comparisons in a transaction, want at most ", kMaxCompares));
  }
  if (SizeBytes(transaction) > kMaxTransactionBytes) {
    return absl::InvalidArgumentError(absl::StrCat("a transaction of ", SizeBytes(transaction),
                                                   " bytes, want at most ", kMaxTransactionBytes));
  }
  std::set<std::string_view> compared;
  for (const Compare& compare : transaction.compares) {
    GROAT_RETURN_IF_ERROR(AddUnique(compare.key, "comparison", compared));
  }
  std::set<std::string_view> put_keys;
  for (const Put& put : transaction.puts) {
    GROAT_RETURN_IF_ERROR(AddUnique(put.key, "put", put_keys));
  }
  return ValidateDeletes(transaction);
}

absl::Status ValidateRead(const std::vector<RangeRead>& ranges) {
  if (ranges.empty() || ranges.size() > kMaxRangesInRead) {
    return absl::InvalidArgumentError(
        absl::StrCat(ranges.size(), " ranges in a read, want 1 to ", kMaxRangesInRead));
  }
  for (const RangeRead& read : ranges) {
    GROAT_RETURN_IF_ERROR(ValidateRange(read.range, "read"));
    if (read.limit < 0) {
      return absl::InvalidArgumentError(absl::StrCat("limit ", read.limit, ", want 0 or more"));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateTimeToLive(absl::Duration ttl) {
  if (ttl < absl::Seconds(1) || ttl != absl::Trunc(ttl, absl::Seconds(1))) {
    return absl::InvalidArgumentError(absl::StrCat("time to live ", absl::FormatDuration(ttl),
                                                   ", want whole seconds, at least 1s"));
  }
  return absl::OkStatus();
}

}  // namespace groat::storage
