// `groat status` and `groat ledger ...`.
#include <charconv>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/groat/commands/commands.h"
#include "tools/groat/commands/network.h"
#include "tools/groat/commands/replica_status.h"
#include "tools/groat/keys/network_folder.h"
#include "tools/groat/terminal/table.h"

namespace groat::commands {
namespace {

namespace v1 = ledger::v1;

struct LedgerOptions {
  NetworkOptions network;
  std::vector<std::string> peer_urls;
  std::string member;
  uint32_t node = 0;
  std::string name;
};

// As etcd's own tools write it.
std::string MemberId(uint64_t id) { return absl::StrFormat("%x", id); }

absl::StatusOr<uint64_t> ParseMemberId(const std::string& text) {
  uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id, 16);
  if (error != std::errc() || end != text.data() + text.size() || id == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("member is \"", text, "\", want its id as `groat status` shows it"));
  }
  return id;
}

Json MemberJson(const v1::RegisterMember& member) {
  Json urls = Json::array();
  for (const std::string& url : member.peer_urls()) urls.push_back(url);
  Json errors = Json::array();
  for (const std::string& error : member.errors()) errors.push_back(error);
  return {{"id", MemberId(member.id())},
          {"name", member.name()},
          {"learner", member.learner()},
          {"reachable", member.reachable()},
          {"leader", member.leader()},
          {"version", member.version()},
          {"raft_index", member.raft_index()},
          {"database_bytes", member.database_bytes()},
          {"peer_urls", urls},
          {"errors", errors}};
}

std::string MemberRole(const v1::RegisterMember& member) {
  if (!member.reachable()) return "unreachable";
  if (member.learner()) return "learner";
  return member.leader() ? "leader" : "follower";
}

template <typename Members>
std::string MembersText(const Members& members) {
  terminal::Table table({{"etcd member"},
                         {"id"},
                         {"state"},
                         {"version"},
                         {"raft index", terminal::Table::Align::kRight},
                         {"database", terminal::Table::Align::kRight},
                         {"errors"}});
  for (const v1::RegisterMember& member : members) {
    table.AddRow({member.name().empty() ? "(not started)" : member.name(), MemberId(member.id()),
                  MemberRole(member), member.version(), terminal::Grouped(member.raft_index()),
                  terminal::Size(member.database_bytes()), absl::StrJoin(member.errors(), "; ")});
  }
  return table.Format();
}

template <typename Members>
Json MembersJson(const Members& members) {
  Json value = Json::array();
  for (const v1::RegisterMember& member : members) value.push_back(MemberJson(member));
  return value;
}

// One ledger node, asked by itself.
struct NodeAnswer {
  std::string endpoint;
  absl::StatusOr<client::Head> head = absl::UnknownError("not asked");
};

std::vector<NodeAnswer> AskNodes(Shell& shell, const Network& network) {
  std::vector<NodeAnswer> answers;
  for (size_t i = 0; i < network.ledger().size(); ++i) {
    NodeAnswer& answer = answers.emplace_back();
    answer.endpoint = network.ledger()[i];
    const auto node = network.LedgerNode(i, shell.cancellation);
    if (!node.ok()) {
      answer.head = node.status();
      continue;
    }
    // A node that is down is part of the answer, not worth waiting for.
    rpc::RetryPolicy policy;
    policy.max_attempts = 1;
    (*node)->set_policy(policy);
    answer.head = (*node)->GetHead(v1::READ_MODE_STALE);
  }
  return answers;
}

void AppendRelay(const Network& network, const absl::StatusOr<relay::v1::GetStatusResponse>& status,
                 Json& value, std::string& text) {
  if (!status.ok()) {
    value["relay"] = {{"endpoint", network.relay()},
                      {"error", std::string(status.status().message())}};
    absl::StrAppend(&text, "relay ", network.relay(),
                    " does not answer: ", std::string(status.status().message()), "\n");
    return;
  }
  const uint64_t anchor_lag = status->last_closed_cycle() - status->last_anchored_cycle();
  value["relay"] = {{"endpoint", network.relay()},
                    {"version", status->version()},
                    {"relay_id", status->relay_id()},
                    {"shard", status->shard()},
                    {"public_key", ToHex(AsBytes(status->public_key()))},
                    {"cycle_time_ms", status->cycle_time_ms()},
                    {"period_cycles", status->period_cycles()},
                    {"open_cycle", status->open_cycle()},
                    {"last_closed_cycle", status->last_closed_cycle()},
                    {"last_anchored_cycle", status->last_anchored_cycle()},
                    {"anchor_lag_cycles", anchor_lag},
                    {"key_count", status->key_count()},
                    {"trie_bytes", status->trie_bytes()},
                    {"last_block_height", status->last_block_height()}};
  absl::StrAppend(&text, "relay ", status->relay_id(), " at ", network.relay(), ", version ",
                  status->version(), ": cycle ", status->open_cycle(), " open, ",
                  status->last_closed_cycle(), " closed, ", status->last_anchored_cycle(),
                  " anchored (", anchor_lag, " behind), ", terminal::Grouped(status->key_count()),
                  " keys, trie ", terminal::Size(status->trie_bytes()), "\n");
}

// Appends the nodes; true if all of them answered.
bool AppendNodes(const std::vector<NodeAnswer>& answers,
                 const v1::GetClusterStatusResponse* cluster, Json& value, std::string& text) {
  terminal::Table table({{"ledger node"},
                         {"endpoint"},
                         {"applied", terminal::Table::Align::kRight},
                         {"signed", terminal::Table::Align::kRight},
                         {"lag", terminal::Table::Align::kRight},
                         {"state"}});
  value["nodes"] = Json::array();
  bool all = true;
  for (size_t i = 0; i < answers.size(); ++i) {
    const NodeAnswer& answer = answers[i];
    Json item = {{"node", i}, {"endpoint", answer.endpoint}};
    const v1::NodeStatus* reported = nullptr;
    for (int at = 0; cluster != nullptr && at < cluster->nodes_size(); ++at) {
      if (cluster->nodes(at).node() == i) reported = &cluster->nodes(at);
    }
    std::string state = answer.head.ok() ? "serving" : std::string(answer.head.status().message());
    if (cluster != nullptr && cluster->has_sequencer() && cluster->sequencer() == i) {
      state += ", sequencer";
      item["sequencer"] = true;
    }
    std::string applied = "-";
    if (answer.head.ok()) {
      applied = terminal::Grouped(answer.head->applied.value());
      item["applied_height"] = answer.head->applied.value();
    } else {
      item["error"] = std::string(answer.head.status().message());
      all = false;
    }
    if (reported != nullptr) {
      item["signed_height"] = reported->signed_height();
      item["lag_blocks"] = reported->lag_blocks();
    }
    table.AddRow({absl::StrCat("ledger-", i), answer.endpoint, applied,
                  reported == nullptr ? "-" : terminal::Grouped(reported->signed_height()),
                  reported == nullptr ? "-" : terminal::Grouped(reported->lag_blocks()), state});
    value["nodes"].push_back(std::move(item));
  }
  absl::StrAppend(&text, "\n", table.Format());
  return all;
}

ExitCode Status(Shell& shell, const NetworkOptions& options) {
  const absl::StatusOr<Network> network = Network::Open(options, keys::kAdminName);
  if (!network.ok()) return shell.Fail(network.status());
  Json value;
  std::string text;
  bool all = true;
  if (!network->relay().empty()) {
    const auto relay = network->Relay(shell.cancellation);
    if (!relay.ok()) return shell.Fail(relay.status());
    rpc::RetryPolicy policy;
    policy.max_attempts = 1;
    (*relay)->set_policy(policy);
    const auto status = (*relay)->GetStatus();
    all = all && status.ok();
    AppendRelay(*network, status, value, text);
  }
  if (!network->ledger().empty()) {
    const auto ledger = network->Ledger(shell.cancellation);
    if (!ledger.ok()) return shell.Fail(ledger.status());
    v1::GetClusterStatusResponse cluster;
    const absl::Status asked =
        (*ledger)->Admin(options.timeout(), [&cluster](auto& stub, grpc::ClientContext& context) {
          return stub.GetClusterStatus(&context, v1::GetClusterStatusRequest(), &cluster);
        });
    all =
        AppendNodes(AskNodes(shell, *network), asked.ok() ? &cluster : nullptr, value, text) && all;
    if (asked.ok()) {
      value["ledger"] = {{"register", cluster.register_kind()},
                         {"head_height", cluster.head_height()},
                         {"checkpoint_height", cluster.checkpoint_height()},
                         {"members", MembersJson(cluster.members())}};
      absl::StrAppend(&text, "\nledger head ", cluster.head_height(), ", checkpoint ",
                      cluster.checkpoint_height(), ", ", cluster.register_kind(), " register\n");
      if (cluster.members_size() > 0) {
        absl::StrAppend(&text, "\n", MembersText(cluster.members()));
      }
    } else {
      value["ledger"] = {{"error", std::string(asked.message())}};
      absl::StrAppend(&text, "\nledger status unknown: ", std::string(asked.message()), "\n");
      all = false;
    }
  }
  if (!network->consensus().empty()) {
    if (!text.empty()) text += "\n";
    all = AppendReplicas(AskReplicas(shell, *network), value, text) && all;
  }
  shell.Print(value, text);
  return all ? ExitCode::kOk : ExitCode::kUnknown;
}

// Makes one admin call and prints its answer.
template <typename Request, typename Response>
ExitCode Admin(Shell& shell, const NetworkOptions& options, const Request& request,
               grpc::Status (v1::LedgerAdminService::Stub::*method)(grpc::ClientContext*,
                                                                    const Request&, Response*),
               const std::function<void(const Response&)>& print) {
  const absl::StatusOr<Network> network = Network::Open(options, keys::kAdminName);
  if (!network.ok()) return shell.Fail(network.status());
  const auto ledger = network->Ledger(shell.cancellation);
  if (!ledger.ok()) return shell.Fail(ledger.status());
  Response response;
  const absl::Status status =
      (*ledger)->Admin(options.timeout(), [&](auto& stub, grpc::ClientContext& context) {
        return (stub.*method)(&context, request, &response);
      });
  // What the cluster refuses is not so; anything else is not known.
  const bool refused = absl::IsFailedPrecondition(status) || absl::IsAlreadyExists(status) ||
                       absl::IsNotFound(status) || absl::IsUnimplemented(status);
  if (!status.ok()) return shell.Fail(status, refused ? ExitCode::kNo : ExitCode::kUnknown);
  print(response);
  return ExitCode::kOk;
}

using Stub = v1::LedgerAdminService::Stub;

void AddMembership(CLI::App& app, Shell& shell, const std::shared_ptr<LedgerOptions>& options) {
  CLI::App* add = app.add_subcommand(
      "add-member", "Add an etcd member as a learner, which copies the log but has no vote yet");
  add->add_option("peer-url", options->peer_urls, "Its URL for other members; repeatable")
      ->required();
  add->callback([&shell, options] {
    v1::AddMemberRequest request;
    for (const std::string& url : options->peer_urls) request.add_peer_urls(url);
    shell.exit = Admin<v1::AddMemberRequest, v1::AddMemberResponse>(
        shell, options->network, request, &Stub::AddMember,
        [&shell](const v1::AddMemberResponse& response) {
          shell.Print(MemberJson(response.member()),
                      absl::StrCat("added learner ", MemberId(response.member().id()), "\n"));
        });
  });
  CLI::App* promote = app.add_subcommand("promote-member", "Give a learner its vote");
  promote->add_option("member", options->member, "Its id, as `groat status` shows it")->required();
  promote->callback([&shell, options] {
    const absl::StatusOr<uint64_t> id = ParseMemberId(options->member);
    if (!id.ok()) {
      shell.exit = shell.Fail(id.status(), ExitCode::kUsage);
      return;
    }
    v1::PromoteMemberRequest request;
    request.set_id(*id);
    shell.exit = Admin<v1::PromoteMemberRequest, v1::PromoteMemberResponse>(
        shell, options->network, request, &Stub::PromoteMember,
        [&shell](const v1::PromoteMemberResponse& response) {
          shell.Print(MembersJson(response.members()), MembersText(response.members()));
        });
  });
  CLI::App* remove = app.add_subcommand("remove-member", "Remove an etcd member");
  remove->add_option("member", options->member, "Its id, as `groat status` shows it")->required();
  remove->callback([&shell, options] {
    const absl::StatusOr<uint64_t> id = ParseMemberId(options->member);
    if (!id.ok()) {
      shell.exit = shell.Fail(id.status(), ExitCode::kUsage);
      return;
    }
    v1::RemoveMemberRequest request;
    request.set_id(*id);
    shell.exit = Admin<v1::RemoveMemberRequest, v1::RemoveMemberResponse>(
        shell, options->network, request, &Stub::RemoveMember,
        [&shell](const v1::RemoveMemberResponse& response) {
          shell.Print(MembersJson(response.members()), MembersText(response.members()));
        });
  });
}

void AddOperations(CLI::App& app, Shell& shell, const std::shared_ptr<LedgerOptions>& options) {
  CLI::App* move =
      app.add_subcommand("move-sequencer", "Give the sequencer's lease to another node");
  move->add_option("node", options->node, "Index of the node")->required();
  move->callback([&shell, options] {
    v1::MoveSequencerRequest request;
    request.set_node(options->node);
    shell.exit = Admin<v1::MoveSequencerRequest, v1::MoveSequencerResponse>(
        shell, options->network, request, &Stub::MoveSequencer,
        [&shell](const v1::MoveSequencerResponse& response) {
          shell.Print({{"sequencer", response.sequencer()}},
                      absl::StrCat("the sequencer is ledger-", response.sequencer(), "\n"));
        });
  });
  CLI::App* backup = app.add_subcommand(
      "backup", "Write a consistent copy of a node's blocks and log on that node");
  backup->add_option("name", options->name, "Name of the new folder")->required();
  CLI::Option* node = backup->add_option("--node", options->node, "Index of the node [any]");
  backup->callback([&shell, options, node] {
    NetworkOptions network = options->network;
    if (node->count() > 0) {
      const absl::StatusOr<Network> named = Network::Open(network, keys::kAdminName);
      if (named.ok() && options->node >= named->ledger().size()) {
        shell.exit = shell.Usage(
            absl::StrCat("--node is ", options->node, ", want 0 to ", named->ledger().size() - 1));
        return;
      }
      // Together with the platform's keys if it is one.
      if (named.ok()) {
        network.insecure = named->tls().insecure;
        network.ledger = {named->ledger()[options->node]};
      }
    }
    v1::BackupRequest request;
    request.set_name(options->name);
    shell.exit = Admin<v1::BackupRequest, v1::BackupResponse>(
        shell, network, request, &Stub::Backup, [&shell](const v1::BackupResponse& response) {
          shell.Print(
              {{"path", response.path()},
               {"height", response.height()},
               {"size_bytes", response.size_bytes()}},
              absl::StrCat("wrote height ", response.height(), ", ",
                           terminal::Size(response.size_bytes()), ", to ", response.path(), "\n"));
        });
  });
}

}  // namespace

void AddStatusCommand(CLI::App& app, Shell& shell) {
  CLI::App* status =
      app.add_subcommand("status",
                         "Show relay, ledger nodes, etcd members, sequencer and lag, and replicas\n"
                         "of consensus where there are any");
  const auto options = std::make_shared<NetworkOptions>();
  AddNetworkFlags(*status, *options);
  AddReplicaFlag(*status, *options);
  status->footer("Exit code 2 if anything of it does not answer.");
  status->callback([&shell, options] { shell.exit = Status(shell, *options); });
}

void AddLedgerCommand(CLI::App& app, Shell& shell) {
  CLI::App* ledger = app.add_subcommand("ledger", "Operate the ledger");
  ledger->require_subcommand(1);
  // The flags stand before or after the name of the operation.
  ledger->fallthrough();
  const auto options = std::make_shared<LedgerOptions>();
  AddNetworkFlags(*ledger, options->network);
  AddMembership(*ledger, shell, options);
  AddOperations(*ledger, shell, options);
  for (CLI::App* operation : ledger->get_subcommands([](CLI::App*) { return true; })) {
    operation->fallthrough();
  }
}

}  // namespace groat::commands
