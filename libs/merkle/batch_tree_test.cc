#include "merkle/batch_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status_matchers.h"

namespace groat::merkle {
namespace {

using ::groat::testing::StatusIs;
using ::testing::HasSubstr;

std::vector<Hash> Leaves(size_t count) {
  std::vector<Hash> leaves;
  for (size_t i = 0; i < count; ++i) {
    leaves.push_back(BatchLeafHash(static_cast<uint32_t>(i), 7 * i, AsBytes("payload")));
  }
  return leaves;
}

// The rule as the format states it.
Hash ModelRoot(std::vector<Hash> level) {
  while (level.size() > 1) {
    std::vector<Hash> above;
    for (size_t i = 0; i + 1 < level.size(); i += 2) {
      above.push_back(Blake3Context("groat 2026 batch node v1")({level[i], level[i + 1]}));
    }
    if (level.size() % 2 == 1) above.push_back(level.back());
    level = above;
  }
  return level[0];
}

TEST(BatchTreeTest, EveryLeafOfEverySize) {
  for (size_t count = 1; count <= 70; ++count) {
    const std::vector<Hash> leaves = Leaves(count);
    const BatchTree tree(leaves);
    ASSERT_EQ(tree.leaf_count(), count);
    ASSERT_EQ(tree.root(), ModelRoot(leaves));
    for (size_t i = 0; i < count; ++i) {
      const BatchProof proof = tree.Prove(i);
      GROAT_ASSERT_OK(Verify(proof, leaves[i], tree.root()));
      GROAT_ASSERT_OK_AND_ASSIGN(const BatchProof again, BatchProof::Decode(proof.Encode()));
      EXPECT_EQ(again, proof);
      if (count == 1) continue;
      EXPECT_FALSE(Verify(proof, leaves[(i + 1) % count], tree.root()).ok());
    }
  }
}

TEST(BatchTreeTest, ForgedBytesFail) {
  for (const size_t count : {1u, 2u, 5u, 8u, 13u}) {
    const std::vector<Hash> leaves = Leaves(count);
    const BatchTree tree(leaves);
    for (size_t leaf = 0; leaf < count; ++leaf) {
      const Bytes bytes = tree.Prove(leaf).Encode();
      for (size_t i = 0; i < bytes.size(); ++i) {
        Bytes forged = bytes;
        forged[i] ^= 1;
        const auto proof = BatchProof::Decode(forged);
        if (!proof.ok() || !Verify(*proof, leaves[leaf], tree.root()).ok()) continue;
        // The root does not commit to leaf_count: another count with the same path is no forgery.
        EXPECT_EQ(proof->index, leaf);
        EXPECT_EQ(proof->siblings, tree.Prove(leaf).siblings);
      }
      for (size_t size = 0; size < bytes.size(); ++size) {
        const auto cut = BatchProof::Decode(ByteView(bytes).first(size));
        EXPECT_FALSE(cut.ok() && Verify(*cut, leaves[leaf], tree.root()).ok());
      }
    }
  }
}

TEST(BatchTreeTest, RefusesBadShapes) {
  const Hash hash = Leaves(1)[0];
  const struct {
    BatchProof proof;
    const char* message;
  } cases[] = {
      {{0, 0, {}}, "0 leaves"},
      {{0, kMaxBatchLeaves + 1, {}}, "16777217 leaves"},
      {{3, 3, {hash}}, "index 3 of 3"},
      {{0, 1, {hash}}, "1 siblings, want 0"},
      {{0, 4, {hash}}, "1 siblings, want 2"},
      {{4, 5, {hash, hash, hash}}, "3 siblings, want 1"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(Verify(c.proof, hash, hash),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)));
  }
  ByteWriter long_proof;
  long_proof.U32(0).U32(2);
  for (int i = 0; i < 25; ++i) long_proof.Raw(hash);
  EXPECT_THAT(BatchProof::Decode(long_proof.bytes()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("808 bytes")));
  EXPECT_THAT(BatchProof::Decode(Bytes(7)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("batch proof")));
  EXPECT_FALSE(BatchProof::Decode(Bytes(8 + 31)).ok());
}

TEST(BatchTreeTest, GoldenBytes) {
  const BatchTree tree(Leaves(3));
  EXPECT_EQ(BatchLeafHash(1, 2, AsBytes("three")).Hex(),
            "40b86b1b75cc8a135ca54ab9b0b5d988f0f58783eeab1f64de1876bf318ff362");
  EXPECT_EQ(BatchNodeHash(Leaves(2)[0], Leaves(2)[1]).Hex(),
            "1aeac59bc663526d91849902b5c6958940686b262c53749b349fe26e76afb73c");
  EXPECT_EQ(tree.root().Hex(), "e2d246c384ca53e1896aa5192599db7015db87d614fb483ea47076fe2e99c4e8");
  EXPECT_EQ(ToHex(tree.Prove(2).Encode()),
            "00000002000000031aeac59bc663526d91849902b5c6958940686b262c53749b349fe26e76afb73c");
}

}  // namespace
}  // namespace groat::merkle
