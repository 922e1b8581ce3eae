// Every decoder of records that come from disk or from others: whatever decodes must encode to the
// same bytes, and nothing may crash.
#include "asset/trust.h"
#include "base/check.h"
#include "record/block.h"
#include "relay/journal.h"

namespace groat {
namespace {

void TryBlock(ByteView bytes) {
  const auto block = record::Block::Decode(bytes);
  if (block.ok()) GROAT_CHECK(block->Encode() == Bytes(bytes.begin(), bytes.end()));
}

void TryJournal(ByteView bytes) {
  const auto record = relay::DecodeJournalRecord(bytes);
  if (!record.ok()) return;
  Bytes again;
  if (const auto* updates = std::get_if<relay::UpdatesRecord>(&*record)) {
    again = relay::EncodeUpdates(updates->entries);
  } else if (const auto* sealed = std::get_if<relay::SealedRecord>(&*record)) {
    again = relay::Encode(*sealed);
  } else {
    again = relay::Encode(std::get<relay::RootedRecord>(*record));
  }
  GROAT_CHECK(again == Bytes(bytes.begin(), bytes.end()));
}

void TryTrust(ByteView bytes) {
  const auto trust = asset::ParseTrust(AsText(bytes));
  if (trust.ok()) GROAT_CHECK(asset::ParseTrust(asset::FormatTrust(*trust)).ok());
}

}  // namespace
}  // namespace groat

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const groat::ByteView bytes(data, size);
  groat::TryBlock(bytes);
  groat::TryJournal(bytes);
  groat::TryTrust(bytes);
  return 0;
}
