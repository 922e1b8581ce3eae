#include "bls/signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <type_traits>
#include <vector>

#include "base/status_matchers.h"
#include "bls/aggregate.h"
#include "bls/batch_verify.h"
#include "bls/blind_signature.h"
#include "bls/curve/encoding.h"
#include "bls/hashed_message.h"
#include "bls/proof_of_possession.h"
#include "bls/testing/test_keys.h"

namespace groat::bls {
namespace {

using groat::testing::StatusIs;
using ::testing::HasSubstr;
using testing::TestKey;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

Bytes Scalar(const std::string& hex) { return *FromHex(hex); }

constexpr char kOrder[] = "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";
constexpr char kOrderMinusOne[] =
    "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000000";

Signature InfinitySignature() { return Signature::FromCheckedPoint(G2Affine::Infinity()); }

// ---- Secret keys ----

static_assert(!std::is_copy_constructible_v<SecretKey> && !std::is_copy_assignable_v<SecretKey>);
static_assert(!std::is_copy_constructible_v<BlindingFactor>);

// EIP-2333, test case 0: the master key is KeyGen of the seed.
TEST(SecretKeyTest, KeyGenMatchesEip2333) {
  const Bytes seed = *FromHex(
      "c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e53495531f09a6987599d18264c1e1c92f2c"
      "f1"
      "41630c7a3c4ab7c81b2f001698e7463b04");
  GROAT_ASSERT_OK_AND_ASSIGN(const SecretKey key, SecretKey::KeyGen(seed));
  Bytes32 scalar;
  key.EncodeTo(std::span<uint8_t, 32>(scalar.data(), 32));
  EXPECT_EQ(scalar.Hex(), "0d7359d57963ab8fbbde1852dcf553fedbc31f464d80ee7d40ae683122b45070");
}

TEST(SecretKeyTest, KeyGenNeedsEnoughMaterial) {
  EXPECT_THAT(SecretKey::KeyGen(Bytes(31)), StatusIs(kInvalid, HasSubstr("31 bytes")));
  GROAT_ASSERT_OK_AND_ASSIGN(const SecretKey a, SecretKey::KeyGen(Bytes(32)));
  GROAT_ASSERT_OK_AND_ASSIGN(const SecretKey b, SecretKey::KeyGen(Bytes(32), AsBytes("info")));
  GROAT_ASSERT_OK_AND_ASSIGN(const SecretKey c, SecretKey::KeyGen(Bytes(33)));
  EXPECT_FALSE(a.public_key() == b.public_key());
  EXPECT_FALSE(a.public_key() == c.public_key());
}

TEST(SecretKeyTest, DecodesOneToTheOrderMinusOne) {
  EXPECT_THAT(SecretKey::Decode(Bytes(32)), StatusIs(kInvalid, HasSubstr("secret key is not")));
  EXPECT_THAT(SecretKey::Decode(Scalar(kOrder)), StatusIs(kInvalid, HasSubstr("order")));
  EXPECT_THAT(SecretKey::Decode(Bytes(32, 0xff)), StatusIs(kInvalid, HasSubstr("order")));
  EXPECT_THAT(SecretKey::Decode(Bytes(31, 1)), StatusIs(kInvalid, HasSubstr("31 bytes, want 32")));
  EXPECT_THAT(SecretKey::Decode(Bytes(33, 1)), StatusIs(kInvalid, HasSubstr("33 bytes")));
  Bytes one(32);
  one[31] = 1;
  GROAT_ASSERT_OK_AND_ASSIGN(const SecretKey first, SecretKey::Decode(one));
  EXPECT_EQ(first.public_key().point(), G1Affine::Generator());
  GROAT_ASSERT_OK_AND_ASSIGN(const SecretKey last, SecretKey::Decode(Scalar(kOrderMinusOne)));
  EXPECT_EQ(last.public_key().point(), -G1Affine::Generator());
}

TEST(SecretKeyTest, EncodesAndMoves) {
  const Bytes bytes = Scalar("0000000000000000000000000000000000000000000000000000000001020304");
  GROAT_ASSERT_OK_AND_ASSIGN(SecretKey key, SecretKey::Decode(bytes));
  const PublicKey public_key = key.public_key();
  SecretKey moved = std::move(key);
  EXPECT_EQ(moved.public_key(), public_key);
  Bytes32 out;
  moved.EncodeTo(std::span<uint8_t, 32>(out.data(), 32));
  EXPECT_EQ(Bytes(out.begin(), out.end()), bytes);
  SecretKey assigned = SecretKey::Generate();
  assigned = std::move(moved);
  EXPECT_EQ(assigned.public_key(), public_key);
}

TEST(SecretKeyDeathTest, IsNotUsedAfterAMove) {
  SecretKey key = TestKey(1);
  const SecretKey moved = std::move(key);
  EXPECT_DEATH(key.public_key(), "moved from");
}

// The memory of a destroyed key holds nothing of it.
TEST(SecretKeyTest, IsZeroisedOnDestruction) {
  alignas(SecretKey) uint8_t memory[sizeof(SecretKey)];
  SecretKey* key = new (memory) SecretKey(TestKey(1));
  const volatile uint8_t* const seen = memory;
  bool was_there = false;
  for (size_t i = 0; i < sizeof memory; ++i) was_there |= seen[i] != 0;
  EXPECT_TRUE(was_there);
  key->~SecretKey();
  for (size_t i = 0; i < sizeof memory; ++i) EXPECT_EQ(seen[i], 0) << i;
}

// ---- Encodings ----

TEST(PublicKeyTest, RefusesInfinityAndOtherSizes) {
  Bytes infinity(48);
  infinity[0] = 0xc0;
  EXPECT_THAT(PublicKey::Decode(infinity), StatusIs(kInvalid, HasSubstr("infinity")));
  EXPECT_THAT(PublicKey::Decode(Bytes(47)), StatusIs(kInvalid, HasSubstr("47")));
  EXPECT_THAT(PublicKey::Decode({}), StatusIs(kInvalid, HasSubstr("0 bytes")));
  const auto encoded = TestKey(1).public_key().Encode();
  GROAT_ASSERT_OK_AND_ASSIGN(const PublicKey again, PublicKey::Decode(encoded));
  EXPECT_EQ(again.Encode(), encoded);
}

TEST(PublicKeyTest, RefusesPointsOutOfTheSubgroup) {
  // x = 4 is on the curve, as a search from 0 up finds, and not in the subgroup.
  for (uint64_t x = 0;; ++x) {
    const Fp right = Fp::FromUint64(x * x * x + 4);
    const auto y = Sqrt(right);
    if (!y.has_value()) continue;
    const G1Affine point{Fp::FromUint64(x), *y};
    const auto encoded = EncodeCompressed(point);
    EXPECT_THAT(PublicKey::Decode(encoded), StatusIs(kInvalid, HasSubstr("subgroup")));
    EXPECT_THAT(PublicKeySum::Decode(encoded), StatusIs(kInvalid, HasSubstr("subgroup")));
    break;
  }
}

TEST(SignatureTest, RefusesPointsOutOfTheSubgroup) {
  for (uint64_t x = 1;; ++x) {
    const Fp2 x2 = Fp2::FromFp(Fp::FromUint64(x));
    const auto y = Sqrt(x2.Square() * x2 + G2Curve::kB);
    if (!y.has_value()) continue;
    const auto encoded = EncodeCompressed(G2Affine{x2, *y});
    EXPECT_THAT(Signature::Decode(encoded), StatusIs(kInvalid, HasSubstr("subgroup")));
    EXPECT_THAT(ProofOfPossession::Decode(encoded), StatusIs(kInvalid, HasSubstr("subgroup")));
    EXPECT_THAT(BlindedMessage::Decode(encoded), StatusIs(kInvalid, HasSubstr("subgroup")));
    EXPECT_THAT(BlindSignature::Decode(encoded), StatusIs(kInvalid, HasSubstr("subgroup")));
    break;
  }
}

// ---- Signing ----

TEST(SignatureTest, VerifiesItsMessageUnderItsKeyAlone) {
  const SecretKey key = TestKey(1);
  const PublicKey public_key = key.public_key();
  for (const std::string& message : {std::string(), std::string("m"), std::string(100000, 'x')}) {
    const Signature signature = Sign(key, AsBytes(message));
    EXPECT_TRUE(Verify(public_key, AsBytes(message), signature));
    EXPECT_FALSE(Verify(public_key, AsBytes(message + "!"), signature));
    EXPECT_FALSE(Verify(TestKey(2).public_key(), AsBytes(message), signature));
    EXPECT_FALSE(
        Verify(public_key, AsBytes(message), Signature::FromCheckedPoint(-signature.point())));
    GROAT_ASSERT_OK_AND_ASSIGN(const Signature again, Signature::Decode(signature.Encode()));
    EXPECT_EQ(again, signature);
  }
}

TEST(SignatureTest, InfinityVerifiesNothing) {
  EXPECT_FALSE(Verify(TestKey(1).public_key(), AsBytes("m"), InfinitySignature()));
  Bytes encoded(96);
  encoded[0] = 0xc0;
  GROAT_ASSERT_OK_AND_ASSIGN(const Signature decoded, Signature::Decode(encoded));
  EXPECT_EQ(decoded, InfinitySignature());
}

// Safety: a signature over some bytes never passes as a proof of possession, nor the reverse, and a
// signature under another tag is none.
TEST(SignatureTest, DomainTagsSeparate) {
  const SecretKey key = TestKey(1);
  const PublicKey public_key = key.public_key();
  const Signature over_key = Sign(key, public_key.Encode());
  GROAT_ASSERT_OK_AND_ASSIGN(const ProofOfPossession as_proof,
                             ProofOfPossession::Decode(over_key.Encode()));
  EXPECT_FALSE(PopVerify(public_key, as_proof));
  GROAT_ASSERT_OK_AND_ASSIGN(const Signature as_signature,
                             Signature::Decode(PopProve(key).Encode()));
  EXPECT_FALSE(Verify(public_key, public_key.Encode(), as_signature));
  for (const char* tag : {"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_",
                          "BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_AUG_", "x"}) {
    const HashedMessage other(AsBytes("m"), tag);
    const Signature signature = Signature::FromCheckedPoint(key.Multiply(other.point()));
    EXPECT_FALSE(Verify(public_key, AsBytes("m"), signature)) << tag;
    EXPECT_TRUE(Verify(public_key, other, signature)) << tag;
  }
}

// ---- Proofs of possession ----

TEST(ProofOfPossessionTest, IsForOneKey) {
  const ProofOfPossession proof = PopProve(TestKey(1));
  EXPECT_TRUE(PopVerify(TestKey(1).public_key(), proof));
  EXPECT_FALSE(PopVerify(TestKey(2).public_key(), proof));
  GROAT_ASSERT_OK_AND_ASSIGN(const ProofOfPossession again,
                             ProofOfPossession::Decode(proof.Encode()));
  EXPECT_EQ(again, proof);
}

// Safety: the rogue-key attack works on bare aggregates, and the proof of possession is what stops
// it. Method: the attacker registers [a] g1 minus the victim's key and signs alone for both.
TEST(ProofOfPossessionTest, StopsTheRogueKeyAttack) {
  const SecretKey attacker = TestKey(1);
  const PublicKey victim = TestKey(2).public_key();
  PublicKeySum rogue_sum;
  rogue_sum.Add(attacker.public_key());
  rogue_sum.Subtract(victim);
  GROAT_ASSERT_OK_AND_ASSIGN(const PublicKey rogue, rogue_sum.ToPublicKey());
  const std::vector<PublicKey> keys = {victim, rogue};
  const Signature forged = Sign(attacker, AsBytes("the victim never saw this"));
  EXPECT_TRUE(FastAggregateVerify(keys, AsBytes("the victim never saw this"), forged));

  // The attacker does not know the rogue key's secret. What it can make is refused.
  EXPECT_FALSE(PopVerify(rogue, PopProve(attacker)));
  EXPECT_FALSE(PopVerify(rogue, PopProve(TestKey(2))));
  const HashedMessage of_rogue(rogue.Encode(), kProofTag);
  const Signature by_attacker = Signature::FromCheckedPoint(attacker.Multiply(of_rogue.point()));
  GROAT_ASSERT_OK_AND_ASSIGN(const ProofOfPossession best,
                             ProofOfPossession::Decode(by_attacker.Encode()));
  EXPECT_FALSE(PopVerify(rogue, best));
}

// ---- Aggregates ----

struct Signed {
  std::vector<PublicKey> keys;
  std::vector<std::string> texts;
  std::vector<ByteView> messages;
  std::vector<Signature> signatures;
};

// All sign the same message, or each its own.
Signed SignAll(size_t count, bool same) {
  Signed out;
  for (size_t i = 0; i < count; ++i) {
    out.texts.push_back(same ? "message" : "message " + std::to_string(i));
  }
  for (size_t i = 0; i < count; ++i) {
    const SecretKey key = TestKey(i);
    out.keys.push_back(key.public_key());
    out.messages.push_back(AsBytes(out.texts[i]));
    out.signatures.push_back(Sign(key, out.messages[i]));
  }
  return out;
}

TEST(AggregateTest, OfOneMessage) {
  const Signed all = SignAll(5, /*same=*/true);
  GROAT_ASSERT_OK_AND_ASSIGN(const Signature sum, Aggregate(all.signatures));
  const ByteView message = all.messages[0];
  EXPECT_TRUE(FastAggregateVerify(all.keys, message, sum));
  EXPECT_TRUE(FastAggregateVerify(PublicKeySum(all.keys), message, sum));
  EXPECT_TRUE(AggregateVerify(all.keys, all.messages, sum));
  EXPECT_FALSE(FastAggregateVerify(all.keys, AsBytes("other"), sum));
  std::vector<PublicKey> fewer(all.keys.begin(), all.keys.end() - 1);
  EXPECT_FALSE(FastAggregateVerify(fewer, message, sum));
  std::vector<PublicKey> twice = all.keys;
  twice.push_back(all.keys[0]);
  EXPECT_FALSE(FastAggregateVerify(twice, message, sum));
}

TEST(AggregateTest, OfDistinctMessages) {
  const Signed all = SignAll(5, /*same=*/false);
  GROAT_ASSERT_OK_AND_ASSIGN(const Signature sum, Aggregate(all.signatures));
  EXPECT_TRUE(AggregateVerify(all.keys, all.messages, sum));
  std::vector<ByteView> swapped = all.messages;
  std::swap(swapped[0], swapped[1]);
  EXPECT_FALSE(AggregateVerify(all.keys, swapped, sum));
  EXPECT_FALSE(AggregateVerify(all.keys, {swapped.data(), 4}, sum));
  EXPECT_FALSE(AggregateVerify({all.keys.data(), 4}, {all.messages.data(), 4}, sum));
}

TEST(AggregateTest, NothingIsRefused) {
  EXPECT_THAT(Aggregate({}), StatusIs(kInvalid, HasSubstr("no signatures")));
  EXPECT_FALSE(FastAggregateVerify(std::vector<PublicKey>(), AsBytes("m"), InfinitySignature()));
  EXPECT_FALSE(FastAggregateVerify(PublicKeySum(), AsBytes("m"), InfinitySignature()));
  EXPECT_FALSE(AggregateVerify({}, {}, InfinitySignature()));
}

// Keys that cancel each other would verify the infinite signature over any message.
TEST(AggregateTest, KeysThatCancelAreRefused) {
  const PublicKey key = TestKey(1).public_key();
  GROAT_ASSERT_OK_AND_ASSIGN(const PublicKey opposite, PublicKey::FromCheckedPoint(-key.point()));
  const std::vector<PublicKey> keys = {key, opposite};
  EXPECT_FALSE(FastAggregateVerify(keys, AsBytes("any"), InfinitySignature()));
  const PublicKeySum sum(keys);
  EXPECT_THAT(sum.ToPublicKey(), StatusIs(kInvalid, HasSubstr("infinity")));
  GROAT_ASSERT_OK_AND_ASSIGN(PublicKeySum decoded, PublicKeySum::Decode(sum.Encode()));
  EXPECT_EQ(decoded.Encode()[0], 0xc0);
}

TEST(AggregateTest, InfinityIsAPointLikeAnyOther) {
  const Signed one = SignAll(1, /*same=*/true);
  const std::vector<Signature> with_infinity = {one.signatures[0], InfinitySignature()};
  GROAT_ASSERT_OK_AND_ASSIGN(const Signature sum, Aggregate(with_infinity));
  EXPECT_EQ(sum, one.signatures[0]);
}

// ---- Batches ----

std::vector<SignedMessage> Items(const Signed& all) {
  std::vector<SignedMessage> items;
  for (size_t i = 0; i < all.keys.size(); ++i) {
    items.push_back({all.keys[i], all.messages[i], all.signatures[i]});
  }
  return items;
}

TEST(BatchVerifyTest, FindsOneWrongSignature) {
  const Signed all = SignAll(6, /*same=*/false);
  for (const size_t count : {1u, 2u, 6u}) {
    std::vector<SignedMessage> items = Items(all);
    items.erase(items.begin() + static_cast<ptrdiff_t>(count), items.end());
    EXPECT_TRUE(BatchVerify(items)) << count;
    for (size_t wrong = 0; wrong < count; ++wrong) {
      std::vector<SignedMessage> bad = items;
      bad[wrong].signature = Sign(TestKey(9), bad[wrong].message);
      EXPECT_FALSE(BatchVerify(bad)) << count << " " << wrong;
      bad[wrong].signature = InfinitySignature();
      EXPECT_FALSE(BatchVerify(bad)) << count << " " << wrong;
    }
  }
}

// Safety: errors that cancel each other pass an aggregate, and a batch refuses them.
TEST(BatchVerifyTest, RefusesErrorsThatCancel) {
  const Signed all = SignAll(2, /*same=*/false);
  std::vector<SignedMessage> items = Items(all);
  const G2 error = G2::Generator();
  items[0].signature =
      Signature::FromCheckedPoint((G2::FromAffine(items[0].signature.point()) + error).ToAffine());
  items[1].signature =
      Signature::FromCheckedPoint((G2::FromAffine(items[1].signature.point()) - error).ToAffine());
  const std::vector<Signature> signatures = {items[0].signature, items[1].signature};
  GROAT_ASSERT_OK_AND_ASSIGN(const Signature sum, Aggregate(signatures));
  EXPECT_TRUE(AggregateVerify(all.keys, all.messages, sum));
  EXPECT_FALSE(BatchVerify(items));
}

TEST(BatchVerifyTest, FactorsMustBeThereAndNotZero) {
  const Signed all = SignAll(2, /*same=*/false);
  const std::vector<SignedMessage> items = Items(all);
  BatchFactor one;
  one[15] = 1;
  BatchFactor large;
  for (size_t i = 0; i < 16; ++i) large[i] = 0xff;
  const std::vector<BatchFactor> good = {one, large};
  EXPECT_TRUE(BatchVerify(items, good));
  EXPECT_FALSE(BatchVerify(items, {good.data(), 1}));
  EXPECT_FALSE(BatchVerify(items, std::vector<BatchFactor>{one, BatchFactor()}));
  EXPECT_FALSE(BatchVerify({}));
  EXPECT_FALSE(BatchVerify({}, {}));
}

// ---- Blind signatures ----

TEST(BlindSignatureTest, UnblindsToTheOrdinarySignature) {
  const SecretKey key = TestKey(1);
  const BlindingFactor factor = BlindingFactor::Generate();
  const BlindedMessage blinded = BlindedMessage::Blind(AsBytes("coin"), factor);
  GROAT_ASSERT_OK_AND_ASSIGN(const BlindedMessage received,
                             BlindedMessage::Decode(blinded.Encode()));
  const BlindSignature answer = BlindSignature::Sign(key, received);
  GROAT_ASSERT_OK_AND_ASSIGN(const BlindSignature back, BlindSignature::Decode(answer.Encode()));
  GROAT_ASSERT_OK_AND_ASSIGN(const Signature signature,
                             Unblind(back, factor, key.public_key(), AsBytes("coin")));
  EXPECT_EQ(signature, Sign(key, AsBytes("coin")));
}

// What the signer sees differs from the message's hash, and by the factor.
TEST(BlindSignatureTest, TheSignerSeesAnotherPointEachTime) {
  const BlindingFactor a = BlindingFactor::Generate();
  const BlindingFactor b = BlindingFactor::Generate();
  const G2Affine hash = HashedMessage(AsBytes("coin")).point();
  const G2Affine seen_a = BlindedMessage::Blind(AsBytes("coin"), a).point();
  const G2Affine seen_b = BlindedMessage::Blind(AsBytes("coin"), b).point();
  EXPECT_FALSE(seen_a == hash);
  EXPECT_FALSE(seen_a == seen_b);
}

TEST(BlindSignatureTest, WrongAnswersAreRefused) {
  const SecretKey key = TestKey(1);
  const BlindingFactor factor = BlindingFactor::Generate();
  const BlindedMessage blinded = BlindedMessage::Blind(AsBytes("coin"), factor);
  const auto unblind = [&](const BlindSignature& answer, const BlindingFactor& with,
                           std::string_view message) {
    return Unblind(answer, with, key.public_key(), AsBytes(message));
  };
  const BlindSignature right = BlindSignature::Sign(key, blinded);
  GROAT_EXPECT_OK(unblind(right, factor, "coin"));
  EXPECT_THAT(unblind(BlindSignature::Sign(TestKey(2), blinded), factor, "coin"),
              StatusIs(kInvalid, HasSubstr("not the key's")));
  EXPECT_THAT(unblind(right, BlindingFactor::Generate(), "coin"),
              StatusIs(kInvalid, HasSubstr("")));
  EXPECT_THAT(unblind(right, factor, "another coin"), StatusIs(kInvalid, HasSubstr("")));
}

TEST(BlindSignatureTest, RefusesInfinityAndBadFactors) {
  Bytes infinity(96);
  infinity[0] = 0xc0;
  EXPECT_THAT(BlindedMessage::Decode(infinity), StatusIs(kInvalid, HasSubstr("infinity")));
  EXPECT_THAT(BlindingFactor::Decode(Bytes(32)),
              StatusIs(kInvalid, HasSubstr("blinding factor is not")));
  EXPECT_THAT(BlindingFactor::Decode(Bytes(16, 1)), StatusIs(kInvalid, HasSubstr("16 bytes")));
  const BlindingFactor factor = BlindingFactor::Generate();
  Bytes32 bytes;
  factor.EncodeTo(std::span<uint8_t, 32>(bytes.data(), 32));
  GROAT_ASSERT_OK_AND_ASSIGN(const BlindingFactor again, BlindingFactor::Decode(bytes));
  EXPECT_EQ(BlindedMessage::Blind(AsBytes("m"), again).point(),
            BlindedMessage::Blind(AsBytes("m"), factor).point());
}

}  // namespace
}  // namespace groat::bls
