#include "p2p/trace/trace_text.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace groat::p2p {
namespace {

constexpr size_t kShownBytes = 48;
constexpr size_t kShownPeers = 16;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

std::string PeersText(std::span<const PeerId> peers) {
  std::string text = "[";
  for (size_t i = 0; i < std::min(peers.size(), kShownPeers); ++i) {
    absl::StrAppend(&text, i == 0 ? "" : " ", ShortName(peers[i]));
  }
  if (peers.size() > kShownPeers) absl::StrAppend(&text, " and ", peers.size() - kShownPeers);
  return text + "]";
}

// Length and digits, "5:68656c6c6f".
std::string PayloadText(ByteView payload) {
  return absl::StrCat(payload.size(), ":",
                      ToHex(payload.first(std::min(payload.size(), kShownBytes))),
                      payload.size() > kShownBytes ? "..." : "");
}

}  // namespace

std::string TraceFieldText(const TraceRecord& record, TraceField field) {
  switch (field) {
    case TraceField::kNumber:
      return absl::StrCat(record.number);
    case TraceField::kSecondNumber:
      return absl::StrCat(record.second_number);
    case TraceField::kChannel:
      return absl::StrCat(record.channel.value());
    case TraceField::kPeer:
      return ShortName(record.peer);
    case TraceField::kPeers:
      return PeersText(record.peers);
    case TraceField::kRecipients:
      return record.to_all ? "all" : PeersText(record.recipients);
    case TraceField::kPayload:
      return PayloadText(record.payload);
    case TraceField::kMessage:
      if (!record.has_message) return "none";
      return absl::StrCat(ShortName(record.from), "/", PayloadText(record.payload));
    case TraceField::kLabel:
      return absl::CEscape(View(record.label));
    case TraceField::kText:
      return absl::StrCat("\"", absl::CEscape(View(record.text)), "\"");
    case TraceField::kCode:
      return absl::StatusCodeToString(record.code);
  }
  return "";
}

std::string TraceRecordText(const TraceRecord& record, TraceAnswers answers) {
  std::string text(NameOf(record.kind));
  for (const TraceFieldLayout& layout : LayoutOf(record.kind)) {
    // What begins a task is an input as a whole.
    const bool is_shown =
        !layout.is_answer || answers == TraceAnswers::kWith || BeginsTask(record.kind);
    if (!is_shown) continue;
    absl::StrAppend(&text, " ", View(layout.name), "=", TraceFieldText(record, layout.field));
  }
  return text;
}

}  // namespace groat::p2p
