#include "loadtest/mesh/network_events.h"

#include <signal.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "loadtest/mesh/links.h"
#include "loadtest/mesh/node_group.h"

namespace groat::load {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kStepTime(20'000);
constexpr char kAnyPort[] = "127.0.0.1:0";

struct Times {
  std::vector<double> ms;
  double Median() const {
    std::vector<double> sorted = ms;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
  double Worst() const { return *std::max_element(ms.begin(), ms.end()); }
};

// A step of a turn: what happened, and how long it took.
using Step = std::pair<std::string, double>;

absl::Status FreezeAndThaw(NodeGroup& group, size_t node, std::vector<Step>& steps) {
  const size_t peers = group.size() - 1;
  int64_t since_ns = MonotonicNs();
  group.node(node).Signal(SIGSTOP);
  GROAT_ASSIGN_OR_RETURN(double ms, group.AwaitConnected(peers - 1, since_ns, {node}));
  steps.emplace_back("frozen peer noticed by all", ms);
  since_ns = MonotonicNs();
  group.node(node).Signal(SIGCONT);
  GROAT_ASSIGN_OR_RETURN(ms, group.AwaitConnected(peers, since_ns));
  steps.emplace_back("thawed peer connected with all", ms);
  return absl::OkStatus();
}

absl::Status KillAndRestart(NodeGroup& group, size_t node, const std::string& address,
                            const std::string& name, std::vector<Step>& steps) {
  const size_t peers = group.size() - 1;
  int64_t since_ns = MonotonicNs();
  group.node(node).Signal(SIGKILL);
  GROAT_ASSIGN_OR_RETURN(double ms, group.AwaitConnected(peers - 1, since_ns, {node}));
  steps.emplace_back("killed peer noticed by all", ms);
  GROAT_RETURN_IF_ERROR(group.Replace(node));
  since_ns = MonotonicNs();
  GROAT_RETURN_IF_ERROR(group.Listen(node, address, 0));
  GROAT_ASSIGN_OR_RETURN(ms, group.AwaitConnected(peers, since_ns));
  steps.emplace_back(name, ms);
  return absl::OkStatus();
}

absl::Status ChangeAddress(NodeGroup& group, size_t node, std::vector<Step>& steps) {
  const std::string address = "localhost" + group.address(node).substr(9);
  const int64_t since_ns = MonotonicNs();
  GROAT_RETURN_IF_ERROR(group.node(node).Tell("advertise " + address));
  for (size_t i = 0; i < group.size(); ++i) {
    if (i == node) continue;
    GROAT_RETURN_IF_ERROR(group.node(i).Tell(absl::StrCat("await-address ", node, " ", address)));
  }
  int64_t last_ns = 0;
  for (size_t i = 0; i < group.size(); ++i) {
    if (i == node) continue;
    GROAT_ASSIGN_OR_RETURN(const auto words, group.node(i).Hear("knows", kStepTime));
    last_ns = std::max<int64_t>(last_ns, std::atoll(words.at(1).c_str()));
  }
  steps.emplace_back("new address known to all", static_cast<double>(last_ns - since_ns) / 1e6);
  return absl::OkStatus();
}

absl::Status DropFromSets(NodeGroup& group, size_t node, std::vector<Step>& steps) {
  std::string set = "set";
  for (size_t i = 0; i < group.size(); ++i) {
    if (i != node) absl::StrAppend(&set, " ", i);
  }
  const int64_t since_ns = MonotonicNs();
  for (size_t i = 0; i < group.size(); ++i) {
    if (i != node) GROAT_RETURN_IF_ERROR(group.node(i).Tell(set));
  }
  GROAT_ASSIGN_OR_RETURN(const double ms, group.AwaitConnected(group.size() - 2, since_ns, {node}));
  // Itself, it still holds all the others authorized, and finds itself alone.
  GROAT_RETURN_IF_ERROR(group.node(node).Tell("await 0"));
  GROAT_ASSIGN_OR_RETURN(const auto words, group.node(node).Hear("connected", kStepTime));
  const double alone_ms = static_cast<double>(std::atoll(words.at(1).c_str()) - since_ns) / 1e6;
  steps.emplace_back("peer dropped from the sets: disconnected everywhere", std::max(ms, alone_ms));
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> MeanMemory(NodeGroup& group) {
  uint64_t sum = 0;
  for (size_t i = 0; i < group.size(); ++i) {
    GROAT_ASSIGN_OR_RETURN(const uint64_t bytes, AnonymousMemoryBytes(group.node(i).pid()));
    sum += bytes;
  }
  return sum / group.size();
}

// How much the two processes grow when one floods the other, which takes nothing.
absl::Status MeasurePausedReader() {
  constexpr size_t kFloodBytes = size_t{64} << 10;
  constexpr milliseconds kSettle(3000);
  GROAT_ASSIGN_OR_RETURN(const auto group, NodeGroup::Start(Form::kMesh, 2));
  uint64_t before[2];
  uint64_t after[2];
  for (size_t i = 0; i < 2; ++i) {
    GROAT_ASSIGN_OR_RETURN(before[i], AnonymousMemoryBytes(group->node(i).pid()));
  }
  GROAT_RETURN_IF_ERROR(group->node(1).Tell("pause on"));
  GROAT_RETURN_IF_ERROR(group->node(0).Tell(absl::StrCat("flood 1 ", kFloodBytes)));
  GROAT_RETURN_IF_ERROR(group->node(0).Hear("flooding", kStepTime).status());
  std::this_thread::sleep_for(kSettle);
  for (size_t i = 0; i < 2; ++i) {
    GROAT_ASSIGN_OR_RETURN(after[i], AnonymousMemoryBytes(group->node(i).pid()));
  }
  const auto mib = [](uint64_t from, uint64_t to) {
    return (static_cast<double>(to) - static_cast<double>(from)) / (1 << 20);
  };
  std::cout << absl::StrFormat(
      "| flood to a reader that takes nothing, streamed and bulk channel of 16 MiB backlog each | "
      "sender +%.1f MiB, reader +%.1f MiB |\n",
      mib(before[0], after[0]), mib(before[1], after[1]));
  return absl::OkStatus();
}

}  // namespace

absl::Status MeasureForming(const EventOptions& options) {
  std::cout << absl::StrFormat(
      "A full mesh from one bootstrapper, %d turns\n\n| nodes | median ms | worst ms |\n"
      "|---|---|---|\n",
      options.turns);
  for (const size_t nodes : options.form_nodes) {
    Times times;
    for (size_t turn = 0; turn < options.turns; ++turn) {
      GROAT_ASSIGN_OR_RETURN(const auto group, NodeGroup::Start(Form::kMesh, nodes));
      times.ms.push_back(group->connect_ms());
    }
    std::cout << absl::StrFormat("| %d | %.0f | %.0f |\n", nodes, times.Median(), times.Worst())
              << std::flush;
  }
  std::cout << "\n";
  return absl::OkStatus();
}

absl::Status MeasureEvents(const EventOptions& options) {
  std::vector<std::pair<std::string, Times>> table;
  for (size_t turn = 0; turn < options.turns; ++turn) {
    GROAT_ASSIGN_OR_RETURN(const auto group, NodeGroup::Start(Form::kMesh, options.nodes));
    const size_t node = group->size() - 1;
    std::vector<Step> steps;
    GROAT_RETURN_IF_ERROR(FreezeAndThaw(*group, node, steps));
    const std::string address = group->address(node);
    GROAT_RETURN_IF_ERROR(KillAndRestart(*group, node, address,
                                         "restarted at its address: connected with all", steps));
    GROAT_RETURN_IF_ERROR(KillAndRestart(
        *group, node, kAnyPort, "restarted at another address: connected with all", steps));
    GROAT_RETURN_IF_ERROR(ChangeAddress(*group, node, steps));
    GROAT_RETURN_IF_ERROR(DropFromSets(*group, node, steps));
    for (const auto& [name, ms] : steps) {
      const auto found = std::find_if(table.begin(), table.end(),
                                      [&](const auto& row) { return row.first == name; });
      Times& times =
          found != table.end() ? found->second : table.emplace_back(name, Times{}).second;
      times.ms.push_back(ms);
    }
  }
  std::cout << absl::StrFormat(
      "What happens to one of %d nodes, %d turns\n\n| event | median ms | worst ms |\n"
      "|---|---|---|\n",
      options.nodes, options.turns);
  for (const auto& [name, times] : table) {
    std::cout << absl::StrFormat("| %s | %.0f | %.0f |\n", name, times.Median(), times.Worst());
  }
  std::cout << "\n" << std::flush;
  return absl::OkStatus();
}

absl::Status MeasureMemory(const EventOptions& options) {
  const size_t few = 4;
  uint64_t few_bytes = 0;
  uint64_t many_bytes = 0;
  {
    GROAT_ASSIGN_OR_RETURN(const auto group, NodeGroup::Start(Form::kMesh, few));
    GROAT_ASSIGN_OR_RETURN(few_bytes, MeanMemory(*group));
  }
  {
    GROAT_ASSIGN_OR_RETURN(const auto group, NodeGroup::Start(Form::kMesh, options.memory_nodes));
    GROAT_ASSIGN_OR_RETURN(many_bytes, MeanMemory(*group));
  }
  const auto mib = [](uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
  std::cout << absl::StrFormat(
      "Memory of a process (anonymous pages)\n\n| what | size |\n|---|---|\n"
      "| mean of %d nodes | %.1f MiB |\n| mean of %d nodes | %.1f MiB |\n"
      "| each further connection | %.0f KiB |\n",
      few, mib(few_bytes), options.memory_nodes, mib(many_bytes),
      (static_cast<double>(many_bytes) - static_cast<double>(few_bytes)) / 1024 /
          static_cast<double>(options.memory_nodes - few));
  GROAT_RETURN_IF_ERROR(MeasurePausedReader());
  std::cout << "\n" << std::flush;
  return absl::OkStatus();
}

}  // namespace groat::load
