// Looks at every commit and every vote of honest replicas and notices what must never be. Tests
// only.
#ifndef GROAT_HOTSTUFF_TESTING_CHECKER_H_
#define GROAT_HOTSTUFF_TESTING_CHECKER_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "hotstuff/effects.h"

namespace groat::hotstuff::testing {

class Checker {
 public:
  Checker(const Genesis& genesis, size_t n);

  // An honest node's next committed block.
  void OnCommit(size_t node, const CommittedBlock& committed);
  // A vote that an honest node sent; over all its incarnations.
  void OnVote(size_t node, const Vote& vote);

  const std::string& problem() const { return problem_; }
  size_t height() const { return chain_.size() - 1; }
  const std::vector<BlockId>& chain() const { return chain_; }
  View last_view() const { return last_view_; }

 private:
  void Report(const std::string& problem) {
    if (problem_.empty()) problem_ = problem;
  }
  void CheckNew(const CommittedBlock& committed);

  const size_t n_;
  std::unique_ptr<const CommitRule> rule_;
  std::vector<BlockId> chain_;  // What was committed first, by height.
  LeaderSchedule schedule_;
  View last_view_;
  uint64_t last_timestamp_ms_ = 0;
  std::set<CommandKey> executed_;
  std::map<std::pair<size_t, View>, BlockId> votes_;
  std::string problem_;
};

}  // namespace groat::hotstuff::testing

#endif  // GROAT_HOTSTUFF_TESTING_CHECKER_H_
