// The chain as one node has verified it, and the rules for the next block.
//
// Pure: no I/O, clock, thread or randomness. Single owner; not thread-safe.
// A block is accepted only if it extends the head (height, previous id, timestamp), its relay is
// known, the relay signed its root, and the root follows the relay's last one.
#ifndef GROAT_LEDGER_CHAIN_H_
#define GROAT_LEDGER_CHAIN_H_

#include <map>
#include <string>

#include "ledger/relay_rules.h"
#include "record/block.h"

namespace groat::ledger {

// The top of a chain. All zero for the empty chain.
struct ChainHead {
  record::Height height;
  Bytes32 id;
  uint64_t timestamp_ms = 0;

  static ChainHead Of(const record::Block& block) {
    return {block.height, block.Id(), block.timestamp_ms};
  }
  friend bool operator==(const ChainHead&, const ChainHead&) = default;
};

// The last root of one relay and shard, and the block that records it.
struct RelayTip {
  record::Height height;
  record::RootStatement statement;

  friend bool operator==(const RelayTip&, const RelayTip&) = default;
};

using RelayTips = std::map<RelayShard, RelayTip>;

enum class BlockVerdict {
  kExtends,       // The next block, and right in every way.
  kKnownHeight,   // At or below the head: the caller compares ids.
  kAhead,         // Above the next height: blocks between are missing.
  kOtherHistory,  // The next height, but it follows another block than our head.
  kWrong,         // The next height on our head, yet it breaks a rule that its writer had to keep.
};

struct BlockCheck {
  BlockVerdict verdict = BlockVerdict::kExtends;
  std::string reason;  // With values; empty for kExtends.
};

// Whether VerifyRoot was OK already for the root in a block.
enum class RootSignature { kUnchecked, kChecked };

class Chain {
 public:
  // `head` and `tips` are those of the last accepted block; empty on first start. `rules` must
  // outlive the chain.
  Chain(const RelayRules& rules, ChainHead head, RelayTips tips)
      : rules_(rules), head_(head), tips_(std::move(tips)) {}

  // One Ed25519 verification for a block of the next height whose signature is unchecked.
  BlockCheck Check(const record::Block& block,
                   RootSignature signature = RootSignature::kUnchecked) const;

  // Only for a block for which Check said kExtends.
  void Apply(const record::Block& block);

  const ChainHead& head() const { return head_; }
  const RelayTips& tips() const { return tips_; }

 private:
  const RelayRules& rules_;
  ChainHead head_;
  RelayTips tips_;
};

}  // namespace groat::ledger

#endif  // GROAT_LEDGER_CHAIN_H_
