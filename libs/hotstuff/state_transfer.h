// Catching up over the ends of epochs, and to a snapshot where the blocks are gone.
//
// Pure: events in, effects out; time arrives as values. Single owner; not thread-safe. Bounded: one
// request for handovers and one for parts of a snapshot at a time; a snapshot is at most the
// largest client table that the genesis allows; peers are the validators of this replica's epoch
// and of the newest one that is verified, and those that the operator named.
//
//   what happens                          what follows
//   a peer is heard of in a later epoch   handover proofs are asked of it, and verified one by one
//                                         with the validators of the epoch before
//   this replica's epoch has a proof      the core is told: it fetches the blocks up to the epoch's
//                                         last one from anyone, and ends the epoch
//   blocks are missing, and no peer       offers are asked of all; the highest snapshot above this
//   says to have them, or those who say   replica's height that f + 1 validators of the newest
//   so do not give them                   verified epoch name by one digest is fetched
//   head, then pieces, have come          each is verified as it comes; who sends a wrong one is
//                                         not asked again; at the end the snapshot is installed
//
// Why that is safe: of f + 1 validators one is honest, and honest replicas name only what follows
// from committed blocks; its block is shown to be committed besides. A lie about epochs, heights or
// blocks costs time alone.
#ifndef GROAT_HOTSTUFF_STATE_TRANSFER_H_
#define GROAT_HOTSTUFF_STATE_TRANSFER_H_

#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "hotstuff/transfer_message.h"
#include "hotstuff/verification.h"

namespace groat::hotstuff {

using PeerKey = Ed25519PublicKey;

struct TransferOptions {
  uint64_t retry_ms = 1000;  // Until another peer is asked; from 2.
  uint64_t poll_ms = 5000;   // How often one peer is asked what it has when nothing is missing.
  // How long blocks that a peer says to have are waited for before a snapshot is taken instead.
  uint64_t patience_ms = 20'000;
};

// Decoding and checking signatures, for the driver to run where it likes.
struct HandoverCheck {
  Epoch first;                        // That the first proof must end.
  std::vector<Validator> validators;  // Of this epoch.
  std::vector<Bytes> proofs;
};
struct HeadCheck {
  SnapshotName snapshot;
  Bytes head;
  std::map<Epoch, std::vector<Validator>> validators;  // Of all epochs that it may be of.
};
// The proofs that are right, up to the first one that is not.
std::vector<HandoverProof> RunCheck(const HandoverCheck& check, const Genesis& genesis);
// InvalidArgument unless the head is the snapshot's and right. A head whose epoch is later than the
// known ones is not verified: OutOfRange.
absl::StatusOr<SnapshotHead> RunCheck(const HeadCheck& check, const Genesis& genesis);

// Events.
struct EnteredEpoch {  // Also at the start, and with an installed snapshot.
  Epoch epoch;
  Height height;
  std::vector<Validator> validators;
};
struct Committed {
  Height height;
};
struct HeardOf {  // A message of a peer names an epoch.
  PeerKey peer;
  Epoch epoch;
};
struct Answer {
  PeerKey peer;
  TransferMessage message;
};
struct BlocksMissing {};  // A peer no longer has the blocks that follow this replica's height.
struct HandoversChecked {
  std::vector<HandoverProof> right;
};
struct HeadChecked {
  absl::StatusOr<SnapshotHead> head;
};
struct TransferTick {};
using TransferEvent = std::variant<EnteredEpoch, Committed, HeardOf, Answer, BlocksMissing,
                                   HandoversChecked, HeadChecked, TransferTick>;

// What a replica starts from after the transfer.
struct Installation {
  SnapshotHead head;
  Bytes table;  // The encoded client table, verified against the manifest.
  // Of the epochs from this replica's own up to the snapshot's.
  std::vector<HandoverProof> handovers;
};

struct TransferSend {
  PeerKey to;
  TransferMessage message;
};

struct TransferEffects {
  std::vector<TransferSend> sends;
  std::optional<HandoverCheck> check_handovers;  // Answer with HandoversChecked.
  std::optional<HeadCheck> check_head;           // Answer with HeadChecked.
  std::optional<HandoverProof> end_epoch;        // Verified, of the epoch entered last.
  std::optional<Installation> install;           // Answer with EnteredEpoch.
  bool peers_changed = false;                    // See StateTransfer::peers.
  uint64_t wake_at_ms = 0;                       // When to step with a TransferTick.
};

class StateTransfer {
 public:
  // `named` are peers to ask beside validators. Begin with EnteredEpoch.
  StateTransfer(const Genesis& genesis, const PeerKey& self, std::vector<PeerKey> named,
                const TransferOptions& options);

  TransferEffects Step(const TransferEvent& event, uint64_t now_ms);

  // Whom to ask for the block of this height of an epoch that ended: peers that say to have it, in
  // turn. Nothing if none does.
  std::optional<PeerKey> PeerForBlocks(Height height);
  // Who must be reachable, ascending.
  std::vector<PeerKey> peers() const;
  // The newest epoch that is verified.
  Epoch newest() const { return Epoch(epoch_.value() + trail_.size()); }
  // Bytes of the snapshot that have come, and all of them; nothing if none is being fetched.
  struct Progress {
    Height height;
    uint64_t bytes = 0;
    uint64_t total_bytes = 0;  // 0 before the head is here.
  };
  std::optional<Progress> progress() const;

 private:
  struct Peer {
    std::optional<Offer> offer;
    uint64_t offered_ms = 0;
    Epoch heard;                  // Unverified.
    uint64_t quiet_until_ms = 0;  // It did not help; others are asked meanwhile.
  };
  struct Asked {
    PeerKey peer;
    uint64_t deadline_ms = 0;
  };
  struct Fetch {
    SnapshotName snapshot;
    std::vector<PeerKey> providers;
    std::optional<SnapshotHead> head;  // Verified.
    std::optional<PeerKey> checking;   // Whose head is being checked.
    Bytes table;
    std::optional<Asked> asked;
    size_t turn = 0;
  };

  void On(const EnteredEpoch& entered);
  void On(const Committed& committed);
  void On(const HeardOf& heard);
  void On(const Answer& answer);
  void On(const BlocksMissing&);
  void On(const HandoversChecked& checked);
  void On(const HeadChecked& checked);
  void On(const TransferTick&) {}
  void Take(const PeerKey& from, const Offer& offer);
  void Take(const PeerKey& from, const HandoverResponse& response);
  void Take(const PeerKey& from, const HeadResponse& response);
  void Take(const PeerKey& from, const PieceResponse& response);

  void Poll();
  void AskForHandovers();
  void AskForOffers();
  void ConsiderSnapshot();
  void AskForPart();
  void FinishFetch();
  // The fetch goes on without this provider.
  void DropProvider(const PeerKey& peer);
  void Quiet(const PeerKey& peer);
  void RefreshPeers();
  void Send(const PeerKey& to, TransferMessage message);

  bool IsBehind() const { return told_end_ || missing_; }
  bool IsFresh(const Peer& peer) const;
  bool SaysToHave(const Peer& peer, Height height) const;
  const std::vector<Validator>& ValidatorsOf(Epoch epoch) const;
  // The next peer after `last` for which `fits` holds.
  template <typename Fits>
  std::optional<PeerKey> NextPeer(PeerKey& last, Fits fits) const;

  const Genesis genesis_;
  const PeerKey self_;
  const std::vector<PeerKey> named_;
  const TransferOptions options_;

  Epoch epoch_;
  Height height_;
  std::vector<Validator> validators_;
  std::map<Epoch, HandoverProof> trail_;  // Verified, from epoch_ on, without a gap.
  std::map<PeerKey, Peer> peers_;
  bool told_end_ = false;  // The core knows that its epoch has ended.
  bool missing_ = false;   // Someone no longer has the blocks that follow.
  uint64_t moved_ms_ = 0;  // When the height rose or the replica fell behind.
  uint64_t next_offers_ms_ = 0;
  bool installing_ = false;

  std::optional<Asked> handovers_asked_;
  struct Checking {
    PeerKey peer;
    size_t proofs = 0;
  };
  std::optional<Checking> checking_;  // Handovers of one peer.
  std::optional<Fetch> fetch_;
  // Whose turn it was.
  PeerKey last_handover_peer_;
  PeerKey last_polled_peer_;
  PeerKey last_block_peer_;

  uint64_t now_ms_ = 0;
  TransferEffects out_;
};

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_STATE_TRANSFER_H_
