// Snapshots: what all replicas agree on byte for byte, and what is refused.
#include "hotstuff/snapshot.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "hotstuff/testing/fixture.h"
#include "hotstuff/transfer_message.h"

namespace groat::hotstuff {
namespace {

using ::groat::testing::StatusIs;
using testing::ChainMaker;
using ::testing::HasSubstr;
using testing::MakeCommand;
using testing::SmallGenesis;
using testing::SoloCore;

Genesis WithInterval(uint32_t blocks) {
  Genesis genesis = SmallGenesis(4);
  genesis.snapshot_interval_blocks = blocks;
  return genesis;
}

class SnapshotTest : public ::testing::Test {
 protected:
  SnapshotTest() {
    BlockPtr parent = maker_.genesis.Block0();
    // The fourth repeats the third's command.
    for (const uint64_t sequence : {1, 2, 3, 3, 4, 5, 6, 7}) {
      parent = maker_.Extend(parent, parent->view().Next(), nullptr, {MakeCommand(7, sequence)});
      chain_.push_back(parent);
    }
  }
  // Of height 4, by a core that sees one block after another.
  Snapshot Make() {
    SoloCore solo(maker_, 0);
    std::vector<Snapshot> out;
    for (const BlockPtr& block : chain_) {
      for (Snapshot& one : solo.Propose(block).snapshots) out.push_back(std::move(one));
    }
    EXPECT_EQ(out.size(), 1u);
    return out.at(0);
  }
  SnapshotHead HeadOf(const Snapshot& snapshot) const {
    return {MakeManifest(snapshot, snapshot.clients.Encode()), snapshot.block, snapshot.certificate,
            snapshot.proof};
  }

  ChainMaker maker_{WithInterval(4)};
  std::vector<BlockPtr> chain_;
};

TEST_F(SnapshotTest, IsOfTheIntervalsHeightAndNothingAbove) {
  const Snapshot snapshot = Make();
  EXPECT_EQ(snapshot.block->id(), chain_[3]->id());
  EXPECT_EQ(snapshot.certificate->block(), chain_[3]->id());
  EXPECT_EQ(snapshot.fresh, std::vector<bool>{false});
  EXPECT_EQ(snapshot.schedule.hash(), chain_[3]->header().schedule);
  EXPECT_EQ(snapshot.clients.Look(MakeCommand(7, 3).key), ClientTable::State::kSeen);
  EXPECT_EQ(snapshot.clients.Look(MakeCommand(7, 4).key), ClientTable::State::kFresh);
  GROAT_EXPECT_OK(VerifySnapshotHead(HeadOf(snapshot), TwoChain(), maker_.verifier));
}

// One replica sees proposals, another one gets all at once as it catches up. Views fail until the
// fifth block, so the snapshot's block is committed with the one above it.
TEST_F(SnapshotTest, IsTheSameHoweverTheBlocksCame) {
  std::vector<BlockPtr> chain;
  BlockPtr parent = maker_.genesis.Block0();
  for (const uint64_t view : {1, 3, 5, 7, 9, 10, 11}) {
    const bool failed = parent->view().Next() != View(view);
    const TcPtr timeout = failed ? maker_.GiveUp(View(view - 1), parent->view()) : nullptr;
    parent = maker_.Extend(parent, View(view), timeout, {MakeCommand(7, view)});
    chain.push_back(parent);
  }
  SoloCore prompt(maker_, 0);
  std::vector<Snapshot> snapshots;
  for (const BlockPtr& block : chain) {
    for (Snapshot& one : prompt.Propose(block).snapshots) snapshots.push_back(std::move(one));
  }
  SoloCore late(maker_, 1);
  BlockResponse response;
  response.blocks = chain;
  response.certificate = maker_.Certify(*chain.back());
  // It must have asked: a certificate of an unknown block makes it do so.
  late.Receive(2, MakeMessage(Advance{response.certificate, nullptr}));
  for (size_t peer = 0; peer < 4 && snapshots.size() < 2; ++peer) {
    for (Snapshot& one : late.Receive(peer, MakeMessage(response)).snapshots) {
      snapshots.push_back(std::move(one));
    }
  }
  ASSERT_EQ(snapshots.size(), 2u);
  for (const Snapshot& snapshot : snapshots) {
    const SnapshotHead head = HeadOf(snapshot);
    EXPECT_EQ(head.manifest.Encode(), HeadOf(snapshots[0]).manifest.Encode());
    EXPECT_EQ(snapshot.clients.Encode(), snapshots[0].clients.Encode());
    EXPECT_EQ(snapshot.clients.Look(MakeCommand(7, 7).key), ClientTable::State::kSeen);
    EXPECT_EQ(snapshot.clients.Look(MakeCommand(7, 9).key), ClientTable::State::kFresh);
    EXPECT_EQ(head.proof.headers.size(), 3u);
    GROAT_EXPECT_OK(VerifySnapshotHead(head, TwoChain(), maker_.verifier));
  }
}

TEST_F(SnapshotTest, DigestCoversEveryPartOfTheState) {
  const Snapshot good = Make();
  const SnapshotManifest manifest = HeadOf(good).manifest;
  EXPECT_EQ(manifest.Digest(), SnapshotManifest(manifest).Digest());
  const auto changed = [&](auto change) {
    SnapshotManifest other = manifest;
    change(other);
    return other.Digest();
  };
  EXPECT_NE(manifest.Digest(), changed([](auto& m) { m.height = Height(5); }));
  EXPECT_NE(manifest.Digest(), changed([](auto& m) { m.block = BlockId(); }));
  EXPECT_NE(manifest.Digest(), changed([](auto& m) { m.repeated.clear(); }));
  EXPECT_NE(manifest.Digest(), changed([](auto& m) { m.schedule = LeaderSchedule(); }));
  EXPECT_NE(manifest.Digest(), changed([](auto& m) { ++m.table_bytes; }));
  EXPECT_NE(manifest.Digest(), changed([](auto& m) { m.pieces[0] = Hash(); }));
  Snapshot other = good;
  other.clients.Commit(MakeCommand(9, 1).key);
  EXPECT_NE(manifest.Digest(), HeadOf(other).manifest.Digest());
}

TEST_F(SnapshotTest, RefusesAHeadWhosePartsDoNotBelongTogether) {
  const SnapshotHead good = HeadOf(Make());
  const auto verdict = [&](auto change) {
    SnapshotHead head = good;
    change(head);
    return VerifySnapshotHead(head, TwoChain(), maker_.verifier);
  };
  const auto refused = [](const char* why) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why));
  };
  EXPECT_THAT(verdict([&](auto& head) { head.block = chain_[2]; }), refused("block"));
  EXPECT_THAT(verdict([&](auto& head) { head.manifest.height = Height(8); }), refused("height 4"));
  EXPECT_THAT(verdict([&](auto& head) { head.manifest.schedule = LeaderSchedule(); }),
              refused("leader schedule"));
  EXPECT_THAT(verdict([&](auto& head) { head.manifest.repeated = {1}; }), refused("repeated"));
  EXPECT_THAT(verdict([&](auto& head) {
                head.manifest.change = std::make_shared<const ApprovedChange>();
                const_cast<ApprovedChange&>(*head.manifest.change).digest =
                    Hash::FromHexText(std::string(64, '1'), "digest").value();
              }),
              refused("change"));
  EXPECT_THAT(verdict([&](auto& head) { head.certificate = maker_.Certify(*chain_[2]); }),
              refused("certified block"));
  EXPECT_THAT(verdict([&](auto& head) { head.proof.headers.pop_back(); }), refused("commit proof"));
  EXPECT_THAT(verdict([&](auto& head) {
                head.certificate = QuorumCertificate::Make(
                    Epoch(0), head.block->view(), head.block->id(),
                    {bls::SignerSet(4), head.certificate->proof().signature});
              }),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::_));
}

TEST_F(SnapshotTest, PiecesAreOfOneMebibyte) {
  Snapshot snapshot = Make();
  const Bytes table(SnapshotManifest::kPieceBytes + 5, 7);
  const SnapshotManifest manifest = MakeManifest(snapshot, table);
  EXPECT_EQ(manifest.pieces.size(), 2u);
  EXPECT_EQ(manifest.PieceBytes(0), SnapshotManifest::kPieceBytes);
  EXPECT_EQ(manifest.PieceBytes(1), 5u);
  // A genesis for so many clients accepts it, one for fewer does not.
  const size_t clients = 1 + table.size() / (8 + SequenceWindow::kEncodedSize);
  GROAT_EXPECT_OK(SnapshotManifest::Decode(manifest.Encode(), maker_.chain, clients));
  EXPECT_THAT(SnapshotManifest::Decode(manifest.Encode(), maker_.chain, clients - 1),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("client table")));
}

TEST_F(SnapshotTest, MessagesDecodeToWhatWasEncodedAndNothingElse) {
  const SnapshotHead head = HeadOf(Make());
  const SnapshotName name{Height(4), head.manifest.Digest()};
  const std::vector<TransferMessage> messages = {
      OfferRequest(),
      Offer{Epoch(3), Height(9), Height(2), {name, {Height(8), Hash()}}},
      HandoverRequest{Epoch(1)},
      HandoverResponse{Epoch(1), {}},
      HandoverResponse{Epoch(1), {Bytes(3, 1), Bytes(5, 2)}},
      HeadRequest{name},
      HeadResponse{name, {}},
      HeadResponse{name, head.Encode()},
      PieceRequest{name, 3},
      PieceResponse{name, 3, Bytes(10, 1)}};
  for (const TransferMessage& message : messages) {
    const Bytes bytes = EncodeTransfer(message);
    const auto again = DecodeTransfer(bytes, maker_.genesis.block);
    GROAT_ASSERT_OK(again) << NameOf(message);
    EXPECT_EQ(EncodeTransfer(*again), bytes) << NameOf(message);
    for (size_t size = 0; size < bytes.size(); ++size) {
      const auto cut = DecodeTransfer(ByteView(bytes).first(size), maker_.genesis.block);
      if (!cut.ok()) continue;
      EXPECT_EQ(EncodeTransfer(*cut).size(), size) << NameOf(message);
    }
  }
  const auto refused = [&](const TransferMessage& message, const char* why) {
    EXPECT_THAT(DecodeTransfer(EncodeTransfer(message), maker_.genesis.block),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
  };
  refused(Offer{Epoch(), Height(), Height(), {name, name, name}}, "3 snapshots, want at most 2");
  refused(PieceResponse{name, 0, Bytes(SnapshotManifest::kPieceBytes + 1)}, "at most 1048576");
  EXPECT_THAT(DecodeTransfer(Bytes{9}, maker_.genesis.block),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("kind 9")));
  EXPECT_THAT(
      DecodeTransfer(Bytes(MaxTransferBytes(maker_.genesis.block) + 1), maker_.genesis.block),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("bytes, want 1 to")));
}

TEST(ClientTableCopyTest, TablesGoTheirOwnWays) {
  ClientTable table(4);
  for (uint64_t client = 1; client <= 2; ++client) table.Commit(MakeCommand(client, 1).key);
  const Bytes before = table.Encode();
  const ClientTable first = table;
  table.Commit(MakeCommand(1, 2).key);
  ClientTable second = table;
  second.Commit(MakeCommand(2, 9).key);
  table.Commit(MakeCommand(3, 1).key);
  EXPECT_EQ(first.Encode(), before);
  EXPECT_EQ(table.Look(MakeCommand(2, 9).key), ClientTable::State::kFresh);
  EXPECT_EQ(second.Look(MakeCommand(3, 1).key), ClientTable::State::kFresh);
  EXPECT_EQ(second.Look(MakeCommand(1, 2).key), ClientTable::State::kSeen);
  second = first;
  second.Commit(MakeCommand(1, 5).key);
  EXPECT_EQ(first.Encode(), before);
}

}  // namespace
}  // namespace groat::hotstuff
