#include "p2p/channel.h"

#include "absl/strings/str_cat.h"

namespace groat::p2p {
namespace {

bool IsLabel(std::string_view name) {
  for (const char c : name) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return !name.empty() && name.size() <= 32;
}

// `value` is a number of its own type: as a double, 1000001 would be told as 1e+06.
template <typename Number>
absl::Status Bad(absl::string_view field, Number value, absl::string_view want) {
  return absl::InvalidArgumentError(
      absl::StrCat("channel ", field, " is ", value, ", want ", want));
}

}  // namespace

absl::Status ChannelOptions::Validate() const {
  if (!IsLabel(name)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "channel name \"", name, "\", want 1 to 32 lower-case letters, digits and underscores"));
  }
  if (max_message_bytes == 0 || max_message_bytes > kMaxMessageBytes) {
    return Bad("max_message_bytes", max_message_bytes, absl::StrCat("1 to ", kMaxMessageBytes));
  }
  if (backlog_messages == 0 || backlog_messages > 1'000'000) {
    return Bad("backlog_messages", backlog_messages, "1 to 1000000");
  }
  // Otherwise a message of the greatest length could never be queued.
  if (backlog_bytes < max_message_bytes + 64 || backlog_bytes > size_t{1} << 30) {
    return Bad("backlog_bytes", backlog_bytes,
               absl::StrCat("at least max_message_bytes + 64, which is ", max_message_bytes + 64,
                            ", and at most 1 GiB"));
  }
  if (rate.has_value()) {
    if (!(rate->messages_per_second > 0)) {
      return Bad("rate.messages_per_second", rate->messages_per_second, "more than 0");
    }
    if (!(rate->bytes_per_second > 0)) {
      return Bad("rate.bytes_per_second", rate->bytes_per_second, "more than 0");
    }
    if (!(rate->burst_seconds >= 0.01 && rate->burst_seconds <= 60)) {
      return Bad("rate.burst_seconds", rate->burst_seconds, "0.01 to 60");
    }
  }
  if (zstd_level < 0 || zstd_level > 19) return Bad("zstd_level", zstd_level, "0 to 19");
  return absl::OkStatus();
}

}  // namespace groat::p2p
