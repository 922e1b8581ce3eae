#include "merkle/hash_plan.h"

#include <gtest/gtest.h>

#include "merkle/chunked_array.h"
#include "merkle/sorted_subtree.h"
#include "merkle/trie_model.h"

namespace groat::merkle {
namespace {

// The vector code against BLAKE3's own, for every number of lanes left over.
TEST(LeafBatchTest, AgreesWithBlake3) {
  KeySource keys(1, KeyShape::kUniform);
  for (size_t count = 0; count <= 50; ++count) {
    std::vector<LeafBytes> leaves;
    std::vector<Hash> want;
    for (size_t i = 0; i < count; ++i) {
      const TrieLeaf leaf{keys.Next(), keys.Next(), keys.Below(1u << 31)};
      leaves.push_back(EncodeLeaf(leaf));
      want.push_back(ModelLeafHash(leaf));
      EXPECT_EQ(TrieLeafHash(leaf), want.back());
    }
    std::vector<Hash> got(count);
    TrieLeafHashes(leaves, got.data());
    EXPECT_EQ(got, want) << count;
  }
}

TEST(HashPlanTest, ComputesWhatDependsOnEachOther) {
  KeySource keys(2, KeyShape::kUniform);
  HashPlan plan;
  for (int round = 0; round < 3; ++round) {
    std::vector<HashPlan::Slot> slots = {HashPlan::kEmpty};
    std::vector<Hash> want = {Hash{}};
    for (int i = 0; i < 1000; ++i) {
      const size_t a = keys.Below(slots.size());
      const size_t b = keys.Below(slots.size());
      switch (keys.Below(3)) {
        case 0:
          want.push_back(keys.Next());
          slots.push_back(plan.Known(want.back()));
          break;
        case 1: {
          const TrieLeaf leaf{keys.Next(), keys.Next(), 5};
          want.push_back(ModelLeafHash(leaf));
          slots.push_back(plan.Leaf(leaf));
          break;
        }
        default:
          want.push_back(TrieNodeHash(want[a], want[b]));
          slots.push_back(plan.Node(slots[a], slots[b]));
      }
      // Slots may be added after a Run, and may depend on what it computed.
      if (i % 400 == 399) plan.Run();
    }
    plan.Run();
    for (size_t i = 0; i < slots.size(); ++i) EXPECT_EQ(plan[slots[i]], want[i]) << i;
    EXPECT_GE(plan.size(), slots.size());
    plan.Clear();
  }
}

TEST(SortedSubtreeTest, AgreesWithTheModel) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    KeySource keys(seed, static_cast<KeyShape>(seed % 3));
    const auto entries = NewEntries(keys, TrieModel(), 1 + keys.Below(30));
    size_t depth = kKeyBits;
    std::vector<TrieLeaf> leaves;
    for (const TrieEntry& entry : entries) {
      leaves.push_back({entry.key, entry.value, seed});
      depth = std::min(depth, CommonPrefixBits(entries[0].key, entry.key));
    }
    HashPlan plan;
    SortedSubtree subtree;
    for (int round = 0; round < 2; ++round) {  // Finish clears.
      for (const TrieLeaf& leaf : leaves) subtree.Append(plan, leaf);
      const HashPlan::Slot slot = subtree.Finish(plan, depth);
      plan.Run();
      EXPECT_EQ(plan[slot], ModelHash(leaves, depth)) << seed;
    }
  }
}

TEST(ChunkedArrayTest, GrowsAndKeepsValues) {
  ChunkedArray<uint64_t, 64> array;
  EXPECT_EQ(array.memory_bytes(), 0u);
  for (uint64_t i = 0; i < 1000; ++i) {
    array.push_back(i * i);
    EXPECT_EQ(array.size(), i + 1);
  }
  const uint64_t* first = &array[0];
  for (uint64_t i = 0; i < 1000; ++i) array.push_back(i);
  EXPECT_EQ(first, &array[0]);
  for (uint64_t i = 0; i < 1000; ++i) EXPECT_EQ(array[i], i * i);
  const size_t before = array.memory_bytes();
  array.Reserve(array.size() % 64);  // Fits.
  EXPECT_EQ(array.memory_bytes(), before);
  EXPECT_LT(array.memory_bytes(), (2000 + 64) * sizeof(uint64_t) + 1024);

  array.Reserve(200);
  EXPECT_EQ(array.size(), 2000u);
  const size_t reserved = array.memory_bytes();
  EXPECT_GT(reserved, before);
  for (uint64_t i = 0; i < 200; ++i) array.push_back(i);
  EXPECT_LE(array.memory_bytes(), reserved + 1024);
  EXPECT_EQ(array[2199], 199u);
  EXPECT_EQ(array[999], 999u * 999u);
}

TEST(ChunkedArrayTest, SmallArraysReserveNothing) {
  ChunkedArray<uint64_t, 64> array;
  array.push_back(7);
  const size_t before = array.memory_bytes();
  array.Reserve(1000);
  EXPECT_EQ(array.memory_bytes(), before);
  EXPECT_EQ(array[0], 7u);
}

}  // namespace
}  // namespace groat::merkle
