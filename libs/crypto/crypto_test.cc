// Official vectors and the properties that the platform leans on.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/status_matchers.h"
#include "crypto/blake3.h"
#include "crypto/ed25519.h"
#include "crypto/sha256.h"

namespace groat {
namespace {

using ::groat::testing::StatusIs;
using ::testing::_;

nlohmann::json LoadVectors(const std::string& name) {
  const char* source = std::getenv("GROAT_SOURCE_DIR");
  std::ifstream file(std::string(source == nullptr ? "." : source) + "/tests/vectors/" + name);
  EXPECT_TRUE(file.good()) << name;
  return nlohmann::json::parse(file);
}

// The official input: bytes 0, 1, ... 250, repeated.
Bytes VectorInput(size_t size_bytes) {
  Bytes input(size_bytes);
  for (size_t i = 0; i < size_bytes; ++i) input[i] = static_cast<uint8_t>(i % 251);
  return input;
}

TEST(Blake3Test, MatchesOfficialKeyedVectors) {
  const nlohmann::json vectors = LoadVectors("blake3_test_vectors.json");
  GROAT_ASSERT_OK_AND_ASSIGN(const Bytes32 key,
                             Bytes32::From(AsBytes(vectors["key"].get<std::string>()), "key"));
  const Blake3Context keyed(key);
  ASSERT_EQ(vectors["cases"].size(), 35u);
  for (const auto& test : vectors["cases"]) {
    const Bytes input = VectorInput(test["input_len"]);
    EXPECT_EQ(keyed(ByteView(input)).Hex(), test["keyed_hash"].get<std::string>().substr(0, 64))
        << input.size() << " bytes";
  }
}

// The context's key is derive_key of the context string and the empty input.
TEST(Blake3Test, ContextKeyMatchesOfficialDeriveKeyVector) {
  const nlohmann::json vectors = LoadVectors("blake3_test_vectors.json");
  const Blake3Context context(vectors["context_string"].get<std::string>());
  EXPECT_EQ(context.key().Hex(),
            vectors["cases"][0]["derive_key"].get<std::string>().substr(0, 64));
}

TEST(Blake3Test, BlockAndBulkFormsAgreeWithTheGeneralForm) {
  const Blake3Context context("groat 2026 trie node v1");
  for (size_t count : {0u, 1u, 3u, 8u, 15u, 16u, 17u, 33u}) {
    const Bytes input = VectorInput(64 * count);
    std::vector<const uint8_t*> blocks(count);
    for (size_t i = 0; i < count; ++i) blocks[i] = input.data() + 64 * i;
    Bytes out(32 * count);
    context.HashBlocks(blocks.data(), count, out.data());
    for (size_t i = 0; i < count; ++i) {
      const Hash general = context(ByteView(blocks[i], 64));
      Hash single;
      context.HashBlock(blocks[i], single.data());
      EXPECT_EQ(general, single);
      EXPECT_EQ(ToHex(ByteView(out).subspan(32 * i, 32)), general.Hex()) << i << " of " << count;
    }
  }
}

// FIPS 180-4 example, in one part and in two.
TEST(Sha256Test, MatchesStandardExample) {
  const std::string want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(Sha256(AsBytes("abc")).Hex(), want);
  EXPECT_EQ(Sha256({AsBytes("a"), AsBytes("bc")}).Hex(), want);
}

struct Rfc8032Case {
  const char* seed;
  const char* public_key;
  const char* message;
  const char* signature;
};
// RFC 8032, section 7.1, tests 1 to 3.
constexpr Rfc8032Case kRfc8032[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
     "4"
     "6bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11"
     "d"
     "8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc"
     "6"
     "594a7c15e9716ed28dc027beceea1ec40a"},
};

TEST(Ed25519Test, MatchesRfc8032) {
  for (const Rfc8032Case& test : kRfc8032) {
    GROAT_ASSERT_OK_AND_ASSIGN(const Bytes32 seed, Bytes32::FromHexText(test.seed, "seed"));
    GROAT_ASSERT_OK_AND_ASSIGN(const Bytes message, FromHex(test.message));
    const Ed25519PrivateKey key(seed);
    EXPECT_EQ(key.public_key().Hex(), test.public_key);
    const Ed25519Signature signature = key.Sign(message);
    EXPECT_EQ(signature.Hex(), test.signature);
    EXPECT_TRUE(Ed25519Verify(key.public_key(), message, signature));
  }
}

// With the point of order 1 as a key, a signature of that point and zero fits every message.
TEST(Ed25519Test, RefusesKeysOfSmallOrder) {
  Ed25519PublicKey key;
  key.data()[0] = 1;
  Ed25519Signature signature;
  signature.data()[0] = 1;
  EXPECT_FALSE(Ed25519Verify(key, AsBytes("any"), signature));
}

TEST(Ed25519Test, RefusesEveryFlippedByte) {
  const Ed25519PrivateKey key = Ed25519PrivateKey::Generate();
  const Bytes message = VectorInput(40);
  const Ed25519Signature signature = key.Sign(message);
  for (size_t i = 0; i < signature.size(); ++i) {
    Ed25519Signature forged = signature;
    forged[i] ^= 1;
    EXPECT_FALSE(Ed25519Verify(key.public_key(), message, forged)) << "byte " << i;
  }
  Bytes other = message;
  other[0] ^= 1;
  EXPECT_FALSE(Ed25519Verify(key.public_key(), other, signature));
}

// The last key is remembered: keys in turn, and one that is no curve point, must not be mixed up.
TEST(Ed25519Test, KeysTakeTurns) {
  const Ed25519PrivateKey first = Ed25519PrivateKey::Generate();
  const Ed25519PrivateKey second = Ed25519PrivateKey::Generate();
  const Bytes message = VectorInput(40);
  Ed25519PublicKey none;
  for (size_t i = 0; i < none.size(); ++i) none[i] = 0xff;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(Ed25519Verify(first.public_key(), message, first.Sign(message)));
    EXPECT_FALSE(Ed25519Verify(second.public_key(), message, first.Sign(message)));
    EXPECT_FALSE(Ed25519Verify(none, message, first.Sign(message)));
    EXPECT_TRUE(Ed25519Verify(second.public_key(), message, second.Sign(message)));
  }
}

TEST(Ed25519Test, PemRoundTripsAndRefusesOtherText) {
  const Ed25519PrivateKey key = Ed25519PrivateKey::Generate();
  GROAT_ASSERT_OK_AND_ASSIGN(const Ed25519PrivateKey back, Ed25519PrivateKey::FromPem(key.ToPem()));
  EXPECT_EQ(back.public_key(), key.public_key());
  EXPECT_THAT(Ed25519PrivateKey::FromPem("nonsense"),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
}

}  // namespace
}  // namespace groat
