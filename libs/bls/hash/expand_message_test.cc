#include "bls/hash/expand_message.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "nlohmann/json.hpp"

namespace groat::bls {
namespace {

// RFC 9380, K.1 (a tag of 38 bytes) and K.2 (a tag of 256 bytes).
TEST(ExpandMessageTest, MatchesTheRfc) {
  std::ifstream file(std::string(std::getenv("GROAT_SOURCE_DIR")) +
                     "/tests/vectors/bls/expand_message_xmd_sha256_vectors.json");
  const auto suites = nlohmann::json::parse(file);
  size_t count = 0;
  for (const auto& suite : suites) {
    const std::string tag = suite["DST"];
    for (const auto& test : suite["tests"]) {
      const std::string message = test["msg"];
      const std::string size_text = test["len_in_bytes"];
      Bytes out(std::stoul(size_text, nullptr, 16));
      ExpandMessageXmd(AsBytes(message), AsBytes(tag), out);
      EXPECT_EQ(ToHex(out), test["uniform_bytes"].get<std::string>()) << message;
      ++count;
    }
  }
  EXPECT_EQ(count, 20u);
}

TEST(ExpandMessageTest, TagsAndSizesSeparate) {
  Bytes a(48), b(48), c(47);
  ExpandMessageXmd(AsBytes("m"), AsBytes("tag A"), a);
  ExpandMessageXmd(AsBytes("m"), AsBytes("tag B"), b);
  ExpandMessageXmd(AsBytes("m"), AsBytes("tag A"), c);
  EXPECT_NE(a, b);
  EXPECT_NE(Bytes(a.begin(), a.begin() + 47), c);
}

TEST(ExpandMessageDeathTest, RefusesWhatTheRfcForbids) {
  Bytes out(32), too_long(kMaxExpandedBytes + 1);
  EXPECT_DEATH(ExpandMessageXmd({}, {}, out), "domain_tag");
  EXPECT_DEATH(ExpandMessageXmd({}, AsBytes("t"), too_long), "8161");
}

}  // namespace
}  // namespace groat::bls
