// Follows the register's blocks: verifies each, stores it, and tells who waits.
//
// Blocks come as hints (a watch, this node's own appends) and by linearizable reads, which fill
// gaps and judge: at least once every poll interval, and at once if a hint does not fit. A node
// that is behind the register's window takes the blocks from its peers. Those are hash-linked and
// signed by relays but not yet known to be the register's: `confirmed` counts them only when a
// block of the register has followed them.
// Blocks that come fast are written together, at most once an apply interval.
//
// A thread of its own owns the chain. Public functions are thread-safe.
#ifndef GROAT_SERVICES_LEDGER_FOLLOWER_H_
#define GROAT_SERVICES_LEDGER_FOLLOWER_H_

#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "ledger/chain.h"
#include "services/ledger/checked_roots.h"
#include "services/ledger/height_gate.h"
#include "services/ledger/node_context.h"
#include "services/ledger/peers.h"
#include "services/ledger/register_view.h"
#include "services/ledger/wakeup.h"

namespace groat::ledger_service {

class Follower {
 public:
  Follower(const NodeContext& context, Peers& peers, CheckedRoots& checked)
      : context_(context), peers_(peers), checked_(checked) {}
  ~Follower() { Stop(); }

  // Called on the follower's thread after blocks were applied or confirmed, with the applied
  // height. Must be
  // short. Only before Start.
  void OnApplied(std::function<void(record::Height)> callback) {
    on_applied_.push_back(std::move(callback));
  }

  // Called once on the follower's thread, when nothing was missing for the first time. Must be
  // short. Only before Start.
  void OnCaughtUp(std::function<void()> callback) { on_caught_up_ = std::move(callback); }

  // Reads the stored chain and begins to follow. DataLoss if the store is damaged.
  absl::Status Start();
  void Stop();

  // Blocks that were committed to the register, as far as the caller knows.
  void OfferBlocks(std::vector<record::Block> blocks);
  // Asks for a read now.
  void Poke();

  // What is applied; raised before OnApplied's callbacks run.
  const HeightGate& applied() const { return applied_; }
  // What is applied and known to be the register's.
  const HeightGate& confirmed() const { return confirmed_; }
  // Whether the last linearizable read succeeded and nothing was missing after it.
  bool caught_up() const;

 private:
  void Run();
  // Until the apply interval since the last write is over, or somebody waits for blocks.
  void AwaitTurn();
  // True if some offered blocks did not fit and a read has to judge.
  bool ApplyOffered();
  // Reads and applies until nothing is missing. False if the register did not answer.
  bool ReadAndApply();
  // Blocks of the register, ascending, from a linearizable read. False after a halt or a failure.
  bool ApplyConfirmed(const std::vector<record::Block>& blocks);
  // From peers, up to below `next_in_register`. False if no peer has them.
  bool CatchUpFromPeers(record::Height next_in_register);
  void Store(const std::vector<record::Block>& blocks, bool confirmed);
  void Announce();
  // Takes the blocks that extend the chain, from the first on; the check of the first other one.
  // Blocks that were taken already, also in the same call, are passed over.
  ledger::BlockCheck Extend(const std::vector<record::Block>& blocks, bool confirmed);

  const NodeContext& context_;
  Peers& peers_;
  CheckedRoots& checked_;
  const RegisterView view_{context_};
  std::vector<std::function<void(record::Height)>> on_applied_;
  std::function<void()> on_caught_up_;  // Empty once called.
  HeightGate applied_;
  HeightGate confirmed_;
  Wakeup wakeup_;
  std::thread thread_;
  // Of the own thread.
  std::unique_ptr<ledger::Chain> chain_;
  std::chrono::steady_clock::time_point stored_at_;

  mutable Mutex mutex_;
  std::vector<record::Block> offered_ ABSL_GUARDED_BY(mutex_);
  bool read_wanted_ ABSL_GUARDED_BY(mutex_) = true;
  bool caught_up_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_FOLLOWER_H_
