#include "rpc/status.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "google/protobuf/util/time_util.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace groat::rpc {
namespace {

using google::protobuf::util::TimeUtil;

constexpr int kLastCanonicalCode = static_cast<int>(absl::StatusCode::kUnauthenticated);

// Length of the UTF-8 sequence at the start of `text`, 0 if it is not a valid one.
size_t SequenceLength(absl::string_view text) {
  const auto byte = [&text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Over-long forms, surrogates and code points above U+10FFFF.
  if (first == 0xe0 && byte(1) < 0xa0) return 0;
  if (first == 0xed && byte(1) > 0x9f) return 0;
  if (first == 0xf0 && byte(1) < 0x90) return 0;
  if (first == 0xf4 && byte(1) > 0x8f) return 0;
  return length;
}

// Protobuf strings must be UTF-8; a cut must not split a character.
std::string BoundedUtf8(absl::string_view text) {
  std::string out;
  while (!text.empty() && out.size() < kMaxMessageBytes) {
    const size_t length = SequenceLength(text);
    if (out.size() + length > kMaxMessageBytes) break;
    if (length == 0) {
      out.push_back('?');
      text.remove_prefix(1);
    } else {
      out.append(text.data(), length);
      text.remove_prefix(length);
    }
  }
  return out;
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(BoundedUtf8(status.message()));
  // Payloads have no order of their own: sorted, so that the same status gives the same bytes.
  std::vector<std::pair<std::string, std::string>> payloads;
  status.ForEachPayload([&payloads](absl::string_view url, const absl::Cord& value) {
    payloads.emplace_back(std::string(url), std::string(value));
  });
  std::sort(payloads.begin(), payloads.end());
  for (auto& [url, value] : payloads) {
    google::protobuf::Any* detail = details.add_details();
    detail->set_type_url(BoundedUtf8(url));
    detail->set_value(std::move(value));
    if (details.ByteSizeLong() > kMaxDetailsBytes) details.mutable_details()->RemoveLast();
  }
  const auto code = static_cast<grpc::StatusCode>(status.code());
  if (details.details_size() == 0) return grpc::Status(code, details.message());
  return grpc::Status(code, details.message(), details.SerializeAsString());
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const int code = status.error_code();
  const bool canonical = code > 0 && code <= kLastCanonicalCode;
  absl::Status out(canonical ? static_cast<absl::StatusCode>(code) : absl::StatusCode::kUnknown,
                   status.error_message());
  google::rpc::Status details;
  if (status.error_details().empty() || !details.ParseFromString(status.error_details())) {
    return out;
  }
  for (const google::protobuf::Any& detail : details.details()) {
    out.SetPayload(detail.type_url(), absl::Cord(detail.value()));
  }
  return out;
}

absl::Status WithRetryDelay(absl::Status status, std::chrono::milliseconds delay) {
  google::rpc::RetryInfo info;
  *info.mutable_retry_delay() =
      TimeUtil::MillisecondsToDuration(std::max<int64_t>(0, delay.count()));
  SetDetail(status, info);
  return status;
}

std::optional<std::chrono::milliseconds> RetryDelay(const absl::Status& status) {
  const std::optional<google::rpc::RetryInfo> info = GetDetail<google::rpc::RetryInfo>(status);
  if (!info.has_value()) return std::nullopt;
  // A peer's value is not taken on trust: TimeUtil stops the process for one out of range.
  constexpr int64_t kLongestSeconds = 24 * 60 * 60;
  const int64_t seconds = std::clamp<int64_t>(info->retry_delay().seconds(), 0, kLongestSeconds);
  const int32_t nanos = std::clamp(info->retry_delay().nanos(), 0, 999'999'999);
  return std::chrono::milliseconds(seconds * 1000 + nanos / 1'000'000);
}

}  // namespace groat::rpc
