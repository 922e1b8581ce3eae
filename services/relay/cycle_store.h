// The closed cycles: their signed roots and, once known, their ledger blocks. All of them on disk,
// so memory does not grow with time; everything in it can be told again by the log and the ledger.
//
// Thread-safe.
#ifndef GROAT_SERVICES_RELAY_CYCLE_STORE_H_
#define GROAT_SERVICES_RELAY_CYCLE_STORE_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "record/block.h"
#include "record/root_statement.h"
#include "storage/rocks_store.h"

namespace groat::relay_service {

struct ClosedCycle {
  record::SignedRoot root;
  uint64_t sealed_at_ms = 0;
  std::optional<record::Block> block;  // Unset until the ledger has it.

  record::Cycle cycle() const { return root.statement.cycle; }
};

class CycleStore {
 public:
  static absl::StatusOr<std::unique_ptr<CycleStore>> Open(const std::string& folder);

  // The greatest cycle added; 0 before the first.
  record::Cycle last() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Adds the cycle after last(), or the same cycle again (after a restart), which keeps its block.
  // CHECKs the order. A failed write stops the process.
  void Add(const ClosedCycle& cycle) ABSL_LOCKS_EXCLUDED(mutex_);
  // Notes the blocks of cycles that were added.
  void SetBlocks(std::span<const record::Block> blocks);

  // OutOfRange names the last closed cycle.
  absl::StatusOr<ClosedCycle> Get(record::Cycle cycle) const;
  // Up to `limit` cycles from `from` on, ascending.
  absl::StatusOr<std::vector<ClosedCycle>> List(record::Cycle from, size_t limit) const;

  // Calls `listener` after each Add, on the adding thread, with the new last cycle; it must only
  // hand on. Removing waits for a call that is under way.
  using Listener = std::function<void(record::Cycle last)>;
  uint64_t AddListener(Listener listener) ABSL_LOCKS_EXCLUDED(listener_mutex_);
  void RemoveListener(uint64_t id) ABSL_LOCKS_EXCLUDED(listener_mutex_);

 private:
  explicit CycleStore(storage::RocksStore store) : store_(std::move(store)) {}

  storage::RocksStore store_;
  mutable Mutex mutex_;
  record::Cycle last_ ABSL_GUARDED_BY(mutex_);
  Mutex listener_mutex_;
  uint64_t next_listener_ ABSL_GUARDED_BY(listener_mutex_) = 0;
  std::map<uint64_t, Listener> listeners_ ABSL_GUARDED_BY(listener_mutex_);
};

}  // namespace groat::relay_service

#endif  // GROAT_SERVICES_RELAY_CYCLE_STORE_H_
