// Sums of many affine points by a tree of additions that share their inversions.
//
// An affine addition costs one inversion and 3 multiplications (2 and a squaring). Montgomery's
// trick gives all inversions of a round for one, at 3 multiplications each. The points stream
// through a buffer that fits the processor's second-level cache: it is filled, halved by adding
// neighbours, filled again; so memory is read once, and n points cost about n / group inversions.
//
// Exceptions: a pair of equal points, of opposite points, or with infinity in it has no quotient
// dy / dx; a zero in the chain of products would spoil all other pairs. Such lanes are found by
// comparing, and get another denominator (2y for equal points, 1 else) and result.
//
// Generic over the field and the number of lanes that it computes at a time. Pure. Included by
// sources compiled for AVX-512, so it uses no other code of the library.
#ifndef GROAT_BLS_BULK_BATCH_AFFINE_H_
#define GROAT_BLS_BULK_BATCH_AFFINE_H_

#include <cstddef>
#include <cstdint>

namespace groat::bls {

// A `Field` has:
// - Element (what is stored), Sum (a difference or small multiple after Carry), kLanes;
// - Norm, NormOf(sum): a number whose inverse gives the sum's, and which is zero where the sum is.
//   In Fp it is the sum itself; in Fp2 it is the norm, an element of Fp, where the products of
//   Montgomery's trick cost less than half;
// - Chain (a product of norms), ChainOne(), ToChain, InvertChain;
// - Quotient(numerator, denominator, the inverse of the denominator's norm);
// - Carry, Reduce (of sums to Sum and Element), Twice, Square, the operators + - *;
// - IsZero, MayBeZero (never wrong for a zero; may be true for others), MayBeInfinity of a y;
// - Select(mask, a, b), One(), Zero(), RotateLanes(element, by).
using LaneMask = uint8_t;

// Points in kLanes lanes. Infinity is (0, 0) with all limbs zero: no point of G1's or G2's curve
// has y = 0, since both curves have odd order.
template <typename Field>
struct AffineLanes {
  typename Field::Element x;
  typename Field::Element y;
};

// What the first pass over the pairs keeps for the second.
template <typename Field>
struct PairScratch {
  typename Field::Norm norm;
  typename Field::Chain prefix;  // Product of the norms of later pairs of this chain.
  LaneMask special;
};

// Memory for SumPoints; not initialised. kGroup vectors of new points a round.
template <typename Field, size_t kGroup>
struct SumWorkspace {
  AffineLanes<Field> points[2 * kGroup];
  PairScratch<Field> scratch[kGroup];
};

// How the special lanes of a pair are treated.
struct SpecialLanes {
  LaneMask first_infinite;
  LaneMask second_infinite;
  LaneMask equal;
  LaneMask opposite;
};

template <typename Field>
[[gnu::noinline]] SpecialLanes ClassifyPair(const AffineLanes<Field>& a,
                                            const AffineLanes<Field>& b) {
  SpecialLanes out;
  out.first_infinite = Field::IsZero(Field::Widen(a.y));
  out.second_infinite = Field::IsZero(Field::Widen(b.y));
  const LaneMask finite = static_cast<LaneMask>(~(out.first_infinite | out.second_infinite));
  const LaneMask same_x = static_cast<LaneMask>(Field::IsZero(Field::Carry(b.x - a.x)) & finite);
  const LaneMask same_y = Field::IsZero(Field::Carry(b.y - a.y));
  out.equal = static_cast<LaneMask>(same_x & same_y);
  out.opposite = static_cast<LaneMask>(same_x & ~same_y);
  return out;
}

// The denominators where some lanes are special.
template <typename Field>
[[gnu::noinline]] void MendDenominator(const AffineLanes<Field>& a, const AffineLanes<Field>& b,
                                       typename Field::Sum& denominator) {
  const SpecialLanes lanes = ClassifyPair(a, b);
  const LaneMask ones =
      static_cast<LaneMask>(lanes.first_infinite | lanes.second_infinite | lanes.opposite);
  denominator = Field::Select(ones, Field::Widen(Field::One()), denominator);
  denominator = Field::Select(lanes.equal, Field::Carry(Field::Twice(a.y)), denominator);
}

// The numerators: 3 x^2 for equal points.
template <typename Field>
[[gnu::noinline]] void MendNumerator(const AffineLanes<Field>& a, const AffineLanes<Field>& b,
                                     typename Field::Sum& numerator) {
  const SpecialLanes lanes = ClassifyPair(a, b);
  const auto squared = Field::Square(a.x);
  numerator = Field::Select(lanes.equal,
                            Field::Widen(Field::Carry(Field::Twice(squared) + squared)), numerator);
}

// The results that are not what the formula gave.
template <typename Field>
[[gnu::noinline]] void MendSum(const AffineLanes<Field>& a, const AffineLanes<Field>& b,
                               AffineLanes<Field>& sum) {
  const SpecialLanes lanes = ClassifyPair(a, b);
  const auto choose = [&](const typename Field::Element& first,
                          const typename Field::Element& second, typename Field::Element& out) {
    out = Field::Select(lanes.opposite, Field::Zero(), out);
    out = Field::Select(lanes.second_infinite, first, out);
    out = Field::Select(lanes.first_infinite, second, out);
  };
  choose(a.x, b.x, sum.x);
  choose(a.y, b.y, sum.y);
}

// points[i] = points[2i] + points[2i + 1] for i below `pairs`, which is not 0.
template <typename Field>
void HalvePoints(AffineLanes<Field>* points, size_t pairs, PairScratch<Field>* scratch) {
  using Chain = typename Field::Chain;
  using Sum = typename Field::Sum;
  // Two chains of products, of the even and the odd pairs: each product waits for the one before
  // it in its chain, and two chains fill the multipliers.
  Chain chain[2] = {Field::ChainOne(), Field::ChainOne()};
  for (size_t i = pairs; i-- > 0;) {
    const AffineLanes<Field>& a = points[2 * i];
    const AffineLanes<Field>& b = points[2 * i + 1];
    PairScratch<Field>& pair = scratch[i];
    Sum denominator = Field::Carry(b.x - a.x);
    pair.special = static_cast<LaneMask>(Field::MayBeZero(denominator) | Field::MayBeInfinity(a.y) |
                                         Field::MayBeInfinity(b.y));
    if (pair.special != 0) [[unlikely]]
      MendDenominator(a, b, denominator);
    pair.norm = Field::NormOf(denominator);
    pair.prefix = chain[i & 1];
    chain[i & 1] = Field::ToChain(chain[i & 1] * pair.norm);
  }
  const Chain inverse = Field::InvertChain(Field::ToChain(chain[0] * chain[1]));
  Chain running[2] = {Field::ToChain(inverse * chain[1]), Field::ToChain(inverse * chain[0])};
  // Ascending, so that points[i] is free when it is written.
  for (size_t i = 0; i < pairs; ++i) {
    const AffineLanes<Field>& a = points[2 * i];
    const AffineLanes<Field>& b = points[2 * i + 1];
    const PairScratch<Field>& pair = scratch[i];
    const auto inverted_norm = running[i & 1] * pair.prefix;
    running[i & 1] = Field::ToChain(running[i & 1] * pair.norm);
    Sum denominator = Field::Carry(b.x - a.x);
    Sum numerator = Field::Carry(b.y - a.y);
    if (pair.special != 0) [[unlikely]] {
      MendDenominator(a, b, denominator);
      MendNumerator(a, b, numerator);
    }
    const auto slope = Field::Quotient(numerator, denominator, inverted_norm);
    AffineLanes<Field> sum;
    sum.x = Field::Reduce(Field::Square(slope) - a.x - b.x);
    sum.y = Field::Reduce(slope * Field::Carry(a.x - sum.x) - a.y);
    if (pair.special != 0) [[unlikely]]
      MendSum(a, b, sum);
    points[i] = sum;
  }
}

// The sum of all points that `load` gives, in every lane of `out`. `load(points, capacity)` writes
// at most `capacity` vectors of points (missing lanes as infinity) and returns how many; 0 at the
// end.
template <typename Field, size_t kGroup, typename Load>
void SumPoints(Load&& load, SumWorkspace<Field, kGroup>& workspace, AffineLanes<Field>& out) {
  AffineLanes<Field>* points = workspace.points;
  size_t live = 0;
  while (true) {
    const size_t loaded = load(points + live, 2 * kGroup - live);
    live += loaded;
    if (live <= 1 && loaded == 0) break;
    const size_t pairs = live / 2;
    if (pairs == 0) continue;
    HalvePoints<Field>(points, pairs, workspace.scratch);
    if (live % 2 == 1) points[pairs] = points[live - 1];
    live = (live + 1) / 2;
  }
  if (live == 0) {
    out = {Field::Zero(), Field::Zero()};
    return;
  }
  for (size_t by = Field::kLanes / 2; by > 0; by /= 2) {
    points[1] = {Field::RotateLanes(points[0].x, by), Field::RotateLanes(points[0].y, by)};
    HalvePoints<Field>(points, 1, workspace.scratch);
  }
  out = points[0];
}

}  // namespace groat::bls

#endif  // GROAT_BLS_BULK_BATCH_AFFINE_H_
