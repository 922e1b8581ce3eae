#include "tests/e2e/cluster.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "base/whole_file.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/status.h"
#include "tools/groat/keys/network_folder.h"
#include "tools/groat/platform/ports.h"
#include "tools/groat/platform/readiness.h"
#include "wire/common.h"

namespace groat::e2e {
namespace {

namespace fs = std::filesystem;
using grpc::health::v1::HealthCheckResponse;

constexpr milliseconds kCallTimeout{10'000};
constexpr milliseconds kPollPause{50};
constexpr uint32_t kPageBlocks = client::kMaxBlocksPerPage;
constexpr size_t kLogTailBytes = 1500;

rpc::RetryPolicy Patient() {
  rpc::RetryPolicy policy;
  policy.max_attempts = 100'000;
  policy.attempt_timeout = kCallTimeout;
  policy.total_timeout = kPatience;
  policy.initial_backoff = milliseconds(20);
  policy.max_backoff = milliseconds(200);
  policy.also_retry = {absl::StatusCode::kDeadlineExceeded, absl::StatusCode::kResourceExhausted};
  return policy;
}

absl::Status MakeFolder(const fs::path& path) {
  std::error_code error;
  fs::create_directory(path, error);
  return error ? absl::InternalError(absl::StrCat(path.string(), ": ", error.message()))
               : absl::OkStatus();
}

std::string Tail(const std::string& log) {
  return log.size() <= kLogTailBytes ? log : log.substr(log.size() - kLogTailBytes);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Cluster>> Cluster::Make(const ClusterOptions& options) {
  std::string folder = (fs::temp_directory_path() / "groat-e2e-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    return absl::InternalError(absl::StrCat(folder, ": not created"));
  }
  std::unique_ptr<Cluster> cluster(new Cluster(folder, options));
  GROAT_RETURN_IF_ERROR(cluster->MakeNetwork());
  return cluster;
}

Cluster::Cluster(std::string folder, const ClusterOptions& options)
    : folder_(std::move(folder)), options_(options) {
  supervisor_ = std::make_unique<platform::Supervisor>(
      [this](const platform::ProcessEvent& event) { OnEvent(event); });
}

Cluster::~Cluster() {
  cancellation_.Cancel();
  {
    MutexLock lock(mutex_);
    for (const auto& [name, running] : running_) killed_.insert(name);
  }
  supervisor_.reset();
  if (::testing::Test::HasFailure()) {
    std::cout << "the cluster's files are kept in " << folder_ << std::endl;
    return;
  }
  std::error_code error;
  fs::remove_all(folder_, error);
}

absl::Status Cluster::MakeNetwork() {
  const uint32_t processes = 1 + options_.ledger_nodes + options_.etcd_members;
  GROAT_ASSIGN_OR_RETURN(const std::vector<uint16_t> ports, platform::FreePorts(2 * processes));
  auto next = ports.begin();
  const auto take = [&next] { return absl::StrCat("127.0.0.1:", *next++); };
  file_.cycle_time = options_.cycle_time;
  file_.period_cycles = options_.period_cycles;
  file_.relay.listen = take();
  file_.relay.metrics = take();
  for (uint32_t i = 0; i < options_.ledger_nodes; ++i) {
    file_.ledger.emplace_back();
    file_.ledger.back().listen = take();
    file_.ledger.back().metrics = take();
  }
  for (uint32_t i = 0; i < options_.etcd_members; ++i) {
    file_.etcd.emplace_back();
    file_.etcd.back().client = take();
    file_.etcd.back().peer = take();
  }
  for (const char* name : {"config", "logs", "data"}) {
    GROAT_RETURN_IF_ERROR(MakeFolder(fs::path(folder_) / name));
  }
  keys::NetworkPlan network;
  network.ledger_nodes = options_.ledger_nodes;
  network.etcd_members = options_.etcd_members;
  network.period_cycles = options_.period_cycles;
  const int64_t now_s = std::time(nullptr);
  network.validity = {now_s - 3600, now_s + 24 * 3600};
  GROAT_ASSIGN_OR_RETURN(trust_, keys::CreateNetwork(platform::KeysPath(folder_), network));
  GROAT_ASSIGN_OR_RETURN(platform::Executables executables, platform::FindExecutables(file_));
  plan_ = std::make_unique<platform::LaunchPlan>(folder_, file_, std::move(executables));
  relay_endpoints_[file_.relay_id] = file_.relay.listen;
  return MakeStubs();
}

absl::Status Cluster::MakeStubs() {
  for (uint32_t node = 0; node < file_.ledger.size(); ++node) {
    const std::string& endpoint = file_.ledger[node].listen;
    GROAT_ASSIGN_OR_RETURN(const auto channel,
                           rpc::MakeChannel(endpoint, Tls(keys::kClientName), {}));
    ledgers_.push_back(ledger::v1::LedgerService::NewStub(channel));
    GROAT_ASSIGN_OR_RETURN(const auto admin_channel,
                           rpc::MakeChannel(endpoint, Tls(keys::kAdminName), {}));
    admins_.push_back(ledger::v1::LedgerAdminService::NewStub(admin_channel));
  }
  return absl::OkStatus();
}

void Cluster::AddRelay(const asset::RelayTrust& trust, const std::string& endpoint) {
  trust_.relays.push_back(trust);
  relay_endpoints_[trust.relay.value()] = endpoint;
}

std::string Cluster::RelaysFlag() const {
  std::vector<std::string> relays;
  for (const auto& [id, endpoint] : relay_endpoints_) {
    relays.push_back(
        absl::StrCat("{relay_id: ", id, ", shard: 0, endpoints: [\"", endpoint, "\"]}"));
  }
  return absl::StrCat("--relays=[", absl::StrJoin(relays, ", "), "]");
}

absl::Status Cluster::StartProcess(platform::Launch launch) {
  const std::string name = launch.process.name;
  endpoints_[name] = launch.endpoint;
  if (!launch.config_path.empty()) {
    GROAT_RETURN_IF_ERROR(WriteWholeFile(launch.config_path.string(), AsBytes(launch.config), 0600,
                                         IfExists::kReplace));
  }
  GROAT_RETURN_IF_ERROR(supervisor_->Start(launch.process));
  return supervisor_->SetRestart(name, false);
}

absl::Status Cluster::StartAll() {
  GROAT_RETURN_IF_ERROR(WriteWholeFile(plan_->keys().Trust().string(),
                                       AsBytes(asset::FormatTrust(trust_)), 0644,
                                       IfExists::kReplace));
  for (uint32_t i = 0; i < file_.etcd.size(); ++i) {
    GROAT_RETURN_IF_ERROR(StartProcess(plan_->Etcd(i)));
  }
  for (uint32_t i = 0; i < file_.ledger.size(); ++i) {
    platform::Launch launch = plan_->Ledger(i);
    launch.process.argv.push_back(RelaysFlag());
    GROAT_RETURN_IF_ERROR(StartProcess(std::move(launch)));
  }
  if (options_.relay) GROAT_RETURN_IF_ERROR(StartProcess(plan_->Relay()));
  for (const auto& [name, endpoint] : endpoints_) GROAT_RETURN_IF_ERROR(WaitServing(name));
  return absl::OkStatus();
}

void Cluster::OnEvent(const platform::ProcessEvent& event) {
  MutexLock lock(mutex_);
  const bool started = event.kind == platform::ProcessEvent::Kind::kStarted;
  running_[event.name] = started;
  if (!started && killed_.count(event.name) == 0) unexpected_ends_.push_back(event.Text());
  changed_.NotifyAll();
}

absl::Status Cluster::WaitForState(const std::string& name, bool running) {
  const Clock::time_point deadline = Clock::now() + kPatience;
  MutexLock lock(mutex_);
  while (running_[name] != running) {
    if (!changed_.WaitUntil(mutex_, deadline)) {
      return absl::DeadlineExceededError(
          absl::StrCat(name, running ? " was not started" : " did not end"));
    }
  }
  return absl::OkStatus();
}

absl::Status Cluster::Kill(const std::string& name) {
  {
    MutexLock lock(mutex_);
    killed_.insert(name);
  }
  GROAT_RETURN_IF_ERROR(supervisor_->Signal(name, SIGKILL));
  return WaitForState(name, false);
}

absl::Status Cluster::Launch(const std::string& name) {
  {
    MutexLock lock(mutex_);
    killed_.erase(name);
  }
  GROAT_RETURN_IF_ERROR(supervisor_->SetRestart(name, true));
  GROAT_RETURN_IF_ERROR(WaitForState(name, true));
  return supervisor_->SetRestart(name, false);
}

absl::Status Cluster::WaitServing(const std::string& name) {
  const Clock::time_point deadline = Clock::now() + kPatience;
  for (;;) {
    const absl::Status status = platform::WaitServing(endpoints_.at(name), Tls(keys::kClientName),
                                                      milliseconds(1000), cancellation_);
    if (!absl::IsDeadlineExceeded(status)) return status;
    // One that has ended by itself never will.
    const absl::StatusOr<platform::ProcessState> state = supervisor_->State(name);
    if (!state.ok()) return state.status();
    if (state->running && Clock::now() < deadline) continue;
    return absl::DeadlineExceededError(absl::StrCat(name, state->running ? " runs" : " has ended",
                                                    ": ", status.message(),
                                                    "; its log ends with:\n", Tail(Log(name))));
  }
}

absl::StatusOr<milliseconds> Cluster::Revive(const std::string& name) {
  const Clock::time_point begin = Clock::now();
  GROAT_RETURN_IF_ERROR(Launch(name));
  GROAT_RETURN_IF_ERROR(WaitServing(name));
  return Since(begin);
}

std::vector<std::string> Cluster::unexpected_ends() const {
  MutexLock lock(mutex_);
  return unexpected_ends_;
}

std::string Cluster::Health(const std::string& name) const {
  const auto channel = rpc::MakeChannel(endpoints_.at(name), Tls(keys::kClientName), {});
  if (!channel.ok()) return channel.status().ToString();
  rpc::CallContext context(kCallTimeout);
  HealthCheckResponse response;
  const absl::Status status =
      rpc::FromGrpc(grpc::health::v1::Health::NewStub(*channel)->Check(&context, {}, &response));
  return status.ok() ? HealthCheckResponse::ServingStatus_Name(response.status())
                     : status.ToString();
}

std::vector<std::string> Cluster::ledger_endpoints() const {
  std::vector<std::string> endpoints;
  for (const platform::ServiceAddress& node : file_.ledger) endpoints.push_back(node.listen);
  return endpoints;
}

std::string Cluster::Log(const std::string& name) const {
  std::ifstream in(plan_->LogFile(name));
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::unique_ptr<client::RelayClient> Cluster::NewRelayClient() {
  auto client =
      client::RelayClient::Make(file_.relay.listen, Tls(keys::kClientName), cancellation_);
  GROAT_CHECK_OK(client.status());
  (*client)->set_policy(Patient());
  return *std::move(client);
}

std::unique_ptr<client::LedgerClient> Cluster::NewLedgerClient() {
  auto client =
      client::LedgerClient::Make(ledger_endpoints(), Tls(keys::kClientName), cancellation_);
  GROAT_CHECK_OK(client.status());
  (*client)->set_policy(Patient());
  return *std::move(client);
}

absl::StatusOr<std::vector<record::Block>> Cluster::Chain(uint32_t node,
                                                          ledger::v1::ReadMode mode) const {
  std::vector<record::Block> chain;
  for (;;) {
    ledger::v1::ListBlocksRequest request;
    request.set_from_height(chain.size() + 1);
    request.set_limit(kPageBlocks);
    request.set_read_mode(mode);
    ledger::v1::ListBlocksResponse response;
    PatientContext context(kCallTimeout);
    GROAT_RETURN_IF_ERROR(rpc::FromGrpc(ledger(node).ListBlocks(&context, request, &response)));
    for (const common::v1::Block& proto : response.blocks()) {
      GROAT_ASSIGN_OR_RETURN(record::Block block, wire::FromProto(proto));
      GROAT_RETURN_IF_ERROR(record::CheckExtends(chain.empty() ? nullptr : &chain.back(), block));
      chain.push_back(std::move(block));
    }
    if (response.blocks_size() < static_cast<int>(kPageBlocks)) return chain;
  }
}

absl::StatusOr<ledger::v1::GetClusterStatusResponse> Cluster::LedgerStatus(uint32_t node) const {
  PatientContext context(kCallTimeout);
  ledger::v1::GetClusterStatusResponse response;
  GROAT_RETURN_IF_ERROR(rpc::FromGrpc(admin(node).GetClusterStatus(&context, {}, &response)));
  return response;
}

absl::StatusOr<std::string> Cluster::SequencerName(uint32_t ask_node) const {
  std::string name;
  GROAT_RETURN_IF_ERROR(Eventually([&]() -> absl::Status {
    GROAT_ASSIGN_OR_RETURN(const auto status, LedgerStatus(ask_node));
    if (!status.has_sequencer()) return absl::UnavailableError("there is no sequencer");
    name = keys::LedgerName(status.sequencer());
    return absl::OkStatus();
  }));
  return name;
}

absl::StatusOr<std::string> Cluster::EtcdLeaderName(uint32_t ask_node) const {
  std::string name;
  GROAT_RETURN_IF_ERROR(Eventually([&]() -> absl::Status {
    GROAT_ASSIGN_OR_RETURN(const auto status, LedgerStatus(ask_node));
    for (const ledger::v1::RegisterMember& member : status.members()) {
      if (member.leader()) name = member.name();
    }
    return name.empty() ? absl::UnavailableError("etcd has no leader") : absl::OkStatus();
  }));
  return name;
}

absl::Status Eventually(const std::function<absl::Status()>& check) {
  const Clock::time_point deadline = Clock::now() + kPatience;
  rpc::Cancellation never;
  for (;;) {
    const absl::Status status = check();
    if (status.ok() || Clock::now() >= deadline) return status;
    never.Sleep(kPollPause);
  }
}

}  // namespace groat::e2e
