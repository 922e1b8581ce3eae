// Messages of one channel that came and wait for the application: one queue a peer, taken in turn.
//
// Safe from any thread; one leaf mutex. A peer's backlog is bounded by itself, so a flood of one
// peer takes no room of others.
#ifndef GROAT_P2P_RECEIVE_QUEUE_H_
#define GROAT_P2P_RECEIVE_QUEUE_H_

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "p2p/fifo.h"
#include "p2p/mesh_stats.h"
#include "p2p/network.h"

namespace groat::p2p {

class ReceiveQueue final : public Receiver {
 public:
  // Messages of one peer. Shared by its link and the turns; content guarded by the queue's mutex.
  struct PeerQueue {
    PeerId peer;
    Fifo<Bytes> messages;
    size_t bytes = 0;
    bool in_turn = false;
    bool full = false;  // The link was told to pause.
  };

  // `on_drained` is called, with no lock held and from the thread that polls, for a peer whose full
  // backlog is half empty again.
  ReceiveQueue(const ChannelOptions& options, std::function<void(const PeerId&)> on_drained);

  // Of a peer that has just connected: what waits of an earlier link of that peer, if anything
  // does, so that it has one backlog and one turn, and is heard in order. Never null.
  std::shared_ptr<PeerQueue> Open(const PeerId& peer) ABSL_LOCKS_EXCLUDED(mutex_);

  // Whether a payload of this size would be taken; asked before memory is made for it. With
  // kBackPressure up to three backlogs are: a frame may fill up the first one, and another frame
  // be on its way already. An honest sender puts no more than one backlog in a frame.
  bool HasRoom(const PeerQueue& queue, size_t payload_bytes) const ABSL_LOCKS_EXCLUDED(mutex_);

  struct PushResult {
    bool was_empty = false;  // No message of any peer waited.
    bool full = false;       // With kBackPressure: stop reading from this peer.
  };
  // Takes the message, or drops and counts it.
  PushResult Push(const std::shared_ptr<PeerQueue>& queue, Bytes payload)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void CountDrop(Drop why) ABSL_LOCKS_EXCLUDED(mutex_);
  // The callback of OnReady, called on the executor.
  void NotifyReady() const;

  std::optional<Message> Poll() override ABSL_LOCKS_EXCLUDED(mutex_);
  std::optional<Message> PollPreferring(const PeerId& preferred) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  void OnReady(std::function<void()> callback) override { on_ready_ = std::move(callback); }
  void Reject(const PeerId& from, Rejection why) override ABSL_LOCKS_EXCLUDED(mutex_);

  void AddStats(ChannelStats& stats) const ABSL_LOCKS_EXCLUDED(mutex_);
  // Messages that the application turned down, by who sent them.
  std::map<PeerId, uint64_t> Rejections() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using Turns = std::deque<std::shared_ptr<PeerQueue>>;

  Turns::iterator FindTurn(const PeerId& peer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasRoomLocked(const PeerQueue& queue, size_t payload_bytes) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Message Take(const std::shared_ptr<PeerQueue>& queue, bool& drained)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ChannelOptions options_;
  const std::function<void(const PeerId&)> on_drained_;
  std::function<void()> on_ready_;
  mutable Mutex mutex_;
  Turns turns_ ABSL_GUARDED_BY(mutex_);  // Those with messages; no peer twice.
  uint64_t waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t received_messages_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t received_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::array<uint64_t, kDropCount> drops_ ABSL_GUARDED_BY(mutex_) = {};
  // At most kMaxPeersInSet peers; those that come later are counted in drops_ alone.
  std::map<PeerId, uint64_t> rejections_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_RECEIVE_QUEUE_H_
