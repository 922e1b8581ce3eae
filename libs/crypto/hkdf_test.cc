#include "crypto/hkdf.h"

#include <gtest/gtest.h>

namespace groat {
namespace {

struct HkdfCase {
  const char* name;
  std::string secret, salt, info, pseudorandom_key, output;
};

Bytes Hex(const std::string& hex) { return *FromHex(hex); }

// RFC 5869, appendices A.1 to A.3.
TEST(HkdfTest, MatchesTheRfc) {
  std::string secret2, salt2, info2;
  for (uint8_t i = 0; i < 80; ++i) {
    secret2 += ToHex(Bytes{i});
    salt2 += ToHex(Bytes{static_cast<uint8_t>(0x60 + i)});
    info2 += ToHex(Bytes{static_cast<uint8_t>(0xb0 + i)});
  }
  const HkdfCase cases[] = {
      {"A.1", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
       "f0f1f2f3f4f5f6f7f8f9", "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
       "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
      {"A.2", secret2, salt2, info2,
       "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
       "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e5"
       "9"
       "0e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"},
      {"A.3", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
       "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
       "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
  };
  for (const HkdfCase& c : cases) {
    SCOPED_TRACE(c.name);
    const Bytes32 key = HkdfExtractSha256(Hex(c.salt), Hex(c.secret));
    EXPECT_EQ(key.Hex(), c.pseudorandom_key);
    Bytes output(c.output.size() / 2);
    HkdfExpandSha256(key, Hex(c.info), output);
    EXPECT_EQ(ToHex(output), c.output);
  }
}

}  // namespace
}  // namespace groat
