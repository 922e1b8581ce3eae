// What a node keeps: indexes, log, marks, damage, another ledger's data; and the register's values.
#include "services/ledger/block_store.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "base/status_matchers.h"
#include "services/ledger/register_keys.h"
#include "services/ledger/testing/trie_relay.h"

namespace groat::ledger_service {
namespace {

using ::groat::testing::StatusIs;
using record::Block;
using record::Cycle;
using record::Height;
using record::NodeIndex;
using testing::Filled;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TrieRelay;

// Blocks of consecutive heights on top of a head.
std::vector<Block> Blocks(const ledger::ChainHead& on,
                          const std::vector<record::SignedRoot>& roots) {
  std::vector<Block> out;
  ledger::ChainHead head = on;
  for (const record::SignedRoot& root : roots) {
    out.push_back({head.height.Next(), head.id, 1000, root});
    head = ledger::ChainHead::Of(out.back());
  }
  return out;
}

class BlockStoreTest : public ::testing::Test {
 protected:
  BlockStoreTest()
      : folder_(std::filesystem::path(::testing::TempDir()) /
                ("block_store_" + std::to_string(getpid()))) {
    std::filesystem::remove_all(folder_);
    Open();
  }
  ~BlockStoreTest() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void Open() {
    store_.reset();
    absl::StatusOr<std::unique_ptr<BlockStore>> store = BlockStore::Open(folder_, Filled(1));
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  std::string folder_;
  TrieRelay relay_{1};
  TrieRelay other_{1, 7};
  std::unique_ptr<BlockStore> store_;
};

TEST_F(BlockStoreTest, FindsBlocksByEveryIndexAlsoAfterReopening) {
  const std::vector<Block> first = Blocks({}, {relay_.Next(), other_.Next(), relay_.Next(0)});
  store_->Append(first);
  const std::vector<Block> second = Blocks(store_->head(), {relay_.Next()});
  store_->Append(second);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(store_->applied(), Height(4));
    EXPECT_EQ(store_->head(), ledger::ChainHead::Of(second[0]));
    GROAT_ASSERT_OK_AND_ASSIGN(const Block by_height, store_->AtHeight(Height(2)));
    EXPECT_EQ(by_height, first[1]);
    GROAT_ASSERT_OK_AND_ASSIGN(const Block by_id, store_->ById(first[2].Id()));
    EXPECT_EQ(by_id, first[2]);
    GROAT_ASSERT_OK_AND_ASSIGN(const Block by_cycle, store_->ByCycle(other_.name(), Cycle(1)));
    EXPECT_EQ(by_cycle, first[1]);
    // Cycle 2 repeats the root of cycle 1.
    GROAT_ASSERT_OK_AND_ASSIGN(const Block by_root,
                               store_->LowestWithRoot(first[2].root.statement.root));
    EXPECT_EQ(by_root, first[0]);
    GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<Block> range, store_->Range(Height(2), 2));
    EXPECT_EQ(range, (std::vector<Block>{first[1], first[2]}));
    GROAT_ASSERT_OK_AND_ASSIGN(const ledger::RelayTips tips, store_->Tips());
    ASSERT_EQ(tips.size(), 2u);
    EXPECT_EQ(tips.at(relay_.name()).height, Height(4));
    EXPECT_EQ(tips.at(relay_.name()).statement, second[0].root.statement);
    EXPECT_EQ(tips.at(other_.name()).height, Height(2));
    Open();
  }
}

TEST_F(BlockStoreTest, NothingIsNotFound) {
  EXPECT_THAT(store_->AtHeight(Height(1)), StatusIs(absl::StatusCode::kNotFound, HasSubstr("1")));
  EXPECT_THAT(store_->ById(Filled(3)), StatusIs(absl::StatusCode::kNotFound, HasSubstr("0303")));
  EXPECT_THAT(store_->ByCycle(relay_.name(), Cycle(9)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("relay 1 shard 0 cycle 9")));
  EXPECT_THAT(store_->LowestWithRoot(Filled(4)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("0404")));
  EXPECT_EQ(store_->IdAt(Height(0)), std::nullopt);
  EXPECT_EQ(store_->IdAt(Height(1)), std::nullopt);
  EXPECT_THAT(store_->PointAt(Height(1)),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("want 1 to 0")));
  GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<Block> none, store_->Range(Height(1), 5));
  EXPECT_THAT(none, IsEmpty());
}

TEST_F(BlockStoreTest, LogRootsAreThoseOfTheBlockIds) {
  merkle::BlockLog log;
  const std::vector<Block> blocks = Blocks({}, relay_.Next(20, 1));
  for (const Block& block : blocks) {
    store_->Append(std::span(&block, 1));
    log.Append(block.Id());
    GROAT_ASSERT_OK_AND_ASSIGN(const ledger::SignMark point, store_->PointAt(block.height));
    EXPECT_EQ(point.log_root, log.Root());
    EXPECT_EQ(point.block_id, block.Id());
  }
  Open();
  const std::vector<Block> more = Blocks(store_->head(), {relay_.Next()});
  store_->Append(more);
  log.Append(more[0].Id());
  GROAT_ASSERT_OK_AND_ASSIGN(const ledger::SignMark point, store_->PointAt(Height(21)));
  EXPECT_EQ(point.log_root, log.Root());
}

TEST_F(BlockStoreTest, KeepsMarkAndCheckpoint) {
  GROAT_ASSERT_OK_AND_ASSIGN(const auto no_mark, store_->LoadSignMark());
  EXPECT_FALSE(no_mark.has_value());
  GROAT_ASSERT_OK_AND_ASSIGN(const auto no_checkpoint, store_->LoadCheckpoint());
  EXPECT_FALSE(no_checkpoint.has_value());
  const ledger::SignMark mark{Height(5), Filled(5), Filled(6)};
  store_->SaveSignMark(mark);
  record::SignedCheckpoint checkpoint{{Filled(1), Height(4), Filled(2), Filled(3)}, {}};
  checkpoint.quorum.signers = {0xc0};
  checkpoint.quorum.signature[5] = 9;
  store_->SaveCheckpoint(checkpoint);
  Open();
  GROAT_ASSERT_OK_AND_ASSIGN(const auto again, store_->LoadSignMark());
  EXPECT_EQ(again, mark);
  GROAT_ASSERT_OK_AND_ASSIGN(const auto loaded, store_->LoadCheckpoint());
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->checkpoint, checkpoint.checkpoint);
  EXPECT_EQ(loaded->quorum, checkpoint.quorum);
}

TEST_F(BlockStoreTest, RefusesAnotherLedgersFolder) {
  store_.reset();
  EXPECT_THAT(BlockStore::Open(folder_, Filled(2)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("of ledger 0101")));
}

TEST_F(BlockStoreTest, DamageIsDataLoss) {
  store_->Append(Blocks({}, relay_.Next(3, 1)));
  store_.reset();
  {
    GROAT_ASSERT_OK_AND_ASSIGN(storage::RocksStore rocks, storage::RocksStore::Open(folder_));
    storage::RocksBatch batch;
    batch.Put(ByteWriter().U8('b').U64(2).bytes(), Bytes{1, 2, 3});
    batch.Put(ByteWriter().U8('i').Raw(Filled(8)).bytes(), Bytes{1});
    GROAT_ASSERT_OK(rocks.Write(batch, storage::RocksStore::Durability::kSynced));
  }
  Open();
  EXPECT_THAT(store_->AtHeight(Height(2)), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("2")));
  EXPECT_THAT(store_->Range(Height(1), 3), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("2")));
  EXPECT_THAT(store_->ById(Filled(8)), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("index")));
  store_.reset();
  {
    GROAT_ASSERT_OK_AND_ASSIGN(storage::RocksStore rocks, storage::RocksStore::Open(folder_));
    storage::RocksBatch batch;
    batch.Put(ByteWriter().U8('b').U64(3).bytes(), Bytes{1, 2, 3});
    GROAT_ASSERT_OK(rocks.Write(batch, storage::RocksStore::Durability::kSynced));
  }
  EXPECT_THAT(BlockStore::Open(folder_, Filled(1)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("damaged")));
}

TEST(RegisterKeysTest, NamesSortAsNumbersAndParseBack) {
  const RegisterKeys keys("groat/");
  EXPECT_EQ(keys.Head(), "groat/head");
  EXPECT_EQ(keys.BlockRun(Height(0x1ab)), "groat/block/00000000000001ab");
  EXPECT_EQ(keys.Relay({record::RelayId(1), record::Shard(16)}), "groat/relay/00000001/00000010");
  EXPECT_EQ(keys.Progress(NodeIndex(2)), "groat/progress/00000002");
  EXPECT_EQ(keys.Signature(Height(255), NodeIndex(1)), "groat/signature/00000000000000ff/00000001");
  EXPECT_LT(keys.BlockRun(Height(255)), keys.BlockRun(Height(256)));
  EXPECT_TRUE(keys.BlockRunsFrom(Height(5)).Contains(keys.BlockRun(Height(5))));
  EXPECT_FALSE(keys.BlockRunsFrom(Height(5)).Contains(keys.BlockRun(Height(4))));
  EXPECT_FALSE(keys.BlockRunsFrom(Height(5)).Contains(keys.Head()));
  EXPECT_TRUE(keys.BlockRunsUpTo(Height(5)).Contains(keys.BlockRun(Height(5))));
  EXPECT_FALSE(keys.BlockRunsUpTo(Height(5)).Contains(keys.BlockRun(Height(6))));

  const auto signature = keys.Parse(keys.Signature(Height(255), NodeIndex(1)));
  ASSERT_TRUE(signature.has_value());
  EXPECT_EQ(signature->kind, RegisterKeys::Kind::kSignature);
  EXPECT_EQ(signature->height, Height(255));
  EXPECT_EQ(signature->node, NodeIndex(1));
  EXPECT_EQ(keys.Parse(keys.BlockRun(Height(9)))->height, Height(9));
  EXPECT_EQ(keys.Parse(keys.Sequencer())->kind, RegisterKeys::Kind::kSequencer);
  EXPECT_EQ(keys.Parse(keys.SequencerWish())->kind, RegisterKeys::Kind::kSequencerWish);
  for (const char* other :
       {"head", "groat/heads", "groat/block/12", "groat/block/00000000000001aX", "groat/progress/1",
        "groat/signature/00000000000000ff", "other/head",
        "groat/signature/00000000000000ff-00000001", "groat/signature/00000000000000ff/0000000z"}) {
    EXPECT_FALSE(keys.Parse(other).has_value()) << other;
  }
}

TEST(RegisterValuesTest, ComeBackAsTheyWere) {
  TrieRelay relay(1, 3);
  const std::vector<Block> blocks = Blocks({}, relay.Next(3, 2));
  const ledger::ChainHead head = ledger::ChainHead::Of(blocks[2]);
  GROAT_ASSERT_OK_AND_ASSIGN(const ledger::ChainHead head_again,
                             DecodeHead(Filled(1), EncodeHead(Filled(1), head)));
  EXPECT_EQ(head_again, head);
  const ledger::RelayTip tip{Height(3), blocks[2].root.statement};
  GROAT_ASSERT_OK_AND_ASSIGN(const ledger::RelayTip tip_again, DecodeTip(EncodeTip(tip)));
  EXPECT_EQ(tip_again, tip);
  GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<Block> run, DecodeBlockRun(EncodeBlockRun(blocks)));
  EXPECT_EQ(run, blocks);
  const NodeProgress progress{Height(7), Height(6), 5};
  GROAT_ASSERT_OK_AND_ASSIGN(const NodeProgress progress_again,
                             DecodeProgress(EncodeProgress(progress)));
  EXPECT_EQ(progress_again.applied, Height(7));
  EXPECT_EQ(progress_again.signed_height, Height(6));
  EXPECT_EQ(progress_again.reported_at_ms, 5u);
  const ledger::Share share{NodeIndex(2), {Height(4), Filled(1), Filled(2)}, {}};
  GROAT_ASSERT_OK_AND_ASSIGN(const ledger::Share share_again,
                             DecodeShare(NodeIndex(2), EncodeShare(share)));
  EXPECT_EQ(share_again, share);
  GROAT_ASSERT_OK_AND_ASSIGN(const NodeIndex node, DecodeNode(EncodeNode(NodeIndex(9))));
  EXPECT_EQ(node, NodeIndex(9));
}

// Golden bytes pin the head's layout: version, ledger, height, id, time.
TEST(RegisterValuesTest, GoldenHead) {
  EXPECT_EQ(ToHex(AsBytes(EncodeHead(Filled(0xaa), {Height(3), Filled(0xbb), 4}))),
            "01"
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            "0000000000000003"
            "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
            "0000000000000004");
}

TEST(RegisterValuesTest, DamageIsRefused) {
  TrieRelay relay(1);
  std::vector<Block> blocks = Blocks({}, relay.Next(3, 1));
  const std::string run = EncodeBlockRun(blocks);
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(DecodeBlockRun(""), StatusIs(kInvalid, HasSubstr("0 bytes")));
  EXPECT_THAT(DecodeBlockRun(run.substr(0, 1)), StatusIs(kInvalid, HasSubstr("1 bytes")));
  EXPECT_THAT(DecodeBlockRun(run.substr(0, run.size() - 1)), StatusIs(kInvalid, HasSubstr("")));
  EXPECT_THAT(DecodeBlockRun("\2" + run.substr(1)), StatusIs(kInvalid, HasSubstr("version 1")));
  blocks.erase(blocks.begin() + 1);
  EXPECT_THAT(DecodeBlockRun(EncodeBlockRun(blocks)),
              StatusIs(kInvalid, HasSubstr("from height 1 to 3")));

  const std::string head = EncodeHead(Filled(1), {Height(1), {}, 0});
  EXPECT_THAT(DecodeHead(Filled(2), head), StatusIs(kInvalid, HasSubstr("holds ledger 0101")));
  EXPECT_THAT(DecodeHead(Filled(1), head.substr(1)), StatusIs(kInvalid, HasSubstr("head")));
  EXPECT_THAT(DecodeHead(Filled(1), "\3" + head.substr(1)),
              StatusIs(kInvalid, HasSubstr("version 3, want 1")));
  EXPECT_THAT(DecodeHead(Filled(1), EncodeHead(Filled(1), {})),
              StatusIs(kInvalid, HasSubstr("height 0")));
  EXPECT_THAT(DecodeTip("x"), StatusIs(kInvalid, HasSubstr("relay entry")));
  EXPECT_THAT(DecodeProgress("x"), StatusIs(kInvalid, HasSubstr("progress entry")));
  EXPECT_THAT(DecodeShare(NodeIndex(0), "x"), StatusIs(kInvalid, HasSubstr("signature entry")));
  EXPECT_THAT(DecodeNode("x"), StatusIs(kInvalid, HasSubstr("sequencer entry")));
}

}  // namespace
}  // namespace groat::ledger_service
