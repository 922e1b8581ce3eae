#include <chrono>
#include <utility>

#include "base/check.h"
#include "base/mutex.h"
#include "examples/testing/cluster.h"
#include "p2p/live/live_network.h"

namespace groat::examples::testing {
namespace {

constexpr p2p::Duration kLookInterval = std::chrono::milliseconds(1);

// The answer of a wait, given by an executor's thread to the test's.
struct Answer {
  Mutex mutex;
  CondVar given;
  bool done ABSL_GUARDED_BY(mutex) = false;
  bool came_true ABSL_GUARDED_BY(mutex) = false;
};

// Looks again and again, as tasks of the executor, until the condition is true or time is up.
void Look(p2p::Executor& executor, const std::function<bool()>& condition, p2p::Instant deadline,
          Answer& answer) {
  const bool is_true = condition();
  if (!is_true && executor.Now() < deadline) {
    executor.PostAfter(kLookInterval, [&executor, &condition, deadline, &answer] {
      Look(executor, condition, deadline, answer);
    });
    return;
  }
  MutexLock lock(answer.mutex);
  answer.came_true = is_true;
  answer.done = true;
  answer.given.NotifyOne();
}

class LiveCluster final : public Cluster {
 public:
  LiveCluster(size_t nodes, uint64_t seed, const Setup& setup) {
    for (size_t i = 0; i < nodes; ++i) {
      Bytes32 key_seed;
      StoreBigEndian(seed << 16 | i, key_seed.data(), 8);
      keys_.emplace_back(key_seed);
      members_.push_back(keys_.back().public_key());
    }
    const int64_t now_s = std::chrono::duration_cast<std::chrono::seconds>(
                              std::chrono::system_clock::now().time_since_epoch())
                              .count();
    std::string first_address;
    for (size_t i = 0; i < nodes; ++i) {
      p2p::LiveNetworkOptions options;
      options.mesh.namespace_name = "examples";
      options.transport.validity = {now_s - 3600, now_s + 3600};
      if (i > 0) options.mesh.bootstrappers = {{members_[0], first_address}};
      auto network = p2p::LiveNetwork::Make(std::move(options), keys_[i]);
      GROAT_CHECK_OK(network.status());
      networks_.push_back(*std::move(network));
      Run(i, [&] {
        p2p::Mesh& mesh = networks_[i]->mesh();
        GROAT_CHECK_OK(mesh.SetPeers(0, members_));
        protocols_.push_back(setup({i, members_, mesh, networks_[i]->executor()}));
        GROAT_CHECK_OK(mesh.Start());
        if (i == 0) first_address = mesh.listen_address();
      });
    }
  }

  const std::vector<p2p::PeerId>& members() const override { return members_; }
  p2p::Protocol& protocol(size_t node) override { return *protocols_[node]; }
  p2p::Network& network(size_t node) override { return networks_[node]->mesh(); }
  void Run(size_t node, const std::function<void()>& task) override {
    networks_[node]->RunAndWait([&task] { task(); });
  }
  bool WaitUntil(size_t node, const std::function<bool()>& condition,
                 p2p::Duration limit) override {
    Answer answer;
    p2p::Executor& executor = networks_[node]->executor();
    executor.Post([&] { Look(executor, condition, executor.Now() + limit, answer); });
    MutexLock lock(answer.mutex);
    while (!answer.done) answer.given.Wait(answer.mutex);
    return answer.came_true;
  }

 private:
  std::vector<Ed25519PrivateKey> keys_;
  std::vector<p2p::PeerId> members_;
  std::vector<std::unique_ptr<p2p::Protocol>> protocols_;  // Outlive the networks.
  std::vector<std::unique_ptr<p2p::LiveNetwork>> networks_;
};

}  // namespace

std::unique_ptr<Cluster> MakeLiveCluster(size_t nodes, uint64_t seed, const Setup& setup) {
  return std::make_unique<LiveCluster>(nodes, seed, setup);
}

}  // namespace groat::examples::testing
