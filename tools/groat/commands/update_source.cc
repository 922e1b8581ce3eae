#include "tools/groat/commands/update_source.h"

#include <nlohmann/json.hpp>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/random.h"

namespace groat::commands {
namespace {

absl::StatusOr<record::Update> FromTexts(std::string_view unlock, std::string_view value) {
  record::Update update;
  GROAT_ASSIGN_OR_RETURN(update.unlock, Bytes32::FromHexText(unlock, "unlock"));
  GROAT_ASSIGN_OR_RETURN(update.value, Bytes32::FromHexText(value, "value"));
  return update;
}

absl::StatusOr<record::Update> ParseJsonLine(std::string_view line) {
  const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  const auto text = [&json](const char* name) -> const std::string* {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get_ptr<const std::string*>()
                                                     : nullptr;
  };
  if (!json.is_object() || json.size() != 2 || text("unlock") == nullptr ||
      text("value") == nullptr) {
    return absl::InvalidArgumentError("want {\"unlock\": HEX, \"value\": HEX}");
  }
  return FromTexts(*text("unlock"), *text("value"));
}

absl::StatusOr<record::Update> ParseCsvLine(std::string_view line) {
  const size_t comma = line.find(',');
  if (comma == std::string_view::npos) {
    return absl::InvalidArgumentError("want UNLOCK,VALUE or a JSON object");
  }
  return FromTexts(line.substr(0, comma), line.substr(comma + 1));
}

std::string_view TakeLine(std::string_view& text) {
  const size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

}  // namespace

absl::StatusOr<std::vector<record::Update>> ParseUpdates(std::string_view text,
                                                         std::string_view name) {
  std::vector<record::Update> updates;
  for (size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = TakeLine(text);
    if (line.empty() || (number == 1 && line == "unlock,value")) continue;
    absl::StatusOr<record::Update> update =
        line.front() == '{' ? ParseJsonLine(line) : ParseCsvLine(line);
    if (!update.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(std::string(name), ":", number, ": ",
                                                     std::string(update.status().message())));
    }
    updates.push_back(*update);
  }
  if (updates.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(std::string(name), ": holds no update"));
  }
  return updates;
}

std::vector<record::Update> RandomUpdates(size_t count) {
  std::vector<record::Update> updates;
  for (size_t i = 0; i < count; ++i) updates.push_back({RandomBytes<32>(), RandomBytes<32>()});
  return updates;
}

std::vector<size_t> CutBatches(const std::vector<record::Update>& updates, size_t max_size) {
  std::vector<size_t> starts;
  absl::flat_hash_set<Bytes32> unlocks;
  for (size_t i = 0; i < updates.size(); ++i) {
    const bool repeated = unlocks.contains(updates[i].unlock);
    if (starts.empty() || repeated || i - starts.back() == max_size) {
      starts.push_back(i);
      unlocks.clear();
    }
    unlocks.insert(updates[i].unlock);
  }
  return starts;
}

}  // namespace groat::commands
