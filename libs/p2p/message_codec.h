// Compression of messages: what travels for a payload, and back.
//
//   compressed body   payload length u32 ‖ one zstd frame of exactly that many bytes
//
// A body is compressed only where that makes it shorter. The length is checked against the
// channel's bound before anything is allocated, so a small body cannot become a large payload.
//
// Pure.
#ifndef GROAT_P2P_MESSAGE_CODEC_H_
#define GROAT_P2P_MESSAGE_CODEC_H_

#include "absl/status/statusor.h"
#include "base/bytes.h"

namespace groat::p2p {

struct EncodedMessage {
  Bytes body;
  bool compressed = false;
};

// `level` 0 leaves the payload as it is.
EncodedMessage EncodeMessage(ByteView payload, int level);

// The payload's length as a compressed body states it. InvalidArgument if the body is too short.
absl::StatusOr<size_t> StatedPayloadBytes(ByteView body);

// The payload of a compressed body. ResourceExhausted if it states more than `max_bytes`,
// InvalidArgument if it is no zstd frame of just the stated length.
absl::StatusOr<Bytes> Decompress(ByteView body, size_t max_bytes);

}  // namespace groat::p2p

#endif  // GROAT_P2P_MESSAGE_CODEC_H_
