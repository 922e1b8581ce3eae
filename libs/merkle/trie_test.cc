#include "merkle/trie.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

TrieEntry Entry(uint8_t first, uint8_t last = 0) { return {Key(first, last), Key(0xEE, first)}; }

// Everything that can be asked about `cycle` agrees with the model.
void ExpectCycleMatches(const Trie& trie, const TrieModel& model, uint64_t cycle,
                        const std::vector<Bytes32>& absent) {
  SCOPED_TRACE("cycle " + std::to_string(cycle));
  const std::vector<TrieLeaf> leaves = model.LeavesAt(cycle);
  GROAT_ASSERT_OK_AND_ASSIGN(const TrieSummary summary, trie.At(cycle));
  ASSERT_EQ(summary.root, ModelHash(leaves));
  ASSERT_EQ(summary.leaf_count, leaves.size());
  if (cycle > 0) {
    ASSERT_EQ(summary.new_leaf_count, leaves.size() - model.LeavesAt(cycle - 1).size());
  }

  for (const auto& [key, leaf] : model.leaves()) {
    const auto inclusion = trie.ProveInclusion(key, cycle);
    const auto null = trie.ProveNull(key, cycle);
    if (leaf.cycle <= cycle) {
      GROAT_ASSERT_OK(inclusion);
      EXPECT_EQ(inclusion->leaf, leaf);
      GROAT_EXPECT_OK(Verify(*inclusion, summary.root));
      GROAT_ASSERT_OK_AND_ASSIGN(const auto again, InclusionProof::Decode(inclusion->Encode()));
      EXPECT_EQ(again, *inclusion);
      EXPECT_THAT(null, StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr(key.Hex())));
    } else {
      EXPECT_THAT(inclusion, StatusIs(absl::StatusCode::kNotFound, HasSubstr(key.Hex())));
      GROAT_ASSERT_OK(null);
      GROAT_EXPECT_OK(Verify(*null, summary.root));
    }
  }
  for (const Bytes32& key : absent) {
    GROAT_ASSERT_OK_AND_ASSIGN(const NullProof null, trie.ProveNull(key, cycle));
    GROAT_EXPECT_OK(Verify(null, summary.root));
    GROAT_ASSERT_OK_AND_ASSIGN(const auto again, NullProof::Decode(null.Encode()));
    EXPECT_EQ(again, null);
  }
  if (cycle > 0) {
    GROAT_EXPECT_OK(VerifyGrowth(ClaimOf(trie, cycle), WholeGrowthProof(trie, cycle)));
  }
}

struct ModelCase {
  const char* name;
  KeyShape shape;
  size_t cycles;
  size_t entries_per_cycle;  // At most.
  size_t seeds;
};

class TrieModelTest : public ::testing::TestWithParam<ModelCase> {};

// Method: random cycles, some empty, some numbers left out, added in random slices; between slices
// the last sealed cycle is asked about; at the end every cycle is.
TEST_P(TrieModelTest, AgreesAtEveryCycle) {
  for (uint32_t seed = 1; seed <= GetParam().seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    KeySource keys(seed, GetParam().shape);
    TrieModel model;
    Trie trie;
    uint64_t cycle = 0;
    for (size_t i = 0; i < GetParam().cycles; ++i) {
      const uint64_t sealed = trie.LastSealed();
      cycle += 1 + (keys.Below(4) == 0 ? keys.Below(5) : 0);
      const auto entries = NewEntries(
          keys, model, keys.Below(4) == 0 ? 0 : keys.Below(GetParam().entries_per_cycle));
      GROAT_ASSERT_OK(trie.BeginCycle(cycle));
      std::span<const TrieEntry> rest(entries);
      TrieModel partial = model;
      while (!rest.empty()) {
        const size_t count = std::min(rest.size(), 1 + keys.Below(rest.size()));
        GROAT_ASSERT_OK(trie.Add(rest.first(count)));
        for (const TrieEntry& entry : rest.first(count)) partial.Add(entry, cycle);
        rest = rest.subspan(count);
        if (keys.Below(3) == 0)
          ExpectCycleMatches(trie, partial, sealed, AbsentKeys(keys, partial, 2));
      }
      for (const TrieEntry& entry : entries) model.Add(entry, cycle);
      const TrieSummary summary = trie.Seal();
      EXPECT_EQ(summary, *trie.At(cycle));
      EXPECT_EQ(trie.LastSealed(), cycle);
      EXPECT_EQ(summary.root, ModelHash(model.LeavesAt(cycle)));
    }
    const std::vector<Bytes32> absent = AbsentKeys(keys, model, 5);
    for (uint64_t c = 0; c <= cycle; ++c) ExpectCycleMatches(trie, model, c, absent);
    for (const auto& [key, leaf] : model.leaves()) EXPECT_EQ(trie.Find(key), leaf);
    for (const Bytes32& key : absent) EXPECT_EQ(trie.Find(key), std::nullopt);
    if (::testing::Test::HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, TrieModelTest,
                         ::testing::Values(ModelCase{"UniformTiny", KeyShape::kUniform, 8, 4, 60},
                                           ModelCase{"Uniform", KeyShape::kUniform, 10, 60, 8},
                                           ModelCase{"Clustered", KeyShape::kClustered, 10, 40, 8},
                                           ModelCase{"Deep", KeyShape::kDeep, 8, 20, 12}),
                         [](const auto& test) { return test.param.name; });

// Large enough for upper forks with history (512 leaves and more); proofs at a sample of keys.
class LargeTrieTest : public ::testing::TestWithParam<KeyShape> {};

TEST_P(LargeTrieTest, OldCyclesStayProvable) {
  KeySource keys(7, GetParam());
  TrieModel model;
  Trie trie;
  constexpr uint64_t kCycles = 30;
  for (uint64_t cycle = 1; cycle <= kCycles; ++cycle) {
    // Cycles of very different sizes, so that forks become upper ones at once and one by one.
    const auto entries = NewEntries(keys, model, cycle % 5 == 0 ? 2500 : 1 + keys.Below(150));
    GROAT_ASSERT_OK(trie.BeginCycle(cycle));
    std::span<const TrieEntry> rest(entries);
    for (size_t slices = 0; !rest.empty(); ++slices) {
      const size_t count = std::min<size_t>(rest.size(), 700);
      GROAT_ASSERT_OK(trie.Add(rest.first(count)));
      rest = rest.subspan(count);
      // In the middle of the cycle, the one before is answered as it was.
      for (int i = 0; i < 3; ++i) {
        const Bytes32 key = entries[keys.Below(entries.size())].key;
        GROAT_ASSERT_OK_AND_ASSIGN(const NullProof null, trie.ProveNull(key, cycle - 1));
        GROAT_ASSERT_OK(Verify(null, trie.At(cycle - 1)->root));
      }
    }
    for (const TrieEntry& entry : entries) model.Add(entry, cycle);
    ASSERT_EQ(trie.Seal().root, ModelHash(model.LeavesAt(cycle)));
  }

  std::vector<TrieLeaf> all = model.LeavesAt(kCycles);
  for (uint64_t cycle = 0; cycle <= kCycles; ++cycle) {
    const TrieSummary summary = *trie.At(cycle);
    ASSERT_EQ(summary.root, ModelHash(model.LeavesAt(cycle)));
    for (int i = 0; i < 40; ++i) {
      const TrieLeaf& leaf = all[keys.Below(all.size())];
      if (leaf.cycle <= cycle) {
        GROAT_ASSERT_OK_AND_ASSIGN(const auto proof, trie.ProveInclusion(leaf.key, cycle));
        GROAT_ASSERT_OK(Verify(proof, summary.root));
      } else {
        GROAT_ASSERT_OK_AND_ASSIGN(const auto proof, trie.ProveNull(leaf.key, cycle));
        GROAT_ASSERT_OK(Verify(proof, summary.root));
      }
    }
    if (cycle == 0) continue;
    GROAT_ASSERT_OK(VerifyGrowth(ClaimOf(trie, cycle), WholeGrowthProof(trie, cycle, 1000)));
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, LargeTrieTest,
                         ::testing::Values(KeyShape::kUniform, KeyShape::kClustered));

// A slice longer than what is hashed together (4,096) gives the same root as single entries.
TEST(TrieTest, SlicesDoNotMatter) {
  KeySource keys(3, KeyShape::kUniform);
  const auto entries = NewEntries(keys, TrieModel(), 10000);
  Trie whole;
  GROAT_ASSERT_OK(whole.BeginCycle(1));
  GROAT_ASSERT_OK(whole.Add(entries));
  Trie pieces;
  GROAT_ASSERT_OK(pieces.BeginCycle(1));
  for (const TrieEntry& entry : entries) GROAT_ASSERT_OK(pieces.Add({&entry, 1}));

  EXPECT_EQ(whole.Seal(), pieces.Seal());
}

TEST(TrieTest, EmptyTrie) {
  Trie trie;
  EXPECT_EQ(trie.LastSealed(), 0u);
  EXPECT_EQ(trie.Find(Key(1)), std::nullopt);
  EXPECT_EQ(*trie.At(0), TrieSummary{});
  EXPECT_THAT(trie.At(1), StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("cycle 1")));
  GROAT_ASSERT_OK(trie.BeginCycle(1));
  EXPECT_EQ(trie.Seal(), TrieSummary{});
  GROAT_ASSERT_OK_AND_ASSIGN(const NullProof null, trie.ProveNull(Key(1), 1));
  GROAT_EXPECT_OK(Verify(null, Hash{}));
  EXPECT_TRUE(WholeGrowthProof(trie, 1).empty());
  GROAT_EXPECT_OK(VerifyGrowth(ClaimOf(trie, 1), {}));
}

TEST(TrieTest, CyclesWithoutLeavesKeepTheRoot) {
  Trie trie;
  GROAT_ASSERT_OK(trie.BeginCycle(10));
  GROAT_ASSERT_OK(trie.Add(std::vector<TrieEntry>{Entry(1)}));
  const TrieSummary first = trie.Seal();
  GROAT_ASSERT_OK(trie.BeginCycle(15));
  const TrieSummary later = trie.Seal();

  EXPECT_EQ(trie.At(9)->root, Hash{});
  EXPECT_EQ(trie.At(12)->root, first.root);
  EXPECT_EQ(later.root, first.root);
  EXPECT_EQ(later.leaf_count, 1u);
  EXPECT_EQ(later.new_leaf_count, 0u);
  EXPECT_THAT(trie.At(16), StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("last sealed 15")));
}

TEST(TrieTest, RefusesCyclesOutOfOrder) {
  Trie trie;
  EXPECT_THAT(trie.BeginCycle(0),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cycle 0")));
  GROAT_ASSERT_OK(trie.BeginCycle(5));
  EXPECT_THAT(trie.BeginCycle(6),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("cycle 5 is open")));
  trie.Seal();
  EXPECT_THAT(trie.BeginCycle(5),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("want above 5")));
  EXPECT_THAT(trie.Add(std::vector<TrieEntry>{Entry(1)}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no cycle")));
}

TEST(TrieTest, RefusedSliceChangesNothing) {
  Trie trie;
  GROAT_ASSERT_OK(trie.BeginCycle(1));
  GROAT_ASSERT_OK(trie.Add(std::vector<TrieEntry>{Entry(5), Entry(9)}));
  const struct {
    const char* name;
    std::vector<TrieEntry> slice;
    absl::StatusCode code;
    const char* message;
  } cases[] = {
      {"before the last slice", {Entry(7)}, absl::StatusCode::kInvalidArgument, "index 0"},
      {"the last key again", {Entry(9)}, absl::StatusCode::kInvalidArgument, "index 0"},
      {"descending", {Entry(20), Entry(19)}, absl::StatusCode::kInvalidArgument, "index 1"},
      {"twice", {Entry(20), Entry(20)}, absl::StatusCode::kInvalidArgument, "index 1"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(trie.Add(c.slice), StatusIs(c.code, HasSubstr(c.message))) << c.name;
  }
  const TrieSummary sealed = trie.Seal();
  EXPECT_EQ(sealed.leaf_count, 2u);

  GROAT_ASSERT_OK(trie.BeginCycle(2));
  EXPECT_THAT(trie.Add(std::vector<TrieEntry>{Entry(1), Entry(5), Entry(6)}),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("index 1")));
  EXPECT_EQ(trie.Find(Key(1)), std::nullopt);
  GROAT_ASSERT_OK(trie.Add(std::vector<TrieEntry>{Entry(1), Entry(6)}));
  EXPECT_EQ(trie.Seal().leaf_count, 4u);
  EXPECT_EQ(*trie.At(1), sealed);
}

TEST(TrieTest, FindSeesTheOpenCycle) {
  Trie trie;
  GROAT_ASSERT_OK(trie.BeginCycle(3));
  GROAT_ASSERT_OK(trie.Add(std::vector<TrieEntry>{Entry(5)}));
  const std::optional<TrieLeaf> found = trie.Find(Key(5));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->cycle, 3u);
  EXPECT_EQ(found->value, Entry(5).value);
  EXPECT_THAT(trie.ProveInclusion(Key(5), 3),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("last sealed 0")));
}

TEST(TrieTest, NewLeavesAreThoseOfTheCycle) {
  Trie trie;
  for (uint8_t cycle = 1; cycle <= 3; ++cycle) {
    GROAT_ASSERT_OK(trie.BeginCycle(cycle));
    GROAT_ASSERT_OK(trie.Add(std::vector<TrieEntry>{Entry(cycle), Entry(cycle + 10)}));
    trie.Seal();
  }
  GROAT_ASSERT_OK_AND_ASSIGN(const auto all, trie.NewLeaves(2, 0, 100));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].key, Key(2));
  EXPECT_EQ(all[1].key, Key(12));
  GROAT_ASSERT_OK_AND_ASSIGN(const auto second, trie.NewLeaves(2, 1, 1));
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].key, Key(12));
  EXPECT_TRUE(trie.NewLeaves(2, 2, 1)->empty());
  EXPECT_TRUE(trie.NewLeaves(0, 0, 1)->empty());
  EXPECT_THAT(trie.NewLeaves(4, 0, 1),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("cycle 4")));
}

// Every chunk holds to its bound, and the cursor survives growth of the trie between chunks.
TEST(TrieTest, GrowthChunksWhileTheTrieGrows) {
  KeySource keys(11, KeyShape::kUniform);
  TrieModel model;
  Trie trie;
  uint64_t cycle = 0;
  const auto grow = [&](size_t count) {
    const auto entries = NewEntries(keys, model, count);
    ++cycle;
    GROAT_ASSERT_OK(trie.BeginCycle(cycle));
    GROAT_ASSERT_OK(trie.Add(entries));
    trie.Seal();
    for (const TrieEntry& entry : entries) model.Add(entry, cycle);
  };
  grow(3000);
  grow(400);
  const GrowthClaim claim = ClaimOf(trie, 2);
  const Bytes whole = WholeGrowthProof(trie, 2);

  GROAT_ASSERT_OK_AND_ASSIGN(GrowthCursor cursor, trie.ProveGrowth(2));
  GrowthVerifier verifier(claim);
  Bytes joined;
  while (!cursor.done()) {
    const Bytes chunk = trie.NextGrowthChunk(cursor, 1000);
    EXPECT_LE(chunk.size(), 1000u);
    ASSERT_FALSE(chunk.empty());
    GROAT_ASSERT_OK(verifier.Feed(chunk));
    joined.insert(joined.end(), chunk.begin(), chunk.end());
    if (cycle < 12) grow(300);
  }
  GROAT_EXPECT_OK(verifier.Finish());
  EXPECT_EQ(joined, whole);
  EXPECT_TRUE(trie.NextGrowthChunk(cursor, 1000).empty());
}

TEST(TrieTest, ShrinkToFitKeepsTheTrieWritable) {
  KeySource keys(12, KeyShape::kUniform);
  const auto entries = NewEntries(keys, TrieModel(), 5000);
  Trie trie;
  GROAT_ASSERT_OK(trie.BeginCycle(1));
  GROAT_ASSERT_OK(trie.Add(entries));
  const TrieSummary sealed = trie.Seal();
  const size_t before = trie.memory_bytes();
  trie.ShrinkToFit();
  EXPECT_LT(trie.memory_bytes(), before);
  EXPECT_EQ(*trie.At(1), sealed);
  GROAT_ASSERT_OK(trie.BeginCycle(2));
  GROAT_ASSERT_OK(trie.Add(std::vector<TrieEntry>{Entry(1)}));
  EXPECT_EQ(trie.Seal().leaf_count, sealed.leaf_count + 1);
}

// Golden bytes: a fixed set of leaves. A change here breaks every proof in the world.
TEST(TrieTest, GoldenRoots) {
  const TrieLeaf leaf{Key(0x00, 1), Key(0xAA, 2), 7};
  EXPECT_EQ(TrieLeafHash(leaf).Hex(),
            "30887be7e7f810fa10c22b8203e9b88ea4321f047775c37877b75c75b3826edd");
  EXPECT_EQ(TrieNodeHash(Key(1), Key(2)).Hex(),
            "68c203f31c8fdf974e6df8650c7896d9db3c9e7031107dbf519b670cf37af68c");
  Trie trie;
  GROAT_ASSERT_OK(trie.BeginCycle(1));
  GROAT_ASSERT_OK(trie.Add(std::vector<TrieEntry>{Entry(0x10)}));
  EXPECT_EQ(trie.Seal().root.Hex(),
            "a1eb94c3a08208ecd599a7837259724041604d85e180f78d1633ff810dcb44b4");
  GROAT_ASSERT_OK(trie.BeginCycle(2));
  GROAT_ASSERT_OK(trie.Add(std::vector<TrieEntry>{Entry(0x10, 1), Entry(0x20), Entry(0xF0)}));
  EXPECT_EQ(trie.Seal().root.Hex(),
            "a18bc7c7ee44519acea3b81e5eeeb541a7cadce8e60f636277b207251752094f");
}

}  // namespace
}  // namespace groat::merkle
