// What replicas say to each other about epochs that ended and about snapshots.
//
// Pure values. On a channel of their own (bulk): nothing here is about the view under way. The
// transport authenticates senders; nothing is believed that is not verified (state_transfer.h).
#ifndef GROAT_HOTSTUFF_TRANSFER_MESSAGE_H_
#define GROAT_HOTSTUFF_TRANSFER_MESSAGE_H_

#include <string_view>
#include <variant>
#include <vector>

#include "hotstuff/snapshot.h"

namespace groat::hotstuff {

// A snapshot by its height and digest.
struct SnapshotName {
  Height height;
  Hash digest;
  friend auto operator<=>(const SnapshotName&, const SnapshotName&) = default;
};

// "What do you have?"
struct OfferRequest {};

// Where the sender is and what it has. Also sent, unasked, to who is heard of in an earlier epoch.
struct Offer {
  static constexpr size_t kMaxSnapshots = 2;
  Epoch epoch;
  Height last;                          // Committed; 0: none.
  Height first;                         // The lowest height that was not pruned; from 1.
  std::vector<SnapshotName> snapshots;  // The newest ones, ascending.
};

// "How did this epoch end, and those after it?"
struct HandoverRequest {
  Epoch first;
};

// Of consecutive epochs. Empty: the sender knows of none. Proofs have many keys, which cost much to
// decode, and so are not decoded with the message.
struct HandoverResponse {
  static constexpr size_t kMaxProofs = 64;
  // The first proof may be larger.
  static constexpr size_t kMaxBytes = size_t{1} << 20;
  Epoch first;
  std::vector<Bytes> proofs;  // Each an encoded HandoverProof.
};

struct HeadRequest {
  SnapshotName snapshot;
};

// Empty: the sender does not have the snapshot (any more).
struct HeadResponse {
  SnapshotName snapshot;
  Bytes head;  // An encoded SnapshotHead.
};

struct PieceRequest {
  SnapshotName snapshot;
  uint32_t index = 0;  // From 0.
};

// Empty: the sender does not have it (any more).
struct PieceResponse {
  SnapshotName snapshot;
  uint32_t index = 0;
  Bytes piece;  // At most SnapshotManifest::kPieceBytes.
};

using TransferMessage = std::variant<OfferRequest, Offer, HandoverRequest, HandoverResponse,
                                     HeadRequest, HeadResponse, PieceRequest, PieceResponse>;

// "offer request", "piece response": for logs and traces.
std::string_view NameOf(const TransferMessage& message);

// kind u8 from 1, then the fields in order: numbers of 8 bytes but for the index u32 and counts u8,
// digests 32; handover proofs with their size u32 before them, head and piece without.
Bytes EncodeTransfer(const TransferMessage& message);
// InvalidArgument unless the bytes are what EncodeTransfer writes, within the bounds of a genesis'
// blocks.
absl::StatusOr<TransferMessage> DecodeTransfer(ByteView bytes, const CommandBounds& bounds);
// No message that DecodeTransfer accepts is larger.
size_t MaxTransferBytes(const CommandBounds& bounds);

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_TRANSFER_MESSAGE_H_
