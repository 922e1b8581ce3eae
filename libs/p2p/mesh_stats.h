// What a mesh counts, as plain numbers: simulations read them, and mesh_metrics.h gives them to
// Prometheus.
//
// Pure values.
#ifndef GROAT_P2P_MESH_STATS_H_
#define GROAT_P2P_MESH_STATS_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "p2p/channel.h"

namespace groat::p2p {

// Why a message went no further. A closed set: the label `reason`.
enum class Drop : uint8_t {
  kNotConnected,    // Outbound, to a peer that was named and is not connected.
  kBacklogFull,     // Outbound: that peer's queue is full.
  kTooLarge,        // Outbound: longer than the channel allows.
  kLinkClosed,      // Outbound: still waited when the connection broke.
  kReceiverFull,    // Inbound: the application does not keep up.
  kRateExceeded,    // Inbound: beyond twice the burst.
  kOversized,       // Inbound: longer than the channel allows, compressed or not.
  kBadCompression,  // Inbound.
  kMalformed,       // Inbound: the application could not decode it.
  kInvalid,         // Inbound: the application refused what it says.
};
inline constexpr size_t kDropCount = 10;
const char* DropName(Drop drop);  // "not_connected", ...

struct ChannelStats {
  ChannelId id;
  std::string name;
  uint64_t sent_messages = 0;
  uint64_t sent_bytes = 0;  // Payloads, before compression.
  uint64_t received_messages = 0;
  uint64_t received_bytes = 0;
  uint64_t send_queue_messages = 0;  // Over all peers.
  uint64_t receive_queue_messages = 0;
  std::array<uint64_t, kDropCount> drops = {};
};

// Why a connection was not taken up, or was closed. A closed set: the label `reason`.
enum class Closure : uint8_t {
  kDialFailed,     // Nobody answered.
  kRefused,        // The other side said no.
  kUnauthorized,   // A peer that no set holds.
  kStrangerLimit,  // Too many handshakes of strangers, or unproven connections.
  kHelloTimeout,
  kBadHello,  // Malformed, of another version, or for somebody else.
  kWrongNamespace,
  kDuplicate,       // The other connection of the pair stays.
  kReplaced,        // By a newer connection of a peer that began anew.
  kSilent,          // Nothing came for the silence limit.
  kMalformedFrame,  // An offence.
  kFlood,           // An offence.
  kDropped,         // The peer left the last set that held it.
  kBlocked,
  kBroken,    // The transport reported the end.
  kUnwanted,  // No place in the layout.
};
inline constexpr size_t kClosureCount = 16;
const char* ClosureName(Closure closure);  // "dial_failed", ...

// Whose connection it was. A closed set: the label `peer_class`.
enum class PeerClass : uint8_t {
  kMember,    // Some set holds the peer.
  kStranger,  // None does, or nobody proved a key.
};
inline constexpr size_t kPeerClassCount = 2;
const char* PeerClassName(PeerClass peer_class);  // "member", "stranger"

struct MeshStats {
  std::vector<ChannelStats> channels;
  uint64_t connected_peers = 0;
  uint64_t wanted_peers = 0;  // Authorized and in the layout, without ourselves.
  uint64_t known_records = 0;
  uint64_t blocked_peers = 0;
  uint64_t dials = 0;
  uint64_t connections_made = 0;  // Hellos exchanged, both lanes.
  // By class of the peer and reason.
  std::array<std::array<uint64_t, kClosureCount>, kPeerClassCount> closures = {};
  uint64_t unknown_channel_messages = 0;  // Inbound, on a channel that nobody registered.
  std::map<PeerId, uint64_t> rejections;  // Messages that applications turned down, by sender.
  uint64_t paused_links = 0;              // That are not read from, because a receiver is full.
  uint64_t records_accepted = 0;
  uint64_t records_refused = 0;  // Bad signature, expired, from the future, too old.
  uint64_t frames_sent = 0;
  uint64_t frame_bytes_sent = 0;
  uint64_t frames_received = 0;
  uint64_t frame_bytes_received = 0;
  // Round trips of pings: sum and count, and counts by upper bound of kRoundTripBoundsUs.
  uint64_t round_trip_us_sum = 0;
  uint64_t round_trips = 0;
  std::array<uint64_t, 9> round_trip_buckets = {};
};
// Upper ends of the first eight buckets, microseconds; the ninth holds all above.
inline constexpr std::array<uint64_t, 8> kRoundTripBoundsUs = {100,    300,     1'000,   3'000,
                                                               10'000, 100'000, 500'000, 2'000'000};

}  // namespace groat::p2p

#endif  // GROAT_P2P_MESH_STATS_H_
