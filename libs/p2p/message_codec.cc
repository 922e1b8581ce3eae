#include "p2p/message_codec.h"

#include <zstd.h>

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::p2p {
namespace {

constexpr size_t kLengthBytes = 4;

bool HasMagicNumber(ByteView frame) {
  constexpr std::array<uint8_t, 4> kMagic = {0x28, 0xb5, 0x2f, 0xfd};  // RFC 8878, section 3.1.1.
  return frame.size() >= kMagic.size() && std::equal(kMagic.begin(), kMagic.end(), frame.begin());
}

}  // namespace

EncodedMessage EncodeMessage(ByteView payload, int level) {
  EncodedMessage out;
  if (level > 0 && payload.size() > kLengthBytes) {
    // Room for less than the payload: zstd gives up where it would not become shorter.
    out.body.resize(payload.size() - 1);
    StoreBigEndian(payload.size(), out.body.data(), kLengthBytes);
    const size_t size =
        ZSTD_compress(out.body.data() + kLengthBytes, out.body.size() - kLengthBytes,
                      payload.data(), payload.size(), level);
    if (ZSTD_isError(size) == 0) {
      out.body.resize(kLengthBytes + size);
      out.compressed = true;
      return out;
    }
  }
  out.body.assign(payload.begin(), payload.end());
  return out;
}

absl::StatusOr<size_t> StatedPayloadBytes(ByteView body) {
  if (body.size() <= kLengthBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("compressed body is ", body.size(), " bytes, want more than ", kLengthBytes));
  }
  return static_cast<size_t>(LoadBigEndian(body.data(), kLengthBytes));
}

absl::StatusOr<Bytes> Decompress(ByteView body, size_t max_bytes) {
  GROAT_ASSIGN_OR_RETURN(const size_t stated, StatedPayloadBytes(body));
  if (stated > max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("compressed payload is ", stated, " bytes, at most ", max_bytes));
  }
  const ByteView frame = body.subspan(kLengthBytes);
  // A zstd frame tells its size as well; a second frame behind the first would hide from that. The
  // library may also read frames of its older formats and skip frames that hold nothing: their
  // magic numbers differ, and nothing but this format is handed to a decoder.
  if (!HasMagicNumber(frame) || ZSTD_getFrameContentSize(frame.data(), frame.size()) != stated ||
      ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("compressed body is not one zstd frame of ", stated, " bytes"));
  }
  Bytes payload(stated);
  const size_t size = ZSTD_decompress(payload.data(), payload.size(), frame.data(), frame.size());
  if (ZSTD_isError(size) != 0 || size != stated) {
    return absl::InvalidArgumentError(absl::StrCat(
        "compressed body: ", ZSTD_isError(size) != 0 ? ZSTD_getErrorName(size) : "short"));
  }
  return payload;
}

}  // namespace groat::p2p
