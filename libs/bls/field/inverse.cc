#include "bls/field/inverse.h"

#include <bit>
#include <utility>

#include "bls/field/choice.h"

namespace groat::bls {
namespace {

__extension__ typedef __int128 Int128;

constexpr int kSteps = 62;
constexpr uint64_t kMask = (uint64_t{1} << kSteps) - 1;

// A signed number of N limbs of 62 bits, lowest first; all but the highest are in [0, 2^62).
template <size_t N>
using Signed62 = std::array<int64_t, N>;

// A number of N limbs of 64 bits and its sign need this many limbs of 62.
template <size_t N>
constexpr size_t kSignedLimbs = (64 * N + 1 + kSteps - 1) / kSteps;

template <size_t N>
Signed62<kSignedLimbs<N>> ToSigned62(const Limbs<N>& x) {
  Signed62<kSignedLimbs<N>> out{};
  for (size_t i = 0; i < out.size(); ++i) {
    const size_t bit = i * kSteps;
    const size_t word = bit / 64;
    const size_t shift = bit % 64;
    uint64_t limb = word < N ? x[word] >> shift : 0;
    if (shift > 2 && word + 1 < N) limb |= x[word + 1] << (64 - shift);
    out[i] = static_cast<int64_t>(limb & kMask);
  }
  return out;
}

template <size_t N>
Limbs<N> FromSigned62(const Signed62<kSignedLimbs<N>>& x) {
  Limbs<N> out{};
  for (size_t i = 0; i < x.size(); ++i) {
    const size_t bit = i * kSteps;
    const size_t word = bit / 64;
    const size_t shift = bit % 64;
    const uint64_t limb = static_cast<uint64_t>(x[i]);
    if (word < N) out[word] |= limb << shift;
    if (shift > 2 && word + 1 < N) out[word + 1] |= limb >> (64 - shift);
  }
  return out;
}

// What 62 steps do to (f, g), times 2^62: f' = (u f + v g) / 2^62, g' = (q f + r g) / 2^62.
// |u| + |v| <= 2^62 and |q| + |r| <= 2^62.
struct Transition {
  int64_t u, v, q, r;
};

// 62 steps on the lowest bits of f and g, without branches. `zeta` is -(delta + 1/2).
int64_t Steps(int64_t zeta, uint64_t f, uint64_t g, Transition& t) {
  uint64_t u = 1;
  uint64_t v = 0;
  uint64_t q = 0;
  uint64_t r = 1;
  for (int i = 0; i < kSteps; ++i) {
    uint64_t swap = Opaque(static_cast<uint64_t>(zeta >> 63));  // All ones if delta > 0.
    const uint64_t odd = Opaque(0 - (g & 1));
    // Adds f, negated if delta > 0, to an odd g.
    g += ((f ^ swap) - swap) & odd;
    q += ((u ^ swap) - swap) & odd;
    r += ((v ^ swap) - swap) & odd;
    swap &= odd;
    zeta = static_cast<int64_t>(static_cast<uint64_t>(zeta) ^ swap) - 1;
    // Where delta > 0 and g was odd, f takes the old g: f + (g - f).
    f += g & swap;
    u += q & swap;
    v += r & swap;
    g >>= 1;
    u <<= 1;
    v <<= 1;
  }
  t = {static_cast<int64_t>(u), static_cast<int64_t>(v), static_cast<int64_t>(q),
       static_cast<int64_t>(r)};
  return zeta;
}

// The same for public f and g. Runs of zeros of g are taken at once, and up to 6 bits of g are
// cancelled by one multiple of f. `eta` is -delta in the variant where delta starts at 1.
int64_t StepsVariableTime(int64_t eta, uint64_t f, uint64_t g, Transition& t) {
  uint64_t u = 1;
  uint64_t v = 0;
  uint64_t q = 0;
  uint64_t r = 1;
  int left = kSteps;
  while (true) {
    // The bit at `left` ends the run where the steps end.
    const int zeros = std::countr_zero(g | (~uint64_t{0} << left));
    g >>= zeros;
    u <<= zeros;
    v <<= zeros;
    eta -= zeros;
    left -= zeros;
    if (left == 0) break;
    int limit;
    uint64_t factor;
    if (eta < 0) {
      eta = -eta;
      const uint64_t old_f = f;
      const uint64_t old_u = u;
      const uint64_t old_v = v;
      f = g;
      u = q;
      v = r;
      g = 0 - old_f;
      q = 0 - old_u;
      r = 0 - old_v;
      // f (f^2 - 2) = -1/f mod 64 for odd f.
      limit = eta + 1 > left ? left : static_cast<int>(eta) + 1;
      factor = (f * g * (f * f - 2)) & (~uint64_t{0} >> (64 - limit)) & 63;
    } else {
      // f + 8 [f = 3 or 5 mod 8] = 1/f mod 16.
      limit = eta + 1 > left ? left : static_cast<int>(eta) + 1;
      const uint64_t inverse = f + (((f + 1) & 4) << 1);
      factor = ((0 - inverse) * g) & (~uint64_t{0} >> (64 - limit)) & 15;
    }
    g += f * factor;
    q += u * factor;
    r += v * factor;
  }
  t = {static_cast<int64_t>(u), static_cast<int64_t>(v), static_cast<int64_t>(q),
       static_cast<int64_t>(r)};
  return eta;
}

// Steps that add instead of subtracting, so that f and g stay positive, and that follow the Jacobi
// symbol (g / f): halving g changes its sign where f = 3 or 5 mod 8, the exchange of f and g where
// both are 3 mod 4, and adding multiples of f to g never. The lowest bit of `flips` counts the
// changes.
int64_t PositiveSteps(int64_t eta, uint64_t f, uint64_t g, Transition& t, uint64_t& flips) {
  uint64_t u = 1;
  uint64_t v = 0;
  uint64_t q = 0;
  uint64_t r = 1;
  int left = kSteps;
  while (true) {
    const int zeros = std::countr_zero(g | (~uint64_t{0} << left));
    g >>= zeros;
    u <<= zeros;
    v <<= zeros;
    eta -= zeros;
    left -= zeros;
    flips ^= static_cast<uint64_t>(zeros) & ((f >> 1) ^ (f >> 2));
    if (left == 0) break;
    uint64_t mask = 15;
    if (eta < 0) {
      eta = -eta;
      flips ^= (f & g) >> 1;
      std::swap(f, g);
      std::swap(u, q);
      std::swap(v, r);
      mask = 63;
    }
    const int limit = eta + 1 > left ? left : static_cast<int>(eta) + 1;
    // f (f^2 - 2) = -1/f mod 64 for odd f.
    const uint64_t factor = (f * g * (f * f - 2)) & (~uint64_t{0} >> (64 - limit)) & mask;
    g += f * factor;
    q += u * factor;
    r += v * factor;
  }
  t = {static_cast<int64_t>(u), static_cast<int64_t>(v), static_cast<int64_t>(q),
       static_cast<int64_t>(r)};
  return eta;
}

template <size_t M>
void UpdateFG(Signed62<M>& f, Signed62<M>& g, const Transition& t) {
  Int128 cf = Int128{t.u} * f[0] + Int128{t.v} * g[0];
  Int128 cg = Int128{t.q} * f[0] + Int128{t.r} * g[0];
  // The lowest 62 bits are zero by the choice of t.
  cf >>= kSteps;
  cg >>= kSteps;
  for (size_t i = 1; i < M; ++i) {
    cf += Int128{t.u} * f[i] + Int128{t.v} * g[i];
    cg += Int128{t.q} * f[i] + Int128{t.r} * g[i];
    f[i - 1] = static_cast<int64_t>(static_cast<uint64_t>(cf) & kMask);
    g[i - 1] = static_cast<int64_t>(static_cast<uint64_t>(cg) & kMask);
    cf >>= kSteps;
    cg >>= kSteps;
  }
  f[M - 1] = static_cast<int64_t>(cf);
  g[M - 1] = static_cast<int64_t>(cg);
}

// (d, e) = t (d, e) / 2^62 mod m, keeping both in (-2m, m). `inverse` = 1/m mod 2^62.
template <size_t M>
void UpdateDE(Signed62<M>& d, Signed62<M>& e, const Transition& t, const Signed62<M>& m,
              uint64_t inverse) {
  const int64_t d_sign = d[M - 1] >> 63;
  const int64_t e_sign = e[M - 1] >> 63;
  // Adding m to a negative operand keeps the range; then the multiple of m that makes the lowest
  // 62 bits zero.
  int64_t md = (t.u & d_sign) + (t.v & e_sign);
  int64_t me = (t.q & d_sign) + (t.r & e_sign);
  Int128 cd = Int128{t.u} * d[0] + Int128{t.v} * e[0];
  Int128 ce = Int128{t.q} * d[0] + Int128{t.r} * e[0];
  md -= static_cast<int64_t>((inverse * static_cast<uint64_t>(cd) + static_cast<uint64_t>(md)) &
                             kMask);
  me -= static_cast<int64_t>((inverse * static_cast<uint64_t>(ce) + static_cast<uint64_t>(me)) &
                             kMask);
  cd += Int128{m[0]} * md;
  ce += Int128{m[0]} * me;
  cd >>= kSteps;
  ce >>= kSteps;
  for (size_t i = 1; i < M; ++i) {
    cd += Int128{t.u} * d[i] + Int128{t.v} * e[i] + Int128{m[i]} * md;
    ce += Int128{t.q} * d[i] + Int128{t.r} * e[i] + Int128{m[i]} * me;
    d[i - 1] = static_cast<int64_t>(static_cast<uint64_t>(cd) & kMask);
    e[i - 1] = static_cast<int64_t>(static_cast<uint64_t>(ce) & kMask);
    cd >>= kSteps;
    ce >>= kSteps;
  }
  d[M - 1] = static_cast<int64_t>(cd);
  e[M - 1] = static_cast<int64_t>(ce);
}

// x + (m & mask), with the limbs brought back to 62 bits.
template <size_t M>
void AddMasked(Signed62<M>& x, const Signed62<M>& m, int64_t mask) {
  int64_t carry = 0;
  for (size_t i = 0; i < M; ++i) {
    const int64_t sum = x[i] + (m[i] & mask) + carry;
    carry = sum >> kSteps;
    x[i] = i + 1 < M ? static_cast<int64_t>(static_cast<uint64_t>(sum) & kMask) : sum;
  }
}

template <size_t M>
void NegateMasked(Signed62<M>& x, int64_t mask) {
  int64_t carry = 0;
  for (size_t i = 0; i < M; ++i) {
    const int64_t sum = ((x[i] ^ mask) - mask) + carry;
    carry = sum >> kSteps;
    x[i] = i + 1 < M ? static_cast<int64_t>(static_cast<uint64_t>(sum) & kMask) : sum;
  }
}

// d in (-2m, m), times f = 1 or -1, into [0, m).
template <size_t N>
Limbs<N> Normalise(Signed62<kSignedLimbs<N>> d, int64_t f_top, const Signed62<kSignedLimbs<N>>& m) {
  constexpr size_t kTop = kSignedLimbs<N> - 1;
  AddMasked(d, m, d[kTop] >> 63);
  NegateMasked(d, f_top >> 63);
  AddMasked(d, m, d[kTop] >> 63);
  return FromSigned62<N>(d);
}

template <size_t M>
uint64_t AllBits(const Signed62<M>& x) {
  uint64_t all = 0;
  for (int64_t limb : x) all |= static_cast<uint64_t>(limb);
  return all;
}

}  // namespace

template <size_t N>
Limbs<N> InvertModulo(const Limbs<N>& x, const Limbs<N>& m) {
  // Wuille's bound for b-bit numbers, (45907 b + 26313) / 19929 steps: 590 at 256 bits and 884 at
  // 384, so 10 and 15 batches of 62 end with g = 0. The loop asks all the same: should the bound
  // ever fail the result stays right, and only the time would tell. By the bound the answer is no
  // secret.
  constexpr int kBatches = (45907 * 64 * static_cast<int>(N) + 26313) / 19929 / kSteps + 1;
  const auto modulus = ToSigned62<N>(m);
  const uint64_t inverse = (0 - NegativeInverse64(m[0])) & kMask;
  auto f = modulus;
  auto g = ToSigned62<N>(x);
  Signed62<kSignedLimbs<N>> d{};
  Signed62<kSignedLimbs<N>> e{1};
  int64_t zeta = -1;
  for (int i = 0; i < kBatches || !Choice::IsZero(AllBits(g)).Declassify(); ++i) {
    Transition t;
    zeta = Steps(zeta, static_cast<uint64_t>(f[0]) | static_cast<uint64_t>(f[1]) << kSteps,
                 static_cast<uint64_t>(g[0]) | static_cast<uint64_t>(g[1]) << kSteps, t);
    UpdateDE(d, e, t, modulus, inverse);
    UpdateFG(f, g, t);
  }
  return Normalise<N>(d, f.back(), modulus);
}

template <size_t N>
Limbs<N> InvertModuloVariableTime(const Limbs<N>& x, const Limbs<N>& m) {
  const auto modulus = ToSigned62<N>(m);
  const uint64_t inverse = (0 - NegativeInverse64(m[0])) & kMask;
  auto f = modulus;
  auto g = ToSigned62<N>(x);
  Signed62<kSignedLimbs<N>> d{};
  Signed62<kSignedLimbs<N>> e{1};
  int64_t eta = -1;
  while (AllBits(g) != 0) {
    Transition t;
    eta =
        StepsVariableTime(eta, static_cast<uint64_t>(f[0]) | static_cast<uint64_t>(f[1]) << kSteps,
                          static_cast<uint64_t>(g[0]) | static_cast<uint64_t>(g[1]) << kSteps, t);
    UpdateDE(d, e, t, modulus, inverse);
    UpdateFG(f, g, t);
  }
  // For x = 0 no step ran and d = 0.
  return Normalise<N>(d, f.back(), modulus);
}

template <size_t N>
int LegendreVariableTime(const Limbs<N>& x, const Limbs<N>& m) {
  auto f = ToSigned62<N>(m);
  auto g = ToSigned62<N>(x);
  if (AllBits(g) == 0) return 0;
  constexpr int kBatches = 10 * static_cast<int>(N);
  int64_t eta = -1;
  uint64_t flips = 0;
  for (int i = 0; i < kBatches; ++i) {
    Transition t;
    eta = PositiveSteps(eta, static_cast<uint64_t>(f[0]) | static_cast<uint64_t>(f[1]) << kSteps,
                        static_cast<uint64_t>(g[0]) | static_cast<uint64_t>(g[1]) << kSteps, t,
                        flips);
    UpdateFG(f, g, t);
    uint64_t not_one = static_cast<uint64_t>(f[0]) ^ 1;
    for (size_t j = 1; j < f.size(); ++j) not_one |= static_cast<uint64_t>(f[j]);
    if (not_one == 0) return (flips & 1) == 0 ? 1 : -1;
  }
  return 2;
}

template int LegendreVariableTime<6>(const Limbs<6>&, const Limbs<6>&);
template Limbs<4> InvertModulo<4>(const Limbs<4>&, const Limbs<4>&);
template Limbs<6> InvertModulo<6>(const Limbs<6>&, const Limbs<6>&);
template Limbs<4> InvertModuloVariableTime<4>(const Limbs<4>&, const Limbs<4>&);
template Limbs<6> InvertModuloVariableTime<6>(const Limbs<6>&, const Limbs<6>&);

}  // namespace groat::bls
