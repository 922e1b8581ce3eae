// Which signed roots this process has verified, so that none is verified twice: a node checks a
// root when it is asked to append it, and meets it again in a block.
//
// Bounded: what was forgotten is checked once more. Thread-safe.
#ifndef GROAT_SERVICES_LEDGER_CHECKED_ROOTS_H_
#define GROAT_SERVICES_LEDGER_CHECKED_ROOTS_H_

#include <map>
#include <span>
#include <utility>

#include "base/mutex.h"
#include "ledger/chain.h"

namespace groat::ledger_service {

class CheckedRoots {
 public:
  static constexpr size_t kMaxRoots = 8192;

  // `roots` for which CheckRoots said nothing.
  void Add(std::span<const record::SignedRoot> roots) {
    MutexLock lock(mutex_);
    for (const record::SignedRoot& root : roots) {
      if (roots_.size() >= kMaxRoots) roots_.clear();  // Left over from calls that failed.
      roots_[KeyOf(root)] = root;
    }
  }

  // Forgets the root as well: a block is applied once.
  ledger::RootSignature Take(const record::SignedRoot& root) {
    MutexLock lock(mutex_);
    const auto found = roots_.find(KeyOf(root));
    if (found == roots_.end() || found->second != root) return ledger::RootSignature::kUnchecked;
    roots_.erase(found);
    return ledger::RootSignature::kChecked;
  }

 private:
  using Key = std::pair<ledger::RelayShard, record::Cycle>;
  static Key KeyOf(const record::SignedRoot& root) {
    return {ledger::RelayShard::Of(root.statement), root.statement.cycle};
  }

  Mutex mutex_;
  std::map<Key, record::SignedRoot> roots_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_CHECKED_ROOTS_H_
