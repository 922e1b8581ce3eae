// Defects of other descriptions of the protocol, to be put into a core by tests.
//
// Pure value. No configuration reaches it: only testing::DefectInjector can set it, and every flag
// is off in a core that a program makes. Each flag puts one defect back; the simulation must
// notice.
#ifndef GROAT_HOTSTUFF_DEFECTS_H_
#define GROAT_HOTSTUFF_DEFECTS_H_

namespace groat::hotstuff {

namespace testing {
class DefectInjector;
}

struct Defects {
  // The dissertation's Algorithm 1, line 10: b is taken from b* instead of b'.
  bool commit_looks_at_wrong_block = false;
  // Algorithm 1, line 23: another block's height is compared, so the lock always lets pass.
  bool lock_always_passes = false;
  // Algorithm 2, lines 4 and 5: assignments the wrong way round; the high certificate never
  // changes.
  bool certificates_assigned_backwards = false;
  // Votes go to the leader of v, but only the leader of v + 1 takes them.
  bool votes_to_wrong_leader = false;
  // Complaints carry no votes, as in the dissertation. Alone it is none of its mistakes.
  bool no_votes_in_timeouts = false;
  // Votes are written to a set of one name and counted in a set of another.
  bool votes_counted_elsewhere = false;
  // Certificates are looked at only in messages of the current view.
  bool update_behind_view_check = false;
  // A proposal of a later view is enough to enter that view.
  bool enter_view_on_sight = false;
  // A complaint goes to the next leader alone, without certificate, back-off or repetition.
  bool complaint_to_one_leader = false;
  // A new leader proposes on its own certificate, without the others'.
  bool leader_without_high_qcs = false;
  // Commands leave the pool when they are proposed.
  bool abandoned_commands_lost = false;
  // Missing checks.
  bool no_leader_check = false;
  bool no_certificate_check = false;
  bool no_consecutive_view_check = false;
  bool no_timeout_view_check = false;
  bool votes_after_timeout = false;
  bool votes_twice = false;
  bool no_clock_check = false;
  bool no_growing_time_check = false;
};

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_DEFECTS_H_
