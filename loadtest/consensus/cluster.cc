#include "loadtest/consensus/cluster.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include <ctime>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/whole_file.h"
#include "tools/groat/platform/ports.h"
#include "tools/groat/platform/readiness.h"

namespace groat::load {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// How long anything may take on a machine that also does other work; nobody waits for it to pass.
constexpr milliseconds kPatience{120'000};
constexpr size_t kMaxGenesisBytes = 1 << 20;
constexpr size_t kMaxLogBytes = 1 << 30;
constexpr size_t kLogTailBytes = 2000;

absl::StatusOr<hotstuff::Genesis> ReadGenesis(const fs::path& path) {
  GROAT_ASSIGN_OR_RETURN(const WholeFile file, ReadWholeFile(path.string(), kMaxGenesisBytes));
  std::string text = file.content;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  GROAT_ASSIGN_OR_RETURN(const Bytes bytes, FromHex(text));
  return hotstuff::Genesis::Decode(bytes);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ConsensusCluster>> ConsensusCluster::Make(
    const ConsensusClusterOptions& options) {
  const fs::path parent = options.parent.empty() ? fs::temp_directory_path() : options.parent;
  std::string folder = (fs::absolute(parent) / "groat-consensus-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    return absl::InternalError(absl::StrCat(folder, ": not created"));
  }
  std::unique_ptr<ConsensusCluster> cluster(new ConsensusCluster(folder));
  GROAT_RETURN_IF_ERROR(cluster->MakeNetwork(options.plan));
  return cluster;
}

absl::Status ConsensusCluster::MakeNetwork(const keys::ConsensusPlan& plan) {
  for (const char* name : {"config", "logs", "data"}) {
    std::error_code error;
    if (!fs::create_directory(folder_ / name, error)) {
      return absl::InternalError(absl::StrCat((folder_ / name).string(), ": not created"));
    }
  }
  keys::NetworkPlan network;
  network.ledger_nodes = 1;
  network.etcd_members = 0;
  network.consensus = plan;
  const int64_t now_s = std::time(nullptr);
  network.validity = {now_s - 3600, now_s + 24 * 3600};
  const fs::path keys_path = platform::KeysPath(folder_);
  GROAT_RETURN_IF_ERROR(keys::CreateNetwork(keys_path, network).status());
  GROAT_ASSIGN_OR_RETURN(genesis_, ReadGenesis(keys::NetworkFolder(keys_path).Genesis()));
  GROAT_ASSIGN_OR_RETURN(const std::vector<uint16_t> ports, platform::FreePorts(3 * plan.replicas));
  auto next = ports.begin();
  const auto take = [&next] { return absl::StrCat("127.0.0.1:", *next++); };
  for (uint32_t i = 0; i < plan.replicas; ++i) {
    platform::ConsensusAddress& address = file_.consensus.emplace_back();
    address.listen = take();
    address.metrics = take();
    address.mesh = take();
  }
  platform::Executables executables;
  GROAT_ASSIGN_OR_RETURN(executables.consensus, platform::FindExecutable("groat_consensus"));
  plan_ = std::make_unique<platform::LaunchPlan>(folder_, file_, executables);
  supervisor_ = std::make_unique<platform::Supervisor>(
      [this](const platform::ProcessEvent& event) { OnEvent(event); });
  return absl::OkStatus();
}

ConsensusCluster::~ConsensusCluster() {
  cancellation_.Cancel();
  for (uint32_t i = 0; i < size(); ++i) ExpectEnd(i);
  supervisor_.reset();
  std::error_code error;
  if (!keep_folder_) fs::remove_all(folder_, error);
}

absl::Status ConsensusCluster::StartAll() {
  for (uint32_t i = 0; i < size(); ++i) {
    GROAT_ASSIGN_OR_RETURN(const platform::Launch launch,
                           WriteConfig(i, platform::ConsensusStart::kFirst));
    GROAT_RETURN_IF_ERROR(supervisor_->Start(launch.process));
    GROAT_RETURN_IF_ERROR(supervisor_->SetRestart(keys::ConsensusName(i), false));
  }
  for (uint32_t i = 0; i < size(); ++i) GROAT_RETURN_IF_ERROR(WaitServing(i));
  // From here on an empty folder is a lost one.
  for (uint32_t i = 0; i < size(); ++i) {
    GROAT_RETURN_IF_ERROR(WriteConfig(i, platform::ConsensusStart::kAgain).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<platform::Launch> ConsensusCluster::WriteConfig(uint32_t replica,
                                                               platform::ConsensusStart start) {
  GROAT_ASSIGN_OR_RETURN(platform::Launch launch, plan_->Consensus(replica, start));
  GROAT_RETURN_IF_ERROR(WriteWholeFile(launch.config_path.string(), AsBytes(launch.config), 0600,
                                       IfExists::kReplace));
  return launch;
}

void ConsensusCluster::OnEvent(const platform::ProcessEvent& event) {
  MutexLock lock(mutex_);
  const bool started = event.kind == platform::ProcessEvent::Kind::kStarted;
  running_[event.name] = started;
  if (!started) {
    ended_how_[event.name] = event.detail;
    if (ends_expected_.count(event.name) == 0) unexpected_ends_.push_back(event.Text());
  }
  changed_.NotifyAll();
}

absl::Status ConsensusCluster::WaitForState(uint32_t replica, bool running) {
  const std::string name = keys::ConsensusName(replica);
  const Clock::time_point deadline = Clock::now() + kPatience;
  MutexLock lock(mutex_);
  while (running_[name] != running) {
    if (!changed_.WaitUntil(mutex_, deadline)) {
      return absl::DeadlineExceededError(
          absl::StrCat(name, running ? " was not started" : " has not ended"));
    }
  }
  return absl::OkStatus();
}

void ConsensusCluster::ExpectEnd(uint32_t replica) {
  MutexLock lock(mutex_);
  ends_expected_.insert(keys::ConsensusName(replica));
}

absl::Status ConsensusCluster::Kill(uint32_t replica) {
  ExpectEnd(replica);
  return supervisor_->Signal(keys::ConsensusName(replica), SIGKILL);
}

absl::Status ConsensusCluster::Pause(uint32_t replica) {
  return supervisor_->Signal(keys::ConsensusName(replica), SIGSTOP);
}

absl::Status ConsensusCluster::Resume(uint32_t replica) {
  return supervisor_->Signal(keys::ConsensusName(replica), SIGCONT);
}

absl::StatusOr<std::string> ConsensusCluster::WaitEnded(uint32_t replica) {
  GROAT_RETURN_IF_ERROR(WaitForState(replica, false));
  MutexLock lock(mutex_);
  return ended_how_[keys::ConsensusName(replica)];
}

absl::Status ConsensusCluster::Launch(uint32_t replica) {
  const std::string name = keys::ConsensusName(replica);
  GROAT_RETURN_IF_ERROR(WaitForState(replica, false));
  {
    MutexLock lock(mutex_);
    ends_expected_.erase(name);
  }
  GROAT_RETURN_IF_ERROR(supervisor_->SetRestart(name, true));
  GROAT_RETURN_IF_ERROR(WaitForState(replica, true));
  return supervisor_->SetRestart(name, false);
}

absl::Status ConsensusCluster::WaitServing(uint32_t replica) {
  const std::string name = keys::ConsensusName(replica);
  const Clock::time_point deadline = Clock::now() + kPatience;
  for (;;) {
    const absl::Status status = platform::WaitServing(file_.consensus[replica].listen, tls(),
                                                      milliseconds(1000), cancellation_);
    if (!absl::IsDeadlineExceeded(status)) return status;
    // One that has ended by itself never will.
    GROAT_ASSIGN_OR_RETURN(const platform::ProcessState state, supervisor_->State(name));
    if (state.running && Clock::now() < deadline) continue;
    return absl::DeadlineExceededError(absl::StrCat(name, state.running ? " runs" : " has ended",
                                                    ": ", status.message(),
                                                    "; its log ends with:\n", LogTail(replica)));
  }
}

absl::StatusOr<milliseconds> ConsensusCluster::Revive(uint32_t replica) {
  const Clock::time_point begin = Clock::now();
  GROAT_RETURN_IF_ERROR(Launch(replica));
  GROAT_RETURN_IF_ERROR(WaitServing(replica));
  return std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
}

std::vector<std::string> ConsensusCluster::unexpected_ends() const {
  MutexLock lock(mutex_);
  return unexpected_ends_;
}

std::chrono::nanoseconds ConsensusCluster::CpuTime() const {
  std::chrono::nanoseconds total{0};
  for (uint32_t i = 0; i < size(); ++i) {
    const auto state = supervisor_->State(keys::ConsensusName(i));
    clockid_t clock{};
    timespec time{};
    if (!state.ok() || !state->running || clock_getcpuclockid(state->pid, &clock) != 0 ||
        clock_gettime(clock, &time) != 0) {
      continue;
    }
    total += std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  }
  return total;
}

std::vector<std::string> ConsensusCluster::endpoints() const {
  std::vector<std::string> out;
  for (const platform::ConsensusAddress& replica : file_.consensus) out.push_back(replica.listen);
  return out;
}

fs::path ConsensusCluster::DataOf(uint32_t replica) const {
  return plan_->ProcessData(keys::ConsensusName(replica));
}

std::string ConsensusCluster::LogTail(uint32_t replica) const {
  const auto file =
      ReadWholeFile(plan_->LogFile(keys::ConsensusName(replica)).string(), kMaxLogBytes);
  if (!file.ok()) return file.status().ToString();
  const std::string& log = file->content;
  return log.size() <= kLogTailBytes ? log : log.substr(log.size() - kLogTailBytes);
}

}  // namespace groat::load
