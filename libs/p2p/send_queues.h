// Messages that wait to be sent: for each connected peer a queue a channel, from which the lanes
// take frames.
//
// Send and SendControl are safe from any thread; the rest belongs to the executor. One mutex guards
// everything: it is held for queueing and for filling a frame, never over a call to anybody.
//
// Order: control before urgent before normal channels on the main lane, channels of one priority in
// turn; bulk channels on the bulk lane. So a flood on an urgent channel can starve the others:
// urgent channels are for small messages, and may be given a rate.
#ifndef GROAT_P2P_SEND_QUEUES_H_
#define GROAT_P2P_SEND_QUEUES_H_

#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/bytes.h"
#include "base/mutex.h"
#include "p2p/channel.h"
#include "p2p/control_message.h"
#include "p2p/executor.h"
#include "p2p/fifo.h"
#include "p2p/mesh_stats.h"
#include "p2p/token_bucket.h"

namespace groat::p2p {

// What is around a body in a frame, and around a frame on a connection. Sizes that are a multiple
// of a TLS record, less this, fill their records.
inline constexpr size_t kFramingBytes = 64;
// A frame holds at least one entry, and is closed once it holds this much: mostly two records.
inline constexpr size_t kCoalescedFrameBytes = (size_t{32} << 10) - 1024;
// Longer bodies travel in pieces of this size. On the main lane they are smaller, since an urgent
// message waits for the frame that is being written; but on the bulk lane too one piece holds up
// the network's thread.
inline constexpr size_t kMainLanePieceBytes = (size_t{32} << 10) - kFramingBytes;
inline constexpr size_t kBulkLanePieceBytes = (size_t{64} << 10) - kFramingBytes;

inline constexpr size_t kMaxControlBacklog = 4096;
inline constexpr size_t kMaxControlBacklogBytes = size_t{1} << 20;

class SendQueues {
 public:
  // The queues of one peer. Owned by SendQueues; its content is guarded by the mutex there.
  class Outbox;

  explicit SendQueues(const PeerId& self);
  ~SendQueues();

  // Before anything else. `index` of channels counts from 0 in the order of the calls.
  void AddChannel(ChannelId id, const ChannelOptions& options);

  // Adds an empty outbox for a peer that has none.
  Outbox* Open(const PeerId& peer, Instant now) ABSL_LOCKS_EXCLUDED(mutex_);
  // Drops what waits, and counts it. The outbox is gone.
  void Close(Outbox* outbox) ABSL_LOCKS_EXCLUDED(mutex_);

  struct SendResult {
    std::vector<PeerId> queued;
    bool flush = false;  // There is an outbox for TakeDirty.
  };
  SendResult Send(size_t channel, const Recipients& recipients, ByteView payload)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Control messages are few and small. Those for a peer that does not read are dropped beyond
  // kMaxControlBacklog and kMaxControlBacklogBytes: all of them are repeated or asked for again.
  // The caller flushes.
  void SendControl(Outbox* outbox, Bytes body) ABSL_LOCKS_EXCLUDED(mutex_);

  // Outboxes that got something since the last call, for a lane whose TakeFrame gave nothing last.
  // Otherwise a frame is being written, and the next one is taken at its end in any case.
  std::vector<Outbox*> TakeDirty() ABSL_LOCKS_EXCLUDED(mutex_);

  struct Taken {
    Bytes frame;                     // Empty: nothing can go now.
    std::optional<Instant> next_at;  // When a channel that waits for its rate may go on.
  };
  Taken TakeFrame(Outbox* outbox, LaneKind lane, Instant now) ABSL_LOCKS_EXCLUDED(mutex_);
  // The lane is a new connection: a message that was under way begins again.
  void RestartLane(Outbox* outbox, LaneKind lane) ABSL_LOCKS_EXCLUDED(mutex_);
  // Whether anything waits for the bulk lane.
  bool WantsBulk(const Outbox* outbox) const ABSL_LOCKS_EXCLUDED(mutex_);

  // Peers whose full backlog has room again, or that are gone, by channel index.
  std::vector<std::pair<size_t, PeerId>> TakeRooms() ABSL_LOCKS_EXCLUDED(mutex_);

  static const PeerId& PeerOf(const Outbox* outbox);

  // Adds what was sent, what waits and what was dropped to the channels' numbers, in order.
  void AddStats(std::vector<ChannelStats>& channels) const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct ChannelState {
    ChannelId id;
    ChannelOptions options;
    uint64_t sent_messages = 0;
    uint64_t sent_bytes = 0;
    uint64_t waiting = 0;
    std::array<uint64_t, kDropCount> drops = {};
  };
  struct Waiting {
    std::shared_ptr<const uint8_t[]> body;  // Shared by all peers that it goes to.
    uint32_t body_bytes = 0;
    uint32_t payload_bytes = 0;
    bool compressed = false;
  };
  struct ChannelQueue {
    Fifo<Waiting> messages;
    size_t bytes = 0;
    size_t sent_of_first = 0;  // Of its body, in earlier pieces.
    std::unique_ptr<RateMeter> rate;
    bool wants_room = false;
  };

  static Waiting Encode(const ChannelOptions& options, ByteView payload);
  Outbox* Find(const PeerId& peer) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Push(Outbox& outbox, size_t channel, const Waiting& message)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MarkDirty(Outbox& outbox, LaneKind lane) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TakePriority(Outbox& outbox, Priority priority, Instant now, Taken& taken)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool TakeEntry(Outbox& outbox, size_t channel, Instant now, Taken& taken)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const PeerId self_;
  std::vector<ChannelState> channels_;  // Its options are fixed once outboxes exist.
  std::array<std::vector<size_t>, 3> by_priority_;
  mutable Mutex mutex_;
  std::vector<std::unique_ptr<Outbox>> outboxes_ ABSL_GUARDED_BY(mutex_);  // By peer, rising.
  std::vector<Outbox*> dirty_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<size_t, PeerId>> rooms_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_SEND_QUEUES_H_
