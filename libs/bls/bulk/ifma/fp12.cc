#include "bls/bulk/ifma/fp12.h"

#include "bls/bulk/ifma/transpose.h"
#include "bls/bulk/ifma/wide.h"
#include "bls/bulk/limb52.h"

namespace groat::bls::ifma {
namespace {

// A product of polynomials, lane by lane: in each step every lane multiplies a coefficient of x, or
// of xi x where the power of w (or of v) wraps around, by a coefficient of y.
struct ConvolutionStep {
  alignas(64) uint64_t x_lane[8];  // 8 + i is lane i of xi x.
  alignas(64) uint64_t y_lane[8];
};

// x times all of y in Fp12, and times c0 + c2 w^2 + c3 w^3 with the three in lanes `base`,
// `base + 1`, `base + 2`.
constexpr ConvolutionStep StepOfPower(int power, int y_lane) {
  ConvolutionStep step{};
  for (int lane = 0; lane < 6; ++lane) {
    const int from = lane - power;
    step.x_lane[lane] = static_cast<uint64_t>(from >= 0 ? from : 8 + from + 6);
    step.y_lane[lane] = static_cast<uint64_t>(y_lane);
  }
  for (size_t lane = 6; lane < 8; ++lane) step.x_lane[lane] = step.y_lane[lane] = lane;
  return step;
}
constexpr ConvolutionStep kFullSteps[6] = {StepOfPower(0, 0), StepOfPower(1, 1), StepOfPower(2, 2),
                                           StepOfPower(3, 3), StepOfPower(4, 4), StepOfPower(5, 5)};
constexpr ConvolutionStep kFirstLineSteps[3] = {StepOfPower(0, 0), StepOfPower(2, 1),
                                                StepOfPower(3, 2)};
constexpr ConvolutionStep kSecondLineSteps[3] = {StepOfPower(0, 4), StepOfPower(2, 5),
                                                 StepOfPower(3, 6)};
// Two products in Fp6 = Fp2[v] / (v^3 - xi), in lanes 0 to 2 and 3 to 5.
constexpr ConvolutionStep StepInFp6(int power) {
  ConvolutionStep step{};
  for (int lane = 0; lane < 6; ++lane) {
    const int base = lane / 3 * 3;
    const int from = lane - base - power;
    step.x_lane[lane] = static_cast<uint64_t>(base + (from >= 0 ? from : 8 + from + 3));
    step.y_lane[lane] = static_cast<uint64_t>(base + power);
  }
  for (size_t lane = 6; lane < 8; ++lane) step.x_lane[lane] = step.y_lane[lane] = lane;
  return step;
}
constexpr ConvolutionStep kFp6Steps[3] = {StepInFp6(0), StepInFp6(1), StepInFp6(2)};

// The sum over the steps of products of one component.
template <unsigned A, unsigned X, unsigned B>
void AccumulateSteps(const ConvolutionStep* steps, size_t count, const Fe<A>& x, const Fe<X>& xi_x,
                     const Fe<B>& y, Wide& out) {
  Wide t = WideZero();
  for (size_t step = 0; step < count; ++step) {
    // Keeps the compiler from loading all limbs before the loop, only to store them on the stack.
    asm("" : : : "memory");
    const Vec x_lane = _mm512_load_si512(steps[step].x_lane);
    const Vec y_lane = _mm512_load_si512(steps[step].y_lane);
    Vec row[8];
    Vec factor[8];
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; ++i) {
      row[i] = _mm512_permutex2var_epi64(x.limb[i], x_lane, xi_x.limb[i]);
      factor[i] = _mm512_permutexvar_epi64(y_lane, y.limb[i]);
    }
    MulAccumulate(t, row, factor);
  }
  out = t;
}

// Karatsuba over Fp2 on the sums, so that each lane reduces twice in all. Bound: the sums of six
// products of sums of two are below 6 * 2X * 2B p^2.
template <unsigned A, unsigned B>
Fe2<3> Convolve(const ConvolutionStep* steps, size_t count, const Fe2<A>& x, const Fe2<B>& y) {
  const Fe2<3 * A> xi_x = Carry(TimesXi(x));
  static_assert(24 * uint64_t{3 * A} * B <= kMaxProductBound);
  Wide low;
  Wide high;
  Wide cross;
  AccumulateSteps(steps, count, x.c0, xi_x.c0, y.c0, low);
  AccumulateSteps(steps, count, x.c1, xi_x.c1, y.c1, high);
  AccumulateSteps(steps, count, Carry(x.c0 + x.c1), Carry(xi_x.c0 + xi_x.c1), Carry(y.c0 + y.c1),
                  cross);
  Fe2<3> out;
  Subtract(cross, low);
  Subtract(cross, high);
  ReduceWide(out.c1.limb, cross);
  Subtract(low, high);
  Add(low, WideBias());
  ReduceWide(out.c0.limb, low);
  return out;
}

constexpr Mask kOddLanes = 0b101010;
constexpr Mask kEvenLanes = 0b010101;

// xi^(k (p - 1) / 6) for k = 0 to 5: what the Frobenius map multiplies the conjugated coefficient
// of w^k by.
constexpr Limbs52 kGamma[6][2] = {
    {kOne, Limbs52{}},
    {FromHex("1904d3bf02bb0667c231beb4202c0d1f0fd603fd3cbd5f4f7b2443d784bab9c4f67ea53d63e7813d"
             "8d0775ed92235fb8"),
     FromHex("fc3e2b36c4e03288e9e902231f9fb854a14787b6c7b36fec0c8ec971f63c5f282d5ac14d6c7ec22"
             "cf78a126ddc4af3")},
    {Limbs52{}, FromHex("1a0111ea397fe699ec02408663d4de85aa0d857d89759ad4897d29650fb85f9b409427eb4f"
                        "49fffd8bfd00000000aaac")},
    {FromHex("6af0e0437ff400b6831e36d6bd17ffe48395dabc2d3435e77f76e17009241c5ee67992f72ec05f4c"
             "81084fbede3cc09"),
     FromHex("6af0e0437ff400b6831e36d6bd17ffe48395dabc2d3435e77f76e17009241c5ee67992f72ec05f4c"
             "81084fbede3cc09")},
    {FromHex("1a0111ea397fe699ec02408663d4de85aa0d857d89759ad4897d29650fb85f9b409427eb4f49fffd"
             "8bfd00000000aaad"),
     Limbs52{}},
    {FromHex("5b2cfd9013a5fd8df47fa6b48b1e045f39816240c0b8fee8beadf4d8e9c0566c63a3e6e257f87329"
             "b18fae980078116"),
     FromHex("144e4211384586c16bd3ad4afa99cc9170df3560e77982d0db45f3536814f0bd5871c1908bd478cd"
             "1ee605167ff82995")}};

Fe<1> LanesOf(const Limbs52 (&constants)[6][2], size_t part) {
  alignas(64) uint64_t lanes[8];
  Fe<1> out;
  for (size_t limb = 0; limb < 8; ++limb) {
    for (size_t lane = 0; lane < 8; ++lane)
      lanes[lane] = lane < 6 ? constants[lane][part][limb] : 0;
    out.limb[limb] = _mm512_load_si512(lanes);
  }
  return out;
}

}  // namespace

Fp12Lanes Multiply(const Fp12Lanes& a, const Fp12Lanes& b) {
  return {Convolve(kFullSteps, 6, a.c, b.c)};
}

// With a = e + o w for e, o in Fp6: a^2 = (e + o)(e + v o) - e o - v e o + 2 e o w.
Fp12Lanes Square(const Fp12Lanes& a) {
  // Lanes 0 to 2: e and o. Lanes 3 to 5: e + o and e + v o, where v o = (xi a5, a1, a3).
  constexpr Mask kSecond = 0b111000;
  const Fe2<3> even = Permute8(LaneIndex(0, 2, 4, 0, 2, 4, 6, 7), a.c);
  const Fe2<3> odd = Permute8(LaneIndex(1, 3, 5, 1, 3, 5, 6, 7), a.c);
  const Fe2<3> shifted = Permute8(LaneIndex(6, 6, 6, 5, 1, 3, 6, 7), a.c);
  const Fe2<6> x = Carry(AddIn(kSecond, Keep(0xff, even), Keep(0xff, odd)));
  const auto plain = Keep(0b110000, shifted) + Keep(0b111111, Select(kSecond, even, odd));
  const Fe2<15> y = Carry(AddIn(0b001000, plain, TimesXi(shifted)));
  const Fe2<3> product = Convolve(kFp6Steps, 3, x, y);
  // m = e o in lanes 0 to 2, n in lanes 3 to 5. Coefficients of even powers: n0 - m0 - xi m2,
  // n1 - m1 - m0, n2 - m2 - m1; of odd ones 2 m0, 2 m1, 2 m2.
  const Fe2<3> n = Permute8(LaneIndex(3, 0, 4, 1, 5, 2, 6, 7), product);
  const Fe2<3> m = Permute8(LaneIndex(0, 0, 1, 1, 2, 2, 6, 7), product);
  const Fe2<3> before = Permute8(LaneIndex(2, 0, 0, 1, 1, 2, 6, 7), product);
  const auto with_m =
      SubIn(kEvenLanes, AddIn(kOddLanes, Keep(0xff, n), Keep(0xff, m)), Keep(0xff, m));
  const auto with_before = SubIn(0b010100, with_m, Keep(0xff, before));
  return {Widen<3>(Shrink(SubIn(0b000001, with_before, TimesXi(before))))};
}

Fp12Lanes MultiplyByLines(const Fp12Lanes& a, const LinePair& lines) {
  const Fp12Lanes first = MultiplyByFirstLine(a, lines);
  return {Convolve(kSecondLineSteps, 3, first.c, lines.c)};
}

Fp12Lanes MultiplyByFirstLine(const Fp12Lanes& a, const LinePair& lines) {
  return {Convolve(kFirstLineSteps, 3, a.c, lines.c)};
}

// The pairs (a0, a3), (a1, a4), (a2, a5) are elements p + q s of Fp4 = Fp2[s] / (s^2 - xi), with
// squares (p^2 + xi q^2) + 2 p q s. With m = p q and n = (p + q)(p + xi q), the first part is
// n - (1 + xi) m. The results, with the index of the pair as a subscript:
//   a0' = 3 (n0 - (2 + u) m0) - 2 a0    a1' = 6 xi m2 + 2 a1
//   a2' = 3 (n1 - (2 + u) m1) - 2 a2    a3' = 6 m0 + 2 a3
//   a4' = 3 (n2 - (2 + u) m2) - 2 a4    a5' = 6 m1 + 2 a5
Fp12Lanes CyclotomicSquare(const Fp12Lanes& a) {
  constexpr Mask kSecond = 0b111000;
  const Fe2<3> p = Permute8(LaneIndex(0, 1, 2, 0, 1, 2, 6, 7), a.c);
  const Fe2<3> q = Permute8(LaneIndex(3, 4, 5, 3, 4, 5, 6, 7), a.c);
  const Fe2<6> x = Carry(AddIn(kSecond, Keep(0xff, p), Keep(0xff, q)));
  const Fe2<12> y = Carry(AddIn(kSecond, Keep(0xff, Select(kSecond, p, q)), TimesXi(q)));
  const Fe2<3> product = x * y;
  const Fe2<3> n = Permute8(LaneIndex(3, 6, 4, 6, 5, 6, 6, 7), product);
  const Fe2<3> m = Permute8(LaneIndex(0, 2, 1, 0, 2, 1, 6, 7), product);
  // t = n - 2 m + a in even lanes and 2 m + a in odd ones, to be scaled by 3; then a is taken off
  // once (3 a - a = 2 a) or, in even lanes, added: 3 (..) - 2 a = 3 (.. - a) + a.
  const auto m0 = Keep(0xff, m.c0);
  const auto m1 = Keep(0xff, m.c1);
  const auto combine = [](const auto& own, const auto& n_part, const auto& a_part) {
    // own = 2 m; even lanes n - own - a, odd lanes own + a.
    const auto odd = AddIn(kOddLanes, Keep(kEvenLanes, n_part), own + Keep(0xff, a_part));
    return SubIn(kEvenLanes, odd, own + Keep(0xff, a_part));
  };
  // u m = -m1 + m0 u in even lanes: subtracted. In lane 1 xi m = m + u m: 2 u m is added.
  const auto c0 = SubIn(0b000010, AddIn(kEvenLanes, combine(m0 + m0, n.c0, a.c.c0), m1), m1 + m1);
  const auto c1 = AddIn(0b000010, SubIn(kEvenLanes, combine(m1 + m1, n.c1, a.c.c1), m0), m0 + m0);
  const auto finish = [](const auto& third, const auto& a_part) {
    const auto tripled = third + third + third;
    return SubIn(kOddLanes, AddIn(kEvenLanes, tripled, Keep(0xff, a_part)), Keep(0xff, a_part));
  };
  return {{Widen<3>(Shrink(finish(c0, a.c.c0))), Widen<3>(Shrink(finish(c1, a.c.c1)))}};
}

Fp12Lanes Conjugate(const Fp12Lanes& a) {
  const auto negative = Zero2() - a.c;
  const auto mixed = AddIn(kOddLanes, Keep(kEvenLanes, a.c), negative);
  return {Widen<3>(Shrink(mixed))};
}

Fp12Lanes Frobenius(const Fp12Lanes& a) {
  const Fe2<4> conjugate = {Widen<4>(a.c.c0), Carry(Zero() - a.c.c1)};
  const Fe2<1> gamma = {LanesOf(kGamma, 0), LanesOf(kGamma, 1)};
  return {conjugate * gamma};
}

Fp12Lanes Fp12One() {
  Fe2<3> out = Widen<3>(Zero2());
  for (size_t i = 0; i < 8; ++i) {
    out.c0.limb[i] = _mm512_maskz_mov_epi64(1, Broadcast(kOne[i]));
  }
  return {out};
}

bool IsOne(const Fp12Lanes& a) {
  const auto difference = a.c - Fp12One().c;
  return (IsZero(Carry(difference)) & 0b111111) == 0b111111;
}

Fp12Lanes Inverse(const Fp12Lanes& a) {
  alignas(64) uint64_t coefficient[2][8][8];
  Vec row[8];
  for (size_t part = 0; part < 2; ++part) {
    Transpose(part == 0 ? a.c.c0.limb : a.c.c1.limb, row);
    for (size_t i = 0; i < 8; ++i) _mm512_store_si512(coefficient[part][i], row[i]);
  }
  InvertFp12Limbs52(coefficient[0], coefficient[1]);
  Fp12Lanes out;
  for (size_t part = 0; part < 2; ++part) {
    for (size_t i = 0; i < 8; ++i) row[i] = _mm512_load_si512(coefficient[part][i]);
    Transpose(row, part == 0 ? out.c.c0.limb : out.c.c1.limb);
  }
  return out;
}

}  // namespace groat::bls::ifma
