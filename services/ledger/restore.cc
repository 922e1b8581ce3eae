#include "services/ledger/restore.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::ledger_service {
namespace {

using record::Block;
using record::Height;

// Blocks in one key: those of a large append.
constexpr size_t kBlocksPerRun = 1000;

// Whether a restore of this store may go on although the register has the item: it says nothing
// about the chain, or it is what this restore would write before the head.
bool IsHarmless(const BlockStore& store, const RegisterKeys& keys, const storage::KeyValue& item) {
  const std::optional<RegisterKeys::Name> name = keys.Parse(item.key);
  if (!name.has_value()) return false;
  switch (name->kind) {
    case RegisterKeys::Kind::kHead:
      return false;
    case RegisterKeys::Kind::kBlockRun: {
      const absl::StatusOr<std::vector<Block>> blocks = DecodeBlockRun(item.value);
      return blocks.ok() && std::all_of(blocks->begin(), blocks->end(), [&](const Block& block) {
               return store.IdAt(block.height) == block.Id();
             });
    }
    case RegisterKeys::Kind::kRelay: {
      const absl::StatusOr<ledger::RelayTip> tip = DecodeTip(item.value);
      if (!tip.ok()) return false;
      const absl::StatusOr<Block> block = store.AtHeight(tip->height);
      return block.ok() && block->root.statement == tip->statement;
    }
    case RegisterKeys::Kind::kProgress:
    case RegisterKeys::Kind::kSignature:
    case RegisterKeys::Kind::kSequencer:
    case RegisterKeys::Kind::kSequencerWish:
      return true;  // Of nodes that were started before the restore.
  }
  return false;
}

absl::Status CheckEmpty(const BlockStore& store, const RegisterKeys& keys, storage::Register& reg) {
  storage::KeyRange range = keys.All();
  while (true) {
    GROAT_ASSIGN_OR_RETURN(const storage::RangeResult page, reg.ReadRange(range, 16));
    for (const storage::KeyValue& item : page.items) {
      if (IsHarmless(store, keys, item)) continue;
      return absl::FailedPreconditionError(
          absl::StrCat("the register is not empty: it has the key ", item.key,
                       "; a restore needs a new register or another prefix"));
    }
    if (!page.more) return absl::OkStatus();
    range.begin = page.items.back().key + '\0';
  }
}

}  // namespace

absl::StatusOr<Height> RestoreRegister(const BlockStore& store, const Bytes32& ledger_id,
                                       const RegisterKeys& keys, uint64_t window_blocks,
                                       storage::Register& reg) {
  const ledger::ChainHead head = store.head();
  if (head.height.value() == 0) {
    return absl::FailedPreconditionError("the backup has no blocks: there is nothing to restore");
  }
  GROAT_RETURN_IF_ERROR(CheckEmpty(store, keys, reg));
  Height next(head.height.value() > window_blocks ? head.height.value() - window_blocks + 1 : 1);
  while (next <= head.height) {
    GROAT_ASSIGN_OR_RETURN(const std::vector<Block> blocks, store.Range(next, kBlocksPerRun));
    if (blocks.empty())
      return absl::DataLossError(absl::StrCat("block ", next.value(), " is gone"));
    storage::Transaction transaction;
    transaction.compares = {{keys.Head(), 0}};
    transaction.puts = {{keys.BlockRun(blocks.back().height), EncodeBlockRun(blocks), {}}};
    GROAT_ASSIGN_OR_RETURN(const storage::CommitResult result, reg.Commit(transaction));
    if (!result.committed) {
      return absl::FailedPreconditionError("the register got a head while it was restored");
    }
    next = blocks.back().height.Next();
  }
  GROAT_ASSIGN_OR_RETURN(const ledger::RelayTips tips, store.Tips());
  storage::Transaction transaction;
  transaction.compares = {{keys.Head(), 0}};
  transaction.puts = {{keys.Head(), EncodeHead(ledger_id, head), {}}};
  for (const auto& [name, tip] : tips) {
    // The last ones go along with the head; more than fit must go before it.
    if (transaction.puts.size() == storage::kMaxWrites) {
      storage::Transaction earlier;
      earlier.compares = transaction.compares;
      earlier.puts.assign(transaction.puts.begin() + 1, transaction.puts.end());
      GROAT_RETURN_IF_ERROR(reg.Commit(earlier).status());
      transaction.puts.resize(1);
    }
    transaction.puts.push_back({keys.Relay(name), EncodeTip(tip), {}});
  }
  GROAT_ASSIGN_OR_RETURN(const storage::CommitResult result, reg.Commit(transaction));
  if (!result.committed) {
    return absl::FailedPreconditionError("the register got a head while it was restored");
  }
  return head.height;
}

}  // namespace groat::ledger_service
