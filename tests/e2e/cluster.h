// etcd members, ledger nodes and a relay as real processes in a temporary folder, killed and
// started again one by one. Tests only.
//
//   GROAT_ASSERT_OK_AND_ASSIGN(const auto cluster, Cluster::Make({}));
//   GROAT_ASSERT_OK(cluster->StartAll());
//   GROAT_ASSERT_OK(cluster->Kill("ledger-1"));
//   GROAT_ASSERT_OK_AND_ASSIGN(const milliseconds took, cluster->Revive("ledger-1"));
//
// A process that ends without Kill stays down and is listed in unexpected_ends(). The folder goes
// with the object, unless the test failed: then its path is printed.
// Thread-safe after StartAll.
#ifndef GROAT_TESTS_E2E_CLUSTER_H_
#define GROAT_TESTS_E2E_CLUSTER_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "asset/trust.h"
#include "base/mutex.h"
#include "groat/ledger/v1/admin.grpc.pb.h"
#include "groat/ledger/v1/ledger.grpc.pb.h"
#include "record/block.h"
#include "rpc/channel.h"
#include "rpc/retry.h"
#include "tests/e2e/run.h"
#include "tools/groat/client/ledger_client.h"
#include "tools/groat/client/relay_client.h"
#include "tools/groat/platform/launch.h"
#include "tools/groat/platform/supervisor.h"

namespace groat::e2e {

// How long anything may take on a machine that also does other work. A test that needs it has
// failed; no test waits for it to pass.
inline constexpr milliseconds kPatience{120'000};

struct ClusterOptions {
  uint32_t ledger_nodes = 3;
  uint32_t etcd_members = 3;
  bool relay = true;  // Whether relay 1 runs; it is in the trust file in any case.
  milliseconds cycle_time{100};
  uint64_t period_cycles = 0;
};

class Cluster {
 public:
  // Makes folder, keys and certificates.
  static absl::StatusOr<std::unique_ptr<Cluster>> Make(const ClusterOptions& options);
  ~Cluster();

  // Adds a relay that the test itself plays. Before StartAll.
  void AddRelay(const asset::RelayTrust& trust, const std::string& endpoint);
  // Starts every process and waits until all of them serve.
  absl::Status StartAll();

  // kill -9. Returns when the process is gone.
  absl::Status Kill(const std::string& name);
  // Starts a killed process.
  absl::Status Launch(const std::string& name);
  // Waits until a process says that it serves.
  absl::Status WaitServing(const std::string& name);
  // Launch and WaitServing; how long that took.
  absl::StatusOr<milliseconds> Revive(const std::string& name);
  // "ledger-1 (pid 42) ended: exit status 65".
  std::vector<std::string> unexpected_ends() const ABSL_LOCKS_EXCLUDED(mutex_);
  // SERVING, NOT_SERVING, or the error of the call.
  std::string Health(const std::string& name) const;

  const platform::PlatformFile& file() const { return file_; }
  const asset::Trust& trust() const { return trust_; }
  const platform::LaunchPlan& plan() const { return *plan_; }
  rpc::TlsConfig Tls(const std::string& name) const { return plan_->Tls(name); }
  rpc::Cancellation& cancellation() { return cancellation_; }
  std::vector<std::string> ledger_endpoints() const;
  // Everything that a process has written since the first start.
  std::string Log(const std::string& name) const;

  // Patient clients: they repeat a call while the server is not there.
  std::unique_ptr<client::RelayClient> NewRelayClient();
  std::unique_ptr<client::LedgerClient> NewLedgerClient();
  // Of one node, by bare calls.
  ledger::v1::LedgerService::Stub& ledger(uint32_t node) const { return *ledgers_[node]; }
  ledger::v1::LedgerAdminService::Stub& admin(uint32_t node) const { return *admins_[node]; }

  // The whole chain as one node tells it.
  absl::StatusOr<std::vector<record::Block>> Chain(uint32_t node, ledger::v1::ReadMode mode) const;
  absl::StatusOr<ledger::v1::GetClusterStatusResponse> LedgerStatus(uint32_t node) const;
  // The node that holds the sequencer's lease and etcd's leader, as process names.
  absl::StatusOr<std::string> SequencerName(uint32_t ask_node) const;
  absl::StatusOr<std::string> EtcdLeaderName(uint32_t ask_node) const;

 private:
  Cluster(std::string folder, const ClusterOptions& options);
  absl::Status MakeNetwork();
  absl::Status MakeStubs();
  absl::Status StartProcess(platform::Launch launch);
  std::string RelaysFlag() const;
  void OnEvent(const platform::ProcessEvent& event) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status WaitForState(const std::string& name, bool running) ABSL_LOCKS_EXCLUDED(mutex_);

  const std::string folder_;
  const ClusterOptions options_;
  platform::PlatformFile file_;
  asset::Trust trust_;
  std::unique_ptr<platform::LaunchPlan> plan_;
  std::map<uint32_t, std::string> relay_endpoints_;  // By relay id.
  std::map<std::string, std::string> endpoints_;     // By process.
  std::vector<std::unique_ptr<ledger::v1::LedgerService::Stub>> ledgers_;
  std::vector<std::unique_ptr<ledger::v1::LedgerAdminService::Stub>> admins_;
  rpc::Cancellation cancellation_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::set<std::string> killed_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, bool> running_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> unexpected_ends_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<platform::Supervisor> supervisor_;  // Its thread calls OnEvent.
};

// A call to a process that serves: waits for the connection, since a channel that met it dead goes
// on answering UNAVAILABLE until its next attempt to connect.
class PatientContext : public rpc::CallContext {
 public:
  explicit PatientContext(milliseconds timeout) : CallContext(timeout) { set_wait_for_ready(true); }
};

// Asks `check` again and again until it says OK; its last error after kPatience. For a state that
// no stream tells of.
absl::Status Eventually(const std::function<absl::Status()>& check);

}  // namespace groat::e2e

#endif  // GROAT_TESTS_E2E_CLUSTER_H_
