// Operations on points; the argument is the CpuLevel: 0 portable, 1 mulx, 2 IFMA.
#include <benchmark/benchmark.h>

#include "bls/curve/complete.h"
#include "bls/curve/encoding.h"
#include "bls/curve/g1.h"
#include "bls/curve/g2.h"

namespace groat::bls {
namespace {

constexpr Fr kScalar =
    Fr::FromHex("53eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00001234");

template <typename T, typename Step>
void Chain(benchmark::State& state, T value, const Step& step) {
  LimitCpuForTest(static_cast<CpuLevel>(state.range(0)));
  for (auto _ : state) {
    value = step(value);
    benchmark::DoNotOptimize(value);
  }
  constexpr const char* kLevels[] = {"portable", "mulx", "ifma"};
  state.SetLabel(kLevels[static_cast<size_t>(UsedCpuLevel())]);
  LimitCpuForTest(CpuLevel::kIfma);
}

#define GROAT_CHAIN(name, start, expression)                                        \
  void name(benchmark::State& state) {                                              \
    Chain(state, start, []([[maybe_unused]] const auto& x) { return expression; }); \
  }                                                                                 \
  BENCHMARK(name)->DenseRange(0, 2)

const G1 kG1 = MultiplyGeneratorSecret(kScalar);
const G2 kG2 = MultiplySecret(G2::Generator(), kScalar);
const G1Affine kG1Affine = kG1.ToAffine();
const G2Affine kG2Affine = kG2.ToAffine();

GROAT_CHAIN(G1Double, kG1, x.Double());
GROAT_CHAIN(G1Add, kG1.Double(), x + kG1);
GROAT_CHAIN(G1AddMixed, kG1.Double(), x + kG1Affine);
GROAT_CHAIN(G1MultiplyGeneratorSecret, kG1, MultiplyGeneratorSecret(kScalar));
GROAT_CHAIN(G1MultiplySecret, kG1, MultiplySecret(kG1Affine, kScalar));
GROAT_CHAIN(G1MultiplyVariableTime, kG1, MultiplyVariableTime(kG1Affine, kScalar));
GROAT_CHAIN(G1IsInSubgroup, true, IsInSubgroup(kG1Affine) && x);
GROAT_CHAIN(G1Compress, kG1Affine, (benchmark::DoNotOptimize(EncodeCompressed(kG1.ToAffine())), x));
GROAT_CHAIN(G1Decompress, kG1Affine, *DecodeG1Compressed(EncodeCompressed(x)));

GROAT_CHAIN(G2Double, kG2, x.Double());
GROAT_CHAIN(G2Add, kG2.Double(), x + kG2);
GROAT_CHAIN(G2AddMixed, kG2.Double(), x + kG2Affine);
GROAT_CHAIN(G2DoubleComplete, CompletePoint<G2Curve>::FromAffine(kG2Affine), x.Double());
GROAT_CHAIN(G2AddComplete, CompletePoint<G2Curve>::FromAffine(kG2Affine), x + x);
GROAT_CHAIN(G2MultiplySecret, kG2, MultiplySecret(kG2, kScalar));
GROAT_CHAIN(G2MultiplyVariableTime, kG2, MultiplyVariableTime(kG2Affine, kScalar));
GROAT_CHAIN(G2ClearCofactor, kG2, ClearCofactor(x));
GROAT_CHAIN(G2IsInSubgroup, true, IsInSubgroup(kG2Affine) && x);
GROAT_CHAIN(G2Compress, kG2Affine, (benchmark::DoNotOptimize(EncodeCompressed(kG2.ToAffine())), x));
GROAT_CHAIN(G2Decompress, kG2Affine, *DecodeG2Compressed(EncodeCompressed(x)));

// The time of the whole sum; the argument is the number of points.
template <typename Affine>
void BucketSum(benchmark::State& state, const Affine& p) {
  const std::vector<Affine> points(static_cast<size_t>(state.range(0)), p);
  std::vector<Limbs<2>> factors;
  Fr k = kScalar;
  while (factors.size() < points.size()) {
    k = k.Square();
    factors.push_back({k.ToLimbs()[0], k.ToLimbs()[1]});
  }
  for (auto _ : state) benchmark::DoNotOptimize(MultiScalarMultiply(points, factors));
}
void G1MultiScalarMultiply(benchmark::State& state) { BucketSum(state, kG1Affine); }
void G2MultiScalarMultiply(benchmark::State& state) { BucketSum(state, kG2Affine); }
BENCHMARK(G1MultiScalarMultiply)->Arg(16)->Arg(256)->Arg(4096)->Unit(benchmark::kMicrosecond);
BENCHMARK(G2MultiScalarMultiply)->Arg(16)->Arg(256)->Arg(4096)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace groat::bls
