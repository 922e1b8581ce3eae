#include "bls/curve/ifma/g2_kernels.h"

#include <cstring>

#include "bls/curve/ifma/g2_lanes.h"
#include "bls/field/ifma/lane_io.h"

namespace groat::bls::ifma {
namespace {

// Numbers in the eight lanes, known while compiling.
struct alignas(64) LaneConstants {
  uint64_t limb[8][8];
};

constexpr uint64_t kInverse = NegativeInverse64(kModulus64[0]);
constexpr Limbs<6> kSquareOfR = PowerOfTwoModulo<6>(768, kModulus64);
constexpr Limbs<6> kR = PowerOfTwoModulo<6>(416, kModulus64);

// a b mod p, by two Montgomery products.
constexpr Limbs<6> Product(const Limbs<6>& a, const Limbs<6>& b) {
  Limbs<6> out{};
  MultiplyMontgomery<6>(out.data(), a.data(), b.data(), kModulus64.data(), kInverse);
  MultiplyMontgomery<6>(out.data(), out.data(), kSquareOfR.data(), kModulus64.data(), kInverse);
  return out;
}

// numbers[i] 2^416 mod p in lane i: Montgomery form.
constexpr LaneConstants Montgomery(const std::array<Limbs<6>, 8>& numbers) {
  LaneConstants out{};
  for (size_t lane = 0; lane < 8; ++lane) {
    const Limbs52 split = SplitLimbs(Product(numbers[lane], kR));
    for (size_t i = 0; i < 8; ++i) out.limb[i][lane] = split[i];
  }
  return out;
}

GROAT_LANES_INLINE Fe<1> Load(const LaneConstants& constants) {
  Fe<1> out;
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) out.limb[i] = _mm512_load_si512(constants.limb[i]);
  return out;
}

constexpr Limbs<6> kZero{};
constexpr Limbs<6> kOne{1};

constexpr Limbs<6> Negated(const Limbs<6>& a) {
  Limbs<6> out{};
  SubModulo<6>(out.data(), kZero.data(), a.data(), kModulus64.data());
  return out;
}

// The constants of endomorphism.h.
constexpr Limbs<6> kPsiX = LimbsFromHex<6>(
    "1a0111ea397fe699ec02408663d4de85aa0d857d89759ad4897d29650fb85f9b409427eb4f49fffd"
    "8bfd00000000aaad");
constexpr Limbs<6> kPsiY0 = LimbsFromHex<6>(
    "135203e60180a68ee2e9c448d77a2cd91c3dedd930b1cf60ef396489f61eb45e304466cf3e67fa0a"
    "f1ee7b04121bdea2");
constexpr Limbs<6> kPsiY1 = LimbsFromHex<6>(
    "6af0e0437ff400b6831e36d6bd17ffe48395dabc2d3435e77f76e17009241c5ee67992f72ec05f4c"
    "81084fbede3cc09");
constexpr Limbs<6> kPsiSquaredX = LimbsFromHex<6>(
    "1a0111ea397fe699ec02408663d4de85aa0d857d89759ad4897d29650fb85f9b409427eb4f49fffd"
    "8bfd00000000aaac");

// An endomorphism as a map of pairs of lanes that is linear over Fp: straight p + crossed swap(p),
// where swap exchanges the lanes of each pair.
struct LinearMap {
  LaneConstants straight;
  LaneConstants crossed;
};

// psi: X becomes kPsiX u conj(X) = kPsiX (X.c1 + X.c0 u); Y becomes (kPsiY0 + kPsiY1 u) conj(Y), so
// (k0 y0 + k1 y1) + (k1 y0 - k0 y1) u; Z becomes its conjugate. `minus` negates Y.
constexpr LinearMap MakePsi(bool minus) {
  const Limbs<6> k0 = minus ? Negated(kPsiY0) : kPsiY0;
  const Limbs<6> k1 = minus ? Negated(kPsiY1) : kPsiY1;
  return {Montgomery({kZero, kZero, k0, Negated(k0), kOne, Negated(kOne), kZero, kZero}),
          Montgomery({kPsiX, kPsiX, k1, k1, kZero, kZero, kZero, kZero})};
}
// psi^2: X becomes kPsiSquaredX X, Y becomes -Y.
constexpr LinearMap MakePsiSquared() {
  return {Montgomery(
              {kPsiSquaredX, kPsiSquaredX, Negated(kOne), Negated(kOne), kOne, kOne, kZero, kZero}),
          Montgomery({kZero, kZero, kZero, kZero, kZero, kZero, kZero, kZero})};
}
// -psi^3 = -psi of psi^2: conj(kPsiSquaredX) is itself, so X gets both factors; the sign of psi^2
// and the minus cancel in Y.
constexpr LinearMap MakeMinusPsiCubed() {
  const Limbs<6> x = Product(kPsiX, kPsiSquaredX);
  LinearMap out = MakePsi(/*minus=*/false);
  out.crossed = Montgomery({x, x, kPsiY1, kPsiY1, kZero, kZero, kZero, kZero});
  return out;
}

constexpr LinearMap kPsi = MakePsi(/*minus=*/false);
// (-psi)^i is multiplication by |x|^i on the subgroup.
constexpr LinearMap kPowersOfX[3] = {MakePsi(/*minus=*/true), MakePsiSquared(),
                                     MakeMinusPsiCubed()};

GROAT_LANES_INLINE Point Apply(const LinearMap& map, const Point& p) {
  const Fe<9> swapped = Permute(p, {1, 0, 3, 2, 5, 4, 7, 6});
  const Fe<1> straight = Load(map.straight);
  const Fe<1> crossed = Load(map.crossed);
  Wide t = WideZero();
  MulAccumulate(t, p.limb, straight.limb);
  MulAccumulate(t, swapped.limb, crossed.limb);
  Fe<2> out;
  ReduceWide(out.limb, t);
  return Widen<9>(out);
}

GROAT_LANES_INLINE Point Read(const G2Input& in) { return Widen<9>(ReadLanes(in.limbs, 6)); }

GROAT_LANES_INLINE void Write(const Point& p, G2Output& out) { WriteLanes(p, out.limbs, 6); }

constexpr LaneConstants kInfinity =
    Montgomery({kZero, kZero, kOne, kZero, kZero, kZero, kZero, kZero});

// One in lane 4, Z.c0.
constexpr LaneConstants kAffineZ =
    Montgomery({kZero, kZero, kZero, kZero, kOne, kZero, kZero, kZero});

GROAT_LANES_INLINE Point Read(const G2AffineInput& in) {
  return Widen<9>(Select(Mask{0x0f}, ReadLanes(in.limbs, 4), Load(kAffineZ)));
}

constexpr size_t kTableSize = 16;

// table[index - 1], or infinity for index 0; reads the whole table.
GROAT_LANES_INLINE Point ReadAll(const Point (&table)[kTableSize], uint64_t index) {
  Point out = Widen<9>(Load(kInfinity));
  const Vec wanted = Broadcast(index);
  for (size_t j = 0; j < kTableSize; ++j) {
    out = Select(_mm512_cmpeq_epi64_mask(wanted, Broadcast(j + 1)), table[j], out);
  }
  return out;
}

// Not inlined, so that the code stays in the first cache.
__attribute__((noinline)) void DoublePoint(Point& p) { p = Double(p); }
__attribute__((noinline)) void AddPoint(Point& p, const Fe<18>& q) { p = Add(p, q); }

// |x| p.
void TimesMinusX(Point& p) {
  constexpr uint64_t kMinusX = 0xd201000000010000;
  const Fe<18> q = Widen<18>(p);
  for (int bit = 62; bit >= 0; --bit) {
    DoublePoint(p);
    if ((kMinusX >> bit) & 1) AddPoint(p, q);
  }
}

constexpr uint64_t kNegative = ~uint64_t{0};

}  // namespace

void MultiplyG2(const G2Input& p, const G2Digits& k, G2Output& out) {
  Point table[kTableSize];
  table[0] = Read(p);
  const Fe<18> first = Widen<18>(table[0]);
  for (size_t i = 1; i < kTableSize; ++i) {
    table[i] = i % 2 == 1 ? table[i / 2] : table[i - 1];
    if (i % 2 == 1) {
      DoublePoint(table[i]);
    } else {
      AddPoint(table[i], first);
    }
  }
  Point sum = Widen<9>(Load(kInfinity));
  for (size_t window = kG2Windows; window-- > 0;) {
    if (window + 1 != kG2Windows) {
      for (int i = 0; i < 5; ++i) DoublePoint(sum);
    }
    for (size_t part = 0; part < 4; ++part) {
      Point multiple = ReadAll(table, k.magnitude[window][part]);
      if (part > 0) multiple = Apply(kPowersOfX[part - 1], multiple);
      AddPoint(sum, NegateIf(multiple, k.negative[window][part]));
    }
  }
  Write(sum, out);
  std::memset(table, 0, sizeof(table));
  std::memset(&sum, 0, sizeof(sum));
  asm volatile("" : : "r"(table), "r"(&sum) : "memory");
}

void MultiplyG2ByMinusX(const G2Input& p, G2Output& out) {
  Point product = Read(p);
  TimesMinusX(product);
  Write(product, out);
}

// m (m P + P - psi(P)) - P - psi(P) + psi^2(2 P), with m = |x|.
void ClearG2Cofactor(const G2Input& in, G2Output& out) {
  const Point p = Read(in);
  const Fe<18> minus_psi = NegateIf(Apply(kPsi, p), kNegative);
  Point sum = p;
  TimesMinusX(sum);
  AddPoint(sum, Widen<18>(p));
  AddPoint(sum, minus_psi);
  TimesMinusX(sum);
  AddPoint(sum, NegateIf(p, kNegative));
  AddPoint(sum, minus_psi);
  Point twice = p;
  DoublePoint(twice);
  AddPoint(sum, Widen<18>(Apply(kPowersOfX[1], twice)));
  Write(sum, out);
}

size_t SumG2ProductsWorkspaceBytes(const G2Sum& sum) {
  return sizeof(Point) * (sum.count + (size_t{1} << (sum.width - 1)));
}

void SumG2Products(const G2Sum& sum, void* workspace, G2Output& out) {
  auto* const points = static_cast<Point*>(workspace);
  auto* const buckets = points + sum.count;
  const size_t bucket_count = size_t{1} << (sum.width - 1);
  const Point infinity = Widen<9>(Load(kInfinity));
  for (size_t i = 0; i < sum.count; ++i) points[i] = Read(sum.points[i]);
  Point total = infinity;
  for (size_t window = sum.windows; window-- > 0;) {
    if (window + 1 != sum.windows) {
      for (size_t i = 0; i < sum.width; ++i) DoublePoint(total);
    }
    for (size_t i = 0; i < bucket_count; ++i) buckets[i] = infinity;
    const int16_t* const digits = sum.digits + window * sum.count;
    for (size_t i = 0; i < sum.count; ++i) {
      if (digits[i] == 0) continue;
      const size_t bucket = static_cast<size_t>(digits[i] < 0 ? -digits[i] : digits[i]) - 1;
      AddPoint(buckets[bucket], NegateIf(points[i], digits[i] < 0 ? kNegative : 0));
    }
    Point suffix = infinity;
    for (size_t i = bucket_count; i-- > 0;) {
      AddPoint(suffix, Widen<18>(buckets[i]));
      AddPoint(total, Widen<18>(suffix));
    }
  }
  Write(total, out);
}

}  // namespace groat::bls::ifma
