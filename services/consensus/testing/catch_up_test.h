// Replicas of a driver test that stop, lose their folders, and start again. Tests only.
#ifndef GROAT_SERVICES_CONSENSUS_TESTING_CATCH_UP_TEST_H_
#define GROAT_SERVICES_CONSENSUS_TESTING_CATCH_UP_TEST_H_

#include <gmock/gmock.h>

#include <vector>

#include "base/status_matchers.h"
#include "services/consensus/testing/driver_test.h"

namespace groat::consensus_service::testing {

class CatchUpTest : public DriverTest {
 protected:
  CatchUpTest() { interval_ = 16; }

  void KeepBlocks(size_t nodes, uint64_t blocks) {
    options_.resize(nodes);
    for (DriverOptions& options : options_) options.keep_blocks = blocks;
  }
  void StartAll(const std::vector<size_t>& nodes) {
    for (const size_t node : nodes) cluster_->Start(node);
    ASSERT_TRUE(cluster_->RunUntilFullMesh(std::chrono::seconds(5)));
  }
  void Restart(const std::vector<size_t>& nodes) {
    for (const size_t node : nodes) {
      cluster_->Kill(node);
      cluster_->Start(node);
    }
    cluster_->RunFor(std::chrono::seconds(1));
  }
  void Wipe(size_t node) {
    GROAT_ASSERT_OK(disks_[node].Write(storage::StoreBatch().DeleteRange({}, Bytes{0xff}),
                                       storage::OrderedStore::Durability::kSynced));
  }
  bool Votes(size_t node) { return At(node).driver->core().status().may_vote; }
  Epoch EpochOf(size_t node) { return At(node).driver->core().status().epoch; }
  // At the same height all have the same state, and their newest snapshot the same digest.
  void ExpectSameState(const std::vector<size_t>& nodes) {
    for (const size_t node : nodes) {
      EXPECT_EQ(TableOf(node), TableOf(nodes[0])) << node;
      EXPECT_EQ(At(node).driver->core().committed_schedule().hash(),
                At(nodes[0]).driver->core().committed_schedule().hash());
      const auto offered = At(node).store->snapshots().Offered();
      ASSERT_FALSE(offered.empty()) << node;
      EXPECT_EQ(offered.back(), At(nodes[0]).store->snapshots().Offered().back()) << node;
    }
    ExpectOneChain();
  }
};

}  // namespace groat::consensus_service::testing

#endif  // GROAT_SERVICES_CONSENSUS_TESTING_CATCH_UP_TEST_H_
