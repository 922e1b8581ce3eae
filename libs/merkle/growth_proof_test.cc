#include "merkle/growth_proof.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "base/status_matchers.h"
#include "merkle/growth_items.h"
#include "merkle/trie_model.h"

namespace groat::merkle {
namespace {

using ::groat::testing::StatusIs;
using ::testing::HasSubstr;

Bytes32 Key(uint8_t first, uint8_t last = 0) {
  Bytes32 key;
  key[0] = first;
  key[31] = last;
  return key;
}

// A trie of `cycles` cycles of up to `count` keys.
Trie RandomTrie(uint32_t seed, KeyShape shape, uint64_t cycles, size_t count) {
  KeySource keys(seed, shape);
  TrieModel model;
  Trie trie;
  for (uint64_t cycle = 1; cycle <= cycles; ++cycle) {
    const auto entries = NewEntries(keys, model, count);
    GROAT_CHECK_OK(trie.BeginCycle(cycle));
    GROAT_CHECK_OK(trie.Add(entries));
    trie.Seal();
    for (const TrieEntry& entry : entries) model.Add(entry, cycle);
  }
  return trie;
}

// Leaves 10.. and 80.. in cycle 1; then 00.. and 11.., which displace 10.., in cycle 2.
Trie SmallTrie() {
  Trie trie;
  GROAT_CHECK_OK(trie.BeginCycle(1));
  GROAT_CHECK_OK(trie.Add(std::vector<TrieEntry>{{Key(0x10), Key(2)}, {Key(0x80), Key(5)}}));
  trie.Seal();
  GROAT_CHECK_OK(trie.BeginCycle(2));
  GROAT_CHECK_OK(trie.Add(std::vector<TrieEntry>{{Key(0x00), Key(1)}, {Key(0x11), Key(3)}}));
  trie.Seal();
  return trie;
}

TEST(GrowthProofTest, GoldenBytes) {
  const Trie trie = SmallTrie();
  EXPECT_EQ(ToHex(WholeGrowthProof(trie, 1)),
            "03000000021000000000000000000000000000000000000000000000000000000000000000020000"
            "00000000000000000000000000000000000000000000000000000000008000000000000000000000"
            "00000000000000000000000000000000000000000005000000000000000000000000000000000000"
            "00000000000000000000000000");
  EXPECT_EQ(ToHex(WholeGrowthProof(trie, 2)),
            "02041000000000000000000000000000000000000000000000000000000000000000020000000000"
            "00000000000000000000000000000000000000000000000000000000000000000001000000020000"
            "00000000000000000000000000000000000000000000000000000000000001000000000000000000"
            "00000000000000000000000000000000000000000000110000000000000000000000000000000000"
            "00000000000000000000000000000300000000000000000000000000000000000000000000000000"
            "00000000000001ad81eb23c70bf4a125ef434188a47da70de6b50b7dc70b6664ffb7902a4384f8");
}

TEST(GrowthProofTest, CutAnywhere) {
  const Trie trie = RandomTrie(5, KeyShape::kUniform, 3, 50);
  const GrowthClaim claim = ClaimOf(trie, 3);
  const Bytes proof = WholeGrowthProof(trie, 3);
  for (const size_t piece : {1u, 2u, 31u, 63u, 64u, 65u, 1000u}) {
    GrowthVerifier verifier(claim);
    for (size_t i = 0; i < proof.size(); i += piece) {
      GROAT_ASSERT_OK(verifier.Feed(ByteView(proof).subspan(i, std::min(piece, proof.size() - i))));
    }
    GROAT_EXPECT_OK(verifier.Finish());
  }
}

// More hashes than are planned at once, so that a plan ends in the middle of paths and leaf lists.
TEST(GrowthProofTest, LargerThanOnePlan) {
  for (const KeyShape shape : {KeyShape::kUniform, KeyShape::kClustered}) {
    const Trie trie = RandomTrie(6, shape, 2, 12000);
    GROAT_EXPECT_OK(VerifyGrowth(ClaimOf(trie, 1), WholeGrowthProof(trie, 1)));
    GROAT_EXPECT_OK(VerifyGrowth(ClaimOf(trie, 2), WholeGrowthProof(trie, 2)));
  }
}

// Every byte changed, every length, bytes too many.
TEST(GrowthProofTest, ForgedBytesFail) {
  for (uint32_t seed = 1; seed <= 9; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const KeyShape shapes[] = {KeyShape::kUniform, KeyShape::kClustered, KeyShape::kDeep};
    const Trie trie = RandomTrie(seed, shapes[seed % 3], 3, seed % 3 == 2 ? 4 : 12);
    const GrowthClaim claim = ClaimOf(trie, 3);
    const Bytes proof = WholeGrowthProof(trie, 3);
    GROAT_ASSERT_OK(VerifyGrowth(claim, proof));
    for (size_t i = 0; i < proof.size(); ++i) {
      for (const int bit : {0, 1, 4, 7}) {
        Bytes forged = proof;
        forged[i] ^= static_cast<uint8_t>(1u << bit);
        EXPECT_FALSE(VerifyGrowth(claim, forged).ok()) << "byte " << i << " bit " << bit;
      }
    }
    for (size_t size = 0; size < proof.size(); ++size) {
      EXPECT_THAT(VerifyGrowth(claim, ByteView(proof).first(size)),
                  StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cut short")));
    }
    Bytes longer = proof;
    longer.push_back(0);
    EXPECT_THAT(VerifyGrowth(claim, longer),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1 bytes after")));
  }
}

TEST(GrowthProofTest, OtherClaimsFail) {
  const Trie trie = RandomTrie(4, KeyShape::kUniform, 3, 20);
  const GrowthClaim right = ClaimOf(trie, 3);
  const Bytes proof = WholeGrowthProof(trie, 3);
  const auto expect = [&](const char* message, auto change) {
    GrowthClaim claim = right;
    change(claim);
    EXPECT_THAT(VerifyGrowth(claim, proof),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  GROAT_EXPECT_OK(VerifyGrowth(right, proof));
  expect("new root", [](GrowthClaim& c) { c.cycle += 1; });
  expect("old leaf of cycle", [](GrowthClaim& c) { c.cycle = 1; });
  expect("old root", [](GrowthClaim& c) { c.old_root[5] ^= 1; });
  expect("new root", [](GrowthClaim& c) { c.new_root[31] ^= 1; });
  expect("20 new leaves, want 21", [](GrowthClaim& c) { c.new_leaf_count += 1; });
  expect("more new leaves than 19", [](GrowthClaim& c) { c.new_leaf_count -= 1; });
  expect("bytes after", [](GrowthClaim& c) { c.new_leaf_count = 0; });
  expect("with 0 leaves", [](GrowthClaim& c) { c.old_leaf_count = 0; });
  expect("with 40 leaves", [](GrowthClaim& c) { c.old_root = Hash{}; });
  expect("leaves and", [](GrowthClaim& c) { c.old_leaf_count = ~uint64_t{0}; });
}

TEST(GrowthProofTest, CycleWithoutLeaves) {
  GrowthClaim claim{7, Key(1), Key(1), 3, 0};
  GROAT_EXPECT_OK(VerifyGrowth(claim, {}));
  claim.new_root = Key(2);
  EXPECT_THAT(VerifyGrowth(claim, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no new leaves")));
  GROAT_EXPECT_OK(VerifyGrowth({1, Hash{}, Hash{}, 0, 0}, {}));
}

// Items written by hand, to reach what no honest prover writes.
class Items {
 public:
  Items& Empty() { return Tag(kItemEmpty); }
  Items& Same(const Hash& hash) {
    Tag(kItemSame);
    writer_.Raw(hash);
    return *this;
  }
  Items& Node() { return Tag(kItemNode); }
  Items& Filled(const std::vector<TrieEntry>& leaves) { return Tag(kItemFilled).Leaves(leaves); }
  Items& Displaced(const TrieLeaf& leaf, const std::vector<TrieEntry>& leaves) {
    Tag(kItemDisplaced);
    writer_.Raw(leaf.key).Raw(leaf.value).U64(leaf.cycle);
    return Leaves(leaves);
  }
  Items& Tag(uint8_t tag) {
    writer_.U8(tag);
    return *this;
  }
  const Bytes& bytes() const { return writer_.bytes(); }

 private:
  Items& Leaves(const std::vector<TrieEntry>& leaves) {
    writer_.U32(static_cast<uint32_t>(leaves.size()));
    for (const TrieEntry& leaf : leaves) writer_.Raw(leaf.key).Raw(leaf.value);
    return *this;
  }
  ByteWriter writer_;
};

TEST(GrowthProofTest, RefusesShapesThatNoTrieHas) {
  const TrieEntry low{Key(0x10), Key(1)};
  const TrieEntry next{Key(0x20), Key(2)};
  const TrieEntry high{Key(0x90), Key(3)};
  const TrieLeaf old{Key(0x11), Key(4), 1};
  const Hash hash = Key(0x55);
  Items deep;
  for (int i = 0; i < 257; ++i) deep.Node();
  const struct {
    const char* name;
    Bytes proof;
    const char* message;
  } cases[] = {
      {"unknown tag", Items().Tag(5).bytes(), "tag 5"},
      {"zero hash", Items().Node().Same(Hash{}).bytes(), "zero hash"},
      {"no leaves in place of an empty subtree", Items().Filled({}).bytes(), "without new leaves"},
      {"no leaves beside an old one", Items().Displaced(old, {}).bytes(), "without new leaves"},
      {"node that did not change", Items().Node().Same(hash).Same(hash).bytes(),
       "node without new leaves at depth 0"},
      {"node of nothing", Items().Node().Filled({low}).Empty().bytes(), "less than two leaves"},
      {"node of nothing, all new", Items().Node().Filled({low}).Filled({high}).bytes(),
       "less than two leaves"},
      {"node of one leaf", Items().Node().Displaced(old, {low}).Empty().bytes(),
       "less than two leaves"},
      {"node of one leaf on the right",
       Items().Node().Empty().Displaced({Key(0x91), Key(1), 1}, {high}).bytes(),
       "less than two leaves"},
      {"twice the same", Items().Filled({low, low}).bytes(), "after"},
      {"descending", Items().Filled({next, low}).bytes(), "after"},
      {"new leaf elsewhere", Items().Node().Filled({high}).bytes(), "is not below"},
      {"new leaf elsewhere on the right", Items().Node().Same(hash).Filled({low}).bytes(),
       "is not below"},
      {"old leaf elsewhere", Items().Node().Same(hash).Displaced(old, {high}).bytes(),
       "is not below"},
      {"new leaf is the old one", Items().Displaced(old, {{old.key, Key(9)}}).bytes(),
       "is not new"},
      {"old leaf of this cycle", Items().Displaced({Key(0x11), Key(4), 7}, {low}).bytes(),
       "of cycle 7 in cycle 7"},
      {"too many leaves", Items().Filled({low, next, high, {Key(0x91), Key(1)}}).bytes(),
       "more new leaves than 3"},
      {"too deep", deep.bytes(), "below depth 256"},
  };
  const GrowthClaim claim{7, Key(1), Key(2), 10, 3};
  for (const auto& c : cases) {
    GrowthVerifier verifier(claim);
    const absl::Status status = verifier.Feed(c.proof);
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)))
        << c.name;
    // The error stays, whatever follows.
    EXPECT_EQ(verifier.Feed(Bytes(1)), status) << c.name;
    EXPECT_EQ(verifier.Finish(), status) << c.name;
  }
}

// Honest items in the wrong place: the old tree that they claim is not the one committed to.
TEST(GrowthProofTest, RefusesAnOldLeafPassedOffAsASubtree) {
  const Trie trie = SmallTrie();
  const TrieLeaf displaced = *trie.Find(Key(0x10));
  const TrieLeaf other = *trie.Find(Key(0x80));
  const TrieEntry first{Key(0x00), Key(1)};
  const TrieEntry second{Key(0x11), Key(3)};
  const GrowthClaim claim = ClaimOf(trie, 2);
  // Right, written by hand.
  GROAT_EXPECT_OK(VerifyGrowth(
      claim,
      Items().Node().Displaced(displaced, {first, second}).Same(ModelLeafHash(other)).bytes()));
  // The old leaf stays where it was, below a node that the old trie does not have.
  EXPECT_FALSE(VerifyGrowth(claim, Items()
                                       .Node()
                                       .Node()
                                       .Same(ModelLeafHash(displaced))
                                       .Filled({{Key(0x40), Key(1)}, {Key(0x41), Key(1)}})
                                       .Same(ModelLeafHash(other))
                                       .bytes())
                   .ok());
  // The old leaf vanishes.
  EXPECT_FALSE(
      VerifyGrowth(claim, Items().Node().Filled({first, second}).Same(ModelLeafHash(other)).bytes())
          .ok());
}

}  // namespace
}  // namespace groat::merkle
