// Golden bytes of everything that is signed, stored or sent, and strictness of the decoders.
#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "crypto/sha256.h"
#include "hotstuff/commit_proof.h"
#include "hotstuff/safety_state.h"
#include "hotstuff/testing/fixture.h"

namespace groat::hotstuff {
namespace {

using ::groat::testing::StatusIs;
using testing::ChainMaker;
using ::testing::HasSubstr;
using testing::MakeCommand;
using testing::Replica;

class FormatsTest : public ::testing::Test {
 protected:
  FormatsTest() : maker_(4), block0_(maker_.genesis.Block0()) {
    b1_ = maker_.Extend(block0_, View(1), nullptr, {MakeCommand(7, 1), MakeCommand(7, 2, 0)});
    b3_ = maker_.Extend(b1_, View(3), maker_.GiveUp(View(2), View(1)));
  }
  std::vector<MessagePtr> AllMessages() const {
    const Vote vote = maker_.MakeVote(*b1_, 2);
    return {MakeMessage(Proposal{b3_}),
            MakeMessage(vote),
            MakeMessage(Timeout{Epoch(0), View(3), Replica(2), Bytes(8, 1), maker_.Certify(*b1_),
                                maker_.GiveUp(View(2), View(1)), vote}),
            MakeMessage(Timeout{Epoch(0), View(2), Replica(2), Bytes(8, 1), maker_.Certify(*b1_),
                                nullptr, std::nullopt}),
            MakeMessage(Advance{maker_.Certify(*b1_), maker_.GiveUp(View(2), View(1))}),
            MakeMessage(Advance{maker_.Certify(*b1_), nullptr}),
            MakeMessage(BlockRequest{Epoch(0), Height(5), b1_->id()}),
            MakeMessage(BlockResponse{Epoch(0), {b1_, b3_}, maker_.Certify(*b3_), Height(0)}),
            MakeMessage(BlockResponse{Epoch(0), {}, nullptr, Height(9)}),
            MakeMessage(CommandBatch{{MakeCommand(7, 1), MakeCommand(8, 2, 0)}})};
  }
  ChainMaker maker_;
  BlockPtr block0_;
  BlockPtr b1_;
  BlockPtr b3_;
};

// A change of any of these is a change of the protocol: replicas of both versions cannot talk.
TEST_F(FormatsTest, GoldenDigests) {
  EXPECT_EQ(maker_.chain.Hex(), "8e88106c3e1293dcd7feb234d7fdb21d20bc890fe1d62306a810d214d1f18d11");
  EXPECT_EQ(block0_->id().Hex(),
            "594192007753431cb0b9bb38698638783a7768f3337e3a61a714e7d0d465e6f4");
  EXPECT_EQ(b3_->id().Hex(), "d68f4fd3380e7a3781249eb2abd730402c7ac1c2a822707d08133bf291421512");
  EXPECT_EQ(VoteDigest(maker_.chain, Epoch(1), View(2), b1_->id()).Hex(),
            "c1a6ebc960a954aa3d9c8c5050480337ea6c767dda3a94e3041d3f6753068993");
  EXPECT_EQ(TimeoutDigest(maker_.chain, Epoch(1), View(2), View(1)).Hex(),
            "04c77fc24c7007e6e9ae035be0b9df0aab31557db6a57187f09cb98d4ea24680");
  EXPECT_EQ(ProposalDigest(b1_->id()).Hex(),
            "b747038430d6d56d2d240c36918fc3cd405791c7eb4e70f6dc6c216d3f5b1f22");
  EXPECT_EQ(HandoverDigest(maker_.chain, Epoch(1), AsBytes("change")).Hex(),
            "41b3a279ccbf10e94fc796a30a81a36e4d7d7372a62eb76c6dc9028abd9da8a3");
  EXPECT_EQ(LeaderSchedule().hash().Hex(),
            "5f8cb39e2f802379abb583bc474ad25ee771c46e9d352a50a0e5b97516c36c2a");
}

TEST_F(FormatsTest, GoldenBytes) {
  EXPECT_EQ(ToHex(EncodeCommands({MakeCommand(7, 1)})),
            "0000000000000007000000000000000100000004abababab");
  Vote vote{Epoch(1), View(2), Hash(), Replica(3), {0xaa, 0xbb}};
  vote.block[31] = 9;
  EXPECT_EQ(ToHex(vote.Encode()),
            "0000000000000001"
            "0000000000000002"
            "0000000000000000000000000000000000000000000000000000000000000009"
            "0003"
            "0002aabb");
  Proof proof{bls::SignerSet(4), {0xcc}};
  proof.signers.Insert(0);
  proof.signers.Insert(3);
  EXPECT_EQ(ToHex(QuorumCertificate::Make(Epoch(1), View(2), vote.block, proof)->Encode()),
            "0000000000000001"
            "0000000000000002"
            "0000000000000000000000000000000000000000000000000000000000000009"
            "000490"
            "00000001cc");
  EXPECT_EQ(ToHex(TimeoutCertificate::Make(Epoch(1), View(2), {View(1), View(0)}, proof)->Encode()),
            "0000000000000001"
            "0000000000000002"
            "000490"
            "0000000000000001"
            "0000000000000000"
            "00000001cc");
}

TEST_F(FormatsTest, GoldenMessages) {
  Bytes all;
  for (const MessagePtr& message : AllMessages()) {
    const Bytes bytes = EncodeMessage(*message);
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  EXPECT_EQ(Sha256(all).Hex(), "db8e5f1528011a5e30566e312ac8725039ffdf5ceaead395354876838f533628");
  SafetyState state{maker_.chain,
                    Epoch(0),
                    maker_.MakeVote(*b1_, 0),
                    View(2),
                    View(1),
                    maker_.Certify(*b1_),
                    maker_.Certify(*block0_),
                    maker_.GiveUp(View(2), View(1))};
  EXPECT_EQ(Sha256(state.Encode()).Hex(),
            "4fd09d4ea00645341afafca61d35fac7c943542316aa730d6a8538aa6681f8d4");
  EXPECT_EQ(Sha256(maker_.genesis.Encode()).Hex(),
            "f3c2292a0fce7fb494457fdc289aa975f9a75a329983e7625494bb4bf100a9df");
}

TEST_F(FormatsTest, MessagesSurviveTheirEncoding) {
  for (const MessagePtr& message : AllMessages()) {
    const Bytes bytes = EncodeMessage(*message);
    const auto again = DecodeMessage(bytes, maker_.genesis.block);
    ASSERT_TRUE(again.ok()) << NameOf(*message) << ": " << again.status();
    EXPECT_EQ((*again)->index(), message->index());
    EXPECT_EQ(EncodeMessage(**again), bytes) << NameOf(*message);
  }
}

TEST_F(FormatsTest, EveryCutAndEveryTailIsRefused) {
  for (const MessagePtr& message : AllMessages()) {
    Bytes bytes = EncodeMessage(*message);
    for (size_t size = 0; size < bytes.size(); ++size) {
      const ByteView cut = ByteView(bytes).first(size);
      const auto decoded = DecodeMessage(cut, maker_.genesis.block);
      EXPECT_FALSE(decoded.ok()) << NameOf(*message) << " of " << size << " bytes";
    }
    bytes.push_back(0);
    EXPECT_FALSE(DecodeMessage(bytes, maker_.genesis.block).ok()) << NameOf(*message);
  }
}

TEST_F(FormatsTest, DecodersNameWhatIsWrong) {
  const CommandBounds bounds = maker_.genesis.block;
  EXPECT_THAT(DecodeMessage({}, bounds),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("0 bytes")));
  EXPECT_THAT(DecodeMessage(Bytes{99}, bounds),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("kind 99, want 1 to 7")));
  EXPECT_THAT(
      DecodeCommands(Bytes(40), 11, bounds),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("11 commands, want at most 10")));
  EXPECT_THAT(
      DecodeCommands(Bytes(1001), 1, bounds),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1001 bytes, want at most 1000")));
  EXPECT_THAT(DecodeCommands(Bytes(19), 1, bounds),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("want at least 20")));
  Bytes header = b1_->header().Encode();
  header[0] = 1;
  EXPECT_THAT(BlockHeader::Decode(header),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("version 1, want 2")));
  Bytes genesis = maker_.genesis.Encode();
  genesis[0] = 3;
  EXPECT_THAT(Genesis::Decode(genesis),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("version 3, want 4 to 4")));
  Bytes block = b1_->Encode();
  block[block.size() - 21] ^= 1;  // In the first command's payload.
  EXPECT_THAT(Block::Decode(block, bounds),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("hash of its payload")));
  Bytes high_views = maker_.GiveUp(View(2), View(1))->Encode();
  high_views[19 + 7] = 2;
  EXPECT_THAT(TimeoutCertificate::Decode(high_views),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("lists the view 2")));
}

TEST_F(FormatsTest, StoredFormsSurviveTheirEncoding) {
  const SafetyState state{maker_.chain,
                          Epoch(0),
                          std::nullopt,
                          View(0),
                          View(0),
                          maker_.Certify(*block0_),
                          maker_.Certify(*block0_),
                          nullptr};
  const auto again = SafetyState::Decode(state.Encode());
  GROAT_ASSERT_OK(again);
  EXPECT_EQ(again->Encode(), state.Encode());
  const auto genesis = Genesis::Decode(maker_.genesis.Encode());
  GROAT_ASSERT_OK(genesis);
  EXPECT_EQ(*genesis, maker_.genesis);
  const BlockPtr b2 = maker_.Extend(b1_, View(2));
  const CommitProof proof{{b1_->header(), b2->header()}, maker_.Certify(*b2)};
  const auto commit = CommitProof::Decode(proof.Encode());
  GROAT_ASSERT_OK(commit);
  EXPECT_EQ(commit->Encode(), proof.Encode());
  const ConflictingBlocks blocks{{b1_->header(), b1_->signature()},
                                 {b3_->header(), b3_->signature()}};
  const auto evidence = DecodeEvidence(EncodeEvidence(blocks));
  GROAT_ASSERT_OK(evidence);
  EXPECT_EQ(*evidence, Evidence(blocks));
}

TEST_F(FormatsTest, CommitProofNeedsConsecutiveViewsOfOneChain) {
  const BlockPtr b2 = maker_.Extend(b1_, View(2));
  const TwoChain rule;
  GROAT_EXPECT_OK(VerifyCommit({{b1_->header(), b2->header()}, maker_.Certify(*b2)}, b1_->id(),
                               rule, maker_.verifier));
  EXPECT_FALSE(VerifyCommit({{b1_->header(), b3_->header()}, maker_.Certify(*b3_)}, b1_->id(), rule,
                            maker_.verifier)
                   .ok());
  EXPECT_FALSE(
      VerifyCommit({{b1_->header()}, maker_.Certify(*b1_)}, b1_->id(), rule, maker_.verifier).ok());
  EXPECT_FALSE(VerifyCommit({{b1_->header(), b2->header()}, maker_.Certify(*b1_)}, b1_->id(), rule,
                            maker_.verifier)
                   .ok());
  // Committed by a descendant: the whole way to it is shown.
  const BlockPtr b4 = maker_.Extend(b3_, View(4));
  GROAT_EXPECT_OK(VerifyCommit({{b1_->header(), b3_->header(), b4->header()}, maker_.Certify(*b4)},
                               b1_->id(), rule, maker_.verifier));
}

}  // namespace
}  // namespace groat::hotstuff
