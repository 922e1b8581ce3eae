// Any bytes as a compressed body: an error, or as many bytes as it states, within the bound.
//
// The first byte chooses what the rest is: a body, a zstd frame behind a length that fits it, or
// changes to a sound body.
#include "p2p/message_codec.h"

#include <zstd.h>

#include "base/check.h"

namespace {

using groat::Bytes;
using groat::ByteView;

constexpr size_t kBound = 100'000;

void Check(ByteView body) {
  const auto payload = groat::p2p::Decompress(body, kBound);
  if (!payload.ok()) return;
  GROAT_CHECK_LE(payload->size(), kBound);
  GROAT_CHECK_EQ(payload->size(), groat::p2p::StatedPayloadBytes(body).value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const ByteView rest(data + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      Check(rest);
      break;
    case 1: {
      Bytes frame = {0x28, 0xb5, 0x2f, 0xfd};
      frame.insert(frame.end(), rest.begin(), rest.end());
      const unsigned long long stated = ZSTD_getFrameContentSize(frame.data(), frame.size());
      Check(groat::ByteWriter().U32(static_cast<uint32_t>(stated)).Raw(frame).bytes());
      break;
    }
    case 2: {
      // Something that compresses: the rest, twice over.
      Bytes payload(rest.begin(), rest.end());
      payload.insert(payload.end(), rest.begin(), rest.end());
      const groat::p2p::EncodedMessage encoded =
          groat::p2p::EncodeMessage(payload, 1 + data[0] / 4 % 19);
      if (encoded.compressed) {
        GROAT_CHECK_LT(encoded.body.size(), payload.size());
        const auto again = groat::p2p::Decompress(encoded.body, payload.size());
        GROAT_CHECK(again.ok() && *again == payload) << again.status().ToString();
      } else {
        GROAT_CHECK(encoded.body == payload);
      }
      break;
    }
    case 3: {
      static const Bytes sound = [] {
        Bytes payload;
        for (int i = 0; i < 3000; ++i) payload.push_back(static_cast<uint8_t>(i * i / 7 % 31));
        return groat::p2p::EncodeMessage(payload, 3).body;
      }();
      Bytes body = sound;
      for (size_t i = 0; i + 2 < rest.size(); i += 3) {
        body[(rest[i] * 256U + rest[i + 1]) % body.size()] ^= rest[i + 2];
      }
      Check(body);
      break;
    }
  }
  return 0;
}
