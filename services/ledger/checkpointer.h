// Signs heights whose growth this node has verified, collects the other nodes' signatures, and
// forms checkpoints.
//
// In order, for every signature: the sign guard agrees, its mark is durable, the signature is made,
// it is published under a lease. Not every height is signed: while one publication is under way,
// and for the sign interval after a signature, the verified height moves on, and the next signature
// is for the newest one; besides, the node signs verified heights that others have signed, so that
// a majority meets (CheckpointCollector).
//
// A thread of its own owns collector and guard. Public functions are thread-safe.
#ifndef GROAT_SERVICES_LEDGER_CHECKPOINTER_H_
#define GROAT_SERVICES_LEDGER_CHECKPOINTER_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "bls/secret_key.h"
#include "ledger/checkpoint_collector.h"
#include "services/ledger/node_context.h"
#include "services/ledger/register_view.h"
#include "services/ledger/wakeup.h"

namespace groat::ledger_service {

class Checkpointer {
 public:
  // `lease` gives the node's present lease, zero for none. `key` must outlive the checkpointer.
  Checkpointer(const NodeContext& context, const bls::SecretKey& key,
               std::function<storage::LeaseId()> lease)
      : context_(context), key_(key), lease_(std::move(lease)) {}
  ~Checkpointer() { Stop(); }

  // Called on the own thread after a newer checkpoint stands. Must be short. Only before Start.
  void OnCheckpoint(std::function<void()> callback) {
    on_checkpoint_.push_back(std::move(callback));
  }

  // Reads sign mark and checkpoint. DataLoss if they are damaged, or contradict the stored blocks.
  absl::Status Start();
  void Stop();

  // The height that was signed last; growth below it was verified by an earlier run.
  record::Height signed_height() const;
  std::optional<record::SignedCheckpoint> newest() const;

  // A block of this height was stored a moment ago.
  void NoteApplied(record::Height height);
  void SetVerified(record::Height height);
  void OfferShare(ledger::Share share);
  // Publishes again what may have been lost with an old lease.
  void Republish();

 private:
  void Run();
  void TakeShares();
  void Form();
  // For the metric of the time from block to checkpoint.
  void Measure(record::Height checkpoint);
  // How long the next signature has to wait.
  std::chrono::milliseconds TimeToSign() const;
  void Sign();
  // False if it has to be tried again later.
  bool Publish();
  std::optional<ledger::SignMark> PointAt(record::Height height) const;

  const NodeContext& context_;
  const bls::SecretKey& key_;
  const std::function<storage::LeaseId()> lease_;
  const RegisterView view_{context_};
  std::vector<std::function<void()>> on_checkpoint_;
  Wakeup wakeup_;
  std::thread thread_;

  // Of the own thread.
  std::unique_ptr<ledger::CheckpointCollector> collector_;
  std::unique_ptr<ledger::SignGuard> guard_;
  std::map<record::Height, ledger::Share> own_;  // Signed, above the newest checkpoint, or newest.
  std::set<record::Height> unpublished_;         // Of those in own_.
  std::set<record::Height> published_;           // Keys in the register, as far as known.
  std::chrono::milliseconds backoff_{0};
  std::chrono::steady_clock::time_point last_signed_at_;

  mutable Mutex mutex_;
  std::deque<ledger::Share> shares_ ABSL_GUARDED_BY(mutex_);
  // When the last blocks were stored, by height, ascending.
  std::deque<std::pair<record::Height, std::chrono::steady_clock::time_point>> applied_times_
      ABSL_GUARDED_BY(mutex_);
  record::Height verified_ ABSL_GUARDED_BY(mutex_);
  record::Height signed_ ABSL_GUARDED_BY(mutex_);
  bool republish_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<record::SignedCheckpoint> newest_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_CHECKPOINTER_H_
