// Any bytes as a frame, and its entries as control messages: an error or entries, never a crash,
// and whatever decodes has exactly one encoding.
#include "base/check.h"
#include "p2p/control_message.h"
#include "p2p/frame.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace groat::p2p;
  const groat::ByteView input(data, size);
  groat::Bytes again;
  FrameReader reader(input);
  bool ok = true;
  while (ok && !reader.done()) {
    const auto entry = reader.Next();
    ok = entry.ok();
    if (!ok) break;
    AppendEntry(*entry, again);
    const auto message = DecodeControl(entry->body);
    if (!message.ok()) continue;
    const groat::Bytes encoded = EncodeControl(*message);
    GROAT_CHECK(std::equal(encoded.begin(), encoded.end(), entry->body.begin(), entry->body.end()));
  }
  if (ok) GROAT_CHECK(std::equal(again.begin(), again.end(), input.begin(), input.end()));

  // Without a frame around it, which random input seldom has.
  const auto message = DecodeControl(input);
  if (message.ok()) {
    const groat::Bytes encoded = EncodeControl(*message);
    GROAT_CHECK(std::equal(encoded.begin(), encoded.end(), input.begin(), input.end()));
  }
  return 0;
}
