#include "tools/groat/platform/platform.h"

#include <algorithm>
#include <ctime>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/whole_file.h"
#include "tools/groat/keys/genesis_file.h"
#include "tools/groat/platform/ports.h"
#include "tools/groat/platform/readiness.h"

namespace groat::platform {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr uint32_t kMaxNodes = 9;
constexpr uint32_t kMaxReplicas = 64;
constexpr std::chrono::seconds kReadyTimeout{60};
// How long a wait goes on before it looks whether the process keeps ending.
constexpr milliseconds kReadySlice{1000};
constexpr uint32_t kHopelessStarts = 4;
constexpr int64_t kLogTailBytes = 600;
// Of the certificates of a local platform; new ones: a new folder.
constexpr int64_t kValidSeconds = int64_t{365} * 24 * 3600;

storage::FolderIdentity Identity() { return {1, "platform", {}}; }

template <typename T>
absl::Status CheckSame(const char* name, const std::optional<T>& asked, const T& there) {
  if (!asked.has_value() || *asked == there) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("the platform in this folder has ", name, " ",
                                                    there, ", asked for ", *asked,
                                                    "; use another folder"));
}

absl::Status CheckCount(const char* name, uint32_t count) {
  if (count >= 1 && count <= kMaxNodes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, " is ", count, ", want 1 to ", kMaxNodes));
}

// What a new platform consists of, with free ports.
absl::StatusOr<PlatformFile> NewPlatformFile(const PlatformOptions& options) {
  PlatformFile file;
  const bool embedded = options.embedded.value_or(false);
  const uint32_t nodes = options.ledger_nodes.value_or(embedded ? 1 : 3);
  const uint32_t members = embedded ? 0 : options.etcd_members.value_or(3);
  GROAT_RETURN_IF_ERROR(CheckCount("number of ledger nodes", nodes));
  if (embedded && nodes != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("an embedded ledger has 1 node, asked for ", nodes));
  }
  if (!embedded) GROAT_RETURN_IF_ERROR(CheckCount("number of etcd members", members));
  file.relay_id = options.relay_id.value_or(file.relay_id);
  file.period_cycles = options.period_cycles.value_or(file.period_cycles);
  file.insecure = options.insecure.value_or(file.insecure);
  const uint32_t replicas = options.consensus.value_or(0);
  if (replicas > kMaxReplicas) {
    return absl::InvalidArgumentError(
        absl::StrCat("number of consensus replicas is ", replicas, ", want 0 to ", kMaxReplicas));
  }
  GROAT_ASSIGN_OR_RETURN(const std::vector<uint16_t> ports,
                         FreePorts(2 * (1 + nodes + members) + 3 * replicas));
  auto next = ports.begin();
  const auto take = [&next] { return absl::StrCat("127.0.0.1:", *next++); };
  file.relay = {take(), take()};
  for (uint32_t i = 0; i < nodes; ++i) file.ledger.push_back({take(), take()});
  for (uint32_t i = 0; i < members; ++i) file.etcd.push_back({take(), take()});
  for (uint32_t i = 0; i < replicas; ++i) file.consensus.push_back({take(), take(), take()});
  return file;
}

absl::Status CheckOptions(const PlatformOptions& options, const PlatformFile& file) {
  const auto nodes = static_cast<uint32_t>(file.ledger.size());
  const auto members = static_cast<uint32_t>(file.etcd.size());
  GROAT_RETURN_IF_ERROR(CheckSame("embedded", options.embedded, file.embedded()));
  GROAT_RETURN_IF_ERROR(CheckSame("ledger nodes", options.ledger_nodes, nodes));
  GROAT_RETURN_IF_ERROR(CheckSame("etcd members", options.etcd_members, members));
  GROAT_RETURN_IF_ERROR(CheckSame("consensus replicas", options.consensus,
                                  static_cast<uint32_t>(file.consensus.size())));
  GROAT_RETURN_IF_ERROR(CheckSame("relay id", options.relay_id, file.relay_id));
  GROAT_RETURN_IF_ERROR(CheckSame("period cycles", options.period_cycles, file.period_cycles));
  return CheckSame("insecure", options.insecure, file.insecure);
}

// As CheckSame, of what has a name.
template <typename T>
absl::Status CheckSameName(const char* name, const std::optional<T>& asked, const T& there) {
  if (!asked.has_value()) return absl::OkStatus();
  return CheckSame(name, std::optional<std::string>(keys::NameOf(*asked)),
                   std::string(keys::NameOf(there)));
}

absl::Status CheckGenesis(const PlatformOptions& options, const fs::path& keys_folder) {
  GROAT_ASSIGN_OR_RETURN(const hotstuff::Genesis genesis,
                         keys::ReadGenesis(keys::NetworkFolder(keys_folder).Genesis()));
  GROAT_RETURN_IF_ERROR(CheckSameName("consensus certificates", options.consensus_certificates,
                                      genesis.certificates));
  GROAT_RETURN_IF_ERROR(CheckSameName("consensus rules", options.consensus_rules, genesis.rules));
  GROAT_RETURN_IF_ERROR(
      CheckSameName("consensus votes to", options.consensus_votes, genesis.votes));
  return CheckSame("consensus timeout in ms", options.consensus_timeout_ms,
                   genesis.base_timeout_ms);
}

absl::Status CreateKeys(const fs::path& folder, const PlatformOptions& options,
                        const PlatformFile& file) {
  keys::NetworkPlan plan;
  plan.ledger_nodes = static_cast<uint32_t>(file.ledger.size());
  plan.etcd_members = static_cast<uint32_t>(file.etcd.size());
  keys::ConsensusPlan& consensus = plan.consensus;
  consensus.replicas = static_cast<uint32_t>(file.consensus.size());
  consensus.certificates = options.consensus_certificates.value_or(consensus.certificates);
  consensus.rules = options.consensus_rules.value_or(consensus.rules);
  consensus.votes = options.consensus_votes.value_or(consensus.votes);
  consensus.base_timeout_ms = options.consensus_timeout_ms.value_or(consensus.base_timeout_ms);
  plan.relay_id = file.relay_id;
  plan.period_cycles = file.period_cycles;
  const int64_t now_s = std::time(nullptr);
  // An hour back: clocks of containers differ.
  plan.validity = {now_s - 3600, now_s + kValidSeconds};
  return keys::CreateNetwork(folder, plan).status();
}

absl::Status MakeFolders(const fs::path& data_folder) {
  for (const char* name : {"config", "logs", "data"}) {
    std::error_code error;
    fs::create_directory(data_folder / name, error);
    if (error) {
      return absl::UnavailableError(
          absl::StrCat((data_folder / name).string(), ": ", error.message()));
    }
    fs::permissions(data_folder / name, fs::perms::owner_all, error);
  }
  return absl::OkStatus();
}

// Is there until the replica was ready for the first time: its folder may be empty, and the replica
// votes all the same.
fs::path FirstStartPath(const fs::path& data_folder, uint32_t replica) {
  return data_folder / "data" / absl::StrCat(keys::ConsensusName(replica), ".first-start");
}

// Reads the folder's platform, or makes one. The file is written last: what is there is complete.
absl::StatusOr<PlatformFile> OpenPlatformFile(const fs::path& data_folder,
                                              const PlatformOptions& options) {
  absl::StatusOr<PlatformFile> there = ReadPlatformFile(data_folder);
  const bool is_new = absl::IsNotFound(there.status());
  if (!there.ok() && !is_new) return there.status();
  if (is_new) there = NewPlatformFile(options);
  GROAT_RETURN_IF_ERROR(there.status());
  PlatformFile file = *std::move(there);
  GROAT_RETURN_IF_ERROR(CheckOptions(options, file));
  const bool asks_for_genesis =
      options.consensus_certificates.has_value() || options.consensus_rules.has_value() ||
      options.consensus_votes.has_value() || options.consensus_timeout_ms.has_value();
  if (asks_for_genesis && file.consensus.empty()) {
    return absl::InvalidArgumentError(
        "settings of consensus for a platform without replicas of it; give their number too");
  }
  file.cycle_time = options.cycle_time.value_or(file.cycle_time);
  if (is_new) {
    // Left by a start that ended in between; nothing was signed with them.
    std::error_code error;
    fs::remove_all(KeysPath(data_folder), error);
    GROAT_RETURN_IF_ERROR(CreateKeys(KeysPath(data_folder), options, file));
    for (uint32_t i = 0; i < file.consensus.size(); ++i) {
      GROAT_RETURN_IF_ERROR(
          WriteWholeFile(FirstStartPath(data_folder, i).string(), {}, 0644, IfExists::kReplace));
    }
  } else if (!file.consensus.empty()) {
    GROAT_RETURN_IF_ERROR(CheckGenesis(options, KeysPath(data_folder)));
  }
  GROAT_RETURN_IF_ERROR(WriteWholeFile(PlatformFilePath(data_folder).string(),
                                       AsBytes(FormatPlatformFile(file)), 0644,
                                       IfExists::kReplace));
  return file;
}

absl::Status WriteConfig(const Launch& launch) {
  if (launch.config_path.empty()) return absl::OkStatus();
  return WriteWholeFile(launch.config_path.string(), AsBytes(launch.config), 0600,
                        IfExists::kReplace);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Platform>> Platform::Start(const PlatformOptions& options,
                                                          OnEvent on_event) {
  const fs::path data_folder = fs::absolute(options.folder).lexically_normal();
  GROAT_ASSIGN_OR_RETURN(storage::DataFolder folder,
                         storage::DataFolder::Open(data_folder.string(), Identity()));
  GROAT_RETURN_IF_ERROR(MakeFolders(data_folder));
  GROAT_ASSIGN_OR_RETURN(PlatformFile file, OpenPlatformFile(data_folder, options));
  GROAT_ASSIGN_OR_RETURN(asset::Trust trust,
                         keys::ReadTrust(keys::NetworkFolder(KeysPath(data_folder)).Trust()));
  GROAT_ASSIGN_OR_RETURN(Executables executables, FindExecutables(file));
  LaunchPlan plan(data_folder, file, std::move(executables));
  std::unique_ptr<Platform> platform(new Platform(
      std::move(folder), std::move(file), std::move(trust), std::move(plan), std::move(on_event)));
  for (uint32_t i = 0; i < platform->file_.etcd.size(); ++i) {
    GROAT_RETURN_IF_ERROR(platform->StartProcess(platform->plan_.Etcd(i)));
  }
  for (uint32_t i = 0; i < platform->file_.ledger.size(); ++i) {
    GROAT_RETURN_IF_ERROR(platform->StartProcess(platform->plan_.Ledger(i)));
  }
  for (uint32_t i = 0; i < platform->file_.consensus.size(); ++i) {
    GROAT_RETURN_IF_ERROR(platform->StartReplica(i));
  }
  GROAT_RETURN_IF_ERROR(platform->StartProcess(platform->plan_.Relay()));
  return platform;
}

Platform::Platform(storage::DataFolder folder, PlatformFile file, asset::Trust trust,
                   LaunchPlan plan, OnEvent on_event)
    : folder_(std::move(folder)),
      file_(std::move(file)),
      trust_(std::move(trust)),
      plan_(std::move(plan)),
      drain_order_(3),
      supervisor_(std::move(on_event)) {
  for (uint32_t i = 0; i < file_.etcd.size(); ++i) drain_order_[2].push_back(keys::EtcdName(i));
  for (uint32_t i = 0; i < file_.ledger.size(); ++i) drain_order_[1].push_back(keys::LedgerName(i));
  for (uint32_t i = 0; i < file_.consensus.size(); ++i) {
    drain_order_[0].push_back(keys::ConsensusName(i));
  }
  drain_order_[0].push_back(keys::kRelayName);
  for (auto group = drain_order_.rbegin(); group != drain_order_.rend(); ++group) {
    names_.insert(names_.end(), group->begin(), group->end());
  }
}

Platform::~Platform() = default;

absl::Status Platform::StartProcess(const Launch& launch) {
  GROAT_RETURN_IF_ERROR(WriteConfig(launch));
  return supervisor_.Start(launch.process);
}

absl::Status Platform::StartReplica(uint32_t replica) {
  const bool first = fs::exists(FirstStartPath(plan_.data_folder(), replica));
  GROAT_ASSIGN_OR_RETURN(
      const Launch launch,
      plan_.Consensus(replica, first ? ConsensusStart::kFirst : ConsensusStart::kAgain));
  return StartProcess(launch);
}

absl::Status Platform::EndFirstStart(uint32_t replica) {
  const fs::path mark = FirstStartPath(plan_.data_folder(), replica);
  if (!fs::exists(mark)) return absl::OkStatus();
  // The supervisor starts it again with this file.
  GROAT_ASSIGN_OR_RETURN(const Launch launch, plan_.Consensus(replica, ConsensusStart::kAgain));
  GROAT_RETURN_IF_ERROR(WriteConfig(launch));
  std::error_code error;
  fs::remove(mark, error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(mark.string(), ": ", error.message()));
}

absl::StatusOr<std::string> Platform::Endpoint(const std::string& name) const {
  if (name == keys::kRelayName) return file_.relay.listen;
  for (uint32_t i = 0; i < file_.ledger.size(); ++i) {
    if (name == keys::LedgerName(i)) return file_.ledger[i].listen;
  }
  for (uint32_t i = 0; i < file_.etcd.size(); ++i) {
    if (name == keys::EtcdName(i)) return file_.etcd[i].client;
  }
  for (uint32_t i = 0; i < file_.consensus.size(); ++i) {
    if (name == keys::ConsensusName(i)) return file_.consensus[i].listen;
  }
  return absl::NotFoundError(absl::StrCat("no process ", name));
}

absl::Status Platform::NoteReady(const std::string& name) {
  for (uint32_t i = 0; i < file_.consensus.size(); ++i) {
    if (name == keys::ConsensusName(i)) return EndFirstStart(i);
  }
  return absl::OkStatus();
}

std::string Platform::LogTail(const std::string& name) const {
  std::ifstream in(plan_.LogFile(name), std::ios::binary | std::ios::ate);
  const int64_t size = in ? static_cast<int64_t>(in.tellg()) : 0;
  const int64_t start = std::max<int64_t>(0, size - kLogTailBytes);
  std::string tail(static_cast<size_t>(size - start), '\0');
  in.seekg(start);
  in.read(tail.data(), static_cast<std::streamsize>(tail.size()));
  if (start > 0) tail.erase(0, std::min(tail.size(), tail.find('\n') + 1));
  return absl::StrCat(plan_.LogFile(name).string(), " ends with:\n", tail);
}

absl::Status Platform::WaitProcessReady(const std::string& name, milliseconds timeout,
                                        rpc::Cancellation& cancellation) {
  GROAT_ASSIGN_OR_RETURN(const std::string endpoint, Endpoint(name));
  GROAT_ASSIGN_OR_RETURN(const ProcessState first, supervisor_.State(name));
  const Clock::time_point deadline = Clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
    const absl::Status status =
        WaitServing(endpoint, Tls(keys::kClientName),
                    std::clamp(left, milliseconds(1), kReadySlice), cancellation);
    if (status.ok()) return NoteReady(name);
    if (!absl::IsDeadlineExceeded(status)) return status;
    GROAT_ASSIGN_OR_RETURN(const ProcessState now, supervisor_.State(name));
    if (now.starts >= first.starts + kHopelessStarts) {
      return absl::FailedPreconditionError(absl::StrCat(name, " keeps ending; ", LogTail(name)));
    }
    if (left <= kReadySlice) {
      return absl::DeadlineExceededError(
          absl::StrCat(name, ": ", std::string(status.message()), "; ", LogTail(name)));
    }
  }
}

absl::Status Platform::WaitReady(rpc::Cancellation& cancellation) {
  const Clock::time_point deadline = Clock::now() + kReadyTimeout;
  for (const std::string& name : names_) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
    GROAT_RETURN_IF_ERROR(WaitProcessReady(name, std::max(left, milliseconds(1)), cancellation));
  }
  return absl::OkStatus();
}

std::vector<std::string> Platform::Drain(milliseconds grace) {
  std::vector<std::string> killed;
  for (const std::vector<std::string>& group : drain_order_) {
    const std::vector<std::string> late = supervisor_.Stop(group, grace);
    killed.insert(killed.end(), late.begin(), late.end());
  }
  return killed;
}

}  // namespace groat::platform
