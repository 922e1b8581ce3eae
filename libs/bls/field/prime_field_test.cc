#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "bls/field/testing/elements.h"

namespace groat::bls::testing {
namespace {

using groat::testing::StatusIs;
using ::testing::HasSubstr;

// The slow obvious product: doubling and adding, from the highest bit.
template <typename Field>
Field SlowProduct(const Field& a, const Field& b) {
  const auto bits = b.ToLimbs();
  Field sum;
  for (size_t i = 64 * Field::kLimbs; i-- > 0;) {
    sum = sum + sum;
    if ((bits[i / 64] >> (i % 64)) & 1) sum = sum + a;
  }
  return sum;
}

template <typename Field>
std::vector<Field> Samples() {
  std::vector<Field> out = EdgeElements<Field>();
  RandomElements random(7);
  for (int i = 0; i < 30; ++i) out.push_back(random.Prime<Field>());
  return out;
}

template <typename Field>
void CheckLaws() {
  const std::vector<Field> samples = Samples<Field>();
  const Field c = RandomElements(8).Prime<Field>();
  for (const Field& a : samples) {
    SCOPED_TRACE(a);
    EXPECT_EQ(a + Field::Zero(), a);
    EXPECT_EQ(a * Field::One(), a);
    EXPECT_EQ(a + -a, Field::Zero());
    EXPECT_EQ(a.Double(), a + a);
    EXPECT_EQ(a.Half().Double(), a);
    EXPECT_EQ(a.Square(), SlowProduct(a, a));
    EXPECT_EQ(a.Inverse(), a.InverseVariableTime());
    EXPECT_EQ(a * a.Inverse(), a == Field::Zero() ? Field::Zero() : Field::One());
    auto order_less_two = Field::kModulus;
    order_less_two[0] -= 2;
    EXPECT_EQ(a.Pow(order_less_two), a.Inverse());
    EXPECT_EQ(Field::FromLimbs(a.ToLimbs()), a);
    EXPECT_EQ(*Field::FromBytes(a.ToBytes()), a);
    EXPECT_EQ(Field::FromWideBytes(a.ToBytes()), a);
    EXPECT_EQ(a.IsZero().Declassify(), a == Field::Zero());
    EXPECT_EQ(a.IsOdd().Declassify(), a.ToBytes()[Field::kBytes - 1] % 2 == 1);
    EXPECT_EQ(a.NegateIf(Choice::FromBit(1)), -a);
    EXPECT_EQ(a.NegateIf(Choice::FromBit(0)), a);
    for (const Field& b : samples) {
      EXPECT_EQ(a + b, b + a);
      EXPECT_EQ(a - b, -(b - a));
      EXPECT_EQ(a - b + b, a);
      EXPECT_EQ(a * b, b * a);
      EXPECT_EQ(a * b, SlowProduct(a, b));
      EXPECT_EQ((a + b) * c, a * c + b * c);
      EXPECT_EQ(Field::Select(Choice::FromBit(1), a, b), a);
      EXPECT_EQ(Field::Select(Choice::FromBit(0), a, b), b);
      Field x = a;
      Field y = b;
      Field::SwapIf(Choice::FromBit(0), x, y);
      EXPECT_TRUE(x == a && y == b);
      Field::SwapIf(Choice::FromBit(1), x, y);
      EXPECT_TRUE(x == b && y == a);
      // In place, with both operands the same or not.
      x = a;
      x *= b;
      EXPECT_EQ(x, a * b);
      x = a;
      x -= x;
      EXPECT_EQ(x, Field::Zero());
      x = a;
      x *= x;
      EXPECT_EQ(x, a.Square());
      x = a;
      x += x;
      EXPECT_EQ(x, a.Double());
    }
  }
}

class PrimeFieldTest : public WithKernels {};
GROAT_WITH_ALL_KERNELS(PrimeFieldTest);

TEST_P(PrimeFieldTest, LawsOfTheBaseField) { CheckLaws<Fp>(); }
TEST_P(PrimeFieldTest, LawsOfTheScalarField) { CheckLaws<Fr>(); }

// Computed with Python's integers.
TEST_P(PrimeFieldTest, KnownProducts) {
  constexpr Fp a = Fp::FromHex(
      "123456789abcdef0fedcba9876543210112233445566778899aabbccddeeff00f0e1d2c3b4a5968778695a4b3c2d"
      "1e0f");
  constexpr Fp b = Fp::FromHex(
      "19876543210fedcbaabbccddeeff00112233445566778899deadbeefcafebabe0123456789abcdef0f1e2d3c4b5a"
      "6978");
  EXPECT_EQ((a * b).ToBytes().Hex(),
            "1123f7360de13a05a6546a191fff1cdc48d7a4480579d028157f1abbd9f8a9ad39875f2840fe4426f73f2f"
            "cadcadcf0b");
  EXPECT_EQ(a.Inverse().ToBytes().Hex(),
            "04013b7d568a9f4f4210ddbca55ecfefe51c0d07fdc42a88662d307ad6bd72188e235ae418c299d85ba83b"
            "c96dc0918b");
  constexpr Fr s = Fr::FromHex("6fedcba9876543210123456789abcdef0f1e2d3c4b5a69788796a5b4c3d2e1f0");
  constexpr Fr t = Fr::FromHex("3141592653589793238462643383279502884197169399375105820974944592");
  EXPECT_EQ((s * t).ToBytes().Hex(),
            "1cba3efd1d45c74f665c45a1f73b4e77012ace8e41124e17f3824d4fe61fea92");
}

template <typename Field>
void CheckDecoding(const char* name) {
  const auto bytes_of = [](typename Field::LimbArray limbs) {
    FixedBytes<Field::kBytes> out;
    StoreBigEndianLimbs<Field::kLimbs>(limbs, out.data());
    return out;
  };
  auto limbs = Field::kModulus;
  const auto refused = StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr(std::string(name) + " is not below the modulus"));
  EXPECT_THAT(Field::FromBytes(bytes_of(limbs)), refused);
  limbs[0] -= 1;
  EXPECT_EQ(*Field::FromBytes(bytes_of(limbs)), -Field::One());
  limbs[0] += 2;
  EXPECT_THAT(Field::FromBytes(bytes_of(limbs)), refused);
  limbs.fill(~uint64_t{0});
  EXPECT_THAT(Field::FromBytes(bytes_of(limbs)), refused);
  limbs = {};
  limbs.back() = Field::kModulus.back() + 1;
  EXPECT_THAT(Field::FromBytes(bytes_of(limbs)), refused);
  EXPECT_EQ(*Field::FromBytes(Bytes(Field::kBytes, 0)), Field::Zero());
  for (size_t size : {size_t{0}, Field::kBytes - 1, Field::kBytes + 1}) {
    EXPECT_THAT(Field::FromBytes(Bytes(size, 0)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr(std::string(name) + " is " + std::to_string(size) + " bytes")));
  }
}

TEST(PrimeFieldDecoding, TakesNumbersBelowTheModulusAlone) {
  CheckDecoding<Fp>("field element");
  CheckDecoding<Fr>("scalar");
}

TEST_P(PrimeFieldTest, WideBytesAreReduced) {
  // 2^(8 n) - 1 for n bytes of 255, by doubling.
  const auto check = [](auto zero) {
    using Field = decltype(zero);
    Field power = Field::One();
    for (size_t size = 0; size <= 2 * Field::kBytes; ++size) {
      EXPECT_EQ(Field::FromWideBytes(Bytes(size, 0xff)), power - Field::One()) << size;
      for (int i = 0; i < 8; ++i) power = power.Double();
    }
  };
  check(Fp());
  check(Fr());
}

TEST_P(PrimeFieldTest, SquareRootsAndSymbols) {
  for (const Fp& a : Samples<Fp>()) {
    SCOPED_TRACE(a);
    const Fp square = a.Square();
    const std::optional<Fp> root = Sqrt(square);
    ASSERT_TRUE(root.has_value());
    EXPECT_TRUE(*root == a || *root == -a);
    EXPECT_TRUE(IsSquare(square).Declassify());
    EXPECT_TRUE(IsSquareVariableTime(square));
    // -1 is not a square.
    const bool zero = a == Fp::Zero();
    EXPECT_EQ(IsSquare(-square).Declassify(), zero);
    EXPECT_EQ(IsSquareVariableTime(-square), zero);
    EXPECT_EQ(Sqrt(-square).has_value(), zero);
    EXPECT_EQ(IsSquare(a).Declassify(), IsSquareVariableTime(a));
    EXPECT_EQ(InverseSqrtCandidate(square).Square() * square, zero ? Fp::Zero() : Fp::One());
    const int symbol = LegendreVariableTime<6>(a.montgomery(), Fp::kModulus);
    EXPECT_EQ(symbol, zero ? 0 : IsSquare(a).Declassify() ? 1 : -1);
    // Exactly one of a and -a is the larger, unless a = 0.
    EXPECT_EQ(IsLexicographicallyLargest(a).Declassify(),
              !zero && !IsLexicographicallyLargest(-a).Declassify());
  }
  const Fp middle = Fp::One().Half();  // (p + 1) / 2, the smallest that is larger.
  EXPECT_TRUE(IsLexicographicallyLargest(middle).Declassify());
  EXPECT_FALSE(IsLexicographicallyLargest(middle - Fp::One()).Declassify());
}

TEST_P(PrimeFieldTest, ManyPowersAtOnceAreThoseOfEach) {
  const std::vector<Fp> samples = Samples<Fp>();
  for (size_t count = 0; count <= samples.size(); ++count) {
    std::vector<Fp> many(samples.begin(), samples.begin() + static_cast<ptrdiff_t>(count));
    InverseSqrtCandidates(many);
    for (size_t i = 0; i < count; ++i) ASSERT_EQ(many[i], InverseSqrtCandidate(samples[i])) << i;
  }
}

// Method: numbers small, sparse and random, whose inverses and symbols Fermat's theorem tells.
TEST(Inverse, AgreesWithFermatOnManyNumbers) {
  RandomElements random(9);
  for (int i = 0; i < 3000; ++i) {
    Fp::LimbArray limbs{};
    const uint64_t pattern = random.Word();
    for (size_t j = 0; j < 6; ++j) {
      limbs[j] = (pattern >> j) & 1 ? random.Word() : ((pattern >> (8 + j)) & 1 ? ~uint64_t{0} : 0);
    }
    limbs[5] %= Fp::kModulus[5];
    const Fp a = Fp::FromMontgomery(limbs);
    const Fp one = a == Fp::Zero() ? Fp::Zero() : Fp::One();
    ASSERT_EQ(a * a.Inverse(), one) << a;
    ASSERT_EQ(a * a.InverseVariableTime(), one) << a;
    ASSERT_EQ(IsSquare(a).Declassify(), IsSquareVariableTime(a)) << a;
    const Fr s = Fr::FromMontgomery({limbs[0], limbs[1], limbs[2], limbs[3] % Fr::kModulus[3]});
    const Fr fr_one = s == Fr::Zero() ? Fr::Zero() : Fr::One();
    ASSERT_EQ(s * s.Inverse(), fr_one) << s;
    ASSERT_EQ(s * s.InverseVariableTime(), fr_one) << s;
  }
}

}  // namespace
}  // namespace groat::bls::testing
