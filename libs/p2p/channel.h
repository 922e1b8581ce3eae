// Channels: what an application says of the messages that it sends and takes, and to whom.
//
// Pure values.
#ifndef GROAT_P2P_CHANNEL_H_
#define GROAT_P2P_CHANNEL_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "base/bytes.h"
#include "base/strong_id.h"
#include "p2p/peer_id.h"

namespace groat::p2p {

// 1 to 65,535, the same at every peer. 0 is the mesh's own.
using ChannelId = StrongId<struct ChannelIdTag, uint16_t>;

inline constexpr size_t kMaxChannels = 32;
inline constexpr size_t kMaxMessageBytes = size_t{64} << 20;

enum class Priority : uint8_t {
  kUrgent,  // Before everything else that waits for the same peer: votes, proposals.
  kNormal,  // Before bulk, on the same connection as urgent messages.
  kBulk,    // On a connection of its own, so that it never stands in the way of the others.
};

// What happens to a message for a full backlog.
enum class WhenFull : uint8_t {
  kDropNewest,    // It is dropped and counted.
  kBackPressure,  // Sending: it is refused, and the sender learns when there is room again.
                  // Receiving: nothing more is read from that peer on that connection.
};

// A token bucket for each peer and direction. The sender waits for tokens; the receiver drops what
// exceeds twice the burst, and takes a peer that goes on like that for an offender.
struct RateLimit {
  double messages_per_second = 0;  // Above 0.
  double bytes_per_second = 0;     // Above 0; counted over payloads.
  double burst_seconds = 1;        // How much may gather: 0.01 to 60 s.
};

struct ChannelOptions {
  std::string name = {};  // Label of metrics: 1 to 32 lower-case letters, digits and '_'.
  Priority priority = Priority::kNormal;
  size_t max_message_bytes = size_t{1} << 20;  // 1 to kMaxMessageBytes, before compression.
  // For each peer, and for each direction. A message counts with its payload and 64 bytes.
  size_t backlog_messages = 4096;
  size_t backlog_bytes = size_t{16} << 20;
  WhenFull when_full = WhenFull::kDropNewest;
  std::optional<RateLimit> rate = std::nullopt;
  // 0: off; else 1 to 19. Never on a channel that mixes secrets with what an attacker can choose.
  int zstd_level = 0;

  // InvalidArgument names the field, its value and what was wanted.
  absl::Status Validate() const;
};

// To whom a message goes. Refers to its peers: they must outlive the call that it is given to.
class Recipients {
 public:
  static Recipients All() { return Recipients(true, {}); }
  static Recipients Some(std::span<const PeerId> peers) { return Recipients(false, peers); }
  static Recipients One(const PeerId& peer) {
    return Recipients(false, std::span<const PeerId>(&peer, 1));
  }

  bool all() const { return all_; }
  std::span<const PeerId> peers() const { return peers_; }  // Empty for All.

 private:
  Recipients(bool all, std::span<const PeerId> peers) : all_(all), peers_(peers) {}
  bool all_;
  std::span<const PeerId> peers_;
};

struct Message {
  PeerId from;
  Bytes payload;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_CHANNEL_H_
