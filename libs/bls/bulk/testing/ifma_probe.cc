#include "bls/bulk/testing/ifma_probe.h"

#include "bls/bulk/ifma/decode.h"
#include "bls/bulk/ifma/fp12.h"
#include "bls/bulk/ifma/lane_fields.h"
#include "bls/bulk/ifma/power.h"

namespace groat::bls::probe {
namespace {

using namespace ifma;  // NOLINT: this file is a window into it.

template <unsigned B>
Fe<B> Load(const Lanes& lanes) {
  Vec row[8];
  for (size_t i = 0; i < 8; ++i) row[i] = _mm512_loadu_si512(lanes[i]);
  Fe<B> out;
  Transpose(row, out.limb);
  return out;
}
template <unsigned B>
void Store(const Fe<B>& a, Lanes& lanes) {
  Vec row[8];
  Transpose(a.limb, row);
  for (size_t i = 0; i < 8; ++i) _mm512_storeu_si512(lanes[i], row[i]);
}
template <unsigned B>
Fe2<B> Load2(const Lanes2& lanes) {
  return {Load<B>(lanes[0]), Load<B>(lanes[1])};
}
template <unsigned B>
void Store2(const Fe2<B>& a, Lanes2& lanes) {
  Store(a.c0, lanes[0]);
  Store(a.c1, lanes[1]);
}

}  // namespace

void Mul(const Lanes& a, const Lanes& b, Lanes& out) {
  Store(Load<kMulBound>(a) * Load<kMulBound>(b), out);
}
void Sqr(const Lanes& a, Lanes& out) { Store(ifma::Sqr(Load<kMulBound>(a)), out); }
void Mul2(const Lanes2& a, const Lanes2& b, Lanes2& out) {
  Store2(Load2<kMul2Bound>(a) * Load2<kMul2Bound>(b), out);
}
void Sqr2(const Lanes2& a, Lanes2& out) { Store2(ifma::Sqr(Load2<kMul2Bound>(a)), out); }

void ReduceDifference(const Lanes& a, const Lanes& b, const Lanes& c, Lanes& out) {
  Store(Reduce(Load<3>(a) - Load<3>(b) - Load<3>(c)), out);
}
void CarryDifference(const Lanes& a, const Lanes& b, Lanes& out) {
  const auto times300 =
      Shift<8>(Load<1>(b)) + Shift<5>(Load<1>(b)) + Shift<3>(Load<1>(b)) + Shift<2>(Load<1>(b));
  Store(Carry(Shift<3>(Load<2>(a)) - times300 - Load<1>(b)), out);
}

void ShrinkDifference(const Lanes& a, const Lanes& b, Lanes& out) {
  Store(Shrink(Shift<5>(Load<3>(a)) - Shift<5>(Load<3>(b))), out);
}

uint8_t IsZero(const Lanes& a) { return ifma::IsZero(Load<6>(a)); }
uint8_t MayBeZero(const Lanes& a) { return ifma::MayBeZero(Load<6>(a)); }
void Invert(const Lanes& a, Lanes& out) { Store(LanesFp::InvertChain(Load<3>(a)), out); }
void Invert2(const Lanes2& a, Lanes2& out) {
  const auto denominator = LanesFp2::Widen(Load2<3>(a));
  const auto norm = LanesFp2::ToChain(LanesFp2::NormOf(denominator));
  const Fe<2> inverted = InvertLanes(norm);
  Store2(LanesFp2::Quotient(LanesFp2::Widen(LanesFp2::One()), denominator, inverted), out);
}
void ToNumber(const Lanes& a, Lanes& out) { Store(ifma::ToNumber(Load<6>(a)), out); }
void InverseSquareRootPowers(Lanes (&values)[3]) {
  Fe<2> vectors[3];
  for (size_t i = 0; i < 3; ++i) vectors[i] = Load<2>(values[i]);
  ifma::InverseSquareRootPowers(vectors, 3);
  for (size_t i = 0; i < 3; ++i) Store(vectors[i], values[i]);
}

void Fp12Multiply(const Lanes2& a, const Lanes2& b, Lanes2& out) {
  Store2(Multiply({Load2<3>(a)}, {Load2<3>(b)}).c, out);
}
void Fp12Square(const Lanes2& a, Lanes2& out) { Store2(Square({Load2<3>(a)}).c, out); }
void Fp12CyclotomicSquare(const Lanes2& a, Lanes2& out) {
  Store2(CyclotomicSquare({Load2<3>(a)}).c, out);
}
void Fp12Conjugate(const Lanes2& a, Lanes2& out) { Store2(Conjugate({Load2<3>(a)}).c, out); }
void Fp12Frobenius(const Lanes2& a, Lanes2& out) { Store2(Frobenius({Load2<3>(a)}).c, out); }
void Fp12Inverse(const Lanes2& a, Lanes2& out) { Store2(Inverse({Load2<3>(a)}).c, out); }
void Fp12MultiplyByLines(const Lanes2& a, const Lanes2& lines, Lanes2& out) {
  Store2(MultiplyByLines({Load2<3>(a)}, {Load2<120>(lines)}).c, out);
}
bool Fp12IsOne(const Lanes2& a) { return IsOne({Load2<3>(a)}); }

}  // namespace groat::bls::probe
