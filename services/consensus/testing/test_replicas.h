// n whole replicas in this process, over real sockets and disks. Tests only.
#ifndef GROAT_SERVICES_CONSENSUS_TESTING_TEST_REPLICAS_H_
#define GROAT_SERVICES_CONSENSUS_TESTING_TEST_REPLICAS_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "rpc/testing/certificates.h"
#include "services/consensus/consensus_server.h"

namespace groat::consensus_service::testing {

class TestReplicas {
 public:
  // `adjust` may change the genesis and what every replica is configured with.
  explicit TestReplicas(size_t n,
                        const std::function<void(hotstuff::Genesis&, Config&)>& adjust = nullptr);
  ~TestReplicas();

  // Starts a replica on the folder it had before, if it ran; only its first start is one by its
  // configuration. The first one that runs is what the others dial.
  void Start(size_t i);
  void StartAll();
  void Stop(size_t i) { servers_[i].reset(); }
  ConsensusServer& server(size_t i) { return *servers_[i]; }
  bool runs(size_t i) const { return servers_[i] != nullptr; }
  // A folder that is gone; the replica must not run.
  void RemoveFolder(size_t i);
  // The store of a replica that does not run, to be closed before it runs again.
  std::unique_ptr<BlockStore> OpenStore(size_t i);
  // A channel with the certificate of this name.
  std::shared_ptr<grpc::Channel> Channel(size_t i, const std::string& name = "client");
  const hotstuff::Genesis& genesis() const { return genesis_; }
  Config& config(size_t i) { return configs_[i]; }
  // The page of a replica's metrics port, by sample: `name{labels}` and its value.
  std::map<std::string, double> Metrics(size_t i);
  // Reads it until it is as wanted; false after half a minute.
  bool WaitForMetrics(size_t i,
                      const std::function<bool(const std::map<std::string, double>&)>& wanted);
  // Until a sample is at least `value`, or for 0 is 0.
  bool WaitForMetric(size_t i, const std::string& sample, double value);
  // Waits until health says SERVING: a validator, and a quorum is connected.
  bool WaitServing(size_t i) { return WaitForHealth(i, true); }
  bool WaitNotServing(size_t i) { return WaitForHealth(i, false); }

 private:
  bool WaitForHealth(size_t i, bool serving);

  rpc::testing::TestAuthority authority_;
  rpc::testing::TemporaryFolder folder_;
  telemetry::Logger logger_;
  hotstuff::Genesis genesis_;
  std::vector<Config> configs_;
  std::set<size_t> started_;
  std::vector<std::unique_ptr<ConsensusServer>> servers_;
};

}  // namespace groat::consensus_service::testing

#endif  // GROAT_SERVICES_CONSENSUS_TESTING_TEST_REPLICAS_H_
