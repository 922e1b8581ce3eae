// Collects the nodes' signatures over log heights until a quorum makes a checkpoint, and says which
// heights a node should sign so that a quorum meets.
//
// Pure: no I/O, clock, thread or randomness. Single owner; not thread-safe. Memory is bounded by
// kMaxHeightsPerNode shares a node.
#ifndef GROAT_LEDGER_CHECKPOINT_COLLECTOR_H_
#define GROAT_LEDGER_CHECKPOINT_COLLECTOR_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ledger/sign_guard.h"
#include "record/checkpoint.h"

namespace groat::ledger {

// Shares kept of one node; the lowest height goes first.
inline constexpr size_t kMaxHeightsPerNode = 64;

// One node's signature over a checkpoint.
struct Share {
  record::NodeIndex node;
  SignMark point;
  record::NodeSignature signature;

  friend bool operator==(const Share&, const Share&) = default;
};

// This node's own point at a height that it has applied; nothing above.
using PointAt = std::function<std::optional<SignMark>(record::Height)>;

class CheckpointCollector {
 public:
  enum class AddResult {
    kAdded,
    kRepeated,
    kPassed,          // At or below the newest checkpoint: of no use any more.
    kWrongSignature,  // Not by that node over that point.
    kEquivocation,    // The node signed another point of the same height before: it is faulty.
  };

  // `newest` is the last persisted checkpoint. `keys` must outlive the collector.
  CheckpointCollector(const Bytes32& ledger_id, const record::NodeKeys& keys,
                      std::optional<record::SignedCheckpoint> newest);

  // One BLS verification, about 1 ms.
  AddResult Add(const Share& share);

  // A checkpoint of another source, e.g. a peer: taken over if it is newer, a quorum signed it and
  // it agrees with our point at its height. InvalidArgument otherwise; OutOfRange above our head.
  absl::Status Adopt(const record::SignedCheckpoint& checkpoint, const PointAt& ours);

  struct Progress {
    bool formed = false;  // newest() has changed.
    // A quorum signed a point that is not ours: our history is not the ledger's.
    std::optional<SignMark> other_quorum;
    // Nodes that signed another point than ours at a height we have, newly found: faulty nodes, or
    // a fork that has no quorum (yet).
    std::vector<Share> conflicts;
  };
  // Looks for the highest quorum on our own chain. To be called after shares were added and after
  // the chain grew.
  Progress TryForm(const PointAt& ours);

  // The next heights to sign for the node `self`, which has verified everything up to `verified`:
  // that height first, then the highest one that others signed and it did not. At most two.
  std::vector<record::Height> HeightsToSign(record::NodeIndex self, record::Height verified) const;

  const std::optional<record::SignedCheckpoint>& newest() const { return newest_; }
  record::Height newest_height() const {
    return newest_.has_value() ? newest_->checkpoint.height : record::Height(0);
  }
  // The bytes that a node signs for a point.
  Bytes MessageFor(const SignMark& point) const;

 private:
  struct Entry {
    Share share;
    bool conflict_reported = false;
  };
  using SharesOfHeight = std::map<record::NodeIndex, Entry>;

  record::Checkpoint CheckpointOf(const SignMark& point) const;
  void SetNewest(record::SignedCheckpoint checkpoint);
  void DropLowestIfTooMany(record::NodeIndex node);

  const Bytes32 ledger_id_;
  const record::NodeKeys& keys_;
  std::optional<record::SignedCheckpoint> newest_;
  std::map<record::Height, SharesOfHeight> shares_;
};

}  // namespace groat::ledger

#endif  // GROAT_LEDGER_CHECKPOINT_COLLECTOR_H_
