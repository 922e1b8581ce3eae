// One block of the ledger: a cycle root in its place in the chain.
//
// Pure. Layout: docs/formats.md, "Block".
#ifndef GROAT_RECORD_BLOCK_H_
#define GROAT_RECORD_BLOCK_H_

#include "absl/status/statusor.h"
#include "record/root_statement.h"

namespace groat::record {

inline constexpr uint8_t kBlockVersion = 1;

struct Block {
  Height height;              // From 1.
  Bytes32 previous_id;        // Zero for the first block.
  uint64_t timestamp_ms = 0;  // Unix time by the writer's clock, never below the previous block's.
  SignedRoot root;  // The signature is kept beside the id, which covers the statement alone.

  // SHA-256 of the block's fixed layout; every node computes the same.
  Bytes32 Id() const;

  // The stored form: the 117 bytes that the id hashes, then the 64-byte signature.
  static constexpr size_t kEncodedSize = 117 + 64;
  Bytes Encode() const;
  // InvalidArgument on another length or version.
  static absl::StatusOr<Block> Decode(ByteView bytes);

  friend bool operator==(const Block&, const Block&) = default;
};

// InvalidArgument if `next` does not extend the block `previous` (null for the first): height,
// previous id, timestamp.
absl::Status CheckExtends(const Block* previous, const Block& next);

}  // namespace groat::record

#endif  // GROAT_RECORD_BLOCK_H_
