#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "base/status_matchers.h"
#include "bls/aggregate.h"
#include "bls/quorum_builder.h"
#include "bls/quorum_certificate.h"
#include "bls/testing/test_keys.h"

namespace groat::bls {
namespace {

using groat::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TestKey;
using testing::TestRegistration;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr std::string_view kMessage = "height 7";

KeyDirectory Directory(size_t members) {
  std::vector<PublicKey> keys;
  for (size_t i = 0; i < members; ++i) keys.push_back(TestKey(i).public_key());
  return *KeyDirectory::FromProvenKeys(std::move(keys));
}

Signature Share(size_t member, std::string_view message = kMessage) {
  return Sign(TestKey(member), AsBytes(message));
}

// ---- Signer sets ----

TEST(SignerSetTest, CountsAndLists) {
  SignerSet set(11);
  EXPECT_TRUE(set.Insert(10));
  EXPECT_TRUE(set.Insert(0));
  EXPECT_FALSE(set.Insert(0));
  EXPECT_TRUE(set.Insert(8));
  EXPECT_TRUE(set.Remove(8));
  EXPECT_FALSE(set.Remove(8));
  EXPECT_FALSE(set.Remove(99));
  EXPECT_EQ(set.count(), 2u);
  EXPECT_TRUE(set.Contains(10));
  EXPECT_FALSE(set.Contains(11));
  EXPECT_THAT(set.ToList(), ElementsAre(0, 10));
  EXPECT_EQ(ToHex(set.Encode()), "8020");
}

TEST(SignerSetTest, DecodesOneEncodingOnly) {
  for (const size_t members : {1u, 7u, 8u, 9u, 16u, 65536u}) {
    SignerSet set(members);
    for (size_t i = 0; i < members; i += 3) set.Insert(i);
    GROAT_ASSERT_OK_AND_ASSIGN(const SignerSet again, SignerSet::Decode(set.Encode(), members));
    EXPECT_EQ(again, set) << members;
  }
  const struct {
    const char* hex;
    size_t members;
    const char* message;
  } cases[] = {
      {"", 1, "0 bytes, want 1"},        {"8000", 8, "2 bytes, want 1"},
      {"80", 9, "1 bytes, want 2"},      {"40", 1, "behind the last of 1"},
      {"ff", 7, "behind the last of 7"}, {"0040", 9, "behind the last of 9"},
      {"00", 65537, "65537 members"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(SignerSet::Decode(*FromHex(c.hex), c.members),
                StatusIs(kInvalid, HasSubstr(c.message)))
        << c.hex;
  }
  GROAT_EXPECT_OK(SignerSet::Decode(Bytes(), 0));
}

TEST(SignerSetDeathTest, StopsAtUnknownMembers) {
  SignerSet set(3);
  EXPECT_DEATH(set.Insert(3), "member");
  EXPECT_DEATH(SignerSet(65537), "65537");
}

// ---- Directories ----

TEST(KeyDirectoryTest, AsksForProofs) {
  std::vector<Registration> members = {TestRegistration(0), TestRegistration(1)};
  GROAT_ASSERT_OK_AND_ASSIGN(const KeyDirectory directory, KeyDirectory::Create(members));
  EXPECT_EQ(directory.size(), 2u);
  EXPECT_EQ(directory.key(1), members[1].key);
  members[1].proof = members[0].proof;
  EXPECT_THAT(KeyDirectory::Create(members), StatusIs(kInvalid, HasSubstr("member 1")));
  members[1] = members[0];
  EXPECT_THAT(KeyDirectory::Create(members), StatusIs(kInvalid, HasSubstr("two members")));
  EXPECT_THAT(KeyDirectory::Create({}), StatusIs(kInvalid, HasSubstr("0 members")));
}

// Large directories add up in bulk, with the same result.
TEST(KeyDirectoryTest, SumsSetsOfLargeDirectories) {
  const KeyDirectory directory = Directory(300);
  for (const size_t step : {1u, 2u, 3u, 7u, 299u}) {
    SignerSet set(300);
    std::vector<PublicKey> keys;
    for (size_t i = 0; i < 300; i += step) {
      set.Insert(i);
      keys.push_back(directory.key(i));
    }
    EXPECT_EQ(directory.Sum(set).Encode(), PublicKeySum(keys).Encode()) << step;
  }
  EXPECT_EQ(directory.Sum(SignerSet(300)).Encode(), PublicKeySum().Encode());
}

TEST(KeyDirectoryTest, SumsAnySet) {
  const KeyDirectory directory = Directory(9);
  for (uint32_t bits = 0; bits < 512; bits += 7) {
    SignerSet set(9);
    std::vector<PublicKey> keys;
    for (size_t i = 0; i < 9; ++i) {
      if ((bits >> i & 1) == 0) continue;
      set.Insert(i);
      keys.push_back(directory.key(i));
    }
    EXPECT_EQ(directory.Sum(set).Encode(), PublicKeySum(keys).Encode()) << bits;
  }
}

// ---- Certificates ----

QuorumCertificate Certificate(size_t members, const std::vector<size_t>& signers) {
  SignerSet set(members);
  std::vector<Signature> shares;
  for (const size_t signer : signers) {
    set.Insert(signer);
    shares.push_back(Share(signer));
  }
  return {set, *Aggregate(shares)};
}

TEST(QuorumCertificateTest, VerifiesFromTheThresholdUp) {
  const KeyDirectory directory = Directory(5);
  const QuorumCertificate certificate = Certificate(5, {0, 2, 4});
  GROAT_EXPECT_OK(VerifyQuorum(certificate, directory, 3, AsBytes(kMessage)));
  GROAT_EXPECT_OK(VerifyQuorum(certificate, directory, 1, AsBytes(kMessage)));
  EXPECT_THAT(VerifyQuorum(certificate, directory, 4, AsBytes(kMessage)),
              StatusIs(kInvalid, HasSubstr("3 members signed, want 4")));
  EXPECT_THAT(VerifyQuorum(certificate, directory, 0, AsBytes(kMessage)),
              StatusIs(kInvalid, HasSubstr("threshold 0")));
  EXPECT_THAT(VerifyQuorum(certificate, directory, 3, AsBytes("other")),
              StatusIs(kInvalid, HasSubstr("wrong")));
  EXPECT_THAT(VerifyQuorum(certificate, Directory(6), 3, AsBytes(kMessage)),
              StatusIs(kInvalid, HasSubstr("over 5 members, want 6")));
  // Whoever did not sign is not let in.
  QuorumCertificate padded = certificate;
  padded.signers.Insert(1);
  EXPECT_THAT(VerifyQuorum(padded, directory, 3, AsBytes(kMessage)),
              StatusIs(kInvalid, HasSubstr("wrong")));
}

TEST(QuorumCertificateTest, DecodesOneEncodingOnly) {
  const QuorumCertificate certificate = Certificate(5, {0, 2, 4});
  const Bytes bytes = certificate.Encode();
  EXPECT_EQ(bytes.size(), 97u);
  EXPECT_EQ(bytes[0], 0xa8);
  GROAT_ASSERT_OK_AND_ASSIGN(const QuorumCertificate again, QuorumCertificate::Decode(bytes, 5));
  EXPECT_EQ(again, certificate);
  EXPECT_THAT(QuorumCertificate::Decode(bytes, 9), StatusIs(kInvalid, HasSubstr("97 bytes")));
  EXPECT_THAT(QuorumCertificate::Decode(bytes, size_t{1} << 40), StatusIs(kInvalid, HasSubstr("")));
  EXPECT_THAT(QuorumCertificate::Decode(ByteView(bytes).first(96), 5),
              StatusIs(kInvalid, HasSubstr("96 bytes, want 97")));
  Bytes stray = bytes;
  stray[0] |= 4;
  EXPECT_THAT(QuorumCertificate::Decode(stray, 5), StatusIs(kInvalid, HasSubstr("bitmap")));
  Bytes bad_point = bytes;
  bad_point[1] ^= 0x80;
  EXPECT_THAT(QuorumCertificate::Decode(bad_point, 5), StatusIs(kInvalid, HasSubstr("")));
}

// ---- The builder ----

TEST(QuorumBuilderTest, BuildsAtTheThreshold) {
  const KeyDirectory directory = Directory(5);
  QuorumBuilder builder(directory, 3, AsBytes(kMessage));
  using Result = QuorumBuilder::AddResult;
  EXPECT_EQ(builder.Add(4, Share(4)), Result::kAdded);
  EXPECT_EQ(builder.Add(4, Share(4)), Result::kRepeated);
  EXPECT_EQ(builder.Add(5, Share(5)), Result::kUnknown);
  EXPECT_EQ(builder.Add(0, Share(0)), Result::kAdded);
  EXPECT_FALSE(builder.TryBuild().certificate.has_value());
  EXPECT_EQ(builder.Add(1, Share(1)), Result::kAdded);
  const QuorumBuilder::Progress progress = builder.TryBuild();
  ASSERT_TRUE(progress.certificate.has_value());
  EXPECT_THAT(progress.wrong, IsEmpty());
  EXPECT_EQ(*progress.certificate, Certificate(5, {0, 1, 4}));
  GROAT_EXPECT_OK(VerifyQuorum(*progress.certificate, directory, 3, AsBytes(kMessage)));
}

TEST(QuorumBuilderTest, FindsAndDropsWrongShares) {
  constexpr size_t kMembers = 9;
  const KeyDirectory directory = Directory(kMembers);
  for (const std::vector<size_t>& wrong :
       {std::vector<size_t>{0}, {8}, {3, 4}, {0, 1, 2, 3}, {0, 2, 4, 6, 8}}) {
    QuorumBuilder builder(directory, 4, AsBytes(kMessage));
    for (size_t i = 0; i < kMembers; ++i) {
      const bool is_wrong = std::find(wrong.begin(), wrong.end(), i) != wrong.end();
      builder.Add(i, is_wrong ? Share(i, "height 8") : Share(i));
    }
    const QuorumBuilder::Progress progress = builder.TryBuild();
    EXPECT_EQ(progress.wrong, wrong);
    ASSERT_TRUE(progress.certificate.has_value());
    EXPECT_EQ(progress.certificate->signers.count(), kMembers - wrong.size());
    GROAT_EXPECT_OK(VerifyQuorum(*progress.certificate, directory, 4, AsBytes(kMessage)));
  }
}

// Cost: however many shares are wrong, a call ends. Half of 600 shares are wrong, which a bisection
// finds in about 1,200 checks.
TEST(QuorumBuilderTest, BoundsItsChecks) {
  constexpr size_t kMembers = 600;
  const KeyDirectory directory = Directory(kMembers);
  QuorumBuilder builder(directory, 1, AsBytes(kMessage));
  for (size_t i = 0; i < kMembers; ++i) builder.Add(i, Share(i, i % 2 == 0 ? kMessage : "other"));
  const QuorumBuilder::Progress progress = builder.TryBuild();
  EXPECT_FALSE(progress.suspects.empty());
  EXPECT_EQ(builder.count() + progress.wrong.size() + progress.suspects.size(), kMembers);
  for (const size_t member : progress.wrong) EXPECT_EQ(member % 2, 1u);
  if (progress.certificate.has_value()) {
    GROAT_EXPECT_OK(VerifyQuorum(*progress.certificate, directory, 1, AsBytes(kMessage)));
  }
}

TEST(QuorumBuilderTest, TooFewRightSharesMakeNoCertificate) {
  const KeyDirectory directory = Directory(4);
  QuorumBuilder builder(directory, 3, AsBytes(kMessage));
  for (size_t i = 0; i < 4; ++i) builder.Add(i, Share(i, i < 2 ? kMessage : "other"));
  QuorumBuilder::Progress progress = builder.TryBuild();
  EXPECT_FALSE(progress.certificate.has_value());
  EXPECT_THAT(progress.wrong, ElementsAre(2, 3));
  // The right share may come later.
  EXPECT_EQ(builder.Add(3, Share(3)), QuorumBuilder::AddResult::kAdded);
  progress = builder.TryBuild();
  ASSERT_TRUE(progress.certificate.has_value());
  EXPECT_THAT(progress.certificate->signers.ToList(), ElementsAre(0, 1, 3));
}

// Two members that collude make shares whose errors cancel: the certificate is right all the same.
TEST(QuorumBuilderTest, ErrorsThatCancelDoNoHarm) {
  const KeyDirectory directory = Directory(4);
  QuorumBuilder builder(directory, 3, AsBytes(kMessage));
  const G2 error = G2::Generator();
  const auto moved = [](size_t member, const G2& by) {
    return Signature::FromCheckedPoint((by + Share(member).point()).ToAffine());
  };
  builder.Add(0, moved(0, error));
  builder.Add(1, moved(1, -error));
  builder.Add(2, Share(2));
  const QuorumBuilder::Progress progress = builder.TryBuild();
  ASSERT_TRUE(progress.certificate.has_value());
  GROAT_EXPECT_OK(VerifyQuorum(*progress.certificate, directory, 3, AsBytes(kMessage)));
}

TEST(QuorumBuilderDeathTest, NeedsAThresholdThatCanBeMet) {
  const KeyDirectory directory = Directory(2);
  EXPECT_DEATH(QuorumBuilder(directory, 0, {}), "threshold 0");
  EXPECT_DEATH(QuorumBuilder(directory, 3, {}), "threshold 3");
}

}  // namespace
}  // namespace groat::bls
