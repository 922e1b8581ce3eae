#include "merkle/trie_proof.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/check.h"
#include "base/status_matchers.h"
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

// Keys 00.., 10..00, 10..01 (deep fork), F0..; in cycles 1 and 2.
Trie SmallTrie() {
  Trie trie;
  GROAT_CHECK_OK(trie.BeginCycle(1));
  GROAT_CHECK_OK(trie.Add(std::vector<TrieEntry>{{Key(0x00), Key(1)}, {Key(0x10), Key(2)}}));
  trie.Seal();
  GROAT_CHECK_OK(trie.BeginCycle(2));
  GROAT_CHECK_OK(trie.Add(std::vector<TrieEntry>{{Key(0x10, 1), Key(3)}, {Key(0xF0), Key(4)}}));
  trie.Seal();
  return trie;
}

// Golden bytes: what is written today must be readable for ever.
TEST(TrieProofTest, GoldenBytes) {
  const Trie trie = SmallTrie();
  EXPECT_EQ(ToHex(trie.ProveInclusion(Key(0xF0), 2)->Encode()),
            "01f00000000000000000000000000000000000000000000000000000000000000004000000000000"
            "0000000000000000000000000000000000000000000000000000000000000000020001800fc7b9f2"
            "acc581e52722f487b2532ff6459d44a93776ba30c7e01385b33f27dc");
  EXPECT_EQ(ToHex(trie.ProveInclusion(Key(0x10), 1)->Encode()),
            "01100000000000000000000000000000000000000000000000000000000000000002000000000000"
            "0000000000000000000000000000000000000000000000000000000000000000010004102d50b9ca"
            "f6369f741a92150bcd2b5d58478cd9a53cd04e7838b718b8132776f1");
  EXPECT_EQ(ToHex(trie.ProveNull(Key(0x40), 2)->Encode()),
            "024000000000000000000000000000000000000000000000000000000000000000000002c087d2ca"
            "8c19009b561d8006203a480e84e2ffbaff8b6fd8694b937b0b4630936c500e47f399815f80208898"
            "6d4551e7ce4fa96ea1b0d85eaf828376247a9d2e76");
  EXPECT_EQ(ToHex(trie.ProveNull(Key(0xFF), 2)->Encode()),
            "02ff0000000000000000000000000000000000000000000000000000000000000001f00000000000"
            "00000000000000000000000000000000000000000000000000000400000000000000000000000000"
            "00000000000000000000000000000000000000000000000000020001800fc7b9f2acc581e52722f4"
            "87b2532ff6459d44a93776ba30c7e01385b33f27dc");
  EXPECT_EQ(ToHex(NullProof{Key(1), std::nullopt, {}}.Encode()),
            "020100000000000000000000000000000000000000000000000000000000000000000000");
}

TEST(TrieProofTest, DeepestFork) {
  const Trie trie = SmallTrie();
  GROAT_ASSERT_OK_AND_ASSIGN(const auto proof, trie.ProveInclusion(Key(0x10, 1), 2));
  EXPECT_EQ(proof.siblings.size(), 256u);
  GROAT_EXPECT_OK(Verify(proof, trie.At(2)->root));
  EXPECT_EQ(*InclusionProof::Decode(proof.Encode()), proof);
}

// No proof passes with any byte changed. A null proof whose asked key is changed below the place
// where it ends is a right proof about another key, and nothing else may be.
TEST(TrieProofTest, ForgedBytesFail) {
  for (uint32_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    KeySource keys(seed, seed % 2 == 0 ? KeyShape::kUniform : KeyShape::kClustered);
    const auto entries = NewEntries(keys, TrieModel(), 40);
    Trie trie;
    GROAT_ASSERT_OK(trie.BeginCycle(9));
    GROAT_ASSERT_OK(trie.Add(entries));
    const Hash root = trie.Seal().root;

    const Bytes inclusion = trie.ProveInclusion(entries[keys.Below(40)].key, 9)->Encode();
    const Bytes32 absent = keys.Next();
    const Bytes null = trie.ProveNull(absent, 9)->Encode();
    for (size_t i = 0; i < inclusion.size(); ++i) {
      for (const int bit : {0, 3, 7}) {
        Bytes forged = inclusion;
        forged[i] ^= static_cast<uint8_t>(1u << bit);
        const auto proof = InclusionProof::Decode(forged);
        EXPECT_FALSE(proof.ok() && Verify(*proof, root).ok()) << "byte " << i;
      }
    }
    for (size_t i = 0; i < null.size(); ++i) {
      for (const int bit : {0, 3, 7}) {
        Bytes forged = null;
        forged[i] ^= static_cast<uint8_t>(1u << bit);
        const auto proof = NullProof::Decode(forged);
        if (proof.ok() && Verify(*proof, root).ok()) {
          EXPECT_NE(proof->key, absent) << "byte " << i;
          EXPECT_EQ(trie.Find(proof->key), std::nullopt) << "byte " << i;
        }
      }
    }
    for (size_t size = 0; size < inclusion.size(); ++size) {
      EXPECT_FALSE(InclusionProof::Decode(ByteView(inclusion).first(size)).ok()) << size;
    }
    for (size_t size = 0; size < null.size(); ++size) {
      EXPECT_FALSE(NullProof::Decode(ByteView(null).first(size)).ok()) << size;
    }
    Bytes longer = inclusion;
    longer.push_back(0);
    EXPECT_FALSE(InclusionProof::Decode(longer).ok());
    longer = null;
    longer.push_back(0);
    EXPECT_FALSE(NullProof::Decode(longer).ok());
  }
}

TEST(TrieProofTest, OtherRootsFail) {
  const Trie trie = SmallTrie();
  const Hash first = trie.At(1)->root;
  const Hash second = trie.At(2)->root;
  EXPECT_THAT(Verify(*trie.ProveInclusion(Key(0x10), 1), second),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(second.Hex())));
  EXPECT_FALSE(Verify(*trie.ProveInclusion(Key(0x10), 2), first).ok());
  EXPECT_FALSE(Verify(*trie.ProveNull(Key(0xF0), 1), second).ok());
  EXPECT_FALSE(Verify(*trie.ProveNull(Key(0x40), 2), Hash{}).ok());
}

// A leaf's hash is not a node's, whatever the value and key are made to look like: an inner node
// passed off as a leaf, and a leaf as an empty place, fail.
TEST(TrieProofTest, NullProofCannotHideALeaf) {
  const Trie trie = SmallTrie();
  const Hash root = trie.At(2)->root;
  const InclusionProof there = *trie.ProveInclusion(Key(0xF0), 2);
  EXPECT_FALSE(Verify(NullProof{Key(0xF0), std::nullopt, there.siblings}, root).ok());
  for (size_t depth = 0; depth < there.siblings.size(); ++depth) {
    const SiblingPath shorter(there.siblings.begin(),
                              there.siblings.begin() + static_cast<ptrdiff_t>(depth));
    EXPECT_FALSE(Verify(NullProof{Key(0xF0), std::nullopt, shorter}, root).ok());
    EXPECT_FALSE(Verify(InclusionProof{there.leaf, shorter}, root).ok());
  }
}

TEST(TrieProofTest, RefusesShapesThatNoTrieHas) {
  const TrieLeaf leaf{Key(0x10), Key(1), 3};
  const Hash sibling = Key(0x77);
  const struct {
    const char* name;
    absl::Status status;
    const char* message;
  } cases[] = {
      {"lone leaf below an empty sibling", Verify(InclusionProof{leaf, {sibling, Hash{}}}, sibling),
       "empty sibling"},
      {"257 levels", Verify(InclusionProof{leaf, SiblingPath(257, sibling)}, sibling),
       "depth 257, at most 256"},
      {"empty place beside an empty sibling",
       Verify(NullProof{Key(1), std::nullopt, {Hash{}}}, Hash{}), "empty sibling"},
      {"other leaf is the key", Verify(NullProof{leaf.key, leaf, {sibling}}, sibling),
       "the key itself"},
      {"other leaf elsewhere", Verify(NullProof{Key(0x90), leaf, {sibling}}, sibling),
       "shares 0 bits, want 1"},
      {"other leaf at depth 256",
       Verify(NullProof{Key(1), leaf, SiblingPath(256, sibling)}, sibling),
       "depth 256, at most 255"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(c.status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)))
        << c.name;
  }
}

TEST(TrieProofTest, DecodeRefusesOtherEncodings) {
  const Trie trie = SmallTrie();
  const Bytes inclusion = trie.ProveInclusion(Key(0x00), 2)->Encode();
  const Bytes null = trie.ProveNull(Key(0x40), 2)->Encode();
  // Offsets of the path: after kind and leaf, and after kind, key and place.
  constexpr size_t kInclusionDepth = 1 + 72;
  constexpr size_t kNullDepth = 1 + 32 + 1;
  ASSERT_EQ(inclusion[kInclusionDepth + 1], 4);
  ASSERT_EQ(null[kNullDepth + 1], 2);

  const struct {
    const char* name;
    bool is_null;
    std::function<void(Bytes&)> change;
    const char* message;
  } cases[] = {
      {"null as inclusion", false, [](Bytes& b) { b[0] = 2; }, "kind 2, want 1"},
      {"inclusion as null", true, [](Bytes& b) { b[0] = 1; }, "kind 1, want 2"},
      {"unknown place", true, [](Bytes& b) { b[33] = 2; }, "place 2"},
      {"too deep", false, [](Bytes& b) { b[kInclusionDepth] = 2; }, "depth 516"},
      {"bits past the depth", false, [](Bytes& b) { b[kInclusionDepth + 2] |= 1; }, "past depth 4"},
      {"zero sibling hash", false,
       [](Bytes& b) {
         std::fill(b.begin() + kInclusionDepth + 3, b.begin() + kInclusionDepth + 35, 0);
       },
       "zero hash"},
      {"empty deepest sibling", true,
       [](Bytes& b) {
         b[kNullDepth + 2] = 0x80;
         b.resize(b.size() - 32);
       },
       "empty sibling"},
      {"bitmap cut off", false, [](Bytes& b) { b.resize(kInclusionDepth + 2); }, "trie proof"},
      {"nothing", false, [](Bytes& b) { b.clear(); }, "trie proof"},
  };
  for (const auto& c : cases) {
    Bytes bytes = c.is_null ? null : inclusion;
    c.change(bytes);
    const absl::Status status =
        c.is_null ? NullProof::Decode(bytes).status() : InclusionProof::Decode(bytes).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)))
        << c.name;
  }
}

}  // namespace
}  // namespace groat::merkle
