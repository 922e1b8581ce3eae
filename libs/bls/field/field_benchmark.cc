// Field operations, each in a chain where one result is the next operand (so latency, not
// throughput). The argument is the CpuLevel: 0 portable, 1 mulx.
#include <benchmark/benchmark.h>

#include "bls/field/fp12.h"
#include "bls/field/fr.h"

namespace groat::bls {
namespace {

constexpr Fp kA = Fp::FromHex("123456789abcdef0fedcba9876543210123456789abcdef0fedcba9876543210");
constexpr Fp kB = Fp::FromHex("deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef01");
constexpr Fp2 kC = {kA, kB};

Fp12 Twelfth() {
  const Fp6 a = {kC, kC.Square(), kC.Double()};
  return {a, a.Square()};
}

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
  BENCHMARK(name)->DenseRange(0, 1)

GROAT_CHAIN(FpAdd, kA, x + kB);
GROAT_CHAIN(FpMultiply, kA, x* kB);
GROAT_CHAIN(FpSquare, kA, x.Square());
GROAT_CHAIN(FpInverse, kA, x.Inverse());
GROAT_CHAIN(FpInverseVariableTime, kA, x.InverseVariableTime());
GROAT_CHAIN(FpSqrtCandidate, kA, SqrtCandidate(x));
GROAT_CHAIN(FpIsSquareVariableTime, kA, x + Fp::FromUint64(IsSquareVariableTime(x) ? 1 : 3));
GROAT_CHAIN(FpToBytes, kA, x + Fp::FromUint64(x.ToBytes()[0]));
GROAT_CHAIN(Fp2Add, kC, x + kC);
GROAT_CHAIN(Fp2Multiply, kC, x* kC);
GROAT_CHAIN(Fp2Square, kC, x.Square());
GROAT_CHAIN(Fp2SqrtOfSquare, kC, *Sqrt(x.Square()));
GROAT_CHAIN(Fp6Multiply, Twelfth().c0, x* x);
GROAT_CHAIN(Fp12Multiply, Twelfth(), x* x);
GROAT_CHAIN(Fp12Square, Twelfth(), x.Square());
GROAT_CHAIN(Fp12MultiplyBy014, Twelfth(), x.MultiplyBy014(kC, kC, kC));
GROAT_CHAIN(Fp12CyclotomicSquare, Twelfth(), x.CyclotomicSquare());
GROAT_CHAIN(Fp12Inverse, Twelfth(), x.Inverse());
GROAT_CHAIN(FrMultiply, Fr::FromUint64(77), x* Fr::FromUint64(99).Square());
GROAT_CHAIN(FrInverse, Fr::FromUint64(77), x.Inverse());

}  // namespace
}  // namespace groat::bls
