// The feed alone, on a register that others write: nothing is lost whether it watches or reads.
#include "services/ledger/register_feed.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "base/status_matchers.h"
#include "bls/testing/test_keys.h"
#include "services/ledger/testing/test_ledger.h"

namespace groat::ledger_service {
namespace {

using record::Block;
using record::Height;
using record::NodeIndex;
using testing::Eventually;
using testing::TrieRelay;

class RegisterFeedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) / ("feed_" + std::to_string(getpid()));
    std::filesystem::remove_all(folder_);
    absl::StatusOr<std::unique_ptr<BlockStore>> store =
        BlockStore::Open(folder_, context_.ledger_id);
    GROAT_ASSERT_OK(store);
    store_ = *std::move(store);
    context_.store = store_.get();
    context_.timing.feed_interval = std::chrono::milliseconds(50);
    context_.timing.retry_backoff = std::chrono::milliseconds(1);
    feed_ = std::make_unique<RegisterFeed>(
        context_, RegisterFeed::Callbacks{.blocks =
                                              [this](std::vector<Block> blocks) {
                                                MutexLock lock(mutex_);
                                                for (const Block& block : blocks)
                                                  heights_.insert(block.height);
                                              },
                                          .share =
                                              [this](const ledger::Share& share) {
                                                MutexLock lock(mutex_);
                                                shares_.insert(share.point.height);
                                              },
                                          .sequencer =
                                              [this](std::optional<NodeIndex> sequencer) {
                                                MutexLock lock(mutex_);
                                                sequencer_ = sequencer;
                                              },
                                          .wish =
                                              [this] {
                                                MutexLock lock(mutex_);
                                                ++wishes_;
                                              },
                                          .missed =
                                              [this] {
                                                MutexLock lock(mutex_);
                                                ++missed_;
                                              }});
    feed_->Start();
    ASSERT_TRUE(Becomes(missed_, 1)) << "the watch begins; what was before is not its own";
  }
  void TearDown() override {
    feed_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Put(const std::string& key, const std::string& value) {
    storage::Transaction transaction;
    transaction.puts = {{key, value, {}}};
    GROAT_ASSERT_OK(register_.Commit(transaction));
  }
  void PutBlock() {
    const Block block{
        .height = height_.Next(), .previous_id = {}, .timestamp_ms = 1, .root = relay_.Next()};
    height_ = block.height;
    Put(context_.keys.BlockRun(block.height), EncodeBlockRun({block}));
  }
  void PutShare(uint64_t height) {
    ledger::Share share;
    share.point.height = Height(height);
    Put(context_.keys.Signature(share.point.height, share.node), EncodeShare(share));
  }
  void PutUntilBusy() {
    const double before = metrics_.busy_feeds.Value();
    ASSERT_TRUE(Eventually([&] {
      PutBlock();
      return metrics_.busy_feeds.Value() > before;
    }));
  }
  // All blocks up to the last one came.
  bool HasAllBlocks() {
    MutexLock lock(mutex_);
    return heights_.size() == height_.value();
  }
  template <class Value>
  bool Becomes(const Value& value, const Value& want) {
    return Eventually([&] {
      MutexLock lock(mutex_);
      return value == want;
    });
  }

  std::string folder_;
  TrieRelay relay_{1};
  storage::MemoryRegister register_;
  storage::FaultyRegister faults_{&register_};
  telemetry::Metrics registry_{"ledger"};
  LedgerMetrics metrics_{registry_};
  NodeContext context_{.self = NodeIndex(0),
                       .ledger_id = testing::Filled(0x1d),
                       .rules = {},
                       .node_keys = *record::NodeKeys::Create(
                           std::vector<bls::Registration>{bls::testing::TestRegistration(0)}),
                       .keys = RegisterKeys("test/"),
                       .timing = {},
                       .reg = &faults_,
                       .metrics = &metrics_,
                       .now_ms = {}};
  std::unique_ptr<BlockStore> store_;
  Height height_;
  Mutex mutex_;
  std::set<Height> heights_;
  std::set<Height> shares_;
  std::optional<NodeIndex> sequencer_;
  int wishes_ = 0;
  int missed_ = 0;
  std::unique_ptr<RegisterFeed> feed_;  // Last: its callbacks use the rest.
};

TEST_F(RegisterFeedTest, WatchesWhileChangesAreFew) {
  PutBlock();
  PutShare(1);
  Put(context_.keys.Sequencer(), EncodeNode(NodeIndex(2)));
  Put(context_.keys.SequencerWish(), EncodeNode(NodeIndex(1)));
  EXPECT_TRUE(Eventually([&] { return HasAllBlocks(); }));
  EXPECT_TRUE(Becomes(shares_, {Height(1)}));
  EXPECT_TRUE(Becomes(sequencer_, std::optional(NodeIndex(2))));
  EXPECT_TRUE(Becomes(wishes_, 1));
  EXPECT_EQ(metrics_.busy_feeds.Value(), 0);
}

TEST_F(RegisterFeedTest, ReadsWhileChangesComeFastAndLosesNothing) {
  PutUntilBusy();
  PutShare(7);
  Put(context_.keys.Sequencer(), EncodeNode(NodeIndex(2)));
  EXPECT_TRUE(Becomes(shares_, {Height(7)}));
  EXPECT_TRUE(Becomes(sequencer_, std::optional(NodeIndex(2))));
  EXPECT_TRUE(Eventually([&] { return HasAllBlocks(); }));
  storage::Transaction gone;
  gone.deletes = {storage::KeyRange::Single(context_.keys.Sequencer())};
  GROAT_ASSERT_OK(register_.Commit(gone));
  EXPECT_TRUE(Becomes(sequencer_, std::optional<NodeIndex>()));
  // It watches again once it is quiet, and gets busy again.
  EXPECT_TRUE(Becomes(missed_, 2));
  PutBlock();
  EXPECT_TRUE(Eventually([&] { return HasAllBlocks(); }));
  PutUntilBusy();
  EXPECT_TRUE(Eventually([&] { return HasAllBlocks(); }));
}

TEST_F(RegisterFeedTest, ReadsAgainAfterTheRegisterWasAway) {
  PutUntilBusy();
  faults_.SetUnavailable(true);
  for (int i = 0; i < 30; ++i) PutBlock();
  const double errors = metrics_.register_errors.Value();
  EXPECT_TRUE(Eventually([&] { return metrics_.register_errors.Value() > errors; }));
  faults_.SetUnavailable(false);
  EXPECT_TRUE(Eventually([&] { return HasAllBlocks(); }));
}

}  // namespace
}  // namespace groat::ledger_service
