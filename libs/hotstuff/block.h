// Blocks of the consensus chain.
//
// Pure, immutable values, shared by pointer; safe to share between threads.
// Source: HotStuff (arXiv:1803.05069), sections 4.2 and 5.
// Differences from the paper: blocks carry their view, so no dummy blocks fill skipped views; the
// parent is always the block that `justify` certifies; a block that follows a failed view carries
// that view's timeout certificate, which shows that its justify is high enough.
#ifndef GROAT_HOTSTUFF_BLOCK_H_
#define GROAT_HOTSTUFF_BLOCK_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/ed25519.h"
#include "hotstuff/certificate.h"
#include "hotstuff/command.h"

namespace groat::hotstuff {

// What the block's id covers; everything else in the block is covered by hashes in here.
struct BlockHeader {
  ChainId chain;
  Epoch epoch;
  View view;
  Height height;
  BlockId parent;
  // Unix time in microseconds by the proposer's clock, or one above the parent's if that is more.
  uint64_t timestamp_us = 0;
  ReplicaIndex proposer;
  Hash schedule;  // Of the leader schedule that certifying this block gives (leader_schedule.h).
  uint32_t command_count = 0;
  Hash payload;   // Of the encoded commands.
  Hash justify;   // Of the quorum certificate for the parent.
  Hash timeout;   // Of the timeout certificate; zero without one.
  Hash handover;  // Of the validator change that the chain up to here ordered; zero without one.

  // Version u8 = 2, then the fields in order; 263 bytes.
  static constexpr size_t kEncodedSize = 263;
  Bytes Encode() const;
  // InvalidArgument on another length or version.
  static absl::StatusOr<BlockHeader> Decode(ByteView bytes);
  BlockId Id() const;

  friend bool operator==(const BlockHeader&, const BlockHeader&) = default;
};

class Block;
using BlockPtr = std::shared_ptr<const Block>;

class Block {
 public:
  // Fills in the header's hashes of commands and certificates and its command count. `justify` must
  // not be null; `timeout` may be.
  static BlockPtr Make(BlockHeader header, QcPtr justify, TcPtr timeout,
                       std::vector<Command> commands, const Ed25519Signature& signature);
  // The same block under a signature.
  static BlockPtr Sign(const BlockPtr& unsigned_block, const Ed25519Signature& signature);
  // Block 0 of a chain: no commands, no signature, certified by itself.
  static BlockPtr MakeGenesis(const ChainId& chain, uint64_t timestamp_us, const Hash& schedule);

  // header 263 ‖ signature 64 ‖ size u32 ‖ justify ‖ size u32 ‖ timeout certificate (0 without) ‖
  // size u32 ‖ commands.
  Bytes Encode() const;
  // InvalidArgument unless the bytes are what Encode writes, the commands are within the bounds,
  // and the header's hashes are those of the parts. Signatures are not checked.
  static absl::StatusOr<BlockPtr> Decode(ByteView bytes, const CommandBounds& bounds);
  // What Decode accepts at most, for the bounds of messages.
  static size_t MaxEncodedSize(const CommandBounds& bounds);

  const BlockHeader& header() const { return header_; }
  const BlockId& id() const { return id_; }
  View view() const { return header_.view; }
  Height height() const { return header_.height; }
  const BlockId& parent() const { return header_.parent; }
  const QcPtr& justify() const { return justify_; }
  const TcPtr& timeout() const { return timeout_; }  // Null without one.
  const std::vector<Command>& commands() const { return commands_; }
  const Ed25519Signature& signature() const { return signature_; }

 private:
  Block() = default;
  BlockHeader header_;
  BlockId id_;
  QcPtr justify_;
  TcPtr timeout_;
  std::vector<Command> commands_;
  Ed25519Signature signature_;
};

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_BLOCK_H_
