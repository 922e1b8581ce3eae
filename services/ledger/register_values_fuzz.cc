// Decoders of the register's values and names: any bytes give an error or a value that encodes to
// the same bytes, never a crash. The register is shared infrastructure: others can write into it.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "services/ledger/register_keys.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace groat;                  // NOLINT: one function.
  using namespace groat::ledger_service;  // NOLINT
  if (size == 0) return 0;
  const std::string_view value(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Bytes32 ledger_id;
  switch (data[0] % 7) {
    case 0:
      if (const auto head = DecodeHead(ledger_id, value); head.ok()) {
        GROAT_CHECK(EncodeHead(ledger_id, *head) == value);
      }
      break;
    case 1:
      if (const auto tip = DecodeTip(value); tip.ok()) GROAT_CHECK(EncodeTip(*tip) == value);
      break;
    case 2:
      if (const auto run = DecodeBlockRun(value); run.ok()) {
        GROAT_CHECK(EncodeBlockRun(*run) == value);
      }
      break;
    case 3:
      if (const auto progress = DecodeProgress(value); progress.ok()) {
        GROAT_CHECK(EncodeProgress(*progress) == value);
      }
      break;
    case 4:
      if (const auto share = DecodeShare(record::NodeIndex(1), value); share.ok()) {
        GROAT_CHECK(EncodeShare(*share) == value);
      }
      break;
    case 5:
      if (const auto node = DecodeNode(value); node.ok()) GROAT_CHECK(EncodeNode(*node) == value);
      break;
    case 6: {
      const RegisterKeys keys("p/");
      const auto name = keys.Parse(value);
      if (!name.has_value()) break;
      if (name->kind == RegisterKeys::Kind::kBlockRun) {
        GROAT_CHECK(keys.BlockRun(name->height).size() == value.size());
      }
      break;
    }
  }
  return 0;
}
