// A local platform of real processes on the loopback interface: etcd members, ledger nodes, a relay
// and, if asked for, replicas of consensus, with generated keys, certificates and configuration,
// all in one data folder.
//
//   Platform::Options options;
//   options.folder = "groat-data";
//   GROAT_ASSIGN_OR_RETURN(auto platform, Platform::Start(options, cancellation));
//   GROAT_RETURN_IF_ERROR(platform->WaitReady(cancellation));
//   ... platform->file().relay.listen, platform->Tls("client"), platform->trust() ...
//   platform->Kill("ledger-1");            // -9; started again unless SetRestart("ledger-1",
//   false) platform->WaitProcessReady("ledger-1", 20s, cancellation); platform->Drain();
//
// The processes die with this process, however it ends. Thread-safe but for construction,
// destruction and Drain.
#ifndef GROAT_TOOLS_GROAT_PLATFORM_PLATFORM_H_
#define GROAT_TOOLS_GROAT_PLATFORM_PLATFORM_H_

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "asset/trust.h"
#include "rpc/retry.h"
#include "rpc/tls.h"
#include "storage/data_folder.h"
#include "tools/groat/platform/launch.h"
#include "tools/groat/platform/platform_file.h"
#include "tools/groat/platform/supervisor.h"

namespace groat::platform {

// What is asked of a platform. A value that is not given is that of the folder, or for a new one
// the default. Of a folder that has a platform only `cycle_time` can be changed.
struct PlatformOptions {
  std::filesystem::path folder;          // Made if it is not there, but not its parent.
  std::optional<uint32_t> ledger_nodes;  // 1 to 9; 3, or 1 if embedded.
  std::optional<uint32_t> etcd_members;  // 1 to 9; 3.
  std::optional<bool> embedded;          // False. A single ledger node without etcd.
  std::optional<uint32_t> relay_id;      // 1.
  std::optional<uint32_t> consensus;     // 0 to 64 replicas; 0.
  // Of their genesis; only with replicas.
  std::optional<hotstuff::CertificateKind> consensus_certificates;  // Ed25519 lists.
  std::optional<hotstuff::RuleSet> consensus_rules;                 // Two chains.
  std::optional<hotstuff::VoteSpread> consensus_votes;              // To the next leader.
  std::optional<uint32_t> consensus_timeout_ms;                     // 500.
  std::optional<std::chrono::milliseconds> cycle_time;              // 500 ms.
  std::optional<uint64_t> period_cycles;  // 0: the first period never ends.
  std::optional<bool> insecure;           // False.
};

class Platform {
 public:
  // Called on the supervisor's thread; must not call back into the platform.
  using OnEvent = Supervisor::OnEvent;

  // Opens or makes the folder and starts every process: etcd, then ledger, then relay and
  // consensus. They may not serve yet. A replica of consensus that has not been ready before is
  // told that an empty data folder is its beginning; later it follows if its folder is gone.
  // FailedPrecondition if another process has the folder or it holds something else, or if
  // `options` contradict it; errors of the key files; NotFound for a missing executable.
  static absl::StatusOr<std::unique_ptr<Platform>> Start(const PlatformOptions& options,
                                                         OnEvent on_event);
  // Kills what still runs.
  ~Platform();

  const PlatformFile& file() const { return file_; }
  const asset::Trust& trust() const { return trust_; }
  const LaunchPlan& plan() const { return plan_; }
  rpc::TlsConfig Tls(const std::string& name) const { return plan_.Tls(name); }
  // "etcd-0", ..., "ledger-0", ..., "consensus-0", ..., "relay", in the order of starting.
  const std::vector<std::string>& process_names() const { return names_; }

  // "127.0.0.1:PORT" of a process's gRPC server. NotFound for an unknown name.
  absl::StatusOr<std::string> Endpoint(const std::string& name) const;

  // Waits until one process says through grpc.health.v1 that it serves. DeadlineExceeded, or
  // FailedPrecondition if it keeps ending; both with the end of its log. Cancelled.
  absl::Status WaitProcessReady(const std::string& name, std::chrono::milliseconds timeout,
                                rpc::Cancellation& cancellation);
  // All of them, for up to a minute.
  absl::Status WaitReady(rpc::Cancellation& cancellation);

  // kill -9, of this one process. Errors of Supervisor::Signal.
  absl::Status Kill(const std::string& name) { return supervisor_.Signal(name, 9); }
  absl::Status SetRestart(const std::string& name, bool restart) {
    return supervisor_.SetRestart(name, restart);
  }
  absl::StatusOr<ProcessState> State(const std::string& name) const {
    return supervisor_.State(name);
  }

  // SIGTERM to the relay and the replicas, then to the ledger nodes, then to the etcd members,
  // waiting for each group; SIGKILL to those that need more than `grace`. Returns the names that
  // had to be killed.
  std::vector<std::string> Drain(std::chrono::milliseconds grace = std::chrono::seconds(10));

 private:
  Platform(storage::DataFolder folder, PlatformFile file, asset::Trust trust, LaunchPlan plan,
           OnEvent on_event);
  absl::Status StartProcess(const Launch& launch);
  absl::Status StartReplica(uint32_t replica);
  absl::Status NoteReady(const std::string& name);
  // It has begun: from its next start on an empty folder is not the beginning.
  absl::Status EndFirstStart(uint32_t replica);
  std::string LogTail(const std::string& name) const;

  const storage::DataFolder folder_;  // Holds the lock.
  const PlatformFile file_;
  const asset::Trust trust_;
  const LaunchPlan plan_;
  std::vector<std::string> names_;
  std::vector<std::vector<std::string>> drain_order_;
  Supervisor supervisor_;  // Last: its thread ends before the rest goes.
};

}  // namespace groat::platform

#endif  // GROAT_TOOLS_GROAT_PLATFORM_PLATFORM_H_
