// The one mapping between absl::Status, which the program uses, and grpc::Status, which calls
// carry.
//
// Payloads of an absl::Status travel both ways: each becomes a `google.protobuf.Any` in the
// serialised `google.rpc.Status` of the call's error details.
//
// Pure; thread-safe.
#ifndef GROAT_RPC_STATUS_H_
#define GROAT_RPC_STATUS_H_

#include <grpcpp/support/status.h>

#include <chrono>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/cord.h"

namespace groat::rpc {

// Trailers count against the peer's limit of metadata, 8 KiB in most implementations of gRPC; a
// longer status would reach the client as an error of the transport.
inline constexpr size_t kMaxMessageBytes = 1024;
inline constexpr size_t kMaxDetailsBytes = 5 * 1024;

// Same code and message; payloads become details. A message over kMaxMessageBytes is cut, bytes
// that are not UTF-8 become '?'; payloads that do not fit into kMaxDetailsBytes are left out.
// An OK status never has a message or details.
grpc::Status ToGrpc(const absl::Status& status);

// Same code and message; details become payloads. A code that is not canonical becomes UNKNOWN,
// details that do not parse are ignored. OK if `status` is OK.
absl::Status FromGrpc(const grpc::Status& status);

// The type URL under which a message of this type is a payload.
template <class Message>
std::string TypeUrl() {
  return "type.googleapis.com/" + Message::descriptor()->full_name();
}

// Attaches a protobuf message, e.g. google::rpc::BadRequest; replaces one of the same type.
// No effect on an OK status.
template <class Message>
void SetDetail(absl::Status& status, const Message& detail) {
  status.SetPayload(TypeUrl<Message>(), absl::Cord(detail.SerializeAsString()));
}

// The detail of this type, or nothing if there is none or it does not parse.
template <class Message>
std::optional<Message> GetDetail(const absl::Status& status) {
  const std::string url = TypeUrl<Message>();
  const absl::optional<absl::Cord> payload = status.GetPayload(url);
  Message message;
  if (!payload.has_value() || !message.ParseFromString(std::string(*payload))) return std::nullopt;
  return message;
}

// `status` with a google.rpc.RetryInfo: the client should wait this long before it tries again.
absl::Status WithRetryDelay(absl::Status status, std::chrono::milliseconds delay);
// The delay that the server asked for, if any; never negative.
std::optional<std::chrono::milliseconds> RetryDelay(const absl::Status& status);

}  // namespace groat::rpc

#endif  // GROAT_RPC_STATUS_H_
