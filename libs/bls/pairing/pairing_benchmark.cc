#include <benchmark/benchmark.h>

#include <vector>

#include "bls/pairing/pairing.h"

namespace groat::bls {
namespace {

std::vector<PairingInput> Pairs(int64_t count) {
  std::vector<PairingInput> pairs;
  G1 p = G1::Generator();
  G2 q = G2::Generator();
  for (int64_t i = 0; i < count; ++i) {
    pairs.push_back({p.ToAffine(), q.ToAffine()});
    p = p.Double();
    q = q.Double();
  }
  return pairs;
}

void BM_MillerLoop(benchmark::State& state) {
  const std::vector<PairingInput> pairs = Pairs(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(MillerLoop(pairs));
}
BENCHMARK(BM_MillerLoop)->Arg(1)->Arg(2)->Arg(3)->Arg(16)->Unit(benchmark::kMicrosecond);

void BM_FinalExponentiation(benchmark::State& state) {
  const Fp12 f = MillerLoop(Pairs(1));
  for (auto _ : state) benchmark::DoNotOptimize(FinalExponentiation(f));
}
BENCHMARK(BM_FinalExponentiation)->Unit(benchmark::kMicrosecond);

void BM_Fp12Multiply(benchmark::State& state) {
  Fp12 f = MillerLoop(Pairs(1));
  const Fp12 g = f;
  for (auto _ : state) benchmark::DoNotOptimize(f = f * g);
}
BENCHMARK(BM_Fp12Multiply);

void BM_FpMultiply(benchmark::State& state) {
  Fp f = G1Affine::Generator().x;
  const Fp g = f;
  for (auto _ : state) benchmark::DoNotOptimize(f = f * g);
}
BENCHMARK(BM_FpMultiply);
void BM_Fp2Multiply(benchmark::State& state) {
  Fp2 f = G2Affine::Generator().x;
  const Fp2 g = f;
  for (auto _ : state) benchmark::DoNotOptimize(f = f * g);
}
BENCHMARK(BM_Fp2Multiply);
void BM_Fp2Square(benchmark::State& state) {
  Fp2 f = G2Affine::Generator().x;
  for (auto _ : state) benchmark::DoNotOptimize(f = f.Square());
}
BENCHMARK(BM_Fp2Square);
void BM_CyclotomicSquare(benchmark::State& state) {
  Fp12 f = MillerLoop(Pairs(1));
  for (auto _ : state) benchmark::DoNotOptimize(f = f.CyclotomicSquare());
}
BENCHMARK(BM_CyclotomicSquare);
void BM_Fp12Square(benchmark::State& state) {
  Fp12 f = MillerLoop(Pairs(1));
  for (auto _ : state) benchmark::DoNotOptimize(f = f.Square());
}
BENCHMARK(BM_Fp12Square);
void BM_MultiplyBy014(benchmark::State& state) {
  Fp12 f = MillerLoop(Pairs(1));
  const Fp2 a = f.c0.c0, b = f.c0.c1, c = f.c1.c0;
  for (auto _ : state) benchmark::DoNotOptimize(f = f.MultiplyBy014(a, b, c));
}
BENCHMARK(BM_MultiplyBy014);

}  // namespace
}  // namespace groat::bls
