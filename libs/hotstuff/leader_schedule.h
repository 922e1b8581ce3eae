// Who leads a view: round robin among the validators whose recent leadership did not fail.
//
// Pure value; copying shares the lists of strikes.
//
// A schedule belongs to a block: it is what certifying that block gives. It is computed from the
// chain below the block and nothing else, so everyone who holds the block's certificate names the
// same leaders; a proposal is right or wrong by its own ancestry, whatever else a replica has seen.
// Only strikes of blocks that the certificate commits count.
//
//   block b on parent p                  strikes
//   b's certificate for p                who signed it was seen again
//   views between p and b                each one's leader (by p's schedule) gets a strike, unseen
//   b itself                             its proposer's strikes are cleared
//
// A validator with s strikes is passed over for min(32 n 2^(s-1), 16,384) views since the last one
// if it was seen after it, else for 16,384: it is down, and trying it would cost a timeout. Then it
// is tried again. At most f are passed over at a time, those that failed last first: so most of
// the rest are honest, and strikes that a Byzantine leader causes its predecessor (by keeping back
// the votes it collects) cannot hand it the schedule. Byzantine leaders that also leave that one's
// votes out of their certificates keep it unseen until an honest leader counts them, but no more
// than f validators and 16,384 views. Views far beyond the last commit go round robin among all:
// then a run of honest leaders long enough for a commit is certain (CheckCanProgress in genesis.h).
// Source: idea of Cohen et al., "Be Aware of Your Leaders" (arXiv:2110.00960); the rule is ours.
// The paper's own HotStuff leaves the choice of leaders open (arXiv:1803.05069, section 4.4).
#ifndef GROAT_HOTSTUFF_LEADER_SCHEDULE_H_
#define GROAT_HOTSTUFF_LEADER_SCHEDULE_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "hotstuff/block.h"
#include "hotstuff/commit_rule.h"
#include "hotstuff/ids.h"

namespace groat::hotstuff {

struct Strike {
  ReplicaIndex replica;
  uint16_t count = 0;
  View last_failed;
  bool seen = false;  // A certificate of a view above `last_failed` has its signature.

  friend bool operator==(const Strike&, const Strike&) = default;
};

class LeaderSchedule {
 public:
  // Of an epoch's root: no strikes, plain round robin.
  LeaderSchedule();

  // n is the number of validators. Constant while nobody has strikes, else O(n).
  ReplicaIndex LeaderOf(View view, size_t n) const;

  // Whether the validator's last leadership failed: if it leads a view, it is being tried again.
  // O(strikes).
  bool IsOnProbation(ReplicaIndex replica) const;

  // The schedule of a block on the block that this schedule belongs to, by the view and proposer in
  // its header and by the certificate for its parent that it carries. The view must be above the
  // parent's, else the process stops. Of a long gap the first 2 n failed views count. Constant
  // while nobody has strikes, O(strikes) while none change.
  LeaderSchedule Child(const BlockHeader& header, const QuorumCertificate& justify, size_t n,
                       const CommitRule& rule) const;

  // Digest of the encoded form, with the lists of strikes by their digests.
  const Hash& hash() const { return hash_; }
  View committed_view() const { return committed_.view; }
  std::vector<Strike> committed_strikes() const { return committed_.strikes->list; }

  // Three records (of the block, its parent, and the block that the certificate commits), each:
  // view u64 ‖ count u16 ‖ (replica u16 ‖ strikes u16 ‖ last failed view u64 ‖ seen u8).
  Bytes Encode() const;
  // InvalidArgument unless the bytes are what Encode writes. Compare hash() with the block's
  // header.
  static absl::StatusOr<LeaderSchedule> Decode(ByteView bytes);

 private:
  struct Strikes {
    std::vector<Strike> list;  // By replica, ascending.
    Hash hash;
  };
  using StrikesPtr = std::shared_ptr<const Strikes>;
  struct Record {
    View view;
    StrikesPtr strikes;
  };

  static StrikesPtr MakeStrikes(std::vector<Strike> list);
  static absl::StatusOr<Record> DecodeRecord(ByteReader& reader);
  void SetHash();
  // With what a block's certificate, the views below it and its proposer change.
  StrikesPtr NextStrikes(const BlockHeader& header, const QuorumCertificate& justify,
                         size_t n) const;

  Record own_;
  Record parent_;
  Record committed_;
  Hash hash_;
};

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_LEADER_SCHEDULE_H_
