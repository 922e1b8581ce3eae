// Nodes around a real etcd cluster of three members, whose members fail.
#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "services/ledger/testing/test_ledger.h"
#include "storage/etcd_register.h"
#include "storage/testing/etcd_cluster.h"

namespace groat::ledger_service {
namespace {

using record::Block;
using record::Height;
using storage::testing::EtcdCluster;
using testing::Eventually;
using ::testing::IsEmpty;
using testing::TestLedger;
using testing::TrieRelay;

class LedgerEtcdTest : public ::testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<EtcdCluster>> cluster =
        EtcdCluster::Start({.members = 3, .tls = true});
    if (absl::IsNotFound(cluster.status())) GTEST_SKIP() << cluster.status();
    GROAT_ASSERT_OK(cluster);
    cluster_ = *std::move(cluster);
    for (int i = 0; i < 3; ++i) {
      registers_.push_back(*storage::EtcdRegister::Connect(cluster_->ClientOptions("ledger/")));
    }
    testing::TestLedgerOptions options{.relays = {&relay_}};
    for (const auto& reg : registers_) options.registers.push_back(reg.get());
    ledger_ = std::make_unique<TestLedger>(options);
    ledger_->StartAll();
  }
  void ExpectCheckpoints(uint64_t height) {
    for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(ledger_->WaitForCheckpoint(i, height)) << i;
  }

  TrieRelay relay_{1};
  std::unique_ptr<EtcdCluster> cluster_;
  std::vector<std::unique_ptr<storage::EtcdRegister>> registers_;
  std::unique_ptr<TestLedger> ledger_;
};

TEST_F(LedgerEtcdTest, GoesOnWhileAnyMinorityIsDown) {
  uint64_t height = 0;
  for (int round = 0; round < 3; ++round) {
    GROAT_ASSERT_OK_AND_ASSIGN(const size_t leader, cluster_->WaitForLeader());
    cluster_->Kill(leader);
    for (size_t node = 0; node < 3; ++node) {
      GROAT_ASSERT_OK(ledger_->Append(node, relay_.Next(2, 1)));
      height += 2;
    }
    GROAT_ASSERT_OK(cluster_->Restart(leader));
    ExpectCheckpoints(height);
  }
  GROAT_ASSERT_OK_AND_ASSIGN(const Height head, ledger_->ReadHead(1));
  EXPECT_EQ(head, Height(height));
  EXPECT_THAT(ledger_->errors(), IsEmpty());
}

TEST_F(LedgerEtcdTest, WaitsForAMajority) {
  GROAT_ASSERT_OK(ledger_->Append(0, {relay_.Next()}));
  cluster_->Kill(0);
  cluster_->Kill(1);
  const record::SignedRoot root = relay_.Next();
  EXPECT_FALSE(ledger_->Append(1, {root}, std::chrono::milliseconds(500)).ok());
  EXPECT_FALSE(ledger_->ReadHead(2).ok());
  GROAT_ASSERT_OK(cluster_->Restart(0));
  GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<Block> blocks, ledger_->Append(2, {root}));
  EXPECT_EQ(blocks[0].height, Height(2));
  ExpectCheckpoints(2);
}

}  // namespace
}  // namespace groat::ledger_service
