#include "services/consensus/command_search.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::consensus_service {
namespace {

// Finds what is still wanted in one block.
absl::Status FindIn(const StoredBlock& stored, Height height,
                    absl::flat_hash_set<hotstuff::CommandKey>& wanted, FoundCommands& found) {
  ByteReader reader(stored.commands());
  for (uint32_t index = 0; reader.remaining() > 0; ++index) {
    const hotstuff::ClientId client(reader.U64());
    const hotstuff::CommandKey key{client, hotstuff::Sequence(reader.U64())};
    const ByteView payload = reader.Raw(reader.U32());
    if (reader.failed()) {
      return absl::DataLossError(
          absl::StrCat("block of height ", height.value(), ": command ", index, " is cut short"));
    }
    if (std::binary_search(stored.repeated.begin(), stored.repeated.end(), index)) continue;
    if (wanted.erase(key) > 0) found[key] = {{height, index}, HashOfPayload(payload)};
  }
  return absl::OkStatus();
}

}  // namespace

Hash HashOfPayload(ByteView payload) {
  static const Blake3Context context("groat 2026 consensus command payload v1");
  return context(payload);
}

absl::StatusOr<FoundCommands> FindCommands(const BlockStore& store,
                                           const std::vector<hotstuff::CommandKey>& keys,
                                           size_t lookback_blocks) {
  absl::flat_hash_set<hotstuff::CommandKey> wanted(keys.begin(), keys.end());
  FoundCommands found;
  Height height = store.last();
  for (size_t i = 0; i < lookback_blocks && height != Height(0) && !wanted.empty(); ++i) {
    const absl::StatusOr<StoredBlock> stored = store.At(height);
    if (absl::IsOutOfRange(stored.status())) break;
    GROAT_RETURN_IF_ERROR(stored.status());
    GROAT_RETURN_IF_ERROR(FindIn(*stored, height, wanted, found));
    height = height.Previous();
  }
  return found;
}

}  // namespace groat::consensus_service
