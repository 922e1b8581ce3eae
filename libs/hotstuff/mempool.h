// Commands that wait to be committed.
//
// Pure; single owner, not thread-safe. Bounded by count and by bytes, in all and for each replica
// that commands come from: with a share of capacity / (f + 1) each, f Byzantine replicas cannot
// fill it. A command stays until it is committed: if its block is abandoned, a later leader
// proposes it again (the dissertation's pseudocode loses it).
#ifndef GROAT_HOTSTUFF_MEMPOOL_H_
#define GROAT_HOTSTUFF_MEMPOOL_H_

#include <algorithm>
#include <list>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "hotstuff/command.h"
#include "hotstuff/look_ahead.h"

namespace groat::hotstuff {

struct MempoolBounds {
  size_t max_count = 100000;
  size_t max_bytes = 64u << 20;
};

class Mempool {
 public:
  // n replicas, the one this pool belongs to being `self` (or none of them, if it is no validator),
  // whose own share is the whole pool. No
  // command may be larger than a block of `block` holds.
  Mempool(const MempoolBounds& bounds, const CommandBounds& block, size_t n, ReplicaIndex self);

  enum class Verdict { kAdded, kPending, kFull, kTooLarge };
  // That the command is not committed already is the caller's to check. A command of another
  // replica that comes from `self` again becomes its own: whoever sent it first may be gone.
  Verdict Add(Command command, ReplicaIndex origin, uint64_t now_ms);
  // After commit; unknown keys are ignored.
  void Remove(const CommandKey& key);

  // As LookAhead in look_ahead.h, for loops that add, mark or remove.
  void LookAhead(const std::vector<Command>& commands, size_t i) const {
    hotstuff::LookAhead(index_, commands, i);
  }

  // Notes that this block holds the command.
  void MarkIncluded(const CommandKey& key, BlockSerial block);
  // The oldest commands, at most so many and one change of validators, that none of these blocks
  // (the uncommitted tail that the new block extends; ascending) holds. The first one may be longer
  // than `limit`, if it fits into a block.
  std::vector<Command> Select(const std::vector<BlockSerial>& tail,
                              const CommandBounds& limit) const;
  // Whether Select would fill a block.
  struct Waiting {
    size_t count = 0;
    size_t bytes = 0;
    std::optional<uint64_t> oldest_ms;  // When the oldest one arrived.
    bool full = false;                  // A block has no room for more.
  };
  Waiting WaitingFor(const std::vector<BlockSerial>& tail) const;

  // Those of this replica's own clients that are to be sent to the others once more, at most a
  // block's, oldest first: each one `pause_ms` after it came, and then whenever its age has
  // doubled. So who has no processor time to commit is not kept busy by repetitions.
  std::vector<Command> TakeOverdue(uint64_t now_ms, uint64_t pause_ms);
  // All that came from this replica's own clients, oldest first: for the pool of the next epoch.
  std::vector<Command> AllOwn() const;
  size_t own_count() const { return used_own_; }

  bool empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size(); }
  size_t bytes() const { return total_.bytes; }

 private:
  struct Entry {
    Command command;
    ReplicaIndex origin;
    uint64_t arrived_ms;
    BlockSerial included;
    uint64_t repeated_at_age_ms = 0;
  };
  struct Use {
    size_t count = 0;
    size_t bytes = 0;
  };
  Use& UseOf(ReplicaIndex origin) {
    return used_[std::min<size_t>(origin.value(), used_.size() - 1)];
  }
  void Adopt(Entry& entry);
  bool InTail(const Entry& entry, const std::vector<BlockSerial>& tail) const;
  template <typename Visit>
  void VisitWaiting(const std::vector<BlockSerial>& tail, Visit visit) const;

  const MempoolBounds bounds_;
  const CommandBounds block_;
  const ReplicaIndex self_;
  MempoolBounds share_;
  std::list<Entry> entries_;
  absl::flat_hash_map<CommandKey, std::list<Entry>::iterator> index_;
  std::vector<Use> used_;
  size_t used_own_ = 0;
  Use total_;
};

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_MEMPOOL_H_
