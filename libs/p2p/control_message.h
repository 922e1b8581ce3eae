// What meshes say to each other on channel 0.
//
//   hello      1 ‖ version u8 ‖ lane u8 ‖ namespace hash 32 ‖ receiver 32 ‖ incarnation u64
//   welcome    2 ‖ version u8 ‖ incarnation u64
//   refusal    3 ‖ reason u8
//   ping       4 ‖ number u64
//   pong       5 ‖ number u64
//   known      6 ‖ set index u64 ‖ set digest 8 ‖ peer count u16 ‖ bits (count + 7) / 8
//   records    7 ‖ count u8 ‖ count x (length u16 ‖ record)
//   open bulk  8
//
// The dialler says hello first; the other side answers welcome or refusal. The sender's key is not
// in them: the connection proves it. `incarnation` is a random number of the sender's process, so
// that one that began anew is told from one that dials twice. Bit i of `known`, from the most
// significant bit of the first byte, says that the sender has an address it trusts for the i-th
// peer of the set in rising order; padding bits are 0. The digest makes sure that both mean the
// same set.
//
// Pure. Decoding is strict: every byte is used, every count bounded.
#ifndef GROAT_P2P_CONTROL_MESSAGE_H_
#define GROAT_P2P_CONTROL_MESSAGE_H_

#include <span>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "crypto/blake3.h"
#include "p2p/peer_id.h"
#include "p2p/peer_record.h"

namespace groat::p2p {

inline constexpr uint8_t kMeshVersion = 1;
inline constexpr size_t kMaxRecordsInMessage = 64;

// Which of a link's two connections this is.
enum class LaneKind : uint8_t {
  kMain = 0,  // Control, urgent and normal messages. The link stands while it stands.
  kBulk = 1,  // Opened by the main lane's dialler when either side has bulk messages.
};

// Why a hello was refused.
enum class RefusalReason : uint8_t {
  kVersion = 1,
  kNamespace = 2,
  kNotForUs = 3,      // The receiver named in the hello is somebody else.
  kUnauthorized = 4,  // The sender is in none of our sets, is blocked, or serves a penalty.
  kUnwanted = 5,      // The layout has no connection between us.
  kDuplicate = 6,     // Another connection of the pair stays.
  kNoLink = 7,        // A bulk lane without its main lane.
};
inline constexpr uint8_t kLastRefusalReason = 7;

using SetDigest = FixedBytes<8>;
// Of the peers of a set, which are in rising order.
SetDigest DigestOfSet(std::span<const PeerId> peers);

struct HelloMessage {
  uint8_t version = kMeshVersion;
  LaneKind lane = LaneKind::kMain;
  Hash namespace_hash;
  PeerId receiver;
  uint64_t incarnation = 0;
};
struct WelcomeMessage {
  uint8_t version = kMeshVersion;
  uint64_t incarnation = 0;
};
struct RefusalMessage {
  RefusalReason reason = RefusalReason::kVersion;
};
struct PingMessage {
  uint64_t number = 0;
};
struct PongMessage {
  uint64_t number = 0;
};
struct KnownMessage {
  uint64_t set_index = 0;
  SetDigest digest;
  std::vector<bool> bits;
};
struct RecordsMessage {
  std::vector<PeerRecord> records;
};
struct OpenBulkMessage {};

using ControlMessage = std::variant<HelloMessage, WelcomeMessage, RefusalMessage, PingMessage,
                                    PongMessage, KnownMessage, RecordsMessage, OpenBulkMessage>;

Bytes EncodeControl(const ControlMessage& message);
// InvalidArgument says what is wrong. A hello of another version is decoded if it has this form.
absl::StatusOr<ControlMessage> DecodeControl(ByteView bytes);

}  // namespace groat::p2p

#endif  // GROAT_P2P_CONTROL_MESSAGE_H_
