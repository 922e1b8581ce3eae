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

void CompareChains(const std::vector<const SeenChain*>& chains, ChainAudit& audit) {
  const std::vector<hotstuff::BlockId>& first = chains[0]->ids;
  audit.blocks = first.size();
  audit.commands = chains[0]->places.size();
  for (size_t i = 1; i < chains.size(); ++i) {
    const std::vector<hotstuff::BlockId>& other = chains[i]->ids;
    const auto [at, other_at] =
        std::mismatch(first.begin(), first.end(), other.begin(), other.end());
    if (at != first.end() && other_at != other.end()) {
      Note(absl::StrCat("replicas 0 and ", i, " differ at height ", at - first.begin() + 1, ": ",
                        at->Hex(), " and ", other_at->Hex()),
           audit);
    } else if (first.size() != other.size()) {
      Note(absl::StrCat("replica 0 shows ", first.size(), " blocks, replica ", i, " shows ",
                        other.size()),
           audit);
    }
    if (chains[i]->places.size() != audit.commands) {
      Note(absl::StrCat("replica 0 shows ", audit.commands, " commands in effect, replica ", i,
                        " shows ", chains[i]->places.size()),
           audit);
    }
  }
}

void FindAcknowledged(const std::vector<const SeenChain*>& chains, const Places& acknowledged,
                      ChainAudit& audit) {
  acknowledged.ForEach([&](uint64_t client, uint64_t sequence, const Place& told) {
    if (told.height == 0) ++audit.without_place;
    for (size_t i = 0; i < chains.size(); ++i) {
      const Place* const found = chains[i]->places.Find(client, sequence);
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

ChainAudit Compare(const std::vector<const SeenChain*>& chains,
                   const std::vector<const Places*>& acknowledged) {
  ChainAudit audit;
  CompareChains(chains, audit);
  for (const Places* places : acknowledged) FindAcknowledged(chains, *places, audit);
  return audit;
}

ChainAudit Audit(const std::vector<ChainFollower*>& followers,
                 const std::vector<const Places*>& acknowledged,
                 std::chrono::milliseconds patience) {
  const auto deadline = ChainFollower::Clock::now() + patience;
  uint64_t highest = 0;
  for (const Places* places : acknowledged) {
    places->ForEach(
        [&](uint64_t, uint64_t, const Place& place) { highest = std::max(highest, place.height); });
  }
  // One may see more meanwhile; all come to see that too, as nothing new is committed.
  for (int round = 0; round < 2; ++round) {
    for (const ChainFollower* follower : followers) highest = std::max(highest, follower->height());
    for (const ChainFollower* follower : followers) follower->WaitForHeight(highest, deadline);
  }
  std::vector<std::string> problems;
  std::vector<const SeenChain*> chains;
  for (size_t i = 0; i < followers.size(); ++i) {
    followers[i]->Stop();
    chains.push_back(&followers[i]->chain());
    const absl::Status status = followers[i]->status();
    if (!status.ok()) problems.push_back(status.ToString());
    if (followers[i]->height() >= highest) continue;
    problems.push_back(absl::StrCat("replica ", i, " shows ", followers[i]->height(),
                                    " blocks, want ", highest, " within ", patience.count(),
                                    " ms"));
  }
  ChainAudit audit = Compare(chains, acknowledged);
  audit.problems.insert(audit.problems.begin(), problems.begin(), problems.end());
  return audit;
}

}  // namespace groat::load
