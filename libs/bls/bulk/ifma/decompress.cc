// Compressed points of both groups to affine ones, two vectors of eight at a time, with the
// subgroup checks.
//
// Subgroup checks: Scott, "A note on group membership tests for G1, G2 and GT on BLS
// pairing-friendly curves" (ePrint 2021/1130): phi(P) = [-x^2] P and psi(P) = [x] P. The
// multiplication's incomplete additions fail only for points of an order below 2^64 (2^128 in G1)
// other than infinity; these are not in the subgroup, and Z = 0 refuses them.
#include <cstring>

#include "bls/bulk/ifma/decode.h"
#include "bls/bulk/ifma/jacobian8.h"
#include "bls/bulk/ifma/power.h"
#include "bls/bulk/kernels.h"

namespace groat::bls::ifma {
namespace {

using G1Lanes = Affine8<Fe>;
using G2Lanes = Affine8<Fe2>;

constexpr Limbs52 kFour = TimesPowerOfTwo(Limbs<6>{4}, 416);
constexpr Limbs52 kHalf = DividedByPowerOfTwo(PowerOfTwoModulo<6>(416, kModulus64), 1);
// Constants of phi and psi: see curve/endomorphism.h.
constexpr Limbs52 kPhiX =
    FromHex("5f19672fdf76ce51ba69c6076a0f77eaddb3a93be6f89688de17d813620a00022e01fffffffefffe");
constexpr Limbs52 kPsiXImaginary = FromHex(
    "1a0111ea397fe699ec02408663d4de85aa0d857d89759ad4897d29650fb85f9b409427eb4f49fffd"
    "8bfd00000000aaad");
constexpr Limbs52 kPsiY0 = FromHex(
    "135203e60180a68ee2e9c448d77a2cd91c3dedd930b1cf60ef396489f61eb45e304466cf3e67fa0a"
    "f1ee7b04121bdea2");
constexpr Limbs52 kPsiY1 = FromHex(
    "6af0e0437ff400b6831e36d6bd17ffe48395dabc2d3435e77f76e17009241c5ee67992f72ec05f4c"
    "81084fbede3cc09");

// What a vector of encodings holds beside x.
struct Flags {
  Mask valid;  // So far; without it the lane's values have no meaning.
  Mask infinite;
  Mask larger;  // y is the larger root.
};

// Reads the flags in the highest bits of the first word, and clears them.
Flags TakeFlags(Vec& first) {
  const Vec flags = _mm512_srli_epi64(first, 61);
  const auto equals = [&flags](uint64_t value) {
    return _mm512_cmpeq_epi64_mask(flags, Broadcast(value));
  };
  first = _mm512_and_si512(first, Broadcast((uint64_t{1} << 61) - 1));
  Flags out;
  out.infinite = equals(6);
  out.larger = equals(5);
  out.valid = static_cast<Mask>(equals(4) | out.larger | out.infinite);
  return out;
}

// Reads `kCoordinates` numbers of 48 bytes from each of eight encodings.
template <size_t kCoordinates>
void LoadCoordinates(const uint8_t* bytes, Words (&coordinate)[kCoordinates]) {
  for (size_t c = 0; c < kCoordinates; ++c) {
    Vec row[8];
    for (size_t lane = 0; lane < 8; ++lane) {
      row[lane] = _mm512_maskz_loadu_epi64(0x3f, bytes + 48 * (kCoordinates * lane + c));
    }
    Vec words[8];
    Transpose(row, words);
    for (size_t i = 0; i < 6; ++i) coordinate[c].word[i] = ReverseBytes(words[5 - i]);
  }
}

// Lanes where all words are zero.
template <size_t kCoordinates>
Mask AllZero(const Words (&coordinate)[kCoordinates]) {
  Vec any = _mm512_setzero_si512();
  for (const Words& number : coordinate) {
    for (const Vec& word : number.word) any = _mm512_or_si512(any, word);
  }
  return _mm512_testn_epi64_mask(any, any);
}

Fe<2> ToMontgomery(const Fe<1>& number) { return number * Constant(kRSquared); }

template <unsigned B>
Mask IsLarger(const Fe<B>& y) {
  return static_cast<Mask>(~IsBelow(ToNumber(y).limb, kHalfModulus));
}

// Square roots of `value[v]` where there are; the lanes without one are cleared in valid[v].
template <size_t kVectors>
void SquareRoots(const Fe<3> (&value)[kVectors], Fe<2> (&root)[kVectors], Flags* flags) {
  Fe<2> power[kVectors];
  for (size_t v = 0; v < kVectors; ++v) power[v] = value[v] * Constant(kOne);
  InverseSquareRootPowers(power, kVectors);
  for (size_t v = 0; v < kVectors; ++v) {
    root[v] = power[v] * value[v];
    flags[v].valid = static_cast<Mask>(flags[v].valid & IsZero(Reduce(Sqr(root[v]) - value[v])));
  }
}

// The same in Fp2. With n^2 = a0^2 + a1^2, t = (a0 + n) / 2 and w = t^((p - 3) / 4): if t is a
// square, the root is t w + (a1 w / 2) u, since w = 1 / sqrt(t); otherwise it is
// a1 w / 2 - t w u, since then (t w)^2 = -t, w^2 = -1 / t, and (a0 - n) / 2 = -a1^2 / (4 t) is a
// square. Where a1 = 0, t is a0 itself, so that t = 0 only for a = 0. The last step squares, so an
// element without a root is found whatever came before.
template <size_t kVectors>
void SquareRoots(const Fe2<4> (&value)[kVectors], Fe2<3> (&root)[kVectors], Flags* flags) {
  Fe<4> norm[kVectors];
  Fe<2> power[kVectors];
  for (size_t v = 0; v < kVectors; ++v) {
    norm[v] = Carry(Sqr(value[v].c0) + Sqr(value[v].c1));
    power[v] = norm[v] * Constant(kOne);
  }
  InverseSquareRootPowers(power, kVectors);
  Fe<4> t[kVectors];
  for (size_t v = 0; v < kVectors; ++v) {
    const Fe<6> sum = Carry(value[v].c0 + norm[v] * power[v]);
    t[v] = Select(IsZero(value[v].c1), value[v].c0, sum * Constant(kHalf));
    power[v] = t[v] * Constant(kOne);
  }
  InverseSquareRootPowers(power, kVectors);
  for (size_t v = 0; v < kVectors; ++v) {
    const Fe<2> tw = t[v] * power[v];
    const Fe<2> half = value[v].c1 * (power[v] * Constant(kHalf));
    const Mask square = IsZero(Reduce(Sqr(tw) - t[v]));
    root[v].c0 = Widen<3>(Select(square, tw, half));
    root[v].c1 = Select(square, half, Carry(Zero() - tw));
    flags[v].valid = static_cast<Mask>(flags[v].valid & IsZero(Reduce(Sqr(root[v]) - value[v])));
  }
}

// -y in the lanes of the mask.
template <unsigned B>
Fe<3> NegateIn(Mask mask, const Fe<B>& y) {
  return Select(mask, Reduce(Zero() - y), y);
}

// Lanes whose points, on the curve and not infinity, are in G1.
Mask InSubgroup(const G1Lanes& p) {
  Jacobian8<Fe> q = {Widen<26>(p.x), Widen<19>(p.y), Widen<6>(Constant(kOne))};
  MultiplyByParameter(q, [&p](Jacobian8<Fe>& sum) { AddAffine(sum, p); });
  const Jacobian8<Fe> base = q;
  MultiplyByParameter(q, [&base](Jacobian8<Fe>& sum) { Add(sum, base); });
  // (beta x, y) = -(X / Z^2, Y / Z^3), products with one bring the differences to small bounds.
  const Fe<2> zz = Sqr(q.z);
  const Fe<2> dx = Carry(p.x * Constant(kPhiX) * zz - q.x) * Constant(kOne);
  const Fe<2> dy = Carry(p.y * (q.z * zz) + q.y) * Constant(kOne);
  return static_cast<Mask>(IsZero(dx) & IsZero(dy) & ~IsZero(zz));
}

// The same for G2.
Mask InSubgroup(const G2Lanes& p) {
  Jacobian8<Fe2> q = {Widen<26>(p.x), Widen<19>(p.y), Widen<6>(Constant2(kOne, Limbs52{}))};
  MultiplyByParameter(q, [&p](Jacobian8<Fe2>& sum) { AddAffine(sum, p); });
  // psi(x, y) = (c u conj(x), d conj(y)); u conj(x) = x1 + x0 u.
  const Fe2<2> psi_x = {p.x.c1 * Constant(kPsiXImaginary), p.x.c0 * Constant(kPsiXImaginary)};
  const Fe2<4> conjugate = {Widen<4>(p.y.c0), Carry(Zero() - p.y.c1)};
  const Fe2<3> psi_y = conjugate * Constant2(kPsiY0, kPsiY1);
  const Fe2<2> zz = Sqr(q.z);
  const Fe2<1> one = Constant2(kOne, Limbs52{});
  const Fe2<3> dx = Carry(psi_x * zz - q.x) * one;
  const Fe2<3> dy = Carry(psi_y * (q.z * zz) + q.y) * one;
  return static_cast<Mask>(IsZero(dx) & IsZero(dy) & ~IsZero(zz));
}

// Row `lane` of eight vectors in limbs, by way of a transposition.
void StoreRows(const Fe<3>& a, uint64_t* out, size_t stride, size_t count) {
  Vec row[8];
  Transpose(a.limb, row);
  for (size_t lane = 0; lane < count; ++lane) {
    _mm512_storeu_si512(out + stride * lane, row[lane]);
  }
}

template <unsigned B>
Fe<3> ZeroUnless(Mask mask, const Fe<B>& a) {
  return Select(mask, Widen<3>(a), Widen<3>(Zero()));
}

struct G1Decoder {
  static constexpr size_t kBytes = 48;
  using Point = G1Lanes;
  using Stored = StoredKey;

  // x^3 + 4 of each lane, with x.
  static Fe<3> Read(const uint8_t* bytes, Point& point, Flags& flags) {
    Words words[1];
    LoadCoordinates(bytes, words);
    flags = TakeFlags(words[0].word[5]);
    Fe<1> x;
    SplitWords(words[0], x.limb);
    flags.valid = static_cast<Mask>(flags.valid & BelowModulus(x.limb));
    flags.infinite = static_cast<Mask>(flags.infinite & flags.valid);
    flags.valid = static_cast<Mask>(flags.valid & (~flags.infinite | AllZero(words)));
    const Fe<2> element = ToMontgomery(x);
    point.x = Widen<3>(element);
    return Carry(Sqr(element) * element + Constant(kFour));
  }
  static void TakeRoot(const Fe<2>& root, const Flags& flags, Point& point) {
    point.y = NegateIn(static_cast<Mask>(IsLarger(root) ^ flags.larger), root);
  }
  static void Store(const Point& point, Mask keep, size_t count, Stored* out) {
    StoreRows(ZeroUnless(keep, point.x), out->x, sizeof(Stored) / 8, count);
    StoreRows(ZeroUnless(keep, point.y), out->y, sizeof(Stored) / 8, count);
  }
  using Value = Fe<3>;
  using Root = Fe<2>;
};

struct G2Decoder {
  static constexpr size_t kBytes = 96;
  using Point = G2Lanes;
  using Stored = StoredSignature;

  static Fe2<4> Read(const uint8_t* bytes, Point& point, Flags& flags) {
    Words words[2];
    LoadCoordinates(bytes, words);
    flags = TakeFlags(words[0].word[5]);
    Fe2<1> x;
    SplitWords(words[0], x.c1.limb);
    SplitWords(words[1], x.c0.limb);
    flags.valid =
        static_cast<Mask>(flags.valid & BelowModulus(x.c0.limb) & BelowModulus(x.c1.limb));
    flags.infinite = static_cast<Mask>(flags.infinite & flags.valid);
    flags.valid = static_cast<Mask>(flags.valid & (~flags.infinite | AllZero(words)));
    const Fe2<2> element = {ToMontgomery(x.c0), ToMontgomery(x.c1)};
    point.x = Widen<3>(element);
    return Carry(Sqr(element) * element + Constant2(kFour, kFour));
  }
  static void TakeRoot(const Fe2<3>& root, const Flags& flags, Point& point) {
    const Mask real = IsZero(root.c1);
    const Mask larger = static_cast<Mask>((IsLarger(root.c1) & ~real) | (IsLarger(root.c0) & real));
    const Mask flip = static_cast<Mask>(larger ^ flags.larger);
    point.y = {NegateIn(flip, root.c0), NegateIn(flip, root.c1)};
  }
  static void Store(const Point& point, Mask keep, size_t count, Stored* out) {
    StoreRows(ZeroUnless(keep, point.x.c0), out->x[0], sizeof(Stored) / 8, count);
    StoreRows(ZeroUnless(keep, point.x.c1), out->x[1], sizeof(Stored) / 8, count);
    StoreRows(ZeroUnless(keep, point.y.c0), out->y[0], sizeof(Stored) / 8, count);
    StoreRows(ZeroUnless(keep, point.y.c1), out->y[1], sizeof(Stored) / 8, count);
  }
  using Value = Fe2<4>;
  using Root = Fe2<3>;
};

// Decodes up to 16 points.
template <typename Decoder>
size_t DecompressSome(const uint8_t* bytes, size_t count, typename Decoder::Stored* out,
                      uint8_t* refused) {
  constexpr size_t kVectors = 2;
  alignas(64) uint8_t padded[8 * kVectors * Decoder::kBytes] = {};
  std::memcpy(padded, bytes, count * Decoder::kBytes);
  typename Decoder::Point point[kVectors];
  typename Decoder::Value value[kVectors];
  typename Decoder::Root root[kVectors];
  Flags flags[kVectors];
  for (size_t v = 0; v < kVectors; ++v) {
    value[v] = Decoder::Read(padded + 8 * v * Decoder::kBytes, point[v], flags[v]);
  }
  const Mask infinite[kVectors] = {static_cast<Mask>(flags[0].infinite & flags[0].valid),
                                   static_cast<Mask>(flags[1].infinite & flags[1].valid)};
  SquareRoots(value, root, flags);
  size_t refused_count = 0;
  for (size_t v = 0; v < kVectors && 8 * v < count; ++v) {
    Decoder::TakeRoot(root[v], flags[v], point[v]);
    const Mask finite = static_cast<Mask>(flags[v].valid & ~flags[v].infinite);
    const Mask good = static_cast<Mask>(finite & InSubgroup(point[v]));
    const size_t lanes = count - 8 * v < 8 ? count - 8 * v : 8;
    Decoder::Store(point[v], good, lanes, out + 8 * v);
    refused[v] = static_cast<uint8_t>(~(good | infinite[v]) & ((1u << lanes) - 1));
    refused_count += static_cast<size_t>(__builtin_popcount(refused[v]));
  }
  return refused_count;
}

template <typename Decoder>
size_t Decompress(const uint8_t* bytes, size_t count, typename Decoder::Stored* out,
                  uint8_t* refused) {
  size_t refused_count = 0;
  for (size_t i = 0; i < count; i += 16) {
    const size_t some = count - i < 16 ? count - i : 16;
    refused_count +=
        DecompressSome<Decoder>(bytes + i * Decoder::kBytes, some, out + i, refused + i / 8);
  }
  return refused_count;
}

}  // namespace

size_t DecompressKeys(const uint8_t* bytes, size_t count, StoredKey* out, uint8_t* refused) {
  return Decompress<G1Decoder>(bytes, count, out, refused);
}

size_t DecompressSignatures(const uint8_t* bytes, size_t count, StoredSignature* out,
                            uint8_t* refused) {
  return Decompress<G2Decoder>(bytes, count, out, refused);
}

}  // namespace groat::bls::ifma
