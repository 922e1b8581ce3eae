// The two channels on which values are fetched by key, and the bytes on them: requests, which are
// short and quick, and answers, which may be long.
//
// Bytes: request = id u64 ‖ key (1 to 64 bytes); answer = id u64 ‖ kind u8 ‖ value, where only the
// kind kValue has a value, which may be empty. The id is the asker's and means nothing to others.
//
// Pure, but for RegisterRequestChannels.
#ifndef GROAT_P2P_PROTOCOL_REQUEST_CHANNELS_H_
#define GROAT_P2P_PROTOCOL_REQUEST_CHANNELS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "p2p/channel.h"
#include "p2p/network.h"

namespace groat::p2p {

inline constexpr size_t kMaxRequestKeyBytes = 64;
inline constexpr size_t kAnswerHeaderBytes = 9;

struct RequestMessage {
  uint64_t id = 0;
  Bytes key;

  Bytes Encode() const;
  // InvalidArgument names the length of the key, 1 to kMaxRequestKeyBytes.
  static absl::StatusOr<RequestMessage> Decode(ByteView bytes);
  // Nothing in a request is wrong by itself.
  absl::Status Validate() { return absl::OkStatus(); }
};

enum class AnswerKind : uint8_t {
  kValue = 1,
  kDoNotHave = 2,
  kBusy = 3,  // Too many requests wait here; others may do better.
};

struct AnswerMessage {
  uint64_t id = 0;
  AnswerKind kind = AnswerKind::kDoNotHave;
  Bytes value;

  Bytes Encode() const;
  // InvalidArgument names an unknown kind, or the length of a value that the kind does not have.
  static absl::StatusOr<AnswerMessage> Decode(ByteView bytes);
  // Whether the value is right is for the application to say, which knows the key.
  absl::Status Validate() { return absl::OkStatus(); }
};

struct RequestChannelsOptions {
  std::string name = {};  // "blocks" names "blocks_requests" and "blocks_answers"; at most 23 long.
  ChannelId requests = {};
  ChannelId answers = {};
  size_t max_value_bytes = size_t{1} << 20;  // 1 to kMaxMessageBytes - kAnswerHeaderBytes.
  Priority answer_priority = Priority::kBulk;
  int answer_zstd_level = 0;
  // What each peer may ask.
  std::optional<RateLimit> request_rate = std::nullopt;
};

struct RequestChannels {
  Channel requests;
  Channel answers;
  size_t max_value_bytes;
};

// Before Network::Start. Errors as Network::Register.
absl::StatusOr<RequestChannels> RegisterRequestChannels(Network& network,
                                                        const RequestChannelsOptions& options);

}  // namespace groat::p2p

#endif  // GROAT_P2P_PROTOCOL_REQUEST_CHANNELS_H_
