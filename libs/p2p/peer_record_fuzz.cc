// Any bytes as a record: an error, or a record with exactly that encoding and a sound address.
// A sound record that the input changes anywhere is no longer signed.
#include "p2p/peer_record.h"

#include "base/check.h"

namespace {

using groat::Bytes;
using groat::p2p::PeerRecord;

void DecodeAny(groat::ByteView bytes) {
  const auto record = PeerRecord::Decode(bytes);
  if (!record.ok()) return;
  const Bytes encoded = record->Encode();
  GROAT_CHECK(std::equal(encoded.begin(), encoded.end(), bytes.begin(), bytes.end()));
  GROAT_CHECK_OK(groat::p2p::CheckAddress(record->address));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const groat::Hash space = groat::p2p::NamespaceHash("fuzz");
  static const PeerRecord good = groat::p2p::SignPeerRecord(
      groat::Ed25519PrivateKey(groat::Bytes32()), space, 1'700'000'000'000, "host-1.example:4433");
  const groat::ByteView input(data, size);
  DecodeAny(input);
  const auto address = groat::p2p::CheckAddress(groat::AsText(input), /*allow_port_0=*/true);
  if (!address.ok()) {
    for (const char c : address.message()) GROAT_CHECK(c >= 0x20 && c <= 0x7e);
  }

  // Two bytes of input change one byte of the good record.
  Bytes changed = good.Encode();
  const Bytes original = changed;
  for (size_t i = 0; i + 1 < size; i += 2) changed[data[i] % changed.size()] ^= data[i + 1];
  DecodeAny(changed);
  const auto record = PeerRecord::Decode(changed);
  GROAT_CHECK(VerifyPeerRecord(good, space));
  if (record.ok()) GROAT_CHECK_EQ(VerifyPeerRecord(*record, space), changed == original);
  return 0;
}
