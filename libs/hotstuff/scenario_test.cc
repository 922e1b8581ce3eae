// Golden traces: commands and the messages that follow, compared with
// tests/scenario/hotstuff_*.txt.
//
// Lines that begin with "> " are commands, all others are the trace they give:
//   > cluster n RULES VOTES     two_chain or three_chain; votes_next or votes_all; 1 ms a message
//   > crash R, > restart R      replica R
//   > cut R, > heal             R hears nobody and nobody hears R
//   > submit R SEQUENCE         a command to replica R
//   > run MS                    lets that much time pass
// hotstuff_scenario_test --rewrite writes the files anew; a person reads the difference.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "hotstuff/testing/cluster.h"

namespace groat::hotstuff::testing {
namespace {

bool rewrite = false;

std::string Describe(const Block& block) {
  return absl::StrCat(
      "view ", block.view().value(), " height ", block.height().value(), " on QC ",
      block.justify()->view().value(),
      block.timeout() == nullptr ? "" : absl::StrCat(" after TC ", block.timeout()->view().value()),
      block.commands().empty() ? ""
                               : absl::StrCat(" with ", block.commands().size(), " command",
                                              block.commands().size() == 1 ? "" : "s"));
}

std::string Describe(const Message& message) {
  if (const auto* proposal = std::get_if<Proposal>(&message)) return Describe(*proposal->block);
  if (const auto* vote = std::get_if<Vote>(&message))
    return absl::StrCat("view ", vote->view.value());
  if (const auto* timeout = std::get_if<Timeout>(&message)) {
    return absl::StrCat("view ", timeout->view.value(), " QC ", timeout->high_qc->view().value(),
                        timeout->previous_timeout == nullptr
                            ? ""
                            : absl::StrCat(" TC ", timeout->previous_timeout->view().value()));
  }
  if (const auto* advance = std::get_if<Advance>(&message)) {
    return absl::StrCat(
        "QC ", advance->high_qc->view().value(),
        advance->timeout == nullptr ? "" : absl::StrCat(" TC ", advance->timeout->view().value()));
  }
  if (const auto* request = std::get_if<BlockRequest>(&message)) {
    return absl::StrCat("from height ", request->from.value());
  }
  if (const auto* response = std::get_if<BlockResponse>(&message)) {
    return absl::StrCat("of ", response->blocks.size(), " from height ",
                        response->blocks.empty() ? 0 : response->blocks[0]->height().value());
  }
  return absl::StrCat("of ", std::get<CommandBatch>(message).commands.size());
}

class Player {
 public:
  void Play(const std::string& line) {
    std::istringstream words(line.substr(2));
    std::string command;
    words >> command;
    if (command == "cluster") return MakeCluster(words);
    uint64_t first = 0;
    uint64_t second = 0;
    words >> first >> second;
    if (command == "crash") {
      cluster_->Crash(first);
    } else if (command == "restart") {
      cluster_->Restart(first);
    } else if (command == "cut") {
      std::vector<int> groups(cluster_->node_count());
      groups[first] = 1;
      cluster_->Partition(groups);
    } else if (command == "heal") {
      cluster_->Partition({});
    } else if (command == "submit") {
      cluster_->Submit(first, first + 1, second);
    } else if (command == "run") {
      cluster_->RunUntil(cluster_->now_ms() + first);
    } else {
      out += absl::StrCat("unknown command ", command, "\n");
    }
    if (!cluster_->problem().empty()) out += cluster_->problem() + "\n";
  }
  std::string out;

 private:
  void MakeCluster(std::istringstream& words) {
    ClusterConfig config;
    std::string rules;
    std::string votes;
    words >> config.n >> rules >> votes;
    config.rules = rules == "three_chain" ? RuleSet::kThreeChain : RuleSet::kTwoChain;
    config.votes = votes == "votes_all" ? VoteSpread::kAll : VoteSpread::kNextLeader;
    cluster_ = std::make_unique<Cluster>(config);
    cluster_->SetTrace([this](uint64_t time, size_t node, const Send& send) {
      out += absl::StrCat(time, " ms  ", node, " > ",
                          send.to.has_value() ? std::to_string(send.to->value()) : "all", "  ",
                          std::string(NameOf(*send.message)), " ", Describe(*send.message), "\n");
    });
    cluster_->SetCommitTrace([this](uint64_t time, size_t node, const CommittedBlock& committed) {
      out +=
          absl::StrCat(time, " ms  ", node, " commits height ", committed.block->height().value(),
                       " of view ", committed.block->view().value(), "\n");
    });
  }
  std::unique_ptr<Cluster> cluster_;
};

std::string Folder() {
  const char* source = std::getenv("GROAT_SOURCE_DIR");
  return absl::StrCat(source == nullptr ? "." : source, "/tests/scenario/");
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class ScenarioTest : public ::testing::TestWithParam<const char*> {};

TEST_P(ScenarioTest, GivesItsTrace) {
  const std::string path = absl::StrCat(Folder(), "hotstuff_", GetParam(), ".txt");
  const std::string want = ReadFile(path);
  ASSERT_FALSE(want.empty()) << path << " is missing or empty";
  Player player;
  std::istringstream lines(want);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("#", 0) == 0) player.out += line + "\n";
    if (line.rfind("> ", 0) != 0) continue;
    player.out += line + "\n";
    player.Play(line);
  }
  if (rewrite) {
    std::ofstream(path) << player.out;
    return;
  }
  EXPECT_EQ(player.out, want) << "hotstuff_scenario_test --rewrite accepts the new trace";
}

INSTANTIATE_TEST_SUITE_P(Files, ScenarioTest,
                         ::testing::Values("normal_case", "three_chain", "dead_leader",
                                           "two_dead_leaders", "laggard"),
                         [](const auto& item) { return std::string(item.param); });

}  // namespace
}  // namespace groat::hotstuff::testing

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--rewrite") == 0) groat::hotstuff::testing::rewrite = true;
  }
  return RUN_ALL_TESTS();
}
