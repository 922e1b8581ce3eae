// What replicas send each other.
//
// Pure, immutable values; a message is shared by pointer between all its receivers. The transport
// authenticates senders (libs/p2p); the core compares them with what a message claims.
// Source: HotStuff (arXiv:1803.05069), section 4.2; Jolteon (arXiv:2106.10362), figures 2 and 3.
#ifndef GROAT_HOTSTUFF_MESSAGE_H_
#define GROAT_HOTSTUFF_MESSAGE_H_

#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "hotstuff/block.h"

namespace groat::hotstuff {

// The leader's block of a view.
struct Proposal {
  BlockPtr block;
};

struct Vote {
  Epoch epoch;
  View view;
  BlockId block;
  ReplicaIndex signer;
  Bytes share;  // Over VoteDigest; its size is the certificate scheme's.

  // epoch u64 ‖ view u64 ‖ block 32 ‖ signer u16 ‖ share size u16 ‖ share.
  static constexpr size_t kMaxShareBytes = 96;
  Bytes Encode() const;
  static absl::StatusOr<Vote> Decode(ByteView bytes);
  friend bool operator==(const Vote&, const Vote&) = default;
};

// "I give this view up": the complaint of the dissertation, with what it lacks. It carries the
// sender's highest certificate, what let the sender enter the view, and its last vote, so that
// votes whose collector died are not lost.
struct Timeout {
  Epoch epoch;
  View view;
  ReplicaIndex signer;
  Bytes share;    // Over TimeoutDigest with the view of `high_qc`.
  QcPtr high_qc;  // Never null; its view is below `view`.
  // Of the view before; null if `high_qc` is of that view.
  TcPtr previous_timeout;
  std::optional<Vote> last_vote;
};

// Certificates that let the receiver enter a later view: the dissertation's next-view, and the
// answer to a peer that is behind.
struct Advance {
  QcPtr high_qc;  // Never null.
  TcPtr timeout;  // May be null; lists no view above that of `high_qc`.
};

// Asks for the chain from a height up to a certified block, or as far as the peer has it.
struct BlockRequest {
  Epoch epoch;
  Height from;     // The first height wanted.
  BlockId target;  // A block that the sender holds a certificate for; zero if it knows of none.
};

// A piece of a certified chain: each block is the parent of the next one. The last one is the
// target of the request, or `certificate` certifies it.
struct BlockResponse {
  Epoch epoch;
  std::vector<BlockPtr> blocks;
  QcPtr certificate;       // May be null.
  Height first_available;  // What the peer has below was pruned; 0 if nothing was.
};

// Commands that wait for a leader.
struct CommandBatch {
  std::vector<Command> commands;
};

using Message =
    std::variant<Proposal, Vote, Timeout, Advance, BlockRequest, BlockResponse, CommandBatch>;
using MessagePtr = std::shared_ptr<const Message>;

template <typename T>
MessagePtr MakeMessage(T body) {
  return std::make_shared<const Message>(std::move(body));
}

// "proposal", "vote": for logs and traces.
std::string_view NameOf(const Message& message);

// Bounds of a response.
inline constexpr size_t kMaxResponseBlocks = 128;
inline constexpr size_t kMaxResponseBytes = 32u << 20;

// kind u8, then the fields in order; certificates and blocks with their size u32 before them.
Bytes EncodeMessage(const Message& message);
// InvalidArgument unless the bytes are what EncodeMessage writes, within the bounds.
absl::StatusOr<MessagePtr> DecodeMessage(ByteView bytes, const CommandBounds& bounds);
// An encoded proposal is so many bytes, and then its encoded block: whoever stores the block need
// not encode it again.
inline constexpr size_t kProposalPrefixBytes = 1;
// No message that DecodeMessage accepts is larger.
size_t MaxMessageBytes(const CommandBounds& bounds);

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_MESSAGE_H_
