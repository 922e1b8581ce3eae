// Two histories of one ledger that cannot both be right: what a node shows when it stops.
//
// Pure.
#ifndef GROAT_LEDGER_FORK_H_
#define GROAT_LEDGER_FORK_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ledger/chain.h"
#include "record/checkpoint.h"

namespace groat::ledger {

struct ChainPoint {
  record::Height height;
  Bytes32 id;

  static ChainPoint Of(const ChainHead& head) { return {head.height, head.id}; }
  friend bool operator==(const ChainPoint&, const ChainPoint&) = default;
};

enum class ForkKind {
  kWentBack,       // The register's head is below what the node had applied before it looked.
  kOtherHistory,   // The register has another block at a height that the node has applied.
  kOtherQuorum,    // A quorum of nodes signed another block or log than the node's.
  kSignedHistory,  // The node's own blocks are not those that it once signed.
};

struct Fork {
  ForkKind kind = ForkKind::kWentBack;
  std::string reason;              // With values.
  std::vector<ChainPoint> ours;    // Ascending, the last ones.
  std::vector<ChainPoint> theirs;  // Ascending, the last ones.
  std::optional<ChainPoint> last_signed = std::nullopt;

  // The highest point that is in both lists.
  std::optional<ChainPoint> LastCommon() const;
  // One line with everything above, for logs and for errors that callers see.
  std::string Describe() const;
};

// The id of this node's block at a height that it has applied.
using IdAt = std::function<Bytes32(record::Height)>;

// Whether a register whose head is `theirs` can hold the chain of a node that had applied `ours`
// BEFORE the register was read (linearizably). A head above ours is judged when its blocks come.
// Nothing means that they agree so far.
std::optional<ForkKind> CompareHeads(const ChainPoint& ours, const ChainPoint& theirs,
                                     const IdAt& our_id_at);

}  // namespace groat::ledger

#endif  // GROAT_LEDGER_FORK_H_
