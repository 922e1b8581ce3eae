// Golden bytes pin every layout; each refusal names the value and what was wanted.
#include <gtest/gtest.h>

#include "base/status_matchers.h"
#include "crypto/sha256.h"
#include "record/block.h"
#include "record/checkpoint.h"
#include "record/root_statement.h"
#include "record/update.h"

namespace groat::record {
namespace {

using ::groat::testing::StatusIs;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

Bytes32 Filled(uint8_t byte) {
  Bytes32 out;
  out.data_.fill(byte);
  return out;
}

const Ed25519PrivateKey& RelayKey() {
  static const Ed25519PrivateKey key(Filled(7));
  return key;
}

RootStatement Statement() {
  return {.relay = RelayId(1),
          .shard = Shard(2),
          .period = Period(0),
          .cycle = Cycle(4),
          .root = Filled(0xab),
          .leaf_count = 5,
          .new_leaf_count = 6 - 1};
}

TEST(PeriodTest, CyclesMapToPeriods) {
  EXPECT_EQ(PeriodOf(Cycle(1), 3), Period(0));
  EXPECT_EQ(PeriodOf(Cycle(3), 3), Period(0));
  EXPECT_EQ(PeriodOf(Cycle(4), 3), Period(1));
  EXPECT_EQ(FirstCycleOf(Period(1), 3), Cycle(4));
  EXPECT_EQ(PeriodOf(Cycle(9), 1), Period(8)) << "one cycle a period is the legacy relay";
  EXPECT_EQ(PeriodOf(Cycle(1'000'000), 0), Period(0)) << "0 never ends";
}

TEST(UpdateTest, GoldenLockAndKey) {
  const Hash lock = LockOf(Filled(1));
  EXPECT_EQ(lock.Hex(), "15674c00bab4b9464e694ddb6f4e4fb2eb10f5a666883e598785bb6d879ab3c3");
  EXPECT_EQ(KeyOf(RelayId(1), lock).Hex(),
            "d9793182cc0239f2c9232be91cf70326e2f6be5366ac3efe4b3c7d68e2e59dd9");
  EXPECT_NE(KeyOf(RelayId(2), lock), KeyOf(RelayId(1), lock));
  EXPECT_EQ(KeyOfUnlock(RelayId(1), Filled(1)), KeyOf(RelayId(1), lock));
}

TEST(UpdateTest, ShardIsTheKeysFirstBits) {
  Hash key;
  key[0] = 0b10110000;
  EXPECT_EQ(ShardOf(key, 0), Shard(0));
  EXPECT_EQ(ShardOf(key, 1), Shard(1));
  EXPECT_EQ(ShardOf(key, 4), Shard(0b1011));
}

TEST(RootStatementTest, GoldenBytes) {
  EXPECT_EQ(ToHex(Statement().Encode()),
            "67726f617420726f6f742076310a"  // "groat root v1\n"
            "00000001"
            "00000002"
            "00000000"          // relay, shard, period
            "0000000000000004"  // cycle
            "abababababababababababababababababababababababababababababababab"
            "0000000000000005"
            "0000000000000005");  // leaves, new leaves
}

TEST(RootStatementTest, SignatureCoversEveryField) {
  const SignedRoot good = SignRoot(Statement(), RelayKey());
  GROAT_EXPECT_OK(VerifyRoot(good, RelayKey().public_key()));

  for (int field = 0; field < 6; ++field) {
    SignedRoot bad = good;
    if (field == 0) bad.statement.relay = RelayId(9);
    if (field == 1) bad.statement.shard = Shard(9);
    if (field == 2) bad.statement.period = Period(9);
    if (field == 3) bad.statement.cycle = Cycle(9);
    if (field == 4) bad.statement.root = Filled(9);
    if (field == 5) bad.statement.leaf_count = 9;
    EXPECT_THAT(VerifyRoot(bad, RelayKey().public_key()),
                StatusIs(kInvalid, HasSubstr("signature")))
        << field;
  }
}

TEST(RootStatementTest, RefusesContradictions) {
  RootStatement statement = Statement();
  statement.new_leaf_count = 6;
  EXPECT_THAT(VerifyRoot(SignRoot(statement, RelayKey()), RelayKey().public_key()),
              StatusIs(kInvalid, HasSubstr("6 new leaves of 5")));
  statement = Statement();
  statement.root = Hash();
  EXPECT_THAT(VerifyRoot(SignRoot(statement, RelayKey()), RelayKey().public_key()),
              StatusIs(kInvalid, HasSubstr("with 5 leaves")));
  statement = Statement();
  statement.cycle = Cycle(0);
  EXPECT_THAT(VerifyRoot(SignRoot(statement, RelayKey()), RelayKey().public_key()),
              StatusIs(kInvalid, HasSubstr("start at 1")));
}

TEST(CheckFollowsTest, AcceptsGrowthAndAnEmptyCycleAndANewPeriod) {
  const RootStatement four = Statement();
  RootStatement five = four;
  five.cycle = Cycle(5);
  five.new_leaf_count = 0;
  GROAT_EXPECT_OK(CheckFollows(&four, five, 0));
  five.root = Filled(0xcd);
  five.leaf_count = 8;
  five.new_leaf_count = 3;
  GROAT_EXPECT_OK(CheckFollows(&four, five, 0));
  five.period = Period(1);
  five.leaf_count = 3;
  GROAT_EXPECT_OK(CheckFollows(&four, five, 4));
}

TEST(CheckFollowsTest, NamesEachViolation) {
  const RootStatement four = Statement();
  RootStatement next = four;
  next.cycle = Cycle(6);
  EXPECT_THAT(CheckFollows(&four, next, 0), StatusIs(kInvalid, HasSubstr("want cycle 5")));
  EXPECT_THAT(CheckFollows(nullptr, next, 0), StatusIs(kInvalid, HasSubstr("want cycle 1")));
  next.cycle = Cycle(5);
  EXPECT_THAT(CheckFollows(&four, next, 4), StatusIs(kInvalid, HasSubstr("want 1")));
  EXPECT_THAT(CheckFollows(&four, next, 0), StatusIs(kInvalid, HasSubstr("before had 5")));
  next.new_leaf_count = 0;
  next.root = Filled(1);
  EXPECT_THAT(CheckFollows(&four, next, 0), StatusIs(kInvalid, HasSubstr("with 0 new leaves")));
}

Block FirstBlock() {
  return {.height = Height(1),
          .previous_id = {},
          .timestamp_ms = 0x0102030405060708,
          .root = SignRoot(Statement(), RelayKey())};
}

TEST(BlockTest, GoldenBytesAndId) {
  const Block block = FirstBlock();
  const std::string hashed =
      "01"
      "0000000000000001"
      "0000000000000000000000000000000000000000000000000000000000000000"
      "0102030405060708"
      "00000001"
      "00000002"
      "00000000"
      "0000000000000004"
      "abababababababababababababababababababababababababababababababab"
      "0000000000000005"
      "0000000000000005";
  EXPECT_EQ(ToHex(block.Encode()), hashed + block.root.signature.Hex());
  EXPECT_EQ(block.Encode().size(), Block::kEncodedSize);
  GROAT_ASSERT_OK_AND_ASSIGN(const Bytes raw, FromHex(hashed));
  EXPECT_EQ(block.Id(), Sha256(raw));
  EXPECT_EQ(block.Id().Hex(), "41943c4af2d46646b40551eaadc6b1d1979f83de2c7af5895e03256b8e3d200b");
}

TEST(BlockTest, DecodesOnlyWhatItEncodes) {
  const Bytes good = FirstBlock().Encode();
  GROAT_ASSERT_OK_AND_ASSIGN(const Block back, Block::Decode(good));
  EXPECT_EQ(back, FirstBlock());
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_THAT(Block::Decode(ByteView(good).first(size)),
                StatusIs(kInvalid, "block is truncated"));
  }
  Bytes bad = good;
  bad.push_back(0);
  EXPECT_THAT(Block::Decode(bad), StatusIs(kInvalid, HasSubstr("1 bytes after")));
  bad = good;
  bad[0] = 2;
  EXPECT_THAT(Block::Decode(bad), StatusIs(kInvalid, "block version 2, want 1"));
}

TEST(BlockTest, ExtendsOnlyTheBlockBelow) {
  const Block one = FirstBlock();
  Block two = one;
  two.height = Height(2);
  two.previous_id = one.Id();
  GROAT_EXPECT_OK(CheckExtends(nullptr, one));
  GROAT_EXPECT_OK(CheckExtends(&one, two));
  EXPECT_THAT(CheckExtends(nullptr, two), StatusIs(kInvalid, "block of height 2, want 1"));
  two.timestamp_ms -= 1;
  EXPECT_THAT(CheckExtends(&one, two), StatusIs(kInvalid, HasSubstr("before")));
  two.previous_id = Filled(1);
  EXPECT_THAT(CheckExtends(&one, two), StatusIs(kInvalid, HasSubstr("follows 0101")));
}

TEST(CheckpointTest, GoldenBytes) {
  const Checkpoint checkpoint{Filled(1), Height(2), Filled(3), Filled(4)};
  EXPECT_EQ(ToHex(checkpoint.Encode()),
            "67726f617420636865636b706f696e742076310a"  // "groat checkpoint v1\n"
            "0101010101010101010101010101010101010101010101010101010101010101"
            "0000000000000002"
            "0303030303030303030303030303030303030303030303030303030303030303"
            "0404040404040404040404040404040404040404040404040404040404040404");
}

class QuorumTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (uint8_t i = 0; i < 3; ++i) {
      secrets_.push_back(*bls::SecretKey::KeyGen(Filled(static_cast<uint8_t>(i + 1))));
      nodes_.push_back({secrets_.back().public_key(), bls::PopProve(secrets_.back())});
    }
    auto keys = NodeKeys::Create(nodes_);
    GROAT_ASSERT_OK(keys);
    keys_.emplace(*std::move(keys));
  }
  QuorumSignature SignedBy(std::initializer_list<uint32_t> nodes) const {
    std::map<NodeIndex, NodeSignature> shares;
    for (uint32_t node : nodes) shares[NodeIndex(node)] = SignAsNode(secrets_[node], message_);
    return keys_->Combine(shares);
  }
  std::vector<bls::SecretKey> secrets_;
  std::vector<bls::Registration> nodes_;
  std::optional<NodeKeys> keys_;
  Bytes message_ = {1, 2, 3};
};

TEST_F(QuorumTest, MajorityIsEnoughAndLessIsNot) {
  EXPECT_EQ(keys_->quorum(), 2u);
  GROAT_EXPECT_OK(keys_->VerifyQuorum(message_, SignedBy({0, 2})));
  GROAT_EXPECT_OK(keys_->VerifyQuorum(message_, SignedBy({0, 1, 2})));
  EXPECT_THAT(keys_->VerifyQuorum(message_, SignedBy({1})),
              StatusIs(kInvalid, "1 ledger nodes signed, want 2"));
}

TEST_F(QuorumTest, GoldenBytes) {
  message_ = Checkpoint{Filled(1), Height(2), Filled(3), Filled(4)}.Encode();
  EXPECT_EQ(nodes_[0].key.Encode().Hex(),
            "95a254501b7733239ed3cec4d56737977bd09ede881d8a23"
            "4560e83e5525017add3b1dcc3eabfb85e12a4131b19c253b");
  const QuorumSignature quorum = SignedBy({0, 2});
  EXPECT_EQ(ToHex(quorum.signers), "a0");
  EXPECT_EQ(quorum.signature.Hex(),
            "aa6409418fb065f6dfc84847c78d22a6f4ce510a38e72a55b09a40145fb7d549"
            "74eb043001f0d39473bcc053c3946dad078285ce2c2ad32b209c9114a3c70b7f"
            "3c5718c2af0487044907187b4648e3274dae325da1524761af47fdfe3cf53cb0");
}

TEST_F(QuorumTest, RefusesForgedBitmapsAndSignatures) {
  QuorumSignature forged = SignedBy({0, 2});
  forged.signers[0] = 0b11000000;
  EXPECT_THAT(keys_->VerifyQuorum(message_, forged), StatusIs(kInvalid, HasSubstr("wrong")));
  forged = SignedBy({0, 2});
  forged.signers[0] |= 0b01000000;
  EXPECT_THAT(keys_->VerifyQuorum(message_, forged), StatusIs(kInvalid, HasSubstr("wrong")));
  forged = SignedBy({0, 2});
  forged.signers[0] |= 0b00010000;
  EXPECT_THAT(keys_->VerifyQuorum(message_, forged),
              StatusIs(kInvalid, HasSubstr("behind the last of 3")));
  forged = SignedBy({0, 2});
  forged.signature[0] ^= 0x80;
  EXPECT_FALSE(keys_->VerifyQuorum(message_, forged).ok());
  forged = SignedBy({0, 2});
  forged.signature[0] ^= 0x20;  // The negative.
  EXPECT_THAT(keys_->VerifyQuorum(message_, forged), StatusIs(kInvalid, HasSubstr("wrong")));
  forged = SignedBy({0, 2});
  forged.signers.push_back(0);
  EXPECT_THAT(keys_->VerifyQuorum(message_, forged), StatusIs(kInvalid, HasSubstr("bitmap is 2")));
  EXPECT_THAT(keys_->VerifyQuorum(Bytes{1}, SignedBy({0, 2})),
              StatusIs(kInvalid, HasSubstr("wrong")));
}

TEST_F(QuorumTest, RefusesRepeatedKeysUnknownNodesAndMissingProofs) {
  EXPECT_THAT(NodeKeys::Create(std::vector<bls::Registration>{nodes_[0], nodes_[0]}),
              StatusIs(kInvalid, HasSubstr("two members")));
  EXPECT_THAT(NodeKeys::Create({}), StatusIs(kInvalid, HasSubstr("0 ledger nodes")));
  EXPECT_THAT(NodeKeys::FromProven({}), StatusIs(kInvalid, HasSubstr("0 ledger nodes")));
  EXPECT_THAT(NodeKeys::Create(std::vector<bls::Registration>{{nodes_[0].key, nodes_[1].proof}}),
              StatusIs(kInvalid, HasSubstr("not proven possession")));
  EXPECT_THAT(keys_->VerifyShare(NodeIndex(3), message_, {}),
              StatusIs(kInvalid, HasSubstr("want below 3")));
  EXPECT_THAT(keys_->VerifyShare(NodeIndex(1), message_, {}),
              StatusIs(kInvalid, HasSubstr("node 1 is wrong")));
}

}  // namespace
}  // namespace groat::record
