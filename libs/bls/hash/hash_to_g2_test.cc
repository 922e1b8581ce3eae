#include "bls/hash/hash_to_g2.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/status_matchers.h"
#include "bls/hash/hash_to_field.h"
#include "bls/hash/isogeny.h"
#include "nlohmann/json.hpp"

namespace groat::bls {
namespace {

Fp FpFromText(const std::string& text) { return *Fp::FromBytes(*FromHex(text.substr(2))); }

// "0x<c0>,0x<c1>"
Fp2 Fp2FromText(const std::string& text) {
  const size_t comma = text.find(',');
  return {FpFromText(text.substr(0, comma)), FpFromText(text.substr(comma + 1))};
}

G2Affine PointFromJson(const nlohmann::json& point) {
  return {Fp2FromText(point["x"]), Fp2FromText(point["y"])};
}

// RFC 9380, J.10.1, with the values between.
TEST(HashToG2Test, MatchesTheRfcStepByStep) {
  std::ifstream file(std::string(std::getenv("GROAT_SOURCE_DIR")) +
                     "/tests/vectors/bls/h2c_g2_ro_vectors.json");
  const auto suite = nlohmann::json::parse(file);
  const std::string tag = suite["dst"];
  size_t count = 0;
  for (const auto& vector : suite["vectors"]) {
    const std::string message = vector["msg"];
    SCOPED_TRACE(message);
    const auto u = HashToFp2(AsBytes(message), AsBytes(tag));
    EXPECT_EQ(u[0], Fp2FromText(vector["u"][0]));
    EXPECT_EQ(u[1], Fp2FromText(vector["u"][1]));
    const auto points = MapToIsogenousCurve(u);
    EXPECT_EQ(MapByIsogeny(points[0]), PointFromJson(vector["Q0"]));
    EXPECT_EQ(MapByIsogeny(points[1]), PointFromJson(vector["Q1"]));
    EXPECT_EQ(HashToG2(AsBytes(message), AsBytes(tag)), PointFromJson(vector["P"]));
    ++count;
  }
  EXPECT_EQ(count, 5u);
}

// With all that the processor has and with less.
TEST(HashToG2Test, ManyMessagesAreHashedLikeEach) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < 20; ++i) texts.push_back(std::string(i, 'a'));
  const std::vector<ByteView> messages = [&] {
    std::vector<ByteView> out;
    for (const std::string& text : texts) out.push_back(AsBytes(text));
    return out;
  }();
  const ByteView tag = AsBytes("tag");
  LimitCpuForTest(CpuLevel::kPortable);
  std::vector<G2> want;
  for (ByteView message : messages) want.push_back(HashToG2(message, tag));
  for (CpuLevel level : {CpuLevel::kPortable, CpuLevel::kMulx, CpuLevel::kIfma}) {
    LimitCpuForTest(level);
    for (size_t count : {size_t{0}, size_t{1}, size_t{2}, size_t{7}, messages.size()}) {
      const std::vector<G2> got =
          HashManyToG2(std::span<const ByteView>(messages).first(count), tag);
      ASSERT_EQ(got.size(), count);
      for (size_t i = 0; i < count; ++i) EXPECT_EQ(got[i], want[i]) << i << " of " << count;
    }
  }
}

TEST(HashToG2Test, TagsSeparate) {
  EXPECT_FALSE(HashToG2(AsBytes("m"), AsBytes("tag A")) ==
               HashToG2(AsBytes("m"), AsBytes("tag B")));
}

bool IsOnIsogenousCurve(const IsogenousPoint& point) {
  return point.is_infinity || point.y.Square() == IsogenousPoint::RightSide(point.x);
}

// Elements with u = 0 (no denominator), in Fp, and multiples of the imaginary unit.
TEST(IsogenousCurveTest, MapsEveryElementOntoTheCurve) {
  const Fp one = Fp::One();
  const Fp2 elements[] = {Fp2::Zero(),  Fp2::One(),           -Fp2::One(),
                          {Fp(), one},  {Fp(), -one},         {one, one},
                          {-one, -one}, {one.Double(), Fp()}, {Fp(), one.Double()}};
  for (const Fp2& u : elements) {
    for (const Fp2& other : elements) {
      const auto points = MapToIsogenousCurve(std::vector<Fp2>{u, other});
      EXPECT_TRUE(IsOnIsogenousCurve(points[0])) << u;
      EXPECT_TRUE(IsOnIsogenousCurve(points[1])) << other;
      EXPECT_EQ(points[0].y.IsOdd().Declassify(), u.IsOdd().Declassify()) << u;
      EXPECT_TRUE(MapByIsogeny(points[0]).ToAffine().IsOnCurve()) << u;
      // Which element stands beside it changes nothing.
      EXPECT_EQ(points[0].x, MapToIsogenousCurve(std::vector<Fp2>{u, u})[1].x) << u;
    }
  }
}

TEST(IsogenousCurveTest, AddsEveryKindOfPoints) {
  const auto points = MapToIsogenousCurve(std::vector<Fp2>{Fp2::One(), Fp2{Fp::One(), Fp::One()}});
  const IsogenousPoint& a = points[0];
  const IsogenousPoint& b = points[1];
  const IsogenousPoint infinity{Fp2(), Fp2(), true};
  const IsogenousPoint minus_a{a.x, -a.y};
  const auto image = [](const IsogenousPoint& point) { return MapByIsogeny(point); };
  const std::pair<IsogenousPoint, IsogenousPoint> cases[] = {
      {a, b}, {a, a}, {a, minus_a}, {a, infinity}, {infinity, b}, {infinity, infinity}};
  for (const auto& [p, q] : cases) {
    const IsogenousPoint sum = AddOnIsogenousCurve(p, q);
    EXPECT_TRUE(IsOnIsogenousCurve(sum));
    EXPECT_EQ(image(sum), image(p) + image(q));
  }
  EXPECT_TRUE(AddOnIsogenousCurve(a, minus_a).is_infinity);
}

}  // namespace
}  // namespace groat::bls
