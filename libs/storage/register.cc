#include "storage/register.h"

#include <utility>

#include "base/status_macros.h"

namespace groat::storage {

KeyRange KeyRange::Single(std::string_view key) {
  KeyRange range{std::string(key), std::string(key)};
  range.end.push_back('\0');
  return range;
}

KeyRange KeyRange::Prefix(std::string_view prefix) {
  KeyRange range{std::string(prefix), std::string(prefix)};
  // The least string above every string with the prefix: the last byte below 0xff, plus one.
  while (!range.end.empty() && range.end.back() == '\xff') range.end.pop_back();
  if (!range.end.empty()) {
    range.end.back() = static_cast<char>(static_cast<unsigned char>(range.end.back()) + 1);
  }
  return range;
}

absl::Status OutcomeUnknownError(std::string_view message) {
  return absl::DeadlineExceededError("outcome unknown: " + std::string(message));
}

absl::StatusOr<std::optional<KeyValue>> Register::Read(std::string_view key,
                                                       Consistency consistency) {
  GROAT_ASSIGN_OR_RETURN(RangeResult result, ReadRange(KeyRange::Single(key), 0, consistency));
  if (result.items.empty()) return std::optional<KeyValue>();
  return std::optional<KeyValue>(std::move(result.items.front()));
}

absl::StatusOr<RangeResult> Register::ReadRange(const KeyRange& range, int64_t limit,
                                                Consistency consistency) {
  GROAT_ASSIGN_OR_RETURN(ReadResult result, ReadRanges({RangeRead{range, limit}}, consistency));
  RangeContent& content = result.ranges.front();
  return RangeResult{result.revision, std::move(content.items), content.more};
}

}  // namespace groat::storage
