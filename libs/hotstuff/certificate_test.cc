// Certificates with real signatures, in both forms, and the keys they stand on.
#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "bls/curve/curves.h"
#include "hotstuff/bls_scheme.h"
#include "hotstuff/digest.h"
#include "hotstuff/ed25519_scheme.h"
#include "hotstuff/testing/fixture.h"
#include "hotstuff/three_chain.h"
#include "hotstuff/validator_change.h"

namespace groat::hotstuff {
namespace {

using ::groat::testing::StatusIs;
using ::testing::HasSubstr;
using testing::Replica;

constexpr size_t kN = 4;

Bytes32 SeedOf(size_t i) {
  Bytes32 seed;
  seed[31] = static_cast<uint8_t>(i + 1);
  return seed;
}

struct Keys {
  std::vector<Validator> validators;
  std::vector<std::unique_ptr<Signer>> signers;
};

Keys MakeKeys(CertificateKind kind, size_t n = kN) {
  Keys keys;
  for (size_t i = 0; i < n; ++i) {
    Ed25519PrivateKey key(SeedOf(i));
    Validator validator;
    validator.key = key.public_key();
    if (kind == CertificateKind::kBls) {
      absl::StatusOr<bls::SecretKey> secret = bls::SecretKey::KeyGen(SeedOf(i));
      GROAT_CHECK_OK(secret.status());
      validator.bls = bls::Registration{secret->public_key(), bls::PopProve(*secret)};
      keys.signers.push_back(std::make_unique<BlsSigner>(std::move(key), *std::move(secret)));
    } else {
      keys.signers.push_back(std::make_unique<Ed25519Signer>(std::move(key)));
    }
    keys.validators.push_back(validator);
  }
  return keys;
}

class CertificateTest : public ::testing::TestWithParam<CertificateKind> {
 protected:
  CertificateTest() : keys_(MakeKeys(GetParam())) {
    auto scheme = MakeScheme(keys_.validators, GetParam());
    GROAT_CHECK_OK(scheme.status());
    scheme_ = *std::move(scheme);
    verifier_ = {HeaderDigest(AsBytes("chain")), Epoch(2), kN, scheme_.get()};
  }
  SignedShare Share(size_t signer, const Hash& digest) const {
    return {Replica(signer), digest, keys_.signers[signer]->SignShare(digest)};
  }
  AssembleJob Votes(std::vector<size_t> signers) const {
    AssembleJob job;
    job.view = View(7);
    job.block = HeaderDigest(AsBytes("block"));
    for (const size_t signer : signers) {
      job.shares.push_back(
          Share(signer, VoteDigest(verifier_.chain, Epoch(2), job.view, job.block)));
    }
    return job;
  }
  AssembleJob Timeouts(std::vector<uint64_t> high_views) const {
    AssembleJob job;
    job.view = View(7);
    job.timeouts = true;
    for (size_t i = 0; i < high_views.size(); ++i) {
      const View high(high_views[i]);
      job.high_qc_views.push_back(high);
      job.shares.push_back(Share(i, TimeoutDigest(verifier_.chain, Epoch(2), job.view, high)));
    }
    return job;
  }
  Keys keys_;
  std::unique_ptr<CertificateScheme> scheme_;
  Verifier verifier_;
};

TEST_P(CertificateTest, VotesMakeACertificateThatSurvivesItsEncoding) {
  const JobResult result = RunJob(Votes({0, 2, 3}), verifier_);
  ASSERT_NE(result.qc, nullptr);
  GROAT_EXPECT_OK(VerifyQc(*result.qc, verifier_));
  const auto again = QuorumCertificate::Decode(result.qc->Encode());
  GROAT_ASSERT_OK(again);
  EXPECT_EQ((*again)->hash(), result.qc->hash());
  GROAT_EXPECT_OK(VerifyQc(**again, verifier_));
}

// What this replica signed itself vouches for exactly that, and for nobody else's share.
TEST_P(CertificateTest, KnownSharesVouchForThemselvesAlone) {
  AssembleJob job = Votes({0, 1, 2});
  const JobResult right = RunJob(job, verifier_);
  ASSERT_NE(right.qc, nullptr);
  const std::vector<SignedShare> known = {job.shares[0]};
  GROAT_EXPECT_OK(VerifyQc(*right.qc, verifier_, known));
  for (const size_t forged : {size_t{0}, size_t{1}}) {
    AssembleJob wrong = job;
    wrong.shares[forged].share = keys_.signers[forged]->SignShare(HeaderDigest(AsBytes("other")));
    wrong.known = known;
    const JobResult result = RunJob(wrong, verifier_);
    EXPECT_EQ(result.qc, nullptr);
    EXPECT_EQ(result.wrong, std::vector<ReplicaIndex>{Replica(forged)});
  }
  Proof proof = right.qc->proof();
  proof.signature[0] ^= 1;
  EXPECT_FALSE(VerifyQc(*QuorumCertificate::Make(Epoch(2), View(7), right.qc->block(), proof),
                        verifier_, known)
                   .ok());
}

TEST_P(CertificateTest, AWrongShareIsFoundAndTheRestSuffice) {
  AssembleJob job = Votes({0, 1, 2, 3});
  job.shares[1].share = keys_.signers[1]->SignShare(HeaderDigest(AsBytes("other")));
  const JobResult result = RunJob(job, verifier_);
  EXPECT_EQ(result.wrong, std::vector<ReplicaIndex>{Replica(1)});
  ASSERT_NE(result.qc, nullptr);
  GROAT_EXPECT_OK(VerifyQc(*result.qc, verifier_));
  job.shares.pop_back();
  EXPECT_EQ(RunJob(job, verifier_).qc, nullptr);
}

TEST_P(CertificateTest, TimeoutsOfDifferentViewsMakeACertificate) {
  const JobResult result = RunJob(Timeouts({3, 5, 3}), verifier_);
  ASSERT_NE(result.tc, nullptr);
  EXPECT_EQ(result.tc->highest_qc_view(), View(5));
  GROAT_EXPECT_OK(VerifyTc(*result.tc, verifier_));
  const auto again = TimeoutCertificate::Decode(result.tc->Encode());
  GROAT_ASSERT_OK(again);
  GROAT_EXPECT_OK(VerifyTc(**again, verifier_));
  // The same signatures over other views.
  const TcPtr forged =
      TimeoutCertificate::Make(Epoch(2), View(7), {View(3), View(4), View(3)}, result.tc->proof());
  EXPECT_FALSE(VerifyTc(*forged, verifier_).ok());
}

TEST_P(CertificateTest, AWrongTimeoutShareIsFound) {
  AssembleJob job = Timeouts({3, 5, 3, 4});
  job.shares[2].share = keys_.signers[2]->SignShare(HeaderDigest(AsBytes("other")));
  const JobResult result = RunJob(job, verifier_);
  EXPECT_EQ(result.wrong, std::vector<ReplicaIndex>{Replica(2)});
  ASSERT_NE(result.tc, nullptr);
  GROAT_EXPECT_OK(VerifyTc(*result.tc, verifier_));
}

TEST_P(CertificateTest, RefusesWhatIsNotAQuorumOfThisEpoch) {
  const QcPtr qc = RunJob(Votes({0, 1, 2}), verifier_).qc;
  ASSERT_NE(qc, nullptr);
  Proof proof = qc->proof();
  proof.signers.Remove(2);
  EXPECT_THAT(VerifyQc(*QuorumCertificate::Make(Epoch(2), View(7), qc->block(), proof), verifier_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("2 signers, want 3")));
  EXPECT_THAT(
      VerifyQc(*QuorumCertificate::Make(Epoch(3), View(7), qc->block(), qc->proof()), verifier_),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("epoch 3, want 2")));
  EXPECT_FALSE(
      VerifyQc(*QuorumCertificate::Make(Epoch(2), View(8), qc->block(), qc->proof()), verifier_)
          .ok());
  proof = qc->proof();
  proof.signers.Insert(3);
  EXPECT_FALSE(
      VerifyQc(*QuorumCertificate::Make(Epoch(2), View(7), qc->block(), proof), verifier_).ok());
  // Nor does a timeout certificate pass for a vote, whatever is claimed of it.
  const TcPtr tc = RunJob(Timeouts({3, 3, 3}), verifier_).tc;
  ASSERT_NE(tc, nullptr);
  EXPECT_FALSE(
      VerifyQc(*QuorumCertificate::Make(Epoch(2), View(7), qc->block(), tc->proof()), verifier_)
          .ok());
}

TEST_P(CertificateTest, EvidenceNeedsTwoRightSignatures) {
  const auto vote = [&](std::string_view block) {
    Vote out{Epoch(2), View(4), HeaderDigest(AsBytes(block)), Replica(1), {}};
    out.share =
        keys_.signers[1]->SignShare(VoteDigest(verifier_.chain, Epoch(2), View(4), out.block));
    return out;
  };
  ConflictingVotes votes{vote("a"), vote("b")};
  GROAT_EXPECT_OK(VerifyEvidence(votes, verifier_));
  const auto again = DecodeEvidence(EncodeEvidence(votes));
  GROAT_ASSERT_OK(again);
  GROAT_EXPECT_OK(VerifyEvidence(*again, verifier_));
  EXPECT_FALSE(VerifyEvidence(ConflictingVotes{votes.first, votes.first}, verifier_).ok());
  votes.second.share = votes.first.share;
  EXPECT_FALSE(VerifyEvidence(votes, verifier_).ok());
}

TEST_P(CertificateTest, AValidatorChangeNeedsAQuorumOfApprovals) {
  Genesis genesis;
  genesis.certificates = GetParam();
  ValidatorChange change{Epoch(3), Height(100), MakeKeys(GetParam(), 5).validators};
  const Hash digest = ChangeDigest(change, verifier_.chain);
  std::vector<SignedShare> shares = {Share(0, digest), Share(1, digest)};
  EXPECT_THAT(MakeChangeCommand(change, shares, verifier_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("want 3 right ones")));
  shares.push_back(Share(3, digest));
  const auto command = MakeChangeCommand(change, shares, verifier_);
  GROAT_ASSERT_OK(command);
  EXPECT_NE(FindChange({*command}, Height(92), genesis, verifier_), nullptr);
  EXPECT_EQ(FindChange({*command}, Height(93), genesis, verifier_), nullptr);  // Too late.
  auto approved = ApprovedChange::Decode(command->payload, verifier_.chain);
  GROAT_ASSERT_OK(approved);
  GROAT_EXPECT_OK(VerifyChange(*approved, genesis, verifier_));
  approved->change.validators.pop_back();
  approved->digest = ChangeDigest(approved->change, verifier_.chain);
  EXPECT_FALSE(VerifyChange(*approved, genesis, verifier_).ok());
}

INSTANTIATE_TEST_SUITE_P(Kinds, CertificateTest,
                         ::testing::Values(CertificateKind::kEd25519List, CertificateKind::kBls),
                         [](const auto& item) {
                           return item.param == CertificateKind::kBls ? "Bls" : "Ed25519";
                         });

// The key of an attacker who subtracts the others' keys from its own: with it, its signature alone
// passes for everyone's. It has no proof of possession.
TEST(GenesisTest, RefusesAKeyWithoutProofOfPossession) {
  Keys keys = MakeKeys(CertificateKind::kBls);
  Genesis genesis;
  genesis.name = "test";
  genesis.certificates = CertificateKind::kBls;
  genesis.validators = keys.validators;
  GROAT_EXPECT_OK(genesis.Validate());

  const auto attacker = bls::SecretKey::KeyGen(SeedOf(99));
  GROAT_ASSERT_OK(attacker);
  bls::PublicKeySum rogue;
  rogue.Add(attacker->public_key());
  rogue.Subtract(keys.validators[0].bls->key);
  rogue.Subtract(keys.validators[1].bls->key);
  const auto rogue_key = rogue.ToPublicKey();
  GROAT_ASSERT_OK(rogue_key);
  Genesis attacked = genesis;
  attacked.validators[2].bls = bls::Registration{*rogue_key, bls::PopProve(*attacker)};
  EXPECT_THAT(attacked.Validate(), StatusIs(absl::StatusCode::kInvalidArgument,
                                            HasSubstr("member 2 has not proven possession")));

  // Without the proof the attack works: one signature stands for three.
  std::vector<bls::PublicKey> unproven = {keys.validators[0].bls->key, keys.validators[1].bls->key,
                                          *rogue_key, keys.validators[3].bls->key};
  auto directory = bls::KeyDirectory::FromProvenKeys(unproven);
  GROAT_ASSERT_OK(directory);
  const BlsScheme fooled(std::vector<Ed25519PublicKey>(4), *std::move(directory));
  const Hash digest = HeaderDigest(AsBytes("stolen"));
  Proof proof{bls::SignerSet(4), {}};
  for (size_t i = 0; i < 3; ++i) proof.signers.Insert(i);
  const auto signature = bls::Sign(*attacker, digest).Encode();
  proof.signature.assign(signature.begin(), signature.end());
  GROAT_EXPECT_OK(fooled.Verify(proof, {&digest, 1}, {}));

  genesis.validators[3].bls.reset();
  EXPECT_THAT(genesis.Validate(), StatusIs(absl::StatusCode::kInvalidArgument,
                                           HasSubstr("validator 3 has no BLS key")));
}

TEST(GenesisTest, RefusesWhatCannotMakeProgress) {
  GROAT_EXPECT_OK(CheckCanProgress(4, RuleSet::kTwoChain, VoteSpread::kNextLeader));
  GROAT_EXPECT_OK(CheckCanProgress(4, RuleSet::kThreeChain, VoteSpread::kAll));
  EXPECT_THAT(CheckCanProgress(4, RuleSet::kThreeChain, VoteSpread::kNextLeader),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1 of 4")));
  GROAT_EXPECT_OK(CheckCanProgress(5, RuleSet::kThreeChain, VoteSpread::kNextLeader));
  GROAT_EXPECT_OK(CheckCanProgress(3, RuleSet::kThreeChain, VoteSpread::kNextLeader));
  EXPECT_FALSE(CheckCanProgress(100, RuleSet::kThreeChain, VoteSpread::kNextLeader).ok());
}

TEST(GenesisTest, NamesTheValueOutOfRange) {
  struct Case {
    const char* want;
    void (*change)(Genesis&);
  };
  const Case cases[] = {
      {"chain's name 0, want 1 to 64", [](Genesis& g) { g.name.clear(); }},
      {"rule set 3", [](Genesis& g) { g.rules = static_cast<RuleSet>(3); }},
      {"certificate kind 0", [](Genesis& g) { g.certificates = static_cast<CertificateKind>(0); }},
      {"vote spread 9", [](Genesis& g) { g.votes = static_cast<VoteSpread>(9); }},
      {"commands of a block 0", [](Genesis& g) { g.block.max_count = 0; }},
      {"bytes of a block 19", [](Genesis& g) { g.block.max_bytes = 19; }},
      {"base timeout in ms 20000", [](Genesis& g) { g.base_timeout_ms = 20000; }},
      {"clock drift in ms 0", [](Genesis& g) { g.max_clock_drift_ms = 0; }},
      {"clients 0", [](Genesis& g) { g.max_clients = 0; }},
      {"validators 0", [](Genesis& g) { g.validators.clear(); }},
      {"two validators have the key", [](Genesis& g) { g.validators[1] = g.validators[0]; }},
  };
  for (const Case& item : cases) {
    Genesis genesis = testing::SmallGenesis(4);
    item.change(genesis);
    EXPECT_THAT(genesis.Validate(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(item.want)));
  }
}

}  // namespace
}  // namespace groat::hotstuff
