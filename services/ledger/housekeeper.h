// A node's standing in the register: its lease, its turn as sequencer, its progress report, and, as
// sequencer, the window of blocks that the register keeps.
//
//   sequencer key | wish        | what this node does
//   --------------+-------------+------------------------------------------------------------
//   absent        | none, self  | puts itself there if it is fit (caught up, not halted)
//   absent        | other       | the same, once the other had its chance (one lease time)
//   self          | none, self  | stays; clears its wish
//   self          | other       | gives the key up
//   self, unfit   | any         | gives the key up
//   other         | any         | nothing
//
// Who is sequencer decides speed, never safety: two nodes that believe it are harmless.
// A thread of its own does the work. Public functions are thread-safe.
#ifndef GROAT_SERVICES_LEDGER_HOUSEKEEPER_H_
#define GROAT_SERVICES_LEDGER_HOUSEKEEPER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "services/ledger/node_context.h"
#include "services/ledger/wakeup.h"

namespace groat::ledger_service {

class Housekeeper {
 public:
  struct Callbacks {
    std::function<bool()> fit_as_sequencer;
    std::function<record::Height()> signed_height;
    std::function<void()> lease_renewed;  // Keys under the old lease are gone.
  };

  Housekeeper(const NodeContext& context, Callbacks callbacks)
      : context_(context), callbacks_(std::move(callbacks)) {}
  ~Housekeeper() { Stop(); }

  void Start();
  // Ends the lease, so that another node takes over at once.
  void Stop();
  void Poke() { wakeup_.Wake(); }

  // Zero if there is none now.
  storage::LeaseId lease() const;
  // The sequencer as last seen in the register.
  std::optional<record::NodeIndex> sequencer() const;

  // From the watch: the key's new content, or nothing if it is gone.
  void SequencerSeen(std::optional<record::NodeIndex> sequencer);

  // Asks the sequencer to make way for `node`. Errors of the register.
  absl::Status Wish(record::NodeIndex node);

 private:
  struct Standing {
    std::optional<record::NodeIndex> sequencer;
    int64_t sequencer_revision = 0;
    std::optional<record::NodeIndex> wish;
    int64_t wish_revision = 0;
  };

  void Run();
  absl::Status DoRound();
  absl::Status EnsureLease();
  absl::Status ReportProgress();
  absl::Status UpdateStanding();
  absl::Status Campaign(const Standing& standing);
  absl::Status GiveUp(const Standing& standing);
  absl::Status TrimWindow();
  absl::Status CompactHistory();

  const NodeContext& context_;
  const Callbacks callbacks_;
  Wakeup wakeup_;
  std::thread thread_;
  NodeProgress reported_;                                             // Of the own thread.
  int64_t compacted_ = 0;                                             // Of the own thread.
  std::optional<std::chrono::steady_clock::time_point> gave_way_at_;  // Of the own thread.

  mutable Mutex mutex_;
  std::shared_ptr<storage::Lease> lease_ ABSL_GUARDED_BY(mutex_);
  std::optional<record::NodeIndex> sequencer_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_HOUSEKEEPER_H_
