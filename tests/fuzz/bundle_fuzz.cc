// A proof bundle's JSON from anybody: parsing and verifying never crash, and nothing verifies
// against a trust file that signed nothing.
#include "asset/bundle.h"
#include "base/check.h"
#include "wire/provenance.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace groat;  // NOLINT
  static const asset::Trust trust = [] {
    asset::Trust out;
    const Ed25519PrivateKey key = Ed25519PrivateKey::Generate();
    const bls::SecretKey node = bls::SecretKey::Generate();
    out.ledger_nodes = {{node.public_key(), bls::PopProve(node)}};
    out.relays = {{record::RelayId(1), 0, 0, key.public_key()}};
    return out;
  }();
  const auto bundle = wire::ParseBundle(AsText(ByteView(data, size)));
  if (bundle.ok()) GROAT_CHECK(!asset::Verify(*bundle, trust).ok());
  return 0;
}
