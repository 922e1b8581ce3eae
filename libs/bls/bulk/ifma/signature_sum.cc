// The sum of points of G2's curve in uncompressed form.
//
// The points move to an isomorphic curve, where decoding costs almost nothing. With c = 2^-416,
// the map (x, y) -> (c x, c^(3/2) y) leads from y^2 = x^3 + b to y^2 = x^3 + c^3 b; the formulas
// of addition hold no b. A number x, read as if it were in Montgomery form, is c x: it needs no
// conversion at all. And c^(3/2) y = 2^-624 y in Montgomery form is 2^-208 y: half a Montgomery
// reduction, four rows instead of eight.
#include "bls/bulk/batch_affine.h"
#include "bls/bulk/ifma/decode.h"
#include "bls/bulk/ifma/lane_fields.h"
#include "bls/bulk/ifma/wide.h"
#include "bls/bulk/kernels.h"

namespace groat::bls::ifma {
namespace {

// 48 vectors of 8 new points a round: points and scratch take a quarter of a mebibyte, which stays
// in the second-level cache beside the encodings that stream through it.
constexpr size_t kGroup = 48;
using Workspace = SumWorkspace<LanesFp2, kGroup>;

constexpr size_t kEncodedBytes = 192;
constexpr uint64_t kFlagMask = uint64_t{7} << 61;  // Of the first eight bytes, big-endian.
constexpr uint64_t kInfinityFlag = uint64_t{2} << 61;

// c^3 b in Montgomery form: 4 (1 + u) 2^(416 - 3 * 416).
constexpr Limbs52 kCurveB = DividedByPowerOfTwo(Limbs<6>{4}, 832);

// a / 2^208 mod p. Bound: the rows add less than 2^156 2^50 p + 2^208 p, see ReduceWide; so the
// result is below a / 2^208 + 1.25 p.
GROAT_LANES_INLINE Fe<2> DivideByHalfPower(const Fe<1>& a) {
  Vec t[12];
#pragma GCC unroll 8
  for (size_t i = 0; i < 12; ++i) t[i] = i < 8 ? a.limb[i] : _mm512_setzero_si512();
#pragma GCC unroll 4
  for (size_t i = 0; i < 3; ++i) {
#pragma GCC unroll 8
    for (size_t j = 0; j < 8; ++j) {
      t[i + j + 1] = _mm512_madd52lo_epu64(t[i + j + 1], t[i], Broadcast(kFolded[j]));
    }
    t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srai_epi64(t[i], 52));
#pragma GCC unroll 8
    for (size_t j = 0; j < 8; ++j) {
      t[i + j + 2] = _mm512_madd52hi_epu64(t[i + j + 2], t[i], Broadcast(kFolded[j]));
    }
  }
  const Vec factor = _mm512_madd52lo_epu64(_mm512_setzero_si512(), t[3], Broadcast(kN0));
  t[4] =
      _mm512_add_epi64(t[4], _mm512_srai_epi64(_mm512_add_epi64(t[3], Broadcast(kLimbMask)), 52));
#pragma GCC unroll 8
  for (size_t j = 1; j < 8; ++j) {
    t[3 + j] = _mm512_madd52lo_epu64(t[3 + j], factor, Broadcast(kModulus[j]));
  }
#pragma GCC unroll 8
  for (size_t j = 0; j < 8; ++j) {
    t[4 + j] = _mm512_madd52hi_epu64(t[4 + j], factor, Broadcast(kModulus[j]));
  }
  Vec high[8];
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) high[i] = t[4 + i];
  return internal::Propagate<Fe<2>>(high);
}

// How far ahead of its use an encoding is asked for.
constexpr size_t kPrefetchBytes = 6 * 8 * kEncodedBytes;

// Reads the four coordinates of eight encodings, in their order: x1, x0, y1, y0.
void LoadWords(const uint8_t* bytes, Words (&coordinate)[4]) {
  Vec column[24];  // Word i of the encodings, the highest first.
#pragma GCC unroll 3
  for (size_t part = 0; part < 3; ++part) {
    Vec row[8];
#pragma GCC unroll 8
    for (size_t lane = 0; lane < 8; ++lane) {
      const uint8_t* from = bytes + kEncodedBytes * lane + 64 * part;
      // Past the end of the encodings a prefetch does nothing.
      _mm_prefetch(reinterpret_cast<const char*>(from + kPrefetchBytes), _MM_HINT_T0);
      row[lane] = _mm512_loadu_si512(from);
    }
    Vec words[8];
    Transpose(row, words);
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; ++i) column[8 * part + i] = ReverseBytes(words[i]);
  }
#pragma GCC unroll 4
  for (size_t i = 0; i < 4; ++i) {
#pragma GCC unroll 6
    for (size_t j = 0; j < 6; ++j) coordinate[i].word[j] = column[6 * i + 5 - j];
  }
}

// x^2 x - y^2 with one reduction for each part of the difference. Bounds: the products are below
// 2 * 2 * (2p + p) p; both parts of the result are biased by p and below 3p.
[[gnu::noinline]] Fe2<3> CurveDifference(const Fe2<1>& x, const Fe2<2>& y) {
  const Fe2<2> x_squared = Sqr(x);
  const auto x_squared_sum = Carry(x_squared.c0 + x_squared.c1);
  const auto x_sum = Carry(x.c0 + x.c1);
  const auto y_sum = Carry(y.c0 + y.c1);
  const auto y_difference = Carry(y.c0 - y.c1);
  Wide low = WideZero();
  MulAccumulate(low, x_squared.c0.limb, x.c0.limb);
  Wide high = WideZero();
  MulAccumulate(high, x_squared.c1.limb, x.c1.limb);
  Wide cross = WideBias();
  MulAccumulate(cross, x_squared_sum.limb, x_sum.limb);
  Subtract(cross, low);
  Subtract(cross, high);
  Wide y_cross = WideZero();
  MulAccumulate(y_cross, y.c0.limb, y.c1.limb);
  Subtract(cross, y_cross);
  Subtract(cross, y_cross);
  Fe2<3> out;
  ReduceWide(out.c1.limb, cross);
  Wide y_real = WideZero();
  MulAccumulate(y_real, y_sum.limb, y_difference.limb);
  Subtract(low, high);
  Subtract(low, y_real);
  Add(low, WideBias());
  ReduceWide(out.c0.limb, low);
  return out;
}

// Lanes where x^3 + c^3 b = y^2.
Mask OnCurve(const Fe2<1>& x, const Fe2<2>& y) {
  return IsZero(Carry(CurveDifference(x, y) + Constant2(kCurveB, kCurveB)));
}

// Decodes eight points; the lanes that are not valid are returned.
Mask DecodePoints(const uint8_t* bytes, AffineLanes<LanesFp2>& out) {
  Words words[4];
  LoadWords(bytes, words);
  // Valid flags: none, or infinity alone.
  Vec& first = words[0].word[5];
  const Vec flags = _mm512_and_si512(first, Broadcast(kFlagMask));
  const Mask infinite = _mm512_cmpeq_epi64_mask(flags, Broadcast(kInfinityFlag));
  const Mask plain = _mm512_testn_epi64_mask(flags, flags);
  first = _mm512_andnot_si512(Broadcast(kFlagMask), first);

  Fe2<1> x;
  Fe2<1> y;
  SplitWords(words[0], x.c1.limb);
  SplitWords(words[1], x.c0.limb);
  SplitWords(words[2], y.c1.limb);
  SplitWords(words[3], y.c0.limb);
  const Mask canonical = static_cast<Mask>(BelowModulus(x.c0.limb) & BelowModulus(x.c1.limb) &
                                           BelowModulus(y.c0.limb) & BelowModulus(y.c1.limb));
  const Fe2<2> scaled_y = {DivideByHalfPower(y.c0), DivideByHalfPower(y.c1)};
  Mask valid = static_cast<Mask>(plain & canonical & OnCurve(x, scaled_y));
  out.x = LanesFp2::ToElement(x);
  out.y = LanesFp2::ToElement(scaled_y);
  if (infinite != 0) [[unlikely]] {
    Vec any = _mm512_setzero_si512();
    for (const Words& coordinate : words) {
      for (const Vec& word : coordinate.word) any = _mm512_or_si512(any, word);
    }
    valid = static_cast<Mask>(valid | (infinite & _mm512_testn_epi64_mask(any, any)));
    out.x = Select(infinite, LanesFp2::Zero(), out.x);
    out.y = Select(infinite, LanesFp2::Zero(), out.y);
  }
  return static_cast<Mask>(~valid);
}

// The last encodings, fewer than eight, and infinity behind them.
void PadWithInfinity(const uint8_t* bytes, size_t count, uint8_t (&padded)[8 * kEncodedBytes]) {
  for (size_t i = 0; i < sizeof(padded); ++i) {
    const bool given = i < kEncodedBytes * count;
    padded[i] = given ? bytes[i] : i % kEncodedBytes == 0 ? uint8_t{0x40} : uint8_t{0};
  }
}

void StoreFirstLane(const Fe<3>& a, uint64_t* out) {
  for (size_t i = 0; i < 8; ++i) {
    out[i] = static_cast<uint64_t>(_mm_cvtsi128_si64(_mm512_castsi512_si128(a.limb[i])));
  }
}

}  // namespace

size_t SumSignaturesWorkspaceBytes() { return sizeof(Workspace); }

size_t SumSignatures(const uint8_t* bytes, size_t count, void* workspace, uint8_t* malformed,
                     SignatureSum& out) {
  size_t next = 0;
  size_t malformed_count = 0;
  alignas(64) uint8_t padded[8 * kEncodedBytes];
  const auto load = [&](AffineLanes<LanesFp2>* points, size_t capacity) {
    size_t loaded = 0;
    for (; loaded < capacity && next < count; ++loaded, next += 8) {
      const uint8_t* from = bytes + kEncodedBytes * next;
      if (count - next < 8) {
        PadWithInfinity(from, count - next, padded);
        from = padded;
      }
      const Mask invalid = DecodePoints(from, points[loaded]);
      malformed[next / 8] = invalid;
      if (invalid != 0) [[unlikely]] {
        malformed_count += static_cast<size_t>(__builtin_popcount(invalid));
        points[loaded].x = Select(invalid, LanesFp2::Zero(), points[loaded].x);
        points[loaded].y = Select(invalid, LanesFp2::Zero(), points[loaded].y);
      }
    }
    return loaded;
  };
  AffineLanes<LanesFp2> sum;
  SumPoints<LanesFp2, kGroup>(load, *static_cast<Workspace*>(workspace), sum);
  out.infinity = (IsZero(sum.y) & 1) != 0;
  StoreFirstLane(sum.x.c0, out.x[0]);
  StoreFirstLane(sum.x.c1, out.x[1]);
  StoreFirstLane(sum.y.c0, out.y[0]);
  StoreFirstLane(sum.y.c1, out.y[1]);
  return malformed_count;
}

}  // namespace groat::bls::ifma
