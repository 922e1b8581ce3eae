// A chain over one handover, signed with real keys, and whatever a replica may show instead.
#include "tools/groat/client/chain_verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "base/status_matchers.h"
#include "hotstuff/digest.h"
#include "hotstuff/ed25519_scheme.h"

namespace groat::client {
namespace {

namespace v1 = consensus::v1;
using ::groat::testing::StatusIs;
using ::testing::HasSubstr;
using namespace hotstuff;  // NOLINT: every name of the test is its.

constexpr uint64_t kLastHeight = 20;  // Of epoch 0.
constexpr uint64_t kChangeHeight = 5;

struct Keys {
  explicit Keys(uint8_t salt) {
    for (uint8_t i = 0; i < 4; ++i) {
      Bytes32 seed;
      seed[0] = salt;
      seed[1] = i;
      signers.push_back(std::make_unique<Ed25519Signer>(Ed25519PrivateKey(seed)));
      validators.push_back({Ed25519PrivateKey(seed).public_key(), std::nullopt});
    }
    scheme = *MakeScheme(validators, CertificateKind::kEd25519List);
  }
  Proof Sign(const Hash& digest, size_t count = 3) const {
    std::vector<SignedShare> shares;
    for (size_t i = 0; i < count; ++i) {
      const ReplicaIndex signer(static_cast<uint16_t>(i));
      shares.push_back({signer, digest, signers[i]->SignShare(digest)});
    }
    return *scheme->Assemble(shares, count, {}).proof;
  }
  std::vector<std::unique_ptr<Signer>> signers;
  std::vector<Validator> validators;
  std::unique_ptr<CertificateScheme> scheme;
};

// Blocks 1 to 30: the change of validators is ordered in block 5, epoch 1 begins with block 21.
// Each block repeats a command of the one below.
class TestChain {
 public:
  TestChain() {
    genesis.name = "test";
    genesis.timestamp_us = 1000;
    genesis.validators = keys[0].validators;
    chain = genesis.Chain();
    ValidatorChange change{Epoch(1), Height(kLastHeight), keys[1].validators};
    const Hash digest = ChangeDigest(change, chain);
    approved = {change, keys[0].Sign(digest), digest};
    blocks.push_back(genesis.Block0());
    for (uint64_t height = 1; height <= kLastHeight; ++height) Extend(Epoch(0));
    handover = {approved, {{blocks.back()->header(), Child(Epoch(0))->header()}, nullptr}};
    handover.commit.certificate = Certify(*Child(Epoch(0)));
    for (uint64_t height = kLastHeight + 1; height <= 30; ++height) Extend(Epoch(1));
  }
  QcPtr Certify(const Block& block, size_t count = 3) const {
    const Epoch epoch = block.header().epoch;
    const Hash digest = VoteDigest(chain, epoch, block.view(), block.id());
    return QuorumCertificate::Make(epoch, block.view(), block.id(),
                                   keys[epoch.value()].Sign(digest, count));
  }
  // The block that follows the last one; it is not added.
  BlockPtr Child(Epoch epoch) const {
    const Block& parent = *blocks.back();
    const bool root = parent.header().epoch != epoch || parent.height() == Height(0);
    BlockHeader header;
    header.chain = chain;
    header.epoch = epoch;
    header.view = root ? View(1) : parent.view().Next();
    header.height = parent.height().Next();
    header.parent = parent.id();
    header.timestamp_us = parent.header().timestamp_us + 7;
    std::vector<Command> commands;
    const uint64_t height = header.height.value();
    if (epoch == Epoch(0) && height >= kChangeHeight) header.handover = approved.digest;
    if (epoch == Epoch(1) || height <= kLastHeight) {
      for (const uint64_t sequence : {height, height + 1}) {
        commands.push_back({{ClientId(7), Sequence(sequence)}, Bytes(3, 'x')});
      }
      if (height == kChangeHeight) {
        commands.push_back({ChangeKey(approved.digest), approved.Encode()});
      }
    }
    const QcPtr justify = root ? QuorumCertificate::MakeRoot(epoch, parent.id()) : Certify(parent);
    return Block::Make(header, justify, nullptr, std::move(commands), Ed25519Signature());
  }
  void Extend(Epoch epoch) { blocks.push_back(Child(epoch)); }

  // Blocks of heights `from` to `to`, with the proof for the last of them.
  v1::SubscribeResponse Response(uint64_t from, uint64_t to) const {
    v1::SubscribeResponse response;
    for (uint64_t height = from; height <= to; ++height) {
      const Block& block = *blocks[height];
      v1::Block* const proto = response.add_blocks();
      proto->set_header(ToString(block.header().Encode()));
      proto->set_commands(ToString(EncodeCommands(block.commands())));
      if (height > 1) proto->add_repeated_indexes(0);
    }
    response.set_commit_proof(ToString(ProofOf(to).Encode()));
    return response;
  }
  CommitProof ProofOf(uint64_t height, size_t signers = 3) const {
    if (height == kLastHeight) return handover.commit;
    const Block& child = *blocks[height + 1];
    return {{blocks[height]->header(), child.header()}, Certify(child, signers)};
  }

  Keys keys[2] = {Keys(1), Keys(2)};
  Genesis genesis;
  ChainId chain;
  ApprovedChange approved;
  HandoverProof handover;
  std::vector<BlockPtr> blocks;  // By height.
};

class ChainVerifierTest : public ::testing::Test {
 protected:
  ValidatorSets Sets(const HandoverProof& handover) {
    auto sets = ValidatorSets::Make(chain_.genesis,
                                    [handover](Epoch epoch) -> absl::StatusOr<HandoverProof> {
                                      if (epoch == Epoch(0)) return handover;
                                      return absl::OutOfRangeError("the epoch has not ended");
                                    });
    GROAT_CHECK_OK(sets.status());
    return *std::move(sets);
  }
  // What is said of blocks 1 to 10 if the response is changed.
  template <typename Tamper>
  absl::Status VerdictOn(Tamper tamper, uint64_t from = 1, uint64_t to = 10) {
    ValidatorSets sets = Sets(chain_.handover);
    ChainVerifier verifier(sets, Height(1));
    if (from > 1) GROAT_CHECK_OK(verifier.Take(chain_.Response(1, from - 1)));
    v1::SubscribeResponse response = chain_.Response(from, to);
    tamper(response);
    const absl::Status status = verifier.Take(response);
    if (!status.ok()) {
      EXPECT_EQ(verifier.proven().height, Height(from - 1));
    }
    return status;
  }

  TestChain chain_;
};

TEST_F(ChainVerifierTest, FollowsTheChainOverAHandover) {
  ValidatorSets sets = Sets(chain_.handover);
  ChainVerifier verifier(sets, Height(1));
  EXPECT_EQ(verifier.proven().height, Height(0));
  GROAT_ASSERT_OK(verifier.Take(chain_.Response(1, 10)));
  GROAT_ASSERT_OK(verifier.Take(chain_.Response(11, 19)));
  // Together, so that one response is of two epochs.
  GROAT_ASSERT_OK(verifier.Take(chain_.Response(20, 25)));
  const ChainVerifier::Proven& proven = verifier.proven();
  EXPECT_EQ(proven.height, Height(25));
  EXPECT_EQ(proven.block, chain_.blocks[25]->id());
  EXPECT_EQ(proven.epoch, Epoch(1));
  EXPECT_EQ(proven.commands, 25u * 2 + 1);
  EXPECT_EQ(proven.effective_commands, 26u + 1);  // Sequences 1 to 26 and the change.
  EXPECT_EQ(verifier.next(), Height(26));
}

TEST_F(ChainVerifierTest, StartsAnywhere) {
  for (const uint64_t from : {2u, 20u, 21u, 27u}) {
    SCOPED_TRACE(from);
    ValidatorSets sets = Sets(chain_.handover);
    ChainVerifier verifier(sets, Height(from));
    GROAT_EXPECT_OK(verifier.Take(chain_.Response(from, 28)));
    EXPECT_EQ(verifier.proven().height, Height(28));
  }
}

// Nothing counts as committed before its proof.
TEST_F(ChainVerifierTest, BlocksWithoutAProofAreNotProven) {
  ValidatorSets sets = Sets(chain_.handover);
  ChainVerifier verifier(sets, Height(1));
  v1::SubscribeResponse response = chain_.Response(1, 4);
  response.clear_commit_proof();
  GROAT_ASSERT_OK(verifier.Take(response));
  EXPECT_EQ(verifier.proven().height, Height(0));
  GROAT_ASSERT_OK(verifier.Take(chain_.Response(5, 6)));
  EXPECT_EQ(verifier.proven().height, Height(6));
}

TEST_F(ChainVerifierTest, NamesWhatIsWrong) {
  const auto remade = [](v1::SubscribeResponse& response, int at, auto change) {
    BlockHeader header = *BlockHeader::Decode(AsBytes(response.blocks(at).header()));
    change(header);
    response.mutable_blocks(at)->set_header(ToString(header.Encode()));
  };
  const struct {
    std::function<void(v1::SubscribeResponse&)> tamper;
    const char* message;
  } cases[] = {
      {[](auto& response) { response.mutable_blocks()->DeleteSubrange(3, 1); },
       "block 4: got height 5"},
      {[](auto& response) { response.mutable_blocks(3)->set_header("x"); }, "block 4: "},
      {[](auto& response) { response.mutable_blocks(3)->set_commands("x"); },
       "block 4: commands: their hash"},
      {[&](auto& response) { remade(response, 3, [](auto& header) { header.chain[0] ^= 1; }); },
       "block 4: of chain"},
      {[&](auto& response) { remade(response, 3, [](auto& header) { header.parent[0] ^= 1; }); },
       "block 4: its parent is"},
      // The block itself is right by its parent; the one above does not name it.
      {[&](auto& response) { remade(response, 3, [](auto& header) { ++header.timestamp_us; }); },
       "block 5: its parent is"},
      {[&](auto& response) { remade(response, 3, [](auto& header) { header.timestamp_us -= 7; }); },
       "block 4: its time is"},
      {[&](auto& response) { remade(response, 3, [](auto& header) { header.epoch = Epoch(1); }); },
       "block 4: its parent is"},
      {[&](auto& response) { remade(response, 3, [](auto& header) { header.epoch = Epoch(2); }); },
       "block 4: of epoch 2, the block below is of 0"},
      // The last one, whose hash no block but the proof names.
      {[&](auto& response) { remade(response, 9, [](auto& header) { ++header.timestamp_us; }); },
       "block 10: commit proof for"},
      {[](auto& response) { response.mutable_blocks(3)->clear_repeated_indexes(); },
       "command 0 of client 7 with sequence 4 is said to have an effect, but has none"},
      {[](auto& response) { response.mutable_blocks(3)->add_repeated_indexes(1); },
       "command 1 of client 7 with sequence 5 is said to have no effect, but has"},
      {[](auto& response) { response.mutable_blocks(4)->add_repeated_indexes(2); },
       "is said to have no effect, but has"},
      {[](auto& response) { response.mutable_blocks(3)->add_repeated_indexes(9); },
       "repeated_indexes: 9"},
      {[](auto& response) { response.set_commit_proof("x"); }, "block 10: "},
      {[&](auto& response) { response.set_commit_proof(ToString(chain_.ProofOf(9).Encode())); },
       "block 10: commit proof for"},
      {[&](auto& response) { response.set_commit_proof(ToString(chain_.ProofOf(10, 2).Encode())); },
       "2 signers, want 3"},
      {[&](auto& response) {
         CommitProof proof = chain_.ProofOf(10);
         Proof signature = proof.certificate->proof();
         signature.signature[5] ^= 1;
         proof.certificate = QuorumCertificate::Make(Epoch(0), proof.certificate->view(),
                                                     proof.certificate->block(), signature);
         response.set_commit_proof(ToString(proof.Encode()));
       },
       "block 10: "},
  };
  GROAT_EXPECT_OK(VerdictOn([](v1::SubscribeResponse&) {}));
  for (const auto& wrong : cases) {
    SCOPED_TRACE(wrong.message);
    EXPECT_THAT(VerdictOn(wrong.tamper),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(wrong.message)));
  }
}

// Whoever shows another set of validators needs the signatures of the set before.
TEST_F(ChainVerifierTest, AHandoverNeedsTheValidatorsBefore) {
  const auto verdict = [&](const HandoverProof& handover) {
    ValidatorSets sets = Sets(handover);
    ChainVerifier verifier(sets, Height(21));
    return verifier.Take(chain_.Response(21, 25));
  };
  GROAT_EXPECT_OK(verdict(chain_.handover));
  HandoverProof forged = chain_.handover;
  forged.approved.change.validators = Keys(3).validators;
  forged.approved.digest = ChangeDigest(forged.approved.change, chain_.chain);
  EXPECT_THAT(verdict(forged),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("handover after epoch 0")));
  HandoverProof by_two = chain_.handover;
  by_two.approved.approval = chain_.keys[0].Sign(by_two.approved.digest, 2);
  EXPECT_THAT(verdict(by_two),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("by 2 validators, want 3")));
}

// Blocks of an epoch that begins elsewhere, right by themselves.
TEST_F(ChainVerifierTest, AnEpochBeginsWhereTheOneBeforeEnded) {
  ValidatorSets sets = Sets(chain_.handover);
  ChainVerifier verifier(sets, Height(21));
  v1::SubscribeResponse response = chain_.Response(21, 25);
  BlockHeader header = chain_.blocks[21]->header();
  header.parent = chain_.blocks[19]->id();
  response.mutable_blocks(0)->set_header(ToString(header.Encode()));
  EXPECT_THAT(verifier.Take(response),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("epoch 1 begins after")));
  ChainVerifier below(sets, Height(20));
  response = chain_.Response(20, 20);
  header = chain_.blocks[20]->header();
  header.epoch = Epoch(1);
  response.mutable_blocks(0)->set_header(ToString(header.Encode()));
  EXPECT_THAT(below.Take(response),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("which begins above 20")));
}

}  // namespace
}  // namespace groat::client
