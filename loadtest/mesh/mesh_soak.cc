// mesh_soak: nodes of a mesh, real processes, a tenth of which restarts at any time,
// while a protocol with acknowledgements runs on it.
//
//   mesh_soak --nodes 20 --seconds 180
//
// Every other time a node is killed, else it leaves in good order; it comes back at its address.
// When the time is over all messages are waited for, and the logs of all nodes are compared: exit
// status 1 if a message that was acknowledged is nowhere, was taken twice, or any was never
// acknowledged. Prints a table in Markdown.
#include <signal.h>
#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "loadtest/mesh/links.h"
#include "loadtest/mesh/node_process.h"
#include "loadtest/mesh/soak_log.h"
#include "loadtest/mesh/soak_node.h"

namespace groat::load {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kStepTime(20'000);
constexpr milliseconds kDrainTime(30'000);
constexpr char kAnyPort[] = "127.0.0.1:0";

struct SoakOptions {
  size_t nodes = 20;
  double seconds = 180;
  double rate = 100;  // Messages a second that each node makes.
  uint64_t seed = 1;
  int down_ms = 300;  // At most; how long a node is away.
};

// What the logs say together.
struct Verdict {
  uint64_t made = 0;
  uint64_t acknowledged = 0;
  uint64_t taken = 0;
  uint64_t lost = 0;        // Acknowledged, and not in the log of the node that did so.
  uint64_t unanswered = 0;  // Never acknowledged.
  uint64_t twice = 0;       // Taken more than once.
};

class Soak {
 public:
  Soak(const SoakOptions& options, std::string folder)
      : options_(options),
        folder_(std::move(folder)),
        random_(options.seed),
        nodes_(options.nodes),
        addresses_(options.nodes, kAnyPort) {}

  absl::Status Run();

 private:
  std::string LogPath(size_t node) const { return absl::StrCat(folder_, "/", node, ".log"); }
  absl::Status Begin(size_t node);
  absl::Status AwaitAll(const std::vector<size_t>& nodes, int64_t since_ns,
                        std::vector<double>* times_ms);
  absl::Status RestartSome();
  absl::Status Drain();
  absl::StatusOr<Verdict> Compare() const;
  absl::Status Print(const Verdict& verdict);

  const SoakOptions options_;
  const std::string folder_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<NodeProcess>> nodes_;
  std::vector<std::string> addresses_;
  size_t next_ = 0;  // Of those that restart in turn.
  uint64_t restarts_ = 0;
  uint64_t kills_ = 0;
  uint64_t repeated_ = 0;
  std::vector<double> reconnect_ms_;
};

absl::Status Soak::Begin(size_t node) {
  const size_t bootstrapper = node == 0 ? 1 : 0;
  GROAT_ASSIGN_OR_RETURN(
      nodes_[node], NodeProcess::Start({"node", absl::StrCat(node), absl::StrCat(options_.nodes),
                                        LogPath(node), absl::StrCat(options_.rate)}));
  GROAT_RETURN_IF_ERROR(nodes_[node]->Hear("ready", kStepTime).status());
  std::string listen = absl::StrCat("listen ", addresses_[node]);
  if (addresses_[bootstrapper] != kAnyPort) {
    absl::StrAppend(&listen, " ", bootstrapper, " ", addresses_[bootstrapper]);
  }
  GROAT_RETURN_IF_ERROR(nodes_[node]->Tell(listen));
  GROAT_ASSIGN_OR_RETURN(const auto words, nodes_[node]->Hear("listening", kStepTime));
  addresses_[node] = words.at(1);
  return absl::OkStatus();
}

absl::Status Soak::AwaitAll(const std::vector<size_t>& nodes, int64_t since_ns,
                            std::vector<double>* times_ms) {
  for (const size_t node : nodes) {
    GROAT_RETURN_IF_ERROR(nodes_[node]->Tell(absl::StrCat("await ", options_.nodes - 1)));
  }
  for (const size_t node : nodes) {
    GROAT_ASSIGN_OR_RETURN(const auto words, nodes_[node]->Hear("connected", kStepTime));
    if (times_ms == nullptr) continue;
    times_ms->push_back(static_cast<double>(std::stoll(words.at(1)) - since_ns) / 1e6);
  }
  return absl::OkStatus();
}

absl::Status Soak::RestartSome() {
  std::vector<size_t> chosen;
  for (size_t i = 0; i < std::max<size_t>(1, options_.nodes / 10); ++i) {
    chosen.push_back(next_);
    next_ = (next_ + 1) % options_.nodes;
  }
  for (const size_t node : chosen) {
    if (restarts_++ % 2 == 0) {
      ++kills_;
    } else {
      nodes_[node]->End();
    }
    nodes_[node].reset();
  }
  const auto down = milliseconds(random_() % static_cast<uint64_t>(options_.down_ms + 1));
  std::this_thread::sleep_for(down);
  const int64_t since_ns = MonotonicNs();
  for (const size_t node : chosen) GROAT_RETURN_IF_ERROR(Begin(node));
  return AwaitAll(chosen, since_ns, &reconnect_ms_);
}

absl::Status Soak::Drain() {
  for (const auto& node : nodes_) GROAT_RETURN_IF_ERROR(node->Tell("stop"));
  for (const auto& node : nodes_) {
    GROAT_ASSIGN_OR_RETURN(const auto words, node->Hear("drained", kDrainTime));
    repeated_ += std::stoull(words.at(1));
  }
  for (const auto& node : nodes_) node->End();
  return absl::OkStatus();
}

absl::StatusOr<Verdict> Soak::Compare() const {
  using Name = std::pair<uint32_t, uint64_t>;
  std::vector<std::set<Name>> taken(options_.nodes);
  std::vector<std::vector<SoakEntry>> logs;
  Verdict verdict;
  for (size_t node = 0; node < options_.nodes; ++node) {
    GROAT_ASSIGN_OR_RETURN(logs.emplace_back(), ReadSoakLog(LogPath(node)));
    for (const SoakEntry& entry : logs.back()) {
      if (entry.kind != SoakKind::kTaken) continue;
      ++verdict.taken;
      if (!taken[node].emplace(entry.peer, entry.number).second) ++verdict.twice;
    }
  }
  for (size_t node = 0; node < options_.nodes; ++node) {
    const auto sender = static_cast<uint32_t>(node);
    for (const SoakEntry& entry : logs[node]) {
      if (entry.kind == SoakKind::kMade) ++verdict.made;
      if (entry.kind != SoakKind::kAcknowledged) continue;
      ++verdict.acknowledged;
      if (taken.at(entry.peer).count({sender, entry.number}) == 0) ++verdict.lost;
    }
  }
  verdict.unanswered = verdict.made - verdict.acknowledged;
  return verdict;
}

absl::Status Soak::Print(const Verdict& verdict) {
  std::sort(reconnect_ms_.begin(), reconnect_ms_.end());
  const auto quantile = [&](double part) {
    if (reconnect_ms_.empty()) return 0.0;
    return reconnect_ms_[static_cast<size_t>(part * static_cast<double>(reconnect_ms_.size() - 1))];
  };
  std::cout << absl::StrFormat(
      "%d nodes, %.0f s, %.0f messages/s each, seed %d\n\n"
      "| restarts | of them killed | made | acknowledged | taken | repeated | acknowledged and "
      "lost "
      "| taken twice | never acknowledged | back with all peers p50 ms | p99 ms |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|\n"
      "| %d | %d | %d | %d | %d | %d | %d | %d | %d | %.0f | %.0f |\n",
      options_.nodes, options_.seconds, options_.rate, options_.seed, restarts_, kills_,
      verdict.made, verdict.acknowledged, verdict.taken, repeated_, verdict.lost, verdict.twice,
      verdict.unanswered, quantile(0.5), quantile(0.99));
  if (verdict.lost + verdict.twice + verdict.unanswered > 0) {
    return absl::DataLossError(absl::StrCat(verdict.lost, " lost, ", verdict.twice,
                                            " taken twice, ", verdict.unanswered,
                                            " never acknowledged"));
  }
  if (restarts_ == 0 || verdict.acknowledged == 0) {
    return absl::FailedPreconditionError("nothing happened");
  }
  return absl::OkStatus();
}

absl::Status Soak::Run() {
  std::vector<size_t> all;
  for (size_t node = 0; node < options_.nodes; ++node) {
    all.push_back(node);
    GROAT_RETURN_IF_ERROR(Begin(node));
  }
  GROAT_RETURN_IF_ERROR(AwaitAll(all, 0, nullptr));
  const auto end = std::chrono::steady_clock::now() +
                   milliseconds(static_cast<int64_t>(options_.seconds * 1000));
  while (std::chrono::steady_clock::now() < end) GROAT_RETURN_IF_ERROR(RestartSome());
  GROAT_RETURN_IF_ERROR(Drain());
  GROAT_ASSIGN_OR_RETURN(const Verdict verdict, Compare());
  return Print(verdict);
}

int Main(int argc, char** argv) {
  CLI::App app{"Restarts nodes of a mesh, and looks for lost messages."};
  SoakOptions options;
  app.add_option("--nodes", options.nodes, "processes")->check(CLI::Range(3, 200));
  app.add_option("--seconds", options.seconds, "of restarts")->check(CLI::Range(1.0, 1e6));
  app.add_option("--rate", options.rate, "messages a second of each node")
      ->check(CLI::Range(0.1, 1e4));
  app.add_option("--seed", options.seed, "of the times that nodes are away");
  app.add_option("--down-ms", options.down_ms, "that a node is away, at most")
      ->check(CLI::Range(0, 60'000));
  size_t self = 0;
  size_t nodes = 0;
  std::string log_path;
  double rate = 0;
  CLI::App* node = app.add_subcommand("node", "what this program starts for itself");
  node->group("");
  node->add_option("self", self)->required();
  node->add_option("nodes", nodes)->required();
  node->add_option("log", log_path)->required();
  node->add_option("rate", rate)->required();
  CLI11_PARSE(app, argc, argv);
  if (node->parsed()) {
    RunSoakNode(self, nodes, log_path, rate);
    return 0;
  }
  signal(SIGPIPE, SIG_IGN);
  std::string folder = (std::filesystem::temp_directory_path() / "mesh-soak-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    std::cerr << folder << ": not created\n";
    return 1;
  }
  const absl::Status status = Soak(options, folder).Run();
  std::filesystem::remove_all(folder);
  if (status.ok()) return 0;
  std::cerr << "mesh_soak: " << status << "\n";
  return 1;
}

}  // namespace
}  // namespace groat::load

int main(int argc, char** argv) { return groat::load::Main(argc, argv); }
