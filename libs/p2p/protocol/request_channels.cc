#include "p2p/protocol/request_channels.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::p2p {

Bytes RequestMessage::Encode() const { return ByteWriter().U64(id).Raw(key).Take(); }

absl::StatusOr<RequestMessage> RequestMessage::Decode(ByteView bytes) {
  ByteReader reader(bytes);
  RequestMessage request;
  request.id = reader.U64();
  const ByteView key = reader.Raw(reader.remaining());
  GROAT_RETURN_IF_ERROR(reader.Finish("request"));
  if (key.empty() || key.size() > kMaxRequestKeyBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("request's key is ", key.size(), " bytes, want 1 to ", kMaxRequestKeyBytes));
  }
  request.key.assign(key.begin(), key.end());
  return request;
}

Bytes AnswerMessage::Encode() const {
  return ByteWriter().U64(id).U8(static_cast<uint8_t>(kind)).Raw(value).Take();
}

absl::StatusOr<AnswerMessage> AnswerMessage::Decode(ByteView bytes) {
  ByteReader reader(bytes);
  AnswerMessage answer;
  answer.id = reader.U64();
  const uint8_t kind = reader.U8();
  const ByteView value = reader.Raw(reader.remaining());
  GROAT_RETURN_IF_ERROR(reader.Finish("answer"));
  if (kind < static_cast<uint8_t>(AnswerKind::kValue) ||
      kind > static_cast<uint8_t>(AnswerKind::kBusy)) {
    return absl::InvalidArgumentError(absl::StrCat("answer's kind is ", kind, ", want 1 to 3"));
  }
  answer.kind = static_cast<AnswerKind>(kind);
  if (answer.kind != AnswerKind::kValue && !value.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("answer of kind ", kind, " has a value of ", value.size(), " bytes, want 0"));
  }
  answer.value.assign(value.begin(), value.end());
  return answer;
}

absl::StatusOr<RequestChannels> RegisterRequestChannels(Network& network,
                                                        const RequestChannelsOptions& options) {
  if (options.max_value_bytes == 0 ||
      options.max_value_bytes > kMaxMessageBytes - kAnswerHeaderBytes) {
    return absl::InvalidArgumentError(absl::StrCat("max_value_bytes is ", options.max_value_bytes,
                                                   ", want 1 to ",
                                                   kMaxMessageBytes - kAnswerHeaderBytes));
  }
  ChannelOptions requests;
  requests.name = options.name + "_requests";
  requests.max_message_bytes = sizeof(uint64_t) + kMaxRequestKeyBytes;
  requests.rate = options.request_rate;
  ChannelOptions answers;
  answers.name = options.name + "_answers";
  answers.priority = options.answer_priority;
  answers.max_message_bytes = options.max_value_bytes + kAnswerHeaderBytes;
  // Room for two of the longest answers.
  answers.backlog_bytes =
      std::max(answers.backlog_bytes, 2 * (answers.max_message_bytes + size_t{64}));
  answers.zstd_level = options.answer_zstd_level;
  GROAT_ASSIGN_OR_RETURN(const Channel request_channel,
                         network.Register(options.requests, requests));
  GROAT_ASSIGN_OR_RETURN(const Channel answer_channel, network.Register(options.answers, answers));
  return RequestChannels{request_channel, answer_channel, options.max_value_bytes};
}

}  // namespace groat::p2p
