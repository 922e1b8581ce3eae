// The kernels against the portable code, at the edges of what each of them allows.
#include <gmock/gmock.h>

#include "bls/field/testing/elements.h"

namespace groat::bls::testing {
namespace {

constexpr const uint64_t* kP = Fp::kModulus.data();

// The kernels of this CPU and the portable ones.
struct Both {
  Both() {
    LimitCpuForTest(CpuLevel::kPortable);
    portable = fp_kernels;
    LimitCpuForTest(CpuLevel::kIfma);
    fast = fp_kernels;
  }
  FpKernels fast;
  FpKernels portable;
};

template <size_t N, typename Kernel, typename... Operands>
Limbs<N> Apply(Kernel kernel, const Operands&... operands) {
  Limbs<N> out;
  kernel(out.data(), operands.data()...);
  return out;
}

TEST(FpKernels, ArePickedByTheCpu) {
  const Both both;
  EXPECT_STREQ(both.portable.name, "portable");
  EXPECT_STREQ(both.fast.name, CpuHasMulx() ? "mulx" : "portable");
}

TEST(FpKernels, AgreeInFp) {
  const Both both;
  std::vector<Fp> samples = EdgeElements<Fp>();
  RandomElements random(1);
  for (int i = 0; i < 200; ++i) samples.push_back(random.Prime<Fp>());
  for (const Fp& x : samples) {
    const Limbs<6>& a = x.montgomery();
    EXPECT_EQ(Apply<6>(both.fast.square, a), Apply<6>(both.portable.square, a));
    for (const Fp& y : samples) {
      const Limbs<6>& b = y.montgomery();
      EXPECT_EQ(Apply<6>(both.fast.multiply, a, b), Apply<6>(both.portable.multiply, a, b));
      EXPECT_EQ(Apply<12>(both.fast.multiply_wide, a, b),
                Apply<12>(both.portable.multiply_wide, a, b));
    }
  }
}

TEST(FpKernels, WideProductsTakeAnyLimbs) {
  const Both both;
  RandomElements random(2);
  for (int i = 0; i < 2000; ++i) {
    Limbs<6> a;
    Limbs<6> b;
    for (size_t j = 0; j < 6; ++j) {
      a[j] = random.Word() % 3 == 0 ? ~uint64_t{0} : random.Word();
      b[j] = random.Word() % 3 == 0 ? ~uint64_t{0} : random.Word();
    }
    ASSERT_EQ(Apply<12>(both.fast.multiply_wide, a, b),
              Apply<12>(both.portable.multiply_wide, a, b));
  }
  Limbs<6> ones;
  ones.fill(~uint64_t{0});
  EXPECT_EQ(Apply<12>(both.fast.multiply_wide, ones, ones),
            Apply<12>(both.portable.multiply_wide, ones, ones));
}

TEST(FpKernels, ReductionTakesEverythingBelowPR) {
  const Both both;
  RandomElements random(3);
  std::vector<Limbs<12>> samples = {Limbs<12>{}};
  Limbs<12> largest;  // p R - 1.
  largest.fill(~uint64_t{0});
  Limbs<6> below = Fp::kModulus;
  below[0] -= 1;
  std::copy(below.begin(), below.end(), largest.begin() + 6);
  samples.push_back(largest);
  Limbs<12> only_high{};
  std::copy(below.begin(), below.end(), only_high.begin() + 6);
  samples.push_back(only_high);
  Limbs<12> only_low{};
  std::fill(only_low.begin(), only_low.begin() + 6, ~uint64_t{0});
  samples.push_back(only_low);
  for (int i = 0; i < 2000; ++i) {
    Limbs<12> wide;
    for (uint64_t& limb : wide) limb = random.Word() % 4 == 0 ? ~uint64_t{0} : random.Word();
    wide[11] %= Fp::kModulus[5];
    samples.push_back(wide);
  }
  for (const Limbs<12>& wide : samples) {
    const Limbs<6> got = Apply<6>(both.fast.reduce, wide);
    ASSERT_EQ(got, Apply<6>(both.portable.reduce, wide));
    ASSERT_LT(CompareVariableTime<6>(got, Fp::kModulus), 0);
  }
}

TEST(FpKernels, AgreeInFp2) {
  const Both both;
  std::vector<Fp2> samples;
  const std::vector<Fp> edges = EdgeElements<Fp>();
  for (const Fp& c0 : edges) {
    for (const Fp& c1 : {edges[0], edges[1], edges[3], edges.back()}) samples.push_back({c0, c1});
  }
  RandomElements random(4);
  for (int i = 0; i < 100; ++i) samples.push_back(random.Quadratic());
  for (const Fp2& a : samples) {
    Fp2 fast;
    Fp2 portable;
    both.fast.fp2_square(fast.words(), a.words());
    both.portable.fp2_square(portable.words(), a.words());
    ASSERT_EQ(fast, portable) << a;
    ASSERT_EQ(fast, (Fp2{a.c0.Square() - a.c1.Square(), (a.c0 * a.c1).Double()}));
    for (const Fp2& b : samples) {
      both.fast.fp2_multiply(fast.words(), a.words(), b.words());
      both.portable.fp2_multiply(portable.words(), a.words(), b.words());
      ASSERT_EQ(fast, portable) << a << " times " << b;
      Limbs<24> fast_wide;
      Limbs<24> portable_wide;
      both.fast.fp2_multiply_wide(fast_wide.data(), a.words(), b.words());
      both.portable.fp2_multiply_wide(portable_wide.data(), a.words(), b.words());
      ASSERT_EQ(fast_wide, portable_wide) << a << " times " << b;
    }
  }
}

TEST(FpKernels, ResultsMayOverlapOperands) {
  const Both both;
  RandomElements random(5);
  for (const FpKernels& kernels : {both.fast, both.portable}) {
    const Fp2 a = random.Quadratic();
    const Fp2 b = random.Quadratic();
    Fp2 want;
    kernels.fp2_multiply(want.words(), a.words(), b.words());
    Fp2 x = a;
    kernels.fp2_multiply(x.words(), x.words(), b.words());
    EXPECT_EQ(x, want) << kernels.name;
    x = b;
    kernels.fp2_multiply(x.words(), a.words(), x.words());
    EXPECT_EQ(x, want) << kernels.name;
    x = a;
    kernels.fp2_multiply(x.words(), x.words(), x.words());
    kernels.fp2_square(want.words(), a.words());
    EXPECT_EQ(x, want) << kernels.name;
    x = a;
    kernels.fp2_square(x.words(), x.words());
    EXPECT_EQ(x, want) << kernels.name;
    Limbs<6> y = a.c0.montgomery();
    kernels.multiply(y.data(), y.data(), y.data());
    EXPECT_EQ(y, a.c0.Square().montgomery()) << kernels.name;
    y = a.c0.montgomery();
    kernels.square(y.data(), y.data());
    EXPECT_EQ(y, a.c0.Square().montgomery()) << kernels.name;
  }
}

// Sums and differences of 12 limbs keep the invariant of fp_wide.h.
TEST(FpWideTest, SumsStayBelowPR) {
  RandomElements random(6);
  const auto value = [&] {
    FpWide wide;
    for (uint64_t& limb : wide.limbs) limb = random.Word() % 3 == 0 ? ~uint64_t{0} : random.Word();
    wide.limbs[11] %= Fp::kModulus[5];
    return wide;
  };
  const auto below_pr = [](const FpWide& wide) {
    Limbs<6> high;
    std::copy(wide.limbs.begin() + 6, wide.limbs.end(), high.begin());
    return CompareVariableTime<6>(high, Fp::kModulus) < 0;
  };
  for (int i = 0; i < 2000; ++i) {
    const FpWide a = value();
    const FpWide b = i % 10 == 0 ? a : value();
    const FpWide sum = a + b;
    const FpWide difference = a - b;
    ASSERT_TRUE(below_pr(sum));
    ASSERT_TRUE(below_pr(difference));
    ASSERT_EQ(sum.Reduce(), a.Reduce() + b.Reduce());
    ASSERT_EQ(difference.Reduce(), a.Reduce() - b.Reduce());
    FpWide in_place = a;
    internal::AddWide(in_place.limbs.data(), in_place.limbs.data(), b.limbs.data());
    ASSERT_EQ(in_place.limbs, sum.limbs);
    in_place = b;
    internal::SubtractWide(in_place.limbs.data(), a.limbs.data(), in_place.limbs.data());
    ASSERT_EQ(in_place.limbs, difference.limbs);
  }
  // p^2-sized and zero operands.
  const FpWide zero = FpWide::Product(Fp(), Fp());
  const FpWide large = FpWide::Product(-Fp::One(), -Fp::One());
  EXPECT_EQ((zero - large).Reduce(), -large.Reduce());
  EXPECT_EQ((zero - zero).Reduce(), Fp());
}

// The inlined sums against the portable ones.
TEST(FpAddition, AgreesWithPortableCode) {
  std::vector<Fp> samples = EdgeElements<Fp>();
  RandomElements random(10);
  for (int i = 0; i < 100; ++i) samples.push_back(random.Prime<Fp>());
  for (const Fp& a : samples) {
    for (const Fp& b : samples) {
      Limbs<6> want;
      AddModulo<6>(want.data(), a.montgomery().data(), b.montgomery().data(), kP);
      ASSERT_EQ((a + b).montgomery(), want);
      SubModulo<6>(want.data(), a.montgomery().data(), b.montgomery().data(), kP);
      ASSERT_EQ((a - b).montgomery(), want);
    }
  }
}

}  // namespace
}  // namespace groat::bls::testing
