#include "bls/curve/encoding.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "bls/curve/testing/points.h"

namespace groat::bls::testing {
namespace {

using groat::testing::IsOk;
using groat::testing::StatusIs;
using ::testing::HasSubstr;

template <typename Curve>
struct Codec;
template <>
struct Codec<G1Curve> {
  static auto Compressed(ByteView bytes) { return DecodeG1Compressed(bytes); }
  static auto Uncompressed(ByteView bytes) { return DecodeG1Uncompressed(bytes); }
};
template <>
struct Codec<G2Curve> {
  static auto Compressed(ByteView bytes) { return DecodeG2Compressed(bytes); }
  static auto Uncompressed(ByteView bytes) { return DecodeG2Uncompressed(bytes); }
};

auto Refused(const std::string& problem) {
  return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(problem));
}

template <typename T>
class EncodingTest : public GroupTest<T> {};
TYPED_TEST_SUITE(EncodingTest, BothCurves);

TYPED_TEST(EncodingTest, RoundTrips) {
  using Curve = TypeParam;
  using Affine = AffinePoint<TypeParam>;
  std::vector<Affine> points = {Affine(), Affine::Generator(), -Affine::Generator()};
  for (int i = 0; i < 20; ++i) {
    points.push_back(this->random_.template OnCurve<Curve>());
    points.push_back(this->random_.template InSubgroup<Curve>());
  }
  for (const Affine& p : points) {
    const auto compressed = EncodeCompressed(p);
    const auto uncompressed = EncodeUncompressed(p);
    EXPECT_EQ(uncompressed.size(), 2 * compressed.size());
    EXPECT_EQ(*Codec<Curve>::Compressed(compressed), p);
    EXPECT_EQ(*Codec<Curve>::Uncompressed(uncompressed), p);
    EXPECT_NE(EncodeCompressed(-p) == compressed, !p.IsInfinity().Declassify());
  }
}

TEST(Encoding, KnownBytes) {
  EXPECT_EQ(
      EncodeCompressed(G1Affine::Generator()).Hex(),
      "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00a"
      "db22c6bb");
  EXPECT_EQ(EncodeCompressed(G1::Generator().Double().ToAffine()).Hex(),
            "a572cbea904d67468808c8eb50a9450c9721db309128012543902d0ac358a62ae28f75bb8f1c7c42c39a8c"
            "5529bf0f4e");
  EXPECT_EQ(
      EncodeCompressed(G2Affine::Generator()).Hex(),
      "93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d05"
      "5d042b7e024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbef"
      "d48056c8c121bdb8");
  EXPECT_EQ(EncodeCompressed(G1Affine()).Hex(), "c0" + std::string(94, '0'));
  EXPECT_EQ(EncodeCompressed(G2Affine()).Hex(), "c0" + std::string(190, '0'));
  EXPECT_EQ(EncodeUncompressed(G1Affine()).Hex(), "40" + std::string(190, '0'));
  EXPECT_EQ(EncodeUncompressed(G2Affine()).Hex(), "40" + std::string(382, '0'));
}

TYPED_TEST(EncodingTest, LengthsAndFlagsAreStrict) {
  using Curve = TypeParam;
  using Affine = AffinePoint<TypeParam>;
  const auto c = EncodeCompressed(Affine::Generator());
  const auto u = EncodeUncompressed(Affine::Generator());
  const Bytes compressed(c.begin(), c.end());
  const Bytes uncompressed(u.begin(), u.end());
  const auto change = [](Bytes bytes, size_t at, uint8_t bits) {
    bytes[at] ^= bits;
    return bytes;
  };
  const auto cut = [](Bytes bytes, size_t size) {
    bytes.resize(size);
    return bytes;
  };
  for (size_t size :
       {size_t{0}, size_t{1}, compressed.size() - 1, compressed.size() + 1, uncompressed.size()}) {
    EXPECT_THAT(
        Codec<Curve>::Compressed(cut(compressed, size)),
        Refused(std::to_string(size) + " bytes, want " + std::to_string(compressed.size())));
  }
  for (size_t size :
       {size_t{0}, compressed.size(), uncompressed.size() - 1, uncompressed.size() + 1}) {
    EXPECT_THAT(Codec<Curve>::Uncompressed(cut(uncompressed, size)),
                Refused(std::to_string(size) + " bytes, want"));
  }
  EXPECT_THAT(Codec<Curve>::Compressed(change(compressed, 0, 0x80)), Refused("want compressed"));
  EXPECT_THAT(Codec<Curve>::Uncompressed(change(uncompressed, 0, 0x80)),
              Refused("want uncompressed"));
  EXPECT_THAT(Codec<Curve>::Uncompressed(change(uncompressed, 0, 0x20)), Refused("sign flag"));
  // The infinity flag on a finite point.
  EXPECT_THAT(Codec<Curve>::Compressed(change(compressed, 0, 0x40)), Refused("infinity with"));
  EXPECT_THAT(Codec<Curve>::Uncompressed(change(uncompressed, 0, 0x40)), Refused("infinity with"));
  // The other sign is the opposite point.
  EXPECT_EQ(*Codec<Curve>::Compressed(change(compressed, 0, 0x20)), -Affine::Generator());
}

TYPED_TEST(EncodingTest, InfinityHasOneEncoding) {
  using Curve = TypeParam;
  using Affine = AffinePoint<TypeParam>;
  const auto c = EncodeCompressed(Affine());
  const auto u = EncodeUncompressed(Affine());
  for (size_t bit = 0; bit < 8 * c.size(); ++bit) {
    Bytes bytes(c.begin(), c.end());
    bytes[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
    const auto decoded = Codec<Curve>::Compressed(bytes);
    // Without the flag of infinity the bytes may say x = 0, which may be a point.
    if (bit != 6) {
      EXPECT_FALSE(decoded.ok()) << bit;
    } else if (decoded.ok()) {
      EXPECT_FALSE(decoded->IsInfinity().Declassify());
    }
  }
  for (size_t bit = 0; bit < 8 * u.size(); ++bit) {
    Bytes bytes(u.begin(), u.end());
    bytes[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
    EXPECT_FALSE(Codec<Curve>::Uncompressed(bytes).ok()) << bit;
  }
  EXPECT_THAT(Codec<Curve>::Uncompressed(Bytes(u.size(), 0)), Refused("not on the curve"));
}

TYPED_TEST(EncodingTest, CoefficientsMustBeBelowTheModulus) {
  using Curve = TypeParam;
  using Affine = AffinePoint<TypeParam>;
  const auto c = EncodeCompressed(Affine::Generator());
  const auto u = EncodeUncompressed(Affine::Generator());
  uint8_t modulus[48];
  StoreBigEndianLimbs<6>(Fp::kModulus, modulus);
  const auto check = [&](ByteView good, bool compressed) {
    for (size_t at = 0; at < good.size(); at += 48) {
      for (int add : {0, 1}) {
        Bytes bytes(good.begin(), good.end());
        const uint8_t flags = at == 0 ? bytes[0] & 0xe0 : 0;
        std::memcpy(bytes.data() + at, modulus, 48);
        bytes[at + 47] = static_cast<uint8_t>(bytes[at + 47] + add);
        bytes[at] |= flags;
        EXPECT_THAT(
            compressed ? Codec<Curve>::Compressed(bytes) : Codec<Curve>::Uncompressed(bytes),
            Refused("is not below the field's modulus"))
            << at;
      }
    }
  };
  check(c, true);
  check(u, false);
}

// x + p as an encoding of x: for x small enough that it fits 381 bits, a second encoding.
TEST(Encoding, SecondEncodingsAreRefused) {
  // x = 0 is on E: (0, 2).
  const G1Affine zero = {Fp(), Fp::FromUint64(2)};
  auto bytes = EncodeCompressed(zero);
  EXPECT_EQ(*DecodeG1Compressed(bytes), zero);
  const uint8_t flags = bytes[0] & 0xe0;
  StoreBigEndianLimbs<6>(Fp::kModulus, bytes.data());
  bytes[0] |= flags;
  EXPECT_THAT(DecodeG1Compressed(bytes), Refused("x is not below"));
}

TYPED_TEST(EncodingTest, PointsOffTheCurveAreRefused) {
  using Curve = TypeParam;
  using Affine = AffinePoint<TypeParam>;
  int no_point = 0;
  for (int i = 0; i < 40; ++i) {
    // Bit flips in x: about half of all x have no y.
    const Affine p = this->random_.template OnCurve<Curve>();
    auto u = EncodeUncompressed(p);
    u[u.size() - 1 - static_cast<size_t>(i)] ^= 1;
    EXPECT_THAT(Codec<Curve>::Uncompressed(u), Refused("not on the curve"));
    auto c = EncodeCompressed(p);
    c[c.size() - 1] ^= 2;
    const auto decoded = Codec<Curve>::Compressed(c);
    if (!decoded.ok()) {
      EXPECT_THAT(decoded, Refused("no point of the curve has this x"));
      ++no_point;
    } else {
      EXPECT_TRUE(decoded->IsOnCurve());
      EXPECT_EQ(EncodeCompressed(*decoded), c);
    }
  }
  EXPECT_GT(no_point, 5);
  EXPECT_LT(no_point, 35);
}

TYPED_TEST(EncodingTest, SubgroupIsASeparateQuestion) {
  using Curve = TypeParam;
  const auto outside = this->random_.template OnCurve<Curve>();
  EXPECT_THAT(Codec<Curve>::Compressed(EncodeCompressed(outside)), IsOk());
  EXPECT_THAT(CheckInSubgroup(outside),
              Refused(std::string(Curve::kName) + " point: not in the subgroup of order r"));
  EXPECT_THAT(CheckInSubgroup(this->random_.template InSubgroup<Curve>()), IsOk());
  EXPECT_THAT(CheckInSubgroup(AffinePoint<Curve>()), IsOk());
}

}  // namespace
}  // namespace groat::bls::testing
