// Looks at every commit and every vote of honest replicas and notices what must never be. Tests
// only.
#ifndef GROAT_HOTSTUFF_TESTING_CHECKER_H_
#define GROAT_HOTSTUFF_TESTING_CHECKER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "hotstuff/effects.h"

namespace groat::hotstuff::testing {

class Checker {
 public:
  // The clocks of honest nodes are at most `max_skew_us` from the right time.
  Checker(const Genesis& genesis, size_t n, uint64_t max_skew_us);

  // The block committed last was its epoch's last; n validators follow.
  void StartEpoch(size_t n);
  // An honest node's next committed block.
  void OnCommit(size_t node, const CommittedBlock& committed);
  // A vote that an honest node sent; over all its incarnations.
  void OnVote(size_t node, const Vote& vote);
  // A vote that an honest node made durable, and when; also the one that it keeps for itself.
  void OnRecordedVote(const Vote& vote, uint64_t unix_us);
  // A block that an honest node proposed; over all its incarnations.
  void OnProposal(size_t node, const Block& block);

  const std::string& problem() const { return problem_; }
  size_t height() const { return chain_.size() - 1; }
  const std::vector<BlockId>& chain() const { return chain_; }
  View last_view() const { return last_view_; }
  // Where the command was committed first; nothing if it was not.
  std::optional<size_t> HeightOf(const CommandKey& key) const;

 private:
  void Report(const std::string& problem) {
    if (problem_.empty()) problem_ = problem;
  }
  void CheckNew(const CommittedBlock& committed);
  void CheckTime(const Block& block);

  size_t n_;
  const uint64_t max_time_error_us_;  // Of a block, when an honest node votes for it.
  std::unique_ptr<const CommitRule> rule_;
  std::vector<BlockId> chain_;  // What was committed first, by height.
  LeaderSchedule schedule_;
  View last_view_;
  uint64_t last_timestamp_us_ = 0;
  absl::flat_hash_map<CommandKey, size_t> heights_;
  // When the first honest node voted for a block.
  absl::flat_hash_map<BlockId, uint64_t> voted_us_;
  // What each node voted for or proposed in the last views, by view modulo the number of places.
  struct Past {
    Epoch epoch;
    View view;
    BlockId block;
  };
  using History = std::vector<std::vector<Past>>;
  // Whether it contradicts what the node said before in this view.
  static bool Contradicts(History& history, size_t node, const Past& now);
  History votes_;
  History proposals_;
  std::string problem_;
};

}  // namespace groat::hotstuff::testing

#endif  // GROAT_HOTSTUFF_TESTING_CHECKER_H_
