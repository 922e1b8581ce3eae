// Whole replicas, but for their clients, on simulated hosts: mesh, disks and time from a seed.
// Tests only.
#ifndef GROAT_SERVICES_CONSENSUS_TESTING_DRIVER_TEST_H_
#define GROAT_SERVICES_CONSENSUS_TESTING_DRIVER_TEST_H_

#include <gmock/gmock.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "base/status_matchers.h"
#include "hotstuff/ed25519_scheme.h"
#include "services/consensus/replica_driver.h"
#include "services/consensus/testing/inline_offload.h"
#include "services/consensus/testing/shared_store.h"
#include "sim/mesh_cluster.h"

namespace groat::consensus_service::testing {

using hotstuff::Command;
using hotstuff::CommandKey;
using hotstuff::SubmitVerdict;

// One process of a replica.
struct Replica {
  std::unique_ptr<hotstuff::Ed25519Signer> signer;
  std::unique_ptr<BlockStore> store;
  std::unique_ptr<InlineOffload> disk;
  std::unique_ptr<InlineOffload> workers;
  std::unique_ptr<InlineOffload> archive;
  std::unique_ptr<ReplicaDriver> driver;
  absl::Status fatal;
};

class DriverTest : public ::testing::Test {
 protected:
  using milliseconds = std::chrono::milliseconds;

  void Build(uint64_t seed, size_t nodes = 4) {
    cluster_.reset();
    disks_.clear();
    disks_.resize(nodes);
    first_starts_.clear();
    committed_.assign(nodes, {});
    installed_.assign(nodes, {});
    found_.assign(nodes, {});
    options_.resize(nodes);
    cluster_ = std::make_unique<sim::MeshCluster>(sim::MeshCluster::Options{
        .nodes = nodes, .seed = seed, .program = [this](const sim::MeshCluster::Process& on) {
          return Make(on);
        }});
    genesis_ = hotstuff::Genesis();
    genesis_.name = "simulated";
    genesis_.timestamp_us = static_cast<uint64_t>(sim::kEpochUs);
    genesis_.block = {100, 64 << 10};
    genesis_.base_timeout_ms = 100;
    genesis_.snapshot_interval_blocks = interval_;
    genesis_.max_clock_drift_ms = drift_ms_;
    for (size_t i = 0; i < validators_; ++i) {
      genesis_.validators.push_back({cluster_->id(i), std::nullopt});
    }
  }

  virtual std::shared_ptr<void> Make(const sim::MeshCluster::Process& on) {
    auto replica = std::make_shared<Replica>();
    const size_t node = on.node;
    replica->signer = std::make_unique<hotstuff::Ed25519Signer>(KeyOf(node));
    const auto limit = writes_left_.find(node);
    replica->store = *BlockStore::Open(
        std::make_unique<SharedStore>(disks_[node],
                                      limit == writes_left_.end() ? UINT64_MAX : limit->second),
        genesis_);
    replica->disk = std::make_unique<InlineOffload>(on.executor, std::chrono::microseconds(300));
    replica->workers = std::make_unique<InlineOffload>(on.executor, std::chrono::microseconds(50));
    replica->archive = std::make_unique<InlineOffload>(on.executor, std::chrono::microseconds(200));
    DriverOptions options = options_[node];
    options.first_start = first_starts_.insert(node).second;
    DriverEvents events;
    events.committed = [this, node](const std::vector<hotstuff::CommittedBlock>& blocks) {
      for (const hotstuff::CommittedBlock& block : blocks) {
        committed_[node][block.block->height()] = block;
      }
    };
    events.installed = [this, node](Height height) { installed_[node].push_back(height); };
    events.found_evidence = [this, node](const hotstuff::Evidence& evidence) {
      found_[node].push_back(evidence);
    };
    events.fatal = [raw = replica.get()](const absl::Status& status) { raw->fatal = status; };
    auto driver = ReplicaDriver::Start(
        {genesis_, cluster_->id(node), *replica->signer, on.network, on.executor, *replica->store,
         *replica->disk, *replica->workers, *replica->archive},
        options, std::move(events));
    GROAT_CHECK_OK(driver.status());
    replica->driver = *std::move(driver);
    return replica;
  }

  // MeshCluster's.
  static Ed25519PrivateKey KeyOf(size_t i) {
    Bytes32 seed;
    StoreBigEndian(i + 1, seed.data(), 8);
    return Ed25519PrivateKey(seed);
  }

  Replica& At(size_t i) { return cluster_->program<Replica>(i); }
  std::vector<SubmitVerdict> Submit(size_t node, uint64_t client, uint64_t first, uint64_t count) {
    std::vector<Command> commands;
    for (uint64_t sequence = first; sequence < first + count; ++sequence) {
      commands.push_back({{hotstuff::ClientId(client), hotstuff::Sequence(sequence)},
                          Bytes(128, static_cast<uint8_t>(sequence))});
    }
    return cluster_->Run(node, [&] { return At(node).driver->Submit(std::move(commands)); });
  }
  // How many commands took effect on a node.
  size_t Effective(size_t node) const {
    std::map<CommandKey, int> seen;
    for (const auto& [height, committed] : committed_[node]) {
      for (size_t i = 0; i < committed.fresh.size(); ++i) {
        if (committed.fresh[i]) ++seen[committed.block->commands()[i].key];
      }
    }
    for (const auto& [key, times] : seen) EXPECT_EQ(times, 1) << key.sequence.value();
    return seen.size();
  }
  bool RunUntilAllHave(const std::vector<size_t>& nodes, size_t commands, p2p::Duration limit) {
    return cluster_->scheduler().RunUntil(
        [&] {
          return std::all_of(nodes.begin(), nodes.end(),
                             [&](size_t node) { return Effective(node) >= commands; });
        },
        limit, milliseconds(5));
  }
  // No two nodes have different blocks at one height.
  void ExpectOneChain() const {
    std::map<Height, hotstuff::BlockId> chain;
    for (const auto& node : committed_) {
      for (const auto& [height, committed] : node) {
        EXPECT_EQ(chain.emplace(height, committed.block->id()).first->second,
                  committed.block->id());
      }
    }
  }

  // Orders that these nodes are the validators of the next epoch, and commits until it begins at
  // all of `running`. Those who approve are the first three of the epoch.
  void HandOver(const std::vector<size_t>& to, const std::vector<size_t>& running,
                uint64_t client) {
    Replica& speaker = At(running[0]);
    const std::vector<hotstuff::Validator> validators = speaker.driver->validators();
    hotstuff::ValidatorChange change;
    change.next = speaker.driver->core().status().epoch.Next();
    change.last_height = Height(speaker.driver->core().status().committed_height.value() + 20);
    for (const size_t node : to) change.validators.push_back({cluster_->id(node), std::nullopt});
    const Hash digest = hotstuff::ChangeDigest(change, genesis_.Chain());
    std::vector<hotstuff::SignedShare> shares;
    for (uint16_t i = 0; i < hotstuff::QuorumOf(validators.size()); ++i) {
      const size_t node = cluster_->IndexOf(validators[i].key);
      shares.push_back({hotstuff::ReplicaIndex(i), digest,
                        hotstuff::Ed25519Signer(KeyOf(node)).SignShare(digest)});
    }
    const auto command =
        hotstuff::MakeChangeCommand(change, shares, speaker.driver->core().verifier());
    GROAT_ASSERT_OK(command);
    EXPECT_THAT(
        cluster_->Run(running[0], [&] { return At(running[0]).driver->Submit({*command}); }),
        ::testing::Each(SubmitVerdict::kAccepted));
    const auto begun = [&] {
      return std::all_of(running.begin(), running.end(), [&](size_t node) {
        return At(node).driver->core().status().epoch == change.next;
      });
    };
    uint64_t sequence = 0;
    for (int i = 0; i < 200 && !begun(); ++i) {
      Submit(running[0], client, ++sequence, 1);
      cluster_->RunFor(milliseconds(50));
    }
    EXPECT_TRUE(begun());
  }

  // Runs until the nodes have committed up to the same height, and nothing more is under way.
  bool RunUntilLevel(const std::vector<size_t>& nodes, p2p::Duration limit) {
    return cluster_->scheduler().RunUntil(
        [&] {
          return std::all_of(nodes.begin(), nodes.end(), [&](size_t node) {
            return At(node).fatal.ok() && At(node).store->last() == At(nodes[0]).store->last() &&
                   At(node).driver->core().status().epoch ==
                       At(nodes[0]).driver->core().status().epoch;
          });
        },
        limit, milliseconds(5));
  }
  // One command a block, so that heights rise.
  void CommitBlocks(size_t node, uint64_t client, uint64_t first, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      Submit(node, client, first + i, 1);
      cluster_->RunFor(milliseconds(20));
    }
  }
  Bytes TableOf(size_t node) { return At(node).driver->core().clients().Encode(); }

  size_t validators_ = 4;
  uint32_t interval_ = 8192;
  uint32_t drift_ms_ = 10'000;
  std::map<size_t, uint64_t> writes_left_;  // Of a node that is started next; absent: any number.
  std::vector<DriverOptions> options_;
  std::set<size_t> first_starts_;  // Nodes that were started; only the first start is one.
  std::vector<std::vector<Height>> installed_;
  std::vector<std::vector<hotstuff::Evidence>> found_;
  hotstuff::Genesis genesis_;
  std::deque<storage::MemoryStore> disks_;
  std::vector<std::map<Height, hotstuff::CommittedBlock>> committed_;
  std::unique_ptr<sim::MeshCluster> cluster_;
};

}  // namespace groat::consensus_service::testing

#endif  // GROAT_SERVICES_CONSENSUS_TESTING_DRIVER_TEST_H_
