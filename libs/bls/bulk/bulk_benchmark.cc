// One thread. The argument is the number of points; times are for all of them, items/s per point.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "base/check.h"
#include "bls/bulk/bulk_decode.h"
#include "bls/bulk/packed_keys.h"
#include "bls/bulk/signature_shares.h"
#include "bls/bulk/testing/points.h"
#include "bls/curve/g2.h"

namespace groat::bls {
namespace {

using testing::Multiples;

constexpr size_t kBatch = 65536;

Engine EngineOf(const benchmark::State& state) { return static_cast<Engine>(state.range(0)); }

bool Skip(benchmark::State& state) {
  if (EngineOf(state) == Engine::kScalar || CpuHasIfma()) return false;
  state.SkipWithError("the processor has no AVX-512 IFMA");
  return true;
}

const std::vector<G1Affine>& Keys() {
  static const auto& keys = *new std::vector<G1Affine>(Multiples<G1Curve>(kBatch));
  return keys;
}

PackedKeys Directory(Engine engine, size_t copies) {
  PackedKeys out(engine);
  for (size_t copy = 0; copy < copies; ++copy) {
    for (const G1Affine& key : Keys()) GROAT_CHECK_OK(out.Append(key));
  }
  return out;
}

// Every selected key is added.
void SumKeys(benchmark::State& state) {
  if (Skip(state)) return;
  const PackedKeys keys = Directory(EngineOf(state), 1);
  std::vector<uint32_t> indexes(static_cast<size_t>(state.range(1)));
  std::iota(indexes.begin(), indexes.end(), 0);
  Workspace workspace;
  for (auto _ : state) benchmark::DoNotOptimize(keys.Sum(indexes, workspace));
  state.SetItemsProcessed(state.iterations() * state.range(1));
}
BENCHMARK(SumKeys)->ArgsProduct({{0, 1}, {100, 1000, kBatch}})->ArgNames({"ifma", "keys"});

// 65,536 keys anywhere in a directory of 1,048,576, ascending; the bitmap is read as well.
void SumScatteredKeys(benchmark::State& state) {
  if (Skip(state)) return;
  const PackedKeys keys = Directory(EngineOf(state), 16);
  Bytes bitmap(keys.size() / 8);
  std::mt19937_64 random(1);
  for (size_t count = 0; count < kBatch;) {
    const size_t i = random() % keys.size();
    const auto bit = static_cast<uint8_t>(0x80u >> (i % 8));
    if ((bitmap[i / 8] & bit) == 0) ++count;
    bitmap[i / 8] |= bit;
  }
  Workspace workspace;
  for (auto _ : state) benchmark::DoNotOptimize(keys.SumSelected(bitmap, workspace));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBatch));
}
BENCHMARK(SumScatteredKeys)->Arg(0)->Arg(1)->ArgName("ifma");

// All but every hundredth of a batch: those left out are taken off the chunks' sums.
void SumMostKeys(benchmark::State& state) {
  if (Skip(state)) return;
  const PackedKeys keys = Directory(EngineOf(state), 1);
  Bytes bitmap(kBatch / 8, 0xff);
  for (size_t i = 0; i < kBatch; i += 100) bitmap[i / 8] ^= static_cast<uint8_t>(0x80u >> (i % 8));
  Workspace workspace;
  for (auto _ : state) benchmark::DoNotOptimize(keys.SumSelected(bitmap, workspace));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBatch));
}
BENCHMARK(SumMostKeys)->Arg(0)->Arg(1)->ArgName("ifma");

void SumSignatures(benchmark::State& state) {
  if (Skip(state)) return;
  const auto count = static_cast<size_t>(state.range(1));
  Bytes shares;
  for (const G2Affine& point : Multiples<G2Curve>(count)) {
    const auto bytes = EncodeUncompressed(point);
    shares.insert(shares.end(), bytes.begin(), bytes.end());
  }
  Workspace workspace;
  for (auto _ : state) {
    benchmark::DoNotOptimize(SumSignatureShares(shares, workspace, EngineOf(state)));
  }
  state.SetItemsProcessed(state.iterations() * state.range(1));
}
BENCHMARK(SumSignatures)->ArgsProduct({{0, 1}, {100, 1000, kBatch}})->ArgNames({"ifma", "shares"});

template <typename Curve>
Bytes Compressed(size_t count) {
  Bytes out;
  for (const auto& point : Multiples<Curve>(count)) {
    const auto bytes = EncodeCompressed(point);
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  return out;
}

void DecodeKeys(benchmark::State& state) {
  if (Skip(state)) return;
  const Bytes encodings = Compressed<G1Curve>(256);
  for (auto _ : state) benchmark::DoNotOptimize(DecodeManyG1(encodings, EngineOf(state)));
  state.SetItemsProcessed(state.iterations() * 256);
}
BENCHMARK(DecodeKeys)->Arg(0)->Arg(1)->ArgName("ifma");

void DecodeSignatures(benchmark::State& state) {
  if (Skip(state)) return;
  const Bytes encodings = Compressed<G2Curve>(256);
  for (auto _ : state) benchmark::DoNotOptimize(DecodeManyG2(encodings, EngineOf(state)));
  state.SetItemsProcessed(state.iterations() * 256);
}
BENCHMARK(DecodeSignatures)->Arg(0)->Arg(1)->ArgName("ifma");

}  // namespace
}  // namespace groat::bls
