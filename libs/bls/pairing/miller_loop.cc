#include <vector>

#include "bls/pairing/pairing.h"

namespace groat::bls {
namespace {

// c0 + c1 v + c4 v w: a line through points of the twist, evaluated at p and multiplied by w^3 and
// by an element of Fp2, both of which the final exponentiation makes one.
struct Line {
  Fp2 c0;
  Fp2 c1;
  Fp2 c4;
};

// A pair in the loop: the multiple of q so far, in homogeneous coordinates x = X / Z, y = Y / Z.
struct State {
  Fp p_x;
  Fp p_y;
  Fp2 q_x;
  Fp2 q_y;
  Fp2 x;
  Fp2 y;
  Fp2 z;
};

Fp2 Triple(const Fp2& a) { return a.Double() + a; }

// 3 b' c = 12 (1 + u) c.
Fp2 MultiplyBy3B(const Fp2& c) {
  const Fp2 four = c.Double().Double();
  return Triple(four).MultiplyByXi();
}

// Doubles the point and gives the tangent there. Aranha et al., section 4, formulas (11).
Line DoubleStep(State& t) {
  const Fp2 a = (t.x * t.y).Half();
  const Fp2 b = t.y.Square();
  const Fp2 c = t.z.Square();
  const Fp2 e = MultiplyBy3B(c);
  const Fp2 f = Triple(e);
  const Fp2 g = (b + f).Half();
  const Fp2 h = (t.y + t.z).Square() - (b + c);
  const Fp2 j = Triple(t.x.Square());
  t.x = a * (b - f);
  t.y = g.Square() - Triple(e.Square());
  t.z = b * h;
  return {e - b, j * t.p_x, -(h * t.p_y)};
}

// Adds q and gives the line through the point and q. They are never equal nor opposite: the point
// is a multiple of q between 2 and |x|, far below r.
Line AddStep(State& t) {
  const Fp2 theta = t.y - t.q_y * t.z;
  const Fp2 lambda = t.x - t.q_x * t.z;
  const Fp2 c = theta.Square();
  const Fp2 d = lambda.Square();
  const Fp2 e = lambda * d;
  const Fp2 f = t.z * c;
  const Fp2 g = t.x * d;
  const Fp2 h = e + f - g.Double();
  t.x = lambda * h;
  t.y = (Fp2Wide::Product(theta, g - h) - Fp2Wide::Product(e, t.y)).Reduce();
  t.z = t.z * e;
  const Fp2 c0 = (Fp2Wide::Product(theta, t.q_x) - Fp2Wide::Product(lambda, t.q_y)).Reduce();
  return {c0, -(theta * t.p_x), lambda * t.p_y};
}

Fp12 Times(const Fp12& f, const Line& line) { return f.MultiplyBy014(line.c0, line.c1, line.c4); }

}  // namespace

Fp12 MillerLoop(std::span<const PairingInput> pairs) {
  std::vector<State> states;
  states.reserve(pairs.size());
  for (const PairingInput& pair : pairs) {
    if ((pair.p.IsInfinity() | pair.q.IsInfinity()).Declassify()) continue;
    states.push_back({pair.p.x, pair.p.y, pair.q.x, pair.q.y, pair.q.x, pair.q.y, Fp2::One()});
  }
  Fp12 f = Fp12::One();
  if (states.empty()) return f;
  // Over the bits of |x| below the highest.
  for (int bit = 62; bit >= 0; --bit) {
    if (bit != 62) f = f.Square();
    for (State& state : states) f = Times(f, DoubleStep(state));
    if ((kMinusX >> bit & 1) == 0) continue;
    for (State& state : states) f = Times(f, AddStep(state));
  }
  return f.Conjugate();
}

}  // namespace groat::bls
