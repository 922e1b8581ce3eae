// Names and values of the ledger's keys in the register.
//
//   head                      ledger id, height, id and time of the last block
//   block/<height>            the blocks of one append, in order; <height> is that of its last one
//   relay/<id>/<shard>        the last root of a relay and shard, and its height
//   progress/<node>           how far a node has come
//   signature/<height>/<node> a node's signature over the checkpoint of a height (leased)
//   sequencer                 the node that batches appends (leased)
//   sequencer_wish            the node that an operator wants as sequencer
//
// Numbers in names are lower-case hexadecimal digits of fixed width (heights 16, others 8), so that
// names sort as numbers do. One key holds all blocks of an append, named by the last: a reader that
// has applied height h finds all it lacks from block/<h + 1> on, and an append of hundreds of
// blocks stays far below etcd's bound on the operations of a transaction.
// Values are fixed big-endian layouts that start with a version byte of 1. Pure.
#ifndef GROAT_SERVICES_LEDGER_REGISTER_KEYS_H_
#define GROAT_SERVICES_LEDGER_REGISTER_KEYS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ledger/checkpoint_collector.h"
#include "storage/register.h"

namespace groat::ledger_service {

// How far a node says it has come; by its own clock.
struct NodeProgress {
  record::Height applied;  // Durably.
  record::Height signed_height;
  uint64_t reported_at_ms = 0;
};

class RegisterKeys {
 public:
  // `prefix` ends in '/' or is empty.
  explicit RegisterKeys(std::string prefix) : prefix_(std::move(prefix)) {}

  const std::string& prefix() const { return prefix_; }
  std::string Head() const { return prefix_ + "head"; }
  std::string Sequencer() const { return prefix_ + "sequencer"; }
  std::string SequencerWish() const { return prefix_ + "sequencer_wish"; }
  std::string BlockRun(record::Height last) const;
  std::string Relay(const ledger::RelayShard& name) const;
  std::string Progress(record::NodeIndex node) const;
  std::string Signature(record::Height height, record::NodeIndex node) const;

  storage::KeyRange All() const { return storage::KeyRange::Prefix(prefix_); }
  storage::KeyRange Relays() const { return storage::KeyRange::Prefix(prefix_ + "relay/"); }
  storage::KeyRange AllProgress() const { return storage::KeyRange::Prefix(prefix_ + "progress/"); }
  storage::KeyRange Signatures() const { return storage::KeyRange::Prefix(prefix_ + "signature/"); }
  // The runs that hold blocks of `first` and above.
  storage::KeyRange BlockRunsFrom(record::Height first) const;
  // The runs without a block above `last`.
  storage::KeyRange BlockRunsUpTo(record::Height last) const;

  // What a key under the prefix is; nothing for a name that is none of ours.
  enum class Kind { kHead, kBlockRun, kRelay, kProgress, kSignature, kSequencer, kSequencerWish };
  struct Name {
    Kind kind = Kind::kHead;
    record::Height height = {};   // kBlockRun, kSignature
    record::NodeIndex node = {};  // kProgress, kSignature
  };
  std::optional<Name> Parse(std::string_view key) const;

 private:
  std::string prefix_;
};

// Values. Decoders say InvalidArgument on another length, version, or content that no writer makes.
std::string EncodeHead(const Bytes32& ledger_id, const ledger::ChainHead& head);
absl::StatusOr<ledger::ChainHead> DecodeHead(const Bytes32& ledger_id, std::string_view value);
std::string EncodeTip(const ledger::RelayTip& tip);
// The name comes from the statement itself.
absl::StatusOr<ledger::RelayTip> DecodeTip(std::string_view value);
// Not empty, of consecutive heights.
std::string EncodeBlockRun(const std::vector<record::Block>& blocks);
absl::StatusOr<std::vector<record::Block>> DecodeBlockRun(std::string_view value);
std::string EncodeProgress(const NodeProgress& progress);
absl::StatusOr<NodeProgress> DecodeProgress(std::string_view value);
std::string EncodeShare(const ledger::Share& share);
absl::StatusOr<ledger::Share> DecodeShare(record::NodeIndex node, std::string_view value);
std::string EncodeNode(record::NodeIndex node);
absl::StatusOr<record::NodeIndex> DecodeNode(std::string_view value);

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_REGISTER_KEYS_H_
