// The eight-lane arithmetic against Fp, at random values and at the bounds of the lazy reduction.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "bls/bulk/engine.h"
#include "bls/bulk/fp_limb52.h"
#include "bls/bulk/testing/ifma_probe.h"
#include "bls/field/fp12.h"

namespace groat::bls {
namespace {

using probe::Element;
using probe::Lanes;
using probe::Lanes2;

constexpr uint64_t kMask = (uint64_t{1} << 52) - 1;
constexpr Limbs<6> kP = FpParams::kModulus;

// Seven limbs of 64 bits hold everything here: values up to 2^17 p.
using Wide = Limbs<7>;

Wide Multiple(uint64_t factor) {
  Wide out{};
  Uint128 carry = 0;
  for (size_t i = 0; i < 7; ++i) {
    carry += Uint128{i < 6 ? kP[i] : 0} * factor;
    out[i] = static_cast<uint64_t>(carry);
    carry >>= 64;
  }
  return out;
}

void Split(const Wide& value, Element& out) {
  for (size_t i = 0; i < 8; ++i) {
    const size_t bit = 52 * i;
    uint64_t limb = value[bit / 64] >> (bit % 64);
    if (bit % 64 > 12 && bit / 64 + 1 < 7) limb |= value[bit / 64 + 1] << (64 - bit % 64);
    out[i] = limb & kMask;
  }
  out[7] = value[5] >> 44 | value[6] << 20;
}

Wide Join(const Element& limbs) {
  Wide out{};
  for (size_t i = 0; i < 8; ++i) {
    const size_t bit = 52 * i;
    out[bit / 64] |= limbs[i] << (bit % 64);
    if (bit % 64 > 12 && bit / 64 + 1 < 7) out[bit / 64 + 1] |= limbs[i] >> (64 - bit % 64);
  }
  return out;
}

bool IsBelow(const Wide& a, const Wide& b) {
  Wide ignored{};
  return SubLimbs<7>(ignored.data(), a.data(), b.data()) != 0;
}

// An element, as a value modulo p: the number's value times 2^-416.
Fp Value(const Element& limbs) {
  static const Fp kInverseR = Fp::FromLimbs(PowerOfTwoModulo<6>(416, kP)).InverseVariableTime();
  static const Fp kTwo384 = Fp::FromLimbs(PowerOfTwoModulo<6>(384, kP));
  const Wide value = Join(limbs);
  Bytes bytes(48);
  Limbs<6> low;
  std::copy_n(value.begin(), 6, low.begin());
  StoreBigEndianLimbs<6>(low, bytes.data());
  return (Fp::FromWideBytes(bytes) + Fp::FromUint64(value[6]) * kTwo384) * kInverseR;
}

// Every limb but the highest has 52 bits, and the value is below `bound` p.
void ExpectWithin(const Element& limbs, const Wide& limit, const std::string& what) {
  for (size_t i = 0; i < 8; ++i) EXPECT_LE(limbs[i], kMask) << what << ", limb " << i;
  EXPECT_TRUE(IsBelow(Join(limbs), limit)) << what;
}

class IfmaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!CpuHasIfma()) GTEST_SKIP() << "the processor has no AVX-512 IFMA";
  }

  // A value below bound * p: often an extreme one.
  Wide Draw(uint64_t bound) {
    const uint64_t kind = random_() % 8;
    const uint64_t factor = kind < 4 ? (kind % 2 == 0 ? 0 : bound) : random_() % bound;
    Wide out = Multiple(factor);
    if (kind == 0) return out;  // 0
    if (kind < 4 && factor == bound) {
      const Wide one = {kind == 1 ? uint64_t{1} : 1 + random_()};  // bound p - 1, or near it.
      SubLimbs<7>(out.data(), out.data(), one.data());
      return out;
    }
    if (kind == 2) {
      const Wide one = {1};
      AddLimbs<7>(out.data(), out.data(), one.data());
      return out;
    }
    if (kind == 4) return out;  // A multiple of p.
    Wide more{};
    for (size_t i = 0; i < 6; ++i) more[i] = random_();
    more[5] %= kP[5];
    AddLimbs<7>(out.data(), out.data(), more.data());
    return out;
  }
  void Fill(Lanes& lanes, uint64_t bound) {
    for (Element& element : lanes) Split(Draw(bound), element);
  }
  void Fill(Lanes2& lanes, uint64_t bound) {
    Fill(lanes[0], bound);
    Fill(lanes[1], bound);
  }

  std::mt19937_64 random_{20240607};
};

Fp2 Value2(const Lanes2& lanes, size_t i) { return {Value(lanes[0][i]), Value(lanes[1][i])}; }

TEST_F(IfmaTest, ConversionsRoundTrip) {
  for (int round = 0; round < 200; ++round) {
    Element limbs;
    Split(Draw(1), limbs);
    const Fp value = FromLimbs52(limbs);
    EXPECT_EQ(value, Value(limbs));
    const Limbs52Array back = ToLimbs52(value);
    EXPECT_TRUE(std::equal(back.begin(), back.end(), limbs));
  }
  const Limbs52Array zero = ToLimbs52(Fp::Zero());
  EXPECT_EQ(zero, Limbs52Array{});
}

// The comments of wide.h promise results below 1.5 p; the types say 2.
TEST_F(IfmaTest, ProductsAreRightAndBoundedForAllFactors) {
  for (const uint64_t bound :
       {uint64_t{1}, uint64_t{3}, uint64_t{6}, uint64_t{44}, probe::kMulBound}) {
    for (int round = 0; round < 300; ++round) {
      Lanes a, b, product, square;
      Fill(a, bound);
      Fill(b, bound);
      probe::Mul(a, b, product);
      probe::Sqr(a, square);
      for (size_t i = 0; i < 8; ++i) {
        ASSERT_EQ(Value(product[i]), Value(a[i]) * Value(b[i]));
        ASSERT_EQ(Value(square[i]), Value(a[i]).Square());
        ExpectWithin(product[i], Multiple(2), "product");
        ExpectWithin(square[i], Multiple(2), "square");
      }
    }
  }
}

TEST_F(IfmaTest, ProductsInFp2AreRightAndBoundedForAllFactors) {
  for (const uint64_t bound :
       {uint64_t{1}, uint64_t{3}, uint64_t{6}, uint64_t{44}, probe::kMul2Bound}) {
    for (int round = 0; round < 300; ++round) {
      Lanes2 a, b, product, square;
      Fill(a, bound);
      Fill(b, bound);
      probe::Mul2(a, b, product);
      probe::Sqr2(a, square);
      for (size_t i = 0; i < 8; ++i) {
        ASSERT_EQ(Value2(product, i), Value2(a, i) * Value2(b, i));
        ASSERT_EQ(Value2(square, i), Value2(a, i).Square());
        for (size_t part = 0; part < 2; ++part) {
          ExpectWithin(product[part][i], Multiple(3), "product");
          ExpectWithin(square[part][i], Multiple(2), "square");
        }
      }
    }
  }
}

TEST_F(IfmaTest, ReductionHoldsItsBound) {
  // 2.232 p, rounded up to a 2^-10th of p.
  Wide limit = Multiple(2286);
  for (size_t i = 0; i < 7; ++i) limit[i] = limit[i] >> 10 | (i < 6 ? limit[i + 1] << 54 : 0);
  for (int round = 0; round < 2000; ++round) {
    Lanes a, b, c, out;
    Fill(a, 3);
    Fill(b, 3);
    Fill(c, 3);
    probe::ReduceDifference(a, b, c, out);
    for (size_t i = 0; i < 8; ++i) {
      ASSERT_EQ(Value(out[i]), Value(a[i]) - Value(b[i]) - Value(c[i]));
      ExpectWithin(out[i], limit, "reduced");
    }
  }
}

TEST_F(IfmaTest, ShrinkingHoldsItsBound) {
  Wide limit = Multiple(1034);  // 1.01 p, rounded down to a 2^-10th of p.
  for (size_t i = 0; i < 7; ++i) limit[i] = limit[i] >> 10 | (i < 6 ? limit[i + 1] << 54 : 0);
  for (int round = 0; round < 2000; ++round) {
    Lanes a, b, out;
    Fill(a, 3);
    Fill(b, 3);
    probe::ShrinkDifference(a, b, out);
    for (size_t i = 0; i < 8; ++i) {
      ASSERT_EQ(Value(out[i]), (Value(a[i]) - Value(b[i])) * Fp::FromUint64(32));
      ExpectWithin(out[i], limit, "shrunk");
    }
  }
}

TEST_F(IfmaTest, CarriesOfLooseValues) {
  for (int round = 0; round < 300; ++round) {
    Lanes a, b, out;
    Fill(a, 2);
    Fill(b, 1);
    probe::CarryDifference(a, b, out);
    for (size_t i = 0; i < 8; ++i) {
      ASSERT_EQ(Value(out[i]), Value(a[i]) * Fp::FromUint64(8) - Value(b[i]) * Fp::FromUint64(301));
      ExpectWithin(out[i], Multiple(317), "carried");
    }
  }
}

TEST_F(IfmaTest, ZeroIsFoundInAllItsForms) {
  for (int round = 0; round < 300; ++round) {
    Lanes a;
    Fill(a, 6);
    uint8_t want = 0;
    for (size_t i = 0; i < 8; ++i) {
      if (Value(a[i]).IsZero().Declassify()) want = static_cast<uint8_t>(want | 1u << i);
    }
    EXPECT_EQ(probe::IsZero(a), want);
    EXPECT_EQ(probe::MayBeZero(a) & want, want);
  }
  Lanes multiples;
  for (size_t i = 0; i < 8; ++i) Split(Multiple(i % 6), multiples[i]);
  EXPECT_EQ(probe::IsZero(multiples), 0xff);
}

TEST_F(IfmaTest, MayBeZeroErrsOnlyOnTheSafeSide) {
  Lanes a = {};
  for (size_t i = 0; i < 8; ++i) a[i][5] = 1;  // Not zero, but the lowest limb is.
  EXPECT_EQ(probe::IsZero(a), 0);
  EXPECT_EQ(probe::MayBeZero(a), 0xff);
}

TEST_F(IfmaTest, InvertsAllLanes) {
  for (int round = 0; round < 50; ++round) {
    Lanes a, inverse;
    Lanes2 a2, inverse2;
    Fill(a, 3);
    Fill(a2, 3);
    const auto replace_zero = [](Lanes& lanes) {
      for (Element& element : lanes) {
        if (Value(element).IsZero().Declassify()) element[0] += 1;
      }
    };
    replace_zero(a);
    replace_zero(a2[0]);
    probe::Invert(a, inverse);
    probe::Invert2(a2, inverse2);
    for (size_t i = 0; i < 8; ++i) {
      ASSERT_EQ(Value(inverse[i]) * Value(a[i]), Fp::One());
      ASSERT_EQ(Value2(inverse2, i) * Value2(a2, i), Fp2::One());
    }
  }
}

TEST_F(IfmaTest, NumbersAreBelowP) {
  for (int round = 0; round < 300; ++round) {
    Lanes a, number;
    Fill(a, 6);
    probe::ToNumber(a, number);
    for (size_t i = 0; i < 8; ++i) {
      ExpectWithin(number[i], Multiple(1), "number");
      ASSERT_EQ(FromPlainLimbs52(number[i]), Value(a[i]));
    }
  }
}

TEST_F(IfmaTest, PowersForSquareRoots) {
  Lanes values[3];
  Lanes powers[3];
  for (size_t v = 0; v < 3; ++v) {
    Fill(values[v], 2);
    std::copy(&values[v][0][0], &values[v][0][0] + 64, &powers[v][0][0]);
  }
  probe::InverseSquareRootPowers(powers);
  for (size_t v = 0; v < 3; ++v) {
    for (size_t i = 0; i < 8; ++i) {
      EXPECT_EQ(Value(powers[v][i]), InverseSqrtCandidate(Value(values[v][i])));
      ExpectWithin(powers[v][i], Multiple(2), "power");
    }
  }
}

Fp12 Value12(const Lanes2& lanes) {
  const auto c = [&lanes](size_t i) { return Value2(lanes, i); };
  return {{c(0), c(2), c(4)}, {c(1), c(3), c(5)}};
}

void ExpectWithin12(const Lanes2& lanes) {
  for (size_t part = 0; part < 2; ++part) {
    for (size_t i = 0; i < 8; ++i) ExpectWithin(lanes[part][i], Multiple(3), "of Fp12");
  }
}

TEST_F(IfmaTest, Fp12AgreesWithTheTower) {
  for (int round = 0; round < 200; ++round) {
    Lanes2 a, b, lines, out;
    Fill(a, 3);
    Fill(b, 3);
    Fill(lines, 120);
    const Fp12 x = Value12(a);
    const Fp12 y = Value12(b);
    probe::Fp12Multiply(a, b, out);
    ASSERT_EQ(Value12(out), x * y);
    ExpectWithin12(out);
    probe::Fp12Square(a, out);
    ASSERT_EQ(Value12(out), x.Square());
    ExpectWithin12(out);
    probe::Fp12Conjugate(a, out);
    ASSERT_EQ(Value12(out), x.Conjugate());
    ExpectWithin12(out);
    probe::Fp12Frobenius(a, out);
    ASSERT_EQ(Value12(out), x.Frobenius(1));
    ExpectWithin12(out);
    probe::Fp12MultiplyByLines(a, lines, out);
    const auto line = [&lines](size_t i) { return Value2(lines, i); };
    ASSERT_EQ(Value12(out),
              x.MultiplyBy014(line(0), line(1), line(2)).MultiplyBy014(line(4), line(5), line(6)));
    ExpectWithin12(out);
    if (x.IsZero().Declassify()) continue;
    probe::Fp12Inverse(a, out);
    ASSERT_EQ(Value12(out) * x, Fp12::One());
    Lanes2 one;
    probe::Fp12Multiply(a, out, one);
    EXPECT_TRUE(probe::Fp12IsOne(one));
    EXPECT_FALSE(probe::Fp12IsOne(a));
  }
}

TEST_F(IfmaTest, CyclotomicSquares) {
  for (int round = 0; round < 50; ++round) {
    Lanes2 a, conjugate, inverse, unitary, twice, out;
    Fill(a, 3);
    if (Value12(a).IsZero().Declassify()) continue;
    // (p^6 - 1)(p^2 + 1) leads into the cyclotomic subgroup.
    probe::Fp12Conjugate(a, conjugate);
    probe::Fp12Inverse(a, inverse);
    probe::Fp12Multiply(conjugate, inverse, unitary);
    probe::Fp12Frobenius(unitary, twice);
    probe::Fp12Frobenius(twice, twice);
    probe::Fp12Multiply(twice, unitary, out);
    const Fp12 x = Value12(out);
    for (int i = 0; i < 5; ++i) probe::Fp12CyclotomicSquare(out, out);
    ExpectWithin12(out);
    const uint64_t power[] = {32};
    ASSERT_EQ(Value12(out), x.Pow(power));
  }
}

TEST(IfmaDeathTest, ZeroAmongTheLanesStopsTheProcess) {
  if (!CpuHasIfma()) GTEST_SKIP() << "the processor has no AVX-512 IFMA";
  Lanes a = {};
  Lanes out;
  for (size_t i = 0; i < 7; ++i) a[i][0] = 5;
  EXPECT_DEATH(probe::Invert(a, out), "denominators is zero");
}

}  // namespace
}  // namespace groat::bls
