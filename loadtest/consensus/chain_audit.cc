#include "loadtest/consensus/chain_audit.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace groat::load {
namespace {

constexpr size_t kMaxExamples = 10;

void Note(std::string problem, ChainAudit& audit) {
  if (audit.problems.size() < kMaxExamples) audit.problems.push_back(std::move(problem));
}

std::string NameOf(uint64_t client, uint64_t sequence) {
  return absl::StrCat("command ", sequence, " of client ", client);
}

void CompareChains(const std::vector<ChainFollower*>& followers, ChainAudit& audit) {
  const std::vector<hotstuff::BlockId>& first = followers[0]->ids();
  audit.blocks = first.size();
  audit.commands = followers[0]->places().size();
  for (size_t i = 1; i < followers.size(); ++i) {
    const std::vector<hotstuff::BlockId>& other = followers[i]->ids();
    const auto [at, other_at] =
        std::mismatch(first.begin(), first.end(), other.begin(), other.end());
    if (at != first.end() && other_at != other.end()) {
      Note(absl::StrCat("replicas 0 and ", i, " differ at height ", at - first.begin() + 1, ": ",
                        at->Hex(), " and ", other_at->Hex()),
           audit);
    } else if (first.size() != other.size()) {
      Note(absl::StrCat("replica 0 has ", first.size(), " blocks, replica ", i, " has ",
                        other.size()),
           audit);
    }
    if (followers[i]->places().size() != audit.commands) {
      Note(absl::StrCat("replica 0 has ", audit.commands, " commands in effect, replica ", i,
                        " has ", followers[i]->places().size()),
           audit);
    }
  }
}

void FindAcknowledged(const std::vector<ChainFollower*>& followers, const Places& acknowledged,
                      ChainAudit& audit) {
  acknowledged.ForEach([&](uint64_t client, uint64_t sequence, const Place& told) {
    if (told.height == 0) ++audit.without_place;
    for (size_t i = 0; i < followers.size(); ++i) {
      const Place* const found = followers[i]->places().Find(client, sequence);
      if (found == nullptr) {
        ++audit.lost;
        Note(absl::StrCat(NameOf(client, sequence), ", acknowledged at height ", told.height,
                          ", is not in the chain of replica ", i),
             audit);
        return;
      }
      if (told.height != 0 && !(*found == told)) {
        ++audit.misplaced;
        Note(absl::StrCat(NameOf(client, sequence), " is at height ", found->height, " index ",
                          found->index, " of replica ", i, ", told was height ", told.height,
                          " index ", told.index),
             audit);
        return;
      }
    }
  });
}

}  // namespace

std::string ChainAudit::Text() const { return absl::StrJoin(problems, "\n"); }

ChainAudit Audit(const std::vector<ChainFollower*>& followers,
                 const std::vector<const Places*>& acknowledged,
                 std::chrono::milliseconds patience) {
  ChainAudit audit;
  const auto deadline = ChainFollower::Clock::now() + patience;
  uint64_t highest = 0;
  for (const Places* places : acknowledged) {
    places->ForEach(
        [&](uint64_t, uint64_t, const Place& place) { highest = std::max(highest, place.height); });
  }
  for (const ChainFollower* follower : followers) highest = std::max(highest, follower->height());
  for (size_t i = 0; i < followers.size(); ++i) {
    if (followers[i]->WaitForHeight(highest, deadline)) continue;
    Note(absl::StrCat("replica ", i, " shows ", followers[i]->height(), " blocks, want ", highest,
                      " within ", patience.count(), " ms; ", followers[i]->status().ToString()),
         audit);
  }
  // One may have seen more meanwhile; then all come to see it, as nothing new is committed.
  for (const ChainFollower* follower : followers) highest = std::max(highest, follower->height());
  for (const ChainFollower* follower : followers) follower->WaitForHeight(highest, deadline);
  for (ChainFollower* follower : followers) follower->Stop();
  CompareChains(followers, audit);
  for (const Places* places : acknowledged) FindAcknowledged(followers, *places, audit);
  return audit;
}

}  // namespace groat::load
