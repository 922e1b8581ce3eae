#include "merkle/block_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>

#include "base/status_matchers.h"

namespace groat::merkle {
namespace {

using ::groat::testing::StatusIs;
using ::testing::HasSubstr;

// MTH of RFC 9162, section 2.1.1, word for word, over leaves of any length.
LogHash ModelRoot(std::span<const Bytes> leaves) {
  if (leaves.empty()) return Sha256(ByteView());
  if (leaves.size() == 1) {
    Bytes input = {0x00};
    input.insert(input.end(), leaves[0].begin(), leaves[0].end());
    return Sha256(input);
  }
  size_t split = 1;
  while (2 * split < leaves.size()) split *= 2;
  const LogHash left = ModelRoot(leaves.first(split));
  const LogHash right = ModelRoot(leaves.subspan(split));
  Bytes input = {0x01};
  input.insert(input.end(), left.begin(), left.end());
  input.insert(input.end(), right.begin(), right.end());
  return Sha256(input);
}

Bytes32 BlockId(uint64_t i) {
  Bytes32 id;
  StoreBigEndian(i * 0x9E3779B97F4A7C15u, id.data(), 8);
  id[31] = static_cast<uint8_t>(i);
  return id;
}

class BlockLogTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kSize = 70;

  void SetUp() override {
    for (uint64_t i = 0; i < kSize; ++i) {
      nodes_.Store(log_.Append(BlockId(i)));
      const Bytes32 id = BlockId(i);
      leaves_.emplace_back(id.begin(), id.end());
    }
  }
  LogHash RootOf(uint64_t size) const {
    return ModelRoot(std::span<const Bytes>(leaves_).first(size));
  }

  BlockLog log_;
  MemoryLogNodes nodes_;
  std::vector<Bytes> leaves_;
};

// The tree of eight leaves with which Certificate Transparency's own implementations test; it
// checks the model, and the model checks the log.
TEST(BlockLogModelTest, CertificateTransparencyRoots) {
  const char* const inputs[] = {"",
                                "00",
                                "10",
                                "2021",
                                "3031",
                                "40414243",
                                "5051525354555657",
                                "606162636465666768696a6b6c6d6e6f"};
  const char* const roots[] = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                               "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                               "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                               "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                               "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                               "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                               "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                               "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  EXPECT_EQ(EmptyLogRoot().Hex(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  std::vector<Bytes> leaves;
  for (size_t i = 0; i < 8; ++i) {
    leaves.push_back(*FromHex(inputs[i]));
    EXPECT_EQ(ModelRoot(leaves).Hex(), roots[i]) << i + 1 << " leaves";
  }
}

TEST_F(BlockLogTest, RootAtEverySize) {
  BlockLog log;
  EXPECT_EQ(log.Root(), EmptyLogRoot());
  for (uint64_t size = 0; size <= kSize; ++size) {
    EXPECT_EQ(*LogRoot(size, nodes_), RootOf(size)) << size;
    EXPECT_EQ(log.size(), size);
    EXPECT_EQ(log.Root(), RootOf(size)) << size;
    GROAT_ASSERT_OK_AND_ASSIGN(BlockLog opened, BlockLog::Open(size, nodes_));
    EXPECT_EQ(opened.Root(), RootOf(size));
    // An opened log goes on as the first one did.
    EXPECT_EQ(opened.Append(BlockId(size)), log.Append(BlockId(size)));
  }
}

TEST_F(BlockLogTest, EveryInclusionProof) {
  for (uint64_t size = 1; size <= kSize; ++size) {
    const LogHash root = RootOf(size);
    for (uint64_t index = 0; index < size; ++index) {
      GROAT_ASSERT_OK_AND_ASSIGN(const auto proof, ProveLogInclusion(index, size, nodes_));
      GROAT_ASSERT_OK(Verify(proof, BlockId(index), root));
      EXPECT_EQ(*LogInclusionProof::Decode(proof.Encode()), proof);
      EXPECT_FALSE(Verify(proof, BlockId(index + 1), root).ok());
      EXPECT_FALSE(Verify(proof, BlockId(index), RootOf(size - 1)).ok());
    }
  }
}

TEST_F(BlockLogTest, EveryConsistencyProof) {
  for (uint64_t new_size = 0; new_size <= kSize; ++new_size) {
    for (uint64_t old_size = 0; old_size <= new_size; ++old_size) {
      GROAT_ASSERT_OK_AND_ASSIGN(const auto proof, ProveLogConsistency(old_size, new_size, nodes_));
      const LogHash old_root = RootOf(old_size);
      const LogHash new_root = RootOf(new_size);
      GROAT_ASSERT_OK(Verify(proof, old_root, new_root));
      EXPECT_EQ(*LogConsistencyProof::Decode(proof.Encode()), proof);
      EXPECT_FALSE(Verify(proof, BlockId(1), new_root).ok());
      if (old_size == 0) continue;  // Every log starts with the empty one.
      EXPECT_FALSE(Verify(proof, old_root, BlockId(1)).ok());
    }
  }
}

TEST_F(BlockLogTest, ForgedBytesFail) {
  for (const uint64_t size : {1u, 2u, 7u, 8u, 33u, 70u}) {
    for (const uint64_t index : {uint64_t{0}, size / 2, size - 1}) {
      const Bytes bytes = ProveLogInclusion(index, size, nodes_)->Encode();
      const LogHash root = RootOf(size);
      for (size_t i = 0; i < bytes.size(); ++i) {
        Bytes forged = bytes;
        forged[i] ^= 1;
        const auto proof = LogInclusionProof::Decode(forged);
        if (!proof.ok() || !Verify(*proof, BlockId(index), root).ok()) continue;
        // RFC 9162 trees do not commit to their size: another size with the same path passes.
        EXPECT_EQ(proof->index, index) << "size " << size << " byte " << i;
        EXPECT_EQ(proof->path, ProveLogInclusion(index, size, nodes_)->path);
      }
      for (size_t cut = 0; cut < bytes.size(); ++cut) {
        const auto proof = LogInclusionProof::Decode(ByteView(bytes).first(cut));
        EXPECT_FALSE(proof.ok() && Verify(*proof, BlockId(index), root).ok());
      }
    }
    for (const uint64_t old_size : {size / 3, size / 2, size - 1}) {
      if (old_size == 0) continue;  // Proves nothing about the new log.
      const LogConsistencyProof right = *ProveLogConsistency(old_size, size, nodes_);
      const Bytes bytes = right.Encode();
      for (size_t i = 16; i < bytes.size(); ++i) {
        Bytes forged = bytes;
        forged[i] ^= 1;
        const auto proof = LogConsistencyProof::Decode(forged);
        EXPECT_FALSE(proof.ok() && Verify(*proof, RootOf(old_size), RootOf(size)).ok());
      }
      for (size_t cut = 0; cut < bytes.size(); ++cut) {
        const auto proof = LogConsistencyProof::Decode(ByteView(bytes).first(cut));
        EXPECT_FALSE(proof.ok() && Verify(*proof, RootOf(old_size), RootOf(size)).ok());
      }
    }
  }
}

TEST_F(BlockLogTest, RefusesBadShapes) {
  const LogHash hash = BlockId(1);
  const auto expect = [](const absl::Status& status, const char* message) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  expect(Verify(LogInclusionProof{0, 0, {}}, hash, hash), "index 0 of 0");
  expect(Verify(LogInclusionProof{5, 5, {}}, hash, hash), "index 5 of 5");
  expect(Verify(LogInclusionProof{0, 1, {hash}}, hash, hash), "1 hashes, want 0");
  expect(Verify(LogInclusionProof{6, 7, {hash}}, hash, hash), "1 hashes, want 2");
  expect(Verify(LogConsistencyProof{3, 2, {}}, hash, hash), "old size 3 above new size 2");
  expect(Verify(LogConsistencyProof{2, 2, {hash}}, hash, hash), "1 hashes, want 0");
  expect(Verify(LogConsistencyProof{0, 2, {hash}}, EmptyLogRoot(), hash), "1 hashes, want 0");
  expect(Verify(LogConsistencyProof{3, 4, {hash}}, hash, hash), "1 hashes, want 3");
  expect(Verify(LogConsistencyProof{0, 2, {}}, hash, hash), "of no blocks");
  expect(Verify(LogConsistencyProof{0, 0, {}}, EmptyLogRoot(), hash), "of no blocks");
  expect(Verify(LogConsistencyProof{4, 4, {}}, hash, EmptyLogRoot()), "of one size");
  expect(LogInclusionProof::Decode(Bytes(15)).status(), "log proof");
  expect(LogInclusionProof::Decode(Bytes(16 + 32 * 66)).status(), "bytes");
  expect(LogConsistencyProof::Decode(Bytes(17)).status(), "log proof");
  // The largest numbers do no harm.
  const uint64_t most = ~uint64_t{0};
  expect(Verify(LogInclusionProof{most - 1, most, {}}, hash, hash), "want");
  expect(Verify(LogConsistencyProof{most - 1, most, {}}, hash, hash), "want");
}

TEST_F(BlockLogTest, ProverErrors) {
  EXPECT_THAT(ProveLogInclusion(5, 5, nodes_),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("index 5 in a log of 5")));
  EXPECT_THAT(ProveLogConsistency(6, 5, nodes_),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("old size 6 above new size 5")));
  const MemoryLogNodes none;
  EXPECT_THAT(LogRoot(1, none), StatusIs(absl::StatusCode::kNotFound, HasSubstr("log node 0")));
  EXPECT_THAT(ProveLogInclusion(0, 2, none), StatusIs(absl::StatusCode::kNotFound, HasSubstr("1")));
  EXPECT_THAT(ProveLogConsistency(1, 2, none),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("1")));
  EXPECT_THAT(BlockLog::Open(1, none), StatusIs(absl::StatusCode::kNotFound, HasSubstr("0")));
  GROAT_EXPECT_OK(BlockLog::Open(0, none));
}

TEST_F(BlockLogTest, GoldenBytes) {
  EXPECT_EQ(LogLeafHash(BlockId(1)).Hex(),
            "dabcfea4d87c7a5a4240ab40450bab20e3c828804065f5f818f1193d6453457f");
  EXPECT_EQ(LogRoot(5, nodes_)->Hex(),
            "fe656729a056a209d1763d5f1af53fc6b4bd821c94d3d92931c71c0b4fd22525");
  EXPECT_EQ(ToHex(ProveLogInclusion(4, 5, nodes_)->Encode()),
            "00000000000000040000000000000005125ba086518d859daf715f6f0de0b766647bbd60e82387dd"
            "da5c4e7c88ca126a");
  EXPECT_EQ(ToHex(ProveLogConsistency(4, 5, nodes_)->Encode()),
            "000000000000000400000000000000056f3ba67105427f58c549ef6e2ac8cd2126bdb4b79009b38f"
            "4ae2c4c5b570c639");
}

}  // namespace
}  // namespace groat::merkle
