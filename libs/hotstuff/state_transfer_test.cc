// The transfer of state against made-up peers: who is asked for what, and what is believed.
#include "hotstuff/state_transfer.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "hotstuff/digest.h"
#include "hotstuff/testing/fixture.h"

namespace groat::hotstuff {
namespace {

using testing::ChainMaker;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::MakeCommand;
using testing::MockValidators;
using ::testing::SizeIs;
using testing::SmallGenesis;
using testing::SoloCore;
using ::testing::UnorderedElementsAre;

Genesis MakeGenesis() {
  Genesis genesis = SmallGenesis(4);
  genesis.snapshot_interval_blocks = 4;
  return genesis;
}

class StateTransferTest : public ::testing::Test {
 protected:
  StateTransferTest() : transfer_(maker_.genesis, Key(3), {}, options_) {
    // A snapshot of height 4, with a client table of more than one piece.
    SoloCore solo(maker_, 0);
    BlockPtr parent = maker_.genesis.Block0();
    for (uint64_t sequence = 1; sequence <= 6; ++sequence) {
      parent = maker_.Extend(parent, parent->view().Next(), nullptr, {MakeCommand(7, sequence)});
      for (const Snapshot& snapshot : solo.Propose(parent).snapshots) {
        table_ = Bytes(2 * SnapshotManifest::kPieceBytes + 9, 5);
        head_ = SnapshotHead{MakeManifest(snapshot, table_), snapshot.block, snapshot.certificate,
                             snapshot.proof};
      }
    }
    name_ = {Height(4), head_->manifest.Digest()};
    Step(EnteredEpoch{Epoch(0), Height(0), maker_.genesis.validators});
  }

  const PeerKey& Key(size_t i) const { return maker_.genesis.validators[i].key; }
  TransferEffects Step(const TransferEvent& event) { return transfer_.Step(event, now_ms_); }
  TransferEffects After(uint64_t ms) {
    now_ms_ += ms;
    return Step(TransferTick());
  }
  TransferEffects Say(size_t from, const TransferMessage& message) {
    return Step(Answer{Key(from), message});
  }
  // Everything below `first` was pruned.
  Offer Pruned(const SnapshotName& name, uint64_t first = 3) const {
    return {Epoch(0), Height(9), Height(first), {name}};
  }
  // The blocks are gone, and f + 1 peers offer the snapshot: the fetch begins.
  TransferEffects BeginFetch() {
    Step(BlocksMissing());
    Say(0, Pruned(name_));
    return Say(1, Pruned(name_));
  }
  template <typename T>
  static std::vector<std::pair<PeerKey, T>> SentOf(const TransferEffects& effects) {
    std::vector<std::pair<PeerKey, T>> out;
    for (const TransferSend& send : effects.sends) {
      if (const T* body = std::get_if<T>(&send.message)) out.emplace_back(send.to, *body);
    }
    return out;
  }
  PieceResponse Piece(uint32_t index) const {
    const auto begin = table_.begin() + index * SnapshotManifest::kPieceBytes;
    return {name_, index, Bytes(begin, begin + head_->manifest.PieceBytes(index))};
  }

  ChainMaker maker_{MakeGenesis()};
  TransferOptions options_{.retry_ms = 1000, .poll_ms = 5000, .patience_ms = 20'000};
  std::optional<SnapshotHead> head_;
  Bytes table_;
  SnapshotName name_;
  uint64_t now_ms_ = 1000;
  StateTransfer transfer_;
};

TEST_F(StateTransferTest, AtRestAsksOnePeerAfterAnother) {
  std::vector<PeerKey> asked;
  for (int i = 0; i < 3; ++i) {
    const auto sent = SentOf<OfferRequest>(After(options_.poll_ms));
    ASSERT_THAT(sent, SizeIs(1));
    asked.push_back(sent[0].first);
  }
  EXPECT_THAT(asked, UnorderedElementsAre(Key(0), Key(1), Key(2)));
}

TEST_F(StateTransferTest, FetchesPieceByPieceAndInstalls) {
  // All are asked, once.
  EXPECT_THAT(SentOf<OfferRequest>(Step(BlocksMissing())), SizeIs(3));
  EXPECT_THAT(SentOf<OfferRequest>(Step(BlocksMissing())), IsEmpty());
  const TransferEffects began = BeginFetch();
  const auto heads = SentOf<HeadRequest>(began);
  ASSERT_THAT(heads, SizeIs(1));
  EXPECT_EQ(heads[0].second.snapshot, name_);

  const TransferEffects got_head = Say(0, HeadResponse{name_, head_->Encode()});
  ASSERT_TRUE(got_head.check_head.has_value());
  EXPECT_THAT(got_head.sends, IsEmpty());  // Nothing before the check.
  TransferEffects effects = Step(HeadChecked{*head_});
  for (uint32_t i = 0; i < 3; ++i) {
    const auto asked = SentOf<PieceRequest>(effects);
    ASSERT_THAT(asked, SizeIs(1));
    EXPECT_EQ(asked[0].second.index, i);
    EXPECT_FALSE(effects.install.has_value());
    EXPECT_EQ(transfer_.progress()->total_bytes, table_.size());
    effects = Step(Answer{asked[0].first, Piece(i)});
  }
  ASSERT_TRUE(effects.install.has_value());
  EXPECT_EQ(effects.install->table, table_);
  EXPECT_EQ(effects.install->head.block->id(), head_->block->id());
  EXPECT_THAT(effects.install->handovers, IsEmpty());
  EXPECT_FALSE(transfer_.progress().has_value());
  // Nothing more until it is in place.
  EXPECT_THAT(After(options_.retry_ms).sends, IsEmpty());
  Step(EnteredEpoch{Epoch(0), Height(4), maker_.genesis.validators});
  EXPECT_THAT(SentOf<OfferRequest>(After(options_.poll_ms)), SizeIs(1));
}

// Safety: f validators do not get a snapshot of theirs in, whatever its height.
TEST_F(StateTransferTest, BelievesNoSnapshotThatOnlyFValidatorsOffer) {
  const SnapshotName forged{Height(8), Hash::FromHexText(std::string(64, 'a'), "digest").value()};
  Step(BlocksMissing());
  Say(2, Pruned(forged, 8));
  Say(2, Pruned(forged, 8));  // Saying it twice does not make it two.
  TransferEffects effects = Say(2, Offer{Epoch(0), Height(9), Height(8), {forged, forged}});
  EXPECT_THAT(SentOf<HeadRequest>(effects), IsEmpty());
  // An honest one of the same height but another digest does not add up with it.
  Say(0, Pruned({Height(8), name_.digest}, 8));
  EXPECT_FALSE(transfer_.progress().has_value());
  Say(0, Pruned(name_));
  Say(1, Pruned(name_));
  ASSERT_TRUE(transfer_.progress().has_value());
  EXPECT_EQ(transfer_.progress()->height, Height(4));
}

TEST_F(StateTransferTest, PeersThatAreNoValidatorsDoNotCount) {
  const PeerKey stranger = MockValidators(5, 9)[4].key;
  StateTransfer transfer(maker_.genesis, Key(3), {stranger}, options_);
  transfer.Step(EnteredEpoch{Epoch(0), Height(0), maker_.genesis.validators}, now_ms_);
  EXPECT_THAT(transfer.peers(), SizeIs(4));
  transfer.Step(BlocksMissing(), now_ms_);
  transfer.Step(Answer{Key(0), Pruned(name_)}, now_ms_);
  transfer.Step(Answer{stranger, Pruned(name_)}, now_ms_);
  EXPECT_FALSE(transfer.progress().has_value());
}

TEST_F(StateTransferTest, GoesOnWithAnotherProviderAfterAWrongPiece) {
  BeginFetch();
  Say(0, HeadResponse{name_, head_->Encode()});
  Step(HeadChecked{*head_});
  PieceResponse wrong = Piece(0);
  wrong.piece[17] ^= 1;
  const auto again = SentOf<PieceRequest>(Say(0, wrong));
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0].first, Key(1));
  EXPECT_EQ(again[0].second.index, 0u);
  EXPECT_EQ(transfer_.progress()->bytes, 0u);
  // The liar is not asked for the next ones.
  for (uint32_t i = 0; i < 2; ++i) {
    const auto next = SentOf<PieceRequest>(Say(1, Piece(i)));
    ASSERT_THAT(next, SizeIs(1));
    EXPECT_EQ(next[0].first, Key(1));
  }
  EXPECT_TRUE(Say(1, Piece(2)).install.has_value());
}

TEST_F(StateTransferTest, GoesOnWithAnotherProviderAfterAWrongHead) {
  BeginFetch();
  ASSERT_TRUE(Say(0, HeadResponse{name_, Bytes(9, 1)}).check_head.has_value());
  const auto second = SentOf<HeadRequest>(
      Step(HeadChecked{absl::InvalidArgumentError("not what its bytes should be")}));
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_EQ(second[0].first, Key(1));
  // Another one that is refused.
  EXPECT_TRUE(Say(1, HeadResponse{name_, head_->Encode()}).check_head.has_value());
  Step(HeadChecked{absl::InvalidArgumentError("its block is not committed")});
  EXPECT_FALSE(transfer_.progress().has_value());  // Nobody is left: offers are asked for anew.
  EXPECT_THAT(SentOf<OfferRequest>(After(options_.retry_ms)), SizeIs(3));
}

TEST_F(StateTransferTest, AsksTheNextProviderWhenOneIsSilentOrHasNothingMore) {
  const auto first = SentOf<HeadRequest>(BeginFetch());
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_THAT(SentOf<HeadRequest>(After(options_.retry_ms - 1)), IsEmpty());
  const auto second = SentOf<HeadRequest>(After(1));
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_NE(second[0].first, first[0].first);
  const auto third = SentOf<HeadRequest>(Step(Answer{second[0].first, HeadResponse{name_, {}}}));
  ASSERT_THAT(third, SizeIs(1));
  EXPECT_EQ(third[0].first, first[0].first);
}

TEST_F(StateTransferTest, IgnoresWhatNobodyAskedFor) {
  BeginFetch();
  EXPECT_FALSE(Say(1, HeadResponse{name_, head_->Encode()}).check_head.has_value());
  Say(0, HeadResponse{name_, head_->Encode()});
  Step(HeadChecked{*head_});
  Say(1, Piece(0));
  Say(0, Piece(1));
  Say(0, PieceResponse{{Height(8), name_.digest}, 0, Piece(0).piece});
  EXPECT_EQ(transfer_.progress()->bytes, 0u);
  EXPECT_FALSE(Say(1, HandoverResponse{Epoch(0), {}}).check_handovers.has_value());
}

// Blocks come first: a snapshot is taken instead only if nobody has them, or nobody gives them.
TEST_F(StateTransferTest, PrefersBlocksThatAPeerSaysToHaveAndGivesUpOnThemInTime) {
  Step(BlocksMissing());
  Say(2, Offer{Epoch(0), Height(9), Height(1), {}});
  Say(0, Pruned(name_));
  Say(1, Pruned(name_));
  EXPECT_FALSE(transfer_.progress().has_value());
  EXPECT_EQ(transfer_.PeerForBlocks(Height(1)), Key(2));
  EXPECT_EQ(transfer_.PeerForBlocks(Height(10)), std::nullopt);
  for (uint64_t waited = 0; waited < options_.patience_ms; waited += 500) {
    ASSERT_FALSE(transfer_.progress().has_value()) << waited;
    now_ms_ += 500;
    Say(2, Offer{Epoch(0), Height(9), Height(1), {}});
    Say(0, Pruned(name_));
    Say(1, Pruned(name_));
  }
  EXPECT_TRUE(transfer_.progress().has_value());
}

TEST_F(StateTransferTest, StopsWhenItsOwnBlocksPassTheSnapshot) {
  BeginFetch();
  ASSERT_TRUE(transfer_.progress().has_value());
  Step(Committed{Height(4)});
  EXPECT_FALSE(transfer_.progress().has_value());
}

TEST_F(StateTransferTest, AsksWhoClaimsALaterEpochAndDropsTheClaimIfNothingComes) {
  TransferEffects effects = Step(HeardOf{Key(1), Epoch(4)});
  auto asked = SentOf<HandoverRequest>(effects);
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked[0].first, Key(1));
  EXPECT_EQ(asked[0].second.first, Epoch(0));
  EXPECT_THAT(SentOf<HandoverRequest>(Say(1, HandoverResponse{Epoch(0), {}})), IsEmpty());
  // Claims are not listened to for a while.
  EXPECT_THAT(SentOf<HandoverRequest>(Step(HeardOf{Key(1), Epoch(5)})), IsEmpty());
  now_ms_ += 4 * options_.retry_ms;
  EXPECT_THAT(SentOf<HandoverRequest>(Step(HeardOf{Key(1), Epoch(5)})), SizeIs(1));
  // Silence: the next one that claims it.
  Step(HeardOf{Key(2), Epoch(5)});
  asked = SentOf<HandoverRequest>(After(options_.retry_ms));
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked[0].first, Key(2));
}

HandoverProof ProofOfEnd(uint64_t epoch, std::vector<Validator> next) {
  HandoverProof proof;
  proof.approved.change = {Epoch(epoch + 1), Height(100 * (epoch + 1)), std::move(next)};
  BlockHeader last;
  last.epoch = Epoch(epoch);
  last.height = proof.approved.change.last_height;
  proof.commit.headers = {last};
  return proof;
}

TEST_F(StateTransferTest, EndsOneEpochAfterAnotherWithVerifiedHandovers) {
  const std::vector<Validator> later = MockValidators(7, 3);
  const std::vector<Validator> latest = MockValidators(4, 5);
  Step(HeardOf{Key(1), Epoch(2)});
  // Of another epoch: not even checked.
  EXPECT_FALSE(Say(1, HandoverResponse{Epoch(1), {Bytes(9, 1)}}).check_handovers.has_value());
  now_ms_ += 4 * options_.retry_ms;
  Step(HeardOf{Key(1), Epoch(2)});
  TransferEffects effects = Say(1, HandoverResponse{Epoch(0), {Bytes(9, 1), Bytes(8, 2)}});
  ASSERT_TRUE(effects.check_handovers.has_value());
  EXPECT_EQ(effects.check_handovers->validators, maker_.genesis.validators);
  EXPECT_FALSE(effects.end_epoch.has_value());
  EXPECT_EQ(transfer_.newest(), Epoch(0));

  effects = Step(HandoversChecked{{ProofOfEnd(0, later), ProofOfEnd(1, latest)}});
  ASSERT_TRUE(effects.end_epoch.has_value());
  EXPECT_EQ(effects.end_epoch->ended(), Epoch(0));
  EXPECT_TRUE(effects.peers_changed);
  EXPECT_EQ(transfer_.newest(), Epoch(2));
  EXPECT_THAT(transfer_.peers(), SizeIs(3 + 4));                 // Of the own epoch and the newest.
  EXPECT_FALSE(After(options_.retry_ms).end_epoch.has_value());  // Once.

  effects = Step(EnteredEpoch{Epoch(1), Height(100), later});
  ASSERT_TRUE(effects.end_epoch.has_value());
  EXPECT_EQ(effects.end_epoch->ended(), Epoch(1));
  EXPECT_THAT(transfer_.peers(), SizeIs(7 + 4));
  effects = Step(EnteredEpoch{Epoch(2), Height(200), latest});
  EXPECT_FALSE(effects.end_epoch.has_value());
}

TEST_F(StateTransferTest, TakesOnlyTheRightProofsOfAnAnswer) {
  Step(HeardOf{Key(1), Epoch(2)});
  Say(1, HandoverResponse{Epoch(0), {Bytes(9, 1), Bytes(8, 2)}});
  EXPECT_TRUE(Step(HandoversChecked{{ProofOfEnd(0, MockValidators(4, 3))}}).end_epoch.has_value());
  EXPECT_EQ(transfer_.newest(), Epoch(1));
}

// After the ends of epochs the judges are the newest verified validators.
TEST_F(StateTransferTest, CountsOffersOfTheNewestValidators) {
  const std::vector<Validator> later = MockValidators(4, 3);
  Step(HeardOf{Key(1), Epoch(1)});
  Say(1, HandoverResponse{Epoch(0), {Bytes(9, 1)}});
  Step(HandoversChecked{{ProofOfEnd(0, later)}});
  const Offer offer{Epoch(1), Height(120), Height(100), {{Height(100), name_.digest}}};
  Say(0, offer);
  Say(1, offer);
  EXPECT_FALSE(transfer_.progress().has_value());
  Step(Answer{later[0].key, offer});
  EXPECT_FALSE(transfer_.progress().has_value());
  Step(Answer{later[2].key, offer});
  EXPECT_TRUE(transfer_.progress().has_value());
}

}  // namespace
}  // namespace groat::hotstuff
