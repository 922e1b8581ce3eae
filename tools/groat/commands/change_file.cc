#include "tools/groat/commands/change_file.h"

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/whole_file.h"
#include "hotstuff/message.h"

namespace groat::commands {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxFileBytes = 1 << 20;
constexpr mode_t kPublicMode = 0644;

absl::Status Named(const std::string& path, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", what));
}

}  // namespace

absl::Status WriteChange(const std::string& path, const hotstuff::ValidatorChange& change) {
  return WriteWholeFile(path, AsBytes(ToHex(change.Encode()) + "\n"), kPublicMode,
                        IfExists::kRefuse);
}

absl::StatusOr<hotstuff::ValidatorChange> ReadChange(const std::string& path) {
  GROAT_ASSIGN_OR_RETURN(const WholeFile file, ReadWholeFile(path, kMaxFileBytes));
  std::string text = file.content;
  absl::StripAsciiWhitespace(&text);
  const absl::StatusOr<Bytes> bytes = FromHex(text);
  if (!bytes.ok()) return Named(path, bytes.status().message());
  absl::StatusOr<hotstuff::ValidatorChange> change = hotstuff::ValidatorChange::Decode(*bytes);
  if (!change.ok()) return Named(path, change.status().message());
  if (change->next == hotstuff::Epoch(0)) return Named(path, "a change to epoch 0, want 1 or more");
  return change;
}

absl::Status WriteApprovals(const std::string& path, const Hash& change,
                            const Approvals& approvals) {
  Json root;
  root["change"] = change.Hex();
  root["approvals"] = Json::array();
  for (const auto& [signer, share] : approvals) {
    root["approvals"].push_back({{"signer", signer}, {"share", ToHex(share)}});
  }
  return WriteWholeFile(path, AsBytes(root.dump(2) + "\n"), kPublicMode, IfExists::kRefuse);
}

absl::StatusOr<Approvals> ReadApprovals(const std::string& path, const Hash& change) {
  GROAT_ASSIGN_OR_RETURN(const WholeFile file, ReadWholeFile(path, kMaxFileBytes));
  const Json root = Json::parse(file.content, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object() || !root.contains("change") || !root["change"].is_string() ||
      !root.contains("approvals") || !root["approvals"].is_array()) {
    return Named(path, "no JSON object with a text \"change\" and a list \"approvals\"");
  }
  if (root["change"].get_ref<const std::string&>() != change.Hex()) {
    return Named(path, absl::StrCat("approves the change ", root["change"].dump(), ", want \"",
                                    change.Hex(), "\""));
  }
  Approvals out;
  for (const Json& item : root["approvals"]) {
    const std::string where = absl::StrCat("approvals[", out.size(), "]");
    if (!item.is_object() || !item.contains("signer") || !item["signer"].is_number_unsigned() ||
        item["signer"].get<uint64_t>() >= hotstuff::kMaxReplicas || !item.contains("share") ||
        !item["share"].is_string()) {
      return Named(path, absl::StrCat(where, " has no \"signer\" below ", hotstuff::kMaxReplicas,
                                      " and text \"share\""));
    }
    const absl::StatusOr<Bytes> share = FromHex(item["share"].get<std::string>());
    if (!share.ok() || share->size() > hotstuff::Vote::kMaxShareBytes) {
      return Named(path, absl::StrCat(where, ": the share is not up to ",
                                      2 * hotstuff::Vote::kMaxShareBytes, " hexadecimal digits"));
    }
    if (!out.emplace(item["signer"].get<uint32_t>(), *share).second) {
      return Named(path, absl::StrCat(where, ": signer ", item["signer"].dump(), " twice"));
    }
  }
  return out;
}

}  // namespace groat::commands
