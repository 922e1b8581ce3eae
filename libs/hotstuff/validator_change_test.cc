// Which commands may order a change of validators, and in which order they are checked.
#include "hotstuff/validator_change.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "bls/secret_key.h"
#include "hotstuff/testing/fixture.h"

namespace groat::hotstuff {
namespace {

using ::groat::testing::StatusIs;
using ::testing::_;
using ::testing::HasSubstr;
using testing::MockSigner;
using testing::MockValidators;
using testing::Replica;
using testing::SmallGenesis;

constexpr size_t kN = 4;
constexpr uint64_t kHeight = 100;

class ValidatorChangeTest : public ::testing::Test {
 protected:
  ValidatorChange Change(uint64_t last_height = kHeight + 50) const {
    return {Epoch(3), Height(last_height), MockValidators(5, 9)};
  }
  // Approved by so many validators.
  Bytes Approved(const ValidatorChange& change, size_t approvals) const {
    const Hash digest = ChangeDigest(change, verifier_.chain);
    std::vector<SignedShare> shares;
    for (size_t i = 0; i < approvals; ++i) {
      shares.push_back({Replica(i), digest, MockSigner(Replica(i)).SignShare(digest)});
    }
    return ApprovedChange{change, *scheme_.Assemble(shares, approvals, {}).proof, digest}.Encode();
  }
  Command CommandFor(const ValidatorChange& change, size_t approvals = 3) const {
    return {ChangeKey(ChangeDigest(change, verifier_.chain)), Approved(change, approvals)};
  }
  absl::Status Refusal(const Command& command) const {
    return ChangeOf(command, Height(kHeight), genesis_, verifier_).status();
  }

  Genesis genesis_ = SmallGenesis(kN);
  testing::MockScheme scheme_{kN};
  Verifier verifier_{genesis_.Chain(), Epoch(2), kN, &scheme_};
};

TEST_F(ValidatorChangeTest, ItsHeightIsNeitherTooNearNorTooFar) {
  const auto refusal = [&](uint64_t last_height) {
    return Refusal(CommandFor(Change(last_height)));
  };
  const auto early = StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("want 108 to"));
  EXPECT_THAT(refusal(kHeight - 1), early);
  EXPECT_THAT(refusal(kHeight + kChangeNoticeBlocks - 1), early);
  GROAT_EXPECT_OK(refusal(kHeight + kChangeNoticeBlocks));
  GROAT_EXPECT_OK(refusal(kHeight + kChangeLeadBlocks));
  EXPECT_THAT(refusal(kHeight + kChangeLeadBlocks + 1),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("10101")));
  EXPECT_FALSE(refusal(UINT64_MAX).ok());
}

// Anybody may use the client's id; none of them can take a change's name, nor does the change have
// effect under another one.
TEST_F(ValidatorChangeTest, ItsNameIsThatOfItsContent) {
  const Command right = CommandFor(Change(kHeight + 50));
  const Command other = CommandFor(Change(kHeight + 51));
  EXPECT_NE(right.key, other.key);
  EXPECT_EQ(right.key.client, kChangeClient);

  Command renamed = right;
  renamed.key = other.key;
  EXPECT_THAT(Refusal(renamed), StatusIs(absl::StatusCode::kInvalidArgument,
                                         HasSubstr(std::to_string(right.key.sequence.value()))));
  Command foreign = right;
  foreign.key.client = ClientId(7);
  EXPECT_THAT(Refusal(foreign),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("client 7")));
  const Command garbage{right.key, Bytes(100, 0xab)};
  EXPECT_THAT(Refusal(garbage),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cut short")));
  // The first right one counts, whatever stands before it.
  const ApprovedChangePtr found =
      FindChange({garbage, foreign, renamed, other, right}, Height(kHeight), genesis_, verifier_);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(ChangeKey(found->digest), other.key);
}

// The same change approved by other validators is the same command.
TEST_F(ValidatorChangeTest, ItsNameDoesNotDependOnWhoApproves) {
  const ValidatorChange change = Change();
  const Hash digest = ChangeDigest(change, verifier_.chain);
  std::vector<SignedShare> shares;
  for (const size_t i : {0, 1, 2, 3}) {
    shares.push_back({Replica(i), digest, MockSigner(Replica(i)).SignShare(digest)});
  }
  const auto all = MakeChangeCommand(change, shares, verifier_);
  GROAT_ASSERT_OK(all);
  shares.erase(shares.begin());
  const auto some = MakeChangeCommand(change, shares, verifier_);
  GROAT_ASSERT_OK(some);
  EXPECT_EQ(all->key, some->key);
  EXPECT_NE(all->payload, some->payload);
  GROAT_EXPECT_OK(Refusal(*all));
  GROAT_EXPECT_OK(Refusal(*some));
}

// What anybody can make up must not cost pairings: the validators' proofs of possession, and even
// their decoding, come after the approvals.
TEST_F(ValidatorChangeTest, ApprovalsAreCheckedBeforeTheNewKeys) {
  genesis_.certificates = CertificateKind::kBls;
  ValidatorChange change = Change();
  for (size_t i = 0; i < change.validators.size(); ++i) {
    Bytes32 seed;
    seed[31] = static_cast<uint8_t>(i + 1);
    const auto secret = bls::SecretKey::KeyGen(seed);
    GROAT_ASSERT_OK(secret);
    change.validators[i].bls = bls::Registration{secret->public_key(), bls::PopProve(*secret)};
  }
  GROAT_EXPECT_OK(Refusal(CommandFor(change)));
  change.validators[1].bls->proof = change.validators[0].bls->proof;
  EXPECT_THAT(Refusal(CommandFor(change, 2)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("by 2 validators, want 3")));
  EXPECT_THAT(Refusal(CommandFor(change)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("possession")));

  // 2 validators, neither of which is there.
  const Bytes cut =
      ByteWriter().U64(change.next.value()).U64(change.last_height.value()).U16(2).Take();
  const Hash digest = HandoverDigest(verifier_.chain, Epoch(2), cut);
  const auto command = [&](size_t approvals) {
    std::vector<SignedShare> shares;
    for (size_t i = 0; i < approvals; ++i) {
      shares.push_back({Replica(i), digest, MockSigner(Replica(i)).SignShare(digest)});
    }
    const Proof proof = *scheme_.Assemble(shares, approvals, {}).proof;
    return Command{ChangeKey(digest), ByteWriter()
                                          .U32(static_cast<uint32_t>(cut.size()))
                                          .Raw(cut)
                                          .U16(kN)
                                          .Raw(proof.signers.Encode())
                                          .Raw(proof.signature)
                                          .Take()};
  };
  EXPECT_THAT(Refusal(command(2)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("by 2 validators, want 3")));
  EXPECT_THAT(Refusal(command(3)), StatusIs(absl::StatusCode::kInvalidArgument, _));
}

TEST_F(ValidatorChangeTest, TheNewValidatorsMustBeAbleToMakeProgress) {
  genesis_.rules = RuleSet::kThreeChain;  // With votes to the next leader, of 4 none may fail.
  ValidatorChange change = Change();
  change.validators = MockValidators(4, 9);
  EXPECT_THAT(Refusal(CommandFor(change)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("live leaders")));
  change.validators = MockValidators(5, 9);
  GROAT_EXPECT_OK(Refusal(CommandFor(change)));
  change.validators.push_back(change.validators[0]);
  EXPECT_THAT(Refusal(CommandFor(change)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("two validators")));
}

}  // namespace
}  // namespace groat::hotstuff
