#include "tools/groat/commands/replica_status.h"

#include <algorithm>
#include <future>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "tools/groat/terminal/table.h"

namespace groat::commands {
namespace {

namespace v1 = consensus::v1;
using Align = terminal::Table::Align;

bool IsValidator(const v1::GetStatusResponse& status) {
  return static_cast<int>(status.replica()) < status.replicas_size();
}

size_t CountConnected(const v1::GetStatusResponse& status) {
  return static_cast<size_t>(
      std::count_if(status.replicas().begin(), status.replicas().end(),
                    [](const v1::ReplicaStatus& one) { return one.connected(); }));
}

std::string StateOf(const v1::GetStatusResponse& status) {
  std::string state = status.votes() ? "votes" : "follows";
  if (status.syncing()) return state + ", fetches blocks";
  if (IsValidator(status) && status.leader() == status.replica()) state += ", leads";
  return state;
}

Json AnswerJson(const v1::GetStatusResponse& status, uint64_t lag) {
  Json missing = Json::array();
  for (const v1::ReplicaStatus& one : status.replicas()) {
    if (!one.connected()) missing.push_back(one.replica());
  }
  Json item = {{"epoch", status.epoch()},
               {"view", status.view()},
               {"high_certificate_view", status.high_certificate_view()},
               {"committed_height", status.committed_height()},
               {"committed_block", ToHex(AsBytes(status.committed_block()))},
               {"lag_blocks", lag},
               {"votes", status.votes()},
               {"syncing", status.syncing()},
               {"validators", status.replicas_size()},
               {"connected", CountConnected(status)},
               {"not_connected", missing},
               {"pool_commands", status.pool_commands()},
               {"pool_bytes", status.pool_bytes()},
               {"version", status.version()},
               {"chain_id", ToHex(AsBytes(status.chain_id()))}};
  if (IsValidator(status)) item["replica"] = status.replica();
  if (!status.syncing()) item["leader"] = status.leader();
  return item;
}

}  // namespace

std::vector<ReplicaAnswer> AskReplicas(Shell& shell, const Network& network) {
  std::vector<std::future<ReplicaAnswer>> asked;
  for (size_t i = 0; i < network.consensus().size(); ++i) {
    asked.push_back(std::async(std::launch::async, [&shell, &network, i] {
      ReplicaAnswer answer;
      answer.endpoint = network.consensus()[i];
      const auto replica = network.Replica(i, shell.cancellation);
      answer.status = replica.ok() ? (*replica)->GetStatus() : replica.status();
      return answer;
    }));
  }
  std::vector<ReplicaAnswer> answers;
  for (std::future<ReplicaAnswer>& answer : asked) answers.push_back(answer.get());
  return answers;
}

bool AppendReplicas(const std::vector<ReplicaAnswer>& answers, Json& value, std::string& text) {
  uint64_t highest = 0;
  const std::string* chain = nullptr;
  for (const ReplicaAnswer& answer : answers) {
    if (!answer.status.ok()) continue;
    if (chain == nullptr) chain = &answer.status->chain_id();
    highest = std::max(highest, answer.status->committed_height());
  }
  terminal::Table table({{"replica"},
                         {"endpoint"},
                         {"epoch", Align::kRight},
                         {"view", Align::kRight},
                         {"leader", Align::kRight},
                         {"height", Align::kRight},
                         {"lag", Align::kRight},
                         {"pool", Align::kRight},
                         {"connected", Align::kRight},
                         {"state"}});
  value["replicas"] = Json::array();
  bool all = true;
  for (const ReplicaAnswer& answer : answers) {
    Json item = {{"endpoint", answer.endpoint}};
    const bool of_chain = answer.status.ok() && answer.status->chain_id() == *chain;
    if (!of_chain) {
      const std::string error =
          answer.status.ok() ? "of another chain, " + ToHex(AsBytes(answer.status->chain_id()))
                             : std::string(answer.status.status().message());
      item["error"] = error;
      table.AddRow({"?", answer.endpoint, "-", "-", "-", "-", "-", "-", "-", error});
      all = false;
    } else {
      const v1::GetStatusResponse& status = *answer.status;
      const uint64_t lag = highest - status.committed_height();
      item.update(AnswerJson(status, lag));
      table.AddRow({IsValidator(status) ? absl::StrCat(status.replica()) : "none", answer.endpoint,
                    absl::StrCat(status.epoch()), terminal::Grouped(status.view()),
                    status.syncing() ? "?" : absl::StrCat(status.leader()),
                    terminal::Grouped(status.committed_height()), terminal::Grouped(lag),
                    terminal::Grouped(status.pool_commands()),
                    absl::StrCat(CountConnected(status), "/", status.replicas_size()),
                    StateOf(status)});
    }
    value["replicas"].push_back(std::move(item));
  }
  absl::StrAppend(&text, table.Format());
  if (chain != nullptr) absl::StrAppend(&text, "chain ", ToHex(AsBytes(*chain)), "\n");
  return all;
}

}  // namespace groat::commands
