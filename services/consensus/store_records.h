// Records of a replica's store in bytes; block_store.h has the table of their keys. Those that are
// not here are encoded as what they hold: blocks, proofs, safety records, evidence, snapshots.
//
// Decoders say InvalidArgument for bytes that are no such record, with what is wrong; what decodes
// encodes to the same bytes. Pure.
#ifndef GROAT_SERVICES_CONSENSUS_STORE_RECORDS_H_
#define GROAT_SERVICES_CONSENSUS_STORE_RECORDS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "hotstuff/leader_schedule.h"
#include "hotstuff/validator_change.h"

namespace groat::consensus_service {

// What a store is of.
struct IdentityRecord {
  uint32_t format_version = 0;
  hotstuff::ChainId chain;

  // version u32 ‖ chain 32.
  Bytes Encode() const;
  static absl::StatusOr<IdentityRecord> Decode(ByteView bytes);
};

// That a block is committed.
struct CommitRecord {
  hotstuff::BlockId id;
  std::vector<uint32_t> repeated;  // Indexes of commands that have no effect, ascending.
  Bytes certificate;               // Encoded.

  // id 32 ‖ repeated count u32 ‖ index u32 each ‖ certificate.
  Bytes Encode() const;
  static absl::StatusOr<CommitRecord> Decode(ByteView bytes);
};

// The last commit, and what the chain up to it gives.
struct RootRecord {
  hotstuff::Height height;
  hotstuff::Epoch epoch;
  hotstuff::LeaderSchedule schedule;
  hotstuff::ApprovedChangePtr change;  // That was ordered; null: none.

  // height u64 ‖ epoch u64 ‖ size u32 ‖ leader schedule ‖ ordered change.
  Bytes Encode() const;
  static absl::StatusOr<RootRecord> Decode(ByteView bytes, const hotstuff::ChainId& chain);
};

// A height or a time: u64.
Bytes EncodeNumber(uint64_t number);
absl::StatusOr<uint64_t> DecodeNumber(ByteView bytes);

// A stored block in its encoded form; the views are into `encoding`, and empty if it is no block.
struct StoredBlock {
  Bytes encoding;
  hotstuff::BlockId id;
  std::vector<uint32_t> repeated;  // As in its CommitRecord.
  Bytes certificate;

  // Parts of the encoding (hotstuff/block.h).
  ByteView header() const;
  ByteView signature() const;
  ByteView commands() const;
};

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_STORE_RECORDS_H_
