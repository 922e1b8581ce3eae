// Snapshots: the replicated state as of one height, for whoever has no blocks below it.
//
// Pure values. Every replica that commits a height divisible by the genesis' interval makes the
// same snapshot, byte for byte: what it says follows from the blocks up to that height. The header
// of its block covers leader schedule and ordered change; the client table is covered by nothing
// that validators sign, so a snapshot is taken from others only if f + 1 validators name its digest
// (state_transfer.h).
//
//   client table --1 MiB each--> pieces --hash each--> manifest --hash--> digest
//
// A piece is checked as it comes, so who sends a wrong one is known at once.
#ifndef GROAT_HOTSTUFF_SNAPSHOT_H_
#define GROAT_HOTSTUFF_SNAPSHOT_H_

#include <vector>

#include "hotstuff/client_table.h"
#include "hotstuff/leader_schedule.h"
#include "hotstuff/validator_change.h"

namespace groat::hotstuff {

struct Snapshot {
  BlockPtr block;
  QcPtr certificate;        // Of the block. Replicas may have different ones.
  std::vector<bool> fresh;  // For each of its commands whether it took effect.
  LeaderSchedule schedule;
  ApprovedChangePtr change;  // That the chain up to the block ordered in its epoch; or null.
  ClientTable clients;       // With the block's commands.
  CommitProof proof;         // Of the block. Replicas may have different ones.
};

// What is the same at all replicas, but for the client table itself.
struct SnapshotManifest {
  static constexpr size_t kPieceBytes = size_t{1} << 20;
  // Of its schedule and change.
  static constexpr size_t kMaxPartBytes = size_t{128} << 10;

  Height height;
  BlockId block;
  std::vector<uint32_t> repeated;  // Indexes of its commands that had no effect, ascending.
  LeaderSchedule schedule;
  ApprovedChangePtr change;  // Null without one.
  uint64_t table_bytes = 0;  // Of the encoded client table.
  std::vector<Hash> pieces;  // SnapshotPieceDigest of each kPieceBytes of it; the last is shorter.

  // Version u8 = 1 ‖ height u64 ‖ block 32 ‖ repeated count u32 ‖ index u32 each ‖ schedule size
  // u32 ‖ schedule ‖ change size u32 ‖ approved change (0 without) ‖ table bytes u64 ‖ pieces of 32
  // bytes.
  Bytes Encode() const;
  // InvalidArgument unless the bytes are what Encode writes for a table of at most `max_clients`.
  static absl::StatusOr<SnapshotManifest> Decode(ByteView bytes, const ChainId& chain,
                                                 size_t max_clients);
  Hash Digest() const;
  // Of the table's bytes that are piece `index`, which must be below pieces.size().
  size_t PieceBytes(size_t index) const;
};

// `table` is the snapshot's encoded client table.
SnapshotManifest MakeManifest(const Snapshot& snapshot, ByteView table);

// All of a snapshot but its client table.
struct SnapshotHead {
  SnapshotManifest manifest;
  BlockPtr block;
  QcPtr certificate;
  CommitProof proof;

  // Each with its size u32 before it: manifest, block, certificate, proof.
  Bytes Encode() const;
  // InvalidArgument unless the bytes are what Encode writes, within the genesis' bounds.
  static absl::StatusOr<SnapshotHead> Decode(ByteView bytes, const Genesis& genesis,
                                             const ChainId& chain);
  static size_t MaxEncodedSize(const CommandBounds& bounds);
};

// InvalidArgument unless the parts belong together and the verifier's epoch committed the block.
absl::Status VerifySnapshotHead(const SnapshotHead& head, const CommitRule& rule,
                                const Verifier& verifier);

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_SNAPSHOT_H_
