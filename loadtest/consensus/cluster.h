// Replicas of consensus as processes on the loopback interface, without the rest of a platform:
// mutual TLS, a folder of their own, started, killed and paused one by one.
//
//   GROAT_ASSIGN_OR_RETURN(const auto cluster, ConsensusCluster::Make(options));
//   GROAT_RETURN_IF_ERROR(cluster->StartAll());
//   GROAT_RETURN_IF_ERROR(cluster->Kill(2));
//   GROAT_ASSIGN_OR_RETURN(const milliseconds took, cluster->Revive(2));
//
// A replica that ends stays down until it is launched; one that ends without Kill is listed in
// unexpected_ends(). The folder goes with the object unless it is to be kept.
// Thread-safe after StartAll.
#ifndef GROAT_LOADTEST_CONSENSUS_CLUSTER_H_
#define GROAT_LOADTEST_CONSENSUS_CLUSTER_H_

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "hotstuff/genesis.h"
#include "rpc/retry.h"
#include "rpc/tls.h"
#include "tools/groat/keys/network_folder.h"
#include "tools/groat/platform/launch.h"
#include "tools/groat/platform/supervisor.h"

namespace groat::load {

struct ConsensusClusterOptions {
  keys::ConsensusPlan plan;
  // Where the cluster's folder is made; empty: the system's folder for temporary files.
  std::filesystem::path parent;
};

class ConsensusCluster {
 public:
  // Makes folder, keys and certificates; nothing runs yet. NotFound if there is no groat_consensus
  // beside this program or in PATH; errors of the key files.
  static absl::StatusOr<std::unique_ptr<ConsensusCluster>> Make(
      const ConsensusClusterOptions& options);
  // Kills what still runs.
  ~ConsensusCluster();

  // Starts every replica and waits until each is connected to a quorum.
  absl::Status StartAll();

  // kill -9. Returns once the signal is delivered.
  absl::Status Kill(uint32_t replica);
  // SIGSTOP, SIGCONT.
  absl::Status Pause(uint32_t replica);
  absl::Status Resume(uint32_t replica);
  // Waits until a replica has ended; how, as "exit status 65".
  absl::StatusOr<std::string> WaitEnded(uint32_t replica);
  // From here on its end is no surprise.
  void ExpectEnd(uint32_t replica);
  // Starts one that has ended.
  absl::Status Launch(uint32_t replica);
  // Waits until it says that it serves: it is connected to a quorum.
  absl::Status WaitServing(uint32_t replica);
  // Launch and WaitServing; how long that took.
  absl::StatusOr<std::chrono::milliseconds> Revive(uint32_t replica);
  // "consensus-1 (pid 42) ended: exit status 65".
  std::vector<std::string> unexpected_ends() const;

  // Processor time of all replicas that run, since each was started.
  std::chrono::nanoseconds CpuTime() const;

  uint32_t size() const { return static_cast<uint32_t>(file_.consensus.size()); }
  std::vector<std::string> endpoints() const;
  rpc::TlsConfig tls() const { return plan_->Tls(keys::kClientName); }
  const hotstuff::Genesis& genesis() const { return genesis_; }
  const std::filesystem::path& folder() const { return folder_; }
  // What a replica keeps.
  std::filesystem::path DataOf(uint32_t replica) const;
  // The end of what it has logged, at most 2,000 bytes.
  std::string LogTail(uint32_t replica) const;
  void KeepFolder() { keep_folder_ = true; }

 private:
  explicit ConsensusCluster(std::filesystem::path folder) : folder_(std::move(folder)) {}
  absl::Status MakeNetwork(const keys::ConsensusPlan& plan);
  absl::StatusOr<platform::Launch> WriteConfig(uint32_t replica, platform::ConsensusStart start);
  absl::Status WaitForState(uint32_t replica, bool running);
  void OnEvent(const platform::ProcessEvent& event);

  const std::filesystem::path folder_;
  bool keep_folder_ = false;
  platform::PlatformFile file_;
  hotstuff::Genesis genesis_;
  std::unique_ptr<platform::LaunchPlan> plan_;
  rpc::Cancellation cancellation_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::set<std::string> ends_expected_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, bool> running_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> ended_how_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> unexpected_ends_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<platform::Supervisor> supervisor_;  // Its thread calls OnEvent.
};

}  // namespace groat::load

#endif  // GROAT_LOADTEST_CONSENSUS_CLUSTER_H_
