// Formulas: Aranha, Karabina, Longa, Gebotys, Lopez, "Faster explicit formulas for computing
// pairings over ordinary curves" (EUROCRYPT 2011), section 4, for the M-twist; the multiples are
// scaled so that nothing is halved. Each level of independent multiplications fills the lanes:
// four of one pair and four of the other.
#include "bls/bulk/ifma/miller_loop.h"

#include "bls/bulk/ifma/lane_fields.h"

namespace groat::bls::ifma {
namespace {

// Lanes by their place in each half.
constexpr Mask kLane0 = 0b00010001;
constexpr Mask kLane1 = 0b00100010;
constexpr Mask kLane2 = 0b01000100;
constexpr Mask kLane3 = 0b10001000;
constexpr Mask kAll = 0xff;

struct Loop {
  Fe2<66> t;      // The multiple X, Y, Z of q in lanes 0 to 2, homogeneous: x = X / Z, y = Y / Z.
  Fe2<3> q;       // x and y of q in lanes 0 and 1.
  Fe<2> tangent;  // 3 p_x, 3 p_x, -2 p_y, -2 p_y.
  Fe<2> chord;    // -p_x, -p_x, p_y, p_y.
};

// The line with c0 in lane 0 and, from the four numbers in the half's lanes of `rest`, c2 (the
// first two) and c3.
template <unsigned B>
LinePair MakeLine(const Fe2<B>& c0, const Fe<2>& rest) {
  LinePair out;
  out.c.c0 = Widen<120>(Select(kLane0, c0.c0, Permute4<0, 0, 2, 2>(rest)));
  out.c.c1 = Widen<120>(Select(kLane0, c0.c1, Permute4<1, 1, 3, 3>(rest)));
  return out;
}

// t = 2 t, and the tangents at the old t.
LinePair DoubleStep(Loop& loop) {
  const auto& t = loop.t;
  // X Y, Y^2, Z^2, Y Z.
  const Fe2<3> m = Permute4<0, 1, 2, 1>(t) * Permute4<1, 1, 2, 2>(t);
  // X^2 as (x0 + x1)(x0 - x1) and x0 (2 x1), in lanes 0 and 1.
  const auto x0 = Permute4<0, 0, 0, 0>(t.c0);
  const auto x1 = Permute4<0, 0, 0, 0>(t.c1);
  const auto left = Carry(AddIn(kLane0, Keep(kAll, x0), Keep(kAll, x1)));
  const auto right =
      Carry(SubIn(kLane0, Keep(kLane0, x0), Keep(kAll, x1)) + Shift<1>(Keep(kLane1, x1)));
  const Fe<2> x_squared = left * right;
  // Times 3 p_x and -2 p_y.
  const Fe<3> slopes = Select(kLane2, Permute4<3, 3, 3, 3>(m.c0),
                              Select(kLane3, Permute4<3, 3, 3, 3>(m.c1), Widen<3>(x_squared)));
  const Fe<2> rest = slopes * loop.tangent;

  // e = 12 xi Z^2 = 3 b' Z^2, in all lanes.
  const auto xi_zz = TimesXi(Permute4<2, 2, 2, 2>(m));
  const auto e = Shift<3>(xi_zz) + Shift<2>(xi_zz);
  const auto three_e = e + e + e;
  const Fe2<3> b = Permute4<1, 1, 1, 1>(m);
  const auto line_c0 = Carry(e - b);
  // X Y, b + 3e, e, b times b - 3e, b + 3e, e, Y Z.
  const auto first = Carry(AddIn(
      kLane2, AddIn(kLane1, Keep(kLane0 | kLane1 | kLane3, Permute4<0, 1, 1, 1>(m)), three_e), e));
  const auto second = Carry(SubIn(
      kLane0,
      AddIn(kLane2, AddIn(kLane1, Keep(kLane0 | kLane1 | kLane3, Permute4<1, 1, 1, 3>(m)), three_e),
            e),
      three_e));
  const Fe2<3> n = first * second;
  // X = 2 n0, Y = n1 - 12 n2, Z = 8 n3: four times the usual multiples.
  const Fe2<3> moved = Permute4<0, 1, 3, 3>(n);
  const auto e_squared = Keep(kLane1, Permute4<2, 2, 2, 2>(n));
  const auto scaled = AddIn(kLane2, AddIn(kLane0 | kLane2, Keep(kAll, moved), Keep(kAll, moved)),
                            Shift<1>(Keep(kAll, moved)) + Shift<2>(Keep(kAll, moved)));
  loop.t = Widen<66>(Carry(scaled - (Shift<3>(e_squared) + Shift<2>(e_squared))));
  return MakeLine(line_c0, rest);
}

// t = t + q, and the lines through both. They are never equal nor opposite: t is a multiple of q
// between 2 and |x|, far below r.
LinePair AddStep(Loop& loop) {
  // lambda = X - x_q Z and theta = Y - y_q Z.
  const Fe2<3> m = Permute4<2, 2, 2, 2>(loop.t) * loop.q;
  const auto d = Carry(loop.t - m);
  // theta^2, lambda^2, theta x_q, lambda y_q.
  const auto theta_lambda = Permute4<1, 0, 1, 0>(d);
  const Fe2<3> n =
      theta_lambda * Select(kLane0 | kLane1, theta_lambda, Permute4<0, 1, 0, 1>(loop.q));
  const auto slopes =
      Select(kLane0 | kLane2, Permute4<1, 1, 0, 0>(d.c0), Permute4<1, 1, 0, 0>(d.c1));
  const Fe<2> rest = slopes * loop.chord;
  const auto line_c0 = Carry(Permute4<2, 2, 2, 2>(n) - Permute4<3, 3, 3, 3>(n));
  // e = lambda lambda^2, f = Z theta^2, g = X lambda^2.
  const Fe2<3> s = Select(kLane0, Permute4<0, 0, 0, 0>(d), Permute4<0, 2, 0, 0>(loop.t)) *
                   Permute4<1, 0, 1, 1>(n);
  const Fe2<3> e = Permute4<0, 0, 0, 0>(s);
  const Fe2<3> f = Permute4<1, 1, 1, 1>(s);
  const Fe2<3> g = Permute4<2, 2, 2, 2>(s);
  // lambda h, theta (g - h), e Y, Z e with h = e + f - 2 g.
  const auto h = e + f - g - g;
  const auto g_less_h = g + g + g - e - f;
  const auto left = Select(kLane0 | kLane1, Permute4<0, 1, 0, 0>(d),
                           Select(kLane2, Widen<66>(e), Permute4<2, 2, 2, 2>(loop.t)));
  const auto right = Select(
      kLane0, Carry(h),
      Select(kLane1, Carry(g_less_h), Select(kLane2, Permute4<1, 1, 1, 1>(loop.t), Widen<66>(e))));
  const Fe2<3> out = left * right;
  loop.t = Widen<66>(
      Carry(Keep(kAll, Permute4<0, 1, 3, 3>(out)) - Keep(kLane1, Permute4<2, 2, 2, 2>(out))));
  return MakeLine(line_c0, rest);
}

// a in the lanes of the first half, b in those of the second.
Fe<1> Halves(const uint64_t (&a)[8], const uint64_t (&b)[8]) {
  Fe<1> out;
  for (size_t i = 0; i < 8; ++i) {
    out.limb[i] = _mm512_mask_blend_epi64(0xf0, Broadcast(a[i]), Broadcast(b[i]));
  }
  return out;
}

Loop Start(const PairingPoints& a, const PairingPoints& b) {
  const Fe2<1> q_x = {Halves(a.q_x[0], b.q_x[0]), Halves(a.q_x[1], b.q_x[1])};
  const Fe2<1> q_y = {Halves(a.q_y[0], b.q_y[0]), Halves(a.q_y[1], b.q_y[1])};
  const Fe<1> p_x = Halves(a.p_x, b.p_x);
  const Fe<1> p_y = Halves(a.p_y, b.p_y);
  Loop loop;
  loop.q = Widen<3>(Select(kLane0, q_x, q_y));
  loop.t = Widen<66>(Select(kLane2, Constant2(kOne, Limbs52{}), Select(kLane0, q_x, q_y)));
  constexpr Mask kFirstTwo = kLane0 | kLane1;
  loop.tangent = Shrink(SubIn(kLane2 | kLane3,
                              Keep(kFirstTwo, p_x) + Keep(kFirstTwo, p_x) + Keep(kFirstTwo, p_x),
                              Shift<1>(p_y)));
  loop.chord = Shrink(SubIn(kFirstTwo, Keep(kLane2 | kLane3, p_y), Keep(kAll, p_x)));
  return loop;
}

}  // namespace

Fp12Lanes MillerLoop(const PairingPoints* pairs, size_t count) {
  constexpr uint64_t kMinusX = 0xd201000000010000;
  // The last of an odd number of pairs fills both halves; its second line is not used.
  Loop loops[kMaxLoopPairs / 2];
  const size_t loop_count = (count + 1) / 2;
  for (size_t i = 0; i < loop_count; ++i) {
    loops[i] = Start(pairs[2 * i], pairs[2 * i + 1 < count ? 2 * i + 1 : 2 * i]);
  }
  Fp12Lanes f = Fp12One();
  const auto multiply = [&](size_t i, const LinePair& lines) {
    const bool both = 2 * i + 1 < count;
    f = both ? MultiplyByLines(f, lines) : MultiplyByFirstLine(f, lines);
  };
  for (int bit = 62; bit >= 0; --bit) {
    if (bit != 62) f = Square(f);
    for (size_t i = 0; i < loop_count; ++i) multiply(i, DoubleStep(loops[i]));
    if ((kMinusX >> bit & 1) == 0) continue;
    for (size_t i = 0; i < loop_count; ++i) multiply(i, AddStep(loops[i]));
  }
  return Conjugate(f);
}

}  // namespace groat::bls::ifma
